"""What the engine's tests share: tenants, and a look at the tables."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from treadle.db.database import Database
from treadle.engine.queue import submit

DEADLINE_SECONDS = 30.0
"""No test waits so long for something that happens; it is how long one waits before it fails."""


class Bench:
    """The engine's tables as a test looks at them: by the owner, who sees all."""

    def __init__(self, database: Database, owner: asyncpg.Connection) -> None:
        self.database = database
        self.owner = owner

    async def tenant(self) -> UUID:
        tenant_id = uuid4()
        await self.owner.execute(
            "INSERT INTO treadle.tenants (id, name, created_at) VALUES ($1, $2, $3)",
            tenant_id,
            str(tenant_id),
            datetime.now(UTC),
        )
        return tenant_id

    async def submit(
        self, tenant_id: UUID, *payloads: bytes, lane: str = "work", bound: int = 1000
    ) -> None:
        async with self.database.tenant(tenant_id) as tx:
            await submit(tx, lane, tenant_id, payloads, bound=bound)

    async def queued(self, lane: str = "work", status: str | None = None) -> list[bytes]:
        """Payloads in PgQueuer's table, without the tenant, in the order they are handed out."""
        rows: list[Any] = await self.owner.fetch(
            "SELECT payload FROM queue.pgqueuer WHERE entrypoint = $1 "
            "AND ($2::text IS NULL OR status::text = $2) ORDER BY priority DESC, id",
            lane,
            status,
        )
        return [row["payload"][16:] for row in rows]

    async def backlog(self, lane: str = "work") -> list[bytes]:
        rows: list[Any] = await self.owner.fetch(
            "SELECT payload FROM treadle.backlog WHERE lane = $1 ORDER BY id", lane
        )
        return [row["payload"] for row in rows]

    async def count(self, table: str) -> int:
        found: Any = await self.owner.fetchval(f"SELECT count(*) FROM {table}")
        return found

    async def is_idle(self) -> bool:
        """Nothing is left of any entry: one statement, for entries move from one to the other."""
        tables = ("queue.pgqueuer", "treadle.admissions", "treadle.backlog")
        rows = " OR ".join(f"EXISTS (SELECT FROM {table})" for table in tables)
        found: Any = await self.owner.fetchval(f"SELECT NOT ({rows})")
        return bool(found)


async def until(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    """Returns when the condition holds; fails when it does not in DEADLINE_SECONDS."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)
