"""SQL of schedules and their versions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import asyncpg

from treadle.core.ids import new_id
from treadle.core.pages import Slice, Window
from treadle.db.columns import spread
from treadle.db.page_store import Conditions, fetch_slice
from treadle.db.rows import row, row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.model import DEFINITION_FIELDS, Face, Schedule, ScheduleVersion

SCHEDULE_COLUMNS = ", ".join(field.name for field in fields(Schedule))
_VERSION = ", ".join(field.name for field in fields(ScheduleVersion))

_DEFINED = (*DEFINITION_FIELDS, "action_secret")
_PROGRESS = {
    "id": "uuid",
    "status": "text",
    "paused_at": "timestamptz",
    "paused_until": "timestamptz",
    "paused_reason": "text",
    "decided_until": "timestamptz",
    "cursor_record_id": "uuid",
    "next_run_at": "timestamptz",
    "tick_at": "timestamptz",
    "failures": "int",
    "recent_starts": "jsonb",
    "run_count": "bigint",
    "last_run_at": "timestamptz",
    "last_run_status": "text",
    "last_firing_id": "uuid",
    "deleted_at": "timestamptz",
}
_progress_of = attrgetter(*_PROGRESS)
_WHOLE = (
    *(field.name for field in fields(Schedule)),
    "deduplication_hash",
    "job_id",
    "workflow_id",
)
_INSERT = (
    f"INSERT INTO schedules ({', '.join(_WHOLE)})"
    f" VALUES ({', '.join(f'${number}' for number in range(1, len(_WHOLE) + 1))})"
    # Whatever it is that must be unique: the key, or a job's names of its schedules.
    f" ON CONFLICT DO NOTHING RETURNING {SCHEDULE_COLUMNS}"
)


async def insert_schedule(
    tx: Transaction,
    new: Schedule,
    *,
    deduplication_hash: bytes | None,
    job_id: int | None,
    workflow_id: UUID | None,
) -> Schedule | None:
    """The new schedule; None if another one has what must be its own: its deduplication key, or its
    place with its job.
    """
    values = {field.name: _column(getattr(new, field.name)) for field in fields(Schedule)}
    values |= {"deduplication_hash": deduplication_hash}
    values |= {"job_id": job_id, "workflow_id": workflow_id}
    record = await tx.fetchrow(_INSERT, *(values[name] for name in _WHOLE))
    return row_or_none(Schedule, record)


async def find_schedule(
    tx: Transaction, schedule_id: UUID, *, lock: bool = False
) -> Schedule | None:
    """The live schedule; with `lock`, nobody else decides or changes anything of it meanwhile."""
    record = await tx.fetchrow(
        f"SELECT {SCHEDULE_COLUMNS} FROM schedules WHERE id = $1 AND deleted_at IS NULL"
        + (" FOR UPDATE" if lock else ""),
        schedule_id,
    )
    return row_or_none(Schedule, record)


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """The live schedule of a deduplication key, and the hash of the body that it was made with."""

    schedule: Schedule
    hash: bytes


async def find_by_deduplication(tx: Transaction, key: str) -> Deduplicated | None:
    """The live schedule that has this key."""
    record = await tx.fetchrow(
        f"SELECT {SCHEDULE_COLUMNS}, deduplication_hash FROM schedules"
        " WHERE deduplication_key = $1 AND deleted_at IS NULL",
        key,
    )
    if record is None:
        return None
    values = dict(record)
    found: bytes = values.pop("deduplication_hash")
    return Deduplicated(row(Schedule, values), found)  # pyright: ignore[reportArgumentType]


async def list_schedules(
    tx: Transaction,
    window: Window,
    *,
    project_ids: Collection[UUID] | None,
    customer_id: UUID | None = None,
    external_id: str | None = None,
    status: str | None = None,
    tags: Sequence[str] = (),
    project_id: UUID | None = None,
    name_part: str | None = None,
) -> Slice[Schedule]:
    """Live schedules of these projects (None: of all), the newest first. `name_part` stands in
    the name, in whatever letter case.
    """
    conditions = Conditions("deleted_at IS NULL")
    conditions.add("project_id = ANY(?)", None if project_ids is None else list(project_ids))
    conditions.add("customer_id = ?", customer_id)
    conditions.add("external_id = ?", external_id)
    conditions.add("status = ?", status)
    conditions.add("project_id = ?", project_id)
    conditions.add("strpos(lower(name), lower(?)) > 0", name_part)
    for tag in tags:
        conditions.add("? = ANY(tags)", tag)
    return await fetch_slice(
        tx, Schedule, table="schedules", conditions=conditions, order="id DESC", window=window
    )


async def names_of(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of these schedules, by id; of deleted ones too."""
    records = await tx.fetch("SELECT id, name FROM schedules WHERE id = ANY($1)", list(ids))
    return {record["id"]: record["name"] for record in records}


async def list_of_job(
    tx: Transaction,
    job_id: int,
    *,
    schedule_type: ScheduleType | None = None,
    faces: Collection[Face] | None = None,
    name: str | None = None,
    limit: int,
    lock: bool = False,
) -> list[Schedule]:
    """The live schedules that run this job: those that were made by name for it first, then the
    oldest first. With `lock`, nobody else decides or changes anything of them meanwhile.
    """
    conditions = Conditions("deleted_at IS NULL")
    conditions.add("job_id = ?", job_id)
    conditions.add("schedule_type = ?", schedule_type)
    conditions.add("face = ANY(?)", None if faces is None else list(faces))
    conditions.add("name = ?", name)
    records = await tx.fetch(
        f"SELECT {SCHEDULE_COLUMNS} FROM schedules {conditions.where}"
        f" ORDER BY (face = 'remote_jobs') DESC, id LIMIT ${len(conditions.arguments) + 1}"
        + (" FOR UPDATE" if lock else ""),
        *conditions.arguments,
        limit,
    )
    return rows(Schedule, records)


async def count_of_job(
    tx: Transaction,
    job_id: int,
    *,
    face: Face | None = None,
    outside: UUID | None = None,
) -> int:
    """How many live schedules run this job: of all, those of this face, or outside this project."""
    conditions = Conditions("deleted_at IS NULL")
    conditions.add("job_id = ?", job_id)
    conditions.add("face = ?", face)
    conditions.add("project_id <> ?", outside)
    return await tx.fetchval(
        f"SELECT count(*) FROM schedules {conditions.where}", *conditions.arguments
    )


async def find_of_workflow(
    tx: Transaction, workflow_id: UUID, *, lock: bool = False
) -> Schedule | None:
    """The live schedule of the workflow's own trigger; with `lock`, nobody else decides or changes
    anything of it meanwhile.
    """
    record = await tx.fetchrow(
        f"SELECT {SCHEDULE_COLUMNS} FROM schedules WHERE workflow_id = $1 AND face = 'workflow'"
        " AND deleted_at IS NULL" + (" FOR UPDATE" if lock else ""),
        workflow_id,
    )
    return row_or_none(Schedule, record)


async def take_turn_of_job(tx: Transaction, job_id: int) -> None:
    """Waits until no other transaction makes or changes schedules by their place with this job."""
    await tx.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"treadle.schedules.job {job_id}"
    )


async def ids_where(
    tx: Transaction,
    *,
    project_ids: Collection[UUID] | None,
    status: str,
    customer_id: UUID | None,
    external_id: str | None,
    tags: Sequence[str],
    limit: int,
) -> list[UUID]:
    """Which live schedules of this status are meant, in the order in which they are locked."""
    conditions = Conditions("deleted_at IS NULL")
    conditions.add("project_id = ANY(?)", None if project_ids is None else list(project_ids))
    conditions.add("status = ?", status)
    conditions.add("customer_id = ?", customer_id)
    conditions.add("external_id = ?", external_id)
    for tag in tags:
        conditions.add("? = ANY(tags)", tag)
    records = await tx.fetch(
        f"SELECT id FROM schedules {conditions.where} ORDER BY id"
        f" LIMIT ${len(conditions.arguments) + 1}",
        *conditions.arguments,
        limit,
    )
    return [record["id"] for record in records]


async def redefine(
    tx: Transaction, schedule: Schedule, *, job_id: int | None, workflow_id: UUID | None
) -> bool:
    """Writes what callers say of the schedule, its version, and who said so. False if another one
    has the place with the job that it would have.
    """
    columns = (*_DEFINED, "version", "updated_at", "updated_by")
    places = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, start=4))
    try:
        async with tx.savepoint():
            await tx.execute(
                f"UPDATE schedules SET job_id = $2, workflow_id = $3, {places} WHERE id = $1",
                schedule.id,
                job_id,
                workflow_id,
                *(_column(getattr(schedule, name)) for name in columns),
            )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def insert_version(tx: Transaction, schedule: Schedule, definition: dict[str, Any]) -> None:
    """Keeps what is said of the schedule in its version of now."""
    await tx.execute(
        "INSERT INTO schedule_versions (id, tenant_id, schedule_id, version, definition,"
        " action_secret, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new_id(),
        tx.tenant,
        schedule.id,
        schedule.version,
        definition,
        schedule.action_secret,
        schedule.updated_at,
        schedule.updated_by,
    )


async def list_versions(tx: Transaction, schedule_id: UUID, *, limit: int) -> list[ScheduleVersion]:
    """What was said of the schedule, the newest first."""
    records = await tx.fetch(
        f"SELECT {_VERSION} FROM schedule_versions WHERE schedule_id = $1"
        " ORDER BY version DESC LIMIT $2",
        schedule_id,
        limit,
    )
    return rows(ScheduleVersion, records)


def has_moved(before: Schedule, after: Schedule) -> bool:
    """Whether `save` has anything to write of it."""
    return _progress_of(before) != _progress_of(after)


async def save(tx: Transaction, schedules: Sequence[Schedule]) -> None:
    """Writes where these schedules stand, all with one statement. They must be locked."""
    if schedules:
        columns = {name: [getattr(one, name) for one in schedules] for name in _PROGRESS}
        sent = spread(_PROGRESS, columns, first=1)
        await tx.execute(
            f"UPDATE schedules SET {sent.assignments(tuple(_PROGRESS)[1:])} FROM {sent.rows}"
            " WHERE schedules.id = sent.id",
            *sent.arguments,
        )


async def relative_schedules(tx: Transaction, definition_id: UUID) -> list[Schedule]:
    """The active schedules that look at the records of this entity definition."""
    records = await tx.fetch(
        f"SELECT {SCHEDULE_COLUMNS} FROM schedules WHERE relative_entity_definition_id = $1"
        " AND deleted_at IS NULL AND status = 'active' ORDER BY id",
        definition_id,
    )
    return rows(Schedule, records)


async def wake(tx: Transaction, schedule_ids: Collection[UUID], *, now: datetime) -> None:
    """Has the next tick decide on these schedules, if they are active."""
    await tx.execute(
        "UPDATE schedules SET tick_at = $2 WHERE id = ANY($1) AND status = 'active'"
        " AND deleted_at IS NULL",
        list(schedule_ids),
        now,
    )


async def wake_waiting(tx: Transaction, *, now: datetime) -> None:
    """Has the next tick decide on the tenant's schedules that have firings waiting to start."""
    await tx.execute(
        "UPDATE schedules SET tick_at = $1 WHERE deleted_at IS NULL AND id IN"
        " (SELECT schedule_id FROM firings WHERE phase = 'queued')",
        now,
    )


def _column(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
