"""Business calendars over due times: which of them are held, and which move to another day.

A due time's day is its date on the schedule's wall clock. The calendars of a schedule decide on it
in this order:

1. `exclude` holds what falls on a day of the calendar; `include` holds what does not. Several
   `include` calendars must all have the day.
2. `roll_forward` and `roll_back` move what falls on a day of the calendar to the next, or the last,
   open day: one that no roll calendar has and that 1. does not hold. The first calendar of the
   schedule that has the day gives the direction. The time of day stays. Where no day within 366 is
   open, the time is held.

Times that move onto one another are one due time; it knows which nominal times it stands for.
A due time that moved is due at its new instant, and only there; a held one stays where it is, so
that its reason can be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import islice

from treadle.schedules.due_times import (
    LAST_INSTANT,
    Expression,
    between,
    due_seconds,
    has_all_times,
    latest_until,
    next_after,
)
from treadle.schedules.times.civil import DAY, LAST_DAY, day_date
from treadle.schedules.times.instants import instant_of, seconds_down, seconds_up
from treadle.schedules.times.zones import civil_time, first_instant, last_instant, period_at

LONGEST_ROLL = 366
"""Days; a due time never moves further."""

_MOST_DAYS = 4_000
"""Days that a search visits before it says that nothing is due any more: eleven years closed."""


class CalendarMode(StrEnum):
    """What a calendar does to the due times on its days."""

    EXCLUDE = "exclude"
    INCLUDE = "include"
    ROLL_FORWARD = "roll_forward"
    ROLL_BACK = "roll_back"


ROLLS = {CalendarMode.ROLL_FORWARD: 1, CalendarMode.ROLL_BACK: -1}
"""Where a rolling calendar moves what falls on its days."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days by date, by weekday (0 is Sunday) and by (month, day) of every year."""

    name: str
    dates: frozenset[date] = frozenset()
    weekdays: frozenset[int] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()

    def has(self, day: date) -> bool:
        """Whether the day is one of the calendar's."""
        return (
            day.isoweekday() % 7 in self.weekdays
            or day in self.dates
            or (day.month, day.day) in self.yearly
        )


@dataclass(frozen=True, slots=True)
class CalendarUse:
    """A calendar as one schedule uses it."""

    calendar: Calendar
    mode: CalendarMode


@dataclass(frozen=True, slots=True)
class DueTime:
    """A due instant after the calendars: held for a reason, or due.

    `moved_from` are the nominal times that moved here; `nominal` tells whether one was here anyway.
    `reason` says why it is held or has moved, and is empty otherwise.
    """

    at: datetime
    held: bool = False
    nominal: bool = True
    moved_from: tuple[datetime, ...] = ()
    reason: str = ""


def due_between(
    expression: Expression,
    calendars: Sequence[CalendarUse],
    *,
    after: datetime,
    until: datetime,
    limit: int,
) -> tuple[DueTime, ...]:
    """All due times in (after, until], the held ones too, oldest first, at most `limit` of them.

    Fewer than `limit` are all that there are; else ask again after the last.
    """
    if not calendars:
        return tuple(DueTime(at) for at in between(expression, after, until, limit=limit))
    walk = _Days(expression, tuple(calendars)).walk(after, until, limit, with_held=True)
    return tuple(islice(walk, limit))


@dataclass(frozen=True, slots=True)
class OpenStretch:
    """Due times in (after, until], in seconds since 1970 UTC, that no calendar holds. They are just
    those of the expression there, unless they are `mixed`: moved ones may be among them.
    """

    after: int
    until: int
    mixed: bool = False


def open_stretches(
    expression: Expression, calendars: Sequence[CalendarUse], *, after: int, until: int
) -> Iterator[OpenStretch]:
    """The parts of (after, until] that have all its due times which are not held, in order. The
    work grows with the days.
    """
    if not calendars:
        yield OpenStretch(after, until)
        return
    found: OpenStretch | None = None
    for part in _Days(expression, tuple(calendars)).open_parts(after, until):
        if found is not None and found.until == part.after and not (found.mixed or part.mixed):
            found = OpenStretch(found.after, part.until)
            continue
        if found is not None:
            yield found
        found = part
    if found is not None:
        yield found


def next_due(
    expression: Expression, calendars: Sequence[CalendarUse], *, after: datetime
) -> datetime | None:
    """The first instant later than `after` that is due and not held, or None."""
    if not calendars:
        return next_after(expression, after)
    days = _Days(expression, tuple(calendars))
    walk = days.walk(after, instant_of(LAST_INSTANT), 1, with_held=False)
    return next((due.at for due in walk), None)


def latest_due(
    expression: Expression,
    calendars: Sequence[CalendarUse],
    *,
    since: datetime,
    until: datetime,
) -> datetime | None:
    """The last instant in [since, until] that is due and not held, or None."""
    if not calendars:
        latest = latest_until(expression, until)
        return latest if latest is not None and latest >= since else None
    return _Days(expression, tuple(calendars)).latest(since, until)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the calendars say of a day; `roll` is +1 or -1 where its due times move."""

    held: bool = False
    roll: int = 0
    reason: str = ""

    @property
    def is_open(self) -> bool:
        return not self.held and not self.roll


class _Days:
    """One search through the days of an expression; remembers what it learnt of each day."""

    def __init__(self, expression: Expression, uses: tuple[CalendarUse, ...]) -> None:
        self._expression = expression
        self._info = expression.zone.info
        self._uses = uses
        self._rolls = any(use.mode in ROLLS for use in uses)
        self._verdicts: dict[int, _Verdict] = {}

    def walk(
        self, after: datetime, until: datetime, limit: int, *, with_held: bool
    ) -> Iterator[DueTime]:
        """The due times in (after, until]; of one day no more than the first `limit`."""
        low, high = seconds_down(after), min(seconds_down(until), LAST_INSTANT)
        day = self._day_of(max(low, 0))
        last = self._day_of(max(high, 0))
        for _ in range(_MOST_DAYS):
            found = self._next_day(day)
            if found is None or found > last:
                return
            yield from self._of_day(found, low, high, limit, with_held)
            day = found + 1

    def latest(self, since: datetime, until: datetime) -> datetime | None:
        """The last due time in [since, until] that is not held."""
        low, high = max(seconds_up(since), 0), min(seconds_down(until), LAST_INSTANT)
        for day in range(self._day_of(high), self._day_of(low) - 1, -1):
            found = max(self._latest_of_day(day, high), default=-1)
            if found >= low:
                return instant_of(found)
        return None

    def open_parts(self, low: int, high: int) -> Iterator[OpenStretch]:
        """The days within (low, high] that may have due times which are not held."""
        day = self._day_of(max(low + 1, 0))
        repeats = self._shows_again(day)
        while (begin := self._begin(day)) <= high:
            repeated, repeats = repeats, self._shows_again(day + 1)
            part = max(low, begin - 1), min(high, self._begin(day + 1) - 1)
            if part[0] < part[1] and (repeated or repeats or self._verdict(day).is_open):
                yield OpenStretch(*part, mixed=repeated or repeats or self._receives(day))
            day += 1

    def _shows_again(self, day: int) -> bool:
        """Whether clocks that go back over midnight show the day before it once more."""
        return last_instant(self._info, day * DAY - 1).instant >= self._begin(day)

    def _receives(self, day: int) -> bool:
        """Whether what is due on another day, and is not due on this one anyway, may move here."""
        first, last = self._closed_around(day)
        if not any(
            day == self._target(source) for source in range(first, last + 1) if source != day
        ):
            return False
        changes = period_at(self._info, self._begin(first)).end < self._begin(last + 1)
        own = self._begin(day), self._begin(day + 1) - 1
        return changes or not has_all_times(self._expression, *own)

    def _latest_of_day(self, day: int, high: int) -> Iterator[int]:
        """The last time up to `high` that each day around brings to this one."""
        first, last = self._closed_around(day)
        for source in range(first, last + 1):
            if self._target(source) != day:
                continue
            at = min(self._begin(source + 1) - 1, high + self._shift(source, day)[1])
            while (nominal := latest_until(self._expression, instant_of(at))) is not None:
                at = seconds_down(nominal)
                if self._day_of(at) != source:
                    break
                moved = self._moved(at, source, day)
                if moved <= high:
                    yield moved
                    break
                at -= 1

    def _next_day(self, day: int) -> int | None:
        """The first day from this one on that may have due times, moved ones included."""
        # What falls on closed days before this one may still move to it, or past it.
        first, last = self._closed_around(day)
        nominal = next(self._nominal_from(self._begin(first)), None)
        if nominal is None:
            return None
        on = self._day_of(nominal)
        if on <= last:
            return day
        # A closed day, or one behind it, may roll back to the last open day before it.
        while self._rolls and on > day + 1 and not self._verdict(on).is_open:
            on -= 1
        return on

    def _of_day(
        self, day: int, low: int, high: int, limit: int, with_held: bool
    ) -> Iterator[DueTime]:
        verdict = self._verdict(day)
        if verdict.is_open:
            moved: dict[int, list[int]] = {}
            first, last = self._closed_around(day)
            for source in range(first, last + 1):
                if self._target(source) == day:
                    for at, nominal in islice(self._arriving(source, day, low, high), limit):
                        moved.setdefault(at, []).append(nominal)
            for at in sorted(moved)[:limit]:
                yield self._due(at, moved[at])
        elif with_held and self._target(day) is None:
            reason = verdict.reason + ("" if verdict.held else "; no day nearby is open")
            for nominal in islice(self._nominal(day, low, high), limit):
                yield DueTime(instant_of(nominal), held=True, reason=reason)

    def _due(self, at: int, nominal: list[int]) -> DueTime:
        moved = sorted(n for n in nominal if n != at)
        return DueTime(
            instant_of(at),
            nominal=at in nominal,
            moved_from=tuple(instant_of(n) for n in moved),
            reason=self._verdict(self._day_of(moved[0])).reason if moved else "",
        )

    def _arriving(self, source: int, day: int, low: int, high: int) -> Iterator[tuple[int, int]]:
        """The times of the source day as they lie on this day, within (low, high]."""
        begin, end = self._shift(source, day)
        for nominal in self._nominal(source, low + begin, high + end):
            at = self._moved(nominal, source, day)
            if low < at <= high:
                yield at, nominal

    def _moved(self, nominal: int, source: int, day: int) -> int:
        """The instant on `day` with the wall clock time that `nominal` has on its own."""
        if source == day:
            return nominal
        wall = civil_time(self._info, nominal) + (day - source) * DAY
        return first_instant(self._info, wall).instant

    def _shift(self, source: int, day: int) -> tuple[int, int]:
        """What leads from an instant of `day` back to the source day: the least and the most."""
        if source == day:
            return 0, 0
        # The two days may differ in their offsets by this much, or change them on the way.
        edges = (source * DAY, source * DAY + DAY - 1, day * DAY, day * DAY + DAY - 1)
        offsets = [edge - first_instant(self._info, edge).instant for edge in edges]
        slack = max(offsets) - min(offsets)
        back = (source - day) * DAY
        return back - slack, back + slack

    def _nominal(self, day: int, low: int, high: int) -> Iterator[int]:
        """The nominal times of the day in (low, high]."""
        end = min(high, last_instant(self._info, (day + 1) * DAY - 1).instant)
        for seconds in self._nominal_from(max(low + 1, self._begin(day))):
            if seconds > end:
                return
            # Clocks that go back over midnight show the next day for a moment in between.
            if self._day_of(seconds) == day:
                yield seconds

    def _nominal_from(self, first: int) -> Iterator[int]:
        return due_seconds(self._expression, first - 1, LAST_INSTANT)

    def _begin(self, day: int) -> int:
        return first_instant(self._info, day * DAY).instant

    def _day_of(self, instant: int) -> int:
        return civil_time(self._info, instant) // DAY

    def _closed_around(self, day: int) -> tuple[int, int]:
        """This day with the closed days right before and after it: what may move to it is there."""
        first = last = day
        if not self._rolls:
            return first, last
        while first > day - LONGEST_ROLL and not self._verdict(first - 1).is_open:
            first -= 1
        while last < day + LONGEST_ROLL and not self._verdict(last + 1).is_open:
            last += 1
        return first, last

    def _target(self, day: int) -> int | None:
        """The day that this day's due times move to, itself if it is open, None if held."""
        verdict = self._verdict(day)
        if verdict.held:
            return None
        if verdict.is_open:
            return day
        for steps in range(1, LONGEST_ROLL + 1):
            if self._verdict(day + steps * verdict.roll).is_open:
                return day + steps * verdict.roll
        return None

    def _verdict(self, day: int) -> _Verdict:
        verdict = self._verdicts.get(day)
        if verdict is None:
            verdict = self._verdicts[day] = _judge(self._uses, min(max(day, 0), LAST_DAY))
        return verdict


def _judge(uses: tuple[CalendarUse, ...], day: int) -> _Verdict:
    on = day_date(day)
    roll: _Verdict | None = None
    for use in uses:
        has, name = use.calendar.has(on), use.calendar.name
        if use.mode is CalendarMode.EXCLUDE and has:
            return _Verdict(held=True, reason=f"{on} is excluded by calendar {name!r}")
        if use.mode is CalendarMode.INCLUDE and not has:
            return _Verdict(held=True, reason=f"{on} is not in calendar {name!r}")
        if use.mode in ROLLS and has and roll is None:
            roll = _Verdict(roll=ROLLS[use.mode], reason=f"{on} is in calendar {name!r}")
    return roll or _Verdict()
