"""When a schedule of the simulation is due: counted out day by day, asked of `zoneinfo`.

Nothing of the product is used here, so that the two can only agree by being right.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from schedules.oracle import zone_info

BEGIN = date(2024, 12, 1)
END = date(2028, 3, 1)
"""The days that are counted out; a simulation stays well within them."""

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Closed:
    """A calendar as one schedule uses it: what it holds or moves."""

    mode: str  # exclude, include, roll_forward, roll_back
    days: frozenset[int]  # weekdays, 0 is Sunday

    def has(self, day: date) -> bool:
        return day.isoweekday() % 7 in self.days

    def is_open(self, day: date) -> bool:
        return self.has(day) is (self.mode == "include")


@dataclass(frozen=True)
class Clock:
    """Times of day on the days of a month or a week, on a wall clock.

    `daylight` is `fixed` (a time that the clocks skip comes at the first instant after), `skip`
    (it does not come) or `free` (whatever the clock shows counts, as often as it shows it). A time
    that comes twice counts once, unless free.
    """

    times: tuple[time, ...]
    on: Callable[[date], bool]
    zone: str
    daylight: str = "fixed"


@dataclass(frozen=True)
class Every:
    """Elapsed time from `origin`, or from when the schedule was made (then not at that itself)."""

    step: timedelta
    origin: datetime | None = None


@dataclass(frozen=True)
class Once:
    """A single instant."""

    at: datetime


@dataclass(frozen=True)
class Rule:
    """What a schedule of the simulation is due by."""

    parts: tuple[Clock | Every | Once, ...]
    start: datetime | None = None
    end: datetime | None = None
    closed: Closed | None = None
    _known: dict[datetime | None, Times] = field(
        default_factory=dict["datetime | None", "Times"], compare=False
    )

    def times(self, created_at: datetime) -> Times:
        """All its due times, if it was made then."""
        key = created_at if any(isinstance(part, Every) for part in self.parts) else None
        if key not in self._known:
            self._known[key] = self._times(created_at)
        return self._known[key]

    def _times(self, created_at: datetime) -> Times:
        nominal: set[datetime] = set()
        for part in self.parts:
            nominal |= set(_part(part, created_at, self.end))
        nominal = {
            at
            for at in nominal
            if (self.start is None or at >= self.start) and (self.end is None or at <= self.end)
        }
        if self.closed is None:
            return Times(sorted(nominal), set())
        return self._over_calendar(nominal, self.closed)

    def _over_calendar(self, nominal: set[datetime], closed: Closed) -> Times:
        [clock] = [part for part in self.parts if isinstance(part, Clock)]
        due: set[datetime] = set()
        held: set[datetime] = set()
        for at in nominal:
            local = at.astimezone(zone_info(clock.zone))
            day = local.date()
            if closed.mode in ("exclude", "include"):
                due.add(at)
                if not closed.is_open(day):
                    held.add(at)
                continue
            while closed.has(day):
                day += DAY if closed.mode == "roll_forward" else -DAY
            due.add(_instant(datetime.combine(day, local.time()), clock.zone, "fixed")[0])
        return Times(sorted(due), held)


@dataclass(frozen=True)
class Times:
    """Due times in order, and those of them that a calendar holds."""

    due: list[datetime]
    held: set[datetime]

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        """Those in (after, until]."""
        return self.due[bisect_right(self.due, after) : bisect_right(self.due, until)]

    def next_free(self, after: datetime) -> datetime | None:
        """The first later one that no calendar holds."""
        later = bisect_right(self.due, after)
        return next((at for at in self.due[later:] if at not in self.held), None)


def _part(
    part: Clock | Every | Once, created_at: datetime, end: datetime | None
) -> Iterator[datetime]:
    if isinstance(part, Once):
        yield part.at
    elif isinstance(part, Every):
        at = part.origin
        if at is None:
            at = created_at.replace(microsecond=0) + part.step
        last = end or datetime.combine(END, time(), UTC)
        while at <= last:
            yield at
            at += part.step
    else:
        yield from _clock(part)


@lru_cache(maxsize=1_000)
def _clock(clock: Clock) -> tuple[datetime, ...]:
    found: list[datetime] = []
    day = BEGIN
    while day < END:
        if clock.on(day):
            for at in clock.times:
                found += _instant(datetime.combine(day, at), clock.zone, clock.daylight)
        day += DAY
    return tuple(found)


@lru_cache(maxsize=200_000)
def _instant(wall: datetime, zone: str, daylight: str) -> tuple[datetime, ...]:
    """When the wall clock shows this: no, one or two instants."""
    info = zone_info(zone)
    shown = [wall.replace(tzinfo=info, fold=fold).astimezone(UTC) for fold in (0, 1)]
    shown = [at for at in shown if at.astimezone(info).replace(tzinfo=None) == wall]
    if shown:
        return tuple(sorted(set(shown))) if daylight == "free" else (min(shown),)
    if daylight != "fixed":
        return ()
    # Skipped: the first instant at which the clock has gone past it.
    at = wall.replace(tzinfo=UTC) - timedelta(hours=16)
    while at.astimezone(info).replace(tzinfo=None) < wall:
        at += timedelta(minutes=1)
    return (at,)
