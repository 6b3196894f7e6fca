"""kill -9 of everything that takes executions forward, in the middle of 500 of them.

Each forks into a call that is refused at first and tried again, and a wait; joins; maps over items
with a call each. The receiver is this test: it writes down what it hears of every key.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from faults.calls import PASSWORD, Api
from faults.test_kills import until
from fixtures.outside import Asked, Outside
from fixtures.server import ServeProcess
from treadle.db.postmaster import read_postmaster
from workflows.making import Note, step, transform, ways

EXECUTIONS = 500
ITEMS = 3
RECEIVED = ("step_succeeded", "step_failed", "job_ended", "child_ended")

pytestmark = pytest.mark.timeout(400)


class Receiver:
    """Refuses the first attempt of each call of an even number; remembers what it was told."""

    def __init__(self, outside: Outside) -> None:
        self.said: defaultdict[str, set[tuple[str, str, bytes]]] = defaultdict(set)
        self.repeated = 0
        outside.replies["/first"] = outside.replies["/item"] = self._reply

    async def _reply(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        key = asked.headers["idempotency-key"]
        self.repeated += key in self.said
        self.said[key].add((asked.method, asked.target, asked.body))
        number = json.loads(asked.body)["n"]
        refused = asked.target == "/first" and number % 2 == 0 and key.endswith(":1")
        body = json.dumps(number * 10).encode()
        head = (
            f"HTTP/1.1 {503 if refused else 200} Whatever\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)


def definition(outside: Outside) -> tuple[list[Note], list[Note]]:
    def call(id_: str, path: str, **more: Any) -> Note:
        config = {"method": "POST", "url": outside.url(path), "body": {"n": "${payload.n}"}}
        return step(id_, "http", config, **more)

    again = {"max_attempts": 5, "interval_seconds": 0.2, "errors": ["*"]}
    items = [
        transform("shape", {"n": "${item}"}),
        call("item", "/item", retry=again),
        transform("out", "${steps.item.output.body}"),
    ]
    each = {"items": "payload.items", "steps": items, "connections": ways("shape item out")}
    steps = [
        step("t", "request"),
        call("first", "/first", retry=again),
        step("pause", "wait", {"seconds": 0.5}),
        step("both", "join", {}),
        step("each", "map", {**each, "max_concurrency": 2}),
        transform("r", {"first": "${steps.first.output.body}", "each": "${steps.each.output}"}),
    ]
    return steps, ways("t first both", "t pause both each r")


class Flows:
    """The workflow API of a process that may be killed."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def make(self, outside: Outside) -> str:
        steps, connections = definition(outside)
        body = {
            "workflow_name": "fault test",
            "workflow_steps": steps,
            "workflow_connections": connections,
        }
        made = await self._api.call("POST", "/v1/workflows", json=body)
        assert made.status_code == 201, made.text
        id_: str = made.json()["item"]["workflow_id"]
        activated = await self._api.call("POST", f"/v1/workflows/{id_}/1/activate")
        assert activated.status_code == 200, activated.text
        return id_

    async def trigger(self, workflow_id: str) -> list[str]:
        payloads = [
            {"n": n, "items": [n * ITEMS + i for i in range(ITEMS)]} for n in range(EXECUTIONS)
        ]
        answer = await self._api.call(
            "POST",
            "/v1/workflows/triggerworkflow/batch",
            json={"workflow_id": workflow_id, "payloads": payloads},
        )
        assert answer.status_code < 300, answer.text
        return answer.json()["looply_execution_ids"]

    async def get(self, workflow_id: str, id_: str) -> Any:
        answer = await self._api.call(
            "GET",
            "/v1/workflows/getWorkflowExecutionById",
            params={"workflow_id": workflow_id, "workflow_execution_id": id_},
        )
        answer.raise_for_status()
        return answer.json()["item"]


async def test_kills_of_what_takes_executions_forward(
    serve: Callable[..., ServeProcess], outside: Outside, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = Receiver(outside)
    allowed = {"TREADLE_OUTBOUND_ALLOWED": "127.0.0.1"}
    server = serve("--port", "0", "--only", "api", TREADLE_ADMIN_PASSWORD=PASSWORD, **allowed)
    await server.ready()
    schedulers = [serve("--only", "scheduler", "--port", "0", **allowed) for _ in range(2)]
    for process in schedulers:
        await process.ready()
    api = await Api.log_in(server)
    flows = Flows(api)
    workflow_id = await flows.make(outside)
    ids = await flows.trigger(workflow_id)
    total = EXECUTIONS * (1 + ITEMS)

    def heard(share: float) -> Callable[[], Any]:
        async def is_heard() -> bool:
            return len(receiver.said) >= total * share

        return is_heard

    for number, share in enumerate((0.05, 0.2, 0.35)):
        await until(heard(share), what=f"{share:.0%} of the calls are heard")
        await schedulers[number % 2].kill()
        schedulers[number % 2] = serve("--only", "scheduler", "--port", "0", **allowed)
        await schedulers[number % 2].ready()
    await until(heard(0.5), what="half of the calls are heard")
    postmaster = read_postmaster(server.data_dir / "postgres" / "data")
    assert postmaster is not None
    os.kill(postmaster.pid, signal.SIGKILL)
    await until(heard(0.6), what="calls go on after PostgreSQL's kill")
    await api.close()
    await server.kill()
    server = serve("--port", "0", "--only", "api", **allowed)
    await server.ready()
    api = await Api.log_in(server)
    flows = Flows(api)

    left = set(ids)

    async def all_over() -> bool:
        for id_ in sorted(left):
            try:
                seen = await flows.get(workflow_id, id_)
            except httpx.HTTPError:
                return False
            if seen["workflow_status"] not in ("Completed", "Failed", "Terminated"):
                return False
            left.discard(id_)
        return True

    await until(all_over, what=f"all {EXECUTIONS} executions are over")
    for n, id_ in enumerate(ids):
        seen = await flows.get(workflow_id, id_)
        assert seen["workflow_status"] == "Completed", seen
        each = [(n * ITEMS + i) * 10 for i in range(ITEMS)]
        assert seen["workflow_output_payload"] == {"first": n * 10, "each": each}
        check_events(seen["workflow_event_log"]["events"])
    # Whatever was heard twice under one key was the same twice.
    assert all(len(said) == 1 for said in receiver.said.values())
    await api.close()
    with capsys.disabled():
        print(f"\n[faults] {len(receiver.said)} keys, {receiver.repeated} of them heard again")


def check_events(events: list[Note]) -> None:
    """Numbered without a gap; of each attempt one outcome."""
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    outcomes = Counter(
        (event["step"], event["attempt"])
        for event in events
        if event["type"] in RECEIVED and "attempt" in event
    )
    assert set(outcomes.values()) == {1}
    assert Counter(event["type"] for event in events)["execution_completed"] == 1
