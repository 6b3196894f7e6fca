"""A recurrence rule as wall clock times: RFC 5545 from the DTSTART that `start_at` gives.

Up to FREQ=WEEKLY a rule is the canonical form, in steps where it has an INTERVAL. From MONTHLY on,
and with BYSETPOS, python-dateutil works out the dates, a year at a time.

Rules by the day keep to the wall clock as fixed times do; SECONDLY, MINUTELY and HOURLY run free.
"""

from __future__ import annotations

from dataclasses import dataclass

from treadle.schedules.forms.cron import need_a_day
from treadle.schedules.forms.recurrence_dates import dates_of, times_of_rule
from treadle.schedules.forms.recurrence_text import Recurrence, Until
from treadle.schedules.times.civil import DAY, LAST_CIVIL, civil_seconds
from treadle.schedules.times.civil_times import MONTHS, CivilTimes, civil_times
from treadle.schedules.times.daylight import Daylight, LocalTimes, WallTimes
from treadle.schedules.times.days import DayRule
from treadle.schedules.times.instants import seconds_down
from treadle.schedules.times.stepped_times import SteppedTimes, week_start
from treadle.schedules.times.zones import Zone, civil_time, first_instant

_WIDTHS = {"SECONDLY": 1, "MINUTELY": 60, "HOURLY": 3600, "DAILY": DAY, "WEEKLY": 7 * DAY}
_SUB_DAILY = ("SECONDLY", "MINUTELY", "HOURLY")


@dataclass(frozen=True, slots=True)
class CompiledRecurrence:
    """The times of a rule, and the last instant that COUNT or UNTIL lets through."""

    times: LocalTimes
    last: int | None


def compile_recurrence(rule: Recurrence, *, start: int, zone: Zone) -> CompiledRecurrence:
    """The rule from DTSTART, the instant `start`. InvalidText for what can never fire."""
    first = civil_time(zone.info, start)
    daylight = Daylight.FREE if rule.frequency in _SUB_DAILY else Daylight.FIXED
    times = LocalTimes(_wall_times(rule, first), zone.info, daylight)
    last = None
    if rule.until is not None:
        last = _last_instant(rule.until, zone)
    elif rule.count is not None:
        last = _counted_instant(times, start, rule.count)
    return CompiledRecurrence(times, last)


def _wall_times(rule: Recurrence, first: int) -> WallTimes:
    if rule.frequency in ("MONTHLY", "YEARLY"):
        return dates_of(rule, first)
    within = _filter(rule, first)
    if rule.positions:
        return dates_of(rule, first)
    if rule.interval == 1:
        return within
    width = _WIDTHS[rule.frequency]
    weekly = rule.frequency == "WEEKLY"
    origin = week_start(first, rule.week_start) if weekly else first - first % width
    return SteppedTimes(within, origin=origin, step=width * rule.interval, width=width)


def _filter(rule: Recurrence, first: int) -> CivilTimes:
    weekdays = tuple(sorted({weekday for weekday, _ in rule.weekdays}))
    if rule.frequency == "WEEKLY" and not weekdays:
        weekdays = ((first // DAY + 4) % 7,)
    days = DayRule(days=rule.month_days or None, weekdays=weekdays or None)
    months = rule.months or MONTHS
    need_a_day(days, months)
    return civil_times(times_of_rule(rule, first), days=days, months=months)


def _last_instant(until: Until, zone: Zone) -> int:
    if until.at.tzinfo is not None:
        return seconds_down(until.at)
    civil = civil_seconds(until.at) + (DAY - 1 if until.date_only else 0)
    return first_instant(zone.info, min(civil, LAST_CIVIL)).instant


def _counted_instant(times: LocalTimes, start: int, count: int) -> int:
    instant = start - 1
    for _ in range(count):
        following = times.after(instant)
        if following is None:
            break
        instant = following
    return instant
