"""Which fields of a record are dates, and which day each of them says. Pure.

A date field holds a date (`2026-12-01`), a date-time (`2026-12-01T09:00:00+01:00`), null, or is not
there. The rule for the day:

- a date is that day, and so is a date-time without an offset: it is somebody's wall clock;
- a date-time with an offset is an instant. In which day it lies depends on the zone of who asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final
from uuid import UUID

from treadle.core.errors import FieldFault
from treadle.entities.fields import read_field, steps_of
from treadle.entities.model import DateChange, RecordDate

DATE_RULE: Final = (
    "must be a date like 2026-12-01 or a date-time like 2026-12-01T09:00:00Z, or null"
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
    r"([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)


def dates_of(
    data: Mapping[str, Any], fields: Iterable[str]
) -> tuple[dict[str, RecordDate], list[FieldFault]]:
    """What each of the fields says, without those that say nothing, and what is wrong with them."""
    dates: dict[str, RecordDate] = {}
    faults: list[FieldFault] = []
    for field in fields:
        value = read_field(data, field)
        if value is None:
            continue
        found = parse_date(value)
        if found is None:
            faults.append(FieldFault(steps_of(field), DATE_RULE))
        else:
            dates[field] = found
    return dates, faults


def parse_date(value: object) -> RecordDate | None:
    """What the value of a date field says; None for what is neither a date nor a date-time."""
    if not isinstance(value, str):
        return None
    try:
        if _DATE.fullmatch(value):
            return RecordDate(date.fromisoformat(value))
        if _DATE_TIME.fullmatch(value):
            return _of_date_time(datetime.fromisoformat(value.upper()))
    except (ValueError, OverflowError):  # the 30th of February, an instant before the year 1
        return None
    return None


def _of_date_time(found: datetime) -> RecordDate:
    if found.tzinfo is None:
        return RecordDate(found.date())
    at = found.astimezone(UTC)
    return RecordDate(at.date(), at)


def changes(
    record_id: UUID, before: Mapping[str, RecordDate], after: Mapping[str, RecordDate]
) -> tuple[DateChange, ...]:
    """What is different between the dates of a record before a write and after it."""
    return tuple(
        DateChange(record_id, field, before.get(field), after.get(field))
        for field in sorted({*before, *after})
        if before.get(field) != after.get(field)
    )


@dataclass(frozen=True, slots=True)
class Span:
    """The instants of a day in a zone, from `first` up to but not including `end`, and the days in
    UTC that they lie in.
    """

    first: datetime
    end: datetime
    utc_days: Sequence[date]


def span_of(day: date, zone: tzinfo) -> Span | None:
    """The instants that the day lasts in the zone; None at the ends of the calendar.

    A day that the zone leaves out (its clocks moved over the date line) has no instants.
    """
    try:
        first = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
        following = day + timedelta(days=1)
        end = datetime.combine(following, time(), tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return None
    last = (end - timedelta(microseconds=1)).date()
    count = (last - first.date()).days + 1
    return Span(first, end, [first.date() + timedelta(days=number) for number in range(count)])


def day_in(data: Mapping[str, Any], field: str, zone: tzinfo) -> date | None:
    """The day that a date field says, for somebody in `zone`; None where it says none."""
    found, _ = dates_of(data, [field])
    said = found.get(field)
    if said is None or said.at is None:
        return None if said is None else said.day
    return said.at.astimezone(zone).date()
