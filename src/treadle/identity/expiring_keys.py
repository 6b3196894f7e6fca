"""Says of API keys that they are about to expire, and that they have: once for each expiry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity import api_key_store as store
from treadle.identity import audit
from treadle.identity.model import ApiKey

ANNOUNCED_BEFORE: Final = timedelta(days=7)
BATCH: Final = 500
"""Keys a transaction."""

Announce = Callable[[Transaction, Sequence[ApiKey]], Awaitable[None]]
"""Writes what is to be told, in the transaction that marks the keys as announced."""


async def announce_expiring_keys(
    db: Database, *, now: datetime, announce: Announce | None = None, batch: int = BATCH
) -> list[ApiKey]:
    """The keys of all tenants that expire within a week and were not announced yet; now they are,
    in the audit log and by `announce`.

    Any number of processes may do it at the same time: each key is one's. `announce` gets them
    batch by batch; if it raises, its batch is announced another time. A key whose expiry is moved
    is announced again.
    """
    announced: list[ApiKey] = []
    while True:
        async with db.system() as tx:
            keys = await store.mark_announced(
                tx, before=now + ANNOUNCED_BEFORE, most=batch, now=now
            )
            await _record(tx, "key.expires_soon", keys, now=now)
            if keys and announce is not None:
                await announce(tx, keys)
        announced += keys
        if len(keys) < batch:
            return announced


async def record_expired_keys(db: Database, *, now: datetime, batch: int = BATCH) -> int:
    """Writes into the audit log which keys have expired since the last time, and says how many.

    The keys are dead anyway, from the instant of their expiry on.
    """
    total = 0
    while True:
        async with db.system() as tx:
            keys = await store.mark_expired(tx, most=batch, now=now)
            await _record(tx, "key.expire", keys, now=now)
        total += len(keys)
        if len(keys) < batch:
            return total


async def _record(tx: Transaction, action: str, keys: Sequence[ApiKey], *, now: datetime) -> None:
    # In one order everywhere: two processes that lock the heads of two tenants do not wait for
    # each other.
    for key in sorted(keys, key=lambda key: key.tenant_id):
        await audit.record(
            tx,
            audit.ITSELF,
            tenant_id=key.tenant_id,
            action=action,
            target=key.ref,
            after={"description": key.description, "expires_at": key.expires_at},
            now=now,
        )
