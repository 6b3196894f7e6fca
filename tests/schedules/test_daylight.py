"""What happens to due times when the clocks change: the table of `daylight`, zone by zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schedules.making import expression, shown, utc
from schedules.oracle import clock_changes, distinct_zones, first_instant, wall, zone_info
from treadle.schedules.due_times import ScheduleType, between, latest_until, next_after, span

EARLY = datetime(1999, 1, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"  # 02:00 → 03:00 on 2026-03-29, 03:00 → 02:00 on 2026-10-25


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("30 2 * * *", "2026-03-28 02:00", ["2026-03-29 03:00+0200", "2026-03-30 02:30+0200"]),
        ("30 2 * * *", "2026-10-24 02:00", ["2026-10-25 02:30+0200", "2026-10-26 02:30+0100"]),
        ("0 30 2 * * ?", "2026-03-28 02:00", ["2026-03-29 03:00+0200", "2026-03-30 02:30+0200"]),
        ("0 30 2 * * ?", "2026-10-24 02:00", ["2026-10-25 02:30+0200", "2026-10-26 02:30+0100"]),
        # A range and a list without a star name fixed times: two that land on 03:00 fire once.
        ("0 1-3 * * *", "2026-03-28 23:30", [
            "2026-03-29 01:00+0100", "2026-03-29 03:00+0200", "2026-03-30 01:00+0200",
        ]),
        ("0 1-3 * * *", "2026-10-24 22:30", [
            "2026-10-25 01:00+0200", "2026-10-25 02:00+0200", "2026-10-25 03:00+0100",
        ]),
        ("10,20,30 2 * * *", "2026-03-29 00:00", [
            "2026-03-29 03:00+0200", "2026-03-30 02:10+0200",
        ]),
        ("0-59 2 * * *", "2026-03-29 00:00", ["2026-03-29 03:00+0200", "2026-03-30 02:00+0200"]),
        # Minute or hour free: elapsed time.
        ("30 * * * *", "2026-03-29 00:00", ["2026-03-29 01:30+0100", "2026-03-29 03:30+0200"]),
        ("30 * * * *", "2026-10-25 00:00", [
            "2026-10-25 02:30+0200", "2026-10-25 02:30+0100", "2026-10-25 03:30+0100",
        ]),
        ("*/15 2 * * *", "2026-03-29 00:00", ["2026-03-30 02:00+0200"]),
        ("0 */2 * * *", "2026-03-28 22:30", ["2026-03-29 00:00+0100", "2026-03-29 04:00+0200"]),
        ("0 */2 * * *", "2026-10-24 23:00", [
            "2026-10-25 02:00+0200", "2026-10-25 02:00+0100", "2026-10-25 04:00+0100",
        ]),
        ("0 0/2 * * * ?", "2026-03-29 00:57", ["2026-03-29 01:58+0100", "2026-03-29 03:00+0200"]),
        # AWS: the gap is skipped, the repeat fires once, free or not.
        ("cron(30 2 * * ? *)", "2026-03-28 02:00", [
            "2026-03-30 02:30+0200", "2026-03-31 02:30+0200",
        ]),
        ("cron(30 2 * * ? *)", "2026-10-24 02:00", [
            "2026-10-25 02:30+0200", "2026-10-26 02:30+0100",
        ]),
        ("cron(0/30 * * * ? *)", "2026-10-25 00:00", [
            "2026-10-25 02:30+0200", "2026-10-25 03:00+0100",
        ]),
        ("cron(0/30 * * * ? *)", "2026-03-29 00:30", [
            "2026-03-29 03:00+0200", "2026-03-29 03:30+0200",
        ]),
    ],
)  # fmt: skip
def test_the_decision_table_in_berlin(text: str, after: str, expected: list[str]):
    assert shown(expression(text, BERLIN), after, len(expected)) == expected


def test_a_free_minute_fires_eight_times_in_the_repeated_hour():
    times = shown(expression("*/15 2 * * *", BERLIN), "2026-10-24 12:00", 9)
    assert times[:8] == [
        *(f"2026-10-25 02:{minute:02}+0200" for minute in (0, 15, 30, 45)),
        *(f"2026-10-25 02:{minute:02}+0100" for minute in (0, 15, 30, 45)),
    ]
    assert times[8] == "2026-10-26 02:00+0100"


@pytest.mark.parametrize(
    ("zone", "text", "after", "expected"),
    [
        # Half an hour: 02:00 → 02:30, and 02:00 back to 01:30.
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03 00:00", [
            "2026-10-04 02:30+1100", "2026-10-05 02:15+1100",
        ]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04 00:00", [
            "2026-04-05 01:45+1100", "2026-04-06 01:45+1030",
        ]),
        ("Australia/Lord_Howe", "*/15 1 * * *", "2026-04-04 14:20", [
            "2026-04-05 01:30+1100", "2026-04-05 01:45+1100", "2026-04-05 01:30+1030",
            "2026-04-05 01:45+1030", "2026-04-06 01:00+1030",
        ]),
        # At midnight: the day begins at 01:00.
        ("Asia/Beirut", "0 0 * * *", "2026-03-28 12:00", [
            "2026-03-29 01:00+0300", "2026-03-30 00:00+0300",
        ]),
        ("America/Havana", "30 0 * * *", "2026-03-07 12:00", [
            "2026-03-08 01:00-0400", "2026-03-09 00:30-0400",
        ]),
        ("America/Santiago", "0 0 * * 0", "2026-09-05 12:00", [
            "2026-09-06 01:00-0300", "2026-09-13 00:00-0300",
        ]),
        # Midnight comes twice: the day before ends at 23:00 again.
        ("America/Santiago", "30 23 * * *", "2026-04-04 12:00", [
            "2026-04-04 23:30-0300", "2026-04-05 23:30-0400",
        ]),
        ("America/Havana", "30 0 * * *", "2023-11-04 12:00", [
            "2023-11-05 00:30-0400", "2023-11-06 00:30-0500",
        ]),
        # A day that does not exist: what was fixed for it comes as the next one begins.
        ("Pacific/Apia", "0 9 * * *", "2011-12-29 12:00", [
            "2011-12-29 09:00-1000", "2011-12-31 00:00+1400", "2011-12-31 09:00+1400",
        ]),
        ("Pacific/Apia", "0 * 30 12 *", "2011-12-01 00:00", ["2012-12-30 00:00+1400"]),
        ("Pacific/Apia", "cron(0 9 30 12 ? *)", "2011-12-01 00:00", ["2012-12-30 09:00+1400"]),
        # Summer time begins in the last minutes of the day before (Gaza, 00:01 → 01:01 in 2010).
        ("Asia/Gaza", "30 0 * * *", "2010-03-26 12:00", [
            "2010-03-27 01:01+0300", "2010-03-28 00:30+0300",
        ]),
    ],
)  # fmt: skip
def test_clock_changes_of_other_kinds(zone: str, text: str, after: str, expected: list[str]):
    early = datetime(2009, 1, 1, tzinfo=UTC)
    assert shown(expression(text, zone, created_at=early), after, len(expected)) == expected


def test_a_free_expression_that_ends_within_the_repeat_fires_in_both():
    # Its last time of all is in the hour that comes twice: the second one is not forgotten.
    compiled = expression("0 * 2 25 10 ? 2026", BERLIN)
    times = shown(compiled, "2026-10-25 00:58", 5)
    assert times == [
        "2026-10-25 02:59+0200",
        *(f"2026-10-25 02:{minute:02}+0100" for minute in range(4)),
    ]
    after_the_first_hour = datetime(2026, 10, 25, 0, 59, 30, tzinfo=UTC)
    assert next_after(compiled, after_the_first_hour) == datetime(2026, 10, 25, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["45 * * * *", "*/15 2 * * *", "0,45 */2 * * *", "* * * * *"])
def test_looking_back_over_a_change_of_clocks_sees_what_was_due(text: str):
    # From within the second of the two hours, the first one is still behind.
    compiled = expression(text, BERLIN)
    for change in (utc("2026-03-29 01:00"), utc("2026-10-25 01:00")):
        begin = change - timedelta(days=2)
        due = between(compiled, begin, change + timedelta(days=2), limit=10_000)
        for minutes in range(-120, 121):
            at = change + timedelta(minutes=minutes)
            assert latest_until(compiled, at) == max(each for each in due if each <= at)
            assert next_after(compiled, at) == min(each for each in due if each > at)


def test_intervals_do_not_know_of_clocks():
    from_start = expression(
        "PT1H", BERLIN, kind=ScheduleType.INTERVAL, start_at=datetime(2026, 3, 29, tzinfo=UTC)
    )
    assert shown(from_start, "2026-03-28 23:59", 3) == [
        "2026-03-29 01:00+0100",
        "2026-03-29 03:00+0200",
        "2026-03-29 04:00+0200",
    ]


@pytest.mark.parametrize("part", range(8))
def test_no_daily_time_is_lost_or_doubled_at_any_clock_change_of_any_zone(part: int):
    """Every change of clocks of every zone in forty years: each date has its time, once."""
    begin, end = datetime(2000, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    checked = 0
    for name in distinct_zones()[part::8]:
        info = zone_info(name)
        for change in clock_changes(info, begin, end):
            # What the clock showed last; then a time that is skipped, or comes twice.
            last = wall(change - timedelta(seconds=1), info)
            for minutes in (-29, 1, 16):
                _check_daily(name, last + timedelta(minutes=minutes), change)
                checked += 1
    assert checked > 1_000


def _check_daily(name: str, at: datetime, change: datetime) -> None:
    info = zone_info(name)
    compiled = expression(f"{at.minute} {at.hour} * * *", name, created_at=EARLY)
    noon = wall(change, info).replace(hour=at.hour, minute=at.minute, second=0)
    civil = [noon + timedelta(days=offset) for offset in range(-2, 3)]
    expected = sorted({first_instant(info, each)[0] for each in civil})
    found = between(compiled, expected[0] - timedelta(seconds=1), expected[-1], limit=10)
    assert list(found) == expected, (name, at, change)
    whole = span(compiled, expected[0] - timedelta(seconds=1), expected[-1])
    assert whole is not None
    assert whole.count == len(expected), (name, at, change)
    # Seen from within the hour that comes twice, too.
    for minutes in (1, 31):
        inside = change + timedelta(minutes=minutes)
        coming = min(due for due in expected if due > inside)
        assert next_after(compiled, inside) == coming, (name, at, change)
        assert latest_until(compiled, inside) == max(due for due in expected if due <= inside)
