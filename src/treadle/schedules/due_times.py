"""When an expression is due: the next time, the last one, a stretch of them.

All functions are pure and bounded: their work does not grow with the time that they skip. Due times
are whole seconds in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heapify, heappop, heappush
from itertools import islice

from treadle.schedules.forms.recurrence_text import Recurrence
from treadle.schedules.times.civil import LAST_CIVIL
from treadle.schedules.times.civil_times import CivilTimes
from treadle.schedules.times.daylight import LocalTimes
from treadle.schedules.times.elapsed import Elapsed, Moment
from treadle.schedules.times.instants import instant_of, seconds_down
from treadle.schedules.times.zones import Zone

LAST_INSTANT = LAST_CIVIL
"""Seconds since 1970 UTC; nothing is due later."""

COUNT_LIMIT = 100_000
"""A count is exact up to this, and stands for that or more there."""


class ScheduleType(StrEnum):
    """What kind of schedule it is."""

    CRON = "cron"
    INTERVAL = "interval"
    ONCE = "once"
    RELATIVE = "relative"


class Form(StrEnum):
    """How the expression was written."""

    VIXIE = "vixie"
    QUARTZ = "quartz"
    AWS = "aws"
    RECURRENCE = "recurrence"
    INTERVAL = "interval"
    ONCE = "once"
    UNION = "union"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The union of expressions, once where they coincide."""

    members: tuple[Expression, ...]

    def after(self, instant: int) -> int | None:
        """The first later than this instant."""
        found = (due_after(member, instant) for member in self.members)
        return min((due for due in found if due is not None), default=None)

    def until(self, instant: int) -> int | None:
        """The last up to this instant."""
        found = (due_until(member, instant) for member in self.members)
        return max((due for due in found if due is not None), default=None)

    def count(self, after: int, until: int, limit: int) -> int:
        """How many lie in (after, until], at most `limit`.

        It looks at no more than `limit` times of its members. Where they have more, and some of
        them coincide, there may be more than it says.
        """
        coming = [
            (due, number)
            for number, member in enumerate(self.members)
            if (due := due_after(member, after)) is not None and due <= until
        ]
        heapify(coming)
        at, found, looked_at = after, 0, 0
        while coming and found < limit and looked_at < limit:
            at = coming[0][0]
            found += 1
            while coming and coming[0][0] == at:
                looked_at += 1
                _, number = heappop(coming)
                due = due_after(self.members[number], at)
                if due is not None and due <= until:
                    heappush(coming, (due, number))
        rest = (self.members[number] for _, number in coming)
        found += max((_count(member, at, until, limit) for member in rest), default=0)
        return min(found, limit)

    def count_each(self, after: int, until: int, limit: int) -> tuple[int, ...]:
        """How many times of each member lie in (after, until], also where they coincide; of a
        member that `is_listed` at most `limit`.
        """
        return tuple(
            _count(member, after, until, limit if is_listed(member) else COUNT_LIMIT)
            for member in self.members
        )


Rule = LocalTimes | Elapsed | Moment | AnyOf
"""The due times themselves, in seconds since 1970 UTC, without bounds.

`after(instant)` gives the first later one, `until(instant)` the last up to it, and
`count(after, until, limit)` how many lie in (after, until], at most `limit`.
"""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; made by `parse_expression` and `union`, asked by the functions below.

    `start` and `end` are its inclusive bounds in seconds since 1970 UTC; `recurrence` are the parts
    of an RRULE.
    """

    schedule_type: ScheduleType
    form: Form
    text: str
    zone: Zone
    start: int
    end: int
    rule: Rule
    recurrence: Recurrence | None = None


def union(expressions: Sequence[Expression]) -> Expression:
    """One expression that is due whenever any of these, all of one zone, is; once at a time."""
    if len(expressions) == 1:
        return expressions[0]
    if len({expression.zone for expression in expressions}) != 1:
        raise ValueError("a union needs expressions of one zone")
    return replace(
        expressions[0],
        form=Form.UNION,
        text="; ".join(expression.text for expression in expressions),
        start=min(expression.start for expression in expressions),
        end=max(expression.end for expression in expressions),
        rule=AnyOf(tuple(expressions)),
        recurrence=None,
    )


def first_due(expression: Expression, *, created_at: datetime) -> datetime | None:
    """The first due time that a schedule made at `created_at` waits for."""
    if isinstance(expression.rule, Moment):
        return instant_of(expression.rule.at)  # perhaps a few seconds ago, see _need_a_due_time
    return next_after(expression, created_at - timedelta(microseconds=1))


def next_after(expression: Expression, instant: datetime) -> datetime | None:
    """The first due time later than this instant, in UTC, or None when there is no more."""
    found = due_after(expression, seconds_down(instant))
    return None if found is None else instant_of(found)


def latest_until(expression: Expression, instant: datetime) -> datetime | None:
    """The last due time up to this instant, in UTC, or None when there was none."""
    found = due_until(expression, seconds_down(instant))
    return None if found is None else instant_of(found)


def due_seconds(expression: Expression, after: int, until: int) -> Iterator[int]:
    """The due times in (after, until], one by one; all are seconds since 1970 UTC."""
    found = due_after(expression, after)
    while found is not None and found <= until:
        yield found
        found = due_after(expression, found)


def between(
    expression: Expression, after: datetime, until: datetime, *, limit: int
) -> tuple[datetime, ...]:
    """The due times in (after, until], oldest first, at most `limit` of them."""
    found = due_seconds(expression, seconds_down(after), seconds_down(until))
    return tuple(instant_of(due) for due in islice(found, limit))


def upcoming(expression: Expression, after: datetime, *, limit: int) -> tuple[datetime, ...]:
    """The next due times after this instant, at most `limit` of them."""
    return between(expression, after, instant_of(LAST_INSTANT), limit=limit)


@dataclass(frozen=True, slots=True)
class Span:
    """The due times of a stretch of time as one thing: `count` of them, from `first` to `last`.

    `count` is exact up to 100,000, and stands for that or more from there on. Of a union it may be
    less than there are where its members have more than that together.
    """

    first: datetime
    last: datetime
    count: int


def span(expression: Expression, after: datetime, until: datetime) -> Span | None:
    """The due times in (after, until] together, without listing them; None where there is none."""
    first, last = next_after(expression, after), latest_until(expression, until)
    if first is None or last is None or first > last:
        return None
    low, high = seconds_down(first), seconds_down(last)
    return Span(first, last, expression.rule.count(low - 1, high, COUNT_LIMIT))


def is_listed(expression: Expression) -> bool:
    """Whether a count of its due times goes through them one by one."""
    rule = expression.rule
    if isinstance(rule, LocalTimes):
        return not isinstance(rule.wall, CivilTimes)
    return isinstance(rule, AnyOf)


def has_all_times(expression: Expression, first: int, last: int) -> bool:
    """Whether the day of these seconds, on which no clock changes, has every time of day that any
    day of the expression has. False where it is not plain.
    """
    rule = expression.rule
    if not isinstance(rule, LocalTimes) or not isinstance(rule.wall, CivilTimes):
        return False
    total = rule.wall.times.total
    return _count(expression, first - 1, last, total) == total


def due_after(expression: Expression, seconds: int) -> int | None:
    """`next_after` in seconds since 1970 UTC."""
    seconds = max(seconds, expression.start - 1)
    if seconds >= expression.end:
        return None
    found = expression.rule.after(seconds)
    return None if found is None or found > expression.end else found


def due_until(expression: Expression, seconds: int) -> int | None:
    """`latest_until` in seconds since 1970 UTC."""
    seconds = min(seconds, expression.end)
    if seconds < expression.start:
        return None
    found = expression.rule.until(seconds)
    return None if found is None or found < expression.start else found


def _count(expression: Expression, after: int, until: int, limit: int) -> int:
    after, until = max(after, expression.start - 1), min(until, expression.end)
    return expression.rule.count(after, until, limit) if after < until else 0
