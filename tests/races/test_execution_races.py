"""Many at one execution at the same moment, on the real database with the real lanes."""

from __future__ import annotations

import asyncio
from collections import Counter

from fixtures.executions import Mill, flow, output_of
from treadle.core.clock import utc_now
from treadle.core.errors import Conflict
from treadle.workflows import executions
from treadle.workflows.advancing import Advancer
from treadle.workflows.answer_links import Wait
from treadle.workflows.answers import answer_wait
from treadle.workflows.execution_model import Status
from treadle.workflows.queueing import advances
from treadle.workflows.telling import Answer
from workflows.making import step, transform

ASK = step("ask", "wait_for_response", {})
HUNDRED = 100


async def test_of_a_hundred_answers_exactly_one_takes_the_wait_on(mill: Mill) -> None:
    version = await mill.make(flow(ASK, transform("r", "${steps.ask.output.n}")))
    (id_,) = await mill.start(version)
    await mill.waiting(id_)
    barrier = asyncio.Barrier(HUNDRED)
    wait = Wait(mill.workshop.caller.tenant_id, id_, "ask", 1)

    async def answer(n: int) -> Answer:
        await barrier.wait()
        async with mill.tx() as tx:
            # Half of them resume, the others have the link.
            if n % 2:
                return await answer_wait(tx, mill.context, wait, {"n": n}, by={}, now=utc_now())
            return await executions.resume(
                tx,
                mill.context,
                mill.workshop.caller,
                str(id_),
                source="SAP",
                body={"n": n},
                now=utc_now(),
            )

    answers = await asyncio.gather(*(answer(n) for n in range(HUNDRED)))
    assert Counter(answers) == {Answer.RESTARTED: 1, Answer.ALREADY_RESTARTED: HUNDRED - 1}
    done = await mill.ended(id_)
    assert output_of(done) == answers.index(Answer.RESTARTED)
    events = await mill.check_log(id_)
    assert Counter(event["type"] for event in events)["resumed"] == 1


async def test_answers_and_ends_at_once_leave_one_story(mill: Mill) -> None:
    """Each execution is either resumed and completed, or terminated, and its log says which."""
    version = await mill.make(flow(ASK, transform("r", "${steps.ask.output}")))
    ids = await mill.start(version, *range(20))
    for id_ in ids:
        await mill.waiting(id_)

    async def resume(name: str) -> Answer:
        async with mill.tx() as tx:
            return await executions.resume(
                tx,
                mill.context,
                mill.workshop.caller,
                name,
                source="TEAMS",
                body=1,
                now=utc_now(),
            )

    async def terminate(name: str) -> bool:
        try:
            async with mill.tx() as tx:
                await executions.terminate(
                    tx, mill.context, mill.workshop.caller, name, now=utc_now()
                )
        except Conflict:
            return False
        return True

    names = [str(id_) for id_ in ids]
    outcomes = await asyncio.gather(*(act(name) for name in names for act in (resume, terminate)))
    for n, id_ in enumerate(ids):
        seen = await mill.ended(id_)
        answer, ended = outcomes[2 * n], outcomes[2 * n + 1]
        assert seen.status is (Status.TERMINATED if ended else Status.COMPLETED)
        assert answer is Answer.RESTARTED or ended
        await mill.check_log(id_)


async def test_processes_that_have_the_same_execution_write_it_once(mill: Mill) -> None:
    """Beside the lane of the process four more get the same entries, again and again."""
    version = await mill.make(
        flow(transform("a", {"n": "${payload.n + 1}"}), step("w", "wait", {"seconds": 0.05}))
    )
    others = [Advancer(mill.database, mill.context) for _ in range(4)]
    ids = await mill.start(version, *({"n": n} for n in range(60)))
    entries = advances((mill.workshop.caller.tenant_id, id_) for id_ in ids)
    await asyncio.gather(
        *(other.handle(entry) for other in others for entry in (*entries, *reversed(entries)))
    )
    for n, id_ in enumerate(ids):
        assert output_of(await mill.ended(id_)) == {"n": n + 1}
        events = await mill.check_log(id_)
        assert Counter(event["type"] for event in events)["execution_started"] == 1
