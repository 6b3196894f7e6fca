"""A key starts something once, whatever comes twice, at the same time, or late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from factories import NOW, make_tenant, make_user
from fixtures.server import Server, serving
from treadle.api.bodies import EdgeRoute
from treadle.api.context import AppContext
from treadle.api.dependencies import Tx, needs
from treadle.api.idempotency import Once, prune_idempotency_keys
from treadle.api.integration_manager import sessions
from treadle.core.clock import utc_now
from treadle.core.errors import Conflict
from treadle.core.ids import new_id
from treadle.core.json import dump
from treadle.db.database import Database
from treadle.identity.installation import NewTenant
from treadle.identity.model import Principal
from treadle.identity.rights import Right

router = APIRouter(route_class=EdgeRoute)


class Start(BaseModel):
    """What is started: a project of this name, which can be counted afterwards."""

    name: str
    refuse: bool = False


class Gate:
    """Holds requests within their work while a test looks."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()


@router.post("/api/test/starts/{place}", status_code=202)
async def start(
    *,
    place: str,
    request: Request,
    body: Start,
    caller: Annotated[Principal, needs(Right.TENANT_READ)],
    tx: Tx,
    once: Once,
) -> Response:
    gate: Gate = request.app.state.gate

    async def work() -> Response:
        gate.entered.set()
        await gate.open.wait()
        started = str(new_id())
        await tx.execute(
            "INSERT INTO projects (id, tenant_id, name, created_at) VALUES ($1, $2, $3, $4)",
            started,
            caller.tenant_id,
            started,
            NOW,
        )
        if body.refuse:
            raise Conflict("not now")
        return Response(
            dump({"started": started, "place": place}),
            status_code=202,
            headers={"Location": f"/api/test/starts/{started}", "X-Other": "not kept"},
            media_type="application/json",
        )

    return await once.once(work)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Starts:
    """A server that starts things, and its administrator."""

    alice: httpx.AsyncClient
    server: Server
    tenant: NewTenant
    gate: Gate
    clock: Clock

    async def start(
        self, key: str | None, *, name: str = "x", by: httpx.AsyncClient | None = None, **more: Any
    ) -> httpx.Response:
        """One request, with a key if there is one."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return await (by or self.alice).post(
            more.pop("path", "/api/test/starts/a"), json={"name": name, **more}, headers=headers
        )

    async def count(self) -> int:
        """How many things have been started."""
        async with self.server.context.database.system() as tx:
            return await tx.fetchval("SELECT count(*) FROM projects WHERE name <> 'default'")


@pytest.fixture
async def starts(app_context: AppContext) -> AsyncGenerator[Starts]:
    clock, gate = Clock(), Gate()
    tenant = await make_tenant(app_context.database, admin_username="alice")
    context = replace(app_context, clock=clock)
    async with serving(context, routers=[router, sessions.router]) as running:
        running.app.state.gate = gate
        yield Starts(await running.log_in("alice"), running, tenant, gate, clock)


async def test_the_same_request_again_starts_nothing(starts: Starts) -> None:
    first = await starts.start("k1")
    second = await starts.start("k1")
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.content == first.content
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["content-type"] == "application/json"
    assert await starts.count() == 1


async def test_without_a_key_every_request_starts(starts: Starts) -> None:
    assert (await starts.start(None)).json() != (await starts.start(None)).json()
    assert await starts.count() == 2


async def test_another_key_starts_again(starts: Starts) -> None:
    assert (await starts.start("k1")).json() != (await starts.start("k2")).json()


async def test_a_key_of_another_request_is_422(starts: Starts) -> None:
    await starts.start("k1")
    for answer in (
        await starts.start("k1", name="y"),
        await starts.start("k1", path="/api/test/starts/b"),
        await starts.start("k1", path="/api/test/starts/a?dry=1"),
    ):
        assert answer.status_code == 422
        assert answer.json()["message"] == "This Idempotency-Key was used with another request."
    assert await starts.count() == 1


async def test_the_same_body_spelt_differently_is_the_same_request(starts: Starts) -> None:
    first = await starts.start("k1")
    spaced = await starts.alice.post(
        "/api/test/starts/a",
        content=b'{ "name" : "\\u0078" }',
        headers={"Idempotency-Key": "k1"},
    )
    assert spaced.content == first.content


async def test_a_refusal_is_not_kept(starts: Starts) -> None:
    refused = await starts.start("k1", refuse=True)
    assert refused.status_code == 409
    assert (await starts.start("k1", refuse=True)).status_code == 409
    assert (await starts.start("k1")).status_code == 202
    assert await starts.count() == 1


async def test_requests_at_the_same_time_start_once(starts: Starts) -> None:
    starts.gate.open.clear()
    first = asyncio.create_task(starts.start("k1"))
    async with asyncio.timeout(60):
        await starts.gate.entered.wait()
    others = [asyncio.create_task(starts.start("k1")) for _ in range(5)]
    await waiting_for_a_lock(starts.server.context.database, 5)
    starts.gate.open.set()
    answers = await asyncio.gather(first, *others)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert await starts.count() == 1


async def test_who_waited_for_a_refused_request_does_the_work(starts: Starts) -> None:
    starts.gate.open.clear()
    first = asyncio.create_task(starts.start("k1", refuse=True))
    async with asyncio.timeout(60):
        await starts.gate.entered.wait()
    second = asyncio.create_task(starts.start("k1"))
    await waiting_for_a_lock(starts.server.context.database, 1)
    starts.gate.open.set()
    assert [(await first).status_code, (await second).status_code] == [409, 202]
    assert await starts.count() == 1


async def test_a_key_is_its_principals_own(starts: Starts) -> None:
    database = starts.server.context.database
    await make_user(database, starts.tenant, username="bob")
    await make_tenant(database, admin_username="charlie")
    bob = await starts.server.log_in("bob")
    charlie = await starts.server.log_in("charlie")
    answers = [await starts.start("k1", by=by) for by in (starts.alice, bob, charlie)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert await starts.count() == 3


async def test_a_key_is_free_again_after_a_day(starts: Starts) -> None:
    first = await starts.start("k1")
    starts.clock.now += timedelta(hours=9)
    assert (await starts.start("k1")).content == first.content
    starts.clock.now += timedelta(hours=15)
    alice = await starts.server.log_in("alice")
    late = await starts.start("k1", name="another request", by=alice)
    assert late.status_code == 202
    assert late.content != first.content
    assert (await starts.start("k1", name="another request", by=alice)).content == late.content


async def test_free_keys_are_pruned(starts: Starts) -> None:
    database = starts.server.context.database
    await starts.start("old")
    starts.clock.now += timedelta(hours=9)
    await starts.start("young")
    pruned_at = starts.clock.now + timedelta(hours=15)
    assert await prune_idempotency_keys(database, now=pruned_at) == 1
    async with database.system() as tx:
        assert await tx.fetchval("SELECT string_agg(key, ',') FROM idempotency_keys") == "young"


@pytest.mark.parametrize("key", ["", "two words", "x" * 256])
async def test_a_key_that_is_no_key_is_400(starts: Starts, key: str) -> None:
    answer = await starts.start(key)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["message"]
    assert await starts.count() == 0


async def waiting_for_a_lock(database: Database, number: int) -> None:
    """Returns when so many sessions wait for another's transaction to end."""
    async with asyncio.timeout(60):
        while True:
            async with database.system() as tx:
                found = await tx.fetchval(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
                )
            if found >= number:
                return
            await asyncio.sleep(0.01)
