"""Reads of the system without a transaction: one statement, one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from fixtures.database import PREFIX, SECRET
from treadle.db.database import Database
from treadle.db.errors import DatabaseUnavailable


@pytest.fixture
async def single(database_url: str) -> AsyncGenerator[Database]:
    """A database with one connection of each kind."""
    found = await Database.connect(
        database_url, SECRET, prefix=PREFIX, min_size=1, max_size=1, acquire_timeout_seconds=60
    )
    yield found
    await found.close()


async def backend_of(db: Database) -> int:
    (row,) = await db.system_fetch("SELECT pg_backend_pid() AS pid")
    return row["pid"]


async def test_it_sees_the_rows_of_all_tenants(database: Database) -> None:
    async with database.system() as tx:
        for name in ("alice", "stranger"):
            await tx.execute("INSERT INTO tenants VALUES (gen_random_uuid(), $1, now())", name)
    rows = await database.system_fetch(
        "SELECT name FROM tenants WHERE name <> $1 ORDER BY name", "nobody"
    )
    assert rows == [("alice",), ("stranger",)]
    assert await database.system_fetch("SELECT 1 FROM tenants WHERE false") == []


async def test_no_transaction_is_left_and_the_connection_is_used_again(
    single: Database, owner: asyncpg.Connection
) -> None:
    backend = await backend_of(single)
    state = await owner.fetchval("SELECT state FROM pg_stat_activity WHERE pid = $1", backend)
    assert state == "idle"
    assert await backend_of(single) == backend


async def test_a_connection_that_died_is_replaced_unseen(
    single: Database, owner: asyncpg.Connection
) -> None:
    victim = await backend_of(single)
    await owner.execute("SELECT pg_terminate_backend($1, 5000)", victim)
    assert await backend_of(single) != victim


async def test_a_table_that_changed_under_the_statement_is_read_again(
    single: Database, owner: asyncpg.Connection
) -> None:
    await owner.execute("CREATE TABLE treadle.notes (id int)")
    await owner.execute("INSERT INTO treadle.notes VALUES (7)")
    await owner.execute("GRANT SELECT ON treadle.notes TO treadle_system")
    assert await single.system_fetch("SELECT * FROM notes") == [(7,)]
    await owner.execute("ALTER TABLE treadle.notes ADD COLUMN more text DEFAULT 'new'")
    assert await single.system_fetch("SELECT * FROM notes") == [(7, "new")]


async def test_a_bad_statement_is_an_error_and_harms_no_other(single: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await single.system_fetch("SELECT * FROM nothing_of_ours")
    await backend_of(single)


async def test_a_pool_that_is_used_up_is_unavailable(database_url: str) -> None:
    impatient = await Database.connect(
        database_url, SECRET, prefix=PREFIX, min_size=1, max_size=1, acquire_timeout_seconds=3
    )
    async with impatient.system():
        with pytest.raises(DatabaseUnavailable):
            await backend_of(impatient)
    await backend_of(impatient)
    await impatient.close()


async def test_a_cancelled_read_gives_its_place_back(
    single: Database, owner: asyncpg.Connection
) -> None:
    reading = asyncio.create_task(single.system_fetch("SELECT pg_sleep(60)"))
    async with asyncio.timeout(60):
        while not await owner.fetchval(
            "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
            " AND state = 'active' AND datname = current_database()"
        ):
            await owner.execute("SELECT pg_stat_clear_snapshot()")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await backend_of(single)
