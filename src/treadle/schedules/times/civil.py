"""The calendar as integers: civil seconds count what a wall clock shows, with no zone in them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

DAY = 86400
LAST_YEAR = 2199
"""No due time lies beyond this year (the last one that AWS's cron knows)."""

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock's, not an instant
_SECOND = timedelta(seconds=1)
_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def day_number(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01."""
    return date(year, month, day).toordinal() - _EPOCH_ORDINAL


def day_date(day: int) -> date:
    """The date of a day number."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


def month_length(year: int, month: int) -> int:
    """Days in the month."""
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap else _LENGTHS[month]


def weekday(day: int) -> int:
    """0 is Sunday, as in cron; 1970-01-01 was a Thursday."""
    return (day + 4) % 7


def civil_seconds(wall: datetime) -> int:
    """A naive wall clock time as civil seconds; fractions are dropped."""
    return (wall - _EPOCH) // _SECOND


def wall_time(civil: int) -> datetime:
    """The naive wall clock time of civil seconds."""
    return _EPOCH + timedelta(seconds=civil)


LAST_DAY = day_number(LAST_YEAR, 12, 31)
LAST_CIVIL = (LAST_DAY + 1) * DAY - 1
