"""What is pruned, and what must stay."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from factories import ADDRESS, NOW, log_in, make_key, make_tenant
from treadle.core.errors import Unauthenticated
from treadle.db.database import Database
from treadle.identity.client_tokens import issue_token
from treadle.identity.lookups import Lookups
from treadle.identity.prune import Pruned, prune
from treadle.identity.sessions import authenticate, log_out, refresh

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def count(db: Database, table: str) -> int:
    async with db.system() as tx:
        return await tx.fetchval(f"SELECT count(*) FROM {table}")


async def fail_to_log_in(db: Database, *, now: datetime) -> None:
    with pytest.raises(Unauthenticated):
        await log_in(db, "nobody", now=now)


async def test_nothing_that_lives_is_pruned(database: Database) -> None:
    await make_tenant(database, admin_username="alice")
    tokens = await log_in(database, "alice")
    newer = await refresh(database, refresh_token=tokens.refresh_token, now=NOW)
    ended = await log_in(database, "alice")
    await log_out(database, token=ended.access_token, now=NOW)
    await fail_to_log_in(database, now=NOW)

    assert await prune(database, now=NOW + timedelta(minutes=15)) == Pruned(0, 0, 0, 0, 0)

    await authenticate(Lookups(database), access_token=tokens.access_token, now=NOW)
    # The used refresh token is still known: presented again, it ends the session.
    with pytest.raises(Unauthenticated):
        await refresh(database, refresh_token=tokens.refresh_token, now=NOW)
    with pytest.raises(Unauthenticated):
        await authenticate(Lookups(database), access_token=newer.access_token, now=NOW)


async def test_what_is_over_is_pruned_in_batches(database: Database) -> None:
    await make_tenant(database, admin_username="alice")
    for _ in range(5):
        await log_in(database, "alice", now=NOW)
        await fail_to_log_in(database, now=NOW)
    living = await log_in(database, "alice", now=NOW + 25 * DAY)
    await fail_to_log_in(database, now=NOW + 30 * DAY)

    early = await prune(database, now=NOW + 11 * HOUR, batch=2)
    late = await prune(database, now=NOW + 30 * DAY + HOUR / 10, batch=2)

    assert early == Pruned(
        access_tokens=5, client_tokens=0, sessions=0, login_failures=5, invitations=0
    )
    assert late == Pruned(
        access_tokens=1, client_tokens=0, sessions=5, login_failures=0, invitations=0
    )
    assert await count(database, "sessions") == 1
    assert await count(database, "tokens") == 1
    assert await count(database, "login_failures") == 1
    await refresh(database, refresh_token=living.refresh_token, now=NOW + 30 * DAY + HOUR)


async def test_a_used_refresh_token_outlives_its_time_in_a_session_that_goes_on(
    database: Database,
) -> None:
    await make_tenant(database, admin_username="alice")
    first = await log_in(database, "alice")
    second = await refresh(database, refresh_token=first.refresh_token, now=NOW + 20 * DAY)

    await prune(database, now=NOW + 31 * DAY)

    with pytest.raises(Unauthenticated):
        await refresh(database, refresh_token=first.refresh_token, now=NOW + 31 * DAY)
    with pytest.raises(Unauthenticated):
        await refresh(database, refresh_token=second.refresh_token, now=NOW + 31 * DAY)


async def test_processes_that_prune_at_once_count_every_row_once(database: Database) -> None:
    await make_tenant(database, admin_username="alice")
    for _ in range(12):
        await log_in(database, "alice")

    async with asyncio.timeout(60):
        counts = await asyncio.gather(
            *(prune(database, now=NOW + 60 * DAY, batch=3) for _ in range(3))
        )

    assert sum(one.sessions for one in counts) == 12
    assert await count(database, "sessions") == 0
    assert await count(database, "tokens") == 0


async def test_client_tokens_are_pruned_when_they_have_expired(database: Database) -> None:
    issued = await make_key(database, await make_tenant(database))
    for n in range(5):
        await issue_token(
            database,
            client_id=str(issued.key.client_id),
            client_secret=issued.client_secret,
            address=ADDRESS,
            now=NOW + n * HOUR / 2,
        )

    assert (await prune(database, now=NOW + HOUR)).client_tokens == 0
    pruned = await prune(database, now=NOW + 2 * HOUR + HOUR / 4, batch=2)

    assert pruned.client_tokens == 3
    assert await count(database, "client_tokens") == 2
