"""What callers do to a schedule's course: pause, resume, trigger, backfill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from treadle.core.errors import Conflict, Unprocessable
from treadle.core.ids import new_id
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import Right, require_somewhere
from treadle.jobs.definitions import ids_of
from treadle.schedules import firing_store, schedule_store
from treadle.schedules.advancing import Asked, advance, bring_up_to_date, find_timetable
from treadle.schedules.context import SchedulesContext
from treadle.schedules.decisions import Due, Firing, OverlapPolicy, Trigger
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.model import FiringRow, Schedule, ScheduleStatus
from treadle.schedules.planning import Record, end_pause, with_next_times
from treadle.schedules.relative import due_on, firing_of
from treadle.schedules.schedules import get_schedule

MOST_BACKFILLED: Final = 1_000
"""Due times that one request fills in."""
MOST_IN_BULK: Final = 500
"""Schedules that one request pauses or resumes."""
LONGEST_REASON: Final = 500
_INSTANT = timedelta(microseconds=1)


async def pause_schedule(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    schedule_id: UUID | None,
    *,
    reason: str | None = None,
    until: datetime | None = None,
    now: datetime,
) -> Schedule:
    """The schedule, paused: what waits is skipped, what runs runs on. One that is paused already
    keeps its beginning and takes the new reason and end. Conflict for one that has completed.
    """
    if until is not None and until <= now:
        raise Unprocessable("must be later than now", field="until")
    schedule = await get_schedule(tx, caller, schedule_id, Right.SCHEDULES_WRITE, lock=True)
    said = reason or f"paused by {caller.name}"
    return await _pause(tx, context, schedule, reason=said, until=until, now=now)


async def resume_schedule(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    schedule_id: UUID | None,
    *,
    now: datetime,
) -> Schedule:
    """The schedule, active: due from now on. What was due while it was paused gets one row.

    Nothing happens to one that is active. Conflict for one that has completed.
    """
    schedule = await get_schedule(tx, caller, schedule_id, Right.SCHEDULES_WRITE, lock=True)
    return await _resume(tx, context, schedule, now=now)


async def go_on_from(
    tx: Transaction, context: SchedulesContext, schedule_id: UUID, *, reason: str, now: datetime
) -> None:
    """The schedule is due from `now` on, as if it had been paused since it was decided on last."""
    schedule = await schedule_store.find_schedule(tx, schedule_id, lock=True)
    if schedule is None or schedule.status is ScheduleStatus.COMPLETED:
        return
    paused = replace(
        schedule,
        status=ScheduleStatus.PAUSED,
        paused_at=schedule.paused_at or schedule.decided_until,
        paused_until=None,
        paused_reason=reason,
        next_run_at=None,
    )
    await schedule_store.save(tx, [paused])
    await _resume(tx, context, paused, now=now)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which schedules a request in bulk means. At least one field says so."""

    customer_id: UUID | None = None
    external_id: str | None = None
    tags: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it would mean all of them."""
        return self.customer_id is None and self.external_id is None and not self.tags


async def pause_many(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    chosen: Chosen,
    *,
    reason: str | None,
    until: datetime | None,
    now: datetime,
) -> int:
    """Pauses the active ones of the chosen schedules, at most MOST_IN_BULK: how many."""
    if until is not None and until <= now:
        raise Unprocessable("must be later than now", field="until")
    said = reason or f"paused by {caller.name}"
    found = await _chosen(tx, caller, chosen, ScheduleStatus.ACTIVE)
    for schedule in found:
        await _pause(tx, context, schedule, reason=said, until=until, now=now)
    return len(found)


async def resume_many(
    tx: Transaction, context: SchedulesContext, caller: Principal, chosen: Chosen, *, now: datetime
) -> int:
    """Resumes the paused ones of the chosen schedules, at most MOST_IN_BULK: how many."""
    found = await _chosen(tx, caller, chosen, ScheduleStatus.PAUSED)
    for schedule in found:
        await _resume(tx, context, schedule, now=now)
    return len(found)


async def trigger_schedule(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    schedule_id: UUID | None,
    *,
    now: datetime,
) -> FiringRow:
    """A firing of now, through the overlap policy, also while the schedule is paused or completed.
    `next_run_at` does not move.
    """
    schedule = await get_schedule(tx, caller, schedule_id, Right.SCHEDULES_WRITE, lock=True)
    firing = Firing(str(new_id()), now, Trigger.MANUAL)
    await advance(tx, context, [schedule], now=now, asked={schedule.id: Asked((Due(firing),))})
    row = await firing_store.find_firing(tx, UUID(firing.id))
    if row is None:
        raise Conflict("this schedule cannot be decided on now; its paused_reason says why")
    return row


@dataclass(frozen=True, slots=True)
class Backfill:
    """The due times of a stretch that have no firing yet: how many, and from when to when."""

    count: int
    first: datetime | None
    last: datetime | None


async def backfill_schedule(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    schedule_id: UUID | None,
    *,
    start: datetime,
    end: datetime,
    overlap_policy: OverlapPolicy | None,
    dry_run: bool,
    now: datetime,
) -> Backfill:
    """Fires what was due in [start, end] and has no firing; with `dry_run` only counts it.

    Raises Unprocessable for a stretch that is not over, or holds more than MOST_BACKFILLED.
    """
    if end < start:
        raise Unprocessable("must not be before start", field="end")
    if end > now:
        raise Unprocessable("must not be later than now", field="end")
    schedule = await get_schedule(tx, caller, schedule_id, Right.SCHEDULES_WRITE, lock=True)
    times = await _unfired(tx, schedule, start=start, end=end)
    if times and not dry_run:
        wanted = await _asked(tx, schedule, times, overlap_policy)
        await advance(tx, context, [schedule], now=now, asked={schedule.id: wanted})
    return Backfill(len(times), times[0] if times else None, times[-1] if times else None)


async def _asked(
    tx: Transaction,
    schedule: Schedule,
    times: Sequence[datetime],
    overlap_policy: OverlapPolicy | None,
) -> Asked:
    """A firing for each due time; of a relative schedule, one for each record of it."""
    if schedule.schedule_type is not ScheduleType.RELATIVE:
        firings = (
            Firing(str(new_id()), at, Trigger.BACKFILL, overlap_policy=overlap_policy)
            for at in times
        )
        return Asked(tuple(Due(firing) for firing in firings))
    timetable = await find_timetable(tx, schedule)
    due: list[Due] = []
    records: dict[str, Record] = {}
    for at in times:
        [time] = timetable.due(after=at - _INSTANT, until=at, limit=1)
        for record in await due_on(tx, schedule, timetable, time):
            one, said = firing_of(at, record)
            firing = replace(one.firing, trigger=Trigger.BACKFILL, overlap_policy=overlap_policy)
            due.append(Due(firing))
            records |= said
            if len(due) > MOST_BACKFILLED:
                raise Unprocessable(
                    f"more than {MOST_BACKFILLED:,} records are due there; take less at once",
                    field="end",
                )
    return Asked(tuple(due), records)


async def _unfired(
    tx: Transaction, schedule: Schedule, *, start: datetime, end: datetime
) -> list[datetime]:
    """The due times in [start, end], oldest first, that nothing has been decided on and that no
    tick is about to decide on.
    """
    timetable = await find_timetable(tx, schedule)
    if schedule.status is ScheduleStatus.ACTIVE:
        end = min(end, schedule.decided_until)
    fired = await firing_store.decided_times(tx, schedule.id, since=start, until=end)
    wanted: list[datetime] = []
    after = start - _INSTANT
    while True:
        found = timetable.due(after=after, until=end, limit=MOST_BACKFILLED)
        wanted += [due.at for due in found if not due.held and due.at not in fired]
        if len(wanted) > MOST_BACKFILLED:
            raise Unprocessable(
                f"more than {MOST_BACKFILLED:,} due times have no firing there; take less at once",
                field="end",
            )
        if len(found) < MOST_BACKFILLED:
            return wanted
        after = found[-1].at


async def _pause(
    tx: Transaction,
    context: SchedulesContext,
    schedule: Schedule,
    *,
    reason: str,
    until: datetime | None,
    now: datetime,
) -> Schedule:
    schedule = await bring_up_to_date(tx, context, schedule, now=now)
    _refuse_completed(schedule)
    paused = replace(
        schedule,
        status=ScheduleStatus.PAUSED,
        paused_at=schedule.paused_at or now,
        paused_until=until,
        paused_reason=reason[:LONGEST_REASON],
        next_run_at=None,
    )
    await schedule_store.save(tx, [paused])
    # Once more, paused: what waits does not start any more.
    plans = await advance(tx, context, [paused], now=now)
    return plans[paused.id].schedule


async def _resume(
    tx: Transaction, context: SchedulesContext, schedule: Schedule, *, now: datetime
) -> Schedule:
    schedule = await bring_up_to_date(tx, context, schedule, now=now)
    _refuse_completed(schedule)
    if schedule.status is ScheduleStatus.ACTIVE:
        return schedule
    timetable = await find_timetable(tx, schedule)
    resumed, span = end_pause(schedule, timetable, at=now, new_id=new_id)
    await firing_store.insert_firings(tx, [] if span is None else [span])
    resumed = with_next_times(resumed, timetable, now=now)
    await schedule_store.save(tx, [resumed])
    # Perhaps nothing is due any more, ever.
    plans = await advance(tx, context, [resumed], now=now)
    return plans[resumed.id].schedule


async def _chosen(
    tx: Transaction, caller: Principal, chosen: Chosen, status: ScheduleStatus
) -> list[Schedule]:
    """Those of this status that the caller may change, locked."""
    if chosen.is_empty:
        raise Unprocessable("one of customer_id, external_id and tags is required", field="tags")
    ids = await schedule_store.ids_where(
        tx,
        project_ids=ids_of(require_somewhere(caller, Right.SCHEDULES_WRITE)),
        status=status,
        customer_id=chosen.customer_id,
        external_id=chosen.external_id,
        tags=chosen.tags,
        limit=MOST_IN_BULK,
    )
    found = [await schedule_store.find_schedule(tx, one, lock=True) for one in ids]
    return [schedule for schedule in found if schedule is not None and schedule.status is status]


def _refuse_completed(schedule: Schedule) -> None:
    if schedule.status is ScheduleStatus.COMPLETED:
        raise Conflict("this schedule has completed: nothing is due any more")
