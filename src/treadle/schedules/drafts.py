"""What a caller says of a schedule, checked against what there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, Faulty, Forbidden, NotFound, Unprocessable
from treadle.core.ids import parse_number
from treadle.core.sealing import Sealer
from treadle.db.transaction import Transaction
from treadle.entities.definitions import count_on_field, get_definition_for
from treadle.entities.filters import parse_filter
from treadle.identity import audit
from treadle.identity.model import Principal
from treadle.identity.rights import Right, require
from treadle.integrations.calls import check_recipients
from treadle.integrations.integrations import find_in_project
from treadle.jobs import definitions as jobs
from treadle.jobs.macros import MacroDraft, check_macros
from treadle.schedules.action_configs import (
    Notify,
    RunJob,
    RunWorkflow,
    parse_action_config,
    stored_config,
)
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.model import ActionType, Definition, Schedule
from treadle.workflows.definitions import get_workflow, is_in_force, version_to_start

RELATIVE_FIELDS = (
    "relative_entity_definition_id",
    "relative_field_name",
    "relative_filter",
    "relative_offset_days",
)


@dataclass(frozen=True, slots=True)
class Action:
    """What a schedule starts, as it is stored. `secret` is not sealed yet."""

    config: dict[str, Any]
    project_id: UUID
    secret: str | None = None


async def check_action(
    tx: Transaction,
    caller: Principal,
    action_type: ActionType,
    config: Mapping[str, Any],
    *,
    project: str | None,
) -> Action:
    """The action, and the project that it belongs to: the job's, or else `project`.

    Raises Unprocessable for what is not there or not the caller's to start, Forbidden for one who
    may not change schedules there.
    """
    parsed = parse_action_config(action_type, config)
    values, secret = stored_config(parsed)
    if isinstance(parsed, RunJob):
        return await _run_job(tx, caller, parsed, values, project)
    if isinstance(parsed, RunWorkflow):
        return await _run_workflow(tx, caller, parsed, values, project)
    try:
        project_id = await jobs.chosen_project(tx, caller, project)
    except BadInput as error:
        raise Unprocessable(error.message, field="project_id") from None
    require(caller, Right.SCHEDULES_WRITE, project_id)
    if isinstance(parsed, Notify):
        await _check_notify(tx, parsed, project_id)
    return Action(values, project_id, secret=secret)


async def _check_notify(tx: Transaction, parsed: Notify, project_id: UUID) -> None:
    found = await find_in_project(tx, project_id, parsed.integration)
    if found is None:
        raise Unprocessable(
            "there is no such integration in the schedule's project",
            field="action_config.integration",
        )
    try:
        check_recipients(found.type, parsed.to)
    except BadInput as error:
        raise Unprocessable(error.message, field=f"action_config.{error.field}") from None


async def _run_job(
    tx: Transaction,
    caller: Principal,
    parsed: RunJob,
    values: dict[str, Any],
    project: str | None,
) -> Action:
    try:
        job = await jobs.hold_job_for(tx, caller, parse_number(parsed.job_id), Right.JOBS_RUN)
    except (NotFound, Forbidden):
        # One text for both: who may not run it need not learn here that it exists.
        raise Unprocessable(
            "there is no such job that you may run", field="action_config.job_id"
        ) from None
    if project is not None and project != str(job.project_id):
        raise Unprocessable("must be the project of the job", field="project_id")
    require(caller, Right.SCHEDULES_WRITE, job.project_id)
    try:
        check_macros([MacroDraft(macro.name, macro.value) for macro in parsed.macros])
    except BadInput as error:
        raise Unprocessable(error.message, field="action_config.macros") from None
    return Action(values, job.project_id)


async def _run_workflow(
    tx: Transaction,
    caller: Principal,
    parsed: RunWorkflow,
    values: dict[str, Any],
    project: str | None,
) -> Action:
    try:
        workflow = await get_workflow(tx, caller, parsed.workflow_id, Right.WORKFLOWS_RUN)
    except (NotFound, Forbidden):
        # One text for both: who may not run it need not learn here that it exists.
        raise Unprocessable(
            "there is no such workflow that you may run", field="action_config.workflow_id"
        ) from None
    if project is not None and project != str(workflow.project_id):
        raise Unprocessable("must be the project of the workflow", field="project_id")
    require(caller, Right.SCHEDULES_WRITE, workflow.project_id)
    await _check_version(tx, workflow.id, parsed.workflow_version)
    return Action(values, workflow.project_id)


async def _check_version(tx: Transaction, workflow_id: UUID, number: int | None) -> None:
    """Raises Unprocessable where nothing is there to start, now or when it is not paused."""
    if number is None:
        try:
            await version_to_start(tx, workflow_id, None)
        except Conflict as error:
            raise Unprocessable(error.message, field="action_config.workflow_id") from None
        return
    if not await is_in_force(tx, workflow_id, number):
        raise Unprocessable(
            "there is no such version, or it is neither ACTIVE nor PAUSED",
            field="action_config.workflow_version",
        )


def workflow_of(definition: Definition) -> UUID | None:
    """The workflow that the action starts, if it starts one."""
    if definition.action_type is not ActionType.RUN_WORKFLOW:
        return None
    return UUID(str(definition.action_config["workflow_id"]))


def job_of(definition: Definition) -> int | None:
    """The job that the action runs, if it runs one."""
    if definition.action_type is not ActionType.RUN_JOB:
        return None
    return parse_number(definition.action_config["job_id"])


async def check_relative(
    tx: Transaction, caller: Principal, definition: Definition, project_id: UUID
) -> None:
    """Raises Unprocessable unless the relative fields are there for a relative schedule, and only
    for one, and name a date field of an entity definition of the schedule's project.
    """
    if definition.schedule_type is not ScheduleType.RELATIVE:
        for name in RELATIVE_FIELDS:
            if getattr(definition, name) not in (None, {}):
                raise Unprocessable("goes with schedule_type relative only", field=name)
        return
    payload = definition.action_config.get("payload")
    if definition.action_type is ActionType.RUN_WORKFLOW and not isinstance(payload, dict | None):
        raise Unprocessable(
            "must be an object: the record goes into it", field="action_config.payload"
        )
    for name in ("relative_entity_definition_id", "relative_field_name"):
        if getattr(definition, name) is None:
            raise Unprocessable("is required for schedule_type relative", field=name)
    if definition.crons:
        raise Unprocessable("a relative schedule has one expression", field="crons")
    try:
        parse_filter(definition.relative_filter)
    except Faulty as error:
        faults = [fault.below("relative_filter") for fault in error.faults]
        raise Faulty(faults) from None
    await _check_entity(tx, caller, definition, project_id)


async def _check_entity(
    tx: Transaction, caller: Principal, definition: Definition, project_id: UUID
) -> None:
    wanted = definition.relative_entity_definition_id
    try:
        entity = None
        if wanted is not None:
            entity = await get_definition_for(tx, caller, wanted, Right.ENTITIES_READ)
    except (NotFound, Forbidden):
        entity = None
    if entity is None or entity.project_id != project_id:
        raise Unprocessable(
            "there is no such entity definition in the schedule's project",
            field="relative_entity_definition_id",
        )
    if definition.relative_field_name not in entity.date_fields:
        known = ", ".join(entity.date_fields) or "none"
        raise Unprocessable(
            f"must be a date field of the entity definition ({known})", field="relative_field_name"
        )


async def hold_field(tx: Transaction, schedule_id: UUID, definition: Definition) -> None:
    """As long as the schedule lives, the date field that it looks at does not go away."""
    entity_id, name = definition.relative_entity_definition_id, definition.relative_field_name
    if entity_id is not None and name is not None:
        await count_on_field(tx, used_by=schedule_id, definition_id=entity_id, field=name)


def seal_secret(
    sealer: Sealer, tenant_id: UUID, schedule_id: UUID, secret: str | None
) -> bytes | None:
    """The secret of an action as it is stored."""
    if secret is None:
        return None
    return sealer.seal(secret.encode(), context=secret_context(tenant_id, schedule_id))


def secret_context(tenant_id: UUID, schedule_id: UUID) -> str:
    """Where a schedule's secret stands: a sealed one does not open anywhere else."""
    return f"schedule:{tenant_id}:{schedule_id}"


async def record_secret(
    tx: Transaction, caller: Principal, schedule: Schedule, *, now: datetime
) -> None:
    """Tells the audit log that the schedule's secret was set or removed, and nothing of it."""
    await audit.record(
        tx,
        caller,
        action="schedule.secret",
        target=f"schedule:{schedule.id}",
        after={
            "name": schedule.name,
            "signing": "removed" if schedule.action_secret is None else "set",
        },
        now=now,
    )
