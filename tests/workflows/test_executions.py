"""Executions from their start to their end, on the real database with the real lanes."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest

from fixtures.executions import Mill, flow, output_of
from treadle.core.clock import utc_now
from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.ids import new_id
from treadle.core.json import Json
from treadle.workflows import executions, history
from treadle.workflows.condensed import condensed_logs
from treadle.workflows.execution_model import Status
from treadle.workflows.recorded import EditedPayload
from treadle.workflows.telling import Answer
from workflows.making import step, transform, ways

ASK = step("ask", "wait_for_response", {})


async def answer(mill: Mill, name: str, body: Json = None, *, source: str = "TEAMS") -> Answer:
    async with mill.tx() as tx:
        return await executions.resume(
            tx,
            mill.context,
            mill.workshop.caller,
            name,
            source=source,
            body=body,
            now=utc_now(),
        )


async def test_light_steps_run_to_completion(mill: Mill) -> None:
    done = await mill.run(
        flow(transform("a", {"n": "${payload.n + 1}"}), transform("b", {"m": "${payload.n * 2}"})),
        {"n": 1},
    )
    assert output_of(done) == {"m": 4}
    assert (done.current, done.finished_at is not None) == ("Completed", True)
    events = await mill.check_log(done.id)
    assert events[0]["type"] == "execution_started"
    assert condensed_logs(events)["a"]["output"] == {"n": 2}


async def test_many_run_at_once_each_with_its_own_payload(mill: Mill) -> None:
    version = await mill.make(flow(transform("a", {"n": "${payload.n + 1}"})))
    ids = await mill.start(version, *({"n": n} for n in range(150)))
    for n, id_ in enumerate(ids):
        assert output_of(await mill.ended(id_)) == {"n": n + 1}


async def test_a_wait_goes_on_when_its_time_has_come(mill: Mill) -> None:
    done = await mill.run(flow(step("w", "wait", {"seconds": 0.3}), transform("a", 1)))
    assert output_of(done) == 1
    await mill.check_log(done.id)


async def test_more_steps_than_one_advance_takes(mill: Mill) -> None:
    """A map over many items is taken in several advances, and the log still replays."""
    each = {"items": "payload", "steps": [transform("x", "${payload + 1}")], "max_concurrency": 100}
    done = await mill.run(flow(step("each", "map", each)), list(range(900)))
    assert output_of(done) == list(range(900))
    await mill.check_log(done.id)


async def test_exactly_one_answer_takes_a_wait_on(mill: Mill) -> None:
    version = await mill.make(flow(ASK, transform("r", "${steps.ask.output}")))
    (id_,) = await mill.start(version)
    await mill.waiting(id_)
    assert await answer(mill, str(id_), {"ok": True}) is Answer.RESTARTED
    assert await answer(mill, str(id_), {"ok": False}) is Answer.ALREADY_RESTARTED
    done = await mill.ended(id_)
    assert output_of(done) == {"ok": True}
    assert done.modified_by == mill.workshop.caller.ref
    assert await answer(mill, str(id_)) is Answer.ALREADY_RESTARTED
    await mill.check_log(id_)


async def test_a_process_id_names_one_live_execution(mill: Mill) -> None:
    version = await mill.make(flow(ASK))
    (first,) = await mill.start(version, {"process_id": "order 7"})
    with pytest.raises(Conflict):
        await mill.start(version, {"process_id": "order 7"})
    with pytest.raises(Conflict):
        await mill.start(version, {"process_id": "a"}, {"process_id": "a"})
    await mill.waiting(first)
    assert await answer(mill, "order 7") is Answer.RESTARTED
    await mill.ended(first)
    # Once it is over, the name still leads to it, until another one has it.
    assert await answer(mill, "order 7") is Answer.ALREADY_RESTARTED
    (second,) = await mill.start(version, {"process_id": "order 7"})
    await mill.waiting(second)
    assert await answer(mill, "order 7") is Answer.RESTARTED
    with pytest.raises(BadInput):
        await mill.start(version, {"process_id": 7})


async def test_what_does_not_wait_or_is_not_there_cannot_be_resumed(mill: Mill) -> None:
    done = await mill.run(flow(transform("a", 1)))
    assert await answer(mill, str(done.id)) is Answer.NOT_WAITING
    with pytest.raises(NotFound, match="execution not found"):
        await answer(mill, str(new_id()))
    with pytest.raises(BadInput, match="source"):
        await answer(mill, str(done.id), source="nobody")


async def test_terminating_ends_what_is_under_way(mill: Mill) -> None:
    version = await mill.make(flow(ASK, transform("r", 1)))
    (id_,) = await mill.start(version)
    await mill.waiting(id_)
    async with mill.tx() as tx:
        ended = await executions.terminate(
            tx, mill.context, mill.workshop.caller, str(id_), reason="no more", now=utc_now()
        )
    assert (ended.status, ended.error_message) == (Status.TERMINATED, "no more")
    async with mill.tx() as tx:
        with pytest.raises(Conflict):
            await executions.terminate(
                tx, mill.context, mill.workshop.caller, str(id_), now=utc_now()
            )
        assert not await tx.fetch("SELECT FROM execution_effects")
    assert await answer(mill, str(id_)) is Answer.NOT_WAITING
    await mill.check_log(id_)


async def test_terminating_before_the_first_step(mill: Mill) -> None:
    version = await mill.make(flow(ASK))
    async with mill.tx() as tx:
        (id_,) = await executions.trigger(
            tx,
            mill.context,
            version,
            [executions.Start(by="user:1")],
            trigger_type=executions.StartedBy.MANUAL,
            now=utc_now(),
        )
        ended = await executions.terminate(
            tx, mill.context, mill.workshop.caller, str(id_), now=utc_now()
        )
    assert ended.status is Status.TERMINATED
    await mill.check_log(id_)


async def test_retrying_goes_on_from_the_failed_step_with_what_was_recorded(mill: Mill) -> None:
    version = await mill.make(
        flow(transform("a", {"n": "${payload.n}"}), transform("b", "${10 / payload.n}"))
    )
    (id_,) = await mill.start(version, {"n": 0})
    failed = await mill.ended(id_)
    assert (failed.status, failed.error_name, failed.error_step) == (
        Status.FAILED,
        "Expression",
        "b",
    )
    async with mill.tx() as tx:
        await executions.retry(
            tx,
            mill.context,
            mill.workshop.caller,
            str(id_),
            edited=EditedPayload({"n": 5}),
            now=utc_now(),
        )
    done = await mill.ended(id_)
    assert output_of(done) == 2
    events = await mill.events(id_)
    assert [entry["seq"] for entry in events] == list(range(1, len(events) + 1))
    assert Counter(entry["type"] for entry in events)["execution_started"] == 2
    async with mill.tx() as tx:
        with pytest.raises(Conflict):
            await executions.retry(tx, mill.context, mill.workshop.caller, str(id_), now=utc_now())


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_listing_goes_from_one_end_to_the_other(mill: Mill, oldest_first: bool) -> None:
    version = await mill.make(flow(transform("a", 1)))
    other = await mill.make(flow(transform("a", 2)))
    ids = await mill.start(version, *range(7))
    await mill.start(other, 1)
    for id_ in ids:
        await mill.ended(id_)
    seen: list[UUID] = []
    beyond: UUID | None = None
    while True:
        async with mill.tx() as tx:
            page = await history.list_page(
                tx,
                mill.workshop.caller,
                workflow_id=version.workflow_id,
                beyond=beyond,
                oldest_first=oldest_first,
                limit=3,
            )
        seen += [one.id for one in page[:3]]
        if len(page) <= 3:
            break
        beyond = page[2].id
    assert seen == (ids if oldest_first else ids[::-1])


async def test_a_fork_joins_and_waits_run_side_by_side(mill: Mill) -> None:
    draft = flow(
        step("w1", "wait", {"seconds": 0.1}),
        step("w2", "wait", {"seconds": 0.2}),
        step("j", "join", {}),
        transform("r", "done"),
        connections=[*ways("t w1 j", "t w2 j r")],
    )
    assert output_of(await mill.run(draft)) == "done"
