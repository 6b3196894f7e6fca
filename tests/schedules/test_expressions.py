"""Every form of an expression: what it means, and what is refused with which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schedules.making import CREATED, expression, shown, utc
from treadle.schedules.due_times import (
    Form,
    ScheduleType,
    first_due,
    latest_until,
    next_after,
    span,
    union,
    upcoming,
)
from treadle.schedules.expressions import parse_expression, parse_schedule_type
from treadle.schedules.faults import ExpressionError


def days(text: str, *, after: str = "2026-01-01 00:00", count: int = 4) -> list[str]:
    """The next due times in UTC, without the year where it is 2026."""
    return [
        time.removesuffix("+0000").removeprefix("2026-")
        for time in shown(expression(text), after, count)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*/5 * * * *", ["01-01 00:05", "01-01 00:10"]),
        ("0 9 * * *", ["01-01 09:00", "01-02 09:00"]),
        ("0 9 * * MON-FRI", ["01-01 09:00", "01-02 09:00", "01-05 09:00"]),
        ("0 9 * jan,Jul mon", [
            "01-05 09:00", "01-12 09:00", "01-19 09:00", "01-26 09:00", "07-06 09:00",
        ]),
        ("0 9 * * 0", ["01-04 09:00", "01-11 09:00"]),
        ("0 9 * * 7", ["01-04 09:00", "01-11 09:00"]),
        ("0 9 * * 5-7", ["01-02 09:00", "01-03 09:00", "01-04 09:00", "01-09 09:00"]),
        ("0 9 * * FRI-SUN", ["01-02 09:00", "01-03 09:00", "01-04 09:00", "01-09 09:00"]),
        ("0 9 * * 1/2", ["01-02 09:00", "01-05 09:00", "01-07 09:00"]),
        ("5/20 8-10/2 * * *", ["01-01 08:05", "01-01 08:25", "01-01 08:45", "01-01 10:05"]),
        # Both days restricted: either. One of them with a star: both.
        ("0 0 13 * 5", ["01-02 00:00", "01-09 00:00", "01-13 00:00", "01-16 00:00"]),
        ("0 0 */2 * 1", ["01-05 00:00", "01-19 00:00", "02-09 00:00", "02-23 00:00"]),
        ("0 0 13 * */5", ["02-13 00:00", "03-13 00:00", "09-13 00:00", "11-13 00:00"]),
        ("0 0 ? * 1", ["01-05 00:00", "01-12 00:00"]),
        ("0 0 1 ? *", ["02-01 00:00", "03-01 00:00"]),
        # Days that only a calendar knows.
        ("0 0 L * *", ["01-31 00:00", "02-28 00:00", "03-31 00:00"]),
        ("0 0 L-2 * *", ["01-29 00:00", "02-26 00:00", "03-29 00:00"]),
        ("0 0 15W * *", ["01-15 00:00", "02-16 00:00", "03-16 00:00", "04-15 00:00"]),
        ("0 0 1W * *", ["02-02 00:00", "03-02 00:00", "04-01 00:00"]),
        ("0 0 31W * *", ["01-30 00:00", "03-31 00:00", "05-29 00:00"]),
        ("0 0 LW * *", ["01-30 00:00", "02-27 00:00", "03-31 00:00"]),
        ("0 0 L-1W 5 *", ["05-29 00:00"]),
        ("0 0 * * 5L", ["01-30 00:00", "02-27 00:00", "03-27 00:00"]),
        ("0 0 * * friL", ["01-30 00:00", "02-27 00:00", "03-27 00:00"]),
        ("0 0 * * TUE#2,5#1", ["01-02 00:00", "01-13 00:00", "02-06 00:00", "02-10 00:00"]),
        ("0 0 * * 4#5", ["01-29 00:00", "04-30 00:00", "07-30 00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        # Macros.
        ("@hourly", ["01-01 01:00", "01-01 02:00"]),
        ("@daily", ["01-02 00:00", "01-03 00:00"]),
        ("@midnight", ["01-02 00:00"]),
        ("@Weekly", ["01-04 00:00", "01-11 00:00"]),
        ("@monthly", ["02-01 00:00", "03-01 00:00"]),
        ("@yearly", ["2027-01-01 00:00", "2028-01-01 00:00"]),
        ("@annually", ["2027-01-01 00:00"]),
        # Quartz: seconds first, 1 is Sunday, a range may wrap.
        ("0 0 12 * * ?", ["01-01 12:00", "01-02 12:00"]),
        ("0 0 12 ? * 2", ["01-05 12:00", "01-12 12:00"]),
        ("0 0 12 ? * FRI-MON", [
            "01-02 12:00", "01-03 12:00", "01-04 12:00", "01-05 12:00", "01-09 12:00",
        ]),
        ("0 0 22-2 * * ?", [
            "01-01 01:00", "01-01 02:00", "01-01 22:00", "01-01 23:00", "01-02 00:00",
        ]),
        ("0 0 0 1 NOV-FEB ? 2027", [
            "2027-01-01 00:00", "2027-02-01 00:00", "2027-11-01 00:00", "2027-12-01 00:00",
        ]),
        ("0 15 10 ? * 6L 2027-2028", ["2027-01-29 10:15", "2027-02-26 10:15"]),
        ("0 0 9 ? * 6#3", ["01-16 09:00", "02-20 09:00"]),
        ("0 0 9 ? * L", ["01-03 09:00", "01-10 09:00"]),
        ("0 0 9 LW * ?", ["01-30 09:00", "02-27 09:00"]),
        ("0 0 9 * * *", ["01-01 09:00"]),
        # AWS: minutes first, the year last, 1 is Sunday.
        ("cron(0 10 * * ? *)", ["01-01 10:00", "01-02 10:00"]),
        ("CRON( 15 12 ? * MON-FRI 2026 )", ["01-01 12:15", "01-02 12:15", "01-05 12:15"]),
        ("cron(0/15 8 1 * ? *)", [
            "01-01 08:00", "01-01 08:15", "01-01 08:30", "01-01 08:45", "02-01 08:00",
        ]),
        ("cron(0 9 ? * 6L *)", ["01-30 09:00", "02-27 09:00"]),
        ("cron(0 9 3W * ? *)", ["01-02 09:00", "02-03 09:00"]),
        ("cron(0 9 ? * 2#1 *)", ["01-05 09:00", "02-02 09:00"]),
    ],
)  # fmt: skip
def test_a_cron_form_is_due_when_it_says(text: str, expected: list[str]):
    assert days(text, count=len(expected)) == expected


def test_seconds_are_quartzs_first_field():
    times = upcoming(expression("*/20 30 9 * * ?"), utc("2026-01-01 00:00"), limit=4)
    assert [f"{at:%d %H:%M:%S}" for at in times] == [
        "01 09:30:00", "01 09:30:20", "01 09:30:40", "02 09:30:00",
    ]  # fmt: skip


def test_two_rare_conditions_are_found_decades_ahead():
    leap_mondays = expression("0 0 0 29 2 ?", created_at=utc("2097-01-01 00:00"))
    assert next_after(leap_mondays, utc("2097-01-01 00:00")) == utc("2104-02-29 00:00")
    both = expression("0 0 */28 2 1")  # 1 and 29 February, when they are Mondays
    assert shown(both, "2028-02-01 00:00", 3) == [
        "2038-02-01 00:00+0000", "2044-02-01 00:00+0000", "2044-02-29 00:00+0000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is required for schedule_type cron"),
        ("60 * * * *", "minute: 60 is not within 0 to 59"),
        ("* 24 * * *", "hour: 24 is not within 0 to 23"),
        ("* * 0 * *", "day of month: 0 is not within 1 to 31"),
        ("* * 32 * *", "day of month: 32 is not within 1 to 31"),
        ("* * * 13 *", "month: 13 is not within 1 to 12"),
        ("* * * FOO *", "month: 'FOO' is not a value of this field"),
        ("* * * * 8", "day of week: 8 is not within 0 to 7"),
        ("* * * * L", "day of week: 'L' is not a value of this field"),
        ("30-10 * * * *", "minute: the range '30-10' runs backwards"),
        ("* * * * 6-1", "day of week: the range '6-1' runs backwards"),
        ("*/0 * * * *", "minute: the step in '*/0' must be 1 or more"),
        ("*/x * * * *", "minute: the step in '*/X' must be 1 or more"),
        ("1,,2 * * * *", "minute: a value is missing in ''"),
        ("1- * * * *", "minute: a value is missing in '1-'"),
        ("-1 * * * *", "minute: a value is missing in '-1'"),
        ("1-2-3 * * * *", "minute: '2-3' is not a value of this field"),
        ("? * * * *", "minute: '?' is not a value of this field"),
        ("L * * * *", "minute: 'L' is not a value of this field"),
        ("* * W * *", "day of month: 'W' is not a value of this field"),
        ("* * L-31 * *", "day of month: 'L-31' is before the month's first day"),
        ("* * 32W * *", "day of month: 32 is not within 1 to 31"),
        ("* * * * 1#6", "day of week: the number after # in '1#6' must be 1 to 5"),
        ("* * * * 1#0", "day of week: the number after # in '1#0' must be 1 to 5"),
        ("* * * * 9#1", "day of week: 9 is not within 0 to 7"),
        ("٣ * * * *", "minute: '٣' is not a value of this field"),
        ("* * * *", "'* * * *' has 4 fields: write five (cron)"),
        ("@reboot", "'@reboot' is not one of @annually, @daily"),
        ("60 0 0 * * ?", "second: 60 is not within 0 to 59"),
        ("0 0 0 1 * 2", "day of month, day of week: one of the two must be ? or *"),
        ("0 0 0 */2 * 2", "day of month, day of week: one of the two must be ? or *"),
        ("0 0 0 ? * 0", "day of week: 0 is not within 1 to 7"),
        ("0 0 0 1 1 ? 1969", "year: 1969 is not within 1970 to 2199"),
        ("0 0 0 1 1 ? 2200", "year: 2200 is not within 1970 to 2199"),
        ("cron(0 0 1 * 2 *)", "day of month, day of week: one of the two must be ? or *"),
        ("cron(0 0 * * *)", "cron(…) takes six fields"),
        ("cron(0 0 ? * 0 *)", "day of week: 0 is not within 1 to 7"),
        ("cron(0 0 * * ? 2200)", "year: 2200 is not within 1970 to 2199"),
        ("cron(0 0 * * ? *", "second: 'CRON(0' is not a value"),
        ("rate(5 minutes)", "rate(…) goes with schedule_type interval"),
        ("at(2026-12-01T09:00:00)", "at(…) goes with schedule_type once"),
        ("0 0 0\x00 * *", "must not have control characters"),
        ("0 9 * * *" + " " * 250, "must have at most 256 characters"),
        # What can never fire.
        ("0 0 30 2 *", "day of month: none of the months has such a day, so it can never fire"),
        ("0 0 31 4,6 *", "day of month: none of the months has such a day, so it can never fire"),
        ("0 0 0 31W 2 ?", "day of month: none of the months has such a day, so it can never fire"),
        ("0 0 0 1 1 ? 2025", "can never fire: nothing is due from 2026-01-01T00:00:00Z on"),
        ("cron(0 0 1 1 ? 2020-2025)", "can never fire: nothing is due from 2026-01-01T00:00:00Z"),
        ("0 0 0 29 2 ? 2026", "can never fire: nothing is due from 2026-01-01T00:00:00Z on"),
        ("cron(0 0 29 2 ? 2027,2029)", "can never fire: nothing is due from"),
    ],
)  # fmt: skip
def test_what_does_not_parse_or_never_fires_is_refused(text: str, message: str):
    with pytest.raises(ExpressionError) as refused:
        expression(text)
    assert refused.value.field == "schedule_expression"
    assert refused.value.status == 422
    assert refused.value.message.startswith(message) or message in refused.value.message
    assert len(refused.value.message) <= 256


def test_a_year_in_the_past_is_measured_from_start_at():
    text = "0 0 0 1 1 ? 2027"
    assert expression(text, start_at=utc("2026-06-01 00:00")).form is Form.QUARTZ
    with pytest.raises(ExpressionError, match="nothing is due from 2027-01-01T00:00:01Z"):
        expression(text, start_at=utc("2027-01-01 00:00:01"))


def test_an_edit_must_leave_a_due_time_after_now_but_loading_need_not():
    text, late = "0 0 0 1 1 ? 2027", utc("2028-01-01 00:00")
    assert expression(text).text == text
    with pytest.raises(ExpressionError, match="can never fire: nothing is due from 2028"):
        parse_expression(
            ScheduleType.CRON, text, timezone="UTC", start_at=None, end_at=None,
            created_at=CREATED, now=late,
        )  # fmt: skip


def test_an_error_takes_the_name_that_the_request_has_for_the_expression():
    with pytest.raises(ExpressionError) as refused:
        parse_expression(
            ScheduleType.CRON, "x", timezone="UTC", start_at=None, end_at=None,
            created_at=CREATED, field="crons.0",
        )  # fmt: skip
    assert refused.value.field == "crons.0"


def test_the_bounds_are_inclusive():
    start, end = utc("2026-01-02 09:00"), utc("2026-01-04 09:00")
    bounded = expression("0 9 * * *", start_at=start, end_at=end)
    assert upcoming(bounded, utc("2026-01-01 00:00"), limit=9) == (
        start, utc("2026-01-03 09:00"), end,
    )  # fmt: skip
    assert next_after(bounded, end) is None
    assert latest_until(bounded, start) == start
    assert latest_until(bounded, start - timedelta(seconds=1)) is None
    assert latest_until(bounded, utc("2030-01-01 00:00")) == end


def test_a_fraction_of_a_second_never_lets_a_time_in_early_or_late():
    half = timedelta(microseconds=500_000)
    nine = utc("2026-01-02 09:00")
    after = expression("0 9 * * *", start_at=nine + half)
    assert first_due(after, created_at=CREATED) == nine + timedelta(days=1)
    before = expression("0 9 * * *", end_at=nine + timedelta(days=1) - half)
    assert latest_until(before, utc("2027-01-01 00:00")) == nine
    daily = expression("0 9 * * *")
    assert next_after(daily, nine - half) == nine
    assert next_after(daily, nine) == nine + timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "end", "field", "message"),
    [
        ("2026-03-01 00:00", "2026-02-01 00:00", "end_at", "must not be before start_at"),
        ("2026-03-01 10:00", "2026-03-02 08:59", "end_at", "nothing is due until then"),
        ("2200-01-01 00:00", None, "start_at", "must lie within the years 1970 to 2199"),
        ("1969-12-31 23:59", None, "start_at", "must lie within the years 1970 to 2199"),
        (None, "2200-01-01 00:00", "end_at", "must lie within the years 1970 to 2199"),
        (None, "2025-12-31 00:00", "end_at", "nothing is due until then"),
    ],
)
def test_bounds_that_leave_nothing_are_named(
    start: str | None, end: str | None, field: str, message: str
):
    with pytest.raises(ExpressionError, match=message) as refused:
        expression(
            "0 9 * * *",
            start_at=utc(start) if start else None,
            end_at=utc(end) if end else None,
        )
    assert refused.value.field == field


def test_the_last_due_time_of_all_is_in_2199():
    yearly = expression("@yearly")
    assert next_after(yearly, utc("2198-06-01 00:00")) == utc("2199-01-01 00:00")
    assert next_after(yearly, utc("2199-01-01 00:00")) is None
    assert next_after(yearly, datetime.max.replace(tzinfo=UTC)) is None
    assert next_after(yearly, datetime.min.replace(tzinfo=UTC)) == utc("1970-01-01 00:00")
    assert latest_until(yearly, datetime.min.replace(tzinfo=UTC)) is None
    assert latest_until(yearly, datetime.max.replace(tzinfo=UTC)) == utc("2199-01-01 00:00")


def test_a_span_counts_ten_years_of_seconds_without_listing_them():
    every_second = expression("* * * * * ?", "Europe/Berlin")
    whole = span(every_second, utc("2026-01-01 00:00"), utc("2036-01-01 00:00"))
    assert whole is not None
    assert whole.first == utc("2026-01-01 00:00:01")
    assert whole.last == utc("2036-01-01 00:00")
    assert whole.count == 100_000  # or more: the count goes no further
    hourly = span(expression("@hourly", "Europe/Berlin"), whole.first, whole.last)
    assert hourly is not None
    assert hourly.count == (whole.last - whole.first) // timedelta(hours=1) + 1
    assert span(expression("@yearly"), utc("2026-02-01 00:00"), utc("2026-03-01 00:00")) is None


def test_several_crons_are_due_once_where_they_coincide():
    both = union([expression("0 9 * * *"), expression("0 */9 * * *"), expression("0 9 1 * *")])
    assert both.form is Form.UNION
    assert shown(both, "2026-01-01 00:00", 4) == [
        "2026-01-01 09:00+0000", "2026-01-01 18:00+0000",
        "2026-01-02 00:00+0000", "2026-01-02 09:00+0000",
    ]  # fmt: skip
    one = expression("0 9 * * *")
    assert union([one]) is one
    with pytest.raises(ValueError, match="one zone"):
        union([one, expression("0 9 * * *", "Europe/Berlin")])


def test_a_union_keeps_the_bounds_of_each_member():
    early = expression("0 9 * * *", end_at=utc("2026-01-02 12:00"))
    late = expression("0 10 * * *", start_at=utc("2026-01-04 00:00"))
    assert shown(union([early, late]), "2026-01-01 00:00", 4) == [
        "2026-01-01 09:00+0000", "2026-01-02 09:00+0000",
        "2026-01-04 10:00+0000", "2026-01-05 10:00+0000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ["2026-01-02 00:00+0100", "2026-01-03 00:00+0100"]),
        ("", ["2026-01-02 00:00+0100"]),
        ("08:30", ["2026-01-01 08:30+0100", "2026-01-02 08:30+0100"]),
        ("8:05", ["2026-01-01 08:05+0100"]),
        ("0 7 * * MON-FRI", [
            "2026-01-01 07:00+0100", "2026-01-02 07:00+0100", "2026-01-05 07:00+0100",
        ]),
        ("cron(0 7 * * ? *)", ["2026-01-01 07:00+0100"]),
    ],
)  # fmt: skip
def test_a_relative_schedule_looks_at_a_time_of_day(text: str | None, expected: list[str]):
    compiled = expression(text, "Europe/Berlin", kind=ScheduleType.RELATIVE)
    assert shown(compiled, "2026-01-01 00:00", len(expected)) == expected


@pytest.mark.parametrize("text", ["24:00", "12:60", "RRULE:FREQ=DAILY", "PT5M", "noon"])
def test_a_relative_schedule_takes_nothing_else(text: str):
    with pytest.raises(ExpressionError) as refused:
        expression(text, kind=ScheduleType.RELATIVE, start_at=CREATED)
    assert refused.value.field == "schedule_expression"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cron", "cron"), ("CRON", "cron"), ("Interval", "interval"), ("rate", "interval"),
        ("once", "once"), ("at", "once"), ("one_shot", "once"), ("ONE_TIME", "once"),
        ("relative", "relative"),
    ],
)  # fmt: skip
def test_a_schedule_type_is_read_in_any_case_with_its_aliases(text: str, expected: str):
    assert parse_schedule_type(text) == ScheduleType(expected)


def test_an_unknown_schedule_type_is_named():
    with pytest.raises(ExpressionError, match="'weekly' is not one of cron, interval") as refused:
        parse_schedule_type("weekly")
    assert refused.value.field == "schedule_type"
