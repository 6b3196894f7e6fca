"""Maintenance windows as callers see them: of the whole tenant, or of one project.

Whoever may change schedules of a project changes its windows; those of the tenant, which hold up
everybody's schedules, are for Administrators.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, Faulty, FieldFault, NotFound, Unprocessable
from treadle.core.pages import Slice
from treadle.core.pages import Window as Part
from treadle.db.transaction import Transaction
from treadle.identity import projects
from treadle.identity.model import Principal
from treadle.identity.rights import (
    EVERYTHING,
    MISSING,
    Right,
    projects_among,
    require,
    require_somewhere,
    visible_projects,
)
from treadle.identity.texts import check_text
from treadle.schedules import window_store as store
from treadle.schedules.day_model import StoredWindow, WindowRow
from treadle.schedules.due_times import Expression, ScheduleType
from treadle.schedules.expressions import parse_expression
from treadle.schedules.maintenance import Openings, Window, WindowPolicy
from treadle.schedules.times.zones import find_zone

MOST_WINDOWS: Final = 200
"""Of a tenant, its projects included: a tick looks at all of them."""
MOST_NAME: Final = 100
MOST_REASON: Final = 500
MOST_TAGS: Final = 20
LONGEST_TAG: Final = 100
MOST_MINUTES: Final = 7 * 24 * 60
LONGEST: Final = timedelta(days=366)

_TAKEN: Final = "There is a maintenance window of this name."


@dataclass(frozen=True, slots=True)
class WindowDraft:
    """What a caller says of a window. Either `start_at` and `end_at`, or `schedule_expression` and
    `duration_minutes`; then the two instants bound when openings begin, if they are given.
    """

    name: str
    reason: str = ""
    policy: WindowPolicy = WindowPolicy.SKIP
    tags: tuple[str, ...] = ()
    timezone: str = "UTC"
    start_at: datetime | None = None
    end_at: datetime | None = None
    schedule_expression: str | None = None
    duration_minutes: int | None = None
    project_id: str | None = None


async def create_window(
    tx: Transaction, caller: Principal, draft: WindowDraft, *, now: datetime
) -> StoredWindow:
    """The new window. Raises Forbidden, BadInput, Unprocessable, and Conflict for a name that is
    taken in its place and where the tenant has as many windows as it may have.
    """
    project_id = await _project(tx, caller, draft.project_id)
    _require_write(caller, project_id)
    row = _row(draft, project_id, created_at=now, now=now)
    if await store.count_windows(tx) >= MOST_WINDOWS:
        raise Conflict(f"There are {MOST_WINDOWS} maintenance windows already.")
    made = await store.insert_window(tx, row, by=caller.ref, now=now)
    if made is None:
        raise Conflict(_TAKEN, field="name")
    return made


async def get_window(tx: Transaction, caller: Principal, window_id: UUID) -> StoredWindow:
    """The window: the tenant's for all, a project's for those who read its schedules. Raises
    NotFound, Forbidden.
    """
    found = await store.find_window(tx, window_id)
    if found is None:
        raise NotFound(MISSING)
    if found.project_id is not None:
        require(caller, Right.SCHEDULES_READ, found.project_id)
    return found


async def list_windows(
    tx: Transaction, caller: Principal, part: Part, *, ending_after: datetime | None = None
) -> Slice[StoredWindow]:
    """The windows that the caller sees, by name; with `ending_after` without those that have ended
    for good before.
    """
    reach = require_somewhere(caller, Right.SCHEDULES_READ)
    return await store.list_windows(
        tx,
        part,
        project_ids=projects_among(reach),
        ending_after=ending_after,
    )


async def replace_window(
    tx: Transaction, caller: Principal, window_id: UUID, draft: WindowDraft, *, now: datetime
) -> StoredWindow:
    """The window with everything as the draft says; it stays where it is. Raises as
    `create_window`, NotFound, and Unprocessable for another project.
    """
    before = await get_window(tx, caller, window_id)
    _require_write(caller, before.project_id)
    if draft.project_id is not None and draft.project_id != str(before.project_id):
        raise Unprocessable("a window stays in its project", field="project_id")
    row = _row(draft, before.project_id, created_at=before.created_at, now=now)
    changed = await store.update_window(tx, before.id, row, by=caller.ref, now=now)
    if changed is None:
        raise Conflict(_TAKEN, field="name")
    return changed


async def delete_window(tx: Transaction, caller: Principal, window_id: UUID) -> None:
    """The window is gone: what it holds up may start. Raises NotFound, Forbidden."""
    found = await get_window(tx, caller, window_id)
    _require_write(caller, found.project_id)
    await store.delete_window(tx, found.id)


async def live_windows(tx: Transaction, *, since: datetime) -> Sequence[Window]:
    """The tenant's windows, those of its projects included, that may be open at `since` or later;
    `Window.is_for` says which schedules each is for. In a transaction of the tenant.
    """
    return [rules_of(stored) for stored in await store.live_windows(tx, since=since)]


def rules_of(stored: StoredWindow) -> Window:
    """The window without its place in the database."""
    if stored.schedule_expression is None or stored.duration_minutes is None:
        openings = Openings(stored.start_at, stored.end_at)
    else:
        openings = Openings(
            recurrence=_expression(stored, created_at=stored.created_at, now=stored.created_at),
            duration=timedelta(minutes=stored.duration_minutes),
        )
    return Window(
        stored.name,
        stored.reason,
        stored.policy,
        openings,
        project_id=stored.project_id,
        tags=frozenset(stored.tags),
    )


def _require_write(caller: Principal, project_id: UUID | None) -> None:
    if project_id is None:
        require(caller, Right.CALENDARS_WRITE)
    else:
        require(caller, Right.SCHEDULES_WRITE, project_id)


async def _project(tx: Transaction, caller: Principal, project_id: str | None) -> UUID | None:
    """The project that is meant, which is not deleted while the transaction lasts."""
    if project_id is None:
        return None
    project = await projects.find_project(tx, project_id)
    visible = visible_projects(caller)
    if (
        project is None
        or (visible is not EVERYTHING and project.id not in visible)
        or not await projects.hold_project(tx, project.id)
    ):
        raise Unprocessable("there is no such project", field="project_id")
    return project.id


def _row(
    draft: WindowDraft, project_id: UUID | None, *, created_at: datetime, now: datetime
) -> WindowRow:
    """The draft's columns, once all that it says is known to be good."""
    row = WindowRow(
        project_id=project_id,
        name=check_text(draft.name, field="name", least=1, most=MOST_NAME),
        reason=check_text(draft.reason, field="reason", most=MOST_REASON),
        policy=draft.policy,
        tags=_tags(draft.tags),
        timezone=find_zone(draft.timezone).name,
        start_at=draft.start_at,
        end_at=draft.end_at,
        schedule_expression=draft.schedule_expression,
        duration_minutes=draft.duration_minutes,
    )
    if row.schedule_expression is None:
        _check_once(row)
    else:
        _check_recurring(row, created_at=created_at, now=now)
    return row


def _tags(tags: Sequence[str]) -> tuple[str, ...]:
    if len(tags) > MOST_TAGS:
        raise BadInput(f"must have at most {MOST_TAGS} tags", field="tags")
    faults = [
        FieldFault(("tags", number), f"must have 1 to {LONGEST_TAG} printable characters")
        for number, tag in enumerate(tags)
        if not (tag.strip() == tag and 1 <= len(tag) <= LONGEST_TAG and tag.isprintable())
    ]
    if faults:
        raise Faulty(faults)
    return tuple(dict.fromkeys(tags))


def _check_once(row: WindowRow) -> None:
    rule = "is required, or else schedule_expression and duration_minutes"
    if row.duration_minutes is not None:
        raise Unprocessable("goes with schedule_expression", field="duration_minutes")
    if row.start_at is None:
        raise Unprocessable(rule, field="start_at")
    if row.end_at is None:
        raise Unprocessable(rule, field="end_at")
    if row.end_at <= row.start_at:
        raise Unprocessable("must be later than start_at", field="end_at")
    if row.end_at - row.start_at > LONGEST:
        raise Unprocessable(f"must be within {LONGEST.days} days of start_at", field="end_at")


def _check_recurring(row: WindowRow, *, created_at: datetime, now: datetime) -> None:
    if row.duration_minutes is None:
        raise Unprocessable("is required with schedule_expression", field="duration_minutes")
    if not 1 <= row.duration_minutes <= MOST_MINUTES:
        raise Unprocessable(f"must be 1 to {MOST_MINUTES}", field="duration_minutes")
    _expression(row, created_at=created_at, now=now)


def _expression(row: WindowRow, *, created_at: datetime, now: datetime) -> Expression:
    """When openings begin. Raises ExpressionError, which names the field."""
    return parse_expression(
        ScheduleType.CRON,
        row.schedule_expression,
        timezone=row.timezone,
        start_at=row.start_at,
        end_at=row.end_at,
        created_at=created_at,
        now=now,
    )
