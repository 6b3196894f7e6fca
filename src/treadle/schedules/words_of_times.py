"""The times of a day in English: `at 09:00`, `every 15 minutes from 09:00 to 17:45`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from treadle.schedules.times.times_of_day import TimesOfDay

_LISTED = 6  # so many times of day are named one by one
_HOURS = tuple(range(24))
_SIXTY = tuple(range(60))


def join(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def plural(count: int, unit: str) -> str:
    """`minute`, `2 minutes`: what stands after `every`."""
    return unit if count == 1 else f"{count} {unit}s"


def runs(values: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending values as stretches without a hole; a pair of neighbours stays two."""
    found: list[tuple[int, int]] = []
    for value in values:
        if found and value == found[-1][1] + 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    split: list[tuple[int, int]] = []
    for low, high in found:
        split.extend([(low, high)] if high - low != 1 else [(low, low), (high, high)])
    return split


def numbers(values: Sequence[int]) -> str:
    """`1, 5 and 10 to 20`."""
    return join([str(low) if low == high else f"{low} to {high}" for low, high in runs(values)])


def hour_words(hours: Sequence[int]) -> str:
    """`the hours 9 to 17`."""
    return f"the hour{'s' * (len(hours) > 1)} {numbers(hours)}"


def time_words(times: TimesOfDay) -> tuple[str, bool]:
    """The words, and whether they name times (`at …`) that a day must still be said for."""
    if times.seconds == (0,):
        return _minute_words(times)
    if len(times.seconds) == 1 and len(times.starts) <= _LISTED:
        return f"at {join([_clock(s, times.seconds[0]) for s in times.starts])}", True
    step = _step(times.seconds, 60)
    every_minute = times.hours == _HOURS and times.minutes == _SIXTY
    if step:
        seconds = f"every {plural(step, 'second')}"
    else:
        seconds = f"at {_counted(times.seconds, 'second')} past the minute"
    if every_minute:
        return seconds, False
    minutes, named = _minute_words(times)
    return f"{seconds}{' of the minute' if step else ''}, {minutes}", named


def _minute_words(times: TimesOfDay) -> tuple[str, bool]:
    hours, minutes = times.hours, times.minutes
    step = _step(minutes, 60)
    every = f"every {plural(step, 'minute')}"
    past = f"at {_counted(minutes, 'minute')} past"
    if hours == _HOURS:
        hourly = "every hour" if minutes == (0,) else f"{past} every hour"
        return every if step else hourly, False
    if len(times.starts) <= _LISTED:
        return f"at {join([_clock(start) for start in times.starts])}", True
    if len(minutes) == 1:
        return _hour_words(hours, minutes[0]), False
    if step and len(runs(hours)) == 1:
        return f"{every} from {_clock(times.starts[0])} to {_clock(times.starts[-1])}", False
    return f"{every} in {hour_words(hours)}" if step else f"{past} {hour_words(hours)}", False


def _hour_words(hours: tuple[int, ...], minute: int) -> str:
    """More hours than one would list, at one minute."""
    step = _step(hours, 24)
    if step:
        past = "" if minute == 0 else f" at {_counted((minute,), 'minute')} past"
        return f"every {plural(step, 'hour')}{past}"
    first, last = _clock(hours[0] * 60 + minute), _clock(hours[-1] * 60 + minute)
    if len(runs(hours)) == 1:
        return f"every hour from {first} to {last}"
    gap = hours[1] - hours[0]
    if all(later - earlier == gap for earlier, later in pairwise(hours)):
        return f"every {gap} hours from {first} to {last}"
    return f"at {_counted((minute,), 'minute')} past {hour_words(hours)}"


def _step(values: tuple[int, ...], size: int) -> int:
    """n if the values are every nth from 0 of a size that n divides, else 0."""
    if len(values) < 2 or values[0] != 0:
        return 0
    step = values[1]
    return step if size % step == 0 and values == tuple(range(0, size, step)) else 0


def _counted(values: tuple[int, ...], unit: str) -> str:
    return f"{numbers(values)} {unit if values == (1,) else unit + 's'}"


def _clock(minute: int, second: int | None = None) -> str:
    text = f"{minute // 60:02}:{minute % 60:02}"
    return text if second is None else f"{text}:{second:02}"
