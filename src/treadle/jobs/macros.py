"""Macros: variables of the code, which reach it as environment variables.

Later wins: tenant → user → macro sets of the job → job → macro sets of the run → run. A secure
macro is sealed where it stands (its place and name are part of the seal) and opened only to start
an attempt; no answer and no log ever shows it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson

from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.json import canonical
from treadle.core.sealing import Sealer
from treadle.db.transaction import Transaction
from treadle.identity import audit
from treadle.identity.model import Principal
from treadle.identity.rights import MISSING
from treadle.jobs import macro_store as store
from treadle.jobs.model import Macro, MacroSet, Place, Run

MAX_MACROS = 200
"""In one place, or of one run."""
MAX_SETS = 1_000
"""Of a tenant."""
MAX_VALUE_BYTES = 65_536
MAX_PLACE_BYTES = 262_144
"""Names and values of one place together: a run gets those of many places at once."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_RESERVED = re.compile(r"TREADLE_.*|LD_.*|PYTHON.*|GCONV_PATH|PATH|HOME|IFS|ENV|BASH_ENV")


@dataclass(frozen=True, slots=True)
class MacroDraft:
    """What a caller says of a macro. A secure one without a value keeps the value it has."""

    name: str
    value: str | None
    secure: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of an attempt, in the clear; `secrets` are the values that no log may show."""

    values: dict[str, str] = field(repr=False)
    secrets: frozenset[str] = field(repr=False)


def check_macro(draft: MacroDraft, *, field: str) -> None:
    """Raises BadInput for a name that code cannot see, or that steers how code is started."""
    if not _NAME.fullmatch(draft.name):
        raise BadInput(
            f"{field}: a macro's name has letters, digits and underscores, at most 128, and does"
            " not begin with a digit",
            field=field,
        )
    if _RESERVED.fullmatch(draft.name):
        raise BadInput(f"{field}: the name {draft.name} is reserved", field=field)
    if draft.value is not None and len(draft.value.encode()) > MAX_VALUE_BYTES:
        raise BadInput(f"{field}: the value is over {MAX_VALUE_BYTES} bytes", field=field)
    if draft.value is not None and "\0" in draft.value:
        raise BadInput(f"{field}: the value holds a NUL character", field=field)


def check_macros(drafts: Sequence[MacroDraft]) -> None:
    """Raises BadInput for drafts that no place can have together."""
    if len(drafts) > MAX_MACROS:
        raise BadInput(f"macros: at most {MAX_MACROS}", field="macros")
    names = {draft.name for draft in drafts}
    if len(names) != len(drafts):
        raise BadInput("macros: a name stands there twice", field="macros")
    for draft in drafts:
        check_macro(draft, field="macros")
    if sum(len(draft.name) + len((draft.value or "").encode()) for draft in drafts) > (
        MAX_PLACE_BYTES
    ):
        raise _too_much()


async def put_macro(
    tx: Transaction,
    sealer: Sealer,
    caller: Principal,
    place: Place,
    draft: MacroDraft,
    *,
    now: datetime,
) -> Macro:
    """Adds the macro to the place or replaces the one of its name."""
    check_macro(draft, field="macros")
    macro = await _put(tx, sealer, place, draft, now=now)
    await _refuse_too_much(tx, place)
    await audit.record(
        tx,
        caller,
        action="macro.set",
        target=_target(place),
        after={"name": macro.name, "secure": macro.secure},
        now=now,
    )
    return macro


async def _put(
    tx: Transaction, sealer: Sealer, place: Place, draft: MacroDraft, *, now: datetime
) -> Macro:
    value: str | None = draft.value
    secret: bytes | None = None
    if draft.secure:
        secret = await _sealed(tx, sealer, place, draft)
        value = None
    elif value is None:
        raise BadInput(f"macros: {draft.name} needs a value", field="macros")
    await store.put_macro(
        tx, place, draft.name, value=value, secret=secret, description=draft.description, now=now
    )
    return Macro(draft.name, value, secret, draft.description, now)


async def replace_macros(
    tx: Transaction,
    sealer: Sealer,
    caller: Principal,
    place: Place,
    drafts: Sequence[MacroDraft],
    *,
    now: datetime,
) -> None:
    """The place has these macros and no others."""
    check_macros(drafts)
    before = await store.list_macros(tx, place)
    for draft in drafts:
        await _put(tx, sealer, place, draft, now=now)
    await store.delete_macros(tx, place, except_names=[draft.name for draft in drafts])
    await _refuse_too_much(tx, place)
    await _record_all(tx, caller, place, before, now=now)


async def copy_macros(
    tx: Transaction,
    sealer: Sealer,
    caller: Principal,
    source: Place,
    target: Place,
    *,
    now: datetime,
) -> None:
    """The target gets the source's macros; secure ones are sealed for their new place."""
    for macro in await store.list_macros(tx, source):
        plain = _open(sealer, tx.tenant, source, macro)
        draft = MacroDraft(macro.name, plain, macro.secure, macro.description)
        await _put(tx, sealer, target, draft, now=now)
    await _record_all(tx, caller, target, [], now=now)


async def list_macros(tx: Transaction, place: Place) -> list[Macro]:
    """The macros of a place, by name."""
    return await store.list_macros(tx, place)


async def list_of_places(tx: Transaction, places: Sequence[Place]) -> dict[Place, list[Macro]]:
    """The macros of several places at once."""
    return dict(await store.list_in_order(tx, places))


async def delete_macro(
    tx: Transaction, caller: Principal, place: Place, name: str, *, now: datetime
) -> None:
    """The macro is gone. Raises NotFound."""
    if not await store.delete_macro(tx, place, name):
        raise NotFound(MISSING)
    await audit.record(
        tx, caller, action="macro.delete", target=_target(place), before={"name": name}, now=now
    )


async def delete_all(tx: Transaction, caller: Principal, place: Place, *, now: datetime) -> None:
    """The place has no macros any more."""
    before = await store.list_macros(tx, place)
    await store.delete_macros(tx, place)
    await _record_all(tx, caller, place, before, now=now)


async def put_set(
    tx: Transaction, caller: Principal, name: str, *, description: str, now: datetime
) -> MacroSet:
    """The set of this name, made if it is new. Raises Conflict for one too many."""
    found = await store.put_set(tx, name, description=description, now=now)
    if await store.count_sets(tx) > MAX_SETS:
        raise Conflict(f"a tenant has at most {MAX_SETS} macro sets; delete one first")
    await audit.record(
        tx,
        caller,
        action="macro_set.put",
        target=f"macro_set:{name}",
        after={"description": description},
        now=now,
    )
    return found


async def list_sets(tx: Transaction) -> list[MacroSet]:
    """All macro sets of the tenant."""
    return await store.list_sets(tx)


async def get_set(tx: Transaction, name: str) -> MacroSet:
    """The set of this name. Raises NotFound."""
    found = await store.find_set(tx, name)
    if found is None:
        raise NotFound(MISSING)
    return found


async def delete_set(tx: Transaction, caller: Principal, name: str, *, now: datetime) -> None:
    """The set and its macros are gone. Raises NotFound, and Conflict while a job takes it."""
    users = await store.jobs_with_set(tx, name)
    if users:
        raise Conflict(f"job {users[0]} still takes this macro set")
    gone = await store.list_macros(tx, Place("set", name))
    if not await store.delete_set(tx, name):
        raise NotFound(MISSING)
    await audit.record(
        tx,
        caller,
        action="macro_set.delete",
        target=f"macro_set:{name}",
        before={"macros": [macro.name for macro in gone]},
        now=now,
    )


async def require_sets(tx: Transaction, names: Sequence[str]) -> None:
    """Raises BadInput if one of these sets does not exist."""
    missing = await store.missing_sets(tx, names)
    if missing:
        raise BadInput(f"macrosets: there is no macro set {missing[0]!r}", field="macrosets")


def seal_run_macros(
    sealer: Sealer, tenant_id: UUID, run_id: UUID, drafts: Sequence[MacroDraft]
) -> bytes | None:
    """The run's own macros as one sealed value; None if it has none. Raises BadInput."""
    check_macros(drafts)
    values: dict[str, str] = {}
    for draft in drafts:
        if draft.value is None:
            raise BadInput(f"macros: {draft.name} needs a value", field="macros")
        values[draft.name] = draft.value
    if not values:
        return None
    secret_names = sorted({draft.name for draft in drafts if draft.secure})
    plain = canonical({"values": values, "secret_names": secret_names})
    return sealer.seal(plain, context=run_macros_context(tenant_id, run_id))


def reseal_run_macros(sealer: Sealer, run: Run, new_run_id: UUID) -> bytes | None:
    """The own macros of one run, sealed for another."""
    if run.macros is None:
        return None
    plain = sealer.unseal(run.macros, context=run_macros_context(run.tenant_id, run.id))
    return sealer.seal(plain, context=run_macros_context(run.tenant_id, new_run_id))


async def resolve(
    tx: Transaction,
    sealer: Sealer,
    *,
    user_id: str | None,
    job_id: int,
    job_sets: Sequence[str],
    run_sets: Sequence[str],
    run_macros: bytes | None,
    run_id: UUID,
) -> Variables:
    """What the code of this attempt gets as its environment."""
    places = [Place("tenant")]
    if user_id is not None:
        places.append(Place("user", user_id))
    places += [Place("set", name) for name in job_sets]
    places.append(Place("job", str(job_id)))
    places += [Place("set", name) for name in run_sets]
    values: dict[str, str] = {}
    secret_names: set[str] = set()
    for place, found in await store.list_in_order(tx, places):
        for macro in found:
            values[macro.name] = _open(sealer, tx.tenant, place, macro)
            (secret_names.add if macro.secure else secret_names.discard)(macro.name)
    if run_macros is not None:
        own = _open_run_macros(sealer, tx.tenant, run_id, run_macros)
        values |= own.values
        secret_names = (secret_names - own.values.keys()) | own.secret_names
    return Variables(values, frozenset(values[name] for name in secret_names))


async def _refuse_too_much(tx: Transaction, place: Place) -> None:
    content = await store.content_of(tx, place)
    if content.macros > MAX_MACROS:
        raise BadInput(f"macros: at most {MAX_MACROS}", field="macros")
    if content.size > MAX_PLACE_BYTES:
        raise _too_much()


def _too_much() -> BadInput:
    return BadInput(f"macros: over {MAX_PLACE_BYTES} bytes together", field="macros")


async def _record_all(
    tx: Transaction, caller: Principal, place: Place, before: Sequence[Macro], *, now: datetime
) -> None:
    """Records, by their names, what became of the macros of a place: those that are new or gone,
    and those whose value is another one.
    """
    after = await store.list_macros(tx, place)
    known = {macro.name: macro for macro in before}
    written = [macro for macro in after if not _is_same(macro, known.get(macro.name))]
    names = {macro.name for macro in after}
    deleted = [name for name in known if name not in names]
    if not written and not deleted:
        return
    await audit.record(
        tx,
        caller,
        action="macro.replace",
        target=_target(place),
        after={
            "set": [macro.name for macro in written],
            "secure": [macro.name for macro in written if macro.secure],
            "deleted": deleted,
        },
        now=now,
    )


def _is_same(macro: Macro, known: Macro | None) -> bool:
    return known is not None and (macro.value, macro.secret) == (known.value, known.secret)


def _target(place: Place) -> str:
    return f"macros:{place.scope}:{place.id}" if place.id else f"macros:{place.scope}"


async def _sealed(tx: Transaction, sealer: Sealer, place: Place, draft: MacroDraft) -> bytes:
    if draft.value is not None:
        context = macro_context(tx.tenant, place, draft.name)
        return sealer.seal(draft.value.encode(), context=context)
    known = await store.hold_secret(tx, place, draft.name)
    if known is None:
        raise BadInput(f"macros: {draft.name} needs a value", field="macros")
    return known


def _open(sealer: Sealer, tenant_id: UUID, place: Place, macro: Macro) -> str:
    if macro.secret is None:
        return macro.value or ""
    return sealer.unseal(macro.secret, context=macro_context(tenant_id, place, macro.name)).decode()


def macro_context(tenant_id: UUID, place: Place, name: str) -> str:
    """What the seal of a secure macro is bound to."""
    return f"macro:{tenant_id}:{place.scope}:{place.id}:{name}"


@dataclass(frozen=True, slots=True)
class _RunMacros:
    values: dict[str, str]
    secret_names: set[str]


def _open_run_macros(sealer: Sealer, tenant_id: UUID, run_id: UUID, sealed: bytes) -> _RunMacros:
    plain = orjson.loads(sealer.unseal(sealed, context=run_macros_context(tenant_id, run_id)))
    return _RunMacros(plain["values"], set(plain["secret_names"]))


def run_macros_context(tenant_id: UUID, run_id: UUID) -> str:
    """What the seal of a run's own macros is bound to."""
    return f"run-macros:{tenant_id}:{run_id}"
