"""SQL of runs as callers see them: submission, lists, logs, files. Workers: `attempt_store`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from treadle.core.pages import Page, PageRequest
from treadle.db.rows import row, row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.jobs.model import Attempt, LogChunk, Run, RunCounts, RunFile, RunFilter, RunState

RUN_COLUMNS = ", ".join(field.name for field in fields(Run))
_ATTEMPT = ", ".join(field.name for field in fields(Attempt))
_CHUNK = ", ".join(field.name for field in fields(LogChunk))
_FILE = ", ".join(field.name for field in fields(RunFile))


@dataclass(frozen=True, slots=True)
class NewRun:
    """The columns of a run that its submission decides."""

    id: UUID
    project_id: UUID
    job_id: int
    job_name: str
    state: str
    max_retries: int
    retry_backoff_seconds: int
    timeout_seconds: int
    blocking: bool
    network: bool
    log_level: str
    destination_id: int
    package: dict[str, Any]
    input: dict[str, Any]
    macros: bytes | None
    macro_sets: list[str]
    tags: list[str]
    submitted_by: str
    scheduled_at: datetime
    retry_of: UUID | None


_NEW = [field.name for field in fields(NewRun)]
_INSERT = (
    f"INSERT INTO runs (tenant_id, {', '.join(_NEW)})"
    f" VALUES ({', '.join(f'${number}' for number in range(1, len(_NEW) + 2))})"
    f" RETURNING {RUN_COLUMNS}"
)


async def insert_run(tx: Transaction, new: NewRun) -> Run:
    """The new run."""
    record = await tx.fetchrow(_INSERT, tx.tenant, *(getattr(new, name) for name in _NEW))
    return row(Run, record)


async def find_run(tx: Transaction, run_id: UUID, *, lock: bool = False) -> Run | None:
    """The run; with `lock`, nobody else changes it until commit."""
    record = await tx.fetchrow(
        f"SELECT {RUN_COLUMNS} FROM runs WHERE id = $1" + (" FOR UPDATE" if lock else ""),
        run_id,
    )
    return row_or_none(Run, record)


async def latest_run(tx: Transaction, job_id: int) -> Run | None:
    """The job's newest run. Reads one entry of the index runs_of_job."""
    record = await tx.fetchrow(
        f"SELECT {RUN_COLUMNS} FROM runs WHERE job_id = $1 ORDER BY id DESC LIMIT 1",
        job_id,
    )
    return row_or_none(Run, record)


async def has_open_run(tx: Transaction, job_id: int) -> bool:
    """Whether a run of this job has not ended."""
    return await tx.fetchval(
        "SELECT EXISTS (SELECT 1 FROM runs WHERE job_id = $1"
        " AND state IN ('QUEUED', 'WAITING', 'INITIALIZING', 'RUNNING'))",
        job_id,
    )


async def list_runs(
    tx: Transaction, page: PageRequest, wanted: RunFilter, *, descending: bool
) -> Page[Run]:
    """Runs by age; ids grow with time, so the newest pages come straight off an index."""
    where = (
        " FROM runs WHERE ($1::uuid[] IS NULL OR project_id = ANY($1))"
        " AND ($2::text[] IS NULL OR state = ANY($2))"
        " AND ($3::bigint IS NULL OR job_id = $3)"
        " AND ($4::text IS NULL OR submitted_by = $4)"
        " AND ($5::timestamptz IS NULL OR scheduled_at >= $5)"
        " AND ($6::timestamptz IS NULL OR scheduled_at < $6)"
        " AND ($7::text IS NULL OR position(lower($7) IN lower(job_name)) > 0)"
    )
    arguments = [
        None if wanted.project_ids is None else list(wanted.project_ids),
        None if wanted.states is None else list(wanted.states),
        wanted.job_id,
        wanted.submitted_by,
        wanted.since,
        wanted.until,
        wanted.text,
    ]
    total: int = await tx.fetchval("SELECT count(*)" + where, *arguments)
    direction = "DESC" if descending else "ASC"
    records = await tx.fetch(
        f"SELECT {RUN_COLUMNS}{where} ORDER BY id {direction} LIMIT $8 OFFSET $9",
        *arguments,
        page.size,
        page.offset,
    )
    return Page(tuple(rows(Run, records)), total, page)


async def count_runs(
    tx: Transaction, *, project_ids: Collection[UUID] | None, since: datetime
) -> RunCounts:
    """Of the runs that are open now, or were scheduled since."""
    records = await tx.fetch(
        "SELECT state, count(*) AS runs,"
        " coalesce(sum(extract(epoch FROM finished_at - started_at)), 0)::float8 AS seconds"
        " FROM runs WHERE ($1::uuid[] IS NULL OR project_id = ANY($1))"
        " AND (finished_at IS NULL OR scheduled_at >= $2) GROUP BY state",
        None if project_ids is None else list(project_ids),
        since,
    )
    return RunCounts(
        {record["state"]: record["runs"] for record in records},
        sum(record["seconds"] for record in records),
    )


async def end_unclaimed(
    tx: Transaction, run_id: UUID, state: RunState, *, by: str, error: str, now: datetime
) -> bool:
    """Ends a run that no worker has; False if one got it first."""
    done = await tx.execute(
        "UPDATE runs SET state = $2, finished_at = $5, stop_requested_at = $5,"
        " stop_requested_by = $3, error_type = 'Stopped', error = $4, not_before = NULL"
        " WHERE id = $1 AND state IN ('QUEUED', 'WAITING')",
        run_id,
        state,
        by,
        error,
        now,
    )
    return done == 1


async def request_stop(tx: Transaction, run_id: UUID, *, by: str, now: datetime) -> bool:
    """Asks the worker that has the run to stop it; False if no worker has it."""
    done = await tx.execute(
        "UPDATE runs SET stop_requested_at = coalesce(stop_requested_at, $3),"
        " stop_requested_by = coalesce(stop_requested_by, $2)"
        " WHERE id = $1 AND state IN ('INITIALIZING', 'RUNNING')",
        run_id,
        by,
        now,
    )
    return done == 1


async def next_waiting(tx: Transaction, job_id: int) -> Run | None:
    """Queues the job's oldest waiting run if none is ahead of it. Call with the job locked."""
    record = await tx.fetchrow(
        "UPDATE runs SET state = 'QUEUED' WHERE id = ("
        " SELECT id FROM runs WHERE job_id = $1 AND state = 'WAITING' ORDER BY id LIMIT 1)"
        " AND NOT EXISTS (SELECT 1 FROM runs WHERE job_id = $1"
        " AND state IN ('QUEUED', 'INITIALIZING', 'RUNNING'))"
        f" RETURNING {RUN_COLUMNS}",
        job_id,
    )
    return row_or_none(Run, record)


async def list_attempts(tx: Transaction, run_id: UUID) -> list[Attempt]:
    """The run's tries in order."""
    records = await tx.fetch(
        f"SELECT {_ATTEMPT} FROM run_attempts WHERE run_id = $1 ORDER BY attempt",
        run_id,
    )
    return rows(Attempt, records)


async def read_log(
    tx: Transaction, run_id: UUID, *, after: int, limit: int = 200
) -> list[LogChunk]:
    """Chunks that begin at this offset or later, in order."""
    records = await tx.fetch(
        f"SELECT {_CHUNK} FROM run_logs WHERE run_id = $1 AND position >= $2"
        " ORDER BY position LIMIT $3",
        run_id,
        after,
        limit,
    )
    return rows(LogChunk, records)


async def list_run_files(tx: Transaction, run_id: UUID) -> list[RunFile]:
    """What the run left in its output folder, by path."""
    records = await tx.fetch(
        f"SELECT {_FILE} FROM run_files WHERE run_id = $1 ORDER BY path",
        run_id,
    )
    return rows(RunFile, records)


async def find_run_file(tx: Transaction, run_id: UUID, path: str) -> RunFile | None:
    """The output file of this path."""
    record = await tx.fetchrow(
        f"SELECT {_FILE} FROM run_files WHERE run_id = $1 AND path = $2",
        run_id,
        path,
    )
    return row_or_none(RunFile, record)
