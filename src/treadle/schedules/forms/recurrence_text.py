"""`RRULE:FREQ=…;…` of RFC 5545, read and checked part by part."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from treadle.schedules.faults import InvalidText, quoted

FREQUENCIES = ("SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
MOST_COUNTED = 10_000
"""COUNT is worked out when the expression is read, so it has a bound."""

LARGEST_INTERVAL = 100_000

_NUMBER = re.compile(r"[+-]?[0-9]{1,6}", re.ASCII)
_BY_DAY = re.compile(r"([+-]?[0-9]{1,2})?(SU|MO|TU|WE|TH|FR|SA)", re.ASCII)
_UNTIL = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Until:
    """UNTIL: a wall clock time of the schedule's zone, a date, or (in_utc) an instant."""

    at: datetime  # aware in UTC or naive
    date_only: bool


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The parts of a rule, lists ascending; weekdays count from 0, Sunday, with n or 0 for all."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: Until | None = None
    seconds: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 1

    @property
    def most_weekdays(self) -> int:
        """The largest n that BYDAY can have: weekdays are numbered in the month or in the year."""
        return 5 if self.frequency == "MONTHLY" or self.months else 53


def read_recurrence(text: str) -> Recurrence:
    """The rule after `RRULE:`. InvalidText names the part at fault."""
    given: dict[str, str] = {}
    for part in text.upper().rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise InvalidText(f"RRULE: {quoted(part)} is not NAME=VALUE")
        if name not in _READERS:
            raise InvalidText(f"RRULE: {quoted(name)} is not a part of a recurrence rule")
        if name in given:
            raise InvalidText(f"RRULE: {name} stands there twice")
        given[name] = value
    if "FREQ" not in given:
        raise InvalidText("RRULE: FREQ is required")
    recurrence = Recurrence(**{_READERS[name][0]: _READERS[name][1](given[name]) for name in given})
    _check(recurrence)
    return recurrence


def _check(rule: Recurrence) -> None:
    if rule.count is not None and rule.until is not None:
        raise InvalidText("RRULE: COUNT and UNTIL exclude each other")
    if any(n for _, n in rule.weekdays) and rule.frequency not in ("MONTHLY", "YEARLY"):
        raise InvalidText("RRULE: BYDAY takes a number only with FREQ=MONTHLY or YEARLY")
    if any(abs(n) > rule.most_weekdays for _, n in rule.weekdays):
        raise InvalidText(f"RRULE: the number in BYDAY is not within 1 to {rule.most_weekdays}")
    if any(n for _, n in rule.weekdays) and rule.weeks:
        raise InvalidText("RRULE: BYDAY takes no number together with BYWEEKNO")
    if rule.weeks and rule.frequency != "YEARLY":
        raise InvalidText("RRULE: BYWEEKNO goes with FREQ=YEARLY")
    if rule.year_days and rule.frequency != "YEARLY":
        raise InvalidText("RRULE: BYYEARDAY goes with FREQ=YEARLY")
    if rule.month_days and rule.frequency == "WEEKLY":
        raise InvalidText("RRULE: BYMONTHDAY does not go with FREQ=WEEKLY")
    by_day = rule.frequency in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
    if rule.positions and not by_day:
        raise InvalidText(f"RRULE: BYSETPOS does not go with FREQ={rule.frequency}")
    listed = (rule.seconds, rule.minutes, rule.hours, rule.weekdays, rule.month_days)
    if rule.positions and not any((*listed, rule.year_days, rule.weeks, rule.months)):
        raise InvalidText("RRULE: BYSETPOS needs another BY… part")


def _frequency(value: str) -> str:
    if value not in FREQUENCIES:
        raise InvalidText(f"RRULE: FREQ {quoted(value)} is not one of {', '.join(FREQUENCIES)}")
    return value


def _numbers(name: str, low: int, high: int, *, signed: bool = False) -> Callable[[str], Any]:
    def read(value: str) -> tuple[int, ...]:
        return tuple(sorted({_number(name, item, low, high, signed) for item in value.split(",")}))

    return read


def _number(name: str, text: str, low: int, high: int, signed: bool) -> int:
    if not _NUMBER.fullmatch(text):
        raise InvalidText(f"RRULE: {name} {quoted(text)} is not a number")
    value = int(text)
    if not low <= (abs(value) if signed else value) <= high:
        sign = " or from the end with -" if signed else ""
        raise InvalidText(f"RRULE: {name} {value} is not within {low} to {high}{sign}")
    return value


def _single(name: str, low: int, high: int) -> Callable[[str], Any]:
    def read(value: str) -> int:
        return _number(name, value, low, high, signed=False)

    return read


def _by_day(value: str) -> tuple[tuple[int, int], ...]:
    days: set[tuple[int, int]] = set()
    for item in value.split(","):
        match = _BY_DAY.fullmatch(item)
        if match is None:
            raise InvalidText(f"RRULE: BYDAY {quoted(item)} is not a weekday such as MO or -1FR")
        n = int(match[1] or 0)
        if match[1] and n == 0:
            raise InvalidText(f"RRULE: BYDAY {quoted(item)} is not a weekday such as MO or -1FR")
        days.add((WEEKDAYS.index(match[2]), n))
    return tuple(sorted(days))


def _weekday(value: str) -> int:
    if value not in WEEKDAYS:
        raise InvalidText(f"RRULE: WKST {quoted(value)} is not one of {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(value)


def _until(value: str) -> Until:
    match = _UNTIL.fullmatch(value)
    try:
        if match is None:
            raise ValueError
        at = datetime.strptime(match[1] + (match[2] or "000000"), "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        raise InvalidText(
            f"RRULE: UNTIL {quoted(value)} is not a date such as 20261231 or 20261231T235959Z"
        ) from None
    return Until(at.replace(tzinfo=UTC) if match[3] else at, date_only=match[2] is None)


_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "FREQ": ("frequency", _frequency),
    "INTERVAL": ("interval", _single("INTERVAL", 1, LARGEST_INTERVAL)),
    "COUNT": ("count", _single("COUNT", 1, MOST_COUNTED)),
    "UNTIL": ("until", _until),
    "BYSECOND": ("seconds", _numbers("BYSECOND", 0, 59)),
    "BYMINUTE": ("minutes", _numbers("BYMINUTE", 0, 59)),
    "BYHOUR": ("hours", _numbers("BYHOUR", 0, 23)),
    "BYDAY": ("weekdays", _by_day),
    "BYMONTHDAY": ("month_days", _numbers("BYMONTHDAY", 1, 31, signed=True)),
    "BYYEARDAY": ("year_days", _numbers("BYYEARDAY", 1, 366, signed=True)),
    "BYWEEKNO": ("weeks", _numbers("BYWEEKNO", 1, 53, signed=True)),
    "BYMONTH": ("months", _numbers("BYMONTH", 1, 12)),
    "BYSETPOS": ("positions", _numbers("BYSETPOS", 1, 366, signed=True)),
    "WKST": ("week_start", _weekday),
}
