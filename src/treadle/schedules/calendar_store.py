"""SQL of calendars, and of which schedules use them."""

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
from treadle.schedules.day_model import CalendarDraft, StoredCalendar

_DRAFT: Final = [column.name for column in fields(CalendarDraft)]
_CALENDAR: Final = ", ".join(column.name for column in fields(StoredCalendar))


async def insert_calendar(
    tx: Transaction, draft: CalendarDraft, *, by: str, now: datetime
) -> StoredCalendar | None:
    """The new calendar, or None if the tenant has one of this name."""
    record = await tx.fetchrow(
        "INSERT INTO calendars (id, tenant_id, created_by, updated_by, created_at, updated_at,"
        f" {', '.join(_DRAFT)}) VALUES ($1, $2, $3, $3, $4, $4, $5, $6, $7, $8, $9)"
        f" ON CONFLICT (tenant_id, name) DO NOTHING RETURNING {_CALENDAR}",
        new_id(),
        tx.tenant,
        by,
        now,
        *_values(draft),
    )
    return row_or_none(StoredCalendar, record)


async def update_calendar(
    tx: Transaction, calendar_id: UUID, draft: CalendarDraft, *, by: str, now: datetime
) -> StoredCalendar | None:
    """The calendar as it is now, or None if another one has the name or it is gone."""
    pairs = ", ".join(f"{name} = ${number}" for number, name in enumerate(_DRAFT, start=4))
    try:
        async with tx.savepoint():
            record = await tx.fetchrow(
                f"UPDATE calendars SET {pairs}, updated_by = $2, updated_at = $3 WHERE id = $1"
                f" RETURNING {_CALENDAR}",
                calendar_id,
                by,
                now,
                *_values(draft),
            )
    except asyncpg.UniqueViolationError:
        return None
    return row_or_none(StoredCalendar, record)


async def find_calendar(tx: Transaction, calendar_id: UUID) -> StoredCalendar | None:
    """The calendar with this id."""
    record = await tx.fetchrow(f"SELECT {_CALENDAR} FROM calendars WHERE id = $1", calendar_id)
    return row_or_none(StoredCalendar, record)


async def find_calendars(tx: Transaction, ids: Collection[UUID]) -> list[StoredCalendar]:
    """Those that are there, in any order."""
    records = await tx.fetch(f"SELECT {_CALENDAR} FROM calendars WHERE id = ANY($1)", list(ids))
    return rows(StoredCalendar, records)


async def list_calendars(
    tx: Transaction, window: Window, *, name: str | None
) -> Slice[StoredCalendar]:
    """The tenant's calendars by name; with `name` only that one."""
    total: int = await tx.fetchval(
        "SELECT count(*) FROM calendars WHERE $1::text IS NULL OR name = $1", name
    )
    records = await tx.fetch(
        f"SELECT {_CALENDAR} FROM calendars WHERE $1::text IS NULL OR name = $1"
        " ORDER BY name, id LIMIT $2 OFFSET $3",
        name,
        window.limit,
        window.offset,
    )
    return Slice(tuple(rows(StoredCalendar, records)), total, window)


async def count_calendars(tx: Transaction) -> int:
    """How many the tenant has."""
    return await tx.fetchval("SELECT count(*) FROM calendars")


async def delete_calendar(tx: Transaction, calendar_id: UUID) -> bool:
    """Deletes the calendar; False if a schedule uses it."""
    try:
        async with tx.savepoint():
            await tx.execute("DELETE FROM calendars WHERE id = $1", calendar_id)
    except asyncpg.ForeignKeyViolationError:
        return False
    return True


async def put_uses(tx: Transaction, schedule_id: UUID, calendar_ids: Collection[UUID]) -> bool:
    """The schedule uses these calendars and no others; False if one of them is not there."""
    await tx.execute(
        "DELETE FROM schedule_calendars WHERE schedule_id = $1 AND calendar_id <> ALL($2)",
        schedule_id,
        list(calendar_ids),
    )
    try:
        async with tx.savepoint():
            await tx.execute(
                "INSERT INTO schedule_calendars (tenant_id, schedule_id, calendar_id)"
                " SELECT $1, $2, * FROM unnest($3::uuid[]) ON CONFLICT DO NOTHING",
                tx.tenant,
                schedule_id,
                list(calendar_ids),
            )
    except asyncpg.ForeignKeyViolationError:
        return False
    return True


async def list_users(tx: Transaction, calendar_id: UUID) -> list[UUID]:
    """The schedules that use the calendar, by their ids."""
    records = await tx.fetch(
        "SELECT schedule_id FROM schedule_calendars WHERE calendar_id = $1 ORDER BY schedule_id",
        calendar_id,
    )
    return [record["schedule_id"] for record in records]


def _values(draft: CalendarDraft) -> list[Any]:
    return [getattr(draft, name) for name in _DRAFT]
