"""Who is behind a credential, asked of the database for many requests at a time.

While one statement is under way, the next one gathers: requests that come together share a round
trip, and those with the same key share a row. A request is never answered from a statement that
began before it, so that what was revoked is so from the next request on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, Generic, TypeVar
from uuid import UUID

from treadle.db.database import Database
from treadle.engine.groups import GroupCommit
from treadle.identity import client_store, session_store

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")

MOST_AT_ONCE: Final = 200
"""Look-ups a statement."""


def _never(error: Exception) -> bool:
    """A look-up that fails is no fault of what was looked for: asking one by one would not help."""
    return False


class Lookup(Generic[K, R]):
    """Finds rows by their keys, those of all who ask meanwhile with one statement."""

    def __init__(self, find_all: Callable[[Sequence[K]], Awaitable[dict[K, R]]]) -> None:
        self._find_all = find_all
        self._group = GroupCommit[K, R | None](self._flush, max_batch=MOST_AT_ONCE, isolate=_never)

    async def find(self, key: K) -> R | None:
        """The row of this moment, or None. Raises DatabaseUnavailable."""
        return await self._group.submit(key)

    async def _flush(self, keys: list[K]) -> list[R | None]:
        found = await self._find_all(list(dict.fromkeys(keys)))
        return [found.get(key) for key in keys]


class Lookups:
    """The look-ups of one process. One event loop only."""

    def __init__(self, db: Database) -> None:
        self.keys = Lookup[UUID, client_store.KeyCaller](
            lambda client_ids: client_store.find_callers_by_key(db, client_ids)
        )
        self.client_tokens = Lookup[bytes, client_store.TokenCaller](
            lambda hashes: client_store.find_callers_by_token(db, hashes)
        )
        self.sessions = Lookup[bytes, session_store.Caller](
            lambda hashes: session_store.find_callers(db, hashes)
        )
