"""SQL of what workers do to a run. Every write says id, state and attempt: the fencing token.

Leases are written and compared by the database's clock alone: machines need not agree on the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from treadle.core.json import Json
from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.jobs.model import Run, RunFile
from treadle.jobs.run_store import RUN_COLUMNS
from treadle.jobs.states import AttemptOutcome, Decision


async def claim_run(
    tx: Transaction, run_id: UUID, *, worker_id: UUID, lease: timedelta, now: datetime
) -> Run | None:
    """Makes the run this worker's, with the next attempt; None if it is not to be had."""
    record = await tx.fetchrow(
        "WITH claimed AS (UPDATE runs SET state = 'INITIALIZING', attempt = attempt + 1,"
        " worker_id = $2, lease_expires_at = now() + $3::interval, not_before = NULL,"
        " received_at = coalesce(received_at, $4), started_at = NULL"
        " WHERE id = $1 AND state = 'QUEUED'"
        f" RETURNING {RUN_COLUMNS}), logged AS ("
        " INSERT INTO run_attempts (tenant_id, run_id, attempt, worker_id, received_at)"
        " SELECT tenant_id, id, attempt, $2, $4 FROM claimed)"
        f" SELECT {RUN_COLUMNS} FROM claimed",
        run_id,
        worker_id,
        lease,
        now,
    )
    return row_or_none(Run, record)


async def begin_attempt(tx: Transaction, run_id: UUID, *, attempt: int, now: datetime) -> bool:
    """Notes that the code begins; False if the run is no longer this attempt's or is to stop.

    The request to stop is looked at here too: after this statement the code may have effects.
    """
    done = await tx.fetchval(
        "WITH begun AS (UPDATE runs SET state = 'RUNNING', started_at = $3"
        " WHERE id = $1 AND attempt = $2 AND state = 'INITIALIZING' AND stop_requested_at IS NULL"
        " RETURNING tenant_id, id, attempt)"
        " UPDATE run_attempts a SET started_at = $3 FROM begun b"
        " WHERE a.tenant_id = b.tenant_id AND a.run_id = b.id AND a.attempt = b.attempt"
        " RETURNING 1",
        run_id,
        attempt,
        now,
    )
    return done is not None


@dataclass(frozen=True, slots=True)
class Held:
    """A run that this worker still has, and whether somebody wants it stopped."""

    run_id: UUID
    attempt: int
    stop_requested: bool


async def renew_leases(
    tx: Transaction, runs: Sequence[tuple[UUID, int]], *, lease: timedelta
) -> list[Held]:
    """Extends these leases; a run that is missing in the answer is no longer the caller's."""
    records = await tx.fetch(
        "UPDATE runs r SET lease_expires_at = now() + $3::interval"
        " FROM unnest($1::uuid[], $2::int[]) AS held(id, attempt)"
        " WHERE r.id = held.id AND r.attempt = held.attempt"
        " AND r.state IN ('INITIALIZING', 'RUNNING')"
        " RETURNING r.id, r.attempt, r.stop_requested_at IS NOT NULL AS stop_requested",
        [run_id for run_id, _ in runs],
        [attempt for _, attempt in runs],
        lease,
    )
    return [Held(record["id"], record["attempt"], record["stop_requested"]) for record in records]


async def append_log(
    tx: Transaction, run_id: UUID, *, attempt: int, content: str, now: datetime
) -> bool:
    """Adds to the run's log; False if the run is no longer this attempt's."""
    position = await tx.fetchval(
        "WITH held AS (UPDATE runs SET log_bytes = log_bytes + octet_length($3::text)"
        " WHERE id = $1 AND attempt = $2 AND state IN ('INITIALIZING', 'RUNNING')"
        " RETURNING tenant_id, log_bytes - octet_length($3::text) AS position)"
        " INSERT INTO run_logs (tenant_id, run_id, position, attempt, at, content)"
        " SELECT tenant_id, $1, position, $2, $4, $3 FROM held RETURNING position",
        run_id,
        attempt,
        content,
        now,
    )
    return position is not None


async def note_in_log(tx: Transaction, run_id: UUID, *, content: str, now: datetime) -> None:
    """Adds a line of the engine's own to a run that no worker has now. Call with it locked."""
    await tx.execute(
        "WITH grown AS (UPDATE runs SET log_bytes = log_bytes + octet_length($2::text)"
        " WHERE id = $1 RETURNING tenant_id, attempt, log_bytes - octet_length($2::text) AS at)"
        " INSERT INTO run_logs (tenant_id, run_id, position, attempt, at, content)"
        " SELECT tenant_id, $1, at, attempt, $3, $2 FROM grown",
        run_id,
        content,
        now,
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, as it is written down."""

    outcome: AttemptOutcome
    result: Json = None
    error_type: str | None = None
    error: str | None = None
    return_code: int | None = None


async def end_attempt(
    tx: Transaction,
    run_id: UUID,
    *,
    attempt: int,
    ending: Ending,
    decision: Decision,
    now: datetime,
) -> Run | None:
    """Ends the attempt and moves the run on; None if the run is no longer this attempt's."""
    record = await tx.fetchrow(
        "WITH ended AS (UPDATE runs SET state = $3, failures = $4, not_before = $5,"
        " finished_at = CASE WHEN $3 = 'QUEUED' THEN NULL ELSE $6::timestamptz END,"
        " worker_id = NULL, lease_expires_at = NULL, result = $7, error_type = $8, error = $9,"
        " return_code = $10"
        " WHERE id = $1 AND attempt = $2 AND state IN ('INITIALIZING', 'RUNNING')"
        f" RETURNING {RUN_COLUMNS}), noted AS ("
        " UPDATE run_attempts a SET finished_at = $6, outcome = $11, error_type = $8,"
        " error = $9, return_code = $10 FROM ended e"
        " WHERE a.tenant_id = e.tenant_id AND a.run_id = e.id AND a.attempt = e.attempt)"
        f" SELECT {RUN_COLUMNS} FROM ended",
        run_id,
        attempt,
        decision.state.value,
        decision.failures,
        decision.not_before,
        now,
        ending.result,
        ending.error_type,
        ending.error,
        ending.return_code,
        ending.outcome.value,
    )
    return row_or_none(Run, record)


async def replace_run_files(
    tx: Transaction, run_id: UUID, *, attempt: int, files: Sequence[RunFile]
) -> None:
    """The files of the last attempt are the run's files."""
    await tx.execute("DELETE FROM run_files WHERE run_id = $1", run_id)
    await tx.executemany(
        "INSERT INTO run_files (tenant_id, run_id, path, attempt, number, size)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        [(tx.tenant, run_id, file.path, attempt, file.number, file.size) for file in files],
    )


async def expired_runs(tx: Transaction, *, limit: int) -> list[Run]:
    """Runs whose worker went silent, those first that are silent longest."""
    records = await tx.fetch(
        f"SELECT {RUN_COLUMNS} FROM runs WHERE lease_expires_at < now()"
        " ORDER BY lease_expires_at LIMIT $1",
        limit,
    )
    return rows(Run, records)


async def lock_expired(tx: Transaction, run_id: UUID, *, attempt: int) -> Run | None:
    """The run, locked; None if its worker renewed or ended meanwhile, or was rescued already."""
    record = await tx.fetchrow(
        f"SELECT {RUN_COLUMNS} FROM runs"
        " WHERE id = $1 AND attempt = $2 AND lease_expires_at < now() FOR UPDATE",
        run_id,
        attempt,
    )
    return row_or_none(Run, record)


@dataclass(frozen=True, slots=True)
class Stuck:
    """A job whose waiting runs have nothing ahead of them."""

    tenant_id: UUID
    job_id: int


async def stuck_jobs(tx: Transaction, *, limit: int) -> list[Stuck]:
    """Jobs that wait for nothing. Should find none; it mends what an operator's hand broke.

    Looks at one waiting run of each job, however many wait: from job to job through runs_waiting.
    """
    records = await tx.fetch(
        "WITH RECURSIVE blocked AS ("
        " (SELECT tenant_id, job_id FROM runs WHERE state = 'WAITING'"
        " ORDER BY tenant_id, job_id LIMIT 1)"
        " UNION ALL SELECT following.* FROM blocked b, LATERAL ("
        " SELECT tenant_id, job_id FROM runs WHERE state = 'WAITING'"
        " AND (tenant_id, job_id) > (b.tenant_id, b.job_id)"
        " ORDER BY tenant_id, job_id LIMIT 1) AS following)"
        " SELECT tenant_id, job_id FROM blocked b WHERE NOT EXISTS (SELECT FROM runs o"
        " WHERE o.tenant_id = b.tenant_id AND o.job_id = b.job_id"
        " AND o.state IN ('QUEUED', 'INITIALIZING', 'RUNNING')) LIMIT $1",
        limit,
    )
    return rows(Stuck, records)


async def put_worker(
    tx: Transaction,
    worker_id: UUID,
    *,
    destination_id: int,
    host: str,
    process_id: int,
    capacity: int,
    now: datetime,
) -> None:
    """Registers the worker, or says that it still lives."""
    await tx.execute(
        "INSERT INTO workers"
        " (id, destination_id, host, process_id, capacity, started_at, heartbeat_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6)"
        " ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at",
        worker_id,
        destination_id,
        host,
        process_id,
        capacity,
        now,
    )


async def remove_workers(tx: Transaction, *, worker_id: UUID | None, silent_since: datetime) -> int:
    """Forgets this worker, and those not heard of since."""
    return await tx.execute(
        "DELETE FROM workers WHERE id = $1 OR heartbeat_at < $2", worker_id, silent_since
    )
