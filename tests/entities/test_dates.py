"""What date fields say, and which day an instant is for whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from treadle.core.ids import new_id
from treadle.entities.dates import changes, dates_of, parse_date, span_of
from treadle.entities.model import DateChange, RecordDate

ZONES = sorted(available_timezones())


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-12-01", RecordDate(date(2026, 12, 1))),
        ("0001-01-01", RecordDate(date(1, 1, 1))),
        ("2026-12-01T23:59", RecordDate(date(2026, 12, 1))),
        ("2026-12-01 23:59:59.999999999", RecordDate(date(2026, 12, 1))),
        (
            "2026-12-01T23:30:00-05:00",
            RecordDate(date(2026, 12, 2), datetime(2026, 12, 2, 4, 30, tzinfo=UTC)),
        ),
        (
            "2026-12-01t00:00:00.5z",
            RecordDate(date(2026, 12, 1), datetime(2026, 12, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ),
        (
            "2026-12-01T00:00+0100",
            RecordDate(date(2026, 11, 30), datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ),
    ],
)
def test_a_date_field_says_a_day_or_an_instant(value: str, found: RecordDate) -> None:
    assert parse_date(value) == found


@pytest.mark.parametrize(
    "value",
    [
        "", "2026-02-30", "2026-13-01", "20261201", "2026-W49-2", "2026-335", "01.12.2026",
        "2026-12-01T25:00Z", "2026-12-01T", "2026-12-01Z", "2026-12-01T09:00:00+25:00",
        "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "２０２６-12-01", "today",
        1764547200, 1.5, True, [], {}, ["2026-12-01"],
    ],
    ids=str,
)  # fmt: skip
def test_anything_else_is_no_date(value: object) -> None:
    assert parse_date(value) is None


def test_fields_are_found_by_their_names() -> None:
    data = {"a": "2026-12-01", "b": {"c": "2026-12-02", "d": None}, "e": "x", "f.g": "2026-12-03"}
    dates, faults = dates_of(data, ["a", "b.c", "b.d", "b.c.x", "e", "f.g", "missing"])
    assert dates == {"a": RecordDate(date(2026, 12, 1)), "b.c": RecordDate(date(2026, 12, 2))}
    assert [fault.place for fault in faults] == [("e",)]


def test_changes_are_what_is_different() -> None:
    record_id = new_id()
    one, two = RecordDate(date(2026, 12, 1)), RecordDate(date(2026, 12, 2))
    assert changes(record_id, {"a": one, "b": one, "c": one}, {"a": one, "b": two, "d": one}) == (
        DateChange(record_id, "b", one, two),
        DateChange(record_id, "c", one, None),
        DateChange(record_id, "d", None, one),
    )


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-12-01", "UTC", 24),
        ("2026-03-29", "Europe/Berlin", 23),
        ("2026-10-25", "Europe/Berlin", 25),
        ("2011-12-30", "Pacific/Apia", 0),  # left out when the clocks went over the date line
        ("2018-11-04", "America/Sao_Paulo", 23),  # begins at 01:00
    ],
)
def test_a_day_lasts_as_long_as_the_clocks_say(day: str, zone: str, hours: int) -> None:
    span = span_of(date.fromisoformat(day), ZoneInfo(zone))
    assert span is not None
    assert span.end - span.first == timedelta(hours=hours)


def test_the_ends_of_the_calendar_have_no_instants() -> None:
    assert span_of(date.min, ZoneInfo("Asia/Tokyo")) is None
    assert span_of(date.max, ZoneInfo("America/New_York")) is None


@examples(300)
@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - made UTC below
    st.sampled_from(ZONES),
)
def test_an_instant_is_the_day_that_the_wall_calendar_shows(naive: datetime, name: str) -> None:
    at, zone = naive.replace(tzinfo=UTC), ZoneInfo(name)
    shown = at.astimezone(zone).date()
    for offset in (-1, 0, 1):
        day = shown + timedelta(days=offset)
        span = span_of(day, zone)
        assert span is not None
        assert (span.first <= at < span.end) is (offset == 0)
        assert (at.date() in span.utc_days) or offset != 0
