"""Executions that callers ask for one at a time, on the real database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from factories import make_principal
from fixtures.executions import Mill, flow, make_context, output_of
from fixtures.jobs import Workshop
from treadle.core.clock import Clock, utc_now
from treadle.core.errors import BadInput, Conflict, Faulty, Forbidden, NotFound
from treadle.core.ids import new_id
from treadle.core.json import Json
from treadle.engine.live import LiveHub
from treadle.identity.model import Principal, ProjectRole
from treadle.integrations.context import IntegrationsContext
from treadle.workflows import triggers
from treadle.workflows.execution_model import Advanced, Status
from treadle.workflows.triggers import Triggers, Wanted
from treadle.workflows.versions import Version
from workflows.making import step, transform

QUICK = (transform("a", {"n": "${payload.n + 1}"}), transform("b", "${payload.n * 2}"))
ASK = step("ask", "wait_for_response", {})


@pytest.fixture
def still(workshop: Workshop, calls: IntegrationsContext) -> Mill:
    """A tenant whose executions nobody takes forward: there are no lanes."""
    return Mill(workshop, make_context(workshop, calls), LiveHub(workshop.database))


def triggers_of(mill: Mill, *, clock: Clock = utc_now) -> Triggers:
    """Whose steps take no time: what the machine does beside them would make some of them slow."""
    return Triggers(mill.database, mill.context, clock=clock, cpu_time=lambda: 0.0)


def wanted(
    mill: Mill, version: Version, payload: Json = None, *, caller: Principal | None = None
) -> Wanted:
    return Wanted(
        caller or mill.workshop.caller, version.workflow_id, version.number, True, payload
    )


async def entries(mill: Mill) -> int:
    async with mill.tx() as tx:
        return await tx.fetchval("SELECT count(*) FROM queue.pgqueuer")


async def stood(mill: Mill, ids: Sequence[UUID]) -> list[str]:
    """The steps under way of each."""
    return [(await mill.get(id_)).current for id_ in ids]


async def test_quick_steps_are_taken_before_the_execution_is_written(still: Mill) -> None:
    version = await still.make(flow(*QUICK))
    id_ = await triggers_of(still).start(wanted(still, version, {"n": 4}))
    assert output_of(await still.get(id_)) == 10
    assert await entries(still) == 0
    events = await still.check_log(id_)
    assert [event["type"] for event in events] == [
        "execution_started",
        "step_succeeded",
        "step_succeeded",
        "execution_completed",
    ]


async def test_what_the_first_steps_ask_is_asked_and_a_failure_stands(still: Mill) -> None:
    asks = await still.make(flow(*QUICK[:1], step("call", timeout_seconds=60)))
    asked = await triggers_of(still).start(wanted(still, asks, {"n": 1}))
    async with still.tx() as tx:
        effects = await tx.fetch("SELECT execution_id, step, attempt FROM execution_effects")
        timers = await tx.fetch("SELECT key FROM timers")
    assert [tuple(effect) for effect in effects] == [(asked, "call", 1)]
    assert [timer["key"] for timer in timers] == [str(asked)]
    assert await entries(still) == 1
    fails = await still.make(flow(transform("a", "${1 / payload.n}")))
    failed = await still.get(await triggers_of(still).start(wanted(still, fails, {"n": 0})))
    assert (failed.status, failed.error_name, failed.error_step) == (
        Status.FAILED,
        "Expression",
        "a",
    )


async def test_what_may_take_long_is_left_to_the_lane(
    still: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    macro = await still.make(flow(transform("a", "${payload.map(x, x + 1)}")))
    inner = await still.make(
        flow(
            step(
                "m",
                "map",
                {
                    "items": "payload",
                    "steps": [transform("a", "${item.filter(x, x > 1)}")],
                    "connections": [],
                },
            )
        )
    )
    plain = await still.make(flow(transform("a", "${payload}")))
    some = triggers_of(still)
    long = "x" * triggers.LONGEST_INPUT
    ids = [
        await some.start(wanted(still, macro, [1])),
        await some.start(wanted(still, inner, [[1]])),
        await some.start(wanted(still, plain, long)),
    ]
    assert await stood(still, ids) == ["ready", "ready", "ready"]
    assert await entries(still) == 3
    assert output_of(await still.get(await some.start(wanted(still, plain, 1)))) == 1
    # One was slow: those that come after it are left.
    monkeypatch.setattr(triggers, "SLOW_SECONDS", -1.0)
    some = triggers_of(still)
    ids = [await some.start(wanted(still, plain, n)) for n in range(3)]
    assert await stood(still, ids) == ["Completed", "ready", "ready"]
    # But not for ever: the time may have gone to something else.
    now = datetime(2026, 3, 1, 9, tzinfo=UTC)
    some = triggers_of(still, clock=lambda: now)
    assert await stood(still, [await some.start(wanted(still, plain, 1))]) == ["Completed"]
    assert await stood(still, [await some.start(wanted(still, plain, 2))]) == ["ready"]
    now += triggers.FORGOTTEN
    assert await stood(still, [await some.start(wanted(still, plain, 3))]) == ["Completed"]
    # And in a group whose time is up.
    monkeypatch.setattr(triggers, "GROUP_SECONDS", -1.0)
    id_ = await triggers_of(still).start(wanted(still, plain, 1))
    assert await stood(still, [id_]) == ["ready"]


async def test_what_was_left_and_what_was_begun_come_to_their_ends_in_the_lanes(
    mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = await mill.make(flow(*QUICK[:1], step("w", "wait", {"seconds": 0.01}), *QUICK[1:]))
    begun = [triggers_of(mill).start(wanted(mill, version, {"n": n})) for n in range(5)]
    ids = await asyncio.gather(*begun)
    monkeypatch.setattr(triggers, "GROUP_SECONDS", -1.0)
    some = triggers_of(mill)
    ids += await asyncio.gather(*(some.start(wanted(mill, version, {"n": n})) for n in range(5)))
    for n, id_ in enumerate(ids):
        assert output_of(await mill.ended(id_)) == (n % 5 + 1) * 2
        await mill.check_log(id_)


async def test_those_who_ask_together_share_a_transaction_and_no_refusal(still: Mill) -> None:
    version = await still.make(flow(*QUICK, ASK))
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    strict = await still.make(replace(flow(*QUICK), schema=schema))
    tenant_id, project_id = still.workshop.caller.tenant_id, version.project_id

    def member(id_: str, role: ProjectRole, *, project: UUID = project_id) -> Principal:
        return make_principal(
            tenant_id, id=id_, application_role=None, project_roles={project: role}
        )

    bob, carl = member("2", "Contributor"), member("3", "Member")
    stranger = member("4", "Contributor", project=new_id())
    asked = [
        wanted(still, version, {"n": 1, "process_id": "one"}),
        wanted(still, version, {"n": 1}, caller=carl),
        wanted(still, version, {"n": 1, "process_id": "one"}),
        wanted(still, version, {"n": 1, "process_id": 7}),
        wanted(still, strict, {"n": "x"}),
        Wanted(still.workshop.caller, version.workflow_id, 9, True, None),
        Wanted(still.workshop.caller, new_id(), None, False, None),
        wanted(still, version, {"n": 1}, caller=stranger),
        wanted(still, version, {"n": 3}, caller=bob),
        wanted(still, strict, {"n": 5}),
    ]
    some = triggers_of(still)
    outcomes = await asyncio.gather(*(some.start(one) for one in asked), return_exceptions=True)
    kinds = [type(outcome) for outcome in outcomes]
    assert [issubclass(kind, UUID) for kind in kinds] == [n in (0, 8, 9) for n in range(len(asked))]
    assert kinds[1:8] == [Forbidden, Conflict, BadInput, Faulty, NotFound, NotFound, NotFound]
    async with still.tx() as tx:
        rows = await tx.fetch("SELECT id, created_by, xmin::text FROM executions ORDER BY id")
    assert {row["id"] for row in rows} == {outcomes[0], outcomes[8], outcomes[9]}
    assert {row["created_by"] for row in rows} == {still.workshop.caller.ref, bob.ref}
    assert len({row["xmin"] for row in rows}) == 1
    with pytest.raises(Conflict, match="process_id"):
        await some.start(asked[0])


async def test_a_process_id_is_free_again_where_the_first_steps_were_all(still: Mill) -> None:
    version = await still.make(flow(*QUICK))
    some = triggers_of(still)
    for n in range(2):
        id_ = await some.start(wanted(still, version, {"n": n, "process_id": "again"}))
        assert output_of(await still.get(id_)) == (n + 1) * 2
    async with still.tx() as tx:
        assert not await tx.fetch("SELECT FROM live_processes")


async def test_what_nobody_can_write_fails_its_own_caller_only(
    still: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group that the database refuses is taken apart."""
    version = await still.make(flow(*QUICK))
    some = triggers_of(still)
    moved = triggers.moved

    def broken(one: Advanced) -> object:
        made = moved(one)
        return made._replace(status="no such status") if b"13" in one.row.input else made

    monkeypatch.setattr(triggers, "moved", broken)
    asked = [some.start(wanted(still, version, {"n": n})) for n in (12, 13, 14)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(outcome, UUID) for outcome in outcomes] == [True, False, True]
    async with still.tx() as tx:
        assert await tx.fetchval("SELECT count(*) FROM executions") == 2
