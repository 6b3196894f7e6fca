"""SQL of the dates of records: which record's field says which day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from treadle.core.pages import Slice, Window
from treadle.db.rows import rows
from treadle.db.transaction import Transaction
from treadle.entities.dates import Span
from treadle.entities.model import DateChange, Record
from treadle.entities.record_store import COUNTED, FIRST_ID, RECORD_COLUMNS


async def write_changes(
    tx: Transaction, definition_id: UUID, changes: Sequence[DateChange]
) -> None:
    """The dates are as these changes leave them."""
    gone = [change for change in changes if change.after is None]
    await tx.execute(
        "DELETE FROM entity_dates d USING unnest($1::uuid[], $2::text[]) AS gone (record_id, field)"
        " WHERE d.record_id = gone.record_id AND d.field = gone.field",
        [change.record_id for change in gone],
        [change.field for change in gone],
    )
    kept = [(change, change.after) for change in changes if change.after is not None]
    await tx.execute(
        "INSERT INTO entity_dates (tenant_id, definition_id, field, day, at, record_id)"
        " SELECT $1, $2, new.field, new.day, new.at, new.record_id"
        " FROM unnest($3::text[], $4::date[], $5::timestamptz[], $6::uuid[])"
        " AS new (field, day, at, record_id)"
        " ON CONFLICT (tenant_id, record_id, field)"
        " DO UPDATE SET day = excluded.day, at = excluded.at",
        tx.tenant,
        definition_id,
        [change.field for change, _ in kept],
        [after.day for _, after in kept],
        [after.at for _, after in kept],
        [change.record_id for change, _ in kept],
    )


@dataclass(frozen=True, slots=True)
class DayQuery:
    """A day as it is asked for: the date itself, and the instants of the day in a zone, with the
    days in UTC that they lie in.
    """

    definition_id: UUID
    field: str
    day: date
    span: Span | None

    def arguments(self) -> list[object]:
        """For _DUE."""
        utc_days = () if self.span is None else self.span.utc_days
        return [
            self.definition_id,
            self.field,
            [self.day, *utc_days],
            [False, *(True for _ in utc_days)],
            None if self.span is None else self.span.first,
            None if self.span is None else self.span.end,
        ]


# The tenant is named, too: a transaction of the system sees all, and the index begins with it.
_DUE: Final = (
    "SELECT due.record_id FROM unnest($3::date[], $4::bool[]) AS part (day, timed),"
    " LATERAL (SELECT d.record_id FROM entity_dates d WHERE d.tenant_id ="
    " (SELECT tenant_id FROM entity_definitions WHERE id = $1)"
    " AND d.definition_id = $1 AND d.field = $2 AND d.timed = part.timed AND d.day = part.day"
    " AND (NOT d.timed OR (d.at >= $5 AND d.at < $6))"
)
PAGE_OF_DAY: Final = (
    f"SELECT {RECORD_COLUMNS} FROM ({_DUE} AND d.record_id > $7"
    " ORDER BY d.record_id LIMIT $8) AS due ORDER BY due.record_id LIMIT $8"
    ") AS page JOIN entity_records r ON r.id = page.record_id ORDER BY r.id"
)
"""What `list_due` asks: reads $8 index entries of each part of the day at most."""


async def list_due(
    tx: Transaction, query: DayQuery, *, after: UUID | None, limit: int
) -> list[Record]:
    """The records of this day by id, the next `limit` of them. Reads index entries of the day only,
    in the order of the ids.
    """
    records = await tx.fetch(PAGE_OF_DAY, *query.arguments(), after or FIRST_ID, limit)
    return rows(Record, records)


async def list_of_day(tx: Transaction, window: Window, query: DayQuery) -> Slice[Record]:
    """The records of this day by id; `total` as in `record_store.list_records`."""
    arguments = query.arguments()
    records = await tx.fetch(
        f"SELECT {RECORD_COLUMNS} FROM ({_DUE}) AS due ORDER BY due.record_id LIMIT $7 OFFSET $8"
        ") AS page JOIN entity_records r ON r.id = page.record_id ORDER BY r.id",
        *arguments,
        window.limit + 1,
        window.offset,
    )
    counted: int = await tx.fetchval(
        f"SELECT count(*) FROM ({_DUE}) AS due LIMIT $7) AS counted", *arguments, COUNTED
    )
    seen = window.offset + len(records) if records else 0
    return Slice(tuple(rows(Record, records[: window.limit])), max(counted, seen), window)
