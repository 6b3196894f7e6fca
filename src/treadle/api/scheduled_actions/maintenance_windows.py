"""Maintenance windows: stretches of time in which schedules do not start, or start late."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, needs_in_a_project, needs_somewhere
from treadle.api.lists import ListBody, ListWindow, list_example
from treadle.api.scheduled_actions.entities import id_of
from treadle.api.wire import Whole, exact, snake_case
from treadle.core.clock import iso, iso_or_none
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.schedules import maintenance_windows
from treadle.schedules.day_model import StoredWindow
from treadle.schedules.expressions import LONGEST_EXPRESSION
from treadle.schedules.forms.moments import parse_moment
from treadle.schedules.maintenance import WindowPolicy
from treadle.schedules.maintenance_windows import (
    MOST_MINUTES,
    MOST_TAGS,
    WindowDraft,
)
from treadle.schedules.schedules import windows_changed
from treadle.schedules.times.zones import LONGEST_NAME, Zone, find_zone

router: Final = APIRouter(route_class=EdgeRoute, tags=["Maintenance windows"])

Reader = Annotated[Principal, needs_in_a_project(Right.SCHEDULES_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.SCHEDULES_WRITE)]

_ID: Final = "0198f0a0-5555-7cc3-9d3f-3b1f0c5e2a11"
_INPUT: Final = {
    "name": "Patch night",
    "reason": "The warehouse is being patched",
    "policy": "delay",
    "tags": ["warehouse"],
    "timezone": "Europe/Berlin",
    "start_at": None,
    "end_at": None,
    "schedule_expression": "0 22 * * 6",
    "duration_minutes": 240,
    "project_id": None,
}
_EXAMPLE: Final = {
    "id": _ID,
    **_INPUT,
    "created_at": "2026-11-21T09:00:00.000Z",
    "updated_at": "2026-11-21T09:00:00.000Z",
}
WindowId = Annotated[
    str, Path(alias="id", description="The maintenance window's id.", examples=[_ID])
]


class WindowInput(BaseModel):
    """What can be said of a maintenance window: either `start_at` and `end_at`, or
    `schedule_expression` and `duration_minutes`.
    """

    model_config = exact(example=_INPUT)

    name: str = Field(
        description="Unique in the project, or among those of the tenant; 1 to 100 characters."
    )
    reason: str = Field("", description="Stands with every due time that it holds up.")
    policy: Literal["skip", "delay"] = Field(
        "skip",
        description="What is due in the window is skipped, or starts at its end through the "
        "schedule's overlap policy.",
    )
    tags: list[str] = Field(
        [], max_length=MOST_TAGS, description="Only for schedules with one of these; none: for all."
    )
    timezone: str = Field("UTC", max_length=LONGEST_NAME)
    start_at: str | None = Field(
        None,
        max_length=64,
        description="A date-time; without an offset in `timezone`. Of a recurring window: nothing "
        "begins before.",
    )
    end_at: str | None = Field(
        None,
        max_length=64,
        description="Not in the window any more. Of a recurring one: nothing begins later.",
    )
    schedule_expression: str | None = Field(
        None,
        max_length=LONGEST_EXPRESSION,
        description="When it begins, again and again: a cron expression in any of its forms, or "
        "RRULE.",
    )
    duration_minutes: Whole | None = Field(
        None, ge=1, le=MOST_MINUTES, description="How long it lasts each time."
    )
    project_id: str | None = Field(
        None,
        description="For the schedules of this project. Left out: for those of the whole tenant, "
        "which takes an Administrator; when it is replaced: as it is.",
    )


class WindowBody(BaseModel):
    """A maintenance window."""

    model_config = snake_case(example=_EXAMPLE)

    id: str
    name: str
    reason: str
    policy: str
    tags: list[str]
    timezone: str
    start_at: str | None
    end_at: str | None
    schedule_expression: str | None
    duration_minutes: int | None
    project_id: str | None
    created_at: str
    updated_at: str


class WindowList(ListBody[WindowBody]):
    """Some of the maintenance windows."""

    model_config = snake_case(example=list_example(_EXAMPLE))


@router.post(
    "/v1/maintenance-windows",
    summary="Create a maintenance window",
    operation_id="createMaintenanceWindow",
    status_code=201,
)
async def create_window(
    body: WindowInput, response: Response, caller: Writer, tx: Tx, base: Base, context: Context
) -> WindowBody:
    """Holds up the schedules of a project, or of the whole tenant. What runs already runs on."""
    made = await maintenance_windows.create_window(tx, caller, _draft(body), now=context.clock())
    response.headers["Location"] = f"{base}/v1/maintenance-windows/{made.id}"
    return _body(made)


@router.get(
    "/v1/maintenance-windows",
    summary="List maintenance windows",
    operation_id="listMaintenanceWindows",
)
async def list_windows(
    caller: Reader,
    tx: Tx,
    window: ListWindow,
    context: Context,
    ended: Annotated[
        bool, Query(description="`false`: without those that are over for good.")
    ] = True,
) -> WindowList:
    """The tenant's windows, and those of the projects that the caller sees, by name."""
    found = await maintenance_windows.list_windows(
        tx, caller, window, ending_after=None if ended else context.clock()
    )
    return WindowList.of(found, [_body(stored) for stored in found.items])


@router.get(
    "/v1/maintenance-windows/{id}",
    summary="Get a maintenance window",
    operation_id="getMaintenanceWindow",
)
async def get_window(window_id: WindowId, caller: Reader, tx: Tx) -> WindowBody:
    """One maintenance window."""
    return _body(await maintenance_windows.get_window(tx, caller, id_of(window_id)))


@router.put(
    "/v1/maintenance-windows/{id}",
    summary="Replace a maintenance window",
    operation_id="replaceMaintenanceWindow",
)
async def replace_window(
    window_id: WindowId, body: WindowInput, caller: Writer, tx: Tx, context: Context
) -> WindowBody:
    """Sets all that the body says; the window stays in its project. What it has held up by now
    stays so.
    """
    changed = await maintenance_windows.replace_window(
        tx, caller, id_of(window_id), _draft(body), now=context.clock()
    )
    await windows_changed(tx, now=context.clock())
    return _body(changed)


@router.delete(
    "/v1/maintenance-windows/{id}",
    summary="Delete a maintenance window",
    operation_id="deleteMaintenanceWindow",
    status_code=204,
)
async def delete_window(window_id: WindowId, caller: Writer, tx: Tx, context: Context) -> None:
    """The window is gone: what it delays starts."""
    await maintenance_windows.delete_window(tx, caller, id_of(window_id))
    await windows_changed(tx, now=context.clock())


def _draft(body: WindowInput) -> WindowDraft:
    zone = find_zone(body.timezone)
    return WindowDraft(
        name=body.name,
        reason=body.reason,
        policy=WindowPolicy(body.policy),
        tags=tuple(body.tags),
        timezone=body.timezone,
        start_at=_instant(body.start_at, zone, field="start_at"),
        end_at=_instant(body.end_at, zone, field="end_at"),
        schedule_expression=body.schedule_expression,
        duration_minutes=body.duration_minutes,
        project_id=body.project_id,
    )


def _instant(text: str | None, zone: Zone, *, field: str) -> datetime | None:
    return None if text is None else parse_moment(text, zone=zone, field=field)


def _body(stored: StoredWindow) -> WindowBody:
    return WindowBody(
        id=str(stored.id),
        name=stored.name,
        reason=stored.reason,
        policy=stored.policy,
        tags=list(stored.tags),
        timezone=stored.timezone,
        start_at=iso_or_none(stored.start_at),
        end_at=iso_or_none(stored.end_at),
        schedule_expression=stored.schedule_expression,
        duration_minutes=stored.duration_minutes,
        project_id=None if stored.project_id is None else str(stored.project_id),
        created_at=iso(stored.created_at),
        updated_at=iso(stored.updated_at),
    )
