"""What became of due times, what is due next, and why: answers for people and calendars."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID

from treadle.core.buckets import Buckets
from treadle.core.errors import Unprocessable
from treadle.core.pages import Slice, Window
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import Right, projects_allowing, projects_among, require_somewhere
from treadle.schedules import firing_store, schedule_store
from treadle.schedules.advancing import calendars_named, find_timetable
from treadle.schedules.calendars import DueTime
from treadle.schedules.due_times import LAST_INSTANT
from treadle.schedules.faults import ExpressionError
from treadle.schedules.maintenance import WindowPolicy, windows_at
from treadle.schedules.maintenance_windows import live_windows
from treadle.schedules.model import (
    Definition,
    FiringRow,
    Lateness,
    Schedule,
    ScheduleStatus,
    ScheduleVersion,
)
from treadle.schedules.schedules import get_schedule
from treadle.schedules.times.instants import instant_of
from treadle.schedules.timetables import Timetable, compile_timetable, timetable_of
from treadle.schedules.words import describe

MOST_PREVIEWED: Final = 1_000
MOST_OCCURRENCES: Final = 1_000
MOST_FORESEEN: Final = 500
"""Schedules whose coming due times one list of occurrences looks at."""
LONGEST_CALENDAR: Final = timedelta(days=93)
MOST_VERSIONS: Final = 100
_MOST_EXPLAINED: Final = 20
_LARGEST_BATCH: Final = 64
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Preview:
    """When something would be due, and in words."""

    next: tuple[datetime, ...]
    description: str
    timezone: str


async def preview(
    tx: Transaction,
    definition: Definition,
    *,
    after: datetime | None,
    count: int,
    now: datetime,
) -> Preview:
    """The next due times of a schedule that would be made now. Raises Unprocessable."""
    calendars = await calendars_named(tx, [definition])
    timetable = compile_timetable(definition, calendars, created_at=now)
    start = timetable.before_first(created_at=now) if after is None else after
    return Preview(
        next=tuple(due.at for due in _open_times(timetable, after=start, count=count)),
        description=describe(timetable.expression),
        timezone=timetable.expression.zone.name,
    )


async def upcoming(tx: Transaction, schedule: Schedule, *, count: int) -> Sequence[DueTime]:
    """The next due times of a schedule that the caller may see, as if it were not paused."""
    timetable = await find_timetable(tx, schedule)
    return _open_times(timetable, after=schedule.decided_until, count=count)


async def describe_schedule(tx: Transaction, schedule: Schedule) -> str:
    """When the schedule is due, in words."""
    return describe((await find_timetable(tx, schedule)).expression)


async def list_firings(
    tx: Transaction, schedule: Schedule, window: Window, *, status: str | None = None
) -> Slice[FiringRow]:
    """The firings of a schedule that the caller may see, the latest due time first."""
    return await firing_store.list_firings(tx, schedule.id, window, status=status)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a due time ran or did not.

    `due` tells whether the schedule is due then, by what it says now, or was by a firing's word.
    `firings` are what became of it; `before` and `after` the due times around it.
    """

    at: datetime
    due: bool
    outcome: str
    reason: str
    firings: tuple[FiringRow, ...]
    before: datetime | None
    after: datetime | None


async def explain(
    tx: Transaction, schedule: Schedule, at: datetime, *, now: datetime
) -> Explanation:
    """What became of the due time `at`, or will."""
    timetable = await find_timetable(tx, schedule)
    firings = await firing_store.firings_at(tx, schedule.id, at, limit=_MOST_EXPLAINED)
    found = timetable.due(after=at - _INSTANT, until=at, limit=1)
    due = found[0] if found else None
    outcome, reason = _outcome(schedule, due, firings, at, now)
    if outcome == "upcoming":
        reason = await _maintenance(tx, schedule, at) or reason
    return Explanation(
        at=at,
        due=due is not None or bool(firings),
        outcome=outcome,
        reason=reason,
        firings=tuple(firings),
        before=timetable.latest(
            after=max(schedule.created_at, at - timedelta(days=3660)) - _INSTANT,
            until=at - _INSTANT,
        ),
        after=timetable.next(after=at),
    )


def _outcome(  # noqa: PLR0911 - one answer a case
    schedule: Schedule,
    due: DueTime | None,
    firings: Sequence[FiringRow],
    at: datetime,
    now: datetime,
) -> tuple[str, str]:
    if firings:
        first = firings[0]
        return first.status, first.reason or _plain_reason(first)
    if due is None:
        return "not_due", "the schedule is not due then"
    if due.held:
        return "held", due.reason
    if at < schedule.created_at:
        return "not_due", "the schedule was made later; a backfill can fill it in"
    if schedule.status is ScheduleStatus.PAUSED:
        return "paused", f"the schedule is paused: {schedule.paused_reason}"
    if at > now:
        return "upcoming", "it is not due yet"
    if at > schedule.decided_until:
        return "pending", "it is due, and the next tick decides on it"
    return "not_due", "it was not due by the version of the schedule that was valid then"


async def _maintenance(tx: Transaction, schedule: Schedule, at: datetime) -> str:
    """What a maintenance window will do to a due time, if one does."""
    windows = [
        window
        for window in windows_at(await live_windows(tx, since=at), at)
        if window.is_for(project_id=schedule.project_id, tags=schedule.tags)
    ]
    if not windows:
        return ""
    first = min(windows, key=lambda window: window.policy is WindowPolicy.DELAY)
    does = "delays" if first.policy is WindowPolicy.DELAY else "will skip"
    return f"the maintenance window {first.name!r} {does} it"


def _plain_reason(firing: FiringRow) -> str:
    if firing.started_at is None:
        return "it waits for its turn"
    late = "" if firing.lateness_ms is None else f", {firing.lateness_ms} ms after its time"
    return f"it started{late}"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A due time on a calendar. `firing` is None for one that is yet to come."""

    schedule_id: UUID
    at: datetime
    firing: FiringRow | None


@dataclass(frozen=True, slots=True)
class Occurrences:
    """The due times of a stretch, in order. `more`: there are others."""

    items: tuple[Occurrence, ...]
    names: dict[UUID, str]
    more: bool


def check_stretch(length: timedelta) -> None:
    """Raises Unprocessable unless a calendar tells of so long a stretch."""
    if length <= timedelta(0):
        raise Unprocessable("must be later than from", field="to")
    if length > LONGEST_CALENDAR:
        raise Unprocessable(f"must be at most {LONGEST_CALENDAR.days} days after from", field="to")


async def occurrences(
    tx: Transaction,
    caller: Principal,
    *,
    since: datetime,
    until: datetime,
    project_id: UUID | None = None,
    now: datetime,
) -> Occurrences:
    """What was due and will be due in [since, until), of the schedules that the caller sees (in
    this project, if it is given); what was due only where the caller may read what runs came to.
    """
    check_stretch(until - since)
    projects = projects_among(require_somewhere(caller, Right.SCHEDULES_READ), project_id)
    historic = projects_among(projects_allowing(caller, Right.HISTORY_READ), project_id)
    firings = await firing_store.firings_between(
        tx, project_ids=historic, since=since, until=until, limit=MOST_OCCURRENCES + 1
    )
    schedules = await schedule_store.list_schedules(
        tx,
        Window(limit=MOST_FORESEEN, offset=0),
        project_ids=projects,
        status=ScheduleStatus.ACTIVE,
    )
    streams: list[Iterable[Occurrence]] = [
        [Occurrence(row.schedule_id, row.scheduled_for, row) for row in firings]
    ]
    given_up: set[UUID] = set()
    if until > now:
        calendars = await calendars_named(tx, schedules.items)
        for schedule in schedules.items:
            timetable = timetable_of(schedule, calendars)
            after = max(schedule.decided_until, since - _INSTANT)
            coming = _coming(schedule.id, timetable, after=after, until=until - _INSTANT)
            streams.append(_as_far_as_found(coming, schedule.id, given_up))
    merged = heapq.merge(*streams, key=lambda occurrence: occurrence.at)
    found = tuple(islice(merged, MOST_OCCURRENCES + 1))
    items = found[:MOST_OCCURRENCES]
    is_whole = len(found) <= MOST_OCCURRENCES and schedules.total == len(schedules.items)
    names = await schedule_store.names_of(tx, {occurrence.schedule_id for occurrence in items})
    return Occurrences(items, names, more=bool(given_up) or not is_whole)


async def lateness(
    tx: Transaction, caller: Principal, buckets: Buckets, *, project_id: UUID | None = None
) -> dict[datetime, Lateness]:
    """How late the firings that the caller may see started, by the bucket they were due in; as the
    store says.
    """
    reach = require_somewhere(caller, Right.HISTORY_READ)
    return await firing_store.lateness_between(
        tx, project_ids=projects_among(reach, project_id), buckets=buckets
    )


def _coming(
    schedule_id: UUID, timetable: Timetable, *, after: datetime, until: datetime
) -> Iterator[Occurrence]:
    """The due times in (after, until] that no calendar holds, found only as far as they are asked
    for: of many schedules, the earliest few are.
    """
    size = 1
    while True:
        batch = timetable.due(after=after, until=until, limit=size)
        yield from (Occurrence(schedule_id, due.at, None) for due in batch if not due.held)
        if len(batch) < size:
            return
        after, size = batch[-1].at, min(size * 2, _LARGEST_BATCH)


def _as_far_as_found(
    coming: Iterator[Occurrence], schedule_id: UUID, given_up: set[UUID]
) -> Iterator[Occurrence]:
    """A schedule whose search is given up hides only itself; the tick pauses it."""
    try:
        yield from coming
    except ExpressionError:
        given_up.add(schedule_id)


@dataclass(frozen=True, slots=True)
class Change:
    """A field that is not what it was in the version before."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class VersionChanges:
    """A version of a schedule, and what it changed."""

    version: ScheduleVersion
    changes: tuple[Change, ...]


async def versions(
    tx: Transaction, caller: Principal, schedule_id: UUID | None
) -> list[VersionChanges]:
    """The newest versions of a schedule, each with its differences from the one before."""
    schedule = await get_schedule(tx, caller, schedule_id)
    found = await schedule_store.list_versions(tx, schedule.id, limit=MOST_VERSIONS + 1)
    following = [*found[1:], None]
    return [
        VersionChanges(new, _changes(old, new)) for new, old in zip(found, following, strict=True)
    ][:MOST_VERSIONS]


def _changes(old: ScheduleVersion | None, new: ScheduleVersion) -> tuple[Change, ...]:
    if old is None:
        return ()
    names = sorted({*old.definition, *new.definition})
    return tuple(
        Change(name, old.definition.get(name), new.definition.get(name))
        for name in names
        if old.definition.get(name) != new.definition.get(name)
    )


def _open_times(timetable: Timetable, *, after: datetime, count: int) -> list[DueTime]:
    """The next due times that no calendar holds."""
    found: list[DueTime] = []
    for _ in range(MOST_PREVIEWED):
        wanted = count - len(found)
        batch = timetable.due(after=after, until=instant_of(LAST_INSTANT), limit=wanted)
        found += [due for due in batch if not due.held]
        if len(batch) < wanted or len(found) == count:
            break
        after = batch[-1].at
    return found
