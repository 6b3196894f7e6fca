"""What schedules ask of records: which of them have a field that is this day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, tzinfo
from uuid import UUID

from treadle.db.transaction import Transaction
from treadle.entities import date_store as store
from treadle.entities import record_store
from treadle.entities.date_store import DayQuery
from treadle.entities.dates import span_of
from treadle.entities.model import Record


async def records_due(
    tx: Transaction,
    *,
    definition_id: UUID,
    field: str,
    day: date,
    zone: tzinfo,
    after: UUID | None = None,
    limit: int = 500,
) -> list[Record]:
    """The definition's records whose date field is `day` for somebody in `zone`, by id; the next
    `limit` after the record `after`. Fewer than `limit` are all that there are.

    Nobody is asked for a right: whoever made the schedule had it. What it reads does not grow with
    the number of records that have other days.
    """
    query = DayQuery(definition_id, field, day, span_of(day, zone))
    return await store.list_due(tx, query, after=after, limit=limit)


async def records_by_id(
    tx: Transaction, *, definition_id: UUID, ids: Sequence[UUID]
) -> list[Record]:
    """Those of these records that are still there, by id. Nobody is asked for a right."""
    return await record_store.find_by_ids(tx, definition_id, ids)
