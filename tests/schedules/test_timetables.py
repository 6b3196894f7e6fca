"""Timetables: an expression and its calendars together."""

from __future__ import annotations

from schedules.making import expression, utc
from treadle.schedules.calendars import Calendar, CalendarMode, CalendarUse
from treadle.schedules.due_times import Span
from treadle.schedules.timetables import Timetable

WEEKEND = Calendar("Weekend", weekdays=frozenset({0, 6}))


def timetable(text: str, mode: CalendarMode) -> Timetable:
    return Timetable(expression(text), (CalendarUse(WEEKEND, mode),))


def test_a_span_has_the_due_times_that_rolled_into_it_and_not_those_that_rolled_out() -> None:
    saturdays = timetable("0 9 * * 6", CalendarMode.ROLL_FORWARD)
    monday = utc("2026-05-04 09:00")
    # The Saturday before it is nominal; the due time is Monday's.
    assert saturdays.span(after=utc("2026-05-03 12:00"), until=utc("2026-05-05 00:00")) == Span(
        monday, monday, 1
    )
    assert saturdays.span(after=utc("2026-05-01 00:00"), until=utc("2026-05-03 00:00")) is None


def test_a_span_counts_once_what_rolled_together() -> None:
    daily = timetable("0 9 * * *", CalendarMode.ROLL_BACK)
    week = daily.span(after=utc("2026-05-04 00:00"), until=utc("2026-05-11 00:00"))
    assert week == Span(utc("2026-05-04 09:00"), utc("2026-05-08 09:00"), 5)


def test_a_span_has_the_due_times_that_a_calendar_holds() -> None:
    daily = timetable("0 9 * * *", CalendarMode.EXCLUDE)
    week = daily.span(after=utc("2026-05-04 00:00"), until=utc("2026-05-11 00:00"))
    assert week == Span(utc("2026-05-04 09:00"), utc("2026-05-10 09:00"), 7)
