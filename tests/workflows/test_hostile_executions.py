"""What a hostile definition or payload does to itself, and not to others."""

from __future__ import annotations

import pytest

from fixtures.executions import Mill, flow, output_of
from fixtures.outside import Outside, raw
from treadle.core.json import Json
from treadle.workflows.execution_model import Status
from treadle.workflows.limits import MAX_DEPTH
from workflows.making import Note, step, transform, way, ways

EACH = {"items": "payload", "steps": [transform("x", 1)]}


@pytest.mark.parametrize(
    ("hostile", "payload", "name"),
    [
        (step("h", "map", EACH), list(range(10_001)), "Map.TooManyItems"),
        (transform("h", "${payload.map(a, payload.map(b, a + b))}"), [1] * 3_000, "Expression"),
        (transform("h", "${payload + payload}"), "x" * 900_000, "Expression"),
        (step("h", "function", {"code": "def main():\n  while True: pass"}), None, "Timeout"),
        (step("h", "function", {"code": "def main():\n  x = [1] * 10**9"}), None, "Function"),
    ],
    ids=["a million items", "endless expression", "huge text", "endless code", "huge memory"],
)
async def test_the_others_go_on(mill: Mill, hostile: Note, payload: Json, name: str) -> None:
    if hostile["type"] == "function":
        hostile = {**hostile, "timeout_seconds": 1}
    bad = await mill.make(flow(hostile))
    good = await mill.make(flow(transform("a", "${payload + 1}")))
    (first,) = await mill.start(bad, payload)
    ids = await mill.start(good, *range(20))
    for n, id_ in enumerate(ids):
        assert output_of(await mill.ended(id_)) == n + 1
    failed = await mill.ended(first)
    assert failed.status is Status.FAILED
    assert failed.error_name is not None and failed.error_name.startswith(name)
    assert failed.error_message


async def test_slow_versions_wait_for_each_other_and_not_the_others_for_them(mill: Mill) -> None:
    """Each takes some tenths of a second of the machine: hundreds of them would hold up all."""
    steps = [transform(f"s{n}", "${payload.map(x, x + 1)}") for n in range(25)]
    slow = await mill.make(flow(*steps))
    quick = await mill.make(flow(transform("a", "${payload + 1}")))
    held = await mill.start(slow, *([list(range(5_000))] * 20))
    ids = await mill.start(quick, *range(20))
    for n, id_ in enumerate(ids):
        assert output_of(await mill.ended(id_)) == n + 1
    async with mill.tx() as tx:
        states = await tx.fetch(
            "SELECT status FROM executions WHERE version_id = $1 AND finished_at IS NULL", slow.id
        )
    assert states, "the slow ones were not slow at all"
    assert output_of(await mill.ended(held[0]))[:3] == [25, 26, 27]


async def test_a_payload_that_grows_in_a_loop_ends_at_its_bound(mill: Mill) -> None:
    draft = flow(
        transform("grow", {"n": "${payload.n + payload.n}"}),
        step("w", "wait", {"seconds": 0.01}),
        connections=[*ways("t grow w"), way("w", "grow", when="true")],
    )
    (id_,) = await mill.start(await mill.make(draft), {"n": "x" * 1000})
    failed = await mill.ended(id_)
    assert failed.error_name in ("Expression", "Limit")


async def test_a_workflow_that_starts_itself_is_ended(mill: Mill) -> None:
    first = await mill.make(flow(transform("a", 1)))
    async with mill.tx() as tx:
        config = {"workflow_id": str(first.workflow_id)}
        await tx.execute(
            "UPDATE workflow_versions SET steps = $1 WHERE id = $2",
            [step("t", "request"), step("a", "workflow", config)],
            first.id,
        )
    (id_,) = await mill.start(first)
    failed = await mill.ended(id_)
    assert failed.error_name == "Workflow.Failed"
    async with mill.tx() as tx:
        assert await tx.fetchval("SELECT count(*) FROM executions") == MAX_DEPTH + 1


async def test_a_redirect_to_a_metadata_address_is_refused(mill: Mill, outside: Outside) -> None:
    location = "http://169.254.169.254/latest/meta-data/"
    head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    url = outside.on("/", raw(head.encode()))
    failed = await mill.run(flow(step("call", "http", {"url": url})))
    assert failed.error_name == "Http.OutboundRefused"


async def test_answers_that_trickle_end_with_the_steps_time(mill: Mill, outside: Outside) -> None:
    url = outside.on("/", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"))
    failed = await mill.run(flow(step("call", "http", {"url": url}, timeout_seconds=5)))
    assert failed.error_name in ("Http.BrokenAnswer", "Timeout")
