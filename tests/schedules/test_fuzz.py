# ruff: noqa: E501 - the pieces read best unbroken
"""Any text at all: it is an expression or an ExpressionError, and soon."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from schedules.making import CREATED, expression
from treadle.schedules.due_times import ScheduleType, latest_until, next_after, upcoming
from treadle.schedules.faults import ExpressionError
from treadle.schedules.words import describe

PIECES = st.sampled_from(
    [
        "*", "*/", "/", ",", "-", "#", "L", "W", "LW", "L-", "?", "0", "1", "7", "29", "31", "59",
        "60", "99999", "2026", "MON", "FRI", "JAN", "FEB", " ", " ", " ", " ", "cron(", ")", "rate(",
        "at(", "@daily", "@", "P", "T", "PT", "5M", "1Y", "minutes", "RRULE:", "FREQ=", "SECONDLY",
        "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY", ";", "INTERVAL=", "COUNT=",
        "UNTIL=", "BYSECOND=", "BYMINUTE=", "BYHOUR=", "BYDAY=", "BYMONTHDAY=", "BYYEARDAY=",
        "BYWEEKNO=", "BYMONTH=", "BYSETPOS=", "WKST=", "-1FR", "20261231", "2026-12-01T09:00:00",
        "٣", "\x00", "é",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(PIECES, max_size=40).map("".join),
    st.lists(PIECES, min_size=4, max_size=9).map(" ".join),
    st.lists(
        st.tuples(
            st.sampled_from([
                "INTERVAL", "BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY", "BYYEARDAY",
                "BYWEEKNO", "BYMONTH", "BYSETPOS", "COUNT",
            ]),
            st.one_of(st.integers(-60, 60).map(str), st.sampled_from(["MO", "-1FR", "1,2,3", "53"])),
        ),
        max_size=6,
        unique_by=lambda part: part[0],
    ).flatmap(
        lambda parts: st.sampled_from(
            ["SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
        ).map(lambda f: ";".join([f"RRULE:FREQ={f}", *(f"{name}={v}" for name, v in parts)]))
    ),
)  # fmt: skip


@given(TEXTS, st.sampled_from(ScheduleType), st.booleans())
@examples(800)
def test_any_text_is_an_expression_or_an_error_that_names_its_field(
    text: str, kind: ScheduleType, with_start: bool
):
    try:
        compiled = expression(
            text, "Europe/Berlin", kind=kind, start_at=CREATED if with_start else None
        )
    except ExpressionError as refused:
        assert refused.field in ("schedule_expression", "start_at")
        assert 0 < len(refused.message) <= 256
        assert refused.message.isprintable()
        return
    assert describe(compiled)
    found = upcoming(compiled, CREATED - timedelta(seconds=61), limit=5)
    assert found
    assert list(found) == sorted(set(found))
    assert latest_until(compiled, found[-1]) == found[-1]


@pytest.mark.parametrize(
    "text",
    [
        # Each of these is a long search for a plain implementation, or a bomb.
        "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=23;BYMINUTE=59;BYSECOND=59;BYDAY=SU",
        "RRULE:FREQ=SECONDLY;INTERVAL=99999;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3",
        "RRULE:FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
        "RRULE:FREQ=YEARLY;INTERVAL=3;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
        "RRULE:FREQ=DAILY;BYSETPOS=300;BYHOUR=1",
        "RRULE:FREQ=WEEKLY;BYSETPOS=366;BYDAY=MO",
        "RRULE:FREQ=YEARLY;BYDAY=MO,TU;BYSECOND=1,2,3,4,5,6,7,8,9;BYSETPOS=366;BYMONTH=2;BYWEEKNO=52",
        "0 0 29 2 */7",
        "59 59 23 31 12 ? 2199",
        "0 0 0 29 2 ? 2196",
        "*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,* * * * *",
    ],
)
def test_what_recurs_hardly_or_never_is_answered(text: str):
    # That it is soon is a matter of the benchmark; that it ends at all is shown by the time limit
    # that every test has.
    try:
        compiled = expression(text, "Europe/Berlin", start_at=CREATED)
    except ExpressionError as refused:
        assert refused.field == "schedule_expression"
        return
    assert next_after(compiled, CREATED) is not None
