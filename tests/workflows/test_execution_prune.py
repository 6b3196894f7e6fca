"""Executions that are over for long go with all that belongs to them."""

from __future__ import annotations

from datetime import timedelta

from fixtures.executions import Mill, flow
from treadle.core.clock import utc_now
from treadle.workflows.execution_prune import prune_executions
from workflows.making import step, transform


async def test_only_what_is_over_for_long_goes(mill: Mill) -> None:
    quick = await mill.make(flow(transform("a", 1)))
    asking = await mill.make(flow(step("ask", "wait_for_response", {})))
    old, young = await mill.start(quick, {"process_id": "old"}, None)
    (open_,) = await mill.start(asking)
    for id_ in (old, young):
        await mill.ended(id_)
    await mill.waiting(open_)
    async with mill.tx() as tx:
        before = utc_now() - timedelta(days=31)
        await tx.execute("UPDATE executions SET finished_at = $1 WHERE id = $2", before, old)
        await tx.execute("UPDATE executions SET created_at = $1", before)
    gone = await prune_executions(mill.database, keep=timedelta(days=30), now=utc_now())
    assert gone == 1
    async with mill.tx() as tx:
        left = {record["id"] for record in await tx.fetch("SELECT id FROM executions")}
        logs = {record[0] for record in await tx.fetch("SELECT execution_id FROM execution_events")}
    assert left == logs == {young, open_}
    assert await prune_executions(mill.database, keep=timedelta(days=30), now=utc_now()) == 0
