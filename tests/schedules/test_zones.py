"""Zones by name, and their offsets as periods, against what `zoneinfo` says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from schedules.oracle import all_zones, clock_changes, distinct_zones, wall, zone_info
from treadle.schedules.faults import ExpressionError
from treadle.schedules.times.civil import civil_seconds
from treadle.schedules.times.instants import instant_of, seconds_down
from treadle.schedules.times.zones import (
    civil_time,
    find_zone,
    first_instant,
    last_instant,
    period_at,
    zone_names,
)

YEARS_1970_TO_2199 = st.integers(0, 7_258_118_399)


def test_every_zone_of_tzdata_is_known_in_any_letter_case():
    assert set(zone_names()) == set(all_zones())
    for name in all_zones():
        assert find_zone(name).name == name
        assert find_zone(name.upper()) is find_zone(name)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "localtime", "Europe", "\0"])
def test_an_unknown_zone_is_named(name: str):
    with pytest.raises(ExpressionError) as refused:
        find_zone(name)
    assert refused.value.field == "timezone"
    assert repr(name) in refused.value.message
    assert refused.value.status == 422


@pytest.mark.parametrize("name", ["", "x" * 51])
def test_a_zone_has_1_to_50_characters(name: str):
    with pytest.raises(ExpressionError, match="1 to 50 characters"):
        find_zone(name)


def test_a_zone_error_takes_the_name_that_the_request_has_for_it():
    with pytest.raises(ExpressionError) as refused:
        find_zone("Nowhere", field="timeZone")
    assert refused.value.field == "timeZone"


@given(st.sampled_from(all_zones()), YEARS_1970_TO_2199)
@examples(1_500)
def test_the_offset_of_an_instant_is_zoneinfos(name: str, instant: int):
    info = zone_info(name)
    period = period_at(find_zone(name).info, instant)
    assert period.start <= instant < period.end
    offset = instant_of(instant).astimezone(info).utcoffset()
    assert timedelta(seconds=period.offset) == offset
    before = instant_of(period.start - 1).astimezone(info).utcoffset()
    assert timedelta(seconds=period.before) == before
    assert civil_time(info, instant) == civil_seconds(wall(instant_of(instant), info))


@given(st.sampled_from(distinct_zones()), YEARS_1970_TO_2199)
@examples(500)
def test_a_wall_clock_time_leads_back_to_the_instants_that_show_it(name: str, instant: int):
    info = find_zone(name).info
    civil = civil_time(info, instant)
    first, last = first_instant(info, civil), last_instant(info, civil)
    assert not first.skipped
    assert not last.skipped
    assert first.instant <= instant <= last.instant
    assert instant in (first.instant, last.instant)
    assert civil_time(info, first.instant) == civil_time(info, last.instant) == civil


def test_a_skipped_time_leads_to_the_end_of_its_gap():
    # Samoa went over the date line: 2011-12-30 does not exist there.
    info = find_zone("Pacific/Apia").info
    noon = civil_seconds(datetime(2011, 12, 30, 12))  # noqa: DTZ001
    resumed = seconds_down(datetime(2011, 12, 30, 10, tzinfo=UTC))
    assert first_instant(info, noon) == (resumed, True)
    assert last_instant(info, noon) == (resumed, True)


def test_no_zone_changes_its_clocks_twice_within_six_days():
    # What `zones` relies on: it asks for the offset every three days.
    shortest = timedelta(days=365)
    for name in distinct_zones():
        for year in (1971, 1980, 1990, 2000, 2010, 2011, 2040):
            begin = datetime(year, 1, 1, tzinfo=UTC)
            changes = clock_changes(zone_info(name), begin, begin + timedelta(days=400))
            shortest = min([shortest, *(later - at for at, later in pairwise(changes))])
    assert shortest > timedelta(days=6)


def test_windows_names_are_read_too():
    pytest.importorskip("tzlocal")
    assert find_zone("AUS Eastern Standard Time").name == "Australia/Sydney"
    assert find_zone("w. europe standard time").name == "Europe/Berlin"
