"""The times of a day that three fields name, without listing up to 86,400 of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class TimesOfDay:
    """Every combination of the hours, minutes and seconds; times are seconds of the day."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    starts: tuple[int, ...]  # the minutes of the day that hold any
    first: int
    last: int
    total: int

    def at_or_after(self, time: int) -> int:
        """The first of them from this one on, or -1 when the day has no more."""
        minute, second = divmod(time, 60)
        starts = self.starts
        index = bisect_left(starts, minute)
        if index == len(starts):
            return -1
        if starts[index] == minute:
            seconds = self.seconds
            within = bisect_left(seconds, second)
            if within < len(seconds):
                return minute * 60 + seconds[within]
            index += 1
            if index == len(starts):
                return -1
        return starts[index] * 60 + self.seconds[0]

    def at_or_before(self, time: int) -> int:
        """The last of them up to this one, or -1 when the day has none before."""
        minute, second = divmod(time, 60)
        index = bisect_right(self.starts, minute) - 1
        if index >= 0 and self.starts[index] == minute:
            within = bisect_right(self.seconds, second) - 1
            if within >= 0:
                return minute * 60 + self.seconds[within]
            index -= 1
        return -1 if index < 0 else self.starts[index] * 60 + self.seconds[-1]

    def count_before(self, time: int) -> int:
        """How many of them lie before this one (which may be 86,400, the day's end)."""
        minute, second = divmod(time, 60)
        index = bisect_left(self.starts, minute)
        whole = index * len(self.seconds)
        if index < len(self.starts) and self.starts[index] == minute:
            whole += bisect_left(self.seconds, second)
        return whole


@lru_cache(maxsize=4096)
def times_of_day(
    hours: tuple[int, ...], minutes: tuple[int, ...], seconds: tuple[int, ...]
) -> TimesOfDay:
    """The times that these fields, each ascending and not empty, name together."""
    starts = tuple(hour * 60 + minute for hour in hours for minute in minutes)
    return TimesOfDay(
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        starts=starts,
        first=starts[0] * 60 + seconds[0],
        last=starts[-1] * 60 + seconds[-1],
        total=len(starts) * len(seconds),
    )
