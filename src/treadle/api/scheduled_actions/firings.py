"""What became of due times, what is due next, and why (contract §6)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Context, Tx, needs_somewhere
from treadle.api.lists import MAX_OFFSET
from treadle.api.scheduled_actions.calendar_day_bodies import (
    CalendarDaysBody,
    DaysZone,
    EndDay,
    FirstDay,
    calendar_days_body,
)
from treadle.api.scheduled_actions.firing_bodies import (
    ExplanationBody,
    FiringList,
    OccurrencesBody,
    PreviewBody,
    PreviewInput,
    VersionsBody,
    explanation_body,
    firing_body,
    occurrence_body,
    preview_body,
    read_instant,
    version_body,
)
from treadle.api.scheduled_actions.schedule_bodies import AnyCase
from treadle.core.clock import iso
from treadle.core.errors import Unprocessable
from treadle.core.pages import Window
from treadle.identity.model import Principal
from treadle.identity.names import names_of
from treadle.identity.rights import Right
from treadle.schedules import reading
from treadle.schedules.calendar_days import calendar_days
from treadle.schedules.decisions import FiringStatus
from treadle.schedules.reading import MOST_PREVIEWED
from treadle.schedules.schedules import get_schedule

router: Final = APIRouter(route_class=EdgeRoute, tags=["Schedules"])

Reader = Annotated[Principal, needs_somewhere(Right.SCHEDULES_READ)]
Historian = Annotated[Principal, needs_somewhere(Right.HISTORY_READ)]
"""Who reads what runs came to: a firing tells their errors and results."""
Moment = Annotated[str, Query(max_length=64)]


async def _window(
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 20,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="After so many.")] = 0,
) -> Window:
    return Window(limit=limit, offset=offset)


@contextmanager
def _of_query() -> Generator[None]:
    """What is refused in here stands in the query, not in the body."""
    try:
        yield
    except Unprocessable as error:
        raise Unprocessable(error.message, field=f"query.{error.field}") from None


@router.post("/v1/schedules/preview", summary="Preview a schedule", operation_id="previewSchedule")
async def preview_schedule(
    body: PreviewInput, caller: Reader, tx: Tx, context: Context
) -> PreviewBody:
    """When a schedule would be due, and what its expression says in words. Nothing is made."""
    found = await reading.preview(
        tx, body.definition(), after=body.since(), count=body.count, now=context.clock()
    )
    return preview_body(found)


@router.get("/v1/schedules/occurrences", summary="List occurrences", operation_id="listOccurrences")
async def list_occurrences(
    caller: Reader,
    tx: Tx,
    context: Context,
    since: Annotated[str, Query(alias="from", max_length=64, description="From then on.")],
    until: Annotated[str, Query(alias="to", max_length=64, description="Before; ≤ 93 days later.")],
    project_id: Annotated[UUID | None, Query(description="Only those of this project.")] = None,
) -> OccurrencesBody:
    """What was due and will be due in a stretch of time, of all schedules that the caller sees: for
    a calendar. At most 1,000, the earliest first.
    """
    with _of_query():
        found = await reading.occurrences(
            tx,
            caller,
            since=read_instant(since, field="from"),
            until=read_instant(until, field="to"),
            project_id=project_id,
            now=context.clock(),
        )
    return OccurrencesBody(
        items=[occurrence_body(one, found.names[one.schedule_id]) for one in found.items],
        more=found.more,
    )


@router.get(
    "/v1/schedules/calendar", summary="Summarise due times by day", operation_id="getCalendarDays"
)
async def get_calendar_days(
    caller: Reader,
    tx: Tx,
    context: Context,
    since: FirstDay,
    until: EndDay,
    timezone: DaysZone = "UTC",
    project_id: Annotated[UUID | None, Query(description="Only those of this project.")] = None,
) -> CalendarDaysBody:
    """What was due and will be due on each day, of all schedules that the caller sees: counted, so
    that what is due often hides nothing. Of the past the latest 100,000 firings are looked at, of
    what comes 500 schedules.
    """
    with _of_query():
        found = await calendar_days(
            tx,
            caller,
            since=since,
            until=until,
            timezone=timezone,
            project_id=project_id,
            now=context.clock(),
        )
    return calendar_days_body(found)


@router.get(
    "/v1/schedules/{schedule_id}/runs",
    summary="List a schedule's runs",
    operation_id="listScheduleRuns",
)
async def list_schedule_runs(
    schedule_id: UUID,
    caller: Historian,
    tx: Tx,
    window: Annotated[Window, Depends(_window)],
    status: Annotated[FiringStatus | None, AnyCase] = None,
) -> FiringList:
    """What became of its due times, the latest first."""
    schedule = await get_schedule(tx, caller, schedule_id, Right.HISTORY_READ)
    found = await reading.list_firings(tx, schedule, window, status=status)
    return FiringList.of(found, [firing_body(row) for row in found.items])


@router.get(
    "/v1/schedules/{schedule_id}/upcoming",
    summary="List a schedule's next due times",
    operation_id="listUpcoming",
)
async def list_upcoming(
    schedule_id: UUID,
    caller: Reader,
    tx: Tx,
    n: Annotated[int, Query(ge=1, le=MOST_PREVIEWED, description="At most so many.")] = 10,
) -> PreviewBody:
    """When it is due next, as if it were not paused."""
    schedule = await get_schedule(tx, caller, schedule_id)
    due = await reading.upcoming(tx, schedule, count=n)
    return PreviewBody(
        next=[iso(one.at) for one in due],
        description=await reading.describe_schedule(tx, schedule),
        timezone=schedule.timezone,
    )


@router.get(
    "/v1/schedules/{schedule_id}/explain",
    summary="Explain a due time",
    operation_id="explainDueTime",
)
async def explain_due_time(
    schedule_id: UUID, at: Moment, caller: Historian, tx: Tx, context: Context
) -> ExplanationBody:
    """Why a due time ran or did not: the outcome, the reason, and the version that decided."""
    schedule = await get_schedule(tx, caller, schedule_id, Right.HISTORY_READ)
    with _of_query():
        instant = read_instant(at, field="at")
    return explanation_body(await reading.explain(tx, schedule, instant, now=context.clock()))


@router.get(
    "/v1/schedules/{schedule_id}/versions",
    summary="List a schedule's versions",
    operation_id="listScheduleVersions",
)
async def list_schedule_versions(schedule_id: UUID, caller: Reader, tx: Tx) -> VersionsBody:
    """What was said of it, by whom and when, each with its differences from the one before."""
    found = await reading.versions(tx, caller, schedule_id)
    names = await names_of(tx, {one.version.created_by for one in found})
    return VersionsBody(items=[version_body(one, names[one.version.created_by]) for one in found])
