"""The log as server-sent events: live, resumable, and without traces when nobody listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.integration_manager.house import House, open_house
from fixtures.server import make_context, serving
from fixtures.workers import working
from treadle.db.database import Database
from treadle.engine.live import Changes, LiveHub
from treadle.jobs import attempts
from treadle.jobs.model import Run, RunState


class CountingHub(LiveHub):
    """The real hub, which knows how many listen."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.listeners = 0
        self.left = asyncio.Event()

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncGenerator[Changes]:
        self.listeners += 1
        try:
            async with super().subscribe(topic) as changes:
                yield changes
        finally:
            self.listeners -= 1
            self.left.set()


@dataclass(frozen=True)
class Studio:
    """The people over a server whose listeners are counted."""

    house: House
    hub: CountingHub

    @property
    def stopping(self) -> asyncio.Event:
        """Set when the server begins to stop."""
        return self.house.server.context.stopping


@pytest.fixture
async def studio(database: Database, tmp_path: Path) -> AsyncGenerator[Studio]:
    hub = CountingHub(database)
    context = replace(make_context(database, tmp_path), live=hub)
    async with serving(context) as server, open_house(server) as people:
        yield Studio(people, hub)


@dataclass(frozen=True)
class Event:
    """One event as it came."""

    name: str
    data: Any
    id: str | None


async def events_of(answer: httpx.Response) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Event(fields["event"], json.loads(fields["data"]), fields.get("id"))
            fields = {}


@asynccontextmanager
async def following(
    client: httpx.AsyncClient, run: dict[str, Any], *, after: str | None = None
) -> AsyncGenerator[AsyncIterator[Event]]:
    headers = {} if after is None else {"Last-Event-ID": after}
    url = f"{run['href']}/log?follow=true"
    async with asyncio.timeout(60), client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield events_of(answer)


async def begun(house: House, job: dict[str, Any] | None = None) -> tuple[dict[str, Any], Run]:
    body = await house.run(job or await house.packaged())
    return body, await house.workshop().begin(await house.stored(body))


async def write(house: House, run: Run, text: str) -> None:
    workshop = house.workshop()
    assert await attempts.append_log(workshop.database, run, text, now=house.server.context.clock())


async def test_a_log_is_told_as_it_grows_and_ends_with_the_run(studio: Studio) -> None:
    house = studio.house
    body, run = await begun(house)
    seen: list[Event] = []
    async with following(house.max, body) as events:
        async for event in events:
            seen.append(event)
            match len(seen):
                case 1:
                    await write(house, run, "one\n")
                case 2:
                    await write(house, run, "zwei ü\n")
                case 3:
                    await house.workshop().end(run, log_tail="three\n")
                case _:
                    pass
    assert seen == [
        Event("state", {"status": "RUNNING"}, None),
        Event("log", {"attempt": 1, "text": "one\n"}, "4"),
        Event("log", {"attempt": 1, "text": "zwei ü\n"}, "12"),
        Event("log", {"attempt": 1, "text": "three\n"}, "18"),
        Event("end", {"status": "FINISHED"}, None),
    ]
    assert studio.hub.listeners == 0


async def test_who_comes_back_gets_the_rest(studio: Studio) -> None:
    house = studio.house
    body, run = await begun(house)
    for text in ("one\n", "two\n", "three\n"):
        await write(house, run, text)
    await house.workshop().end(run)

    async def texts(after: str | None) -> list[str]:
        async with following(house.max, body, after=after) as events:
            return [event.data.get("text", event.name) async for event in events]

    assert await texts(None) == ["one\n", "two\n", "three\n", "end"]
    assert await texts("0") == ["one\n", "two\n", "three\n", "end"]
    assert await texts("4") == ["two\n", "three\n", "end"]
    assert await texts("8") == ["three\n", "end"]
    assert await texts("14") == ["end"]
    assert await texts("999999999999999999") == ["end"]
    # What we never sent begins at the beginning.
    for strange in ("-1", "x", "1e3", "9" * 19, "9" * 300, "4.0"):
        assert (await texts(strange))[0] == "one\n"


async def test_every_state_on_the_way_is_told(studio: Studio) -> None:
    house = studio.house
    job = await house.packaged(blocking=True)
    first = await house.run(job)
    second = await house.run(job)
    names: list[str] = []
    async with following(house.max, second) as events:
        async for event in events:
            names.append(event.data["status"])
            if names == ["WAITING"]:
                await house.max.delete(first["href"])
            elif names == ["WAITING", "QUEUED"]:
                await house.max.delete(second["href"])
    assert names == ["WAITING", "QUEUED", "CANCELLED"]


async def test_several_follow_the_same_run(studio: Studio) -> None:
    house = studio.house
    body, run = await begun(house)
    ready = asyncio.Barrier(4)

    async def follow(client: httpx.AsyncClient) -> list[str]:
        seen: list[str] = []
        async with following(client, body) as events:
            async for event in events:
                seen.append(event.data.get("text", event.name))
                if len(seen) == 1:
                    await ready.wait()
        return seen

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(follow(c)) for c in (house.max, house.clara, house.alice)]
        async with asyncio.timeout(60):
            await ready.wait()
        await write(house, run, "one\n")
        await house.workshop().end(run)
    assert [task.result() for task in tasks] == [["state", "one\n", "end"]] * 3


async def test_who_hangs_up_leaves_nothing_behind(studio: Studio) -> None:
    house = studio.house
    body, run = await begun(house)
    before = asyncio.all_tasks()
    for _ in range(3):
        async with following(house.max, body) as events:
            assert (await anext(events)).name == "state"
            assert studio.hub.listeners == 1
        async with asyncio.timeout(60):
            while studio.hub.listeners:
                studio.hub.left.clear()
                await studio.hub.left.wait()
    left = asyncio.all_tasks() - before
    if left:
        _, pending = await asyncio.wait(left, timeout=30)
        assert not pending
    await write(house, run, "still there\n")
    await house.workshop().end(run)
    assert (await house.max.get(f"{body['href']}/log")).text == "still there\n"


async def test_no_transaction_is_open_while_somebody_listens(studio: Studio) -> None:
    house = studio.house
    body, run = await begun(house)
    async with following(house.max, body) as events:
        assert (await anext(events)).name == "state"
        async with asyncio.timeout(60), house.server.context.database.system() as tx:
            # Every two seconds the follower looks again by itself; in between nothing is open.
            while await tx.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
            ):
                await asyncio.sleep(0.01)
        await house.workshop().end(run)
        assert [event.name async for event in events] == ["end"]


async def test_a_server_that_stops_ends_its_streams(studio: Studio) -> None:
    house = studio.house
    body, _ = await begun(house)
    async with following(house.max, body) as events:
        assert (await anext(events)).name == "state"
        studio.stopping.set()
        assert [event async for event in events] == []
    assert studio.hub.listeners == 0


async def test_a_log_is_followed_by_those_who_may_read_it(studio: Studio) -> None:
    house = studio.house
    body, _ = await begun(house)
    for client, status in (
        (house.anonymous, 401),
        (house.mia, 403),
        (house.oscar, 404),
        (house.mallory, 404),
    ):
        answer = await client.get(f"{body['href']}/log?follow=true")
        assert answer.status_code == status
    wrong = await house.max.get(f"{body['href']}/log?follow=perhaps")
    assert wrong.status_code == 400


async def test_a_running_package_is_heard_live(
    studio: Studio, tmp_path: Path, package_cache: Path
) -> None:
    house = studio.house
    job = await house.packaged(
        "import sys, time\n"
        "def main():\n"
        "    print('begun', flush=True)\n"
        "    while True:\n"
        "        time.sleep(0.05)\n"
    )
    async with working(house.workshop(), tmp_path, package_cache):
        body = await house.run(job)
        seen: list[Event] = []
        async with following(house.max, body) as events:
            async for event in events:
                seen.append(event)
                if event.name == "log" and "begun" in event.data["text"]:
                    # The code goes on for ever: what came, came while it ran.
                    assert (await house.stored(body)).state is RunState.RUNNING
                    assert (await house.max.delete(body["href"])).status_code == 202
    assert seen[-1] == Event("end", {"status": "FAILED"}, None)
    texts = "".join(event.data["text"] for event in seen if event.name == "log")
    assert texts.startswith("begun\n")
    assert texts == (await house.max.get(f"{body['href']}/log")).text
