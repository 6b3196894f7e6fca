"""How often schedules will be due, day by day: counted by arithmetic, and gone through one by one
only where that is not possible. Pure.

One by one go unions of expressions, RRULEs with an INTERVAL or dates of their own, and days to
which a business calendar moves what is due on others. An `Allowance` bounds how many of them one
answer goes through; where it does not reach, a count is less than there are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from treadle.schedules.calendars import OpenStretch
from treadle.schedules.due_times import (
    COUNT_LIMIT,
    AnyOf,
    Expression,
    due_after,
    due_until,
    is_listed,
)
from treadle.schedules.times.instants import instant_of, seconds_down
from treadle.schedules.timetables import Timetable

MOST_LISTED: Final = 100_000
"""Due times that one answer goes through one by one."""
MOST_LISTED_A_DAY: Final = 3_001
"""Of one expression and day, one more than two of every minute have on the longest day."""
_BATCH: Final = 200


@dataclass(slots=True)
class Allowance:
    """How many due times may still be gone through one by one; `was_short` where more were there
    than it let through.
    """

    left: int = MOST_LISTED
    was_short: bool = False

    @property
    def limit(self) -> int:
        """How many of a day: always some, so that no day looks empty."""
        return max(min(self.left, MOST_LISTED_A_DAY), 2)

    def spend(self, looked_at: int, *, is_all: bool) -> None:
        """So many were gone through, and they were all, or not."""
        self.left -= looked_at
        self.was_short = self.was_short or not is_all


@dataclass(frozen=True, slots=True)
class Foreseen:
    """`count` due times on the day of this number, from `first` to `last`."""

    day: int
    first: datetime
    last: datetime
    count: int


def foresee(
    timetable: Timetable, edges: Sequence[int], *, after: int, allowance: Allowance
) -> Iterator[Foreseen]:
    """The due times later than `after` that no calendar holds, in order: one, or several, for each
    day that has any. Day n is [edges[n], edges[n + 1]) in seconds since 1970 UTC, as `after` is,
    which is not before the first's.
    """
    for stretch in timetable.open_stretches(after=after, until=edges[-1] - 1):
        if stretch.mixed:
            yield from _listed(timetable, stretch, edges, allowance)
        else:
            yield from _counted(timetable.expression, stretch, edges, allowance)


def _counted(
    expression: Expression, stretch: OpenStretch, edges: Sequence[int], allowance: Allowance
) -> Iterator[Foreseen]:
    at = stretch.after
    while (first := due_after(expression, at)) is not None and first <= stretch.until:
        day = bisect_right(edges, first) - 1
        at = min(edges[day + 1] - 1, stretch.until)
        last = max(first, due_until(expression, at) or first)
        count = _count(expression, first, last, allowance)
        yield Foreseen(day, instant_of(first), instant_of(last), count)


def _count(expression: Expression, first: int, last: int, allowance: Allowance) -> int:
    """How many there are from the one at `first` to the one at `last`."""
    rule, limit = expression.rule, allowance.limit
    if first == last:
        return 1
    if not is_listed(expression):
        return rule.count(first - 1, last, COUNT_LIMIT)
    if not isinstance(rule, AnyOf):
        found = rule.count(first - 1, last, limit)
        allowance.spend(found, is_all=found < limit)
        return found
    each = rule.count_each(first - 1, last, limit)
    if max(each) == sum(each) < limit:
        return max(each)  # only one of them is due on that day
    if sum(each) >= limit:
        allowance.spend(0, is_all=False)
        return max(each)
    allowance.spend(sum(each), is_all=True)
    return rule.count(first - 1, last, limit)


def _listed(
    timetable: Timetable, stretch: OpenStretch, edges: Sequence[int], allowance: Allowance
) -> Iterator[Foreseen]:
    at = stretch.after
    while at < stretch.until:
        day = bisect_right(edges, at + 1) - 1
        end, limit = min(edges[day + 1] - 1, stretch.until), min(allowance.limit, _BATCH)
        due = timetable.due(after=instant_of(at), until=instant_of(end), limit=limit)
        looked_at, is_all = sum(1 + len(one.moved_from) for one in due), len(due) < limit
        goes_on = not is_all and allowance.left > looked_at
        allowance.spend(looked_at, is_all=is_all or goes_on)
        found = [one.at for one in due if not one.held]
        if found:
            yield Foreseen(day, found[0], found[-1], len(found))
        at = seconds_down(due[-1].at) if goes_on else end
