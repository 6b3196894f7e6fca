"""Which days of a month a rule means, as bit masks.

What a rule says of a month depends on nothing but the month's length and the weekday it begins
with: 4 × 7 masks answer for all months of all years.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

LAST = -1
"""As the n of `nth`: the last such weekday of the month."""

_SATURDAY = 6
_SUNDAY = 0


@dataclass(frozen=True, slots=True)
class DayRule:
    """Days of a month. Negative days count from its end: -1 is the last one.

    `days` and `nearest` (the weekday, Monday to Friday, nearest to that day in the same month)
    speak of the day of month; `weekdays` (0 is Sunday) and `nth` (weekday, n from 1, or LAST) of
    the day of week. None leaves that side open. `either`: a day that one side means is enough, as
    in Vixie cron; else both must mean it.
    """

    days: tuple[int, ...] | None = None
    nearest: tuple[int, ...] = ()
    weekdays: tuple[int, ...] | None = None
    nth: tuple[tuple[int, int], ...] = ()
    either: bool = False

    @property
    def of_month(self) -> bool:
        """Whether the day of month is restricted."""
        return self.days is not None or bool(self.nearest)

    @property
    def of_week(self) -> bool:
        """Whether the day of week is restricted."""
        return self.weekdays is not None or bool(self.nth)


EVERY_DAY = DayRule()


@lru_cache(maxsize=1024)
def month_masks(rule: DayRule) -> tuple[int, ...]:
    """The masks (bit d is day d), at `(length - 28) * 7 + weekday of the 1st`."""
    return tuple(_mask(rule, length, first) for length in range(28, 32) for first in range(7))


def _mask(rule: DayRule, length: int, first: int) -> int:
    whole = (1 << (length + 1)) - 2
    by_month = _bits(_days_of_month(rule, length, first)) if rule.of_month else whole
    by_week = _bits(_days_of_week(rule, length, first)) if rule.of_week else whole
    return by_month | by_week if rule.either else by_month & by_week


def _bits(days: Iterator[int]) -> int:
    mask = 0
    for day in days:
        mask |= 1 << day
    return mask


def _days_of_month(rule: DayRule, length: int, first: int) -> Iterator[int]:
    for day in rule.days or ():
        counted = day if day > 0 else length + 1 + day
        if 1 <= counted <= length:
            yield counted
    for day in rule.nearest:
        counted = day if day > 0 else length + 1 + day
        if 1 <= counted <= length:
            yield _nearest_weekday(counted, length, first)


def _nearest_weekday(day: int, length: int, first: int) -> int:
    weekday = (first + day - 1) % 7
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < length else day - 2
    return day


def _days_of_week(rule: DayRule, length: int, first: int) -> Iterator[int]:
    for weekday in rule.weekdays or ():
        yield from range(1 + (weekday - first) % 7, length + 1, 7)
    for weekday, n in rule.nth:
        days = range(1 + (weekday - first) % 7, length + 1, 7)
        if n == LAST:
            yield days[-1]
        elif n <= len(days):
            yield days[n - 1]
