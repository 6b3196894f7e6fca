"""`GET /v1/statistics`: what ended, how, and how late it was, as those see it who may."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from api.scheduled_actions.desk import NOBODY, Desk, at, open_desk
from treadle.core.buckets import MOST_BUCKETS
from treadle.db.database import Database
from treadle.jobs.states import AttemptOutcome

NONE: Final = {"succeeded": 0, "failed": 0, "cancelled": 0}
NEVER: Final = {"started": 0, "p50_ms": None, "p95_ms": None, "max_ms": None}
STEPS: Final[list[dict[str, Any]]] = [
    {"id": "start", "type": "request"},
    {"id": "good", "type": "condition", "config": {"when": "payload.good"}},
    {"id": "lost", "type": "terminate", "config": {"status": "failed"}},
    {"id": "done", "type": "terminate", "config": {"status": "succeeded"}},
]
WAYS: Final = [
    {"from": "start", "to": "good"},
    {"from": "good", "to": "done", "label": "yes"},
    {"from": "good", "to": "lost", "label": "no"},
]


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncGenerator[Desk]:
    """A server whose clock stands still until it is moved."""
    async with open_desk(database, tmp_path) as people:
        yield people


async def told(client: httpx.AsyncClient, **params: str) -> list[dict[str, Any]]:
    answer = await client.get("/v1/statistics", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["buckets"]


async def flow_of(desk: Desk) -> str:
    """A workflow that ends as its payload says, at once."""
    body = {"workflow_name": "w", "workflow_steps": STEPS, "workflow_connections": WAYS}
    made = await desk.alice.post("/v1/workflows", json=body)
    assert made.status_code == 201, made.text
    flow: str = made.json()["item"]["workflow_id"]
    assert (await desk.alice.post(f"/v1/workflows/{flow}/1/activate")).is_success
    return flow


async def test_runs_are_counted_by_their_end_and_how_it_was(desk: Desk) -> None:
    workshop = desk.workshop()
    job = await workshop.make_job()
    for outcome in (AttemptOutcome.FINISHED, AttemptOutcome.FINISHED, AttemptOutcome.ERROR):
        await workshop.end(await workshop.begin(await workshop.submit(job)), outcome)
    await workshop.stop(await workshop.submit(job))
    await workshop.submit(job)
    now, later = await told(desk.max, **{"from": at(0), "to": at(61)})
    assert now["at"] == at(0)
    assert now["runs"] == {"succeeded": 2, "failed": 1, "cancelled": 1}
    assert (now["executions"], now["firings"]) == (NONE, NEVER)
    assert later == {"at": at(60), "runs": NONE, "executions": NONE, "firings": NEVER}


async def test_executions_are_counted_by_their_end_and_how_it_was(desk: Desk) -> None:
    flow = await flow_of(desk)
    for good in (True, True, False):
        answer = await desk.max.post(f"/v1/workflows/triggerworkflow/{flow}", json={"good": good})
        assert answer.is_success, answer.text
    (bucket,) = await told(desk.max, **{"from": at(0), "to": at(1), "step": "minute"})
    assert bucket["executions"] == {"succeeded": 2, "failed": 1, "cancelled": 0}
    assert bucket["runs"] == NONE


async def test_lateness_is_told_of_what_was_due_and_started(desk: Desk) -> None:
    made = await desk.make()
    await desk.pass_to(0)
    await desk.pass_to(5)
    await desk.pass_to(10.5)
    await desk.pass_to(17)
    await desk.do(made, "trigger")
    await desk.do(made, "backfill", start=at(-60), end=at(-30))
    params = {"from": at(0), "to": at(20), "step": "minute"}
    found = {bucket["at"]: bucket["firings"] for bucket in await told(desk.max, **params)}
    assert len(found) == 20
    late = {when: firings["max_ms"] for when, firings in found.items() if firings["started"]}
    assert late == {at(0): 0, at(5): 0, at(10): 30_000, at(15): 120_000}
    (hour,) = await told(desk.max, **{"from": at(0), "to": at(20)})
    assert hour["firings"] == {"started": 4, "p50_ms": 0, "p95_ms": 120_000, "max_ms": 120_000}
    # What was filled in on purpose was late on purpose.
    (before,) = await told(desk.max, **{"from": at(-60), "to": at(0)})
    assert before["firings"] == NEVER


async def test_without_a_stretch_it_is_the_last_24_steps(desk: Desk) -> None:
    desk.hand.now += timedelta(minutes=30.25)
    hours = await told(desk.max)
    assert [hours[0]["at"], hours[-1]["at"], len(hours)] == [at(-23 * 60), at(0), 24]
    minutes = await told(desk.max, step="minute")
    assert [minutes[0]["at"], minutes[-1]["at"], len(minutes)] == [at(7), at(30), 24]


async def test_only_those_count_whose_history_the_caller_reads(desk: Desk) -> None:
    workshop = desk.workshop()
    job = await workshop.make_job()
    await workshop.end(await workshop.begin(await workshop.submit(job)))
    await desk.make()
    await desk.pass_to(0)
    stretch = {"from": at(0), "to": at(1), "step": "minute"}
    home = str(desk.tenant.project.id)

    async def seen(client: httpx.AsyncClient, **params: str) -> tuple[int, int]:
        (bucket,) = await told(client, **stretch, **params)
        return bucket["runs"]["succeeded"], bucket["firings"]["started"]

    assert await seen(desk.max) == await seen(desk.alice) == (1, 1)
    assert await seen(desk.max, project_id=home) == (1, 1)
    assert await seen(desk.alice, project_id=str(desk.other_project.id)) == (0, 0)
    assert await seen(desk.oscar) == await seen(desk.mallory) == (0, 0)
    assert await seen(desk.oscar, project_id=home) == (0, 0)
    assert await seen(desk.mallory, project_id=home) == (0, 0)
    assert await seen(desk.max, project_id=NOBODY) == (0, 0)
    assert (await desk.mia.get("/v1/statistics")).status_code == 403
    assert (await desk.server.anonymous.get("/v1/statistics")).status_code == 401


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": "soon"}, "from"),
        ({"to": "later"}, "to"),
        ({"from": "x" * 65}, "from"),
        ({"from": at(60), "to": at(0)}, "to"),
        ({"from": at(0), "to": at(0)}, "to"),
        ({"from": at(0), "to": at(MOST_BUCKETS + 1), "step": "minute"}, "to"),
        ({"from": at(0), "to": at(MOST_BUCKETS * 60 + 1)}, "to"),
        ({"to": "0001-01-01T00:00:00Z"}, "to"),
        ({"to": "9999-12-31T23:59:59Z"}, "to"),
        ({"from": "9999-12-31T23:59:59Z"}, "to"),
        ({"step": "second"}, "step"),
        ({"project_id": "x"}, "project_id"),
    ],
)
async def test_what_is_no_stretch_is_refused(
    desk: Desk, params: dict[str, str], field: str
) -> None:
    answer = await desk.max.get("/v1/statistics", params=params)
    assert answer.status_code == 400, answer.text
    assert field in answer.json()["message"]


async def test_the_longest_stretch_is_told(desk: Desk) -> None:
    assert len(await told(desk.max, **{"from": at(0), "to": at(MOST_BUCKETS * 60)})) == MOST_BUCKETS
    odd = {"from": at(0.5), "to": at(MOST_BUCKETS), "step": "minute"}
    assert len(await told(desk.max, **odd)) == MOST_BUCKETS
