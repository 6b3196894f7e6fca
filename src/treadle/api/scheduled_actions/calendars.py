"""Calendars of the tenant: days that schedules are held on, move from, or keep to."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, needs, needs_in_a_project
from treadle.api.lists import ListBody, ListWindow, list_example
from treadle.api.scheduled_actions.entities import id_of
from treadle.api.wire import exact, snake_case
from treadle.core.clock import iso
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.schedules import stored_calendars
from treadle.schedules.day_model import CalendarDraft, StoredCalendar
from treadle.schedules.schedules import calendar_changed
from treadle.schedules.stored_calendars import MOST_DATES

router: Final = APIRouter(route_class=EdgeRoute, tags=["Calendars"])

Reader = Annotated[Principal, needs_in_a_project(Right.SCHEDULES_READ)]
Writer = Annotated[Principal, needs(Right.CALENDARS_WRITE)]

WEEKDAYS: Final = (*("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"),)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ID: Final = "0198f0a0-4444-7cc3-9d3f-3b1f0c5e2a11"
_INPUT: Final = {
    "name": "Holidays in Bavaria",
    "description": "Nobody is at work",
    "dates": ["2027-03-26", "2027-03-29"],
    "weekly_days": ["saturday", "sunday"],
    "yearly_dates": ["01-01", "12-25"],
}
_EXAMPLE: Final = {
    "id": _ID,
    **_INPUT,
    "created_at": "2026-11-21T09:00:00.000Z",
    "updated_at": "2026-11-21T09:00:00.000Z",
}


def _read_date(value: Any) -> date:
    """Only what looks like a date: pydantic would take numbers, too."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a date like 2027-03-26")
    return date.fromisoformat(value)


def _read_weekday(value: Any) -> int:
    """`saturday`, `Sat`: the number of the day, from Sunday on."""
    name = value.strip().lower() if isinstance(value, str) else ""
    for number, weekday in enumerate(WEEKDAYS):
        if name in (weekday, weekday[:3]):
            return number
    raise ValueError(f"must be one of {', '.join(WEEKDAYS)}")


Day = Annotated[date, BeforeValidator(_read_date)]
Weekday = Annotated[
    int,
    BeforeValidator(_read_weekday, json_schema_input_type=str),
    Field(json_schema_extra={"type": "string"}),
]
CalendarId = Annotated[str, Path(alias="id", description="The calendar's id.", examples=[_ID])]


class CalendarInput(BaseModel):
    """What can be said of a calendar."""

    model_config = exact(example=_INPUT)

    name: str = Field(description="Unique in the tenant, 1 to 100 characters.")
    description: str = Field("", description="At most 2,000 characters.")
    dates: list[Day] = Field([], max_length=MOST_DATES, description="Dates like 2027-03-26.")
    weekly_days: list[Weekday] = Field(
        [], max_length=7, description="Days of the week: `saturday`, or `sat`."
    )
    yearly_dates: list[str] = Field(
        [], max_length=366, description="Days of every year: `12-25`; `02-29` in leap years."
    )


class CalendarBody(BaseModel):
    """A calendar."""

    model_config = snake_case(example=_EXAMPLE)

    id: str
    name: str
    description: str
    dates: list[date]
    weekly_days: list[str]
    yearly_dates: list[str]
    created_at: str
    updated_at: str


class CalendarList(ListBody[CalendarBody]):
    """Some of the calendars."""

    model_config = snake_case(example=list_example(_EXAMPLE))


@router.post(
    "/v1/calendars", summary="Create a calendar", operation_id="createCalendar", status_code=201
)
async def create_calendar(
    body: CalendarInput, response: Response, caller: Writer, tx: Tx, base: Base, context: Context
) -> CalendarBody:
    """Makes a calendar that every schedule of the tenant can name."""
    made = await stored_calendars.create_calendar(tx, caller, _draft(body), now=context.clock())
    response.headers["Location"] = f"{base}/v1/calendars/{made.id}"
    return _body(made)


@router.get("/v1/calendars", summary="List calendars", operation_id="listCalendars")
async def list_calendars(
    caller: Reader,
    tx: Tx,
    window: ListWindow,
    name: Annotated[str | None, Query(description="Only that of exactly this name.")] = None,
) -> CalendarList:
    """The tenant's calendars by name, for whoever works in a project."""
    found = await stored_calendars.list_calendars(tx, window, name=name)
    return CalendarList.of(found, [_body(calendar) for calendar in found.items])


@router.get("/v1/calendars/{id}", summary="Get a calendar", operation_id="getCalendar")
async def get_calendar(calendar_id: CalendarId, caller: Reader, tx: Tx) -> CalendarBody:
    """One calendar."""
    return _body(await stored_calendars.get_calendar(tx, id_of(calendar_id)))


@router.put("/v1/calendars/{id}", summary="Replace a calendar", operation_id="replaceCalendar")
async def replace_calendar(
    calendar_id: CalendarId, body: CalendarInput, caller: Writer, tx: Tx, context: Context
) -> CalendarBody:
    """Sets all that the body says, for all schedules that use the calendar."""
    changed = await stored_calendars.replace_calendar(
        tx, caller, id_of(calendar_id), _draft(body), now=context.clock()
    )
    await calendar_changed(tx, changed.id, now=context.clock())
    return _body(changed)


@router.delete(
    "/v1/calendars/{id}",
    summary="Delete a calendar",
    operation_id="deleteCalendar",
    status_code=204,
)
async def delete_calendar(calendar_id: CalendarId, caller: Writer, tx: Tx) -> None:
    """The calendar is gone. 409 while a schedule uses it."""
    await stored_calendars.delete_calendar(tx, caller, id_of(calendar_id))


def _draft(body: CalendarInput) -> CalendarDraft:
    return CalendarDraft(
        name=body.name,
        description=body.description,
        dates=tuple(body.dates),
        weekly_days=tuple(body.weekly_days),
        yearly_dates=tuple(body.yearly_dates),
    )


def _body(calendar: StoredCalendar) -> CalendarBody:
    return CalendarBody(
        id=str(calendar.id),
        name=calendar.name,
        description=calendar.description,
        dates=list(calendar.dates),
        weekly_days=[WEEKDAYS[day] for day in calendar.weekly_days],
        yearly_dates=list(calendar.yearly_dates),
        created_at=iso(calendar.created_at),
        updated_at=iso(calendar.updated_at),
    )
