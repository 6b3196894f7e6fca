"""Business calendars over due times: what is held, what moves where, and what is said of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from schedules.making import expression, utc
from schedules.oracle import first_instant, wall, zone_info
from treadle.schedules.calendars import (
    Calendar,
    CalendarMode,
    CalendarUse,
    DueTime,
    due_between,
    latest_due,
    next_due,
)
from treadle.schedules.due_times import between

BERLIN = "Europe/Berlin"
EXCLUDE, INCLUDE = CalendarMode.EXCLUDE, CalendarMode.INCLUDE
FORWARD, BACK = CalendarMode.ROLL_FORWARD, CalendarMode.ROLL_BACK

WEEKEND = Calendar("Weekend", weekdays=frozenset({0, 6}))
EASTER = Calendar("Easter", dates=frozenset({date(2026, 4, 3), date(2026, 4, 6)}))
CHRISTMAS = Calendar("Christmas", yearly=frozenset({(12, 25), (12, 26)}))


def run(text: str, uses: list[tuple[Calendar, CalendarMode]], since: str, until: str) -> list[str]:
    """The due times as `04-02 09:00` on the clock of Berlin; a held one in brackets."""
    due = due_between(
        expression(text, BERLIN),
        [CalendarUse(calendar, mode) for calendar, mode in uses],
        after=utc(f"2026-{since} 00:00"),
        until=utc(f"2026-{until} 00:00"),
        limit=100,
    )
    zone = zone_info(BERLIN)
    texts = [(f"{wall(each.at, zone):%m-%d %H:%M}", each.held) for each in due]
    return [f"({text})" if held else text for text, held in texts]


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ([], ["04-02", "04-03", "04-04", "04-05", "04-06", "04-07"]),
        ([(WEEKEND, EXCLUDE)], ["04-02", "04-03", "(04-04)", "(04-05)", "04-06", "04-07"]),
        ([(WEEKEND, INCLUDE)], ["(04-02)", "(04-03)", "04-04", "04-05", "(04-06)", "(04-07)"]),
        ([(WEEKEND, FORWARD)], ["04-02", "04-03", "04-06", "04-07"]),
        ([(WEEKEND, BACK)], ["04-02", "04-03", "04-06", "04-07"]),
        ([(WEEKEND, FORWARD), (EASTER, FORWARD)], ["04-02", "04-07"]),
        ([(WEEKEND, EXCLUDE), (EASTER, FORWARD)], ["04-02", "(04-04)", "(04-05)", "04-07"]),
        ([(WEEKEND, EXCLUDE), (EASTER, BACK)], ["04-02", "(04-04)", "(04-05)", "04-07"]),
        ([(WEEKEND, INCLUDE), (EASTER, INCLUDE)], [
            "(04-02)", "(04-03)", "(04-04)", "(04-05)", "(04-06)", "(04-07)",
        ]),
    ],
)  # fmt: skip
def test_a_week_around_easter(uses: list[tuple[Calendar, CalendarMode]], expected: list[str]):
    found = run("0 9 * * *", uses, "04-02", "04-08")
    assert [text.replace(" 09:00", "") for text in found] == expected


def test_what_moves_keeps_its_time_of_day_and_falls_together_with_what_is_there():
    found = run("0 9,17 * * 6,1", [(WEEKEND, FORWARD)], "04-03", "04-08")
    assert found == ["04-06 09:00", "04-06 17:00"]
    only_saturday = run("0 9,17 * * 6", [(WEEKEND, FORWARD)], "04-03", "04-08")
    assert only_saturday == found


def test_a_due_time_tells_what_moved_to_it_and_why():
    [due] = due_between(
        expression("0 9 * * 6,0,1", BERLIN),
        [CalendarUse(WEEKEND, FORWARD)],
        after=utc("2026-04-03 00:00"),
        until=utc("2026-04-07 00:00"),
        limit=10,
    )
    assert due == DueTime(
        at=utc("2026-04-06 07:00"),
        nominal=True,
        moved_from=(utc("2026-04-04 07:00"), utc("2026-04-05 07:00")),
        reason="2026-04-04 is in calendar 'Weekend'",
    )


@pytest.mark.parametrize(
    ("calendar", "mode", "reason"),
    [
        (CHRISTMAS, EXCLUDE, "2026-12-25 is excluded by calendar 'Christmas'"),
        (WEEKEND, INCLUDE, "2026-12-25 is not in calendar 'Weekend'"),
        (
            Calendar("Always", weekdays=frozenset(range(7))),
            FORWARD,
            "2026-12-25 is in calendar 'Always'; no day nearby is open",
        ),
    ],
)
def test_a_held_time_has_its_reason(calendar: Calendar, mode: CalendarMode, reason: str):
    [due] = due_between(
        expression("0 9 25 12 *", BERLIN),
        [CalendarUse(calendar, mode)],
        after=utc("2026-12-01 00:00"),
        until=utc("2026-12-31 00:00"),
        limit=10,
    )
    assert due == DueTime(at=utc("2026-12-25 08:00"), held=True, reason=reason)


def test_a_rolled_time_is_kept_through_a_change_of_clocks():
    # Saturday 09:00 in winter time moves to Monday 09:00 in summer time.
    assert run("0 9 * * 6", [(WEEKEND, FORWARD)], "03-28", "04-01") == ["03-30 09:00"]
    # Monday 02:30 moves back to Sunday, where that time is skipped.
    monday = Calendar("Monday", weekdays=frozenset({1}))
    assert run("30 2 * * 1", [(monday, BACK)], "03-28", "03-31") == ["03-29 03:00"]


def test_next_and_latest_pass_over_held_times():
    daily = expression("0 9 * * *", BERLIN)
    uses = [CalendarUse(WEEKEND, EXCLUDE), CalendarUse(EASTER, EXCLUDE)]
    thursday, tuesday = utc("2026-04-02 07:00"), utc("2026-04-07 07:00")
    assert next_due(daily, uses, after=thursday) == tuesday
    assert next_due(daily, [], after=thursday) == utc("2026-04-03 07:00")
    sunday = utc("2026-04-05 12:00")
    assert latest_due(daily, uses, since=utc("2026-04-01 00:00"), until=sunday) == thursday
    assert latest_due(daily, uses, since=utc("2026-04-03 00:00"), until=sunday) is None
    assert latest_due(daily, [], since=sunday, until=sunday) is None
    assert latest_due(daily, [], since=thursday, until=thursday) == thursday


def test_a_schedule_that_is_always_held_is_never_due_again():
    never = [CalendarUse(Calendar("Nothing"), INCLUDE)]
    for text in ("* * * * *", "0 9 * * *", "0 9 29 2 *"):
        assert next_due(expression(text, BERLIN), never, after=utc("2026-01-01 00:00")) is None


def test_the_limit_is_kept_and_asking_on_continues():
    compiled = expression("*/10 * * * *", BERLIN)
    uses = [CalendarUse(WEEKEND, FORWARD)]
    after, until = utc("2026-04-02 12:00"), utc("2026-04-07 12:00")
    whole = due_between(compiled, uses, after=after, until=until, limit=10_000)
    pieces: list[DueTime] = []
    while piece := due_between(compiled, uses, after=after, until=until, limit=37):
        assert len(piece) <= 37
        pieces.extend(piece)
        after = piece[-1].at
    assert pieces == list(whole)


calendars = st.builds(
    Calendar,
    st.sampled_from(["A", "B", "C"]),
    dates=st.frozensets(st.dates(date(2026, 3, 1), date(2026, 5, 1)), max_size=8),
    weekdays=st.one_of(
        st.frozensets(st.integers(0, 6), max_size=3),
        st.sampled_from([frozenset({0, 6}), frozenset({0, 5, 6}), frozenset({1, 2, 3, 4, 5})]),
    ),
    yearly=st.frozensets(st.tuples(st.integers(3, 4), st.integers(1, 28)), max_size=4),
)
all_uses = st.lists(
    st.builds(CalendarUse, calendars, st.sampled_from(CalendarMode)), min_size=1, max_size=3
)
TEXTS = (
    "0 9 * * *",
    "30 0,2,23 * * *",
    "0 9 * * 1",
    "0 */6 * * *",
    "30 2 1,15,29 * *",
    "0 12 L * *",
)


@given(
    st.sampled_from(TEXTS),
    st.sampled_from([BERLIN, "America/Havana", "Australia/Lord_Howe", "UTC"]),
    all_uses,
    st.integers(0, 50 * 1440),
    st.integers(1, 20 * 1440),
)
@examples(80)
def test_any_calendars_are_what_brute_force_makes_of_them(
    text: str, zone: str, uses: list[CalendarUse], begin: int, length: int
):
    compiled = expression(text, zone)
    after = utc("2026-03-02 00:00") + timedelta(minutes=begin)
    until = after + timedelta(minutes=length)
    expected = _brute_force(text, zone, uses, after, until)
    found = due_between(compiled, uses, after=after, until=until, limit=10_000)
    assert [(due.at, due.held) for due in found] == expected
    open_times = [at for at, held in expected if not held]
    if open_times:
        assert next_due(compiled, uses, after=after) == open_times[0]
        assert latest_due(compiled, uses, since=after, until=until) == open_times[-1]
    for due in found:
        assert bool(due.reason) == (due.held or bool(due.moved_from))


def _brute_force(
    text: str, zone: str, uses: list[CalendarUse], after: datetime, until: datetime
) -> list[tuple[datetime, bool]]:
    """Every nominal time that may move there, each moved day by day."""
    info = zone_info(zone)
    begin, end = after - timedelta(days=370), until + timedelta(days=370)
    due: set[tuple[datetime, bool]] = set()
    for nominal in between(expression(text, zone), begin, end, limit=100_000):
        clock = wall(nominal, info)
        target = _target(uses, clock.date())
        if target is None:
            due.add((nominal, True))
        elif target == clock.date():
            due.add((nominal, False))
        else:
            moved = datetime.combine(target, clock.time())
            due.add((first_instant(info, moved)[0], False))
    return sorted(item for item in due if after < item[0] <= until)


def _target(uses: list[CalendarUse], day: date) -> date | None:
    if _held(uses, day):
        return None
    rolls = [use for use in uses if use.mode in (FORWARD, BACK) and use.calendar.has(day)]
    if not rolls:
        return day
    step = timedelta(days=1 if rolls[0].mode is FORWARD else -1)
    for _ in range(366):
        day += step
        rolled = any(use.mode in (FORWARD, BACK) and use.calendar.has(day) for use in uses)
        if not rolled and not _held(uses, day):
            return day
    return None


def _held(uses: list[CalendarUse], day: date) -> bool:
    return any(
        (use.mode is EXCLUDE and use.calendar.has(day))
        or (use.mode is INCLUDE and not use.calendar.has(day))
        for use in uses
    )
