"""Records: written one by one or many at once, always together with their dates.

Who writes records of a definition does so alone until the transaction ends (`lock_definition_for`):
two writers of the same records in another order would wait for one another, and a schema that
changes meanwhile would be half obeyed. Readers wait for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from typing import Final
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, Faulty, FieldFault, NotFound
from treadle.core.ids import new_id
from treadle.core.json import canonical
from treadle.core.pages import Slice, Window
from treadle.db.transaction import Transaction
from treadle.entities import date_store
from treadle.entities import record_store as store
from treadle.entities.data import size_fault
from treadle.entities.date_store import DayQuery
from treadle.entities.dates import changes, dates_of, span_of
from treadle.entities.definitions import get_definition_for, lock_definition_for
from treadle.entities.model import (
    DateChange,
    Definition,
    Outcome,
    Record,
    RecordDate,
    RecordDraft,
    Written,
)
from treadle.entities.record_store import RecordChange
from treadle.entities.schemas import DataSchema, compile_schema
from treadle.identity.model import Principal
from treadle.identity.rights import MISSING, Right

MOST_AT_ONCE: Final = 1_000
MOST_EXTERNAL_ID: Final = 200
MOST_FAULTS: Final = 100

_TAKEN: Final = "There is a record with this external_id."
_EXTERNAL_ID_RULE: Final = (
    f"must have 1 to {MOST_EXTERNAL_ID} characters, none of them a control character, and no blank "
    "at an end"
)


async def create_record(
    tx: Transaction, caller: Principal, definition_id: UUID, draft: RecordDraft, *, now: datetime
) -> Written:
    """The new record. Raises NotFound, Forbidden, Faulty, and Conflict for an external id that
    another record of the definition has.
    """
    definition = await lock_definition_for(tx, caller, definition_id, Right.RECORDS_WRITE)
    dates = _checked(definition, draft)
    inserted = await store.insert_records(tx, definition.id, [draft], ids=[new_id()], now=now)
    if not inserted:
        raise Conflict(_TAKEN, field="external_id")
    written = Written(inserted[0], Outcome.CREATED, changes(inserted[0].id, {}, dates))
    await _write_dates(tx, definition, [written])
    return written


async def get_record(
    tx: Transaction, caller: Principal, definition_id: UUID, record_id: UUID
) -> Record:
    """The record. Raises NotFound, Forbidden."""
    definition = await get_definition_for(tx, caller, definition_id, Right.ENTITIES_READ)
    return await _record(tx, definition, record_id)


async def list_records(
    tx: Transaction,
    caller: Principal,
    definition_id: UUID,
    window: Window,
    *,
    external_id: str | None = None,
) -> Slice[Record]:
    """The definition's records, the oldest first; only the one of an external id, if given."""
    definition = await get_definition_for(tx, caller, definition_id, Right.ENTITIES_READ)
    return await store.list_records(
        tx, window, definition_id=definition.id, external_id=external_id
    )


async def list_records_of_day(
    tx: Transaction,
    caller: Principal,
    definition_id: UUID,
    window: Window,
    *,
    field: str,
    day: date,
    zone: tzinfo,
) -> Slice[Record]:
    """The definition's records whose date field is this day for somebody in the zone: what a
    relative schedule finds. Raises Faulty for a field that is no date field.
    """
    definition = await get_definition_for(tx, caller, definition_id, Right.ENTITIES_READ)
    if field not in definition.date_fields:
        known = ", ".join(definition.date_fields) or "none"
        raise Faulty(
            [FieldFault(("field",), f"is not one of the date fields: {known}")], part="query"
        )
    query = DayQuery(definition.id, field, day, span_of(day, zone))
    return await date_store.list_of_day(tx, window, query)


async def replace_record(
    tx: Transaction,
    caller: Principal,
    definition_id: UUID,
    record_id: UUID,
    draft: RecordDraft,
    *,
    now: datetime,
) -> Written:
    """The record with other data, and perhaps another external id. Raises as `create_record`."""
    definition = await lock_definition_for(tx, caller, definition_id, Right.RECORDS_WRITE)
    before = await _record(tx, definition, record_id)
    dates = _checked(definition, draft)
    if _is_same(before, draft):
        return Written(before, Outcome.UNCHANGED)
    updated = await store.update_records(tx, [RecordChange(before.id, draft)], now=now)
    if not updated:
        raise Conflict(_TAKEN, field="external_id")
    written = Written(
        updated[0], Outcome.UPDATED, changes(before.id, _stored(definition, before), dates)
    )
    await _write_dates(tx, definition, [written])
    return written


async def delete_record(
    tx: Transaction, caller: Principal, definition_id: UUID, record_id: UUID
) -> Written:
    """The record is gone; what it was. Raises NotFound, Forbidden."""
    definition = await lock_definition_for(tx, caller, definition_id, Right.RECORDS_WRITE)
    record = await _record(tx, definition, record_id)
    await store.delete_record(tx, record.id)
    gone = changes(record.id, _stored(definition, record), {})
    return Written(record, Outcome.DELETED, gone)


async def upsert_records(
    tx: Transaction,
    caller: Principal,
    definition_id: UUID,
    drafts: Sequence[RecordDraft],
    *,
    now: datetime,
) -> list[Written]:
    """Each draft as a record: new, changed, or as it was; in the order of the drafts. All or none:
    raises Faulty with what is wrong anywhere, and nothing is written.

    A fault's place is `("records", number, …)`. Of each record one fault of its data is told.
    """
    definition = await lock_definition_for(tx, caller, definition_id, Right.RECORDS_WRITE)
    if len(drafts) > MOST_AT_ONCE:
        raise BadInput(f"must have at most {MOST_AT_ONCE} records", field="records")
    dates = await _checked_all(definition, drafts)
    found = await store.find_by_external_ids(
        tx, definition.id, [draft.external_id for draft in drafts]
    )
    before = {record.external_id: record for record in found}
    new = [draft for draft in drafts if draft.external_id not in before]
    changed = [
        RecordChange(record.id, draft)
        for draft in drafts
        if (record := before.get(draft.external_id)) and not _is_same(record, draft)
    ]
    after = dict(before)
    if new:
        ids = [new_id() for _ in new]
        inserted = await store.insert_records(tx, definition.id, new, ids=ids, now=now)
        after |= {record.external_id: record for record in inserted}
    if changed:
        updated = await store.update_records(tx, changed, now=now)
        after |= {record.external_id: record for record in updated}
    written = [
        _written(definition, before.get(draft.external_id), after[draft.external_id], found_dates)
        for draft, found_dates in zip(drafts, dates, strict=True)
    ]
    await _write_dates(tx, definition, written)
    return written


def _written(
    definition: Definition, before: Record | None, after: Record, dates: dict[str, RecordDate]
) -> Written:
    if before is after:
        return Written(after, Outcome.UNCHANGED)
    stored = {} if before is None else _stored(definition, before)
    outcome = Outcome.CREATED if before is None else Outcome.UPDATED
    return Written(after, outcome, changes(after.id, stored, dates))


async def _checked_all(
    definition: Definition, drafts: Sequence[RecordDraft]
) -> list[dict[str, RecordDate]]:
    """The dates of all drafts. Raises Faulty."""
    schema = compile_schema(definition.data_schema)
    faults: list[FieldFault] = []
    all_dates: list[dict[str, RecordDate]] = []
    seen: dict[str, int] = {}
    for number, draft in enumerate(drafts):
        dates, found = _check(definition, schema, draft, all_faults=False)
        first = seen.setdefault(draft.external_id, number)
        if first != number:
            found.append(FieldFault(("external_id",), f"is that of records[{first}] already"))
        faults.extend(fault.below("records", number) for fault in found)
        if len(faults) >= MOST_FAULTS:
            break
        all_dates.append(dates)
        # Checking may take a while, and other requests have their turn between two records.
        await asyncio.sleep(0)
    if faults:
        raise Faulty(faults)
    return all_dates


def _checked(definition: Definition, draft: RecordDraft) -> dict[str, RecordDate]:
    """The dates of the draft. Raises Faulty."""
    schema = compile_schema(definition.data_schema)
    dates, faults = _check(definition, schema, draft, all_faults=True)
    if faults:
        raise Faulty(faults)
    return dates


def _check(
    definition: Definition, schema: DataSchema, draft: RecordDraft, *, all_faults: bool
) -> tuple[dict[str, RecordDate], list[FieldFault]]:
    """The dates of the draft, and all that is wrong with it."""
    faults: list[FieldFault] = []
    if not _is_external_id(draft.external_id):
        faults.append(FieldFault(("external_id",), _EXTERNAL_ID_RULE))
    too_large = size_fault(draft.data)
    if too_large is not None:
        return {}, [*faults, too_large.below("data")]
    dates, wrong = dates_of(draft.data, definition.date_fields)
    if all_faults or not wrong:
        wrong.extend(schema.faults(draft.data, all_faults=all_faults))
    return dates, [*faults, *(fault.below("data") for fault in wrong)]


def _is_external_id(text: str) -> bool:
    return 1 <= len(text) <= MOST_EXTERNAL_ID and text == text.strip() and text.isprintable()


def _is_same(record: Record, draft: RecordDraft) -> bool:
    """Whether the record says all that the draft says; the order of fields says nothing."""
    return record.external_id == draft.external_id and canonical(record.data) == canonical(
        draft.data
    )


def _stored(definition: Definition, record: Record) -> dict[str, RecordDate]:
    """The dates that are written down of a stored record: good, whatever the schema says today."""
    return dates_of(record.data, definition.date_fields)[0]


async def _write_dates(tx: Transaction, definition: Definition, written: Sequence[Written]) -> None:
    all_changes: list[DateChange] = [change for record in written for change in record.date_changes]
    if all_changes:
        await date_store.write_changes(tx, definition.id, all_changes)


async def _record(tx: Transaction, definition: Definition, record_id: UUID) -> Record:
    found = await store.find_record(tx, definition.id, record_id)
    if found is None:
        raise NotFound(MISSING)
    return found
