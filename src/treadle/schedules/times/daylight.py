"""From wall clock times to instants: what happens when the clocks change.

    ┌─────────────────────────────┬───────────────────────────┬───────────────────────────┐
    │ a time that …               │ the clocks skip (gap)     │ comes twice (repeat)      │
    ├─────────────────────────────┼───────────────────────────┼───────────────────────────┤
    │ FIXED   five fields, Quartz │ the first instant after   │ its first                 │
    │         and RRULE by day    │ the gap; several: once    │                           │
    │ FREE    the same, minute or │ does not fire             │ both                      │
    │         hour with `*`       │                           │                           │
    │ SINGLE  AWS `cron(…)`       │ does not fire             │ its first                 │
    └─────────────────────────────┴───────────────────────────┴───────────────────────────┘

Clocks go from 02:00 to 03:00, and later in the year from 03:00 back to 02:00:

    30 2 * * *        FIXED   in spring at 03:00, the first instant there is; in autumn once
    0 1-3 * * *       FIXED   a range or a list without `*` names fixed times: in spring 01:00 and
                              03:00 (where 02:00 lands too); in autumn 01:00, the first 02:00, 03:00
    30 * * * *        FREE    every hour that passes, both 02:30 in autumn, none in spring
    */15 2 * * *      FREE    four times in an ordinary night, none in spring, eight in autumn
    0 */2 * * *       FREE    00:00, 04:00, … in spring; 00:00, 02:00, 02:00, 04:00, … in autumn

A field runs free when one of the items of its list begins with `*` (in Quartz also with `0/`, which
is how it writes `*/`). Seconds do not count, nor do the fields of the day. Time may be skipped by
half an hour (Lord Howe), at midnight (Beirut) or for a whole day (Samoa, 2011-12-30): the table
holds for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol
from zoneinfo import ZoneInfo

from treadle.schedules.times.zones import Period, first_instant, last_instant, period_at


class Daylight(Enum):
    """How times that the clocks skip or repeat are read; the table stands in the module's text."""

    FIXED = auto()
    FREE = auto()
    SINGLE = auto()


class WallTimes(Protocol):
    """Ascending wall clock times, as civil seconds."""

    def at_or_after(self, civil: int) -> int | None:
        """The first from this one on."""
        ...

    def at_or_before(self, civil: int) -> int | None:
        """The last up to this one."""
        ...

    def count(self, first: int, last: int, limit: int) -> int:
        """How many lie in [first, last], at most `limit`."""
        ...


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """The instants (seconds since 1970 UTC) of wall clock times in a zone."""

    wall: WallTimes
    info: ZoneInfo
    daylight: Daylight

    def after(self, instant: int) -> int | None:
        """The first instant later than this one."""
        start, end, offset, before = period_at(self.info, instant)
        if self.daylight is Daylight.FREE:
            found = self.wall.at_or_after(instant + offset + 1)
            if found is None or found >= end + offset:
                # The next period's wall clock may begin before this one's ended.
                following = period_at(self.info, end)
                found = self.wall.at_or_after(end + following.offset)
                end, offset = following.end, following.offset
        else:
            # In a repeat, all that the clocks show again has been.
            found = self.wall.at_or_after(max(instant + offset + 1, start + before))
        if found is not None and found < end + offset:
            return found - offset
        return self._first(found)

    def until(self, instant: int) -> int | None:
        """The last instant up to this one."""
        start, _, offset, before = period_at(self.info, instant)
        if self.daylight is Daylight.FREE:
            found = self.wall.at_or_before(instant + offset)
            if found is None or found < start + offset:
                previous = period_at(self.info, start - 1)
                found = self.wall.at_or_before(start - 1 + previous.offset)
                start, offset = previous.start, previous.offset
            first_here = start + offset
        else:
            found = self.wall.at_or_before(max(instant + offset, start + before - 1))
            first_here = start + max(offset, before)
        if found is not None and found >= first_here:
            return found - offset
        return self._last(found)

    def count(self, after: int, until: int, limit: int) -> int:
        """How many instants lie in (after, until], at most `limit`."""
        found, at = 0, after + 1
        while at <= until and found < limit:
            period = period_at(self.info, at)
            last = min(until, period.end - 1)
            low = at + period.offset
            if self.daylight is not Daylight.FREE:
                low = max(low, period.start + period.before)
                found += self._landed(period) if period.start == at else 0
            found += self.wall.count(low, last + period.offset, limit)
            at = last + 1
        return min(found, limit)

    def _first(self, found: int | None) -> int | None:
        """The first instant of the wall clock time `found`, or of a later one if skipped."""
        while found is not None:
            place = first_instant(self.info, found)
            if not place.skipped or self.daylight is Daylight.FIXED:
                return place.instant
            resumed = place.instant + period_at(self.info, place.instant).offset
            found = self.wall.at_or_after(resumed)
        return None

    def _last(self, found: int | None) -> int | None:
        """The instant of the wall clock time `found`, or of an earlier one if skipped."""
        locate = last_instant if self.daylight is Daylight.FREE else first_instant
        while found is not None:
            place = locate(self.info, found)
            if not place.skipped or self.daylight is Daylight.FIXED:
                return place.instant
            paused = place.instant + period_at(self.info, place.instant).before
            found = self.wall.at_or_before(paused - 1)
        return None

    def _landed(self, period: Period) -> int:
        """1 where times that the gap before this period skips land on its start by themselves."""
        resumed = period.start + period.offset
        if self.daylight is not Daylight.FIXED or period.before >= period.offset:
            return 0
        skipped = self.wall.count(period.start + period.before, resumed - 1, 1)
        return 1 if skipped and not self.wall.count(resumed, resumed, 1) else 0
