"""What the three cron dialects have in common once their fields are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from treadle.schedules.faults import InvalidText
from treadle.schedules.forms.cron_fields import MonthDays, WeekDays
from treadle.schedules.times.civil_times import MONTHS, YEARS, CivilTimes, civil_times
from treadle.schedules.times.daylight import Daylight
from treadle.schedules.times.days import DayRule, month_masks
from treadle.schedules.times.times_of_day import times_of_day

_LENGTHS: dict[int, tuple[int, ...]] = {
    month: (30,) if month in (4, 6, 9, 11) else (31,) for month in MONTHS
}
_LENGTHS[2] = (28, 29)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of any dialect in the canonical form."""

    wall: CivilTimes
    daylight: Daylight


def compile_cron(
    *,
    minutes: tuple[int, ...],
    hours: tuple[int, ...],
    days: DayRule,
    months: tuple[int, ...],
    daylight: Daylight,
    seconds: tuple[int, ...] = (0,),
    years: Sequence[int] = YEARS,
) -> Cron:
    """The canonical form; InvalidText for days that no month has, such as 30 February."""
    need_a_day(days, months)
    times = times_of_day(hours, minutes, seconds)
    return Cron(civil_times(times, days=days, months=months, years=years), daylight)


def need_a_day(days: DayRule, months: tuple[int, ...]) -> None:
    """InvalidText unless one of the months can have such a day, in whatever year."""
    masks = month_masks(days)
    for month in months:
        for length in _LENGTHS[month]:
            if any(masks[(length - 28) * 7 : (length - 27) * 7]):
                return
    named = "day of month" if days.of_month else "day of week"
    raise InvalidText(f"{named}: none of the months has such a day, so it can never fire")


def need_one_open_day_field(month_days: MonthDays, week_days: WeekDays) -> None:
    """InvalidText unless one of the two day fields is exactly `?` or `*`."""
    if not month_days.whole and not week_days.whole:
        raise InvalidText("day of month, day of week: one of the two must be ? or *")
