"""Six or seven fields: Quartz. Seconds come first, a year may come last, and 1 is Sunday."""

from __future__ import annotations

from treadle.schedules.forms.cron import Cron, compile_cron, need_one_open_day_field
from treadle.schedules.forms.cron_fields import (
    MONTH_NAMES,
    WEEKDAY_NAMES,
    Field,
    Part,
    day_rule,
    read_field,
    read_month_days,
    read_week_days,
)
from treadle.schedules.times.civil import LAST_YEAR
from treadle.schedules.times.civil_times import YEARS
from treadle.schedules.times.daylight import Daylight

_SECOND = Part("second", 0, 59, wraps=True)
_MINUTE = Part("minute", 0, 59, wraps=True)
_HOUR = Part("hour", 0, 23, wraps=True)
_MONTH_DAY = Part("day of month", 1, 31, wraps=True)
_MONTH = Part("month", 1, 12, MONTH_NAMES, wraps=True)
_WEEK_DAY = Part(
    "day of week", 1, 7, {name: n for n, name in enumerate(WEEKDAY_NAMES, 1)}, wraps=True
)
_YEAR = Part("year", 1970, LAST_YEAR)


def read_quartz(fields: list[str]) -> Cron:
    """second, minute, hour, day of month, month, day of week[, year].

    InvalidText names the field at fault.
    """
    texts = [text.upper() for text in fields]
    second, minute, hour = (
        read_field(part, text) for part, text in zip((_SECOND, _MINUTE, _HOUR), texts, strict=False)
    )
    month_days = read_month_days(_MONTH_DAY, texts[3])
    month = read_field(_MONTH, texts[4])
    week_days = read_week_days(_WEEK_DAY, texts[5], sunday=1)
    need_one_open_day_field(month_days, week_days)
    years = read_field(_YEAR, texts[6]).values if len(texts) == 7 and texts[6] != "*" else YEARS
    runs_free = _runs_free(minute, texts[1]) or _runs_free(hour, texts[2])
    return compile_cron(
        seconds=second.values,
        minutes=minute.values,
        hours=hour.values,
        days=day_rule(month_days, week_days, either=False),
        months=month.values,
        years=years,
        daylight=Daylight.FREE if runs_free else Daylight.FIXED,
    )


def _runs_free(field: Field, text: str) -> bool:
    # Quartz's manual writes `*/15` as `0/15`; the two mean the same and so must run the same.
    return field.free or any(item.startswith("0/") for item in text.split(","))
