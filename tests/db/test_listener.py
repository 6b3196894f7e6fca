"""Notifications arrive, through losses of the connection too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from structlog.testing import capture_logs

from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.listener import listen
from treadle.db.prepare import prepare_database


class Heard:
    """What a listener was told, to be waited for."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.beginnings: asyncio.Queue[None] = asyncio.Queue()

    def on_message(self, channel: str, payload: str) -> None:
        self.messages.put_nowait((channel, payload))

    def on_reconnect(self) -> None:
        self.beginnings.put_nowait(None)

    async def next_message(self) -> tuple[str, str]:
        async with asyncio.timeout(60):
            return await self.messages.get()

    async def next_beginning(self) -> None:
        async with asyncio.timeout(60):
            await self.beginnings.get()


@asynccontextmanager
async def listening(
    database: Database, callback: Callable[[str, str], None], heard: Heard
) -> AsyncGenerator[None]:
    task = asyncio.create_task(
        listen(database, ["one", "two"], callback, on_reconnect=heard.on_reconnect)
    )
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def notify(owner: asyncpg.Connection, channel: str, payload: str) -> None:
    await owner.execute("SELECT pg_notify($1, $2)", channel, payload)


async def listener_processes(owner: asyncpg.Connection) -> list[int]:
    rows = await owner.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND query LIKE 'LISTEN %'"
    )
    return [row["pid"] for row in rows]


async def test_channels_are_told_apart_and_others_are_not_heard(
    database: Database, owner: asyncpg.Connection
) -> None:
    heard = Heard()
    async with listening(database, heard.on_message, heard):
        await heard.next_beginning()
        for channel, payload in (("one", "1"), ("three", "3"), ("two", ""), ("one", "ü")):
            await notify(owner, channel, payload)
        assert [await heard.next_message() for _ in range(3)] == [
            ("one", "1"),
            ("two", ""),
            ("one", "ü"),
        ]
        assert len(await listener_processes(owner)) == 1


async def test_listening_goes_on_after_the_connection_was_lost(
    database: Database, owner: asyncpg.Connection
) -> None:
    heard = Heard()
    async with listening(database, heard.on_message, heard):
        for number in range(3):
            await heard.next_beginning()
            await notify(owner, "one", str(number))
            assert await heard.next_message() == ("one", str(number))
            for process in await listener_processes(owner):
                await owner.execute("SELECT pg_terminate_backend($1, 5000)", process)


async def test_listening_begins_again_when_the_server_is_back(quick_path: Path) -> None:
    server = EmbeddedPostgres(quick_path / "postgres", settings={"fsync": "off"})
    url = server.start()
    try:
        await prepare_database(url, b"secret")
        database = await Database.connect(url, b"secret", min_size=0)
        heard = Heard()
        with capture_logs() as logs:
            async with listening(database, heard.on_message, heard):
                await heard.next_beginning()
                server.stop()
                async with asyncio.timeout(60):
                    while not any(line["event"] == "listener_failed" for line in logs):
                        await asyncio.sleep(0.01)
                server.start()
                await heard.next_beginning()
                async with database.system() as tx:
                    await tx.execute("SELECT pg_notify('two', 'back')")
                assert await heard.next_message() == ("two", "back")
        await database.close()
    finally:
        server.stop()


async def test_callback_that_throws_does_not_end_the_listening(
    database: Database, owner: asyncpg.Connection
) -> None:
    heard = Heard()

    def fails_once(channel: str, payload: str) -> None:
        heard.on_message(channel, payload)
        if payload == "bad":
            raise LookupError

    async with listening(database, fails_once, heard):
        await heard.next_beginning()
        await notify(owner, "one", "bad")
        await notify(owner, "one", "good")
        assert await heard.next_message() == ("one", "bad")
        assert await heard.next_message() == ("one", "good")
        assert heard.beginnings.empty()


async def test_cancelled_listener_gives_its_connection_back(
    database: Database, owner: asyncpg.Connection
) -> None:
    heard = Heard()
    async with listening(database, heard.on_message, heard):
        await heard.next_beginning()
        (process,) = await listener_processes(owner)
    async with asyncio.timeout(60):
        while process in await listener_processes(owner):
            await asyncio.sleep(0.01)
