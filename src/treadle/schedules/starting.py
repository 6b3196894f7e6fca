"""Starts what firings are for, and stops it, in the transaction of the decision.

A run or an execution is submitted there and then: it and its firing are committed together. What
leaves the house (webhooks, notifications) goes into the queue instead and is done by
`treadle.schedules.calls`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from treadle.core.errors import Conflict, NotFound
from treadle.core.frozen import changed
from treadle.db.transaction import Transaction
from treadle.engine.queue import submit
from treadle.jobs import batches, runs
from treadle.jobs.batches import Order, Refused
from treadle.jobs.macros import MacroDraft
from treadle.schedules.action_configs import RunJob, RunWorkflow
from treadle.schedules.context import SchedulesContext
from treadle.schedules.decisions import EndStatus, Trigger
from treadle.schedules.ending import leave_word, origin_of
from treadle.schedules.model import ActionType, AttemptEnd, FiringRow, Schedule
from treadle.workflows.execution_model import StartedBy
from treadle.workflows.executions import Act, terminate_for
from treadle.workflows.starting import Order as WorkflowOrder
from treadle.workflows.starting import Refused as RefusedExecution
from treadle.workflows.starting import start_orders

log = structlog.get_logger()

CALLS: Final = "schedules/calls"
"""The lane of webhooks and notifications: the firing's id and its attempt, 16 and 4 bytes."""
RUN: Final = "run"
"""The type of a target that is a run."""
EXECUTION: Final = "execution"
"""The type of a target that is an execution of a workflow."""


@dataclass(frozen=True, slots=True)
class Start:
    """An attempt of a firing that starts now."""

    schedule: Schedule
    firing: FiringRow


async def start(
    tx: Transaction, context: SchedulesContext, starts: Sequence[Start], *, now: datetime
) -> dict[UUID, FiringRow]:
    """The firings with what they have started, by id. One that cannot start anything has failed:
    word of it is left for the next tick.
    """
    chosen: dict[ActionType, list[Start]] = {kind: [] for kind in ActionType}
    for one in starts:
        chosen[one.schedule.action_type].append(one)
    started = {one.firing.id: one.firing for one in starts}
    started |= await _run_jobs(tx, context, chosen[ActionType.RUN_JOB], now=now)
    started |= await _run_workflows(tx, context, chosen[ActionType.RUN_WORKFLOW], now=now)
    for one in chosen[ActionType.LOG_EVENT]:
        _log_event(one)
    calls = [*chosen[ActionType.SEND_WEBHOOK], *chosen[ActionType.NOTIFY]]
    if calls:
        payloads = [one.firing.id.bytes + one.firing.attempt.to_bytes(4) for one in calls]
        await submit(tx, CALLS, tx.tenant, payloads, bound=context.jobs.queue_bound)
    return started


async def stop(
    tx: Transaction,
    context: SchedulesContext,
    stops: Sequence[Start],
    *,
    now: datetime,
) -> None:
    """Asks what these firings have started to end. Word of the end comes as of any other."""
    gone: list[AttemptEnd] = []
    for one in stops:
        firing = one.firing
        if firing.target_type == RUN and firing.target_id is not None:
            by = f"schedule:{one.schedule.id}"
            name = f"the schedule {one.schedule.name!r}"
            try:
                await runs.stop_for(tx, context.jobs, firing.target_id, by=by, name=name, now=now)
            except Conflict:
                continue  # it has ended: word of it is here or on its way
        elif firing.target_type == EXECUTION and firing.target_id is not None:
            await _end_execution(tx, context, one, firing.target_id, now=now)
        else:
            # A call that is under way is not called back: whatever it brings is not waited for.
            gone.append(_end(firing, EndStatus.CANCELLED, "replaced by a later firing", now))
    await leave_word(tx, gone)


async def _run_jobs(
    tx: Transaction, context: SchedulesContext, starts: Sequence[Start], *, now: datetime
) -> dict[UUID, FiringRow]:
    orders = [_order(one) for one in starts]
    answers = await batches.submit_runs(tx, context.jobs, orders, now=now)
    started: dict[UUID, FiringRow] = {}
    refused: list[AttemptEnd] = []
    for one, answer in zip(starts, answers, strict=True):
        if isinstance(answer, Refused):
            refused.append(_end(one.firing, EndStatus.FAILED, answer.reason, now, final=True))
        else:
            started[one.firing.id] = changed(one.firing, target_type=RUN, target_id=answer)
    await leave_word(tx, refused)
    return started


def _order(one: Start) -> Order:
    config = RunJob.model_validate(one.schedule.action_config)
    wanted: dict[str, Any] = dict(config.input)
    if one.firing.record is not None:
        wanted["record"] = one.firing.record
    return Order(
        job_id=int(config.job_id),
        project_id=one.schedule.project_id,
        origin=origin_of(one.firing),
        by=f"schedule:{one.schedule.id}",
        input=wanted,
        macros=tuple(MacroDraft(macro.name, macro.value) for macro in config.macros),
    )


async def _run_workflows(
    tx: Transaction, context: SchedulesContext, starts: Sequence[Start], *, now: datetime
) -> dict[UUID, FiringRow]:
    orders = [_workflow_order(one) for one in starts]
    answers = await start_orders(tx, context.workflows, orders, now=now)
    started: dict[UUID, FiringRow] = {}
    refused: list[AttemptEnd] = []
    for one, answer in zip(starts, answers, strict=True):
        if isinstance(answer, RefusedExecution):
            refused.append(_end(one.firing, EndStatus.FAILED, answer.reason, now, final=True))
        else:
            started[one.firing.id] = changed(one.firing, target_type=EXECUTION, target_id=answer)
    await leave_word(tx, refused)
    return started


def _workflow_order(one: Start) -> WorkflowOrder:
    config = RunWorkflow.model_validate(one.schedule.action_config)
    payload = config.payload
    if one.firing.record is not None:
        payload = {**(payload if isinstance(payload, dict) else {}), "record": one.firing.record}
    by_hand = one.firing.trigger is Trigger.MANUAL
    return WorkflowOrder(
        workflow_id=config.workflow_id,
        number=config.workflow_version,
        project_id=one.schedule.project_id,
        payload=payload,
        trigger_type=StartedBy.MANUAL if by_hand else StartedBy.SCHEDULE,
        origin=origin_of(one.firing),
        by=f"schedule:{one.schedule.id}",
    )


async def _end_execution(
    tx: Transaction, context: SchedulesContext, one: Start, execution_id: UUID, *, now: datetime
) -> None:
    by = f"schedule:{one.schedule.id}"
    act = Act(by, {"principal": by, "name": f"the schedule {one.schedule.name!r}"})
    # It has ended, and word of it is here or on its way; or it was pruned.
    with suppress(Conflict, NotFound):
        await terminate_for(
            tx,
            context.workflows,
            execution_id,
            reason="ended by its schedule",
            act=act,
            now=now,
        )


def _log_event(one: Start) -> None:
    firing, schedule = one.firing, one.schedule
    log.info(
        "schedule.event",
        schedule_id=str(schedule.id),
        schedule=schedule.name,
        firing_id=str(firing.id),
        scheduled_for=firing.scheduled_for.isoformat(),
        fields=dict(schedule.action_config),
    )


def _end(
    firing: FiringRow, status: EndStatus, error: str, now: datetime, *, final: bool = False
) -> AttemptEnd:
    return AttemptEnd(
        schedule_id=firing.schedule_id,
        firing_id=firing.id,
        attempt=firing.attempt,
        status=status,
        error=error,
        result=None,
        final=final,
        ended_at=now,
    )
