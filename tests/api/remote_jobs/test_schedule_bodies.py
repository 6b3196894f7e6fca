"""Dates of schedules: what is shown is read as the same instant, in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.api.remote_jobs.schedule_bodies import moment_text
from treadle.schedules.forms.moments import parse_moment
from treadle.schedules.times.zones import find_zone, zone_names

moments = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2199, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(
    moment=moments, cut=st.sampled_from(["", "s", "d"]), zone=st.sampled_from(zone_names()),
    whole_day=st.booleans(),
)  # fmt: skip
def test_every_instant_is_shown_so_that_it_is_read_again(
    moment: datetime, cut: str, zone: str, *, whole_day: bool
) -> None:
    if cut == "s":
        moment = moment.replace(microsecond=0)
    if cut == "d":
        moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    text = moment_text(moment, find_zone(zone), whole_day=whole_day)
    assert parse_moment(text, zone=find_zone(zone), field="x", whole_day=whole_day) == moment


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/New_York", "UTC", "Asia/Kathmandu"])
def test_a_date_that_was_sent_is_shown_as_that_date(zone: str) -> None:
    known = find_zone(zone)
    for day in range(400):
        date = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)).date().isoformat()
        for whole_day in (False, True):
            moment = parse_moment(date, zone=known, field="x", whole_day=whole_day)
            assert moment_text(moment, known, whole_day=whole_day) == date


@pytest.mark.parametrize(
    ("text", "zone", "shown"),
    [
        ("2026-06-01T09:30:00", "Australia/Sydney", "2026-06-01T09:30:00"),
        ("2026-06-01T09:30:00Z", "Australia/Sydney", "2026-06-01T19:30:00"),
        ("1970-01-01T00:00:00Z", "America/New_York", "1970-01-01T00:00:00.000Z"),
        ("2026-11-01T06:30:00Z", "America/New_York", "2026-11-01T06:30:00.000Z"),  # 01:30 again
        ("2026-11-01T06:30:00.000001Z", "America/New_York", "2026-11-01T06:30:00.000001+00:00"),
        ("2024-09-07", "America/Santiago", "2024-09-07"),
        ("2024-09-08", "America/Santiago", "2024-09-08"),  # a day without 00:00
    ],
)
def test_a_time_is_shown_on_the_schedules_own_clock(text: str, zone: str, shown: str) -> None:
    known = find_zone(zone)
    assert moment_text(parse_moment(text, zone=known, field="x"), known) == shown
