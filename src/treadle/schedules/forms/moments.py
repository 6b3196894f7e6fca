"""Dates and times as people write them, as instants."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from treadle.schedules.faults import ExpressionError, InvalidText, quoted
from treadle.schedules.times.civil import DAY, LAST_CIVIL, LAST_YEAR, civil_seconds
from treadle.schedules.times.instants import instant_of, seconds_up
from treadle.schedules.times.zones import Zone, first_instant

_SHAPE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_AT = re.compile(r"at\((.*)\)", re.IGNORECASE | re.DOTALL)
_DATE_CHARACTERS = 10


def parse_moment(text: str, *, zone: Zone, field: str, whole_day: bool = False) -> datetime:
    """The instant in UTC of an ISO date or date-time; without an offset it is the zone's.

    A date alone is its 00:00, or with `whole_day` (an end) its last second. ExpressionError names
    `field`.
    """
    try:
        return read_moment(text, zone, whole_day=whole_day)
    except InvalidText as fault:
        raise ExpressionError(field, fault.message) from None


def read_once(text: str, zone: Zone) -> int:
    """The instant of `at(…)` or an ISO date-time, in seconds since 1970 UTC."""
    inner = _AT.fullmatch(text)
    return seconds_up(read_moment(inner[1].strip() if inner else text, zone))


def read_moment(text: str, zone: Zone, *, whole_day: bool = False) -> datetime:
    """As `parse_moment`, raising InvalidText."""
    if not _SHAPE.fullmatch(text):
        raise InvalidText(
            f"{quoted(text)} is not a date or a date-time such as 2026-12-01T09:00:00"
        )
    try:
        moment = datetime.fromisoformat(text.upper().replace(",", "."))
        instant = moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        raise InvalidText(f"{quoted(text)} is not a date and time that exist") from None
    if not 1970 <= (instant or moment).year <= LAST_YEAR:
        raise InvalidText(f"the year of {quoted(text)} is not within 1970 to {LAST_YEAR}")
    if instant is not None:
        return instant
    civil = civil_seconds(moment)
    if whole_day and len(text) == _DATE_CHARACTERS:
        next_day = min(civil + DAY, LAST_CIVIL)
        return instant_of(first_instant(zone.info, next_day).instant - 1)
    return instant_of(first_instant(zone.info, civil).instant) + timedelta(
        microseconds=moment.microsecond
    )
