"""The canonical form: the wall clock times that a calendar rule names, found by arithmetic."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from treadle.schedules.times.civil import (
    DAY,
    LAST_CIVIL,
    LAST_DAY,
    LAST_YEAR,
    day_date,
    day_number,
    month_length,
    weekday,
)
from treadle.schedules.times.days import EVERY_DAY, DayRule, month_masks
from treadle.schedules.times.times_of_day import TimesOfDay

MONTHS = tuple(range(1, 13))
YEARS = range(1970, LAST_YEAR + 1)


@dataclass(frozen=True, slots=True)
class CivilTimes:
    """Times of day on the days of a rule, in these months and years. Times are civil seconds."""

    times: TimesOfDay
    days: DayRule
    months: tuple[int, ...]
    years: Sequence[int]
    masks: tuple[int, ...]  # of `days`, see `month_masks`
    every_day: bool

    def at_or_after(self, civil: int) -> int | None:
        """The first of them from this one on."""
        day, time = divmod(civil, DAY)
        if day <= LAST_DAY and (self.every_day or self._has(day)):
            found = self.times.at_or_after(time)
            if found >= 0:
                return day * DAY + found
        next_day = day + 1 if self.every_day else self._day_from(day + 1)
        if next_day is None or next_day > LAST_DAY:
            return None
        return next_day * DAY + self.times.first

    def at_or_before(self, civil: int) -> int | None:
        """The last of them up to this one."""
        day, time = divmod(min(civil, LAST_CIVIL), DAY)
        if day >= 0 and (self.every_day or self._has(day)):
            found = self.times.at_or_before(time)
            if found >= 0:
                return day * DAY + found
        last_day = day - 1 if self.every_day else self._day_until(day - 1)
        if last_day is None or last_day < 0:
            return None
        return last_day * DAY + self.times.last

    def count(self, first: int, last: int, limit: int) -> int:
        """How many lie in [first, last], or `limit` if more; the work does not grow with them."""
        if first > last:
            return 0
        first, last = max(first, 0), min(last, LAST_CIVIL)
        first_day, start = divmod(first, DAY)
        last_day, end = divmod(last + 1, DAY)
        found = self._count_days(first_day, last_day - 1) * self.times.total
        if end and (self.every_day or self._has(last_day)):
            found += self.times.count_before(end)
        if start and (self.every_day or self._has(first_day)):
            found -= self.times.count_before(start)
        return min(found, limit)

    def _has(self, day: int) -> bool:
        on = day_date(day)
        if on.month not in self.months or on.year not in self.years:
            return False
        mask = self._mask(on.year, on.month, weekday(day - on.day + 1))
        return bool(mask >> on.day & 1)

    def _mask(self, year: int, month: int, first_weekday: int) -> int:
        return self.masks[(month_length(year, month) - 28) * 7 + first_weekday]

    def _day_from(self, day: int) -> int | None:
        if day > LAST_DAY:
            return None
        low = day_date(max(day, 0))
        for year, month in self._months_from(low):
            start = day_number(year, month, 1)
            mask = self._mask(year, month, weekday(start))
            if month == low.month and year == low.year:
                mask &= -1 << low.day
            if mask:
                return start + (mask & -mask).bit_length() - 2
        return None

    def _day_until(self, day: int) -> int | None:
        if day < 0:
            return None
        high = day_date(day)
        for year, month in self._months_until(high):
            start = day_number(year, month, 1)
            mask = self._mask(year, month, weekday(start))
            if month == high.month and year == high.year:
                mask &= (2 << high.day) - 1
            if mask:
                return start + mask.bit_length() - 2
        return None

    def _months_from(self, low: date) -> Iterator[tuple[int, int]]:
        for year in self.years[bisect_left(self.years, low.year) :]:
            first = low.month if year == low.year else 1
            for month in self.months:
                if month >= first:
                    yield year, month

    def _months_until(self, high: date) -> Iterator[tuple[int, int]]:
        for year in reversed(self.years[: bisect_right(self.years, high.year)]):
            last = high.month if year == high.year else 12
            for month in reversed(self.months):
                if month <= last:
                    yield year, month

    def _count_days(self, first: int, last: int) -> int:
        if first > last:
            return 0
        if self.every_day:
            return last - first + 1
        low, high = day_date(first), day_date(last)
        found = 0
        for year, month in self._months_from(low):
            if (year, month) > (high.year, high.month):
                break
            mask = self._mask(year, month, weekday(day_number(year, month, 1)))
            if (year, month) == (low.year, low.month):
                mask &= -1 << low.day
            if (year, month) == (high.year, high.month):
                mask &= (2 << high.day) - 1
            found += mask.bit_count()
        return found


def civil_times(
    times: TimesOfDay,
    *,
    days: DayRule = EVERY_DAY,
    months: tuple[int, ...] = MONTHS,
    years: Sequence[int] = YEARS,
) -> CivilTimes:
    """The compiled form of these fields, each ascending and not empty."""
    return CivilTimes(
        times=times,
        days=days,
        months=months,
        years=years,
        masks=month_masks(days),
        every_day=days == EVERY_DAY and months == MONTHS and years == YEARS,
    )
