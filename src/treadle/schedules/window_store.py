"""SQL of maintenance windows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from treadle.core.ids import new_id
from treadle.core.pages import Slice, Window
from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.schedules.day_model import StoredWindow, WindowRow

_ROW: Final = [column.name for column in fields(WindowRow)]
_WINDOW: Final = ", ".join(column.name for column in fields(StoredWindow))
# The tenant's own, and those of these projects.
_SEEN: Final = (
    "FROM maintenance_windows WHERE"
    " ($1::uuid[] IS NULL OR project_id IS NULL OR project_id = ANY($1))"
    " AND ($2::timestamptz IS NULL OR end_at IS NULL OR end_at >= $2"
    " OR schedule_expression IS NOT NULL)"
)


async def insert_window(
    tx: Transaction, columns: WindowRow, *, by: str, now: datetime
) -> StoredWindow | None:
    """The new window, or None if there is one of this name in its place."""
    places = ", ".join(f"${number}" for number in range(5, 5 + len(_ROW)))
    record = await tx.fetchrow(
        "INSERT INTO maintenance_windows (id, tenant_id, created_by, updated_by, created_at,"
        f" updated_at, {', '.join(_ROW)}) VALUES ($1, $2, $3, $3, $4, $4, {places})"
        f" ON CONFLICT (tenant_id, project_id, name) DO NOTHING RETURNING {_WINDOW}",
        new_id(),
        tx.tenant,
        by,
        now,
        *_values(columns),
    )
    return row_or_none(StoredWindow, record)


async def update_window(
    tx: Transaction, window_id: UUID, columns: WindowRow, *, by: str, now: datetime
) -> StoredWindow | None:
    """The window as it is now, or None if another one has the name or it is gone."""
    pairs = ", ".join(f"{name} = ${number}" for number, name in enumerate(_ROW, start=4))
    try:
        async with tx.savepoint():
            record = await tx.fetchrow(
                f"UPDATE maintenance_windows SET {pairs}, updated_by = $2, updated_at = $3"
                f" WHERE id = $1 RETURNING {_WINDOW}",
                window_id,
                by,
                now,
                *_values(columns),
            )
    except asyncpg.UniqueViolationError:
        return None
    return row_or_none(StoredWindow, record)


async def find_window(tx: Transaction, window_id: UUID) -> StoredWindow | None:
    """The window with this id."""
    record = await tx.fetchrow(
        f"SELECT {_WINDOW} FROM maintenance_windows WHERE id = $1", window_id
    )
    return row_or_none(StoredWindow, record)


async def list_windows(
    tx: Transaction,
    part: Window,
    *,
    project_ids: Collection[UUID] | None,
    ending_after: datetime | None,
) -> Slice[StoredWindow]:
    """The tenant's windows and those of these projects (None: of all), by name; with `ending_after`
    without those that have ended for good before.
    """
    ids = None if project_ids is None else list(project_ids)
    total: int = await tx.fetchval(f"SELECT count(*) {_SEEN}", ids, ending_after)
    records = await tx.fetch(
        f"SELECT {_WINDOW} {_SEEN} ORDER BY name, id LIMIT $3 OFFSET $4",
        ids,
        ending_after,
        part.limit,
        part.offset,
    )
    return Slice(tuple(rows(StoredWindow, records)), total, part)


async def live_windows(tx: Transaction, *, since: datetime) -> list[StoredWindow]:
    """The tenant's windows that may be open at `since` or later, in its projects too."""
    records = await tx.fetch(
        f"SELECT {_WINDOW} FROM maintenance_windows"
        " WHERE schedule_expression IS NOT NULL OR end_at >= $1 ORDER BY id",
        since,
    )
    return rows(StoredWindow, records)


async def count_windows(tx: Transaction) -> int:
    """How many the tenant has."""
    return await tx.fetchval("SELECT count(*) FROM maintenance_windows")


async def delete_window(tx: Transaction, window_id: UUID) -> None:
    """The window is gone."""
    await tx.execute("DELETE FROM maintenance_windows WHERE id = $1", window_id)


def _values(columns: WindowRow) -> list[Any]:
    return [getattr(columns, name) for name in _ROW]
