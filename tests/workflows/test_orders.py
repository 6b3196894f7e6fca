"""Executions that are ordered by the hundred, as schedules do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from fixtures.executions import Mill, flow, make_context
from fixtures.jobs import Workshop
from treadle.core.clock import utc_now
from treadle.core.ids import new_id
from treadle.engine.live import LiveHub
from treadle.integrations.context import IntegrationsContext
from treadle.workflows.execution_model import StartedBy
from treadle.workflows.starting import Order, Refused, start_orders
from treadle.workflows.versions import Version
from workflows.making import transform

STEP = transform("a", "${payload}")
NUMBERED = {"type": "object", "properties": {"n": {"type": "integer"}}}


@pytest.fixture
def still(workshop: Workshop, calls: IntegrationsContext) -> Mill:
    """A tenant whose executions nobody takes forward: there are no lanes."""
    return Mill(workshop, make_context(workshop, calls), LiveHub(workshop.database))


def order(version: Version, number: int, payload: Any = None) -> Order:
    return Order(
        workflow_id=version.workflow_id,
        number=None,
        project_id=version.project_id,
        payload={"n": number} if payload is None else payload,
        trigger_type=StartedBy.SCHEDULE,
        origin=f"order:{number}",
        by=f"schedule:{number}",
    )


async def test_orders_of_one_version_are_written_together(still: Mill) -> None:
    version, other = await still.make(flow(STEP)), await still.make(flow(STEP))
    orders = [order(version if n % 2 else other, n) for n in range(100)]
    async with still.tx() as tx:
        answers = await start_orders(tx, still.context, orders, now=utc_now())
    for number, answer in enumerate(answers):
        assert not isinstance(answer, Refused)
        found = await still.get(answer)
        assert (found.workflow_id, found.origin, found.created_by, found.trigger_type) == (
            orders[number].workflow_id,
            f"order:{number}",
            f"schedule:{number}",
            StartedBy.SCHEDULE,
        )


async def test_one_that_cannot_start_leaves_the_others_their_turn(still: Mill) -> None:
    version = await still.make(replace(flow(STEP), schema=NUMBERED))
    gone = replace(order(version, 1), workflow_id=new_id())
    orders = [
        order(version, 0),
        gone,
        order(version, 2, {"n": "two"}),
        order(version, 3, {"n": 3, "process_id": "one of a kind"}),
        order(version, 4, {"n": 4, "process_id": "one of a kind"}),
        order(version, 5, {"n": 5, "process_id": 5}),
        order(version, 6),
    ]
    async with still.tx() as tx:
        answers = await start_orders(tx, still.context, orders, now=utc_now())
    refused = {
        number: answer.reason
        for number, answer in enumerate(answers)
        if isinstance(answer, Refused)
    }
    assert list(refused) == [1, 2, 4, 5]
    assert "no such workflow" in refused[1]
    assert "n" in refused[2] and "integer" in refused[2]
    assert "process_id" in refused[5]
    async with still.tx() as tx:
        written = await tx.fetch("SELECT origin FROM executions")
        queued = await tx.fetchval("SELECT count(*) FROM queue.pgqueuer")
    assert Counter(record["origin"] for record in written) == {
        "order:0": 1,
        "order:3": 1,
        "order:6": 1,
    }
    assert queued == 3
