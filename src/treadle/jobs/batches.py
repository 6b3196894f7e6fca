"""Many runs at once, for those who start them on a caller's behalf: schedules, workflows.

What a caller may do was asked when the schedule was made; here nobody calls. A job that cannot be
run any more is an answer, not an error: the others of the batch are started all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from treadle.core.errors import BadInput, TreadleError
from treadle.db.rows import fresh_id
from treadle.db.transaction import Transaction
from treadle.engine.queue import Entry, submit_entries
from treadle.jobs import definition_store, files, macros, run_store
from treadle.jobs.context import JobsContext
from treadle.jobs.macros import MacroDraft
from treadle.jobs.model import Job, RunState
from treadle.jobs.queueing import lane_of
from treadle.jobs.run_store import NewRun


@dataclass(frozen=True, slots=True)
class Order:
    """A run that is wanted. `project_id` is where the job must be; `origin` is who hears of the
    run's end (see `JobsContext.on_end`); `by` is shown as who submitted it.
    """

    job_id: int
    project_id: UUID
    origin: str
    by: str
    input: Mapping[str, Any] = field(default_factory=dict[str, Any])
    macros: tuple[MacroDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an order starts nothing, for people to read."""

    reason: str


async def submit_runs(
    tx: Transaction, context: JobsContext, orders: Sequence[Order], *, now: datetime
) -> list[UUID | Refused]:
    """For each order the id of its run, or why there is none. The runs and their queue entries are
    written together, whatever their number, with a handful of statements.
    """
    if not orders:
        return []
    wanted = sorted({order.job_id for order in orders})
    # Before they are held: two that hold the same job could not lock it any more.
    locked = await definition_store.lock_blocking_jobs(tx, wanted)
    jobs = {job.id: job for job in await definition_store.hold_jobs(tx, wanted)}
    packages = await _packages(tx, jobs)
    waiting = await _waiting_behind(tx, jobs, locked)
    answers: list[UUID | Refused] = []
    new: list[NewRun] = []
    for order in orders:
        job = jobs.get(order.job_id)
        package = packages.get(order.job_id)
        refusal = _refusal(order, job, package)
        if refusal is not None or job is None or package is None or isinstance(package, Refused):
            answers.append(refusal or Refused("this job cannot be run"))
            continue
        run_id = fresh_id()
        try:
            sealed = macros.seal_run_macros(context.sealer, tx.tenant, run_id, order.macros)
        except BadInput as error:
            answers.append(Refused(error.message))
            continue
        state = RunState.WAITING if job.id in waiting else RunState.QUEUED
        if job.blocking:
            waiting.add(job.id)  # the next one of this batch waits behind it
        run = _row(order, job, run_id=run_id, state=state, package=package, macros=sealed, now=now)
        new.append(run)
        answers.append(run.id)
    await run_store.insert_runs(tx, new)
    entries = [
        Entry(lane_of(run.destination_id), tx.tenant, run.id.bytes)
        for run in new
        if run.state == RunState.QUEUED
    ]
    await submit_entries(tx, entries, bound=context.queue_bound)
    return answers


def _refusal(
    order: Order, job: Job | None, package: dict[str, Any] | Refused | None
) -> Refused | None:
    if job is None or job.project_id != order.project_id:
        return Refused(f"there is no job {order.job_id} in this project any more")
    if not job.active:
        return Refused(f"the job {job.name!r} is not active")
    return package if isinstance(package, Refused) else None


def _row(
    order: Order,
    job: Job,
    *,
    run_id: UUID,
    state: RunState,
    package: dict[str, Any],
    macros: bytes | None,
    now: datetime,
) -> NewRun:
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
        log_level=job.log_level,
        destination_id=job.destination_id,
        package=package,
        input=dict(order.input),
        macros=macros,
        macro_sets=[],
        tags=list(job.tags),
        submitted_by=order.by,
        scheduled_at=now,
        retry_of=None,
        origin=order.origin,
    )


async def _packages(
    tx: Transaction, jobs: Mapping[int, Job]
) -> dict[int, dict[str, Any] | Refused]:
    """What the jobs' runs execute: content and entry point."""
    named = {job.id: job.package_name for job in jobs.values() if job.package_name is not None}
    found = {file.job_id: file for file in await definition_store.hold_files(tx, named)}
    packages: dict[int, dict[str, Any] | Refused] = {}
    for job in jobs.values():
        if job.package_name is None:
            packages[job.id] = Refused(f"the job {job.name!r} has no package")
        elif (file := found.get(job.id)) is None:
            packages[job.id] = Refused(f"the job {job.name!r} has no file {job.package_name!r}")
        else:
            try:
                packages[job.id] = files.runnable(file, job.entry_point)
            except TreadleError as error:
                packages[job.id] = Refused(error.message)
    return packages


async def _waiting_behind(tx: Transaction, jobs: Mapping[int, Job], locked: set[int]) -> set[int]:
    """The blocking jobs with an open run: what comes now waits behind it."""
    blocking = sorted(job.id for job in jobs.values() if job.blocking)
    for job_id in blocking:
        if job_id not in locked:  # it became one just now
            await definition_store.lock_job(tx, job_id)
    return {job_id for job_id in blocking if await run_store.has_open_run(tx, job_id)}
