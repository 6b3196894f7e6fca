"""The schedules that belong to a job: those with a name of their own there, and its config's one.

They are schedules like all others; what is more is their place. Two of one job never have the same
name, a job has one schedule of its config's own at most, and both go when the job goes. Whoever
makes, finds or deletes one by its place takes the job's turn first.

What runs a job is not repeated by the schedule: a job has retries of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from treadle.core.errors import Conflict, NotFound, Unprocessable
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import MISSING, Right
from treadle.jobs import definitions
from treadle.jobs.model import Job
from treadle.schedules import schedule_store as store
from treadle.schedules.context import SchedulesContext
from treadle.schedules.control import pause_schedule, resume_schedule
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.model import ActionType, Definition, Face, Schedule, ScheduleStatus
from treadle.schedules.schedules import Draft, change_schedule, create_schedule, delete_schedule

MOST_NAMED: Final = 200
"""Schedules that a job can have by name."""
MOST_LISTED: Final = 1_000
DISABLED: Final = "disabled"
"""Why a schedule is paused that was made or changed to be so."""
MAX_RETRIES: Final = 0
PAUSE_ON_FAILURES: Final = 100
"""Nobody who schedules a job expects it to stop for good after a bad night: the most there is."""

_BELONGING: Final = (Face.REMOTE_JOBS, Face.JOB_CONFIG)


@dataclass(frozen=True, slots=True)
class Timing:
    """When a job is run by name: at the union of `crons`."""

    timezone: str
    crons: tuple[str, ...]
    start_at: datetime
    end_at: datetime | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of a definition that say this. One cron is the expression itself."""
        single = len(self.crons) == 1
        return {
            "timezone": self.timezone,
            "start_at": self.start_at,
            "end_at": self.end_at,
            "schedule_expression": self.crons[0] if single else None,
            "crons": () if single else self.crons,
        }


@dataclass(frozen=True, slots=True)
class Put:
    """A schedule that was put in its place, and whether there was none."""

    schedule: Schedule
    is_new: bool


# ---------------------------------------------------------------- by name


async def list_named(tx: Transaction, caller: Principal, job_id: int | None) -> list[Schedule]:
    """All schedules by crons that run the job, at most MOST_LISTED: those that were made by name
    first, then the oldest first. Raises NotFound, Forbidden.
    """
    job = await definitions.get_job_for(tx, caller, job_id, Right.SCHEDULES_READ)
    return await store.list_of_job(tx, job.id, schedule_type=ScheduleType.CRON, limit=MOST_LISTED)


async def put_named(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    job_id: int | None,
    *,
    name: str,
    timing: Timing,
    enabled: bool,
    now: datetime,
) -> Put:
    """The job's schedule of this name, changed or made. What else is said of one that was there
    stays as it is.

    Raises NotFound, Forbidden, Unprocessable, and Conflict where the job has MOST_NAMED, where the
    schedule has completed and would not be due again, and for several crons of the config's own.
    """
    job = await definitions.get_job_for(tx, caller, job_id, Right.SCHEDULES_WRITE)
    found = await _named(tx, job, name)
    if found is not None:
        changed = await _change(tx, context, caller, found, timing, enabled=enabled, now=now)
        return Put(changed, is_new=False)
    if await store.count_of_job(tx, job.id, face=Face.REMOTE_JOBS) >= MOST_NAMED:
        raise Conflict(f"this job has {MOST_NAMED} schedules, and cannot have more by name")
    _check_new(name)
    definition = _definition(job, name, ScheduleType.CRON, timing.fields())
    reason = None if enabled else DISABLED
    draft = Draft(definition, face=Face.REMOTE_JOBS, paused_reason=reason)
    made = await create_schedule(tx, context, caller, draft, now=now)
    return Put(made.schedule, is_new=True)


async def delete_named(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    job_id: int | None,
    name: str,
    *,
    now: datetime,
) -> None:
    """The job's schedule of this name is gone. Raises NotFound, Forbidden."""
    job = await definitions.get_job_for(tx, caller, job_id, Right.SCHEDULES_WRITE)
    found = await _named(tx, job, name)
    if found is None:
        raise NotFound(MISSING)
    await delete_schedule(tx, context, caller, found.id, now=now)


def _check_new(name: str) -> None:
    """The name is a part of the schedule's address, which must reach us as it was meant."""
    if not name.strip():
        raise Unprocessable("must not be blank", field="name")
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name):
        raise Unprocessable("must be one line without control characters", field="name")
    if any(part in (".", "..") for part in name.split("/")):
        # Clients make another address of `/schedules/../x`.
        raise Unprocessable("must not have . or .. alone between slashes", field="name")


async def _named(tx: Transaction, job: Job, name: str) -> Schedule | None:
    """The first schedule of this name in the list, locked."""
    await store.take_turn_of_job(tx, job.id)
    found = await store.list_of_job(
        tx, job.id, schedule_type=ScheduleType.CRON, name=name, limit=1, lock=True
    )
    return found[0] if found else None


async def _change(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    schedule: Schedule,
    timing: Timing,
    *,
    enabled: bool,
    now: datetime,
) -> Schedule:
    if schedule.face is Face.JOB_CONFIG and len(timing.crons) > 1:
        raise Conflict("this is the job config's own schedule, which has one cron")
    changed = await change_schedule(tx, context, caller, schedule.id, timing.fields(), now=now)
    if enabled and changed.status is not ScheduleStatus.ACTIVE:
        return await resume_schedule(tx, context, caller, changed.id, now=now)
    if not enabled and changed.status is ScheduleStatus.ACTIVE:
        return await pause_schedule(tx, context, caller, changed.id, reason=DISABLED, now=now)
    return changed


# ---------------------------------------------------------------- the config's own


async def get_own(tx: Transaction, caller: Principal, job_id: int | None) -> Schedule:
    """The schedule of the job's config. Raises NotFound, Forbidden."""
    job = await definitions.get_job_for(tx, caller, job_id, Right.SCHEDULES_READ)
    found = await store.list_of_job(tx, job.id, faces=[Face.JOB_CONFIG], limit=1)
    if not found:
        raise NotFound(MISSING)
    return found[0]


async def make_own(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    job_id: int | None,
    *,
    name: str,
    schedule_type: ScheduleType,
    timing: Mapping[str, Any],
    now: datetime,
) -> Schedule:
    """The new schedule of the job's config, which had none. `timing` are fields of a definition.

    Raises NotFound, Forbidden, Conflict, Unprocessable.
    """
    job = await definitions.get_job_for(tx, caller, job_id, Right.SCHEDULES_WRITE)
    if await _own(tx, job) is not None:
        raise Conflict("this job config has a schedule: change it with PUT")
    draft = Draft(_definition(job, name, schedule_type, timing), face=Face.JOB_CONFIG)
    return (await create_schedule(tx, context, caller, draft, now=now)).schedule


async def change_own(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    job_id: int | None,
    *,
    name: str,
    schedule_type: ScheduleType,
    timing: Mapping[str, Any],
    now: datetime,
) -> Schedule:
    """The schedule of the job's config with this name and timing; whether it is paused stays.

    Raises NotFound, Forbidden, Unprocessable.
    """
    job = await definitions.get_job_for(tx, caller, job_id, Right.SCHEDULES_WRITE)
    found = await _own(tx, job)
    if found is None:
        raise NotFound(MISSING)
    changes = {"name": name, "schedule_type": schedule_type, **timing}
    return await change_schedule(tx, context, caller, found.id, changes, now=now)


async def delete_own(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    job_id: int | None,
    *,
    now: datetime,
) -> None:
    """The job's config has no schedule any more. Raises NotFound, Forbidden."""
    job = await definitions.get_job_for(tx, caller, job_id, Right.SCHEDULES_WRITE)
    found = await _own(tx, job)
    if found is None:
        raise NotFound(MISSING)
    await delete_schedule(tx, context, caller, found.id, now=now)


async def _own(tx: Transaction, job: Job) -> Schedule | None:
    await store.take_turn_of_job(tx, job.id)
    found = await store.list_of_job(tx, job.id, faces=[Face.JOB_CONFIG], limit=1, lock=True)
    return found[0] if found else None


def _definition(
    job: Job, name: str, schedule_type: ScheduleType, timing: Mapping[str, Any]
) -> Definition:
    return Definition(
        name=name,
        schedule_type=schedule_type,
        action_type=ActionType.RUN_JOB,
        action_config={"job_id": str(job.id)},
        max_retries=MAX_RETRIES,
        pause_on_failure_count=PAUSE_ON_FAILURES,
        **timing,
    )


# ---------------------------------------------------------------- what becomes of the job


async def delete_job(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    job_id: int | None,
    *,
    now: datetime,
) -> None:
    """The job is gone, and the schedules that belong to it. Raises NotFound, Forbidden, and
    Conflict while it has an open run, or another schedule runs it.
    """
    job = await definitions.get_job_for(tx, caller, job_id, Right.JOBS_WRITE)
    belonging = await store.list_of_job(tx, job.id, faces=_BELONGING, limit=MOST_LISTED)
    # The schedules before the job, and by their ids, as whoever else locks several of them does.
    for schedule in sorted(belonging, key=lambda one: one.id):
        with suppress(NotFound):  # deleted since we looked
            await delete_schedule(tx, context, caller, schedule.id, now=now)
    await definitions.delete_job(tx, caller, job.id, now=now)
    # The job is locked now: a schedule that was being made of it is here, or finds it gone.
    left = await store.count_of_job(tx, job.id)
    if left:
        raise Conflict(f"{_schedules(left)} this job; delete what runs it first")


async def refuse_stray(tx: Transaction, job: Job) -> None:
    """Called after a change of the job: raises Conflict if it has left the project of schedules
    that run it, which could not run it from there.
    """
    left = await store.count_of_job(tx, job.id, outside=job.project_id)
    if left:
        raise Conflict(f"{_schedules(left)} this job in its project; delete what runs it first")


def _schedules(count: int) -> str:
    return "1 schedule runs" if count == 1 else f"{count} schedules run"
