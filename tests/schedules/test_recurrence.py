# ruff: noqa: E501 - tables, whose rows read best unbroken
"""RRULE: against python-dateutil run from DTSTART, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from dateutil import rrule
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from schedules.making import expression, shown, utc
from treadle.schedules.due_times import (
    Form,
    between,
    latest_until,
    next_after,
    span,
    upcoming,
)
from treadle.schedules.faults import ExpressionError

START = utc("2026-03-02 08:00")  # a Monday, 09:00 in Berlin
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FREQ=MONTHLY;BYDAY=-1FR", ["2026-03-27 09:00+0100", "2026-04-24 09:00+0200"]),
        ("freq=daily;interval=3;", ["2026-03-02 09:00+0100", "2026-03-05 09:00+0100"]),
        ("FREQ=HOURLY;INTERVAL=5", ["2026-03-02 09:00+0100", "2026-03-02 14:00+0100"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU", ["2026-03-02 09:00+0100", "2026-03-08 09:00+0100"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU", ["2026-03-02 09:00+0100", "2026-03-15 09:00+0100"]),
        ("FREQ=DAILY;BYHOUR=8,20;BYMINUTE=30", ["2026-03-02 20:30+0100", "2026-03-03 08:30+0100"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", ["2028-02-29 09:00+0100", "2032-02-29 09:00+0100"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["2026-03-31 09:00+0200", "2026-04-30 09:00+0200"]),
        ("FREQ=MONTHLY;BYDAY=MO,1FR", ["2026-03-02 09:00+0100", "2026-03-06 09:00+0100", "2026-03-09 09:00+0100"]),
        ("FREQ=YEARLY", ["2026-03-02 09:00+0100", "2027-03-02 09:00+0100"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", ["2026-03-31 09:00+0200", "2026-04-30 09:00+0200"]),
        ("FREQ=YEARLY;INTERVAL=50", ["2026-03-02 09:00+0100", "2076-03-02 09:00+0100", "2126-03-02 09:00+0100"]),
        # By the day a time keeps to the wall clock; finer than that it follows elapsed time.
        ("FREQ=DAILY;BYHOUR=2;BYMINUTE=30;BYMONTHDAY=29", ["2026-03-29 03:00+0200", "2026-04-29 02:30+0200"]),
        ("FREQ=HOURLY;BYMONTHDAY=25;BYMONTH=10;BYHOUR=2", ["2026-10-25 02:00+0200", "2026-10-25 02:00+0100"]),
        ("FREQ=MINUTELY;BYHOUR=2;BYMINUTE=30;BYMONTHDAY=29;BYMONTH=3", ["2027-03-29 02:30+0200"]),
    ],
)  # fmt: skip
def test_a_rule_is_due_when_it_says(text: str, expected: list[str]):
    compiled = expression(f"RRULE:{text}", "Europe/Berlin", start_at=START)
    assert compiled.form is Form.RECURRENCE
    assert shown(compiled, "2026-01-01 00:00", len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "count", "last"),
    [
        ("FREQ=DAILY;COUNT=3", 3, "2026-03-04 08:00"),
        ("FREQ=DAILY;COUNT=10000", 10_000, "2053-07-17 07:00"),
        ("FREQ=MONTHLY;BYDAY=MO;COUNT=1", 1, "2026-03-02 08:00"),
        ("FREQ=SECONDLY;COUNT=61", 61, "2026-03-02 08:01"),
        ("FREQ=DAILY;UNTIL=20260304T080000Z", 3, "2026-03-04 08:00"),
        ("FREQ=DAILY;UNTIL=20260304T075959Z", 2, "2026-03-03 08:00"),
        ("FREQ=DAILY;UNTIL=20260304T090000", 3, "2026-03-04 08:00"),
        ("FREQ=DAILY;UNTIL=20260304", 3, "2026-03-04 08:00"),
        ("FREQ=YEARLY;COUNT=10000", 174, "2199-03-02 08:00"),
    ],
)
def test_count_and_until_end_a_rule(text: str, count: int, last: str):
    compiled = expression(f"RRULE:{text}", "Europe/Berlin", start_at=START)
    times = upcoming(compiled, START - timedelta(days=1), limit=20_000)
    assert len(times) == count
    assert times[-1] == utc(last)
    assert latest_until(compiled, utc("2199-12-31 00:00")) == utc(last)
    whole = span(compiled, START - timedelta(days=1), utc(last))
    assert whole is not None
    assert whole.count == count


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not NAME=VALUE"),
        ("DAILY", "'DAILY' is not NAME=VALUE"),
        ("INTERVAL=2", "FREQ is required"),
        ("FREQ=FORTNIGHTLY", "FREQ 'FORTNIGHTLY' is not one of SECONDLY"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ stands there twice"),
        ("FREQ=DAILY;BYEASTER=1", "'BYEASTER' is not a part of a recurrence rule"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL 0 is not within 1 to 100000"),
        ("FREQ=DAILY;INTERVAL=x", "INTERVAL 'X' is not a number"),
        ("FREQ=DAILY;COUNT=10001", "COUNT 10001 is not within 1 to 10000"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT and UNTIL exclude each other"),
        ("FREQ=DAILY;UNTIL=20261301", "UNTIL '20261301' is not a date"),
        ("FREQ=DAILY;UNTIL=00000101", "UNTIL '00000101' is not a date"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR 24 is not within 0 to 23"),
        ("FREQ=DAILY;BYSECOND=60", "BYSECOND 60 is not within 0 to 59"),
        ("FREQ=DAILY;BYMONTHDAY=0", "BYMONTHDAY 0 is not within 1 to 31 or from the end"),
        ("FREQ=DAILY;BYDAY=XX", "BYDAY 'XX' is not a weekday"),
        ("FREQ=DAILY;BYDAY=0MO", "BYDAY '0MO' is not a weekday"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY takes a number only with FREQ=MONTHLY or YEARLY"),
        ("FREQ=MONTHLY;BYDAY=6MO", "the number in BYDAY is not within 1 to 5"),
        ("FREQ=YEARLY;BYDAY=54MO", "the number in BYDAY is not within 1 to 53"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "BYDAY takes no number together with BYWEEKNO"),
        ("FREQ=MONTHLY;BYWEEKNO=20", "BYWEEKNO goes with FREQ=YEARLY"),
        ("FREQ=MONTHLY;BYYEARDAY=20", "BYYEARDAY goes with FREQ=YEARLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=HOURLY;BYSETPOS=1;BYMINUTE=1", "BYSETPOS does not go with FREQ=HOURLY"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS needs another BY"),
        ("FREQ=DAILY;WKST=XX", "WKST 'XX' is not one of SU, MO"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "day of month: none of the months has such a day"),
        ("FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31", "can never fire"),
        ("FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6", "can never fire"),
        ("FREQ=DAILY;BYHOUR=1,2;BYSETPOS=3,-4", "BYSETPOS is past the 2 times that there can be"),
        ("FREQ=DAILY;BYMONTHDAY=30;BYMONTH=2;BYSETPOS=1", "none of the months has such a day"),
        ("FREQ=WEEKLY;INTERVAL=100000;BYMONTH=9;BYDAY=MO,TU;BYSETPOS=5", "can never fire"),
        ("FREQ=DAILY;UNTIL=20260301T000000Z", "can never fire"),
        ("FREQ=SECONDLY;INTERVAL=60;BYSECOND=7", "recurs too rarely, or never"),
    ],
)  # fmt: skip
def test_a_rule_that_is_wrong_or_never_fires_is_refused(text: str, message: str):
    with pytest.raises(ExpressionError) as refused:
        expression(f"RRULE:{text}", "Europe/Berlin", start_at=START)
    assert refused.value.field == "schedule_expression"
    assert message in refused.value.message


def test_many_seconds_with_positions_are_refused():
    minutes = ",".join(str(n) for n in range(0, 60, 2))
    seconds = ",".join(str(n) for n in range(0, 60, 3))
    text = f"RRULE:FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE={minutes};BYSECOND={seconds};BYSETPOS=-1"
    assert len(text) <= 256
    with pytest.raises(ExpressionError, match="BYSETPOS takes at most 1440 times a day"):
        expression(text, start_at=START)


def test_a_rule_needs_start_at():
    with pytest.raises(ExpressionError, match="is required with RRULE") as refused:
        expression("RRULE:FREQ=DAILY")
    assert refused.value.field == "start_at"


# Up to 28, and no step of a week: what never fires keeps dateutil busy to the year 9999.
some = st.lists(st.integers(1, 28), min_size=1, max_size=3, unique=True)
months = st.lists(st.integers(1, 12), max_size=3, unique=True)
hours = st.lists(st.integers(0, 23), max_size=2, unique=True)
minutes = st.lists(st.integers(0, 59), max_size=2, unique=True)
weekdays = st.lists(st.sampled_from(WEEKDAYS), max_size=3, unique=True)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """A rule that RFC 5545 allows and that dateutil works out without a long search."""
    frequency = draw(
        st.sampled_from(["MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    )
    parts = [f"FREQ={frequency}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.sampled_from([1, 2, 3, 4, 5, 6, 8, 10]))}")
    lists: list[tuple[str, Sequence[int | str]]] = [
        ("BYHOUR", draw(hours)),
        ("BYMINUTE", draw(minutes) if frequency != "MINUTELY" else []),
        ("BYMONTH", draw(months)),
    ]
    numbered = frequency in ("MONTHLY", "YEARLY") and draw(st.booleans())
    chosen: list[str] = list(draw(weekdays))
    if numbered and chosen:
        chosen = [f"{draw(st.sampled_from([1, 2, 4, -1, -2]))}{day}" for day in chosen]
    lists.append(("BYDAY", chosen))
    if frequency != "WEEKLY" and draw(st.integers(0, 2)) == 0:
        lists.append(("BYMONTHDAY", draw(some)))
    if frequency == "YEARLY" and draw(st.integers(0, 5)) == 0:
        lists.append(("BYYEARDAY", draw(st.lists(st.integers(1, 365), min_size=1, max_size=3))))
    parts += [f"{name}={','.join(map(str, values))}" for name, values in lists if values]
    if frequency in ("MONTHLY", "YEARLY") and any(values for _, values in lists):
        parts += draw(st.sampled_from([[], [], ["BYSETPOS=1"], ["BYSETPOS=-1,2"]]))
    return ";".join(parts)


@given(rules(), st.integers(0, 3 * 365 * 1440), st.integers(0, 5 * 365))
@examples(150)
def test_a_rule_is_what_dateutil_makes_of_it(text: str, minutes: int, days: int):
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    begin = start + timedelta(days=days)
    end = begin + timedelta(days=500)
    expected = _theirs(text, start, begin, end)[:2_000]
    try:
        compiled = expression(f"RRULE:{text}", start_at=start, created_at=start)
    except ExpressionError as refused:
        assert expected == [], refused.message
        return
    found = between(compiled, begin - timedelta(seconds=1), end, limit=2_000)
    assert list(found) == expected
    if found:
        assert latest_until(compiled, found[-1]) == found[-1]
        assert next_after(compiled, found[-1] - timedelta(seconds=1)) == found[-1]
        whole = span(compiled, begin - timedelta(seconds=1), found[-1])
        assert whole is not None
        assert whole.count == len(found)


def _theirs(text: str, start: datetime, begin: datetime, end: datetime) -> list[datetime]:
    """The times in [begin, end] as dateutil works them out, all the way from DTSTART."""
    try:
        # In UTC wall clock and instant are one.
        theirs = rrule.rrulestr(f"RRULE:{text}", dtstart=start.replace(tzinfo=None))
        assert isinstance(theirs, rrule.rrule)
        until = theirs.replace(until=end.replace(tzinfo=None))
        return [at.replace(tzinfo=UTC) for at in until if at >= begin.replace(tzinfo=None)]
    except ValueError as empty:
        assert "empty" in str(empty)  # so it calls a step and a BY… that never meet
        return []
