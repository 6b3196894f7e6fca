"""One field of a cron expression: lists, ranges, steps and names, and what only day fields know.

item  = `*` | value | value `-` value | item `/` step          value = number or name
field = item { `,` item }

day of month also  `?`, `L` (the last day), `L-3` (three days before it), `15W` (the weekday
                   nearest to the 15th), `LW` (the last weekday)
day of week also   `?`, `5L` (the last Friday), `5#2` (the second), `L` (Saturday, where 1 is
                   Sunday)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from treadle.schedules.faults import InvalidText, quoted
from treadle.schedules.times.days import LAST, DayRule

MONTH_NAMES = {
    name: number
    for number, name in enumerate(
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1
    )
}
WEEKDAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
_LAST_DAY = re.compile(r"L(?:-([0-9]{1,2}))?(W?)", re.ASCII)
_NEAREST = re.compile(r"([0-9]{1,2})W", re.ASCII)
_LAST_OF_WEEKDAY = re.compile(r"([0-9]|[A-Z]{3})L", re.ASCII)
_UNTIL_SUNDAY = re.compile(r"((?:[1-6]|MON|TUE|WED|THU|FRI|SAT)-)(?:SUN|0)", re.ASCII)
_NTH_OF_WEEKDAY = re.compile(r"([0-9]|[A-Z]{3})#([0-9]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """A field's name and range. `wraps`: a range may run over the end, as in Quartz's `22-2`.

    `top`, where given, ends `*` and open steps: 7 is a second name for Sunday, not an eighth day.
    """

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict[str, int])
    wraps: bool = False
    top: int | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """Ascending values; does the text (`starred`) or one of its items (`free`) begin with `*`."""

    values: tuple[int, ...]
    starred: bool
    free: bool


def read_field(part: Part, text: str) -> Field:
    """The values of a plain field; InvalidText names it."""
    values: set[int] = set()
    items = text.split(",")
    for item in items:
        values.update(_item_values(part, item))
    free = any(item.startswith("*") for item in items)
    return Field(tuple(sorted(values)), starred=text.startswith("*"), free=free)


def _item_values(part: Part, item: str) -> range | list[int]:
    spread, slash, step_text = item.partition("/")
    step = 1
    top = part.high if part.top is None else part.top
    if slash:
        if not _NUMBER.fullmatch(step_text) or int(step_text) == 0:
            raise InvalidText(f"{part.name}: the step in {quoted(item)} must be 1 or more")
        step = int(step_text)
    if spread == "*":
        return range(part.low, top + 1, step)
    first_text, dash, last_text = spread.partition("-")
    first = _value(part, first_text, item)
    if not dash:
        return range(first, top + 1, step) if slash else range(first, first + 1)
    last = _value(part, last_text, item)
    if first <= last:
        return range(first, last + 1, step)
    if not part.wraps:
        raise InvalidText(f"{part.name}: the range {quoted(item)} runs backwards")
    size = part.high - part.low + 1
    return [part.low + (n - part.low) % size for n in range(first, last + size + 1, step)]


def _value(part: Part, text: str, item: str) -> int:
    if text in part.names:
        return part.names[text]
    if not _NUMBER.fullmatch(text):
        if not text:
            raise InvalidText(f"{part.name}: a value is missing in {quoted(item)}")
        raise InvalidText(f"{part.name}: {quoted(text)} is not a value of this field")
    value = int(text)
    if not part.low <= value <= part.high:
        raise InvalidText(f"{part.name}: {value} is not within {part.low} to {part.high}")
    return value


@dataclass(frozen=True, slots=True)
class MonthDays:
    """The day of month field; `days` None where it is open."""

    days: tuple[int, ...] | None
    nearest: tuple[int, ...]
    starred: bool
    whole: bool  # exactly `*` or `?`


def read_month_days(part: Part, text: str) -> MonthDays:
    """The day of month field; InvalidText names it."""
    if text in ("*", "?"):
        return MonthDays(None, (), starred=True, whole=True)
    days: set[int] = set()
    nearest: set[int] = set()
    for item in text.split(","):
        if last := _LAST_DAY.fullmatch(item):
            before = int(last[1] or 0)
            if before > part.high - 1:
                raise InvalidText(f"{part.name}: {quoted(item)} is before the month's first day")
            (nearest if last[2] else days).add(-1 - before)
        elif near := _NEAREST.fullmatch(item):
            nearest.add(_value(part, near[1], item))
        else:
            days.update(_item_values(part, item))
    return MonthDays(
        tuple(sorted(days)) if days or not nearest else None,
        tuple(sorted(nearest)),
        starred=text.startswith("*"),
        whole=False,
    )


@dataclass(frozen=True, slots=True)
class WeekDays:
    """The day of week field, 0 is Sunday; `weekdays` None where it is open."""

    weekdays: tuple[int, ...] | None
    nth: tuple[tuple[int, int], ...]
    starred: bool
    whole: bool  # exactly `*` or `?`


def read_week_days(part: Part, text: str, *, sunday: int) -> WeekDays:
    """The day of week field, whose number for Sunday is `sunday`; InvalidText names it."""
    if text in ("*", "?"):
        return WeekDays(None, (), starred=True, whole=True)
    weekdays: set[int] = set()
    nth: set[tuple[int, int]] = set()
    for item in text.split(","):
        if last := _LAST_OF_WEEKDAY.fullmatch(item):
            nth.add(((_value(part, last[1], item) - sunday) % 7, LAST))
        elif which := _NTH_OF_WEEKDAY.fullmatch(item):
            n = int(which[2])
            if not 1 <= n <= 5:
                raise InvalidText(
                    f"{part.name}: the number after # in {quoted(item)} must be 1 to 5"
                )
            nth.add(((_value(part, which[1], item) - sunday) % 7, n))
        elif item == "L" and sunday == 1:
            weekdays.add(6)
        else:
            forward = _UNTIL_SUNDAY.sub(r"\g<1>7", item) if sunday == 0 else item
            weekdays.update((value - sunday) % 7 for value in _item_values(part, forward))
    return WeekDays(
        tuple(sorted(weekdays)) if weekdays or not nth else None,
        tuple(sorted(nth)),
        starred=text.startswith("*"),
        whole=False,
    )


def day_rule(month: MonthDays, week: WeekDays, *, either: bool) -> DayRule:
    """The days that both fields mean, or `either` of them does."""
    return DayRule(
        days=month.days,
        nearest=month.nearest,
        weekdays=week.weekdays,
        nth=week.nth,
        either=either,
    )
