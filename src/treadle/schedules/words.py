"""An expression in plain English: `At 09:00 on the last Friday of each month`."""

from __future__ import annotations

from treadle.schedules.due_times import AnyOf, Expression
from treadle.schedules.forms.recurrence_dates import RecurrenceDates, times_of_rule
from treadle.schedules.forms.recurrence_text import Recurrence
from treadle.schedules.times.civil import DAY, wall_time, weekday
from treadle.schedules.times.civil_times import YEARS, CivilTimes
from treadle.schedules.times.daylight import WallTimes
from treadle.schedules.times.elapsed import Elapsed, Moment
from treadle.schedules.times.stepped_times import SteppedTimes
from treadle.schedules.times.times_of_day import TimesOfDay
from treadle.schedules.times.zones import civil_time
from treadle.schedules.words_of_days import (
    MONTH_NAMES,
    WEEKDAY_NAMES,
    day_words,
    month_day_words,
    month_words,
    ordinal,
    weekday_words,
)
from treadle.schedules.words_of_times import hour_words, join, numbers, plural, time_words

_UNITS = (("week", 7 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_PERIODS = {
    "SECONDLY": "second",
    "MINUTELY": "minute",
    "HOURLY": "hour",
    "DAILY": "day",
    "WEEKLY": "week",
    "MONTHLY": "month",
    "YEARLY": "year",
}


def describe(expression: Expression, *, with_zone: bool = False) -> str:
    """One English sentence without a full stop; `with_zone` adds the zone of its wall clock."""
    words = _words(expression)
    wall_clock = not isinstance(expression.rule, Elapsed)
    zone = f" ({expression.zone.name})" if with_zone and wall_clock else ""
    return words[0].upper() + words[1:] + zone


def _words(expression: Expression) -> str:
    rule = expression.rule
    if isinstance(rule, AnyOf):
        return "; ".join(_words(member) for member in rule.members)
    if isinstance(rule, Elapsed):
        return f"every {_duration(rule.step)}"
    if isinstance(rule, Moment):
        wall = wall_time(civil_time(expression.zone.info, rule.at))
        on = f"{WEEKDAY_NAMES[wall.isoweekday() % 7]}, {wall.day} {MONTH_NAMES[wall.month]}"
        return f"once, on {on} {wall.year} at {wall:{_clock_format(wall.second)}}"
    words = _wall_words(rule.wall)
    return words + (_limit_words(expression.recurrence) if expression.recurrence else "")


def _wall_words(wall: WallTimes) -> str:
    if isinstance(wall, CivilTimes):
        return _on_days(wall.times, day_words(wall.days, months=wall.months, years=wall.years))
    if isinstance(wall, SteppedTimes):
        return _stepped_words(wall)
    assert isinstance(wall, RecurrenceDates)  # noqa: S101 - the three kinds of wall times there are
    times = times_of_rule(wall.rule, wall.first)
    return _on_days(times, _date_words(wall.rule, wall.first))


def _on_days(times: TimesOfDay, days: str) -> str:
    words, named = time_words(times)
    return f"{words} {days or 'every day' * named}".strip()


def _stepped_words(wall: SteppedTimes) -> str:
    within, times = wall.within, wall.within.times
    unit = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}.get(wall.width, "week")
    every = f"every {plural(wall.step // wall.width, unit)}"
    days = day_words(within.days, months=within.months, years=YEARS)
    if unit in ("day", "week"):
        return " ".join(part for part in (time_words(times)[0], days, every) if part)
    parts = [every]
    if len(times.hours) < 24:
        parts.append(f"in {hour_words(times.hours)}")
    if times.minutes != (0,) and len(times.minutes) < 60:
        parts.append(f"at {numbers(times.minutes)} minutes past")
    if times.seconds != (0,) and len(times.seconds) < 60:
        parts.append(f"at {numbers(times.seconds)} seconds past the minute")
    return " ".join([*parts, days]).strip()


def _date_words(rule: Recurrence, first: int) -> str:
    """The dates of a MONTHLY or YEARLY rule, or of one with BYSETPOS."""
    period = _PERIODS[rule.frequency]
    each = f"each {period}" if rule.interval == 1 else f"every {plural(rule.interval, period)}"
    days = _chosen_days(rule, first)
    if rule.positions:
        chosen = join([f"the {ordinal(n)}" for n in rule.positions])
        days = f"{chosen} of ({days or 'the times'})"
    if not rule.months:
        return f"on {days} of {each}"
    named = f"on {days} of {month_words(rule.months)}"
    return named if each == "each month" else f"{named} {each}"


def _chosen_days(rule: Recurrence, first: int) -> str:
    start = wall_time(first)
    days: list[str] = []
    if rule.weekdays:
        plain = [day for day, n in rule.weekdays if not n]
        words = [weekday_words(plain)] if plain else []
        words += [f"the {ordinal(n)} {WEEKDAY_NAMES[day]}" for day, n in rule.weekdays if n]
        days.append(join(words))
    if rule.month_days:
        days.append(month_day_words(rule.month_days))
    if rule.year_days:
        days.append(f"day {join([_counted(n) for n in rule.year_days])}")
    if rule.weeks:
        days.append(f"a day of week {join([_counted(n) for n in rule.weeks])}")
    if days or rule.frequency == "DAILY":
        return " that is ".join(days)
    if rule.frequency == "WEEKLY":
        return WEEKDAY_NAMES[weekday(first // DAY)]
    with_month = rule.frequency == "YEARLY" and not rule.months
    return f"the {ordinal(start.day)}" + f" of {MONTH_NAMES[start.month]}" * with_month


def _counted(n: int) -> str:
    return str(n) if n > 0 else f"{-n} from the end"


def _limit_words(rule: Recurrence) -> str:
    if rule.count is not None:
        return f", {rule.count} times" if rule.count > 1 else ", once"
    return f", until {rule.until.at:%Y-%m-%d}" if rule.until else ""


def _duration(seconds: int) -> str:
    """`5 minutes`, `day`, `1 hour 30 minutes`."""
    words: list[tuple[int, str]] = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            words.append((count, unit))
    if len(words) == 1:
        return plural(*words[0])
    return " ".join(f"{count} {unit}{'s' * (count > 1)}" for count, unit in words)


def _clock_format(second: int) -> str:
    return "%H:%M:%S" if second else "%H:%M"
