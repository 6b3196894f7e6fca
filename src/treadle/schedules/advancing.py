"""Decides on schedules: reads their rows, plans, starts what is to start, writes it all.

Everything of one call is one transaction of one tenant, in which the schedules' rows are locked:
nobody else decides on them meanwhile, and a process that dies in the middle has decided nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import asyncpg
import structlog

from treadle.db.errors import DatabaseUnavailable
from treadle.db.rows import fresh_id
from treadle.db.transaction import Transaction
from treadle.entities.definitions import stop_counting
from treadle.schedules import firing_store, schedule_store
from treadle.schedules.calendars import Calendar
from treadle.schedules.context import SchedulesContext
from treadle.schedules.decisions import Due, FiringStatus, Stretch
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.maintenance import Window, stretches
from treadle.schedules.maintenance_windows import live_windows
from treadle.schedules.model import AttemptEnd, Definition, FiringRow, Schedule, ScheduleStatus
from treadle.schedules.plain import plain_plan
from treadle.schedules.planning import Plan, Record, due_work, end_pause, note_ends, plan
from treadle.schedules.relative import relative_work
from treadle.schedules.starting import Start, start, stop
from treadle.schedules.stored_calendars import find_calendars, use_calendars
from treadle.schedules.tick_store import delete_rechecks
from treadle.schedules.timetables import Timetable, calendar_ids, timetable_of

log = structlog.get_logger()

T = TypeVar("T")

MOST_ROUNDS = 200
"""Rounds in which one schedule is brought up to date for somebody who changes it: 100,000 due
times. One that is further behind catches up by its ticks first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Starts that somebody asked for, in the order in which they go."""

    due: tuple[Due, ...] = ()
    records: Mapping[str, Record] = field(default_factory=dict[str, Record])


async def advance(
    tx: Transaction,
    context: SchedulesContext,
    schedules: Sequence[Schedule],
    *,
    now: datetime,
    asked: Mapping[UUID, Asked] | None = None,
) -> dict[UUID, Plan]:
    """What has become of each schedule, by id; all of it is written. They must be locked.

    A schedule that cannot be decided on is paused with the reason, and the others go on.
    """
    found = await _find(tx, schedules)
    plans: dict[UUID, Plan] = {}
    spans: list[FiringRow] = []
    for schedule in schedules:
        desk = _Desk(schedule, found, now)
        wanted = (asked or {}).get(schedule.id, Asked())
        plans[schedule.id] = await desk.decide(tx, wanted)
        spans.extend(desk.spans)
    await _write(tx, context, schedules, plans, spans, now=now)
    return plans


async def bring_up_to_date(
    tx: Transaction,
    context: SchedulesContext,
    schedule: Schedule,
    *,
    now: datetime,
) -> Schedule:
    """The schedule once every due time up to `now` is decided on, by what it says until now."""
    for _ in range(MOST_ROUNDS):
        plans = await advance(tx, context, [schedule], now=now)
        schedule = plans[schedule.id].schedule
        if schedule.tick_at is None or schedule.tick_at > now:
            break
    return schedule


async def set_aside(tx: Transaction, schedule: Schedule, reason: str, *, now: datetime) -> None:
    """Pauses a schedule that cannot be decided on, for this reason. It must be locked."""
    found = await _find(tx, [schedule])
    firings, ends = found.firings.get(schedule.id, ()), found.ends.get(schedule.id, ())
    made = note_ends(schedule, firings, ends, reason, now=now)
    await firing_store.update_firings(tx, made.updated)
    await schedule_store.save(tx, [made.schedule])


async def find_timetable(tx: Transaction, schedule: Schedule) -> Timetable:
    """When the schedule is due."""
    calendars = await calendars_named(tx, [schedule])
    return timetable_of(schedule, calendars)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the database holds of a batch of schedules."""

    firings: Mapping[UUID, Sequence[FiringRow]]
    ends: Mapping[UUID, Sequence[AttemptEnd]]
    calendars: Mapping[UUID, Calendar]
    windows: Sequence[Window]

    def maintenance(self, schedule: Schedule, now: datetime) -> tuple[Stretch, ...]:
        """The maintenance that the schedule's undecided due times may fall into."""
        meant = [
            window
            for window in self.windows
            if window.is_for(project_id=schedule.project_id, tags=schedule.tags)
        ]
        return stretches(meant, since=schedule.decided_until, until=now)


async def _find(tx: Transaction, schedules: Sequence[Schedule]) -> _Found:
    ids = [schedule.id for schedule in schedules]
    ends = await firing_store.take_ends(tx, ids)
    firings = await firing_store.open_firings(tx, ids)
    since = min(schedule.decided_until for schedule in schedules)
    return _Found(
        firings=_grouped(firings, lambda firing: firing.schedule_id),
        ends=_grouped(ends, lambda end: end.schedule_id),
        calendars=await calendars_named(tx, schedules),
        windows=await live_windows(tx, since=since),
    )


async def calendars_named(
    tx: Transaction, definitions: Iterable[Definition]
) -> Mapping[UUID, Calendar]:
    """The calendars that these name, by id. Raises Unprocessable for one that is not there."""
    return await find_calendars(tx, {key for one in definitions for key in calendar_ids(one)})


class _Desk:
    """One schedule's turn."""

    def __init__(self, schedule: Schedule, found: _Found, now: datetime) -> None:
        self.spans: list[FiringRow] = []
        self._schedule = schedule
        self._firings = found.firings.get(schedule.id, ())
        self._ends = tuple(found.ends.get(schedule.id, ()))
        self._found = found
        self._now = now

    async def decide(self, tx: Transaction, asked: Asked) -> Plan:
        """The plan, or what is left to do of a schedule that cannot be decided on."""
        try:
            return await self._plan(tx, asked)
        except (DatabaseUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError):
            raise  # the transaction is over: no word on the schedule
        except Exception as error:
            # Whatever its rows hold, it must not keep the others of the tenant from their turn.
            log.exception("schedule_undecidable", schedule_id=str(self._schedule.id))
            self.spans.clear()
            await delete_rechecks(tx, [self._schedule.id])
            reason = f"it could not be decided when it is due: {type(error).__name__}"
            return note_ends(self._schedule, self._firings, self._ends, reason, now=self._now)

    async def _plan(self, tx: Transaction, asked: Asked) -> Plan:
        schedule, now = self._schedule, self._now
        timetable = timetable_of(schedule, self._found.calendars)
        if (
            schedule.status is ScheduleStatus.PAUSED
            and schedule.paused_until is not None
            and schedule.paused_until <= now
        ):
            schedule, span = end_pause(
                schedule, timetable, at=schedule.paused_until, new_id=fresh_id
            )
            self.spans.extend([] if span is None else [span])
        if self._is_quiet(asked) and (
            made := plain_plan(schedule, timetable, now=now, new_id=fresh_id)
        ):
            return made
        if schedule.schedule_type is ScheduleType.RELATIVE:
            work = await relative_work(tx, schedule, timetable, now=now)
        else:
            work = due_work(schedule, timetable, now=now, new_id=fresh_id)
        work = replace(
            work,
            ends=self._ends,
            due=(*work.due, *asked.due),
            records={**work.records, **asked.records},
        )
        return plan(
            schedule,
            timetable,
            self._firings,
            work,
            maintenance=self._found.maintenance(schedule, now),
            now=now,
        )

    def _is_quiet(self, asked: Asked) -> bool:
        """Whether there is nothing to decide on but what is due."""
        return not (self.spans or self._firings or self._ends or asked.due or self._found.windows)


async def _write(
    tx: Transaction,
    context: SchedulesContext,
    before: Sequence[Schedule],
    plans: Mapping[UUID, Plan],
    spans: Sequence[FiringRow],
    *,
    now: datetime,
) -> None:
    starts = [Start(made.schedule, row) for made in plans.values() for row in made.starts]
    stops = [Start(made.schedule, row) for made in plans.values() for row in made.stops]
    # First what is stopped: a job that runs one at a time is then free for its next run.
    await stop(tx, context, stops, now=now)
    started = await start(tx, context, starts, now=now)
    inserted = [started.get(row.id, row) for made in plans.values() for row in made.inserted]
    updated = [started.get(row.id, row) for made in plans.values() for row in made.updated]
    await firing_store.insert_firings(tx, [*spans, *inserted])
    await firing_store.update_firings(tx, updated)
    old = {schedule.id: schedule for schedule in before}
    moved = [
        made.schedule
        for key, made in plans.items()
        if schedule_store.has_moved(old[key], made.schedule)
    ]
    await schedule_store.save(tx, moved)
    for made in plans.values():
        if made.schedule.deleted_at is not None:
            await let_go(tx, made.schedule)
    _count(tx, context, [*spans, *inserted, *updated], {one.firing.id for one in starts})


async def let_go(tx: Transaction, schedule: Schedule) -> None:
    """Of a schedule that was deleted: what it looked at may go away."""
    if schedule.calendars:
        await use_calendars(tx, schedule.id, ())
    if schedule.schedule_type is ScheduleType.RELATIVE:
        await stop_counting(tx, used_by=schedule.id)


def _count(
    tx: Transaction,
    context: SchedulesContext,
    rows: Sequence[FiringRow],
    started: Collection[UUID],
) -> None:
    first = [row for row in rows if row.id in started and row.attempt == 1]
    over = [row for row in rows if row.phase is None]

    def tell() -> None:
        for row in first:
            late = None if row.lateness_ms is None else row.lateness_ms / 1000
            context.count(FiringStatus.RUNNING, late)
        for row in over:
            context.count(row.status, None)

    tx.after_commit(tell)


def _grouped(items: Iterable[T], key: Callable[[T], UUID]) -> dict[UUID, list[T]]:
    groups: defaultdict[UUID, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
