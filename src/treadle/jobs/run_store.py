"""SQL of runs as callers see them: submission, lists, logs, files. Workers: `attempt_store`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from treadle.core.pages import Page, PageRequest
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

COUNTED: Final = 10_000
"""Rows of a list that are counted; a longer one is said to have at least so many."""
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


async def find_state(tx: Transaction, run_id: UUID) -> RunState | None:
    """Where the run stands now."""
    state = await tx.fetchval("SELECT state FROM runs WHERE id = $1", run_id)
    return None if state is None else RunState(state)


async def latest_run(tx: Transaction, job_id: int) -> Run | None:
    """The job's newest run. Reads one entry of the index runs_of_job."""
    record = await tx.fetchrow(
        f"SELECT {RUN_COLUMNS} FROM runs WHERE job_id = $1"
        " ORDER BY scheduled_at DESC, id DESC LIMIT 1",
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
) -> Page[RunSummary]:
    """Runs in the order in which they were scheduled; where there are more than COUNTED, `total` is
    at least their number, and always more than the page shows if another one follows.
    """
    # By itself first: joined to the runs, a name that no job has is looked for in all of them.
    named = None if wanted.text is None else await _jobs_named(tx, wanted.text)
    where, arguments = _conditions(wanted, named)
    direction = "DESC" if descending else "ASC"
    order = f"ORDER BY scheduled_at {direction}, id {direction}"
    # Only the index is read of the rows before the page; one row more says whether it is the last.
    records = await tx.fetch(
        f"SELECT {_SUMMARY} FROM runs JOIN (SELECT id FROM runs {where} {order}"
        f" LIMIT ${len(arguments) + 1} OFFSET ${len(arguments) + 2}) AS page USING (id) {order}",
        *arguments,
        page.size + 1,
        page.offset,
    )
    seen = page.offset + len(records)
    total = seen
    is_end = len(records) <= page.size and (bool(records) or page.offset == 0)
    if not is_end and (seen < COUNTED or not records):
        counted: int = await tx.fetchval(
            f"SELECT count(*) FROM (SELECT FROM runs {where} LIMIT {COUNTED}) AS counted",
            *arguments,
        )
        total = max(counted, seen) if records else counted
    return Page(tuple(rows(RunSummary, records[: page.size])), total, page)


async def _jobs_named(tx: Transaction, text: str) -> list[int]:
    """Ids of the jobs, deleted ones too, whose name holds the text."""
    records = await tx.fetch(
        "SELECT id FROM jobs WHERE position(lower($1) IN lower(name)) > 0", text
    )
    return [record["id"] for record in records]


def _conditions(wanted: RunFilter, named: list[int] | None) -> tuple[str, list[Any]]:
    """The WHERE of a filter and its arguments. Only what is asked for stands there: a plan that had
    to do for every filter could use the index of none.
    """
    projects, states = wanted.project_ids, wanted.states
    asked: list[tuple[str, Any]] = [
        ("project_id = ANY(?)", None if projects is None else list(projects)),
        ("state = ANY(?)", None if states is None else list(states)),
        ("job_id = ?", wanted.job_id),
        ("submitted_by = ?", wanted.submitted_by),
        ("scheduled_at >= ?", wanted.since),
        ("scheduled_at < ?", wanted.until),
        ("job_id = ANY(?)", named),
    ]
    conditions: list[str] = []
    arguments: list[Any] = []
    for condition, value in asked:
        if value is None:
            continue
        place = f"${len(arguments) + 1}"
        if isinstance(value, list) and len(value) == 1:  # an index on one value keeps the order
            arguments.append(value[0])
            conditions.append(condition.replace("ANY(?)", place))
        else:
            arguments.append(value)
            conditions.append(condition.replace("?", place))
    return f"WHERE {' AND '.join(conditions)}" if conditions else "", arguments


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
