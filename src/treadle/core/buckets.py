"""A stretch of time in pieces of one length, and what ended within them: for charts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from treadle.core.errors import BadInput

MOST_BUCKETS: Final = 120
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Step(StrEnum):
    """How long each bucket is."""

    MINUTE = "minute"
    HOUR = "hour"

    @property
    def length(self) -> timedelta:
        """The step as time."""
        return timedelta(minutes=1) if self is Step.MINUTE else timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Buckets:
    """The whole steps, on the clock of UTC, from `since` until before `until`."""

    since: datetime
    until: datetime
    step: Step

    def starts(self) -> Iterator[datetime]:
        """When each of them begins, the earliest first."""
        at = self.since
        while at < self.until:
            yield at
            at += self.step.length


@dataclass(frozen=True, slots=True)
class Ends:
    """How many ended in a bucket, and how: well, badly, or because somebody did not want them."""

    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0


def cut(since: datetime | None, until: datetime, step: Step) -> Buckets:
    """The buckets that hold all of [since, until): the first may begin before, the last end after.
    Without `since`, the last 24. Raises BadInput for none and for more than MOST_BUCKETS.
    """
    try:
        end = _floor(until, step)
        if end < until:
            end += step.length
        start = end - 24 * step.length if since is None else _floor(since, step)
    except OverflowError:
        raise BadInput("from, to: must be between the years 1 and 9999", field="to") from None
    if start >= end:
        raise BadInput("to: must be later than from", field="to")
    if end - start > MOST_BUCKETS * step.length:
        raise BadInput(f"to: must be at most {MOST_BUCKETS} {step}s after from", field="to")
    return Buckets(start, end, step)


def _floor(instant: datetime, step: Step) -> datetime:
    return instant - (instant - _EPOCH) % step.length
