"""Due times counted by day: as many as a list of them has, of any timetable in any zones."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from schedules.making import expression, utc
from schedules.oracle import clock_changes, distinct_zones, zone_info
from treadle.schedules.calendars import Calendar, CalendarMode, CalendarUse
from treadle.schedules.due_times import ScheduleType, union
from treadle.schedules.foreseeing import Allowance, foresee
from treadle.schedules.times.instants import instant_of, seconds_down
from treadle.schedules.timetables import Timetable

TEXTS = (
    "* * * * *",
    "*/15 8-18 * * 1-5",
    "30 2 * * *",
    "30 * * * *",
    "0 0 * * *",
    "59 23 * * 6",
    "0 9 L * *",
    "0 9 ? * MON-FRI",
    "0 */2 * * *",
    "cron(30 0 ? * * *)",
    "RRULE:FREQ=MINUTELY;INTERVAL=37",
    "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,MO;BYHOUR=1,2,23",
    "RRULE:FREQ=MONTHLY;BYDAY=-1FR,1SA;BYHOUR=0,12",
    "RRULE:FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30;BYSETPOS=2,-1",
)
START = utc("2000-01-01 00:17")

expressions = st.sampled_from(TEXTS)
calendars = st.builds(
    Calendar,
    st.just("days"),
    weekdays=st.frozensets(st.integers(0, 6), max_size=4),
    yearly=st.frozensets(st.tuples(st.integers(1, 12), st.integers(1, 28)), max_size=30),
)
uses = st.lists(st.builds(CalendarUse, calendars, st.sampled_from(CalendarMode)), max_size=2)


@st.composite
def timetables(draw: st.DrawFn) -> Timetable:
    """One expression or a union of up to three, with up to two calendars."""
    zone = draw(st.sampled_from(distinct_zones()))
    texts = draw(st.lists(expressions, min_size=1, max_size=3, unique=True))
    if draw(st.integers(0, 4)) == 0:
        step = str(draw(st.integers(600, 200_000)))
        made = [expression(step, zone, kind=ScheduleType.INTERVAL, start_at=START)]
    else:
        made = [expression(text, zone, start_at=START, created_at=START) for text in texts]
    return Timetable(union(made), tuple(draw(uses)))


@st.composite
def day_edges(draw: st.DrawFn, zone: str) -> tuple[int, ...]:
    """The midnights of ten days in the reader's zone, most often around a change of clocks there
    or in the schedule's zone.
    """
    reader = zone_info(draw(st.sampled_from(distinct_zones())))
    january = datetime(draw(st.integers(2001, 2036)), 1, 1, tzinfo=UTC)
    around = draw(st.sampled_from([reader, zone_info(zone)]))
    changes = clock_changes(around, january, january + timedelta(days=365))
    middle = draw(st.sampled_from(changes)) if changes else january
    first = middle.date() - timedelta(days=draw(st.integers(0, 9)))
    found = [
        datetime(day.year, day.month, day.day, tzinfo=reader).astimezone(UTC)
        for day in (first + timedelta(days=number) for number in range(11))
    ]
    return tuple(sorted(seconds_down(midnight) for midnight in found))


@given(timetables(), st.data())
@examples(150)
def test_the_counts_of_the_days_are_those_of_a_list(timetable: Timetable, data: st.DataObject):
    edges = data.draw(day_edges(timetable.expression.zone.name))
    after = edges[0] - 1 + data.draw(st.sampled_from([0, 0, 1, 30_000, 200_000]))
    assert_as_listed(timetable, edges, after)


def assert_as_listed(timetable: Timetable, edges: tuple[int, ...], after: int) -> None:
    allowance = Allowance(10**9)
    found = list(foresee(timetable, edges, after=after, allowance=allowance))
    until = instant_of(edges[-1] - 1)
    due = timetable.due(after=instant_of(after), until=until, limit=1_000_000)
    times = [one.at for one in due if not one.held]
    days = [bisect_right(edges, seconds_down(at)) - 1 for at in times]
    counts: Counter[int] = Counter()
    for part in found:
        counts[part.day] += part.count
    assert counts == Counter(days)
    assert not allowance.was_short
    by_day = {
        day: [at for at, on in zip(times, days, strict=True) if on == day] for day in set(days)
    }
    for day, of_day in by_day.items():
        parts = [part for part in found if part.day == day]
        assert (parts[0].first, parts[-1].last) == (of_day[0], of_day[-1])


WEEKEND = Calendar("Weekend", weekdays=frozenset({0, 6}))
HOLIDAYS = Calendar("Holidays", dates=frozenset({date(2026, 12, 25), date(2026, 12, 26)}))
BERLIN_DAYS = tuple(seconds_down(utc("2026-11-29 23:00") + timedelta(days=n)) for n in range(43))


@pytest.mark.parametrize("mode", CalendarMode)
@pytest.mark.parametrize("text", TEXTS)
def test_six_weeks_of_business_days(text: str, mode: CalendarMode) -> None:
    uses = (CalendarUse(WEEKEND, mode), CalendarUse(HOLIDAYS, mode))
    timetable = Timetable(expression(text, "America/New_York", start_at=START), uses)
    assert_as_listed(timetable, BERLIN_DAYS, BERLIN_DAYS[0] - 1)


def test_what_is_counted_by_arithmetic_takes_nothing_of_the_allowance() -> None:
    """Also what moves onto a day that has the same due times anyway."""
    for text in ("* * * * *", "* * * * * ?", "0 9 1 * *", "0 9 * * *"):
        for mode in CalendarMode:
            allowance = Allowance(0)
            uses = () if text == "0 9 1 * *" else (CalendarUse(WEEKEND, mode),)
            timetable = Timetable(expression(text, "Europe/Berlin"), uses)
            assert list(
                foresee(timetable, BERLIN_DAYS, after=BERLIN_DAYS[0] - 1, allowance=allowance)
            )
            assert (allowance.left, allowance.was_short) == (0, False)


def test_one_of_a_union_on_a_day_is_not_gone_through() -> None:
    both = union([expression("* * * * 1"), expression("* * * * 2")])
    allowance = Allowance(0)
    found = foresee(Timetable(both), BERLIN_DAYS, after=BERLIN_DAYS[0] + 3600, allowance=allowance)
    # 30 November is a Monday; Berlin's Monday ends an hour before UTC's.
    assert [(part.day, part.count) for part in found][:1] == [(0, 1_379)]
    short = Allowance(4_000)
    counts = [
        part.count
        for part in foresee(Timetable(both), BERLIN_DAYS, after=BERLIN_DAYS[0] - 1, allowance=short)
    ]
    assert counts[0] == 1_380


def of_union() -> Timetable:
    return Timetable(union([expression("* * * * *"), expression("*/7 * * * *")]))


def of_steps() -> Timetable:
    return Timetable(expression("RRULE:FREQ=SECONDLY;INTERVAL=7", start_at=START))


def of_moved_ones() -> Timetable:
    """Saturdays' minutes on six Mondays."""
    return Timetable(expression("* * * * 6"), (CalendarUse(WEEKEND, CalendarMode.ROLL_FORWARD),))


@pytest.mark.parametrize(
    ("timetable", "days", "least", "most"),
    [
        (of_union(), 42, 1_440, 1_440),  # those of one of them
        (of_steps(), 42, 2, 100),
        (of_moved_ones(), 6, 2, 100),
    ],
)
def test_over_the_allowance_every_day_still_shows_and_says_so(
    timetable: Timetable, days: int, least: int, most: int
) -> None:
    edges = tuple(edge + 3600 for edge in BERLIN_DAYS)  # days of UTC
    allowance = Allowance(100)
    found = list(foresee(timetable, edges, after=edges[0] - 1, allowance=allowance))
    assert allowance.was_short
    assert len({part.day for part in found}) == len(found) == days
    assert least <= min(part.count for part in found)
    assert max(part.count for part in found) <= most
