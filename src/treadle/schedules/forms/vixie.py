"""Five fields and `@hourly` … `@yearly`: cron as Vixie's, with the day forms of Quartz."""

from __future__ import annotations

from treadle.schedules.faults import InvalidText, quoted
from treadle.schedules.forms.cron import Cron, compile_cron
from treadle.schedules.forms.cron_fields import (
    MONTH_NAMES,
    WEEKDAY_NAMES,
    Part,
    day_rule,
    read_field,
    read_month_days,
    read_week_days,
)
from treadle.schedules.times.daylight import Daylight

_MACROS = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
_MINUTE = Part("minute", 0, 59)
_HOUR = Part("hour", 0, 23)
_MONTH_DAY = Part("day of month", 1, 31)
_MONTH = Part("month", 1, 12, MONTH_NAMES)
_WEEK_DAY = Part(
    "day of week", 0, 7, {name: number for number, name in enumerate(WEEKDAY_NAMES)}, top=6
)


def read_macro(text: str) -> Cron:
    """An `@…` name, as the five fields that it stands for."""
    fields = _MACROS.get(text.upper())
    if fields is None:
        known = ", ".join(sorted(name.lower() for name in _MACROS))
        raise InvalidText(f"{quoted(text)} is not one of {known}")
    return read_vixie(fields.split())


def read_vixie(fields: list[str]) -> Cron:
    """minute, hour, day of month, month, day of week. InvalidText names the field at fault."""
    minute_text, hour_text, day_text, month_text, week_text = (text.upper() for text in fields)
    minute, hour = read_field(_MINUTE, minute_text), read_field(_HOUR, hour_text)
    month_days = read_month_days(_MONTH_DAY, day_text)
    month = read_field(_MONTH, "*" if month_text == "?" else month_text)
    week_days = read_week_days(_WEEK_DAY, week_text, sunday=0)
    either = not month_days.starred and not week_days.starred
    return compile_cron(
        hours=hour.values,
        minutes=minute.values,
        days=day_rule(month_days, week_days, either=either),
        months=month.values,
        daylight=Daylight.FREE if minute.free or hour.free else Daylight.FIXED,
    )
