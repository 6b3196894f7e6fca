# ruff: noqa: E501 - a table, whose rows read best unbroken
"""Every expression in plain English."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from schedules.making import CREATED, expression, utc
from schedules.test_brute_force import crons
from schedules.test_recurrence import rules
from treadle.schedules.due_times import ScheduleType, union
from treadle.schedules.faults import ExpressionError
from treadle.schedules.words import describe

START = utc("2026-03-02 08:00")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("* * * * *", "Every minute"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("*/7 * * * *", "At 0, 7, 14, 21, 28, 35, 42, 49 and 56 minutes past every hour"),
        ("@hourly", "Every hour"),
        ("30 * * * *", "At 30 minutes past every hour"),
        ("1 * * * *", "At 1 minute past every hour"),
        ("0 */2 * * *", "Every 2 hours"),
        ("30 */2 * * *", "Every 2 hours at 30 minutes past"),
        ("0 9-17 * * *", "Every hour from 09:00 to 17:00"),
        ("0 9-21/2 * * *", "Every 2 hours from 09:00 to 21:00"),
        ("7 8,12,16,20-23 * * *", "At 7 minutes past the hours 8, 12, 16 and 20 to 23"),
        ("*/15 9-17 * * 1-5", "Every 15 minutes from 09:00 to 17:45 on Monday to Friday"),
        ("*/15 9,11 * * *", "Every 15 minutes in the hours 9 and 11"),
        ("1,2,3,30 9,11 * * *", "At 1 to 3 and 30 minutes past the hours 9 and 11"),
        ("* 9 * * *", "Every minute from 09:00 to 09:59"),
        ("0 9 * * *", "At 09:00 every day"),
        ("0 9,12 * * 6,0", "At 09:00 and 12:00 on Saturday and Sunday"),
        ("0 9 * 6-8 1", "At 09:00 on Monday in June to August"),
        ("0 9 * 6 *", "At 09:00 in June"),
        ("0 9 * * 5L", "At 09:00 on the last Friday of each month"),
        ("0 9 * * 2#2,4#1", "At 09:00 on the 2nd Tuesday and the 1st Thursday of each month"),
        ("0 9 1,15 1-3 *", "At 09:00 on the 1st and the 15th of January to March"),
        ("0 9 2-5 * *", "At 09:00 on the 2nd to 5th of each month"),
        ("0 0 L * *", "At 00:00 on the last day of each month"),
        ("0 0 L-2 * *", "At 00:00 on the 3rd last day of each month"),
        ("0 9 15W * *", "At 09:00 on the weekday nearest to the 15th of each month"),
        ("0 9 LW * *", "At 09:00 on the last weekday of each month"),
        ("0 9 13 * 5", "At 09:00 on the 13th or on Friday of each month"),
        ("0 9 13 * */3", "At 09:00 on the 13th of each month if it is Wednesday, Saturday or Sunday"),
        ("0 9 */10 * *", "At 09:00 on every 10th day from the 1st to the 31st of each month"),
        ("*/10 * * * * ?", "Every 10 seconds"),
        ("* * * * * ?", "Every second"),
        ("5 5 9 * * ?", "At 09:05:05 every day"),
        ("*/10 5 9 * * ?", "Every 10 seconds of the minute, at 09:05 every day"),
        ("5,7 * 9,11 * * ?", "At 5 and 7 seconds past the minute, every minute in the hours 9 and 11"),
        ("cron(30 2 ? * FRI#2 2026-2028)", "At 02:30 on the 2nd Friday of each month in 2026 to 2028"),
        ("cron(0 9 * * ? 2030)", "At 09:00 in 2030"),
        ("RRULE:FREQ=MONTHLY;BYDAY=-1FR", "At 09:00 on the last Friday of each month"),
        ("RRULE:FREQ=DAILY", "At 09:00 every day"),
        ("RRULE:FREQ=DAILY;INTERVAL=3", "At 09:00 every 3 days"),
        ("RRULE:FREQ=HOURLY;INTERVAL=5", "Every 5 hours"),
        ("RRULE:FREQ=MINUTELY;INTERVAL=7;BYHOUR=9", "Every 7 minutes in the hour 9"),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=4", "At 09:00 on Monday and Thursday every 2 weeks, 4 times"),
        ("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "At 09:00 on the 29th of February each year"),
        ("RRULE:FREQ=YEARLY", "At 09:00 on the 2nd of March of each year"),
        ("RRULE:FREQ=MONTHLY;INTERVAL=2;UNTIL=20280101", "At 09:00 on the 2nd of every 2 months, until 2028-01-01"),
        ("RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "At 09:00 on the last of (Monday to Friday) of each month"),
        ("RRULE:FREQ=YEARLY;BYYEARDAY=100,-1", "At 09:00 on day 1 from the end and 100 of each year"),
        ("RRULE:FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "At 09:00 on Monday that is a day of week 20 of each year"),
        ("RRULE:FREQ=WEEKLY;BYHOUR=8,9;BYSETPOS=1", "At 08:00 and 09:00 on the 1st of (Monday) of each week"),
    ],
)  # fmt: skip
def test_an_expression_in_words(text: str, words: str):
    start = START if text.startswith("RRULE") else None
    assert describe(expression(text, "Europe/Berlin", start_at=start)) == words


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("interval", "PT90M", "Every 1 hour 30 minutes"),
        ("interval", "300", "Every 5 minutes"),
        ("interval", "rate(1 day)", "Every day"),
        ("interval", "P2W", "Every 2 weeks"),
        ("once", "at(2026-12-01T09:00:00)", "Once, on Tuesday, 1 December 2026 at 09:00"),
        ("once", "2026-12-01T09:00:07", "Once, on Tuesday, 1 December 2026 at 09:00:07"),
        ("relative", None, "At 00:00 every day"),
        ("relative", "08:30", "At 08:30 every day"),
    ],
)
def test_the_other_types_in_words(kind: str, text: str | None, words: str):
    compiled = expression(text, "Europe/Berlin", kind=ScheduleType(kind))
    assert describe(compiled) == words


def test_the_zone_is_added_where_a_wall_clock_is_meant():
    daily = expression("0 9 * * *", "europe/berlin")
    assert describe(daily, with_zone=True) == "At 09:00 every day (Europe/Berlin)"
    every = expression("PT5M", "Europe/Berlin", kind=ScheduleType.INTERVAL)
    assert describe(every, with_zone=True) == "Every 5 minutes"


def test_a_union_is_its_members_in_words():
    both = union([expression("0 9 * * *"), expression("30 17 * * 5")])
    assert describe(both, with_zone=True) == "At 09:00 every day; at 17:30 on Friday (UTC)"


@given(st.one_of(crons.map(lambda cron: cron.text), rules().map(lambda rule: f"RRULE:{rule}")))
@examples(200)
def test_whatever_is_accepted_has_words(text: str):
    try:
        compiled = expression(text, start_at=CREATED)
    except ExpressionError:
        return
    words = describe(compiled, with_zone=True)
    assert words[0].isupper()
    assert words.endswith("(UTC)")
    assert "  " not in words
    assert words.isprintable()
