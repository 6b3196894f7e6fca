"""Wall clock times that recur in steps and pass a filter: INTERVAL of RRULE, up to WEEKLY."""

from __future__ import annotations

from dataclasses import dataclass

from treadle.schedules.faults import ExpressionError
from treadle.schedules.times.civil import DAY
from treadle.schedules.times.civil_times import CivilTimes

_MOST_LEAPS = 20_000  # some 40 ms of searching


@dataclass(frozen=True, slots=True)
class SteppedTimes:
    """The times of `within` that lie in [origin + k · step, … + width) for a whole k ≥ 0.

    Found by leaping: from a window to the next time of the filter, from there to its window. A
    filter and a step that meet too rarely for that raise ExpressionError, rather than run long.
    """

    within: CivilTimes
    origin: int
    step: int
    width: int

    def at_or_after(self, civil: int) -> int | None:
        """The first of them from this one on."""
        civil = max(civil, self.origin)
        for _ in range(_MOST_LEAPS):
            found = self.within.at_or_after(civil)
            if found is None:
                return None
            into = (found - self.origin) % self.step
            if into < self.width:
                return found
            civil = found - into + self.step
        raise _too_rare()

    def at_or_before(self, civil: int) -> int | None:
        """The last of them up to this one."""
        for _ in range(_MOST_LEAPS):
            found = self.within.at_or_before(civil)
            if found is None or found < self.origin:
                return None
            into = (found - self.origin) % self.step
            if into < self.width:
                return found
            civil = found - into + self.width - 1
        raise _too_rare()

    def count(self, first: int, last: int, limit: int) -> int:
        """How many lie in [first, last], or `limit` if more; counts one by one."""
        found, at = 0, self.at_or_after(first)
        while at is not None and at <= last and found < limit:
            found += 1
            at = self.at_or_after(at + 1)
        return found


def _too_rare() -> ExpressionError:
    return ExpressionError("schedule_expression", "RRULE: recurs too rarely, or never")


def week_start(civil: int, first_weekday: int) -> int:
    """Midnight at the start of the week that holds this time; `first_weekday` 0 is Sunday."""
    day = civil // DAY
    return (day - (day + 4 - first_weekday) % 7) * DAY
