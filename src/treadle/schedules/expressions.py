"""Schedule expressions: every form that a schedule may be written in, as one compiled `Expression`.

    schedule_type  forms
    cron           five fields or `@hourly` … (vixie), six or seven fields (quartz), `cron(…)`
                   (aws), `RRULE:…` with start_at (recurrence)
    interval       `rate(5 minutes)`, `PT5M`, `300` (intervals)
    once           `at(…)`, an ISO date-time, or nothing but start_at (moments)
    relative       the time of day at which the records are looked at: `HH:MM` or a cron form;
                   nothing is 00:00

A due time is a whole second. Bounds are inclusive: a start_at between two seconds counts from the
next, an end_at to the one before. Nothing is due before 1970 or after 2199. An interval counts
elapsed time from start_at, which is its first due time; without start_at from created_at, where
the first is one interval later. What the clocks do to a time is told in `daylight`.

All functions are pure and bounded: their work does not grow with the time that they skip.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from treadle.schedules.due_times import LAST_INSTANT, Expression, Form, Rule, ScheduleType
from treadle.schedules.faults import ExpressionError, InvalidText, quoted
from treadle.schedules.forms.aws import read_aws
from treadle.schedules.forms.cron import Cron
from treadle.schedules.forms.intervals import read_interval
from treadle.schedules.forms.moments import read_once
from treadle.schedules.forms.quartz import read_quartz
from treadle.schedules.forms.recurrence import compile_recurrence
from treadle.schedules.forms.recurrence_text import Recurrence, read_recurrence
from treadle.schedules.forms.vixie import read_macro, read_vixie
from treadle.schedules.times.daylight import LocalTimes
from treadle.schedules.times.elapsed import Elapsed, Moment
from treadle.schedules.times.instants import instant_of, seconds_down, seconds_up
from treadle.schedules.times.zones import Zone, find_zone

LONGEST_EXPRESSION = 256
_ONCE_GRACE_SECONDS = 60  # a caller's clock may be behind ours, and a request takes its time
_WHENEVER = instant_of(0)  # stands for when a schedule was made, where nothing counts from it
_HOUR_MINUTE = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_AWS = re.compile(r"cron\((.*)\)", re.IGNORECASE | re.DOTALL)


_ALIASES = {
    "rate": ScheduleType.INTERVAL,
    "at": ScheduleType.ONCE,
    "one_shot": ScheduleType.ONCE,
    "one-shot": ScheduleType.ONCE,
    "one_time": ScheduleType.ONCE,
}


def parse_schedule_type(text: str) -> ScheduleType:
    """The type of this name or alias, in any letter case."""
    name = text.strip().lower()
    if name in _ALIASES:
        return _ALIASES[name]
    if name not in set(ScheduleType):
        known = ", ".join(ScheduleType)
        raise ExpressionError("schedule_type", f"{quoted(text)} is not one of {known}")
    return ScheduleType(name)


def parse_expression(
    schedule_type: ScheduleType,
    expression: str | None,
    *,
    timezone: str,
    start_at: datetime | None,
    end_at: datetime | None,
    created_at: datetime,
    now: datetime | None = None,
    field: str = "schedule_expression",
) -> Expression:
    """The compiled expression; ExpressionError names the field and the rule that it breaks.

    Instants are aware. `created_at` is when the schedule was made: intervals count from it, and
    what can never fire from then (or from start_at) on is refused. `now` is for an edit, which must
    leave a due time at or after it. `field` is the request's name of the expression.
    """
    compiled = compile_expression(
        schedule_type,
        expression,
        timezone=timezone,
        start_at=start_at,
        end_at=end_at,
        created_at=created_at,
        field=field,
    )
    with _naming(field):
        _need_a_due_time(compiled, since=now or created_at, has_end=end_at is not None)
    return compiled


def compile_expression(
    schedule_type: ScheduleType,
    expression: str | None,
    *,
    timezone: str,
    start_at: datetime | None,
    end_at: datetime | None,
    created_at: datetime,
    field: str = "schedule_expression",
) -> Expression:
    """`parse_expression` without the question whether anything is due: it was asked when this was
    written. Schedules that say the same share one, whenever they were made.
    """
    counts_from_creation = schedule_type is ScheduleType.INTERVAL and start_at is None
    return _compile(
        schedule_type=schedule_type,
        expression=expression,
        timezone=timezone,
        start_at=start_at,
        end_at=end_at,
        created_at=created_at if counts_from_creation else _WHENEVER,
        field=field,
    )


@lru_cache(maxsize=20_000)  # every tick asks for the same expressions again; about a kilobyte each
def _compile(
    *,
    schedule_type: ScheduleType,
    expression: str | None,
    timezone: str,
    start_at: datetime | None,
    end_at: datetime | None,
    created_at: datetime,
    field: str,
) -> Expression:
    zone = find_zone(timezone)
    with _naming(field):
        start, end = _bounds(start_at, end_at)
        text = _normal(expression)
        parsed = _READERS[schedule_type](text, zone, start, seconds_down(created_at))
        return Expression(
            schedule_type=schedule_type,
            form=parsed.form,
            text=text,
            zone=zone,
            start=start or 0,
            end=min(LAST_INSTANT if last is None else last for last in (parsed.last, end)),
            rule=parsed.rule,
            recurrence=parsed.recurrence,
        )


@contextmanager
def _naming(field: str) -> Generator[None]:
    """Faults of the text, and of other fields than the bounds, are told of this field."""
    try:
        yield
    except InvalidText as fault:
        raise ExpressionError(field, fault.message) from None
    except ExpressionError as fault:
        known = fault.field in ("start_at", "end_at")
        raise ExpressionError(fault.field if known else field, fault.message) from None


def _normal(expression: str | None) -> str:
    text = " ".join((expression or "").split())
    if expression is not None and len(expression) > LONGEST_EXPRESSION:
        raise InvalidText(f"must have at most {LONGEST_EXPRESSION} characters")
    if not text.isprintable():
        raise InvalidText("must not have control characters")
    return text


def _bounds(start_at: datetime | None, end_at: datetime | None) -> tuple[int | None, int | None]:
    start = None if start_at is None else seconds_up(start_at)
    end = None if end_at is None else seconds_down(end_at)
    for name, value in (("start_at", start), ("end_at", end)):
        if value is not None and not 0 <= value <= LAST_INSTANT:
            raise ExpressionError(name, "must lie within the years 1970 to 2199")
    if start is not None and end is not None and end < start:
        raise ExpressionError("end_at", "must not be before start_at")
    return start, end


def _need_a_due_time(expression: Expression, *, since: datetime, has_end: bool) -> None:
    """Raises unless the expression is due at some time from `since` on."""
    low = seconds_up(since)
    if isinstance(expression.rule, Moment):
        low -= _ONCE_GRACE_SECONDS
    low = max(low, expression.start)
    due = expression.rule.after(low - 1)
    if due is not None and due <= expression.end:
        return
    if due is not None and has_end:
        raise ExpressionError("end_at", "nothing is due until then, so it can never fire")
    message = f"can never fire: nothing is due from {instant_of(low):%Y-%m-%dT%H:%M:%SZ} on"
    if expression.form is Form.ONCE and not expression.text:
        raise ExpressionError("start_at", message)
    raise InvalidText(message)


@dataclass(frozen=True, slots=True)
class _Parsed:
    form: Form
    rule: Rule
    last: int | None = None
    recurrence: Recurrence | None = None


def _read_cron(text: str, zone: Zone, start: int | None, created: int) -> _Parsed:
    del created
    if not text:
        raise InvalidText("is required for schedule_type cron")
    if text[:6].upper() == "RRULE:":
        if start is None:
            raise ExpressionError("start_at", "is required with RRULE: it is the rule's DTSTART")
        recurrence = read_recurrence(text[6:].replace(" ", ""))
        compiled = compile_recurrence(recurrence, start=start, zone=zone)
        return _Parsed(Form.RECURRENCE, compiled.times, compiled.last, recurrence)
    form, cron = _read_fields(text)
    return _Parsed(form, LocalTimes(cron.wall, zone.info, cron.daylight))


def _read_fields(text: str) -> tuple[Form, Cron]:
    if text.startswith("@"):
        return Form.VIXIE, read_macro(text)
    if inside := _AWS.fullmatch(text):
        return Form.AWS, read_aws(inside[1])
    for prefix, other in (("rate(", "interval"), ("at(", "once")):
        if text.lower().startswith(prefix):
            raise InvalidText(f"{prefix}…) goes with schedule_type {other}")
    fields = text.split()
    if len(fields) == 5:
        return Form.VIXIE, read_vixie(fields)
    if len(fields) in (6, 7):
        return Form.QUARTZ, read_quartz(fields)
    raise InvalidText(
        f"{quoted(text)} has {len(fields)} fields: write five (cron), six or seven (Quartz), "
        "cron(…) with six, @daily and the like, or RRULE:…"
    )


def _read_interval(text: str, zone: Zone, start: int | None, created: int) -> _Parsed:
    del zone
    if not text:
        raise InvalidText("is required for schedule_type interval")
    step = read_interval(text)
    origin = created if start is None else start
    return _Parsed(Form.INTERVAL, Elapsed(origin, step, skip_origin=start is None))


def _read_once(text: str, zone: Zone, start: int | None, created: int) -> _Parsed:
    del created
    if text:
        return _Parsed(Form.ONCE, Moment(read_once(text, zone)))
    if start is None:
        raise InvalidText("is required for schedule_type once, or else start_at")
    return _Parsed(Form.ONCE, Moment(start))


def _read_relative(text: str, zone: Zone, start: int | None, created: int) -> _Parsed:
    time = _HOUR_MINUTE.fullmatch(text or "00:00")
    if time:
        return _read_cron(f"{int(time[2])} {int(time[1])} * * *", zone, start, created)
    if text[:6].upper() == "RRULE:":
        raise InvalidText("must be HH:MM or a cron expression for schedule_type relative")
    return _read_cron(text, zone, start, created)


_READERS = {
    ScheduleType.CRON: _read_cron,
    ScheduleType.INTERVAL: _read_interval,
    ScheduleType.ONCE: _read_once,
    ScheduleType.RELATIVE: _read_relative,
}
