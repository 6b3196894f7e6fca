"""Integrations: made, read, changed, deleted, and opened for a call.

Secrets are sealed where they stand (tenant and id are part of the seal), go in and never come out:
what is answered are their names. Who may change an integration but cannot read its secrets must not
get them sent to himself either: secrets that are kept stay with their host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError

from treadle.core.errors import Conflict, Faulty, FieldFault, NotFound
from treadle.core.ids import new_id, parse_id
from treadle.core.json import canonical, dump
from treadle.core.pages import Slice, Window
from treadle.core.sealing import Sealer
from treadle.db.transaction import Transaction
from treadle.identity import audit, projects
from treadle.identity.model import Principal
from treadle.identity.rights import (
    EVERYTHING,
    Right,
    projects_among,
    require,
    require_found,
    require_somewhere,
    visible_projects,
)
from treadle.identity.texts import check_text
from treadle.integrations import integration_store as store
from treadle.integrations.integration_store import IntegrationRow
from treadle.integrations.kinds import KINDS, Kind
from treadle.integrations.model import Config, Integration, IntegrationType, OpenIntegration

MAX_NAME: Final = 100
MAX_CONFIG_BYTES: Final = 65_536
MAX_IN_PROJECT: Final = 1_000

ModelT = TypeVar("ModelT", bound=BaseModel)

_TAKEN: Final = "There is an integration of this name in the project."


@dataclass(frozen=True, slots=True)
class IntegrationDraft:
    """What a caller says of an integration. Secrets that it does not name keep their value."""

    name: str
    type: IntegrationType
    config: dict[str, Any]
    secrets: Mapping[str, str | None] = field(repr=False)
    project_id: str | None = None


async def create_integration(
    tx: Transaction, sealer: Sealer, caller: Principal, draft: IntegrationDraft, *, now: datetime
) -> Integration:
    """The new integration. Raises Forbidden, BadInput, Faulty, and Conflict for a name that its
    project has already.
    """
    project_id = await _project(tx, caller, draft.project_id)
    if await store.count_integrations(tx, project_id) >= MAX_IN_PROJECT:
        raise Conflict(f"A project has at most {MAX_IN_PROJECT} integrations; delete one first.")
    columns = _columns(tx, sealer, draft, id=new_id(), project_id=project_id, kept=None)
    made = await store.insert_integration(tx, columns, by=caller.ref, now=now)
    if made is None:
        raise Conflict(_TAKEN, field="name")
    await _note(tx, caller, "create", made.id, after=_shown(made), now=now)
    return made


async def get_integration(tx: Transaction, caller: Principal, integration_id: UUID) -> Integration:
    """The integration, if the caller may see it. Raises NotFound, Forbidden."""
    found = await store.find_integration(tx, integration_id)
    return require_found(caller, Right.INTEGRATIONS_READ, found)


async def list_integrations(
    tx: Transaction,
    caller: Principal,
    window: Window,
    *,
    project_id: UUID | None = None,
    kind: IntegrationType | None = None,
    name: str | None = None,
) -> Slice[Integration]:
    """The integrations that the caller may see; only those of a project, type or name, if given."""
    reach = require_somewhere(caller, Right.INTEGRATIONS_READ)
    return await store.list_integrations(
        tx, window, project_ids=projects_among(reach, project_id), kind=kind, name=name
    )


async def replace_integration(
    tx: Transaction,
    sealer: Sealer,
    caller: Principal,
    integration_id: UUID,
    draft: IntegrationDraft,
    *,
    now: datetime,
) -> Integration:
    """The integration with name and configuration as the draft says. Raises NotFound, Forbidden,
    BadInput, Conflict for a name that is taken, and Faulty: for what is wrong, for another type or
    project, and for a secret that is not given while its host changes.
    """
    require_found(
        caller, Right.INTEGRATIONS_WRITE, await store.find_integration(tx, integration_id)
    )
    before = await store.find_integration(tx, integration_id, for_update=True)
    before = require_found(caller, Right.INTEGRATIONS_WRITE, before)
    if draft.type is not before.type:
        raise Faulty([FieldFault(("type",), "cannot be changed")])
    if draft.project_id is not None:
        project = await projects.find_project(tx, draft.project_id)
        if project is None or project.id != before.project_id:
            raise Faulty([FieldFault(("project_id",), "cannot be changed")])
    columns = _columns(tx, sealer, draft, id=before.id, project_id=before.project_id, kept=before)
    after = await store.update_integration(tx, columns, by=caller.ref, now=now)
    if after is None:
        raise Conflict(_TAKEN, field="name")
    await _note(tx, caller, "change", after.id, before=_shown(before), after=_shown(after), now=now)
    return after


async def delete_integration(
    tx: Transaction, caller: Principal, integration_id: UUID, *, now: datetime
) -> None:
    """The integration is gone with its secrets; what uses it fails from now on. Raises NotFound,
    Forbidden.
    """
    found = await store.find_integration(tx, integration_id, for_update=True)
    found = require_found(caller, Right.INTEGRATIONS_WRITE, found)
    await store.delete_integration(tx, found.id)
    await _note(tx, caller, "delete", found.id, before=_shown(found), now=now)


async def open_for(
    tx: Transaction, sealer: Sealer, caller: Principal, integration_id: UUID, right: Right
) -> OpenIntegration[Any, Any]:
    """The integration with its secrets, if the caller has this right on it. Raises NotFound,
    Forbidden.
    """
    found = require_found(caller, right, await store.find_integration(tx, integration_id))
    return _opened(sealer, tx.tenant, found)


async def find_in_project(tx: Transaction, project_id: UUID, name_or_id: str) -> Integration | None:
    """The project's integration with this id or exactly this name; an id goes first. Whoever is
    about to let a schedule or workflow use it asks here whether it is there.
    """
    integration_id = parse_id(name_or_id)
    found = None if integration_id is None else await store.find_integration(tx, integration_id)
    if found is not None and found.project_id == project_id:
        return found
    if "\0" in name_or_id:
        return None
    return await store.find_integration_by_name(tx, project_id, name_or_id)


async def open_integration(
    tx: Transaction, sealer: Sealer, project_id: UUID, name_or_id: str
) -> OpenIntegration[Any, Any]:
    """What a job, schedule or workflow of the project calls through. Only its own project's: one of
    another project is as good as missing. Raises NotFound.
    """
    found = await find_in_project(tx, project_id, name_or_id)
    if found is None:
        raise NotFound("The integration is not there any more, or not in this project.")
    return _opened(sealer, tx.tenant, found)


def secrets_context(tenant_id: UUID, integration_id: UUID) -> str:
    """What the seal of an integration's secrets is bound to."""
    return f"integration:{tenant_id}:{integration_id}"


def _opened(sealer: Sealer, tenant_id: UUID, found: Integration) -> OpenIntegration[Any, Any]:
    kind = KINDS[found.type]
    return OpenIntegration(
        id=found.id,
        revision=found.revision,
        project_id=found.project_id,
        name=found.name,
        type=found.type,
        config=kind.config.model_validate(found.config),
        secrets=kind.secrets.model_validate(_unsealed(sealer, tenant_id, found)),
    )


def _unsealed(sealer: Sealer, tenant_id: UUID, found: Integration) -> dict[str, str]:
    if found.secrets is None:
        return {}
    return orjson.loads(sealer.unseal(found.secrets, context=secrets_context(tenant_id, found.id)))


def _columns(
    tx: Transaction,
    sealer: Sealer,
    draft: IntegrationDraft,
    *,
    id: UUID,  # noqa: A002 - it is the column's name
    project_id: UUID,
    kept: Integration | None,
) -> IntegrationRow:
    """The draft's columns, once all that it says is known to be good."""
    name = check_text(draft.name, field="name", least=1, most=MAX_NAME)
    kind = KINDS[draft.type]
    if len(dump(draft.config)) > MAX_CONFIG_BYTES:
        raise Faulty([FieldFault(("config",), f"must have at most {MAX_CONFIG_BYTES} bytes")])
    config = _validated(kind.config, draft.config, "config")
    given = {name: value for name, value in draft.secrets.items() if value is not None}
    _validated(kind.secrets, given, "secrets")
    old = _kept_secrets(tx, sealer, kept, kind, config)
    secrets = _secrets(config, given=given, old=old, is_new=kept is None)
    sealed = None
    if secrets:
        sealed = sealer.seal(canonical(secrets), context=secrets_context(tx.tenant, id))
    return IntegrationRow(
        id=id,
        project_id=project_id,
        name=name,
        type=draft.type,
        config=config.model_dump(mode="json", by_alias=True),
        secrets=sealed,
        secret_names=tuple(sorted(secrets)),
    )


def _kept_secrets(
    tx: Transaction, sealer: Sealer, kept: Integration | None, kind: Kind, config: Config
) -> dict[str, str] | None:
    """The secrets that are stored; None where they must not be kept, because they would go
    somewhere else.
    """
    if kept is None:
        return {}
    if kind.config.model_validate(kept.config).target() != config.target():
        return None
    return _unsealed(sealer, tx.tenant, kept)


def _secrets(
    config: Config, *, given: Mapping[str, str], old: dict[str, str] | None, is_new: bool
) -> dict[str, str]:
    """The secrets that the configuration needs. Raises Faulty."""
    needed = config.needed_secrets()
    faults = [
        FieldFault(("secrets", name), "is not used with this configuration")
        for name in sorted(given.keys() - needed)
    ]
    secrets: dict[str, str] = {}
    for name in sorted(needed):
        value = given.get(name, (old or {}).get(name))
        if value is None:
            moved = old is None and not is_new
            rule = "must be given again: it would go to another host" if moved else "is required"
            faults.append(FieldFault(("secrets", name), rule))
        else:
            secrets[name] = value
    if faults:
        raise Faulty(faults)
    return secrets


def _validated(model: type[ModelT], values: object, part: str) -> ModelT:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # Never with what was sent: it may be a secret, or a secret in the wrong place.
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise Faulty(
            [
                FieldFault((part, *fault["loc"]), fault["msg"].removeprefix("Value error, "))
                for fault in found
            ]
        ) from None


async def _project(tx: Transaction, caller: Principal, project_id: str | None) -> UUID:
    """The project that is meant, in which the caller may write, and which is not deleted while the
    transaction lasts.
    """
    if project_id is None:
        project = await projects.default_project(tx, caller)
    else:
        project = await projects.find_project(tx, project_id)
    visible = visible_projects(caller)
    if (
        project is None
        or (visible is not EVERYTHING and project.id not in visible)
        or not await projects.hold_project(tx, project.id)
    ):
        raise Faulty([FieldFault(("project_id",), "there is no such project")])
    require(caller, Right.INTEGRATIONS_WRITE, project.id)
    return project.id


def _shown(integration: Integration) -> dict[str, Any]:
    """What the audit log says of it: which secrets there are, and nothing of them."""
    return {
        "name": integration.name,
        "type": integration.type,
        "project_id": integration.project_id,
        "config": integration.config,
        "set": list(integration.secret_names),
        "revision": integration.revision,
    }


async def _note(
    tx: Transaction,
    caller: Principal,
    what: str,
    integration_id: UUID,
    *,
    before: object = None,
    after: object = None,
    now: datetime,
) -> None:
    await audit.record(
        tx,
        caller,
        action=f"integration.{what}",
        target=f"integration:{integration_id}",
        before=before,
        after=after,
        now=now,
    )
