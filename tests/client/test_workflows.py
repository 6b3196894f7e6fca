"""Workflows and their executions through both clients, against `treadle serve`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from fixtures.server import ServeProcess
from treadle.client import (
    AsyncTreadle,
    Conflict,
    Definition,
    ExecutionFailed,
    ExecutionTerminated,
    Invalid,
    NotFound,
    Treadle,
    WaitTimeout,
)

PASSWORD = "the admin of the client"
DOUBLE = Definition(
    "Double",
    steps=[
        {"id": "start", "type": "request"},
        {"id": "double", "type": "transform", "config": {"value": "${payload.n * 2}"}},
    ],
    connections=[{"from": "start", "to": "double"}],
    schema={"type": "object", "required": ["n"]},
)
APPROVAL = Definition(
    "Approval",
    steps=[
        {"id": "start", "type": "request"},
        {"id": "ask", "type": "wait_for_response", "config": {"sources": ["TEAMS"]}},
        {"id": "is_fine", "type": "condition", "config": {"when": "steps.ask.output.fine"}},
        {"id": "done", "type": "transform", "config": {"value": "${steps.ask.output.said}"}},
        {
            "id": "refused",
            "type": "terminate",
            "config": {"status": "failed", "reason": "refused"},
        },
    ],
    connections=[
        {"from": "start", "to": "ask"},
        {"from": "ask", "to": "is_fine"},
        {"from": "is_fine", "to": "done", "label": "yes"},
        {"from": "is_fine", "to": "refused", "label": "no"},
    ],
)


def keep_definitions(treadle: Treadle) -> None:
    """Definitions in versions, from the first draft to the archive."""
    assert treadle.workflows.validate(DOUBLE).valid
    broken = replace(DOUBLE, connections=[{"from": "start", "to": "nowhere"}])
    judged = treadle.workflows.validate(broken)
    assert not judged.valid
    assert any(fault.path.startswith("workflow_connections[0]") for fault in judged.errors)
    with pytest.raises(Invalid, match="nowhere"):
        treadle.workflows.create(broken)
    made = treadle.workflows.create(DOUBLE)
    assert (made.version, made.status, made.latest) == (1, "DRAFT", True)
    assert made.definition == DOUBLE
    assert made.created.tzinfo is not None
    with pytest.raises(Conflict):
        treadle.executions.trigger(made.id, {"n": 1}, version=1)
    assert treadle.workflows.activate(made.id, 1).status == "ACTIVE"
    changed = replace(made.definition, name="Double it")
    draft = treadle.workflows.save(made.id, 1, changed)
    assert (draft.version, draft.status, draft.name) == (2, "DRAFT", "Double it")
    assert treadle.workflows.validate_version(made.id, 2).valid
    assert [each.version for each in treadle.workflows.versions(made.id, page_size=1)] == [2, 1]
    assert treadle.workflows.get(made.id) == draft
    assert treadle.workflows.get(made.id, 1).name == "Double"
    assert treadle.workflows.find("Double") is None
    found = treadle.workflows.find("Double it")
    assert found is not None
    assert (found.id, found.version, found.latest) == (made.id, 2, True)
    with pytest.raises(Conflict):
        treadle.workflows.delete(made.id, 1)
    treadle.workflows.delete(made.id, 2)
    with pytest.raises(NotFound):
        treadle.workflows.get(made.id, 2)
    assert treadle.workflows.archive(made.id, 1).status == "ARCHIVED"
    drafts = [treadle.workflows.create(replace(DOUBLE, name=f"W{n}")).id for n in range(3)]
    listed = treadle.workflows.list(status="DRAFT", page_size=1)
    assert [each.id for each in listed] == drafts[::-1]
    with pytest.raises(Conflict):
        treadle.workflows.pause(drafts[0])
    for each in drafts:
        treadle.workflows.delete(each, 1)


def run_executions(treadle: Treadle) -> None:
    """Executions that end well, badly, and by somebody."""
    double = treadle.workflows.create(DOUBLE)
    treadle.workflows.activate(double.id, 1)
    with pytest.raises(Invalid, match="n"):
        treadle.executions.trigger(double.id, {})
    handle = treadle.executions.trigger(double.id, {"n": 21}, idempotency_key="of-today")
    assert treadle.executions.trigger(double.id, {"n": 21}, idempotency_key="of-today").id == (
        handle.id
    )
    assert handle.result(timeout=60) == 42
    ended = handle.get()
    assert (ended.status, ended.workflow_name, ended.input) == ("Completed", "Double", {"n": 21})
    assert list(ended.steps) == ["start", "double"]
    assert (ended.steps["double"].status, ended.steps["double"].output) == ("succeeded", 42)
    assert ended.finished is not None
    assert ended.finished >= ended.created
    followed = list(handle.follow())
    assert followed[-1].status == "Completed"
    assert followed[:-1] == list(ended.events)
    many = treadle.executions.trigger_many(double.id, [{"n": n} for n in range(4)], version=1)
    assert [each.result(timeout=60) for each in many] == [0, 2, 4, 6]
    found = [each.id for each in treadle.executions.list(workflow=double.id, page_size=2)]
    assert found == [*(each.id for each in reversed(many)), handle.id]
    assert found == [each.id for each in treadle.executions.list(status="Completed")]

    approval = treadle.workflows.create(APPROVAL)
    treadle.workflows.activate(approval.id, 1)
    waiting = treadle.executions.trigger(approval.id, {"process_id": "order-4711"})
    named = treadle.executions.handle("order-4711")
    statuses = (event.status for event in named.follow())
    assert "Awaiting Response" in statuses
    assert named.id == waiting.id
    with pytest.raises(WaitTimeout, match="Awaiting Response") as pending:
        waiting.wait(timeout=0.01)
    assert pending.value.execution is not None
    assert pending.value.execution.awaits_response
    with pytest.raises(Invalid):
        waiting.answer("NOBODY")
    assert treadle.executions.handle("order-4711").answer("TEAMS", {"fine": False})
    with pytest.raises(ExecutionFailed, match="refused") as failed:
        waiting.result(timeout=60)
    assert (failed.value.step, failed.value.reason) == ("refused", "refused")
    waiting.retry(from_step="ask")
    assert "Awaiting Response" in (event.status for event in waiting.follow())
    waiting.terminate("nobody wants it")
    with pytest.raises(ExecutionTerminated, match="nobody wants it"):
        waiting.result(timeout=60)
    with pytest.raises(Conflict):
        waiting.terminate()
    assert treadle.executions.get("order-4711").id == waiting.id
    with pytest.raises(NotFound):
        list(treadle.executions.handle("order-4712").follow())


async def test_workflows_are_made_run_followed_and_answered(
    serve: Callable[..., ServeProcess],
) -> None:
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await running.ready()

    def use() -> None:
        with Treadle.log_in(running.url, "admin", PASSWORD) as treadle:
            keep_definitions(treadle)
            run_executions(treadle)

    await asyncio.to_thread(use)

    async with await AsyncTreadle.log_in(running.url, "admin", PASSWORD) as treadle:
        made = await treadle.workflows.create(APPROVAL)
        await treadle.workflows.activate(made.id, 1)
        handle = await treadle.executions.trigger(made.id)
        async for event in handle.follow():
            if event.status == "Awaiting Response":
                assert await handle.answer("TEAMS", {"fine": True, "said": "yes"})
        assert await handle.result() == "yes"
