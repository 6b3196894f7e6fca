"""Entity definitions: what records look like, and which of their fields are dates.

Another schema checks what is written from then on; stored records stay as they are. Other date
fields hold for the stored records too: their dates are read again, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from treadle.core.errors import Conflict, Faulty, FieldFault, Unprocessable
from treadle.core.pages import Slice, Window
from treadle.db.transaction import Transaction
from treadle.entities import date_store, record_store
from treadle.entities import definition_store as store
from treadle.entities.dates import changes, dates_of
from treadle.entities.fields import FIELD_RULE, is_field
from treadle.entities.model import DateChange, Definition
from treadle.entities.schemas import compile_schema
from treadle.identity import projects
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

MOST_NAME: Final = 100
MOST_DESCRIPTION: Final = 2_000
MOST_DATE_FIELDS: Final = 10
MOST_READ_AGAIN: Final = 100_000
"""Stored records whose dates are read again for a new date field: a few seconds."""

_BATCH: Final = 1_000
_TAKEN: Final = "There is an entity definition of this name in the project."


@dataclass(frozen=True, slots=True)
class DefinitionDraft:
    """What a caller says of a definition. Without a project it is the caller's default one, or
    stays where it is.
    """

    name: str
    data_schema: dict[str, Any]
    description: str = ""
    date_fields: tuple[str, ...] = ()
    project_id: str | None = None


async def create_definition(
    tx: Transaction, caller: Principal, draft: DefinitionDraft, *, now: datetime
) -> Definition:
    """The new definition. Raises Forbidden, BadInput, Faulty, and Conflict for a name that its
    project has already.
    """
    project_id = await _project(tx, caller, draft.project_id)
    row = _row(draft, project_id)
    definition_id = await store.insert_definition(tx, row, by=caller.ref, now=now)
    if definition_id is None:
        raise Conflict(_TAKEN, field="name")
    await store.put_date_fields(tx, definition_id, draft.date_fields)
    return await store.get_definition(tx, definition_id)


async def get_definition(tx: Transaction, caller: Principal, definition_id: UUID) -> Definition:
    """The definition, if the caller may see it. Raises NotFound, Forbidden."""
    return await get_definition_for(tx, caller, definition_id, Right.ENTITIES_READ)


async def get_definition_for(
    tx: Transaction, caller: Principal, definition_id: UUID, right: Right
) -> Definition:
    """The definition, if the caller has this right on it. Raises NotFound, Forbidden."""
    return require_found(caller, right, await store.find_definition(tx, definition_id))


async def lock_definition_for(
    tx: Transaction, caller: Principal, definition_id: UUID, right: Right
) -> Definition:
    """As `get_definition_for`; until the transaction ends nobody else changes the definition, its
    schema, or writes its records.
    """
    require_found(caller, right, await store.find_definition(tx, definition_id))
    return require_found(caller, right, await store.lock_definition(tx, definition_id))


async def list_definitions(
    tx: Transaction,
    caller: Principal,
    window: Window,
    *,
    project_id: UUID | None = None,
    name: str | None = None,
) -> Slice[Definition]:
    """The definitions that the caller may see; only those of a project or a name, if given."""
    reach = require_somewhere(caller, Right.ENTITIES_READ)
    return await store.list_definitions(
        tx, window, project_ids=projects_among(reach, project_id), name=name
    )


async def replace_definition(
    tx: Transaction,
    caller: Principal,
    definition_id: UUID,
    draft: DefinitionDraft,
    *,
    now: datetime,
) -> Definition:
    """The definition with everything as the draft says. Raises NotFound, Forbidden, BadInput,
    Faulty, and Conflict: for a name that is taken, for a date field that is not to be one any more
    but that something counts on, for a new date field over more than MOST_READ_AGAIN records.
    """
    before = await lock_definition_for(tx, caller, definition_id, Right.ENTITIES_WRITE)
    project_id = before.project_id
    if draft.project_id is not None:
        project_id = await _project(tx, caller, draft.project_id)
    row = _row(draft, project_id)
    if not await store.update_definition(tx, before.id, row, by=caller.ref, now=now):
        raise Conflict(_TAKEN, field="name")
    gone = [field for field in before.date_fields if field not in draft.date_fields]
    if gone and not await store.delete_date_fields(tx, before.id, gone):
        raise Conflict("A schedule counts on a date field that is left out.", field="date_fields")
    await store.put_date_fields(tx, before.id, draft.date_fields)
    new = [field for field in draft.date_fields if field not in before.date_fields]
    if new:
        await _read_dates_again(tx, before.id, new)
    return await store.get_definition(tx, before.id)


async def delete_definition(tx: Transaction, caller: Principal, definition_id: UUID) -> None:
    """The definition is gone with its records. Raises NotFound, Forbidden, and Conflict while
    something counts on it.
    """
    definition = await lock_definition_for(tx, caller, definition_id, Right.ENTITIES_WRITE)
    if not await store.delete_definition(tx, definition.id):
        raise Conflict("A schedule counts on this entity definition.")


async def count_on_field(
    tx: Transaction, *, used_by: UUID, definition_id: UUID, field: str
) -> None:
    """From now on `used_by` (a schedule) counts on this date field and on no other: neither the
    field nor its definition goes away meanwhile. Raises Unprocessable for what is no date field.

    Nobody is asked for a right: see `get_definition_for`.
    """
    held = await store.put_field_use(tx, used_by=used_by, definition_id=definition_id, field=field)
    if not held:
        raise Unprocessable("is not a date field of the entity definition")


async def stop_counting(tx: Transaction, *, used_by: UUID) -> None:
    """`used_by` counts on no date field any more."""
    await store.delete_field_use(tx, used_by=used_by)


async def _read_dates_again(tx: Transaction, definition_id: UUID, fields: Sequence[str]) -> None:
    """Writes down what stored records say in fields that are dates now."""
    most = MOST_READ_AGAIN + 1
    if await record_store.count_records(tx, definition_id, most=most) == most:
        raise Conflict(
            f"There are more than {MOST_READ_AGAIN} records already; make a new definition to have "
            "other date fields.",
            field="date_fields",
        )
    after: UUID | None = None
    while True:
        found = await record_store.list_records_after(
            tx, definition_id=definition_id, after=after, limit=_BATCH
        )
        written: list[DateChange] = []
        for record in found:
            dates, faults = dates_of(record.data, fields)
            if faults:
                place = ".".join(map(str, faults[0].place))
                raise Conflict(
                    f"{place} of the record {record.external_id!r} {faults[0].message}.",
                    field="date_fields",
                )
            written.extend(changes(record.id, {}, dates))
        if written:
            await date_store.write_changes(tx, definition_id, written)
        if len(found) < _BATCH:
            return
        after = found[-1].id


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
    require(caller, Right.ENTITIES_WRITE, project.id)
    return project.id


def _row(draft: DefinitionDraft, project_id: UUID) -> store.DefinitionRow:
    """The draft's columns, once all that it says is known to be good."""
    name = check_text(draft.name, field="name", least=1, most=MOST_NAME)
    description = check_text(draft.description, field="description", most=MOST_DESCRIPTION)
    faults = _date_field_faults(draft.date_fields)
    try:
        compile_schema(draft.data_schema)
    except Faulty as error:
        faults.extend(fault.below("schema") for fault in error.faults)
    if faults:
        raise Faulty(faults)
    return store.DefinitionRow(project_id, name, description, draft.data_schema)


def _date_field_faults(fields: Sequence[str]) -> list[FieldFault]:
    if len(fields) > MOST_DATE_FIELDS:
        return [FieldFault(("date_fields",), f"must have at most {MOST_DATE_FIELDS} fields")]
    faults: list[FieldFault] = []
    for number, field in enumerate(fields):
        if not is_field(field):
            faults.append(FieldFault(("date_fields", number), FIELD_RULE))
        elif field in fields[:number]:
            faults.append(FieldFault(("date_fields", number), "is there twice"))
    return faults
