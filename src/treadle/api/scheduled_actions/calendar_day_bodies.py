"""Due times summed up by day, on the wire."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import BaseModel, Field

from treadle.api.scheduled_actions.calendars import Day
from treadle.api.wire import snake_case
from treadle.core.clock import iso
from treadle.schedules.calendar_days import CalendarDay, CalendarDays, Entry

FirstDay = Annotated[Day, Query(alias="from", description="The first day, like 2026-11-23.")]
EndDay = Annotated[Day, Query(alias="to", description="The day after the last; ≤ 93 days later.")]
DaysZone = Annotated[
    str, Query(max_length=50, description="Whose days they are: an IANA or Windows name.")
]

_EXAMPLE: Final[dict[str, Any]] = {
    "timezone": "Europe/Berlin",
    "days": [
        {
            "date": "2026-11-23",
            "count": 1440,
            "schedules": 1,
            "entries": [
                {
                    "schedule_id": "0199f3c1-6504-7b1c-9d52-48dcab1e0f3a",
                    "name": "Every minute",
                    "first": "2026-11-22T23:00:00.000Z",
                    "last": "2026-11-23T22:59:00.000Z",
                    "count": 1440,
                    "statuses": {"succeeded": 30, "upcoming": 1410},
                }
            ],
        },
        {"date": "2026-11-24", "count": 0, "schedules": 0, "entries": []},
    ],
    "more": False,
}


class DayEntryBody(BaseModel):
    """The due times of one schedule on a day. A firing that stands for a pause is counted whole on
    the day of its first due time, and `last` is its last.
    """

    schedule_id: str
    name: str
    first: str
    last: str
    count: int
    statuses: dict[str, int] = Field(
        description="How many have this status: a firing's, or upcoming."
    )


class CalendarDayBody(BaseModel):
    """A day from its first 00:00 to that of the next."""

    date: date
    count: int = Field(description="Due times of all schedules.")
    schedules: int = Field(description="Schedules that are due on that day.")
    entries: list[DayEntryBody] = Field(
        description="Of the first 20 schedules, the earliest first."
    )


class CalendarDaysBody(BaseModel):
    """Every day of a stretch, those without due times too."""

    model_config = snake_case(example=_EXAMPLE)

    timezone: str
    days: list[CalendarDayBody]
    more: bool = Field(description="Whether there is more than was counted.")


def calendar_days_body(found: CalendarDays) -> CalendarDaysBody:
    """The days as they are shown."""
    return CalendarDaysBody(
        timezone=found.timezone, days=[_day(day) for day in found.days], more=found.more
    )


def _day(day: CalendarDay) -> CalendarDayBody:
    return CalendarDayBody(
        date=day.date,
        count=day.count,
        schedules=day.schedules,
        entries=[_entry(entry) for entry in day.entries],
    )


def _entry(entry: Entry) -> DayEntryBody:
    return DayEntryBody(
        schedule_id=str(entry.schedule_id),
        name=entry.name,
        first=iso(entry.first),
        last=iso(entry.last),
        count=entry.count,
        statuses=entry.statuses,
    )
