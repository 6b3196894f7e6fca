"""Schedules that start workflows: as an action, and as a workflow's own trigger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import pytest

from factories import NOW
from fixtures.executions import Mill, milling
from fixtures.schedules import Clockwork, at
from treadle.core.errors import Conflict, Unprocessable
from treadle.core.pages import Window
from treadle.schedules import of_workflows, schedules
from treadle.schedules.decisions import FiringStatus, OverlapPolicy
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.ending import DUE_TOPIC
from treadle.schedules.model import ActionType, FiringRow, Schedule, ScheduleStatus
from treadle.schedules.of_workflows import checking
from treadle.workflows import definitions, executions
from treadle.workflows.execution_model import Execution, StartedBy
from treadle.workflows.versions import Version, VersionStatus, WorkflowDraft
from workflows.making import Note, step, transform
from workflows.stored import draft

DAILY = step("t", "schedule", {"schedule_expression": "0 12 * * *", "timezone": "Europe/Berlin"})
ASK = step("ask", "wait_for_response", {})


@pytest.fixture
async def mill(clockwork: Clockwork) -> AsyncGenerator[Mill]:
    async with milling(clockwork.workshop, clockwork.context.workflows) as running:
        yield running


async def active(clockwork: Clockwork, said: WorkflowDraft) -> Version:
    made = await save(clockwork, said)
    return await activate(clockwork, made)


async def save(clockwork: Clockwork, said: WorkflowDraft, onto: Version | None = None) -> Version:
    async with clockwork.workshop.database.tenant(clockwork.workshop.caller.tenant_id) as tx:
        caller, check = clockwork.workshop.caller, checking(NOW)
        if onto is None:
            return await definitions.create_workflow(
                tx, caller, said, check_schedule=check, now=NOW
            )
        return await definitions.save_version(
            tx, caller, onto.workflow_id, onto.number, said, check_schedule=check, now=NOW
        )


async def activate(clockwork: Clockwork, version: Version) -> Version:
    async with clockwork.workshop.database.tenant(clockwork.workshop.caller.tenant_id) as tx:
        return await of_workflows.activate_version(
            tx,
            clockwork.context,
            clockwork.workshop.caller,
            version.workflow_id,
            version.number,
            now=NOW,
        )


async def archive(clockwork: Clockwork, version: Version) -> None:
    async with clockwork.workshop.database.tenant(clockwork.workshop.caller.tenant_id) as tx:
        await of_workflows.archive_version(
            tx,
            clockwork.context,
            clockwork.workshop.caller,
            version.workflow_id,
            version.number,
            now=NOW,
        )


async def pause(clockwork: Clockwork, version: Version, *, paused: bool, now: float) -> Version:
    async with clockwork.workshop.database.tenant(clockwork.workshop.caller.tenant_id) as tx:
        return await of_workflows.pause_version(
            tx,
            clockwork.context,
            clockwork.workshop.caller,
            version.workflow_id,
            None,
            paused=paused,
            now=at(now),
        )


async def own(clockwork: Clockwork) -> list[Schedule]:
    """The tenant's live schedules, the newest first."""
    async with clockwork.workshop.database.tenant(clockwork.workshop.caller.tenant_id) as tx:
        found = await schedules.list_schedules(tx, clockwork.workshop.caller, Window(limit=20))
    return list(found.items)


async def running(clockwork: Clockwork, version: Version, **said: Any) -> Schedule:
    """A schedule that starts the workflow every five minutes."""
    config = {"workflow_id": str(version.workflow_id), **said.pop("config", {})}
    return await clockwork.make(action_type=ActionType.RUN_WORKFLOW, action_config=config, **said)


async def started_by(mill: Mill, firing: FiringRow) -> Execution:
    assert (firing.target_type, firing.status) == ("execution", FiringStatus.RUNNING), firing
    assert firing.target_id is not None
    return await mill.get(firing.target_id)


async def answer(mill: Mill, execution: Execution) -> None:
    async with mill.tx() as tx:
        await executions.resume(
            tx,
            mill.context,
            mill.workshop.caller,
            str(execution.id),
            source="TEAMS",
            body={},
            now=NOW,
        )


async def ticked_after_an_end(clockwork: Clockwork, mill: Mill, *, now: float) -> None:
    """Ticks, once word has come that something which a firing started is over. A tick before may
    have heard it already: the lanes are at work meanwhile.
    """
    heard = (
        "SELECT EXISTS (SELECT FROM firing_ends)"
        " OR EXISTS (SELECT FROM firings WHERE finished_at IS NOT NULL)"
    )
    async with asyncio.timeout(60), mill.hub.subscribe(DUE_TOPIC) as changes:
        while True:
            changes.clear()
            async with mill.tx() as tx:
                if await tx.fetchval(heard):
                    break
            await changes.wait()
    await clockwork.tick(now)


async def test_a_firing_starts_an_execution_and_lasts_until_it_ends(
    clockwork: Clockwork, mill: Mill
) -> None:
    version = await active(clockwork, draft(ASK))
    schedule = await running(clockwork, version, config={"payload": {"n": 1}})
    await clockwork.tick(0)
    [firing] = await clockwork.firings(schedule)
    execution = await started_by(mill, firing)
    assert execution.trigger_type is StartedBy.SCHEDULE
    assert execution.created_by == f"schedule:{schedule.id}"
    assert execution.input == b'{"n":1}'
    await mill.waiting(execution.id)
    await clockwork.tick(1)
    assert await clockwork.told(schedule) == ["0 running"]
    await answer(mill, execution)
    await mill.ended(execution.id)
    await ticked_after_an_end(clockwork, mill, now=2)
    assert await clockwork.told(schedule) == ["0 succeeded"]


async def test_a_failed_execution_fails_its_firing_with_its_reason(
    clockwork: Clockwork, mill: Mill
) -> None:
    version = await active(clockwork, draft(transform("a", "${payload.missing}")))
    schedule = await running(clockwork, version, max_retries=0)
    await clockwork.tick(0)
    await ticked_after_an_end(clockwork, mill, now=1)
    [firing] = await clockwork.firings(schedule)
    assert firing.status is FiringStatus.FAILED
    assert (firing.error or "").startswith("Expression: ")


async def test_a_later_firing_ends_the_execution_of_an_earlier_one(
    clockwork: Clockwork, mill: Mill
) -> None:
    version = await active(clockwork, draft(ASK))
    schedule = await running(clockwork, version, overlap_policy=OverlapPolicy.TERMINATE_OTHER)
    await clockwork.tick(0)
    [first] = await clockwork.firings(schedule)
    execution = await started_by(mill, first)
    await mill.waiting(execution.id)
    await clockwork.tick(5)
    ended = await mill.ended(execution.id)
    assert ended.status.value == "Terminated"
    await ticked_after_an_end(clockwork, mill, now=5.1)
    assert (await clockwork.told(schedule))[0] == "0 cancelled"


async def test_a_workflow_that_cannot_be_started_fails_the_firing(clockwork: Clockwork) -> None:
    version = await active(clockwork, draft())
    schedule = await running(clockwork, version)
    await archive(clockwork, version)
    await clockwork.tick(0)
    await clockwork.tick(0)
    [firing] = await clockwork.firings(schedule)
    assert (firing.status, firing.error) == (
        FiringStatus.FAILED,
        "the workflow has no ACTIVE version",
    )


async def test_a_payload_that_breaks_the_schema_fails_the_firing(clockwork: Clockwork) -> None:
    schema = {"type": "object", "required": ["n"]}
    version = await active(clockwork, draft(schema=schema))
    schedule = await running(clockwork, version, config={"payload": {}})
    await clockwork.tick(0)
    await clockwork.tick(0)
    [firing] = await clockwork.firings(schedule)
    assert firing.status is FiringStatus.FAILED
    assert "payload" in (firing.error or "")


async def test_only_what_can_be_started_can_be_scheduled(clockwork: Clockwork) -> None:
    version = await save(clockwork, draft())
    for config in (
        {"workflow_id": str(version.workflow_id)},
        {"workflow_id": str(version.workflow_id), "workflow_version": 1},
        {"workflow_id": str(uuid4())},
        {"workflow_id": "nonsense"},
        {},
    ):
        with pytest.raises(Unprocessable):
            await clockwork.make(action_type=ActionType.RUN_WORKFLOW, action_config=config)


async def test_a_payload_has_room_for_the_record_of_a_relative_schedule(
    clockwork: Clockwork,
) -> None:
    version = await active(clockwork, draft())
    with pytest.raises(Unprocessable) as caught:
        await running(
            clockwork,
            version,
            schedule_type=ScheduleType.RELATIVE,
            schedule_expression="00:00",
            config={"payload": [1]},
        )
    assert caught.value.field == "action_config.payload"


def scheduled(*steps: Note, trigger: Note = DAILY) -> WorkflowDraft:
    return draft(*steps, trigger=trigger)


async def test_the_trigger_of_an_active_version_is_a_schedule(
    clockwork: Clockwork, mill: Mill
) -> None:
    version = await active(clockwork, scheduled(ASK))
    [schedule] = await own(clockwork)
    assert schedule.next_run_at == at(120)
    assert (schedule.name, schedule.timezone) == ("orders", "Europe/Berlin")
    await clockwork.tick(121)
    [firing] = await clockwork.firings(schedule)
    execution = await started_by(mill, firing)
    assert (execution.workflow_id, execution.number) == (version.workflow_id, 1)
    assert execution.trigger_type is StartedBy.SCHEDULE


async def test_a_newer_version_takes_the_schedule_over(clockwork: Clockwork) -> None:
    first = await active(clockwork, scheduled())
    [before] = await own(clockwork)
    hourly = step("t", "schedule", {"schedule_expression": "0 * * * *"})
    second = await activate(clockwork, await save(clockwork, scheduled(trigger=hourly), first))
    [after] = await own(clockwork)
    assert after.id == before.id
    assert after.action_config["workflow_version"] == 2
    assert after.schedule_expression == "0 * * * *"
    await archive(clockwork, second)
    [again] = await own(clockwork)
    assert again.action_config["workflow_version"] == 1
    await archive(clockwork, first)
    assert await own(clockwork) == []


async def test_a_paused_version_has_a_paused_schedule(clockwork: Clockwork) -> None:
    version = await active(clockwork, scheduled())
    paused = await pause(clockwork, version, paused=True, now=1)
    assert paused.status is VersionStatus.PAUSED
    [schedule] = await own(clockwork)
    assert schedule.status is ScheduleStatus.PAUSED
    await clockwork.tick(121)
    again = await pause(clockwork, version, paused=False, now=130)
    assert again.status is VersionStatus.ACTIVE
    [schedule] = await own(clockwork)
    assert schedule.status is ScheduleStatus.ACTIVE
    await clockwork.tick(131)
    [firing] = await clockwork.firings(schedule)
    assert firing.status is FiringStatus.SKIPPED


async def test_a_draft_is_not_due(clockwork: Clockwork) -> None:
    version = await save(clockwork, scheduled())
    assert await own(clockwork) == []
    with pytest.raises(Conflict):
        await pause(clockwork, version, paused=True, now=1)


async def test_archiving_a_paused_newer_version_leaves_the_older_ones_schedule(
    clockwork: Clockwork,
) -> None:
    first = await active(clockwork, scheduled())
    await pause(clockwork, first, paused=True, now=1)
    second = await activate(clockwork, await save(clockwork, scheduled(), first))
    [schedule] = await own(clockwork)
    assert schedule.status is ScheduleStatus.ACTIVE
    await archive(clockwork, second)
    [schedule] = await own(clockwork)
    assert schedule.status is ScheduleStatus.PAUSED
    assert UUID(str(schedule.action_config["workflow_id"])) == first.workflow_id
