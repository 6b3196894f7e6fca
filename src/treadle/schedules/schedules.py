"""Schedules as callers see them: make, read, change, delete."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from treadle.core.errors import Conflict, NotFound
from treadle.core.ids import new_id
from treadle.core.json import canonical
from treadle.core.pages import Slice, Window
from treadle.db.transaction import Transaction
from treadle.engine.live import publish
from treadle.identity.model import Principal
from treadle.identity.rights import MISSING, Right, require_found, require_somewhere
from treadle.jobs.definitions import ids_of
from treadle.schedules import schedule_store as store
from treadle.schedules.advancing import advance, bring_up_to_date, calendars_named
from treadle.schedules.context import SchedulesContext
from treadle.schedules.drafts import (
    Action,
    check_action,
    check_relative,
    hold_field,
    job_of,
    record_secret,
    seal_secret,
    workflow_of,
)
from treadle.schedules.ending import DUE_TOPIC
from treadle.schedules.faults import ExpressionError
from treadle.schedules.firing_store import insert_firings
from treadle.schedules.model import Definition, Face, Schedule, ScheduleStatus
from treadle.schedules.planning import end_pause, with_next_times
from treadle.schedules.stored_calendars import schedules_using, use_calendars
from treadle.schedules.timetables import Timetable, calendar_ids, compile_timetable

SOON: Final = timedelta(seconds=5)
"""Every ticker looks for the next due time each second: only earlier ones need a hint."""

TAKEN: Final = (
    "another schedule of the job or workflow has this place: its name, or that of the own one"
)

_TIMING = (
    "schedule_type",
    "relative_entity_definition_id",
    "relative_field_name",
    "relative_offset_days",
    "schedule_expression",
    "crons",
    "timezone",
    "start_at",
    "end_at",
    "calendars",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A schedule that somebody wants. `definition.action_config` is as it was sent; with
    `paused_reason` it is paused from its beginning.
    """

    definition: Definition
    project: str | None = None
    deduplication_key: str | None = None
    face: Face = Face.SCHEDULES
    paused_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A schedule, and whether it was there already, by its deduplication key."""

    schedule: Schedule
    existed: bool = False


async def create_schedule(
    tx: Transaction, context: SchedulesContext, caller: Principal, draft: Draft, *, now: datetime
) -> Made:
    """The new schedule, or the one that was made by the same request with this deduplication key.

    Raises Unprocessable, Forbidden, and Conflict for a key that was used with another request.
    """
    wanted = draft.definition
    action = await check_action(
        tx, caller, wanted.action_type, wanted.action_config, project=draft.project
    )
    request_hash = _hash(draft)
    if (made := await _made_before(tx, draft, action, request_hash)) is not None:
        return made
    await check_relative(tx, caller, wanted, action.project_id)
    definition = replace(wanted, action_config=action.config)
    timetable = await _timetable(tx, definition, created_at=now)
    schedule = _new(tx, context, caller, draft, definition, action, timetable, now=now)
    has_key = draft.deduplication_key is not None
    inserted = await store.insert_schedule(
        tx,
        schedule,
        deduplication_hash=request_hash if has_key else None,
        job_id=job_of(schedule),
        workflow_id=workflow_of(schedule),
    )
    if inserted is None:  # the same came twice at the same moment
        made = await _made_before(tx, draft, action, request_hash)
        if made is None:
            has_it = "deduplication_key: another schedule has it"
            raise Conflict(has_it if has_key else TAKEN)
        return made
    await _hold(tx, inserted.id, definition)
    await store.insert_version(tx, inserted, _as_json(inserted.definition))
    if inserted.action_secret is not None:
        await record_secret(tx, caller, inserted, now=now)
    await _hint(tx, inserted, now)
    return Made(inserted)


async def get_schedule(
    tx: Transaction,
    caller: Principal,
    schedule_id: UUID | None,
    right: Right = Right.SCHEDULES_READ,
    *,
    lock: bool = False,
) -> Schedule:
    """The schedule, if the caller has this right in its project. Raises NotFound, Forbidden."""
    seen = None if schedule_id is None else await store.find_schedule(tx, schedule_id)
    found = require_found(caller, right, seen)
    if lock:
        # It may have been deleted since we looked.
        locked = await store.find_schedule(tx, found.id, lock=True)
        return require_found(caller, right, locked)
    return found


async def list_schedules(
    tx: Transaction,
    caller: Principal,
    window: Window,
    *,
    customer_id: UUID | None = None,
    external_id: str | None = None,
    status: str | None = None,
    tags: Sequence[str] = (),
    project_id: UUID | None = None,
    name_part: str | None = None,
) -> Slice[Schedule]:
    """The schedules that the caller may see, the newest first."""
    return await store.list_schedules(
        tx,
        window,
        project_ids=ids_of(require_somewhere(caller, Right.SCHEDULES_READ)),
        customer_id=customer_id,
        external_id=external_id,
        status=status,
        tags=tags,
        project_id=project_id,
        name_part=name_part,
    )


async def change_schedule(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    schedule_id: UUID | None,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Schedule:
    """The schedule with these fields changed, as a new version of it.

    What was due by now is decided by the version before; what is due from now on by this one.
    Raises NotFound, Forbidden, Unprocessable.
    """
    schedule = await get_schedule(tx, caller, schedule_id, Right.SCHEDULES_WRITE, lock=True)
    schedule = await bring_up_to_date(tx, context, schedule, now=now)
    if schedule.deleted_at is not None:  # it has just completed
        raise NotFound(MISSING)
    wanted = replace(schedule.definition, **changes)
    secret = schedule.action_secret
    if "action_config" in changes:
        action = await check_action(
            tx,
            caller,
            wanted.action_type,
            wanted.action_config,
            project=str(schedule.project_id),
        )
        wanted = replace(wanted, action_config=action.config)
        if action.secret is not None:
            secret = seal_secret(context.jobs.sealer, tx.tenant, schedule.id, action.secret)
        elif "secret" in changes["action_config"]:
            secret = None
    await check_relative(tx, caller, wanted, schedule.project_id)
    if wanted == schedule.definition and secret == schedule.action_secret:
        return schedule
    retimed = any(getattr(wanted, name) != getattr(schedule, name) for name in _TIMING)
    if retimed:
        schedule = await _retimed(tx, schedule, wanted, now=now)
    changed = replace(
        schedule,
        **{name: getattr(wanted, name) for name in changes},
        action_secret=secret,
        version=schedule.version + 1,
        updated_at=now,
        updated_by=caller.ref,
    )
    if retimed:
        timetable = await _timetable(tx, changed, created_at=schedule.created_at, now=now)
        changed = with_next_times(changed, timetable, wake_at=schedule.tick_at, now=now)
    await _hold(tx, changed.id, wanted)
    if not await store.redefine(
        tx, changed, job_id=job_of(changed), workflow_id=workflow_of(changed)
    ):
        raise Conflict(TAKEN)
    await store.save(tx, [changed])
    await store.insert_version(tx, changed, _as_json(changed.definition))
    if secret != schedule.action_secret:
        await record_secret(tx, caller, changed, now=now)
    await _hint(tx, changed, now)
    return changed


async def delete_schedule(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    schedule_id: UUID | None,
    *,
    now: datetime,
) -> None:
    """The schedule is gone, its firings are kept. What runs goes on, what waits does not start."""
    schedule = await get_schedule(tx, caller, schedule_id, Right.SCHEDULES_WRITE, lock=True)
    schedule = await bring_up_to_date(tx, context, schedule, now=now)
    await _close_pause(tx, schedule, now=now)
    await advance(tx, context, [replace(schedule, deleted_at=now)], now=now)
    await store.save(tx, [replace(schedule, deleted_at=now, tick_at=None, next_run_at=None)])
    if schedule.action_secret is not None:
        await record_secret(tx, caller, replace(schedule, action_secret=None), now=now)


async def calendar_changed(tx: Transaction, calendar_id: UUID, *, now: datetime) -> None:
    """The schedules that use this calendar look at it again: they may be due at other times."""
    await store.wake(tx, await schedules_using(tx, calendar_id), now=now)
    await publish(tx, DUE_TOPIC, "calendar")


async def windows_changed(tx: Transaction, *, now: datetime) -> None:
    """What waits for the end of a maintenance window looks again whether it may start."""
    await store.wake_waiting(tx, now=now)
    await publish(tx, DUE_TOPIC, "window")


async def _hold(tx: Transaction, schedule_id: UUID, definition: Definition) -> None:
    """As long as the schedule lives, what it looks at does not go away."""
    await hold_field(tx, schedule_id, definition)
    await use_calendars(tx, schedule_id, calendar_ids(definition))


def _new(  # noqa: PLR0917 - who wants what, and what was found of it
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    draft: Draft,
    definition: Definition,
    action: Action,
    timetable: Timetable,
    *,
    now: datetime,
) -> Schedule:
    schedule_id = new_id()
    schedule = Schedule(
        **{name: getattr(definition, name) for name in definition.__dataclass_fields__},
        id=schedule_id,
        tenant_id=tx.tenant,
        project_id=action.project_id,
        face=draft.face,
        version=1,
        action_secret=seal_secret(context.jobs.sealer, tx.tenant, schedule_id, action.secret),
        deduplication_key=draft.deduplication_key,
        status=ScheduleStatus.ACTIVE if draft.paused_reason is None else ScheduleStatus.PAUSED,
        paused_at=None if draft.paused_reason is None else now,
        paused_until=None,
        paused_reason=draft.paused_reason,
        decided_until=timetable.before_first(created_at=now),
        cursor_record_id=None,
        next_run_at=None,
        tick_at=None,
        failures=0,
        recent_starts=[],
        run_count=0,
        last_run_at=None,
        last_run_status=None,
        last_firing_id=None,
        created_at=now,
        created_by=caller.ref,
        updated_at=now,
        updated_by=caller.ref,
        deleted_at=None,
    )
    return with_next_times(schedule, timetable, now=now)


async def _retimed(
    tx: Transaction, schedule: Schedule, wanted: Definition, *, now: datetime
) -> Schedule:
    """The schedule, decided on up to now by what it said so far, and ready to be due at other
    times. A pause goes on; what was due in it so far gets its row now.
    """
    await _close_pause(tx, schedule, now=now)
    status = schedule.status
    if status is ScheduleStatus.COMPLETED:
        status = ScheduleStatus.ACTIVE
    # A ticker may have decided on a later moment while this request waited for the schedule's lock.
    decided_until = max(now, schedule.decided_until)
    return replace(schedule, status=status, decided_until=decided_until, cursor_record_id=None)


async def _close_pause(tx: Transaction, schedule: Schedule, *, now: datetime) -> None:
    """Writes the row of what was due in the pause so far, if the schedule is paused."""
    if schedule.status is not ScheduleStatus.PAUSED:
        return
    try:
        timetable = await _timetable(tx, schedule, created_at=schedule.created_at)
    except ExpressionError:
        return  # paused because nobody knows when it is due
    _, span = end_pause(schedule, timetable, at=now, new_id=new_id)
    await insert_firings(tx, [] if span is None else [span])


async def _timetable(
    tx: Transaction, definition: Definition, *, created_at: datetime, now: datetime | None = None
) -> Timetable:
    calendars = await calendars_named(tx, [definition])
    return compile_timetable(definition, calendars, created_at=created_at, now=now)


async def _made_before(
    tx: Transaction, draft: Draft, action: Action, request_hash: bytes
) -> Made | None:
    if draft.deduplication_key is None:
        return None
    found = await store.find_by_deduplication(tx, draft.deduplication_key)
    if found is None:
        return None
    # The same words of two callers may mean two projects, and who made it first is not told then.
    if found.hash != request_hash or found.schedule.project_id != action.project_id:
        raise Conflict("deduplication_key: another schedule has it, made by another request")
    return Made(found.schedule, existed=True)


def _hash(draft: Draft) -> bytes:
    said = {**_as_json(draft.definition), "project": draft.project}
    return hashlib.sha256(canonical(said)).digest()


def _as_json(definition: Definition) -> dict[str, Any]:
    """What is said of a schedule, as JSON."""
    return {name: _plain(value) for name, value in asdict(definition).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


async def _hint(tx: Transaction, schedule: Schedule, now: datetime) -> None:
    if schedule.tick_at is not None and schedule.tick_at < now + SOON:
        await publish(tx, DUE_TOPIC, "schedule")
