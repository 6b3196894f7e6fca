"""SQL of runs as callers see them: submission, lists, logs, files. Workers: `attempt_store`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from treadle.core.buckets import Buckets, Ends
from treadle.core.pages import Page, PageRequest
from treadle.db.bucket_store import fetch_buckets
from treadle.db.columns import spread
from treadle.db.page_store import Conditions, fetch_page
from treadle.db.rows import row, row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.jobs.model import (
    Attempt,
    LogChunk,
    Run,
    RunCounts,
    RunFile,
    RunFilter,
    RunState,
    RunSummary,
)

RUN_COLUMNS = ", ".join(field.name for field in fields(Run))
_SUMMARY = ", ".join(field.name for field in fields(RunSummary))
_ATTEMPT = ", ".join(field.name for field in fields(Attempt))
_CHUNK = ", ".join(field.name for field in fields(LogChunk))
_FILE = ", ".join(field.name for field in fields(RunFile))

_LOG_WINDOW_BYTES: Final = 1_048_576  # of a log that are read at once, or one chunk if it is larger


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
    origin: str | None


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


_SENT = {
    "id": "uuid",
    "tags": "jsonb",
    "project_id": "uuid",
    "job_id": "bigint",
    "job_name": "text",
    "state": "text",
    "max_retries": "int",
    "retry_backoff_seconds": "int",
    "timeout_seconds": "int",
    "blocking": "boolean",
    "network": "boolean",
    "log_level": "text",
    "destination_id": "bigint",
    "package": "jsonb",
    "input": "jsonb",
    "macros": "bytea",
    "submitted_by": "text",
    "scheduled_at": "timestamptz",
    "origin": "text",
}
_TAGS = "ARRAY(SELECT jsonb_array_elements_text({}))"


async def insert_runs(tx: Transaction, new: Sequence[NewRun]) -> None:
    """The new runs, which name no macro sets of their own, all with one statement."""
    if new:
        sent = spread(_SENT, {name: [getattr(run, name) for run in new] for name in _SENT}, first=2)
        # A list for each row would be a matrix for the driver: they go as JSON.
        values = {**sent.place, "tags": _TAGS.format(sent.place["tags"])}
        await tx.execute(
            f"INSERT INTO runs (tenant_id, {', '.join(values)})"
            f" SELECT $1, {', '.join(values.values())} FROM {sent.rows}",
            tx.tenant,
            *sent.arguments,
        )


async def find_run(tx: Transaction, run_id: UUID, *, lock: bool = False) -> Run | None:
    """The run; with `lock`, nobody else changes it until commit."""
    record = await tx.fetchrow(
        f"SELECT {RUN_COLUMNS} FROM runs WHERE id = $1" + (" FOR UPDATE" if lock else ""),
        run_id,
    )
    return row_or_none(Run, record)


async def find_state(tx: Transaction, run_id: UUID) -> RunState | None:
    """Where the run stands now."""
    state = await tx.fetchval("SELECT state FROM runs WHERE id = $1", run_id)
    return None if state is None else RunState(state)


async def latest_runs(tx: Transaction, job_ids: Sequence[int]) -> list[RunSummary]:
    """The newest run of each of these jobs that ever ran. Reads one entry of runs_of_job a job."""
    if not job_ids:
        return []
    records = await tx.fetch(
        f"SELECT {_SUMMARY} FROM unnest($1::bigint[]) AS wanted (wanted_id) CROSS JOIN LATERAL"
        " (SELECT * FROM runs WHERE job_id = wanted_id"
        " ORDER BY scheduled_at DESC, id DESC LIMIT 1) AS latest",
        list(job_ids),
    )
    return rows(RunSummary, records)


async def has_open_run(tx: Transaction, job_id: int) -> bool:
    """Whether a run of this job has not ended."""
    return await tx.fetchval(
        "SELECT EXISTS (SELECT 1 FROM runs WHERE job_id = $1"
        " AND state IN ('QUEUED', 'WAITING', 'INITIALIZING', 'RUNNING'))",
        job_id,
    )


async def list_runs(
    tx: Transaction, page: PageRequest, wanted: RunFilter, *, descending: bool
) -> Page[RunSummary]:
    """Runs in the order in which they were scheduled; `total` as `fetch_page` says."""
    projects, states = wanted.project_ids, wanted.states
    conditions = Conditions()
    conditions.add("project_id = ANY(?)", None if projects is None else list(projects))
    conditions.add("state = ANY(?)", None if states is None else list(states))
    conditions.add("job_id = ?", wanted.job_id)
    conditions.add("submitted_by = ?", wanted.submitted_by)
    conditions.add("scheduled_at >= ?", wanted.since)
    conditions.add("scheduled_at < ?", wanted.until)
    if wanted.text is not None:
        # By itself first: joined to the runs, a name that no job has is looked for in all of them.
        conditions.add("job_id = ANY(?)", await _jobs_named(tx, wanted.text))
    direction = "DESC" if descending else "ASC"
    return await fetch_page(
        tx,
        RunSummary,
        table="runs",
        conditions=conditions,
        order=f"scheduled_at {direction}, id {direction}",
        page=page,
    )


async def _jobs_named(tx: Transaction, text: str) -> list[int]:
    """Ids of the jobs, deleted ones too, whose name holds the text."""
    records = await tx.fetch(
        "SELECT id FROM jobs WHERE position(lower($1) IN lower(name)) > 0", text
    )
    return [record["id"] for record in records]


async def count_runs(
    tx: Transaction, *, project_ids: Collection[UUID] | None, since: datetime
) -> RunCounts:
    """Of the runs that are open now, or were scheduled since."""
    records = await tx.fetch(
        "SELECT state, count(*) AS runs, 0::float8 AS seconds FROM runs"
        " WHERE state IN ('QUEUED', 'WAITING', 'INITIALIZING', 'RUNNING')"
        " AND ($1::uuid[] IS NULL OR project_id = ANY($1)) GROUP BY state"
        " UNION ALL SELECT state, count(*),"
        " coalesce(sum(extract(epoch FROM finished_at - started_at)), 0)::float8 FROM runs"
        " WHERE finished_at IS NOT NULL AND scheduled_at >= $2"
        " AND ($1::uuid[] IS NULL OR project_id = ANY($1)) GROUP BY state",
        None if project_ids is None else list(project_ids),
        since,
    )
    return RunCounts(
        {record["state"]: record["runs"] for record in records},
        sum(record["seconds"] for record in records),
    )


async def count_ends(
    tx: Transaction, *, project_ids: Collection[UUID] | None, buckets: Buckets
) -> dict[datetime, Ends]:
    """How runs of these projects (None: of all) ended, by the start of the bucket they ended in.
    Buckets in which none did are left out.
    """
    records = await fetch_buckets(
        tx,
        columns="count(*) FILTER (WHERE state = 'FINISHED') AS succeeded,"
        " count(*) FILTER (WHERE state IN ('ERROR', 'FAILED')) AS failed,"
        " count(*) FILTER (WHERE state = 'CANCELLED') AS cancelled",
        table="runs",
        instant="finished_at",
        project_ids=project_ids,
        buckets=buckets,
    )
    return {
        record["at"]: Ends(record["succeeded"], record["failed"], record["cancelled"])
        for record in records
    }


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
    """Chunks from the one that begins at this offset on, in order: a mebibyte or so at a time."""
    records = await tx.fetch(
        f"SELECT {_CHUNK} FROM run_logs WHERE run_id = $1 AND position >= $2 AND position < $3"
        " ORDER BY position LIMIT $4",
        run_id,
        after,
        after + _LOG_WINDOW_BYTES,
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
