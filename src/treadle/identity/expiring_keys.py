"""Says of API keys that they are about to expire, once for each expiry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity import api_key_store as store
from treadle.identity.model import ApiKey

ANNOUNCED_BEFORE: Final = timedelta(days=7)
BATCH: Final = 500
"""Keys a transaction."""

Announce = Callable[[Transaction, Sequence[ApiKey]], Awaitable[None]]
"""Writes what is to be told, in the transaction that marks the keys as announced."""


async def announce_expiring_keys(
    db: Database, *, now: datetime, announce: Announce | None = None, batch: int = BATCH
) -> list[ApiKey]:
    """The keys of all tenants that expire within a week and were not announced yet; now they are.

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
            if keys and announce is not None:
                await announce(tx, keys)
        announced += keys
        if len(keys) < batch:
            return announced
