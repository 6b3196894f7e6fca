"""A connection of the engine's own: reopened when it is lost, and never waited for in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from treadle.db.connection import is_closed
from treadle.db.database import Database

T = TypeVar("T")

ANSWER_SECONDS = 5.0
"""A database that does not answer for so long is taken for lost, like one that is gone."""

# The queue's tables are empty now and full a second later: a plan that was made for the empty table
# must not be one that reads the full table from end to end.
PREPARE = "SET enable_seqscan = off"
NOT_DURABLE = "SET synchronous_commit = off"


class Session:
    """One connection of the system role for one duty, outside the pools.

    Handlers that use up the pools cannot keep the engine from taking, finishing and keeping alive.
    What is committed by a session that is not `durable` may be taken back by a crash of the server,
    if that comes within a second; in return it waits for no disk.
    """

    def __init__(
        self, database: Database, *, durable: bool, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self._database = database
        self._prepare = PREPARE if durable else f"{PREPARE}; {NOT_DURABLE}"
        self._answer_seconds = answer_seconds
        self._connection: asyncpg.Connection | None = None
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """What `work` returns; one at a time. Raises what it raises, what connecting raises, or
        TimeoutError; whether `work` was committed is then unknown, and the next call reconnects."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._answer_seconds):
                    return await work(await self._connected())
            except BaseException:
                # In the middle of a statement or a transaction, perhaps: not worth finding out.
                self.close()
                raise

    def close(self) -> None:
        """Ends the connection; the next `run` would open another."""
        connection, self._connection = self._connection, None
        if connection is not None and not is_closed(connection):
            connection.terminate()

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or is_closed(self._connection):
            self._connection = await self._database.open_connection()
            await self._connection.execute(self._prepare)
        return self._connection
