"""Keys that are about to expire are announced once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from factories import FAR, NOW, administrator_of, make_key, make_rule, make_tenant
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity.api_keys import KeyDraft, change_key
from treadle.identity.expiring_keys import announce_expiring_keys
from treadle.identity.model import ApiKey

DAY = timedelta(days=1)
INSTANT = timedelta(milliseconds=1)


async def test_keys_of_all_tenants_are_announced_a_week_before_and_once(
    database: Database,
) -> None:
    tenant, other = await make_tenant(database), await make_tenant(database)
    late = await make_key(
        database,
        other,
        expires_at=NOW + 7 * DAY,
        role="Consumer",
        firewall_rules=[make_rule("10.0.0.1")],
    )
    soon = await make_key(database, tenant, expires_at=NOW + DAY)
    later = await make_key(database, tenant, expires_at=NOW + 7 * DAY + INSTANT)
    await make_key(database, tenant)
    await make_key(database, tenant, expires_at=NOW, now=NOW - DAY)

    assert await announce_expiring_keys(database, now=NOW) == [soon.key, late.key]
    assert await announce_expiring_keys(database, now=NOW) == []
    assert await announce_expiring_keys(database, now=NOW + INSTANT) == [later.key]


async def test_another_expiry_is_announced_anew_and_the_same_is_not(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, expires_at=NOW + DAY)
    await announce_expiring_keys(database, now=NOW)

    async def change(draft: KeyDraft) -> ApiKey:
        async with database.tenant(tenant.tenant.id) as tx:
            return await change_key(
                tx, administrator_of(tenant), issued.key.client_id, draft, now=NOW
            )

    await change(KeyDraft("described anew", NOW + DAY))
    assert await announce_expiring_keys(database, now=NOW) == []
    moved = await change(KeyDraft("moved", NOW + 10 * DAY))
    assert await announce_expiring_keys(database, now=NOW + 2 * DAY) == []
    assert await announce_expiring_keys(database, now=NOW + 3 * DAY) == [moved]
    await change(KeyDraft("for long", FAR))
    assert await announce_expiring_keys(database, now=NOW + 4 * DAY) == []


async def test_processes_that_announce_at_once_share_the_keys(database: Database) -> None:
    tenant = await make_tenant(database)
    expected = [
        (await make_key(database, tenant, expires_at=NOW + DAY + n * INSTANT)).key
        for n in range(12)
    ]
    async with asyncio.timeout(60):
        shares = await asyncio.gather(
            *(announce_expiring_keys(database, now=NOW, batch=2) for _ in range(4))
        )
    announced = [key for share in shares for key in share]
    assert sorted(key.client_id for key in announced) == sorted(key.client_id for key in expected)


async def test_what_is_told_and_the_mark_are_written_together(database: Database) -> None:
    tenant = await make_tenant(database)
    for n in range(3):
        await make_key(database, tenant, description=f"key {n}", expires_at=NOW + (n + 1) * DAY)
    told: list[str] = []

    async def fail_at_the_second_batch(tx: Transaction, keys: Sequence[ApiKey]) -> None:
        if told:
            raise ConnectionResetError("no mail today")
        told.extend(key.description for key in keys)

    with pytest.raises(ConnectionResetError):
        await announce_expiring_keys(database, now=NOW, announce=fail_at_the_second_batch, batch=2)
    assert told == ["key 0", "key 1"]
    again = await announce_expiring_keys(database, now=NOW)
    assert [key.description for key in again] == ["key 2"]
