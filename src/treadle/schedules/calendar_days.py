"""What was due and will be due, summed up by the days of a calendar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import nsmallest
from typing import Final
from uuid import UUID

from treadle.core.errors import Unprocessable
from treadle.core.pages import Window
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import Right, projects_allowing, projects_among, require_somewhere
from treadle.schedules import firing_store, schedule_store
from treadle.schedules.advancing import calendars_named
from treadle.schedules.faults import ExpressionError
from treadle.schedules.foreseeing import Allowance, Foreseen, foresee
from treadle.schedules.model import DayTally, ScheduleStatus
from treadle.schedules.reading import MOST_FORESEEN, check_stretch
from treadle.schedules.times.civil import DAY, LAST_YEAR, day_number
from treadle.schedules.times.instants import instant_of, seconds_down
from treadle.schedules.times.zones import Zone, find_zone, first_instant
from treadle.schedules.timetables import timetable_of

MOST_FIRINGS: Final = 100_000
"""Firings, the latest, that one summary looks at."""
MOST_ENTRIES: Final = 20
"""Schedules of a day that are told of one by one."""
FIRST_YEAR: Final = 1970
UPCOMING: Final = "upcoming"
_SECONDS_AT_A_STRETCH: Final = 0.01


@dataclass(frozen=True, slots=True)
class Entry:
    """The due times of a schedule on a day; `statuses` says how many came to what."""

    schedule_id: UUID
    name: str
    first: datetime
    last: datetime
    count: int
    statuses: dict[str, int]


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day: `count` due times of `schedules` schedules, of which `entries` are the first ones."""

    date: date
    count: int
    schedules: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class CalendarDays:
    """Every day of a stretch. `more`: there is more than was counted."""

    timezone: str
    days: tuple[CalendarDay, ...]
    more: bool


async def calendar_days(
    tx: Transaction,
    caller: Principal,
    *,
    since: date,
    until: date,
    timezone: str,
    project_id: UUID | None = None,
    now: datetime,
) -> CalendarDays:
    """What was due and will be due on the days of [since, until) in this zone, of the schedules
    that the caller sees (in this project, if it is given); what was due only where the caller may
    read what runs came to. Raises Unprocessable.
    """
    zone = find_zone(timezone)
    _check(since, until)
    sheet = _Sheet(_edges(zone, since, until))
    reach = require_somewhere(caller, Right.SCHEDULES_READ)
    historic = projects_among(projects_allowing(caller, Right.HISTORY_READ), project_id)
    more = await _note_past(tx, sheet, historic)
    if instant_of(sheet.edges[-1]) > now:
        more |= await _note_coming(tx, sheet, projects_among(reach, project_id))
    names = await schedule_store.names_of(tx, sheet.schedule_ids())
    return CalendarDays(
        timezone=zone.name,
        days=tuple([day async for day in sheet.days(since, names)]),
        more=more,
    )


def _check(since: date, until: date) -> None:
    """Raises Unprocessable unless these days can be told of."""
    for field, day in (("from", since), ("to", until)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise Unprocessable(
                f"must be within the years {FIRST_YEAR} to {LAST_YEAR}", field=field
            )
    check_stretch(until - since)


def _edges(zone: Zone, since: date, until: date) -> tuple[int, ...]:
    """When each day begins, and the last ends, in seconds since 1970 UTC: a day that the clocks
    skip ends as it begins.
    """
    first, end = (day_number(day.year, day.month, day.day) for day in (since, until))
    return tuple(first_instant(zone.info, day * DAY).instant for day in range(first, end + 1))


async def _note_past(tx: Transaction, sheet: _Sheet, projects: frozenset[UUID] | None) -> bool:
    """Notes what was due; whether there was more."""
    edges = [instant_of(edge) for edge in sheet.edges]
    found = await firing_store.tallies_by_day(
        tx, project_ids=projects, edges=edges, limit=MOST_FIRINGS
    )
    looked_at = 0
    for one in found:
        sheet.note(one.schedule_id, one, one.status)
        looked_at += one.firings
        await sheet.pace.breathe()
    return looked_at >= MOST_FIRINGS


async def _note_coming(tx: Transaction, sheet: _Sheet, projects: frozenset[UUID] | None) -> bool:
    """Notes what will be due; whether there will be more."""
    schedules = await schedule_store.list_schedules(
        tx,
        Window(limit=MOST_FORESEEN, offset=0),
        project_ids=projects,
        status=ScheduleStatus.ACTIVE,
    )
    calendars = await calendars_named(tx, schedules.items)
    allowance, is_whole = Allowance(), schedules.total == len(schedules.items)
    for schedule in schedules.items:
        timetable = timetable_of(schedule, calendars)
        after = max(seconds_down(schedule.decided_until), sheet.edges[0] - 1)
        try:
            for part in foresee(timetable, sheet.edges, after=after, allowance=allowance):
                sheet.note(schedule.id, part, UPCOMING)
                await sheet.pace.breathe()
        except ExpressionError:
            is_whole = False  # a search that was given up; the tick pauses such a schedule
        await sheet.pace.breathe()
    return allowance.was_short or not is_whole


class _Pace:
    """Lets others have the event loop now and then, where much is computed without a wait."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._until = self._clock() + _SECONDS_AT_A_STRETCH

    async def breathe(self) -> None:
        """Returns at once, or when all others have had their turn."""
        if self._clock() >= self._until:
            await asyncio.sleep(0)
            self._until = self._clock() + _SECONDS_AT_A_STRETCH


@dataclass(slots=True)
class _Noted:
    """An entry while it is added to."""

    first: datetime
    last: datetime
    statuses: dict[str, int]

    @property
    def count(self) -> int:
        return sum(self.statuses.values())


class _Sheet:
    """The days while they are filled in. `edges` are their beginnings, and the end of the last."""

    def __init__(self, edges: tuple[int, ...]) -> None:
        self.edges = edges
        self.pace = _Pace()
        self._days: list[dict[UUID, _Noted]] = [{} for _ in edges[1:]]

    def note(self, schedule_id: UUID, part: Foreseen | DayTally, status: str) -> None:
        """So many due times of the schedule on that day have this status."""
        first, last = part.first, part.last
        noted = self._days[part.day].get(schedule_id)
        if noted is None:
            noted = self._days[part.day][schedule_id] = _Noted(first, last, {})
        noted.first, noted.last = min(noted.first, first), max(noted.last, last)
        noted.statuses[status] = noted.statuses.get(status, 0) + part.count

    def schedule_ids(self) -> set[UUID]:
        """The schedules that have due times on any day."""
        return set[UUID]().union(*self._days)

    async def days(self, since: date, names: Mapping[UUID, str]) -> AsyncIterator[CalendarDay]:
        """What has come together of each day; the first is `since`."""
        for number, noted in enumerate(self._days):
            yield _day(since + timedelta(days=number), noted, names)
            await self.pace.breathe()


def _day(day: date, noted: Mapping[UUID, _Noted], names: Mapping[UUID, str]) -> CalendarDay:
    def place(schedule_id: UUID) -> tuple[datetime, str, UUID]:
        return noted[schedule_id].first, names[schedule_id], schedule_id

    return CalendarDay(
        date=day,
        count=sum(one.count for one in noted.values()),
        schedules=len(noted),
        entries=tuple(
            Entry(
                schedule_id=one,
                name=names[one],
                first=noted[one].first,
                last=noted[one].last,
                count=noted[one].count,
                statuses=noted[one].statuses,
            )
            for one in nsmallest(MOST_ENTRIES, noted, key=place)
        ),
    )
