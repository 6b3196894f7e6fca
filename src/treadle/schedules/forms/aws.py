"""`cron(minute hour day-of-month month day-of-week year)`, as AWS writes it; 1 is Sunday."""

from __future__ import annotations

from treadle.schedules.faults import InvalidText
from treadle.schedules.forms.cron import Cron, compile_cron, need_one_open_day_field
from treadle.schedules.forms.cron_fields import (
    MONTH_NAMES,
    WEEKDAY_NAMES,
    Part,
    day_rule,
    read_field,
    read_month_days,
    read_week_days,
)
from treadle.schedules.times.civil import LAST_YEAR
from treadle.schedules.times.civil_times import YEARS
from treadle.schedules.times.daylight import Daylight

_MINUTE = Part("minute", 0, 59)
_HOUR = Part("hour", 0, 23)
_MONTH_DAY = Part("day of month", 1, 31)
_MONTH = Part("month", 1, 12, MONTH_NAMES)
_WEEK_DAY = Part("day of week", 1, 7, {name: n for n, name in enumerate(WEEKDAY_NAMES, 1)})
_YEAR = Part("year", 1970, LAST_YEAR)


def read_aws(inside: str) -> Cron:
    """The text between the brackets. InvalidText names the field at fault."""
    texts = inside.upper().split()
    if len(texts) != 6:
        raise InvalidText(
            "cron(…) takes six fields: minute, hour, day of month, month, day of week, year; "
            f"it has {len(texts)}"
        )
    minute, hour = read_field(_MINUTE, texts[0]), read_field(_HOUR, texts[1])
    month_days = read_month_days(_MONTH_DAY, texts[2])
    month = read_field(_MONTH, texts[3])
    week_days = read_week_days(_WEEK_DAY, texts[4], sunday=1)
    need_one_open_day_field(month_days, week_days)
    return compile_cron(
        minutes=minute.values,
        hours=hour.values,
        days=day_rule(month_days, week_days, either=False),
        months=month.values,
        years=YEARS if texts[5] == "*" else read_field(_YEAR, texts[5]).values,
        daylight=Daylight.SINGLE,
    )
