"""A key that dies while 64 clients use it, at three processes: whoever asks after that is refused.

Three `treadle serve` share a database and nothing else. What counts is the order of events: a
request that begins after the answer to the deletion has arrived must not pass, in whichever
process. How long it took until each of them refused is printed (`pytest -s`), and not asserted.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from fixtures.server import ServeProcess

PASSWORD = "admin of the race tests"
PROCESSES = 3
CLIENTS = 64
BEFORE, AFTER = 5, 5
"""Requests of each client that must have been made before the key dies, and begun after it."""

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Asked:
    """One request of one client."""

    begun_at: float
    ended_at: float
    status: int


@dataclass
class Client:
    """Asks again and again, in one process, in one way."""

    process: int
    http: httpx.AsyncClient
    request: dict[str, Any]
    asked: list[Asked] = field(default_factory=list[Asked])
    has_begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask_until(self, done: Callable[[Client], bool]) -> None:
        """Asks until there was enough."""
        while not done(self):
            begun_at = time.monotonic()
            answer = await self.http.request(**self.request)
            self.asked.append(Asked(begun_at, time.monotonic(), answer.status_code))
            if len(self.asked) >= BEFORE:
                self.has_begun.set()


@pytest.fixture
async def processes(serve: Callable[..., ServeProcess]) -> list[ServeProcess]:
    """Processes with the API over one database."""
    quiet = {"TREADLE_ADMIN_PASSWORD": PASSWORD, "TREADLE_LOG_LEVEL": "warning"}
    # All clients have one address, and some of them ask for tokens as fast as they can.
    quiet["TREADLE_ANONYMOUS_RATE_LIMIT_PER_MINUTE"] = "0"
    started: list[ServeProcess] = []
    for _ in range(PROCESSES):
        process = serve("--only", "api", "--port", "0", **quiet)
        await process.ready()
        started.append(process)
    return started


async def administrator(stack: AsyncExitStack, url: str) -> httpx.AsyncClient:
    admin = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=60))
    answer = await admin.post("/api/login", json={"username": "admin", "password": PASSWORD})
    admin.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return admin


async def make_key(admin: httpx.AsyncClient) -> dict[str, Any]:
    body = {"description": "raced", "expires_at": "2036-01-01", "firewall_rules": []}
    key = (await admin.post("/v1/api-keys", json=body)).json()
    role = {"member_type": "api_key", "member_id": key["id"], "role": "Consumer"}
    assert (await admin.post("/v1/members", json=role)).status_code == 201
    return key


def ways_to_use(key: dict[str, Any], token: str) -> list[dict[str, Any]]:
    """By the key itself, by a token that it made, and by asking for another token."""
    form = {"client_id": key["client_id"], "client_secret": key["client_secret"]}
    read = {"method": "GET", "url": "/v1/roles"}
    return [
        {**read, "headers": {"X-Api-Key": key["api_key"]}},
        {**read, "headers": {"Authorization": f"Bearer {token}"}},
        {
            "method": "POST",
            "url": "/connect/token",
            "data": {"grant_type": "client_credentials", **form},
        },
        {**read, "headers": {"Authorization": f"Bearer {token}"}},
    ]


async def race(
    admin: httpx.AsyncClient,
    https: list[httpx.AsyncClient],
    end: dict[str, Any],
    key: dict[str, Any],
) -> None:
    """64 clients use the key, the request `end` ends it; fails if one passes that should not."""
    form = {"client_id": key["client_id"], "client_secret": key["client_secret"]}
    data = {"grant_type": "client_credentials", **form}
    token = (await https[1].post("/connect/token", data=data)).json()["access_token"]
    ways = ways_to_use(key, token)
    clients = [
        Client(number % PROCESSES, https[number % PROCESSES], ways[number // PROCESSES % len(ways)])
        for number in range(CLIENTS)
    ]
    dead_at: float | None = None

    def is_done(client: Client) -> bool:
        if dead_at is None:
            return False
        return sum(asked.begun_at > dead_at for asked in client.asked) >= AFTER

    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(client.ask_until(is_done))
        for client in clients:
            await client.has_begun.wait()
        dying_at = time.monotonic()
        answer = await admin.request(**end)
        dead_at = time.monotonic()
    assert answer.is_success, answer.text

    everything = [asked for client in clients for asked in client.asked]
    assert {asked.status for asked in everything if asked.ended_at < dying_at} == {200}
    assert {asked.status for asked in everything if asked.begun_at > dead_at} == {401}
    for process in range(PROCESSES):
        asked = [asked for client in clients if client.process == process for asked in client.asked]
        assert {one.status for one in asked} == {200, 401}
        refused_at = min(one.ended_at for one in asked if one.status == 401)
        sys.stdout.write(
            f"process {process + 1}: {len(asked)} requests; the first refusal"
            f" {(refused_at - dying_at) * 1000:.0f} ms after {end['method']} was sent\n"
        )


async def test_no_request_passes_that_begins_after_a_key_is_dead(
    processes: list[ServeProcess],
) -> None:
    limits = httpx.Limits(max_connections=CLIENTS)
    async with AsyncExitStack() as stack:
        admin = await administrator(stack, processes[0].url)
        https = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=process.url, limits=limits, timeout=60)
            )
            for process in processes
        ]
        deleted, rotated = await make_key(admin), await make_key(admin)
        path = f"/v1/api-keys/{deleted['id']}"
        await race(admin, https, {"method": "DELETE", "url": path}, deleted)
        path = f"/v1/api-keys/{rotated['id']}/rotate"
        await race(admin, https, {"method": "POST", "url": path}, rotated)
