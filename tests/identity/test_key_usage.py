"""When and from where a key was used last."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from factories import NOW, administrator_of, make_key, make_tenant
from treadle.core.ids import new_id
from treadle.db.database import Database
from treadle.identity.api_keys import delete_key
from treadle.identity.key_usage import WRITE_EVERY, KeyUsage

SECOND = timedelta(seconds=1)


async def stored(owner: asyncpg.Connection, client_id: UUID) -> tuple[datetime, str] | None:
    row = await owner.fetchrow(
        "SELECT last_used_at, last_used_from FROM treadle.api_keys WHERE client_id = $1", client_id
    )
    assert row is not None
    return None if row["last_used_at"] is None else (row["last_used_at"], row["last_used_from"])


async def test_a_note_reaches_the_database_when_it_is_written_and_not_before(
    database: Database, owner: asyncpg.Connection
) -> None:
    tenant = await make_tenant(database)
    used, unused = await make_key(database, tenant), await make_key(database, tenant)
    usage = KeyUsage()
    usage.note(used.key.client_id, address="192.0.2.1", now=NOW)
    usage.note(used.key.client_id, address="192.0.2.2", now=NOW + SECOND)
    assert await stored(owner, used.key.client_id) is None

    assert await usage.write(database) == 1

    assert await stored(owner, used.key.client_id) == (NOW + SECOND, "192.0.2.2")
    assert await stored(owner, unused.key.client_id) is None
    assert await usage.write(database) == 0


async def test_a_key_is_written_at_most_once_a_minute_whichever_process_writes(
    database: Database, owner: asyncpg.Connection
) -> None:
    issued = await make_key(database, await make_tenant(database))
    client_id = issued.key.client_id
    first, second = KeyUsage(), KeyUsage()
    written: list[int] = []
    for usage, at in (
        (first, NOW),
        (second, NOW + WRITE_EVERY - SECOND),
        (first, NOW - WRITE_EVERY),
        (second, NOW + WRITE_EVERY),
    ):
        usage.note(client_id, address="192.0.2.1", now=at)
        written.append(await usage.write(database))
    assert written == [1, 0, 0, 1]
    assert await stored(owner, client_id) == (NOW + WRITE_EVERY, "192.0.2.1")


async def test_a_key_that_is_gone_is_left_out(
    database: Database, owner: asyncpg.Connection
) -> None:
    tenant = await make_tenant(database)
    kept, gone = await make_key(database, tenant), await make_key(database, tenant)
    usage = KeyUsage()
    for client_id in (gone.key.client_id, kept.key.client_id, new_id()):
        usage.note(client_id, address="192.0.2.1", now=NOW)
    async with database.tenant(tenant.tenant.id) as tx:
        await delete_key(tx, administrator_of(tenant), gone.key.client_id, now=NOW)
    assert await usage.write(database) == 1
    assert await stored(owner, kept.key.client_id) == (NOW, "192.0.2.1")


async def test_processes_that_write_the_same_keys_do_not_block_each_other(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    client_ids = [(await make_key(database, tenant)).key.client_id for _ in range(10)]
    usages = [KeyUsage() for _ in range(6)]
    for number, usage in enumerate(usages):
        for client_id in client_ids if number % 2 else reversed(client_ids):
            usage.note(client_id, address="192.0.2.1", now=NOW)
    async with asyncio.timeout(60):
        written = await asyncio.gather(*(usage.write(database) for usage in usages))
    assert sum(written) == 10


async def test_what_could_not_be_written_stays_noted(
    database: Database, owner: asyncpg.Connection
) -> None:
    issued = await make_key(database, await make_tenant(database))
    usage = KeyUsage()
    usage.note(issued.key.client_id, address="192.0.2.1", now=NOW)
    await owner.execute("ALTER TABLE treadle.api_keys RENAME TO away")
    with pytest.raises(asyncpg.UndefinedTableError):
        await usage.write(database)
    await owner.execute("ALTER TABLE treadle.away RENAME TO api_keys")
    assert await usage.write(database) == 1
    assert await stored(owner, issued.key.client_id) == (NOW, "192.0.2.1")
