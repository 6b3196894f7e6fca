"""Runs as callers see them: submit, read, stop, retry. Workers: `treadle.jobs.attempts`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from treadle.core.buckets import Buckets, Ends
from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.ids import new_id
from treadle.core.pages import Page, PageRequest
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import (
    MISSING,
    Right,
    allows,
    projects_among,
    require_found,
    require_somewhere,
)
from treadle.jobs import definition_store, definitions, files, macros, run_store
from treadle.jobs.context import JobsContext
from treadle.jobs.macros import MacroDraft
from treadle.jobs.model import (
    Attempt,
    Job,
    LogChunk,
    Run,
    RunCounts,
    RunFile,
    RunFilter,
    RunState,
    RunSummary,
)
from treadle.jobs.queueing import announce, announce_stop, enqueue_run, forget_timer
from treadle.jobs.run_store import NewRun
from treadle.jobs.states import state_when_stopped

STATISTICS_WINDOW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a caller says when it starts a run. None and empty take what the job says."""

    input: dict[str, Any] = field(default_factory=dict[str, Any])
    package_name: str | None = None
    entry_point: str | None = None
    log_level: str | None = None
    macros: tuple[MacroDraft, ...] = ()
    macro_sets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


async def submit_run(
    tx: Transaction,
    context: JobsContext,
    caller: Principal,
    job_id: int | None,
    request: RunRequest,
    *,
    now: datetime,
) -> Run:
    """The new run and its queue entry, together. Everything it needs is fixed here: what is
    uploaded or edited later changes later runs only.

    Raises NotFound, Forbidden, Conflict (inactive job), BadInput (no package, no entry point).
    """
    job = await definitions.get_job_for(tx, caller, job_id, Right.JOBS_RUN)
    if not job.active:
        raise Conflict("this job is not active")
    state = await _first_state(tx, job)
    package = await _package(tx, job, request)
    await macros.require_sets(tx, request.macro_sets)
    run_id = new_id()
    row = await _row(
        tx,
        job,
        caller,
        run_id=run_id,
        state=state,
        package=package,
        input=request.input,
        log_level=_log_level(request.log_level) or job.log_level,
        macros=macros.seal_run_macros(context.sealer, tx.tenant, run_id, request.macros),
        macro_sets=list(request.macro_sets),
        tags=list(request.tags or job.tags),
        now=now,
    )
    return await _insert(tx, context, row)


async def retry_run(
    tx: Transaction, context: JobsContext, caller: Principal, run_id: UUID | None, *, now: datetime
) -> Run:
    """A new run with the same package, input and macros as one that has ended."""
    old = await get_run(tx, caller, run_id, Right.JOBS_RUN)
    if not old.state.is_final:
        raise Conflict("this run has not ended")
    job = await definitions.get_job_for(tx, caller, old.job_id, Right.JOBS_RUN)
    if not job.active:
        raise Conflict("this job is not active")
    state = await _first_state(tx, job)
    if not await definition_store.has_content(tx, bytes.fromhex(old.package["sha256"])):
        raise Conflict("the package of this run is no longer stored")
    run_id_again = new_id()
    row = await _row(
        tx,
        job,
        caller,
        run_id=run_id_again,
        state=state,
        package=old.package,
        input=old.input,
        log_level=old.log_level,
        macros=macros.reseal_run_macros(context.sealer, old, run_id_again),
        macro_sets=old.macro_sets,
        tags=old.tags,
        now=now,
        retry_of=old.id,
    )
    return await _insert(tx, context, row)


async def stop_run(
    tx: Transaction, context: JobsContext, caller: Principal, run_id: UUID | None, *, now: datetime
) -> Run:
    """Cancels a run that no worker has, or asks its worker to stop it. Conflict when over."""
    seen = await get_run(tx, caller, run_id, Right.JOBS_RUN)
    stopped = await stop_for(tx, context, seen.id, by=caller.ref, name=caller.name, now=now)
    if stopped is None:
        raise NotFound(MISSING)
    return stopped


async def stop_for(
    tx: Transaction, context: JobsContext, run_id: UUID, *, by: str, name: str, now: datetime
) -> Run | None:
    """As `stop_run`, for somebody who started it on another's behalf; None where it is gone.

    `by` is who is noted, `name` what people read. Raises Conflict when it is over.
    """
    seen = await run_store.find_run(tx, run_id)
    if seen is None:
        return None
    if seen.blocking:
        await definition_store.lock_job(tx, seen.job_id)  # as `_first_state`: job before run
    run = await run_store.find_run(tx, run_id, lock=True)
    if run is None:
        return None
    if run.state.is_final:
        raise Conflict(f"this run has already ended: {run.state}")
    state = state_when_stopped(run.state, attempt=run.attempt)
    if state is None:
        await run_store.request_stop(tx, run.id, by=by, now=now)
        await announce_stop(tx, run.id)
    else:
        error = f"stopped by {name} before a worker had it"
        if run.attempt:
            error = f"stopped by {name} between two attempts"
        await run_store.end_unclaimed(tx, run.id, state, by=by, error=error, now=now)
        tx.after_commit(partial(context.count_end, state))
        await forget_timer(tx, run)
        if run.blocking:
            await release_next(tx, context, run.job_id)
    await announce(tx, run.id, "stop")
    stopped = await run_store.find_run(tx, run.id) or run
    if state is not None:
        await context.on_end(tx, stopped)
    return stopped


async def release_next(tx: Transaction, context: JobsContext, job_id: int) -> None:
    """Queues the oldest waiting run of the job if none is ahead of it. The job must be locked."""
    run = await run_store.next_waiting(tx, job_id)
    if run is not None:
        await enqueue_run(tx, run, bound=context.queue_bound)
        await announce(tx, run.id, run.state)


async def get_run(
    tx: Transaction,
    caller: Principal,
    run_id: UUID | None,
    right: Right = Right.HISTORY_READ,
) -> Run:
    """The run, if the caller has this right in its project."""
    run = None if run_id is None else await run_store.find_run(tx, run_id)
    return require_found(caller, right, run)


async def list_runs(
    tx: Transaction,
    caller: Principal,
    page: PageRequest,
    wanted: RunFilter,
    *,
    project: str | None = None,
    descending: bool = True,
) -> Page[RunSummary]:
    """The runs that the caller may see, in all projects or in the one of this id;
    `wanted.project_ids` is set here.
    """
    reach = require_somewhere(caller, Right.HISTORY_READ)
    bounded = replace(wanted, project_ids=definitions.ids_of(reach, project))
    return await run_store.list_runs(tx, page, bounded, descending=descending)


async def latest_runs(
    tx: Transaction, caller: Principal, jobs: Sequence[Job]
) -> dict[int, RunSummary | None]:
    """The newest run of each of these jobs by its id, None where it never ran. Jobs whose history
    the caller may not read are left out.
    """
    readable = [job.id for job in jobs if allows(caller, Right.HISTORY_READ, job.project_id)]
    found = {run.job_id: run for run in await run_store.latest_runs(tx, readable)}
    return {job_id: found.get(job_id) for job_id in readable}


async def list_attempts(tx: Transaction, run: Run) -> list[Attempt]:
    """The tries of a run that the caller has already been let see."""
    return await run_store.list_attempts(tx, run.id)


async def read_log(tx: Transaction, run: Run, *, after: int) -> list[LogChunk]:
    """Some chunks of the log from this offset on; none when there is no more yet."""
    return await run_store.read_log(tx, run.id, after=after)


async def list_output(tx: Transaction, run: Run) -> list[RunFile]:
    """What the run left in its output folder."""
    return await run_store.list_run_files(tx, run.id)


async def get_output_file(tx: Transaction, run: Run, path: str) -> RunFile:
    """One file of the output folder. Raises NotFound."""
    file = await run_store.find_run_file(tx, run.id, path)
    if file is None:
        raise NotFound(MISSING)
    return file


async def count_runs(
    tx: Transaction, caller: Principal, *, project: str | None = None, now: datetime
) -> RunCounts:
    """Statistics of the runs that the caller may see, in all projects or in the one of this id:
    open ones, and the last day's.
    """
    reach = require_somewhere(caller, Right.HISTORY_READ)
    return await run_store.count_runs(
        tx,
        project_ids=definitions.ids_of(reach, project),
        since=now - STATISTICS_WINDOW,
    )


async def count_ends(
    tx: Transaction, caller: Principal, buckets: Buckets, *, project_id: UUID | None = None
) -> dict[datetime, Ends]:
    """How the runs that the caller may see ended, by the bucket they ended in; as the store
    says.
    """
    reach = require_somewhere(caller, Right.HISTORY_READ)
    return await run_store.count_ends(
        tx, project_ids=projects_among(reach, project_id), buckets=buckets
    )


async def _insert(tx: Transaction, context: JobsContext, row: NewRun) -> Run:
    run = await run_store.insert_run(tx, row)
    if run.state is RunState.QUEUED:
        await enqueue_run(tx, run, bound=context.queue_bound)
    return run


async def _row(
    tx: Transaction,
    job: Job,
    caller: Principal,
    *,
    run_id: UUID,
    state: RunState,
    package: dict[str, Any],
    input: dict[str, Any],  # noqa: A002 - the run's word
    log_level: str,
    macros: bytes | None,
    macro_sets: list[str],
    tags: list[str],
    now: datetime,
    retry_of: UUID | None = None,
) -> NewRun:
    """A run of this job as the job is now; only what is named here may differ from run to run."""
    return NewRun(
        id=run_id,
        project_id=job.project_id,
        job_id=job.id,
        job_name=job.name,
        state=state,
        max_retries=job.max_retries,
        retry_backoff_seconds=job.retry_backoff_seconds,
        timeout_seconds=job.timeout_minutes * 60,
        blocking=job.blocking,
        network=job.network,
        log_level=log_level,
        destination_id=job.destination_id,
        package=package,
        input=input,
        macros=macros,
        macro_sets=macro_sets,
        tags=tags,
        submitted_by=caller.ref,
        scheduled_at=now,
        retry_of=retry_of,
        origin=None,
    )


async def _first_state(tx: Transaction, job: Job) -> RunState:
    """WAITING behind an open run of a blocking job. The lock makes the order of arrival the order
    of running: a run that ends at this moment either is seen as ended here, or sees the new one.

    Raises NotFound for a job that was deleted since it was looked at: who deletes it waits for us,
    and finds the run, or we wait and find it gone.
    """
    if job.blocking:
        await definition_store.lock_job(tx, job.id)
    if not await definition_store.hold_job(tx, job.id):
        raise NotFound(MISSING)
    if not job.blocking:
        return RunState.QUEUED
    return RunState.WAITING if await run_store.has_open_run(tx, job.id) else RunState.QUEUED


async def _package(tx: Transaction, job: Job, request: RunRequest) -> dict[str, Any]:
    """What the run will execute: content and entry point."""
    name = request.package_name or job.package_name
    if name is None:
        raise BadInput(
            "runtimeConfig.packageName: this job has no package", field="runtimeConfig.packageName"
        )
    file = await definition_store.find_file(tx, job.id, name, keep=True)
    if file is None:
        raise BadInput(
            f"runtimeConfig.packageName: no file {name!r} was uploaded to this job",
            field="runtimeConfig.packageName",
        )
    # The job's entry point belongs to the job's package, not to another one.
    own = job.entry_point if name == job.package_name else None
    return files.runnable(file, request.entry_point or own)


def _log_level(wanted: str | None) -> str | None:
    if wanted is not None and wanted not in definitions.LOG_LEVELS:
        raise BadInput(
            f"runtimeConfig.logLevel: one of {', '.join(definitions.LOG_LEVELS)}",
            field="runtimeConfig.logLevel",
        )
    return wanted
