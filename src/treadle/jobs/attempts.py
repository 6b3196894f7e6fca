"""What workers do to runs: claim, begin, log, end, hand back; and the rescue of lost ones.

Who ends an attempt says its number: a worker that was given up for lost finds that the run is no
longer its own, whatever it wanted to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.jobs import attempt_store as store
from treadle.jobs import definition_store, macros, run_store
from treadle.jobs.attempt_store import Ending, Held
from treadle.jobs.context import JobsContext
from treadle.jobs.macros import Variables
from treadle.jobs.model import Run, RunFile, RunState
from treadle.jobs.queueing import announce, enqueue_run, enqueue_run_at
from treadle.jobs.runs import release_next
from treadle.jobs.states import AttemptOutcome, decide

log = structlog.get_logger()

RESCUE_BATCH = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that is now ours, and what its code gets as its environment."""

    run: Run
    variables: Variables


async def claim(
    database: Database,
    context: JobsContext,
    tenant_id: UUID,
    run_id: UUID,
    *,
    worker_id: UUID,
    lease: timedelta,
    now: datetime,
) -> Claim | None:
    """The run with its next attempt, under a lease of ours; None if it is not to be had."""
    async with database.tenant(tenant_id) as tx:
        run = await store.claim_run(tx, run_id, worker_id=worker_id, lease=lease, now=now)
        if run is None:
            return None
        job = await definition_store.find_job(tx, run.job_id)
        kind, _, user_id = run.submitted_by.partition(":")
        variables = await macros.resolve(
            tx,
            context.sealer,
            user_id=user_id if kind == "user" else None,
            job_id=run.job_id,
            job_sets=job.macro_sets if job else (),
            run_sets=run.macro_sets,
            run_macros=run.macros,
            run_id=run.id,
        )
        await announce(tx, run.id, run.state)
    return Claim(run, variables)


async def begin(database: Database, run: Run, *, now: datetime) -> bool:
    """Whether the code may begin. False: the run was taken away, or is to stop."""
    async with database.tenant(run.tenant_id) as tx:
        begun = await store.begin_attempt(tx, run.id, attempt=run.attempt, now=now)
        if begun:
            await announce(tx, run.id, RunState.RUNNING)
    return begun


async def append_log(database: Database, run: Run, content: str, *, now: datetime) -> bool:
    """Whether the run is still ours; then its log has grown by this content."""
    async with database.tenant(run.tenant_id) as tx:
        held = await store.append_log(tx, run.id, attempt=run.attempt, content=content, now=now)
        if held:
            await announce(tx, run.id, "log")
    return held


async def renew(
    database: Database, runs: Sequence[tuple[UUID, int]], *, lease: timedelta
) -> list[Held]:
    """Those of the runs (id, attempt) that are still ours, with their leases extended."""
    async with database.system() as tx:
        return await store.renew_leases(tx, runs, lease=lease)


async def end(
    database: Database,
    context: JobsContext,
    run: Run,
    ending: Ending,
    *,
    log_tail: str,
    files: Sequence[RunFile],
    now: datetime,
) -> Run | None:
    """The run after this attempt: final, or queued again; None if it was no longer ours.

    The rest of the log, the files, the next waiting run and the next attempt's timer are written
    with it, or nothing is.
    """
    async with database.tenant(run.tenant_id) as tx:
        if run.blocking:
            await definition_store.lock_job(tx, run.job_id)  # job before run, as at submission
        current = await run_store.find_run(tx, run.id, lock=True)
        if current is None or current.attempt != run.attempt:
            return None
        if log_tail:
            await store.append_log(tx, run.id, attempt=run.attempt, content=log_tail, now=now)
        ended = await _end(tx, context, current, ending, now=now)
        if ended is not None and files:
            await store.replace_run_files(tx, run.id, attempt=run.attempt, files=files)
    return ended


async def _end(
    tx: Transaction, context: JobsContext, run: Run, ending: Ending, *, now: datetime
) -> Run | None:
    decision = decide(
        ending.outcome,
        code_began=run.started_at is not None,
        stop_requested=run.stop_requested_at is not None,
        failures=run.failures,
        max_retries=run.max_retries,
        backoff=timedelta(seconds=run.retry_backoff_seconds),
        now=now,
    )
    ended = await store.end_attempt(
        tx, run.id, attempt=run.attempt, ending=ending, decision=decision, now=now
    )
    if ended is None:
        return None
    if ended.state.is_final:
        tx.after_commit(partial(context.count_end, ended.state))
        if ended.blocking:
            await release_next(tx, context, ended.job_id)
        await context.on_end(tx, ended)
    elif ended.not_before is not None:
        await enqueue_run_at(tx, ended, ended.not_before)
    else:
        await enqueue_run(tx, ended, bound=context.queue_bound)
    await announce(tx, ended.id, ended.state)
    return ended


async def rescue(database: Database, context: JobsContext, *, now: datetime) -> int:
    """Takes runs from workers that went silent, each in a transaction of its own: how many.

    Any number of processes may do this at the same time.
    """
    async with database.system() as tx:
        lost = await store.expired_runs(tx, limit=RESCUE_BATCH)
    for run in lost:
        await _rescue_one(database, context, run, now=now)
    await _unstick(database, context)
    return len(lost)


async def _rescue_one(database: Database, context: JobsContext, run: Run, *, now: datetime) -> None:
    ending = Ending(
        AttemptOutcome.LOST,
        error_type="WorkerLost",
        error="the worker that ran this went silent",
    )
    async with database.tenant(run.tenant_id) as tx:
        if run.blocking:
            await definition_store.lock_job(tx, run.job_id)
        current = await store.lock_expired(tx, run.id, attempt=run.attempt)
        if current is None:
            return
        ended = await _end(tx, context, current, ending, now=now)
        if ended is not None:
            note = f"[treadle] attempt {run.attempt}: the worker went silent\n"
            await store.note_in_log(tx, run.id, content=note, now=now)
            log.warning(
                "run.rescued",
                run_id=str(run.id),
                attempt=run.attempt,
                worker_id=str(run.worker_id),
                state=ended.state,
            )


async def _unstick(database: Database, context: JobsContext) -> None:
    async with database.system() as tx:
        stuck = await store.stuck_jobs(tx, limit=RESCUE_BATCH)
    for place in stuck:
        async with database.tenant(place.tenant_id) as tx:
            await definition_store.lock_job(tx, place.job_id)
            await release_next(tx, context, place.job_id)
