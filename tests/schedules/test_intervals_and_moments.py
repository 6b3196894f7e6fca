"""Intervals and single instants, and the dates that people write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from schedules.making import CREATED, expression, utc
from treadle.schedules.due_times import (
    Expression,
    ScheduleType,
    first_due,
    latest_until,
    next_after,
    span,
    upcoming,
)
from treadle.schedules.faults import ExpressionError
from treadle.schedules.forms.intervals import read_interval
from treadle.schedules.forms.moments import parse_moment
from treadle.schedules.times.zones import find_zone

BERLIN = "Europe/Berlin"


def interval(text: str | None, **bounds: datetime) -> Expression:
    """An interval expression."""
    return expression(text, BERLIN, kind=ScheduleType.INTERVAL, **bounds)


def once(text: str | None, **bounds: datetime) -> Expression:
    """An expression of one instant."""
    return expression(text, BERLIN, kind=ScheduleType.ONCE, **bounds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("RATE( 2  Hours )", 7200),
        ("rate(1 day)", 86400), ("rate(10 seconds)", 10), ("rate(2 weeks)", 1_209_600),
        ("PT5M", 300), ("pt5m", 300), ("PT1H30M", 5400), ("P1D", 86400), ("P1DT12H", 129_600),
        ("P2W", 1_209_600), ("PT0.5H", 1800), ("PT1,5M", 90), ("PT90S", 90),
        ("1", 1), ("300", 300), ("316224000", 316_224_000),
    ],
)  # fmt: skip
def test_an_interval_is_read_as_seconds(text: str, seconds: int):
    assert read_interval(text) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is required for schedule_type interval"),
        ("rate(5)", "'rate(5)' is not rate(number unit)"),
        ("rate(-5 minutes)", "is not rate(number unit)"),
        ("rate(5 fortnights)", "rate: 'fortnight' is not second, minute, hour, day or week"),
        ("rate(0 minutes)", "at least 1 second and at most 10 years"),
        ("P", "'P' is not an ISO-8601 duration"),
        ("PT", "'PT' is not an ISO-8601 duration"),
        ("P1DT", "'P1DT' is not an ISO-8601 duration"),
        ("PT5X", "'PT5X' is not an ISO-8601 duration"),
        ("P1M", "years or months has no fixed length"),
        ("P1Y2D", "years or months has no fixed length"),
        ("PT0.3S", "whole number of seconds"),
        ("PT0S", "at least 1 second and at most 10 years"),
        ("0", "at least 1 second and at most 10 years"),
        ("316224001", "at least 1 second and at most 10 years"),
        ("-5", "'-5' is not an interval"),
        ("5.5", "'5.5' is not an interval"),
        ("every 5 minutes", "is not an interval: write rate(5 minutes), PT5M or a number"),
        ("*/5 * * * *", "is not an interval"),
    ],
)
def test_what_is_not_an_interval_is_refused(text: str | None, message: str):
    with pytest.raises(ExpressionError) as refused:
        interval(text)
    assert refused.value.field == "schedule_expression"
    assert message in refused.value.message


def test_an_interval_counts_from_start_at_which_is_its_first_due_time():
    start = utc("2026-01-01 10:00")
    every = interval("PT7M", start_at=start)
    assert first_due(every, created_at=CREATED) == start
    assert upcoming(every, start, limit=2) == (utc("2026-01-01 10:07"), utc("2026-01-01 10:14"))


def test_an_interval_without_start_at_counts_from_its_creation():
    created = datetime(2026, 1, 1, 10, 0, 0, 700_000, tzinfo=UTC)
    every = interval("300", created_at=created)
    assert first_due(every, created_at=created) == utc("2026-01-01 10:05")
    assert latest_until(every, utc("2026-01-01 10:04:59")) is None
    assert latest_until(every, utc("2026-01-01 10:05")) == utc("2026-01-01 10:05")


@given(
    st.integers(1, 10**7), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**9)
)  # fmt: skip
@examples(200)
def test_interval_arithmetic(step: int, origin: int, at: int, length: int):
    start = CREATED + timedelta(seconds=origin)
    every = interval(str(step), start_at=start)
    instant = CREATED + timedelta(seconds=at)
    found = next_after(every, instant)
    assert found is not None
    assert found > instant
    assert found >= start
    assert (found - start) % timedelta(seconds=step) == timedelta(0)
    assert found == start or found - timedelta(seconds=step) <= instant
    end = instant + timedelta(seconds=length)
    whole = span(every, instant, end)
    assert (whole is None) == (found > end)
    if whole is not None:
        assert whole.count == min((whole.last - whole.first) // timedelta(seconds=step) + 1, 10**5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at(2026-12-01T09:00:00)", "2026-12-01 08:00"),
        ("AT( 2026-12-01T09:00 )", "2026-12-01 08:00"),
        ("2026-12-01T09:00:00Z", "2026-12-01 09:00"),
        ("2026-12-01T09:00:00.000z", "2026-12-01 09:00"),
        ("2026-12-01 09:00", "2026-12-01 08:00"),
        ("2026-12-01T09:00:00+05:30", "2026-12-01 03:30"),
        ("2026-12-01", "2026-11-30 23:00"),
        ("2026-03-29T02:30:00", "2026-03-29 01:00"),  # skipped: as the clocks go on
        ("2026-10-25T02:30:00", "2026-10-25 00:30"),  # comes twice: the first
        ("at(2026-12-01T09:00:00.2)", "2026-12-01 08:00:01"),
    ],
)
def test_one_instant_is_read_on_the_schedules_clock(text: str, expected: str):
    compiled = once(text)
    assert first_due(compiled, created_at=CREATED) == utc(expected)
    assert upcoming(compiled, CREATED, limit=3) == (utc(expected),)
    assert next_after(compiled, utc(expected)) is None


def test_once_may_be_nothing_but_start_at():
    start = utc("2026-05-05 12:00")
    assert upcoming(once(None, start_at=start), CREATED, limit=2) == (start,)


def test_once_may_lie_a_minute_back_and_no_more():
    # The caller's clock may be behind ours: `at(now)` is not refused for some seconds.
    created = utc("2026-01-01 10:01")
    compiled = once("2026-01-01T10:00:00Z", created_at=created)
    assert first_due(compiled, created_at=created) == utc("2026-01-01 10:00")
    with pytest.raises(ExpressionError, match="can never fire") as refused:
        once("2026-01-01T09:59:59Z", created_at=created)
    assert refused.value.field == "schedule_expression"
    with pytest.raises(ExpressionError, match="can never fire") as refused:
        once(None, start_at=utc("2026-01-01 09:59:59"), created_at=created)
    assert refused.value.field == "start_at"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is required for schedule_type once, or else start_at"),
        ("tomorrow", "'tomorrow' is not a date or a date-time"),
        ("at()", "'' is not a date or a date-time"),
        ("2026-13-01", "'2026-13-01' is not a date and time that exist"),
        ("2026-02-29", "'2026-02-29' is not a date and time that exist"),
        ("2026-01-01T24:00", "is not a date and time that exist"),
        ("2026-01-01T10:00:00+99:00", "is not a date and time that exist"),
        ("1969-01-01", "is not within 1970 to 2199"),
        ("2200-01-01", "is not within 1970 to 2199"),
        ("0001-01-01T00:00:00+14:00", "is not a date and time that exist"),
        ("20260101T100000", "is not a date or a date-time"),
    ],
)
def test_what_is_not_an_instant_is_refused(text: str | None, message: str):
    with pytest.raises(ExpressionError) as refused:
        once(text)
    assert refused.value.field == "schedule_expression"
    assert message in refused.value.message


def test_once_outside_of_its_bounds_is_refused():
    with pytest.raises(ExpressionError) as refused:
        once("2026-12-01T09:00:00Z", end_at=utc("2026-11-01 00:00"))
    assert refused.value.field == "end_at"
    with pytest.raises(ExpressionError) as refused:
        once("2026-12-01T09:00:00Z", start_at=utc("2027-01-01 00:00"))
    assert refused.value.field == "schedule_expression"


def test_an_end_date_includes_its_whole_day():
    zone = find_zone(BERLIN)
    day = parse_moment("2026-03-29", zone=zone, field="endDate", whole_day=True)
    assert day == utc("2026-03-29 21:59:59")  # a day of 23 hours
    begin = parse_moment("2026-03-29", zone=zone, field="startDate")
    assert begin == utc("2026-03-28 23:00")
    at_noon = parse_moment("2026-03-29T12:00", zone=zone, field="endDate", whole_day=True)
    assert at_noon == utc("2026-03-29 10:00")
    with pytest.raises(ExpressionError) as refused:
        parse_moment("soon", zone=zone, field="endDate")
    assert refused.value.field == "endDate"


def test_an_end_date_where_the_next_day_begins_late():
    # Midnight is skipped in Santiago on 2026-09-06: the fifth ends where the clocks go on.
    zone = find_zone("America/Santiago")
    end = parse_moment("2026-09-05", zone=zone, field="end_at", whole_day=True)
    assert end == utc("2026-09-06 03:59:59")
