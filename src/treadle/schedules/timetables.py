"""When a schedule is due: its expression and its calendars together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from treadle.schedules.calendars import (
    ROLLS,
    Calendar,
    CalendarMode,
    CalendarUse,
    DueTime,
    OpenStretch,
    due_between,
    latest_due,
    next_due,
    open_stretches,
)
from treadle.schedules.due_times import (
    COUNT_LIMIT,
    LAST_INSTANT,
    Expression,
    Span,
    first_due,
    next_after,
    span,
    union,
)
from treadle.schedules.expressions import compile_expression, parse_expression
from treadle.schedules.model import Definition, Schedule
from treadle.schedules.times.instants import instant_of

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Timetable:
    """A compiled schedule."""

    expression: Expression
    calendars: tuple[CalendarUse, ...] = ()

    def due(self, *, after: datetime, until: datetime, limit: int) -> tuple[DueTime, ...]:
        """The due times in (after, until], the held ones too, oldest first, at most `limit`."""
        return due_between(self.expression, self.calendars, after=after, until=until, limit=limit)

    def next(self, *, after: datetime) -> datetime | None:
        """The first later due time that no calendar holds."""
        return next_due(self.expression, self.calendars, after=after)

    def next_to_decide(self, *, after: datetime) -> datetime | None:
        """The first later due time, be it held."""
        if not self.calendars:
            return next_after(self.expression, after)
        found = self.due(after=after, until=instant_of(LAST_INSTANT), limit=1)
        return found[0].at if found else None

    def latest(self, *, after: datetime, until: datetime) -> datetime | None:
        """The last due time in (after, until] that no calendar holds."""
        return latest_due(self.expression, self.calendars, since=after + _INSTANT, until=until)

    def span(self, *, after: datetime, until: datetime) -> Span | None:
        """The due times in (after, until] as one thing, the held ones too."""
        if not any(use.mode in ROLLS for use in self.calendars):
            return span(self.expression, after, until)  # held or not, they stay where they are
        found = self.due(after=after, until=until, limit=COUNT_LIMIT)
        if not found:
            return None
        last = found[-1].at
        if len(found) == COUNT_LIMIT:
            last = self.latest(after=last, until=until) or last
        return Span(found[0].at, last, len(found))

    def open_stretches(self, *, after: int, until: int) -> Iterator[OpenStretch]:
        """Where in (after, until] its due times lie that are not held; in seconds, see there."""
        return open_stretches(self.expression, self.calendars, after=after, until=until)

    def before_first(self, *, created_at: datetime) -> datetime:
        """An instant up to which nothing is due: where a schedule made then begins."""
        first = first_due(self.expression, created_at=created_at)
        if first is not None and first < created_at:
            return first - _INSTANT  # once, a few seconds before the request came
        return created_at - _INSTANT


def compile_timetable(
    definition: Definition,
    calendars: Mapping[UUID, Calendar],
    *,
    created_at: datetime,
    now: datetime | None = None,
) -> Timetable:
    """The timetable of what a caller says; raises ExpressionError, which names the field.

    `created_at` is when the schedule was made. `now` is for an edit: something must be due from
    then on. `calendars` has all that the definition names.
    """
    read = partial(parse_expression, now=now)
    return _timetable(definition, calendars, read, created_at=created_at)


def timetable_of(schedule: Schedule, calendars: Mapping[UUID, Calendar]) -> Timetable:
    """The timetable of a schedule, which was asked when it was written whether it can be due."""
    return _timetable(schedule, calendars, compile_expression, created_at=schedule.created_at)


def _timetable(
    definition: Definition,
    calendars: Mapping[UUID, Calendar],
    read: Callable[..., Expression],
    *,
    created_at: datetime,
) -> Timetable:
    expressions = [
        read(
            definition.schedule_type,
            text,
            timezone=definition.timezone,
            start_at=definition.start_at,
            end_at=definition.end_at,
            created_at=created_at,
            field=f"crons.{number}" if definition.crons else "schedule_expression",
        )
        for number, text in enumerate(definition.crons or (definition.schedule_expression,))
    ]
    return Timetable(union(expressions), _uses(definition.calendars, calendars))


def calendar_ids(definition: Definition) -> frozenset[UUID]:
    """The calendars that the definition names."""
    return frozenset(UUID(str(use["calendar_id"])) for use in definition.calendars)


def _uses(
    named: Sequence[Mapping[str, object]], calendars: Mapping[UUID, Calendar]
) -> tuple[CalendarUse, ...]:
    return tuple(
        CalendarUse(calendars[UUID(str(use["calendar_id"]))], CalendarMode(str(use["mode"])))
        for use in named
    )
