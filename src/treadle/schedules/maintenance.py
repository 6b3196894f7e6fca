"""Maintenance windows: when each is open, and for which schedules. Pure.

A window is open from one instant up to another, or again and again: from each due time of its
expression for as long as it lasts. Openings that touch are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final
from uuid import UUID

from treadle.schedules.decisions import Stretch
from treadle.schedules.due_times import Expression, latest_until, next_after

MOST_OPENINGS: Final = 10_000
"""Of one window that a search looks at."""


class WindowPolicy(StrEnum):
    """What becomes of due times in a window."""

    SKIP = "skip"  # they are skipped
    DELAY = "delay"  # they start at its end, through the overlap policy


@dataclass(frozen=True, slots=True)
class Openings:
    """When a window is open: [start, end), or from each due time of `recurrence` for `duration`."""

    start: datetime | None = None
    end: datetime | None = None
    recurrence: Expression | None = None
    duration: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window; without a project it is of the whole tenant, without tags for all."""

    name: str
    reason: str
    policy: WindowPolicy
    openings: Openings
    project_id: UUID | None = None
    tags: frozenset[str] = frozenset()

    def is_for(self, *, project_id: UUID, tags: Iterable[str]) -> bool:
        """Whether a schedule of this project, with these tags, is meant: one tag is enough."""
        if self.project_id is not None and self.project_id != project_id:
            return False
        return not self.tags or not self.tags.isdisjoint(tags)


def windows_at(windows: Sequence[Window], instant: datetime) -> tuple[Window, ...]:
    """Those that are open then."""
    return tuple(window for window in windows if _is_open(window.openings, instant))


def stretches(
    windows: Sequence[Window], *, since: datetime, until: datetime
) -> tuple[Stretch, ...]:
    """When the windows are open in [since, until], in order; a stretch that reaches beyond `until`
    goes on up to its own end. Of one window at most the first MOST_OPENINGS.
    """
    found = [
        Stretch(
            start, end, window.reason or window.name, delays=window.policy is WindowPolicy.DELAY
        )
        for window in windows
        for start, end in islice(_open_in(window.openings, since, until), MOST_OPENINGS)
    ]
    return tuple(sorted(found, key=lambda stretch: stretch.since))


def _is_open(openings: Openings, instant: datetime) -> bool:
    return next(_open_in(openings, instant, instant), None) is not None


def _open_in(
    openings: Openings, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    if openings.recurrence is None:
        start, end = openings.start, openings.end
        if start is not None and end is not None and start <= until and end > since:
            yield start, end
        return
    recurrence, duration = openings.recurrence, openings.duration
    start = latest_until(recurrence, since)
    if start is None or start + duration <= since:
        start = next_after(recurrence, since)
    while start is not None and start <= until:
        end = _end_of(recurrence, start, duration, until)
        yield start, end
        start = next_after(recurrence, end)


def _end_of(
    recurrence: Expression, start: datetime, duration: timedelta, until: datetime
) -> datetime:
    """The end of the opening of `start` and of those that begin before it is over; no further than
    one that ends after `until`.
    """
    while True:
        last = latest_until(recurrence, start + duration)
        if last is None or last <= start or start + duration > until:
            return start + duration
        start = last
