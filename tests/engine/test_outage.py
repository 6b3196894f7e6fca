"""PostgreSQL is killed and comes back: the engine goes on by itself."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from engine.bench import DEADLINE_SECONDS, Bench, until
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.postmaster import read_postmaster
from treadle.db.prepare import prepare_database
from treadle.engine.admitter import Admitter
from treadle.engine.lanes import Lane
from treadle.engine.live import LiveHub, publish
from treadle.engine.queue import Entry
from treadle.engine.supervisor import Supervisor
from treadle.engine.timers import Ticker, set_timer

SECRET = b"the secret of a server that dies"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncGenerator[EmbeddedPostgres]:
    """A server that is started again when it dies. It need not survive a power cut: no fsync."""
    found = EmbeddedPostgres(tmp_path, settings={"fsync": "off", "shared_buffers": "64MB"})
    await asyncio.to_thread(found.start)
    await prepare_database(found.owner_url, SECRET)
    watching = asyncio.create_task(found.watch(every_seconds=0.02))
    yield found
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await asyncio.to_thread(found.stop)


async def kill(server: EmbeddedPostgres) -> None:
    """Kills the server and returns when another one answers."""
    before = read_postmaster(server.data)
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)

    def is_another() -> bool:
        found = read_postmaster(server.data)
        return found is not None and found.pid != before.pid and found.is_ready

    await until(is_another)


async def bench_on(server: EmbeddedPostgres, database: Database) -> Bench:
    return Bench(database, await asyncpg.connect(server.owner_url))


async def test_a_killed_server_interrupts_no_handler_and_loses_no_entry(
    server: EmbeddedPostgres,
) -> None:
    database = await Database.connect(server.owner_url, SECRET, min_size=0)
    hub = LiveHub(database)
    gate = asyncio.Event()
    begun: list[bytes] = []
    ended: list[bytes] = []

    async def handler(entry: Entry) -> None:
        begun.append(entry.payload)
        await gate.wait()
        ended.append(entry.payload)

    supervisor = Supervisor(database, hub, [Lane("work", handler, concurrency=2)])
    admitter = Admitter(database, hub, bound=3)
    ticker = Ticker(database, hub, bound=3)
    for part in (hub, supervisor, admitter, ticker):
        part.start()
    bench = await bench_on(server, database)
    alice = await bench.tenant()
    await bench.submit(alice, *[b"%d" % number for number in range(6)], bound=3)
    await set_soon(database, alice, b"timer")
    await until(lambda: begun == [b"0", b"1"])

    await kill(server)
    bench.owner.terminate()
    bench = await bench_on(server, database)
    # Nobody was interrupted, and nothing was begun a second time.
    assert (begun, ended) == ([b"0", b"1"], [])
    gate.set()
    await bench.submit(alice, b"after", bound=3)

    async def is_all_done() -> bool:
        return await bench.count("treadle.timers") == 0 and await bench.is_idle()

    await until(is_all_done)
    assert set(ended) == {b"0", b"1", b"2", b"3", b"4", b"5", b"after", b"timer"}
    assert (ended.count(b"0"), ended.count(b"1")) == (1, 1)
    async with hub.subscribe("topic") as changes:
        # Listening again too, not only polling.
        async with database.tenant(alice) as tx:
            await publish(tx, "topic")
        assert await changes.wait(poll_seconds=30)

    await supervisor.stop(grace_seconds=5)
    await admitter.stop()
    await ticker.stop()
    await hub.stop()
    bench.owner.terminate()
    await database.close()


async def test_ends_that_happen_without_a_database_are_written_when_it_is_back(
    server: EmbeddedPostgres,
) -> None:
    database = await Database.connect(server.owner_url, SECRET, min_size=0)
    hub = LiveHub(database)
    gate = asyncio.Event()
    handled: list[bytes] = []

    async def handler(entry: Entry) -> None:
        handled.append(entry.payload)
        await gate.wait()
        if entry.payload == b"fails" and handled.count(b"fails") == 1:
            raise ValueError("no luck")

    lane = Lane("work", handler, concurrency=2, retry_seconds=0.01)
    supervisor = Supervisor(database, hub, [lane])
    hub.start()
    supervisor.start()
    bench = await bench_on(server, database)
    await bench.submit(await bench.tenant(), b"succeeds", b"fails")
    await until(lambda: len(handled) == 2)
    bench.owner.terminate()
    found = read_postmaster(server.data)
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    gate.set()
    await until(lambda: supervisor.handling == {"work": 0})

    def is_another() -> bool:
        now = read_postmaster(server.data)
        return now is not None and now.pid != found.pid and now.is_ready

    await until(is_another)
    bench = await bench_on(server, database)
    await until(bench.is_idle)
    assert handled == [b"succeeds", b"fails", b"fails"]
    await supervisor.stop(grace_seconds=5)
    await hub.stop()
    bench.owner.terminate()
    await database.close()


async def test_stop_ends_without_a_database_too(server: EmbeddedPostgres) -> None:
    database = await Database.connect(server.owner_url, SECRET, min_size=0)
    hub = LiveHub(database)
    begun: list[bytes] = []

    async def handler(entry: Entry) -> None:
        begun.append(entry.payload)
        await asyncio.Event().wait()

    supervisor = Supervisor(
        database, hub, [Lane("work", handler, concurrency=2)], hand_back_seconds=0.2
    )
    hub.start()
    supervisor.start()
    bench = await bench_on(server, database)
    await bench.submit(await bench.tenant(), b"one", b"two")
    await until(lambda: len(begun) == 2)
    bench.owner.terminate()
    await asyncio.to_thread(server.stop)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await supervisor.stop(grace_seconds=0)
        await hub.stop()
        await database.close()


async def set_soon(database: Database, tenant_id: UUID, payload: bytes) -> None:
    async with database.tenant(tenant_id) as tx:
        due_at = datetime.now(UTC) + timedelta(seconds=0.5)
        await set_timer(tx, tenant_id, "work", "soon", due_at, payload)
