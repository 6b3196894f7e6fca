"""Records of entities: one by one, or up to 1,000 at once."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.lists import ListWindow
from treadle.api.scheduled_actions.entities import EntityId, Reader, id_of
from treadle.api.scheduled_actions.entity_bodies import (
    RECORD_ID,
    BulkBody,
    BulkInput,
    RecordBody,
    RecordInput,
    RecordList,
    bulk_body,
    record_body,
    record_draft,
)
from treadle.core.errors import Faulty, FieldFault
from treadle.core.pages import Slice, Window
from treadle.db.transaction import Transaction
from treadle.entities import records
from treadle.entities.model import Record
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.schedules.faults import ExpressionError
from treadle.schedules.relative import records_changed
from treadle.schedules.times.zones import LONGEST_NAME, Zone, find_zone

router: Final = APIRouter(route_class=EdgeRoute, tags=["Records"])

Writer = Annotated[Principal, needs_somewhere(Right.RECORDS_WRITE)]
RecordId = Annotated[
    str, Path(alias="record_id", description="The record's id.", examples=[RECORD_ID])
]


@router.post(
    "/v1/entities/{id}/records",
    summary="Create a record",
    operation_id="createRecord",
    status_code=201,
)
async def create_record(
    entity_id: EntityId,
    body: RecordInput,
    response: Response,
    caller: Writer,
    tx: Tx,
    base: Base,
    context: Context,
) -> RecordBody:
    """Makes a record. 422 with the place of each fault where the data is not as the schema wants
    it; 409 for an external id that is taken.
    """
    written = await records.create_record(
        tx, caller, id_of(entity_id), record_draft(body), now=context.clock()
    )
    await records_changed(tx, id_of(entity_id), written.date_changes, now=context.clock())
    record = written.record
    response.headers["Location"] = f"{base}/v1/entities/{record.definition_id}/records/{record.id}"
    return record_body(record)


@router.get("/v1/entities/{id}/records", summary="List records", operation_id="listRecords")
async def list_records(
    entity_id: EntityId,
    caller: Reader,
    tx: Tx,
    window: ListWindow,
    external_id: Annotated[str | None, Query(description="Only the record of this one.")] = None,
    field: Annotated[
        str | None, Query(description="With `day`: only records whose date field is that day.")
    ] = None,
    day: Annotated[date | None, Query(description="With `field`: a date like 2026-12-31.")] = None,
    timezone: Annotated[
        str, Query(max_length=LONGEST_NAME, description="In which zone a date-time is that day.")
    ] = "UTC",
) -> RecordList:
    """The records, the oldest first: all, the one of an external id, or those that a relative
    schedule without offset finds on a day.
    """
    found = await _list(tx, caller, entity_id, window, external_id, field, day, timezone)
    return RecordList.of(found, [record_body(record) for record in found.items])


@router.get(
    "/v1/entities/{id}/records/{record_id}", summary="Get a record", operation_id="getRecord"
)
async def get_record(
    entity_id: EntityId, record_id: RecordId, caller: Reader, tx: Tx
) -> RecordBody:
    """One record."""
    return record_body(await records.get_record(tx, caller, id_of(entity_id), id_of(record_id)))


@router.put(
    "/v1/entities/{id}/records/{record_id}",
    summary="Replace a record",
    operation_id="replaceRecord",
)
async def replace_record(
    entity_id: EntityId,
    record_id: RecordId,
    body: RecordInput,
    caller: Writer,
    tx: Tx,
    context: Context,
) -> RecordBody:
    """Sets all of the data, and the external id. Refused as a new one would be."""
    written = await records.replace_record(
        tx, caller, id_of(entity_id), id_of(record_id), record_draft(body), now=context.clock()
    )
    await records_changed(tx, id_of(entity_id), written.date_changes, now=context.clock())
    return record_body(written.record)


@router.delete(
    "/v1/entities/{id}/records/{record_id}",
    summary="Delete a record",
    operation_id="deleteRecord",
    status_code=204,
)
async def delete_record(entity_id: EntityId, record_id: RecordId, caller: Writer, tx: Tx) -> None:
    """The record is gone. What has been started for it goes on."""
    await records.delete_record(tx, caller, id_of(entity_id), id_of(record_id))


@router.post(
    "/v1/entities/{id}/records/bulk",
    summary="Create or change many records",
    operation_id="upsertRecords",
)
async def upsert_records(
    entity_id: EntityId, body: BulkInput, caller: Writer, tx: Tx, context: Context
) -> BulkBody:
    """Writes up to 1,000 records by their external ids, all or none: what is new is made, what says
    something else is changed, the rest is left as it is. Where anything is wrong, 422 says what is
    wrong with which record, and nothing has been written. The same request again changes nothing.
    """
    written = await records.upsert_records(
        tx,
        caller,
        id_of(entity_id),
        [record_draft(record) for record in body.records],
        now=context.clock(),
    )
    moved = [change for one in written for change in one.date_changes]
    await records_changed(tx, id_of(entity_id), moved, now=context.clock())
    return bulk_body(written)


async def _list(
    tx: Transaction,
    caller: Principal,
    entity_id: str,
    window: Window,
    external_id: str | None,
    field: str | None,
    day: date | None,
    timezone: str,
) -> Slice[Record]:
    definition_id = id_of(entity_id)
    if field is None and day is None:
        return await records.list_records(
            tx, caller, definition_id, window, external_id=external_id
        )
    if field is None or day is None:
        raise _query_fault("day" if day is None else "field", "is required with the other of both")
    if external_id is not None:
        raise _query_fault("external_id", "does not go with field and day")
    zone = _zone(timezone)
    return await records.list_records_of_day(
        tx, caller, definition_id, window, field=field, day=day, zone=zone.info
    )


def _zone(name: str) -> Zone:
    try:
        return find_zone(name)
    except ExpressionError as error:
        raise _query_fault("timezone", error.message) from None


def _query_fault(name: str, message: str) -> Faulty:
    return Faulty([FieldFault((name,), message)], part="query")
