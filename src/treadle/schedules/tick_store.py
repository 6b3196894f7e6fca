"""SQL of the tick: which schedules have something to decide, over all tenants."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from treadle.db.rows import rows
from treadle.db.transaction import Transaction
from treadle.schedules.model import Schedule
from treadle.schedules.schedule_store import SCHEDULE_COLUMNS


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule that somebody should look at."""

    id: UUID
    tenant_id: UUID


async def due_schedules(tx: Transaction, *, now: datetime, limit: int) -> list[DueSchedule]:
    """Those whose time has come, the earliest first, those of which attempts have ended, and those
    with records to look at again.

    Reads as many entries of schedules_due as there are due ones, whatever the number of idle ones.
    """
    # Where ten are due of a million, only the index finds them in time, whatever a plan remembers
    # of the table's size.
    await tx.execute("SET LOCAL enable_seqscan = off")
    records = await tx.fetch(
        "SELECT id, tenant_id FROM schedules WHERE tick_at <= $1 ORDER BY tick_at LIMIT $2",
        now,
        limit,
    )
    ended = await tx.fetch(
        "SELECT DISTINCT schedule_id AS id, tenant_id FROM"
        " (SELECT schedule_id, tenant_id FROM firing_ends ORDER BY id LIMIT $1) AS ends",
        limit,
    )
    rechecked = await tx.fetch(
        "SELECT DISTINCT schedule_id AS id, tenant_id FROM"
        " (SELECT schedule_id, tenant_id FROM relative_rechecks ORDER BY id LIMIT $1) AS rechecks",
        limit,
    )
    found = rows(DueSchedule, [*records, *ended, *rechecked])
    return list(dict.fromkeys(found))


async def next_tick_at(tx: Transaction, *, after: datetime) -> datetime | None:
    """When the next schedule that is not due now has something to decide."""
    return await tx.fetchval(
        "SELECT tick_at FROM schedules WHERE tick_at > $1 ORDER BY tick_at LIMIT 1", after
    )


async def lock_due(
    tx: Transaction, schedule_ids: Collection[UUID], *, now: datetime
) -> list[Schedule]:
    """Those of the schedules that have something to decide and that nobody else decides on."""
    records = await tx.fetch(
        # Each list of ids is only of these schedules: thousands of others may have ends, too.
        f"SELECT {SCHEDULE_COLUMNS} FROM schedules WHERE id = ANY($1) AND (tick_at <= $2"
        " OR id IN (SELECT schedule_id FROM firing_ends WHERE schedule_id = ANY($1))"
        " OR id IN (SELECT schedule_id FROM relative_rechecks WHERE schedule_id = ANY($1)))"
        " ORDER BY id FOR UPDATE SKIP LOCKED",
        list(schedule_ids),
        now,
    )
    return rows(Schedule, records)


async def add_rechecks(tx: Transaction, rechecks: Sequence[tuple[UUID, UUID]]) -> None:
    """Has schedules (the first id) look again at records (the second)."""
    if rechecks:
        await tx.execute(
            "INSERT INTO relative_rechecks (tenant_id, schedule_id, record_id)"
            " SELECT $1, * FROM unnest($2::uuid[], $3::uuid[])",
            tx.tenant,
            [schedule_id for schedule_id, _ in rechecks],
            [record_id for _, record_id in rechecks],
        )


async def take_rechecks(tx: Transaction, schedule_id: UUID, *, limit: int) -> list[UUID]:
    """Some of the records that the schedule is to look at again; now we do."""
    records = await tx.fetch(
        "DELETE FROM relative_rechecks WHERE id IN (SELECT id FROM relative_rechecks"
        " WHERE schedule_id = $1 ORDER BY id LIMIT $2) RETURNING record_id",
        schedule_id,
        limit,
    )
    return list(dict.fromkeys(record["record_id"] for record in records))


async def delete_rechecks(tx: Transaction, schedule_ids: Collection[UUID]) -> None:
    """Forgets the records that these schedules were to look at again."""
    await tx.execute(
        "DELETE FROM relative_rechecks WHERE schedule_id = ANY($1)", list(schedule_ids)
    )
