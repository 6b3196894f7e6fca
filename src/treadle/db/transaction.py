"""One transaction: what stores are given to read and write with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from treadle.db.connection import is_closed

log = structlog.get_logger()


class Transaction:
    """An open transaction. It ends with the block that opened it, never in here.

    `tenant_id` is the tenant whose rows it sees; None sees all (the system's). `connection` is for
    libraries that need asyncpg's own, such as PgQueuer; they must not end the transaction.
    """

    __slots__ = ("_hooks", "_savepoints", "connection", "tenant_id")

    def __init__(self, connection: asyncpg.Connection, *, tenant_id: UUID | None) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self._hooks: list[Callable[[], None]] = []
        self._savepoints = 0

    @property
    def tenant(self) -> UUID:
        """The tenant of this transaction; ValueError in one of the system, which has none."""
        if self.tenant_id is None:
            raise ValueError("this needs the transaction of a tenant")
        return self.tenant_id

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """All rows."""
        return await self.connection.fetch(query, *args)

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """The first row, or None."""
        return await self.connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: object) -> Any:
        """The first column of the first row, or None."""
        return await self.connection.fetchval(query, *args)

    async def execute(self, query: str, *args: object) -> int:
        """The number of rows that the statement changed (or selected); 0 for other commands."""
        status: str = await self.connection.execute(query, *args)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def executemany(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        """Runs the statement for each row of arguments, in one go."""
        await self.connection.executemany(query, rows)

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None]:
        """What fails inside is undone alone; the exception goes on to the caller.

        Hooks that were registered inside are forgotten with it.
        """
        self._savepoints += 1
        name = f"savepoint_{self._savepoints}"
        hooks = len(self._hooks)
        await self.connection.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            del self._hooks[hooks:]
            # After a loss of the connection there is nothing left to undo.
            if not is_closed(self.connection):
                await self.connection.execute(f"ROLLBACK TO {name}; RELEASE {name}")
            raise
        await self.connection.execute(f"RELEASE {name}")

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Calls `hook` once, after the commit has succeeded; never if it does not."""
        self._hooks.append(hook)

    def run_hooks(self) -> None:
        """For the block that committed. What was committed stands, whatever a hook does."""
        hooks, self._hooks = self._hooks, []
        for hook in hooks:
            try:
                hook()
            except Exception:
                log.exception("after_commit_hook_failed")
