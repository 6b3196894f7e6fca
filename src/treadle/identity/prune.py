"""Deletes what no login can need any more, in small transactions that hold nobody up."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity import client_store, invitation_store
from treadle.identity import session_store as store
from treadle.identity.invitations import KEPT_FOR
from treadle.identity.lockout import WINDOW

BATCH = 1000
"""Rows a transaction."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went."""

    access_tokens: int
    client_tokens: int
    sessions: int
    login_failures: int
    invitations: int


class _Delete(Protocol):
    def __call__(self, tx: Transaction, *, before: datetime, most: int) -> Awaitable[int]: ...


async def prune(db: Database, *, now: datetime, batch: int = BATCH) -> Pruned:
    """Deletes expired access and client tokens, expired sessions with all their tokens, failed
    logins that no lock-out counts, and invitations a month after their end. Any number of processes
    may prune at the same time.

    A used refresh token stays as long as its session: it has to be known when it comes again.
    """
    return Pruned(
        access_tokens=await _all(db, store.delete_access_tokens, before=now, batch=batch),
        client_tokens=await _all(db, client_store.delete_client_tokens, before=now, batch=batch),
        sessions=await _all(db, store.delete_sessions, before=now, batch=batch),
        login_failures=await _all(db, store.delete_failures, before=now - WINDOW, batch=batch),
        invitations=await _all(
            db, invitation_store.delete_invitations, before=now - KEPT_FOR, batch=batch
        ),
    )


async def _all(db: Database, delete: _Delete, *, before: datetime, batch: int) -> int:
    """Until less than a batch was left."""
    total = 0
    while True:
        async with db.system() as tx:
            deleted = await delete(tx, before=before, most=batch)
        total += deleted
        if deleted < batch:
            return total
