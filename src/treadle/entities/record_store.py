"""SQL of records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from treadle.core.pages import Slice, Window
from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.entities.model import Record, RecordDraft

COUNTED: Final = 10_000
"""Records of a list that are counted; a longer one is said to have at least so many."""

FIRST_ID: Final = UUID(int=0)
"""Comes before every record's id."""
RECORD_COLUMNS: Final = ", ".join(f"r.{field.name}" for field in fields(Record))


@dataclass(frozen=True, slots=True)
class RecordChange:
    """A record that is to get other data, and perhaps another external id."""

    id: UUID
    draft: RecordDraft


async def insert_records(
    tx: Transaction,
    definition_id: UUID,
    drafts: Sequence[RecordDraft],
    *,
    ids: Sequence[UUID],
    now: datetime,
) -> list[Record]:
    """The new records, without those whose external id is taken."""
    records = await tx.fetch(
        "INSERT INTO entity_records AS r (id, tenant_id, definition_id, external_id, data,"
        " created_at, updated_at) SELECT new.id, $1, $2, new.external_id, new.data, $3, $3"
        " FROM unnest($4::uuid[], $5::text[], $6::json[]) AS new (id, external_id, data)"
        " ON CONFLICT (tenant_id, definition_id, external_id) DO NOTHING"
        f" RETURNING {RECORD_COLUMNS}",
        tx.tenant,
        definition_id,
        now,
        list(ids),
        [draft.external_id for draft in drafts],
        [draft.data for draft in drafts],
    )
    return rows(Record, records)


async def update_records(
    tx: Transaction, changes: Sequence[RecordChange], *, now: datetime
) -> list[Record]:
    """The records as they are now, in any order; empty if one's external id is another's."""
    try:
        async with tx.savepoint():
            records = await tx.fetch(
                "UPDATE entity_records r SET external_id = new.external_id, data = new.data,"
                " updated_at = $1"
                " FROM unnest($2::uuid[], $3::text[], $4::json[]) AS new (id, external_id, data)"
                f" WHERE r.id = new.id RETURNING {RECORD_COLUMNS}",
                now,
                [change.id for change in changes],
                [change.draft.external_id for change in changes],
                [change.draft.data for change in changes],
            )
    except asyncpg.UniqueViolationError:
        return []
    return rows(Record, records)


async def find_record(tx: Transaction, definition_id: UUID, record_id: UUID) -> Record | None:
    """The record of the definition with this id."""
    record = await tx.fetchrow(
        f"SELECT {RECORD_COLUMNS} FROM entity_records r WHERE r.definition_id = $1 AND r.id = $2",
        definition_id,
        record_id,
    )
    return row_or_none(Record, record)


async def find_by_external_ids(
    tx: Transaction, definition_id: UUID, external_ids: Sequence[str]
) -> list[Record]:
    """Those of the definition's records that have one of these external ids, in any order."""
    records = await tx.fetch(
        f"SELECT {RECORD_COLUMNS} FROM entity_records r"
        " WHERE r.definition_id = $1 AND r.external_id = ANY($2)",
        definition_id,
        list(external_ids),
    )
    return rows(Record, records)


async def find_by_ids(
    tx: Transaction, definition_id: UUID, record_ids: Sequence[UUID]
) -> list[Record]:
    """Those of the definition's records that have one of these ids, by id."""
    records = await tx.fetch(
        f"SELECT {RECORD_COLUMNS} FROM entity_records r"
        " WHERE r.definition_id = $1 AND r.id = ANY($2) ORDER BY r.id",
        definition_id,
        list(record_ids),
    )
    return rows(Record, records)


async def delete_record(tx: Transaction, record_id: UUID) -> None:
    """The record is gone, with its dates."""
    await tx.execute("DELETE FROM entity_records WHERE id = $1", record_id)


async def list_records(
    tx: Transaction, window: Window, *, definition_id: UUID, external_id: str | None
) -> Slice[Record]:
    """Records of the definition, the oldest first. Where there are more than COUNTED, `total` is at
    least their number, and always more than the window shows if another one follows.
    """
    if external_id is not None:
        found = await find_by_external_ids(tx, definition_id, [external_id])
        return Slice(tuple(found[window.offset : window.offset + window.limit]), len(found), window)
    # Only the index is read of the records before the window.
    records = await tx.fetch(
        f"SELECT {RECORD_COLUMNS} FROM entity_records r JOIN (SELECT id FROM entity_records"
        " WHERE definition_id = $1 ORDER BY id LIMIT $2 OFFSET $3) AS part USING (id)"
        " ORDER BY r.id",
        definition_id,
        window.limit + 1,
        window.offset,
    )
    total = await count_records(tx, definition_id, most=COUNTED)
    seen = window.offset + len(records) if records else 0
    return Slice(tuple(rows(Record, records[: window.limit])), max(total, seen), window)


async def count_records(tx: Transaction, definition_id: UUID, *, most: int) -> int:
    """How many records the definition has; `most` for that many or more."""
    return await tx.fetchval(
        "SELECT count(*) FROM (SELECT FROM entity_records WHERE definition_id = $1 LIMIT $2) AS c",
        definition_id,
        most,
    )


async def list_records_after(
    tx: Transaction, *, definition_id: UUID, after: UUID | None, limit: int
) -> list[Record]:
    """The definition's next records by their ids."""
    records = await tx.fetch(
        f"SELECT {RECORD_COLUMNS} FROM entity_records r WHERE r.definition_id = $1"
        " AND r.id > $2 ORDER BY r.id LIMIT $3",
        definition_id,
        after or FIRST_ID,
        limit,
    )
    return rows(Record, records)
