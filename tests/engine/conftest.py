from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

import asyncpg
import pytest

from engine.bench import DEADLINE_SECONDS, Bench
from treadle.db.database import Database
from treadle.engine.live import LiveHub


@pytest.fixture
def bench(database: Database, owner: asyncpg.Connection) -> Bench:
    return Bench(database, owner)


@pytest.fixture
async def alice(bench: Bench) -> UUID:
    return await bench.tenant()


@pytest.fixture
async def bob(bench: Bench) -> UUID:
    return await bench.tenant()


@pytest.fixture
async def hub(database: Database) -> AsyncGenerator[LiveHub]:
    """Listens already when the test begins."""
    found = LiveHub(database)
    listening = asyncio.Event()
    unwatch = found.watch("any", listening.set)
    found.start()
    async with asyncio.timeout(DEADLINE_SECONDS):
        await listening.wait()
    unwatch()
    yield found
    await found.stop()
