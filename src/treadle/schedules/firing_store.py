"""SQL of firings: what became of due times, and the ends of attempts that wait to be noted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from treadle.core.buckets import Buckets
from treadle.core.pages import Slice, Window
from treadle.db.bucket_store import fetch_buckets
from treadle.db.columns import spread
from treadle.db.page_store import Conditions, fetch_slice
from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.schedules.model import AttemptEnd, DayTally, FiringRow, Lateness

_FIRING = ", ".join(field.name for field in fields(FiringRow))
_END = ", ".join(field.name for field in fields(AttemptEnd))
_TYPES = {
    "id": "uuid",
    "project_id": "uuid",
    "schedule_id": "uuid",
    "schedule_version": "int",
    "scheduled_for": "timestamptz",
    "span_until": "timestamptz",
    "span_count": "int",
    "record_id": "uuid",
    "record": "jsonb",
    "trigger": "text",
    "status": "text",
    "reason": "text",
    "phase": "text",
    "place": "bigint",
    "not_before": "timestamptz",
    "overlap_policy": "text",
    "ending": "text",
    "attempt": "int",
    "target_type": "text",
    "target_id": "uuid",
    "started_at": "timestamptz",
    "finished_at": "timestamptz",
    "lateness_ms": "bigint",
    "error": "text",
    "result": "jsonb",
    "created_at": "timestamptz",
}
_MOVING = tuple(
    name
    for name in _TYPES
    if name
    not in {
        "id",
        "project_id",
        "schedule_id",
        "schedule_version",
        "scheduled_for",
        "span_until",
        "span_count",
        "record_id",
        "record",
        "overlap_policy",
        "created_at",
    }
)


async def insert_firings(tx: Transaction, new: Sequence[FiringRow]) -> None:
    """The rows, all with one statement. A due time that has its row already is an error: whoever
    decides on it holds its schedule's lock.
    """
    if new:
        sent = spread(
            _TYPES, {name: [getattr(row, name) for row in new] for name in _TYPES}, first=2
        )
        await tx.execute(
            f"INSERT INTO firings (tenant_id, {', '.join(_TYPES)})"
            f" SELECT $1, {sent.places} FROM {sent.rows}",
            tx.tenant,
            *sent.arguments,
        )


async def update_firings(tx: Transaction, moved: Sequence[FiringRow]) -> None:
    """Writes what has become of these firings, all with one statement."""
    if moved:
        columns = {name: [getattr(row, name) for row in moved] for name in ("id", *_MOVING)}
        sent = spread(_TYPES, columns, first=1)
        await tx.execute(
            f"UPDATE firings SET {sent.assignments(_MOVING)} FROM {sent.rows}"
            " WHERE firings.id = sent.id",
            *sent.arguments,
        )


async def open_firings(tx: Transaction, schedule_ids: Collection[UUID]) -> list[FiringRow]:
    """The firings of these schedules that are not over, in the order of their places."""
    records = await tx.fetch(
        f"SELECT {_FIRING} FROM firings WHERE schedule_id = ANY($1) AND phase IS NOT NULL"
        " ORDER BY schedule_id, place",
        list(schedule_ids),
    )
    return rows(FiringRow, records)


async def take_ends(tx: Transaction, schedule_ids: Collection[UUID]) -> list[AttemptEnd]:
    """The ends of attempts of these schedules that nobody has noted yet; now we have."""
    records = await tx.fetch(
        f"WITH taken AS (DELETE FROM firing_ends WHERE schedule_id = ANY($1) RETURNING id, {_END})"
        f" SELECT {_END} FROM taken ORDER BY id",
        list(schedule_ids),
    )
    return rows(AttemptEnd, records)


async def insert_ends(tx: Transaction, ends: Sequence[AttemptEnd]) -> None:
    """Leaves word that these attempts are over."""
    await tx.executemany(
        f"INSERT INTO firing_ends (tenant_id, {_END}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [(tx.tenant, *(getattr(end, field.name) for field in fields(AttemptEnd))) for end in ends],
    )


async def find_firing(tx: Transaction, firing_id: UUID) -> FiringRow | None:
    """The firing of this id."""
    record = await tx.fetchrow(f"SELECT {_FIRING} FROM firings WHERE id = $1", firing_id)
    return row_or_none(FiringRow, record)


async def list_firings(
    tx: Transaction, schedule_id: UUID, window: Window, *, status: str | None = None
) -> Slice[FiringRow]:
    """The firings of a schedule, the latest due time first."""
    conditions = Conditions()
    conditions.add("schedule_id = ?", schedule_id)
    conditions.add("status = ?", status)
    return await fetch_slice(
        tx,
        FiringRow,
        table="firings",
        conditions=conditions,
        order="scheduled_for DESC, id DESC",
        window=window,
    )


async def firings_at(
    tx: Transaction, schedule_id: UUID, at: datetime, *, limit: int
) -> list[FiringRow]:
    """The firings of this due time, and the row of the pause that it fell into."""
    records = await tx.fetch(
        f"SELECT {_FIRING} FROM firings WHERE schedule_id = $1 AND (scheduled_for = $2"
        " OR (span_until IS NOT NULL AND scheduled_for <= $2 AND span_until >= $2))"
        " ORDER BY span_until NULLS FIRST, id LIMIT $3",
        schedule_id,
        at,
        limit,
    )
    return rows(FiringRow, records)


async def decided_times(
    tx: Transaction, schedule_id: UUID, *, since: datetime, until: datetime
) -> set[datetime]:
    """The due times in [since, until] that have a firing of their own."""
    records = await tx.fetch(
        "SELECT DISTINCT scheduled_for FROM firings WHERE schedule_id = $1"
        " AND scheduled_for BETWEEN $2 AND $3 AND trigger <> 'manual' AND span_until IS NULL",
        schedule_id,
        since,
        until,
    )
    return {record["scheduled_for"] for record in records}


async def fired_records(
    tx: Transaction, schedule_id: UUID, at: datetime, record_ids: Collection[UUID]
) -> set[UUID]:
    """Those of the records that have a firing for this due time."""
    records = await tx.fetch(
        "SELECT record_id FROM firings WHERE schedule_id = $1 AND scheduled_for = $2"
        " AND record_id = ANY($3) AND trigger <> 'manual'",
        schedule_id,
        at,
        list(record_ids),
    )
    return {record["record_id"] for record in records}


async def firings_between(
    tx: Transaction,
    *,
    project_ids: Collection[UUID] | None,
    since: datetime,
    until: datetime,
    limit: int,
) -> list[FiringRow]:
    """The firings due in [since, until) of these projects (None: of all), the earliest first."""
    records = await tx.fetch(
        f"SELECT {_FIRING} FROM firings WHERE scheduled_for >= $1 AND scheduled_for < $2"
        " AND ($3::uuid[] IS NULL OR project_id = ANY($3)) ORDER BY scheduled_for, id LIMIT $4",
        since,
        until,
        None if project_ids is None else list(project_ids),
        limit,
    )
    return rows(FiringRow, records)


async def tallies_by_day(
    tx: Transaction,
    *,
    project_ids: Collection[UUID] | None,
    edges: Sequence[datetime],
    limit: int,
) -> Iterator[DayTally]:
    """What the latest `limit` firings of these projects (None: of all) came to, by day: tens of
    thousands, made as they are asked for. Day n is [edges[n], edges[n + 1]); a firing of many due
    times is on the day of the first of them.
    """
    records = await tx.fetch(
        "WITH latest AS (SELECT schedule_id, status, scheduled_for, span_until, span_count"
        " FROM firings"
        " WHERE tenant_id = $1 AND scheduled_for >= $2 AND scheduled_for < $3"
        " AND ($4::uuid[] IS NULL OR project_id = ANY($4))"
        " ORDER BY scheduled_for DESC, id DESC LIMIT $6)"
        " SELECT width_bucket(scheduled_for, $5::timestamptz[]) - 1 AS day, schedule_id, status,"
        " min(scheduled_for) AS first, max(coalesce(span_until, scheduled_for)) AS last,"
        " sum(coalesce(span_count, 1)) AS count, count(*) AS firings"
        " FROM latest GROUP BY 1, 2, 3",
        tx.tenant,
        edges[0],
        edges[-1],
        None if project_ids is None else list(project_ids),
        list(edges),
        limit,
    )
    return (DayTally(*record) for record in records)


async def lateness_between(
    tx: Transaction, *, project_ids: Collection[UUID] | None, buckets: Buckets
) -> dict[datetime, Lateness]:
    """How late firings of these projects (None: of all) started, by the start of the bucket they
    were due in. Buckets without any are left out; so is what was filled in on purpose, or by hand.
    """
    records = await fetch_buckets(
        tx,
        columns="count(*) AS started, max(lateness_ms) AS most,"
        " percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY lateness_ms) AS parts",
        table="firings",
        instant="scheduled_for",
        conditions="lateness_ms IS NOT NULL AND trigger IN ('schedule', 'catchup')",
        project_ids=project_ids,
        buckets=buckets,
    )
    return {
        record["at"]: Lateness(
            started=record["started"],
            p50_ms=record["parts"][0],
            p95_ms=record["parts"][1],
            max_ms=record["most"],
        )
        for record in records
    }


async def delete_finished(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Removes firings that were over by then, of all tenants; how many."""
    return await tx.execute(
        "DELETE FROM firings WHERE id IN (SELECT id FROM firings"
        " WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)",
        before,
        limit,
    )


async def definition_of_version(
    tx: Transaction, schedule_id: UUID, version: int
) -> tuple[dict[str, Any], bytes | None] | None:
    """What was said of a schedule in one of its versions, and its sealed secret."""
    record = await tx.fetchrow(
        "SELECT definition, action_secret FROM schedule_versions"
        " WHERE schedule_id = $1 AND version = $2",
        schedule_id,
        version,
    )
    return None if record is None else (record["definition"], record["action_secret"])
