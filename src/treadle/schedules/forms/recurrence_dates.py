"""The dates of MONTHLY and YEARLY rules, by python-dateutil, without its unbounded searches.

`rrule` runs on to the year 9999 when a rule has no more dates, which takes seconds. The calendar
repeats every 400 years to the day and weekday; so a rule is asked in the 97th to 99th century
instead, where at most some 400 years are left to run through (tens of milliseconds, once).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from dateutil import rrule

from treadle.schedules.faults import InvalidText
from treadle.schedules.forms.recurrence_text import Recurrence
from treadle.schedules.times.civil import (
    DAY,
    LAST_CIVIL,
    LAST_YEAR,
    civil_seconds,
    day_number,
    wall_time,
)
from treadle.schedules.times.stepped_times import week_start
from treadle.schedules.times.times_of_day import TimesOfDay, times_of_day

_CENTURIES = timedelta(days=19 * 146_097)  # 7,600 years: 400 years have 146,097 days, 20,871 weeks
_FREQUENCIES: dict[str, Literal[0, 1, 2, 3]] = {
    "DAILY": rrule.DAILY,
    "WEEKLY": rrule.WEEKLY,
    "MONTHLY": rrule.MONTHLY,
    "YEARLY": rrule.YEARLY,
}
_DAYS = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 31}
_MOST_TIMES = 1440  # a day, with BYSETPOS: dateutil lists them
_CACHED_YEARS = 8192


@dataclass(frozen=True, slots=True)
class RecurrenceDates:
    """Wall clock times on the dates of a rule; with `times` None the dates carry their own."""

    rule: Recurrence
    first: int  # DTSTART, in civil seconds
    times: TimesOfDay | None

    def at_or_after(self, civil: int) -> int | None:
        """The first of them from this one on."""
        civil = max(civil, self.first - self.first % DAY)
        year = wall_time(civil).year
        if year > LAST_YEAR:
            return None
        values, following = _dates(self.rule, self.first, year)
        index = bisect_left(values, civil if self.times is None else civil - civil % DAY)
        if self.times is not None and index < len(values) and values[index] <= civil:
            time = self.times.at_or_after(civil - values[index])
            if time >= 0:
                return values[index] + time
            index += 1
        found = values[index] if index < len(values) else following
        return found if self.times is None or found is None else found + self.times.first

    def at_or_before(self, civil: int) -> int | None:
        """The last of them up to this one."""
        if civil < self.first:
            return None
        last_year = min(wall_time(civil).year, LAST_YEAR)
        for year in range(last_year, wall_time(self.first).year - 1, -1):
            values, _ = _dates(self.rule, self.first, year)
            index = bisect_right(values, civil) - 1
            if self.times is not None and index >= 0:
                time = self.times.at_or_before(min(civil - values[index], DAY - 1))
                if time >= 0:
                    return values[index] + time
                index -= 1
            if index >= 0:
                return values[index] + (0 if self.times is None else self.times.last)
        return None

    def count(self, first: int, last: int, limit: int) -> int:
        """How many lie in [first, last], or `limit` if more; counts date by date."""
        found, at = 0, self.at_or_after(first)
        while at is not None and at <= last and found < limit:
            if self.times is None:
                found += 1
                at = self.at_or_after(at + 1)
                continue
            day = at - at % DAY
            found += self.times.count_before(min(last + 1 - day, DAY))
            found -= self.times.count_before(at - day)
            at = self.at_or_after(day + DAY)
        return min(found, limit)


def dates_of(rule: Recurrence, first: int) -> RecurrenceDates:
    """The dates of the rule from DTSTART `first` (civil seconds), at its times of day."""
    times = times_of_rule(rule, first)
    if rule.positions and times.total > _MOST_TIMES:
        raise InvalidText(f"RRULE: BYSETPOS takes at most {_MOST_TIMES} times a day")
    most = times.total * _DAYS.get(rule.frequency, 366)
    if rule.positions and all(abs(n) > most for n in rule.positions):
        raise InvalidText(f"RRULE: BYSETPOS is past the {most} times that there can be")
    return RecurrenceDates(rule, first, None if rule.positions else times)


def times_of_rule(rule: Recurrence, first: int) -> TimesOfDay:
    """The times of day of a rule from DTSTART `first`.

    Where BYHOUR, BYMINUTE or BYSECOND is left out, it is DTSTART's, or every one where the rule's
    frequency is as fine as that.
    """
    start, frequency = wall_time(first), rule.frequency
    every_hour = frequency in ("SECONDLY", "MINUTELY", "HOURLY")
    every_minute = frequency in ("SECONDLY", "MINUTELY")
    every_second = frequency == "SECONDLY"
    return times_of_day(
        rule.hours or (tuple(range(24)) if every_hour else (start.hour,)),
        rule.minutes or (tuple(range(60)) if every_minute else (start.minute,)),
        rule.seconds or (tuple(range(60)) if every_second else (start.second,)),
    )


@lru_cache(maxsize=_CACHED_YEARS)
def _dates(rule: Recurrence, first: int, year: int) -> tuple[tuple[int, ...], int | None]:
    """The dates within the year, and the first one after it."""
    begin, end = day_number(year, 1, 1) * DAY, day_number(year + 1, 1, 1) * DAY
    values: list[int] = []
    anchor = _anchor(rule, first, year)
    for found in _run(rule, first, anchor) if anchor is not None else ():
        if found >= end:
            return tuple(values), found if wall_time(found).year <= LAST_YEAR else None
        if found >= begin:
            values.append(found)
    return tuple(values), None


def _anchor(rule: Recurrence, first: int, year: int) -> datetime | None:
    """The start of the first interval of the rule that reaches into the year or begins after it."""
    start, interval = wall_time(first), rule.interval
    if rule.frequency in ("YEARLY", "MONTHLY"):
        months = 12 if rule.frequency == "YEARLY" else 1
        origin = (start.year * 12 + start.month - 1) // months
        passed = -(-max(year * 12 // months - origin, 0) // interval) * interval
        anchor_year, month = divmod((origin + passed) * months, 12)
        return datetime(anchor_year, month + 1, 1) if anchor_year <= LAST_YEAR else None  # noqa: DTZ001
    weekly = rule.frequency == "WEEKLY"
    width = 7 * DAY if weekly else DAY
    origin = week_start(first, rule.week_start) if weekly else first - first % DAY
    before = day_number(year, 1, 1) * DAY - origin - width
    anchor = origin + (max(before, -1) // (width * interval) + 1) * width * interval
    return wall_time(anchor) if anchor <= LAST_CIVIL else None


def _run(rule: Recurrence, first: int, anchor: datetime) -> Iterator[int]:
    start = wall_time(first)
    months, month_days = rule.months, rule.month_days
    if not (rule.weeks or rule.year_days or rule.month_days or rule.weekdays):
        # Of the parts that a rule leaves open, DTSTART gives the day.
        if rule.frequency == "YEARLY":
            months = months or (start.month,)
        if rule.frequency in ("YEARLY", "MONTHLY"):
            month_days = (start.day,)
    times = times_of_rule(rule, first) if rule.positions else None
    occurrences = rrule.rrule(
        _FREQUENCIES[rule.frequency],
        dtstart=anchor + _CENTURIES,
        interval=rule.interval,
        wkst=(rule.week_start - 1) % 7,
        bysetpos=rule.positions or None,
        bymonth=months or None,
        bymonthday=month_days or None,
        byyearday=rule.year_days or None,
        byweekno=rule.weeks or None,
        byweekday=_weekdays(rule, start),
        byhour=times.hours if times else 0,
        byminute=times.minutes if times else 0,
        bysecond=times.seconds if times else 0,
    )
    try:
        for found in occurrences:
            yield civil_seconds(found - _CENTURIES)
    except (ValueError, OverflowError):
        return  # dateutil stepped over the end of the year 9999 in search of another date


def _weekdays(rule: Recurrence, start: datetime) -> list[rrule.weekday] | None:
    """BYDAY as dateutil takes it: Monday is 0, and either all have a number or none."""
    if not rule.weekdays:
        return [rrule.weekday(start.weekday())] if rule.frequency == "WEEKLY" else None
    if not any(n for _, n in rule.weekdays):
        return [rrule.weekday((day - 1) % 7) for day, _ in rule.weekdays]
    # dateutil reads `MO,1FR` as days that are both; a Monday is the 1st or … 5th (53rd) Monday.
    every = range(1, rule.most_weekdays + 1)
    return [
        rrule.weekday((day - 1) % 7, number)
        for day, n in rule.weekdays
        for number in ([n] if n else every)
    ]
