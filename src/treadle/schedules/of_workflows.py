"""The schedule that a workflow's own trigger says.

A schedule like all others; what is more is its place. A workflow has one of its own at most: that
of the highest version which is ACTIVE or PAUSED and begins with a `schedule` step. Whatever puts
versions into force, or out of it, has it settled in the same transaction, under the workflow's
lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.schedules import schedule_store as store
from treadle.schedules.context import SchedulesContext
from treadle.schedules.control import pause_schedule, resume_schedule
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.expressions import parse_expression, parse_schedule_type
from treadle.schedules.faults import ExpressionError
from treadle.schedules.model import ActionType, Definition, Face, Schedule, ScheduleStatus
from treadle.schedules.schedules import Draft, change_schedule, create_schedule, delete_schedule
from treadle.schedules.times.zones import find_zone
from treadle.workflows import definitions
from treadle.workflows.checking import ScheduleCheck
from treadle.workflows.faults import Fault
from treadle.workflows.loading import definition_of
from treadle.workflows.step_configs.trigger import ScheduleConfig
from treadle.workflows.versions import Version, VersionStatus

PAUSED: Final = "the workflow's version is paused"
MAX_RETRIES: Final = 0
"""What runs a workflow is not repeated by the schedule: its steps have retries of their own."""
PAUSE_ON_FAILURES: Final = 100
"""Nobody who schedules a workflow expects it to stop for good after a bad night."""


def trigger_faults(config: ScheduleConfig, *, now: datetime) -> Sequence[Fault]:
    """What is wrong with a trigger that a schedule is made of, the path counted from its config."""
    try:
        schedule_type = parse_schedule_type(config.schedule_type)
        if schedule_type is ScheduleType.RELATIVE:
            return [Fault("schedule_type", "a trigger is cron, interval or once")]
        parse_expression(
            schedule_type,
            config.schedule_expression,
            timezone=config.timezone,
            start_at=None,
            end_at=None,
            created_at=now,
        )
    except ExpressionError as error:
        return [Fault(error.field, error.message)]
    return ()


def checking(now: datetime) -> ScheduleCheck:
    """What judges the trigger of a workflow that a schedule starts."""
    return lambda config: trigger_faults(config, now=now)


async def activate_version(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    *,
    now: datetime,
) -> Version:
    """As `definitions.activate_version`; a schedule trigger is due from now on."""
    version = await definitions.activate_version(
        tx, caller, workflow_id, number, check_schedule=checking(now), now=now
    )
    await _settle(tx, context, caller, version.workflow_id, now=now)
    return version


async def archive_version(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    *,
    now: datetime,
) -> Version:
    """As `definitions.archive_version`; its schedule is not due any more."""
    version = await definitions.archive_version(tx, caller, workflow_id, number, now=now)
    await _settle(tx, context, caller, version.workflow_id, now=now)
    return version


async def pause_version(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    workflow_id: UUID | None,
    number: int | None,
    *,
    paused: bool,
    now: datetime,
) -> Version:
    """As `definitions.pause_version`, and its schedule with it: what was due while it was paused
    gets one row of history, and is not made up for.
    """
    version = await definitions.pause_version(
        tx, caller, workflow_id, number, paused=paused, now=now
    )
    await _settle(tx, context, caller, version.workflow_id, now=now)
    return version


async def _settle(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    workflow_id: UUID,
    *,
    now: datetime,
) -> None:
    """The workflow's own schedule is as its versions say, or there is none."""
    version = await definitions.scheduled_version(tx, workflow_id)
    found = await store.find_of_workflow(tx, workflow_id, lock=True)
    if version is None:
        if found is not None:
            await delete_schedule(tx, context, caller, found.id, now=now)
        return
    wanted = _definition(version)
    paused = version.status is VersionStatus.PAUSED
    if found is None:
        reason = PAUSED if paused else None
        draft = Draft(
            wanted, project=str(version.project_id), face=Face.WORKFLOW, paused_reason=reason
        )
        await create_schedule(tx, context, caller, draft, now=now)
        return
    changed = await _change(tx, context, caller, found, wanted, now=now)
    if paused and changed.status is ScheduleStatus.ACTIVE:
        await pause_schedule(tx, context, caller, found.id, reason=PAUSED, now=now)
    elif not paused and changed.status is ScheduleStatus.PAUSED:
        await resume_schedule(tx, context, caller, found.id, now=now)


async def _change(
    tx: Transaction,
    context: SchedulesContext,
    caller: Principal,
    found: Schedule,
    wanted: Definition,
    *,
    now: datetime,
) -> Schedule:
    names = ("name", "schedule_type", "schedule_expression", "timezone", "action_config")
    changes: dict[str, Any] = {
        name: getattr(wanted, name)
        for name in names
        if getattr(wanted, name) != getattr(found, name)
    }
    if not changes:
        return found
    return await change_schedule(tx, context, caller, found.id, changes, now=now)


def _definition(version: Version) -> Definition:
    config = definition_of(version).steps[0].config
    if not isinstance(config, ScheduleConfig):
        raise LookupError(f"version {version.id} has no schedule trigger")
    return Definition(
        name=version.name,
        schedule_type=parse_schedule_type(config.schedule_type),
        schedule_expression=config.schedule_expression,
        timezone=find_zone(config.timezone).name,
        action_type=ActionType.RUN_WORKFLOW,
        action_config={
            "workflow_id": str(version.workflow_id),
            "workflow_version": version.number,
            "payload": None,
        },
        max_retries=MAX_RETRIES,
        pause_on_failure_count=PAUSE_ON_FAILURES,
    )
