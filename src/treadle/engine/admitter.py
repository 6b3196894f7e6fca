"""From the backlog into the queue, round robin over tenants, as their places become free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.engine.live import LiveHub
from treadle.engine.loops import Loop
from treadle.engine.queue import BACKLOG_TOPIC, Entry, admit

NO_TENANT = UUID(int=0)
CONTENDED_SECONDS = 0.02


class Admitter:
    """Moves entries that waited over their tenant's bound. Any number of processes may run one.

    It looks at tenants of which `freed` told that a place became free, and besides goes round all
    that have entries waiting, `tenants_at_once` a tick: when something was put into the backlog,
    and every `poll_seconds`.
    """

    def __init__(
        self,
        database: Database,
        hub: LiveHub,
        *,
        bound: int,
        batch_size: int = 1000,
        tenants_at_once: int = 1000,
        poll_seconds: float = 1.0,
    ) -> None:
        self.loop = Loop("admitter", self._run, interval_seconds=poll_seconds)
        self._database = database
        self._hub = hub
        self._bound = bound
        self._batch_size = batch_size
        self._tenants_at_once = tenants_at_once
        self._freed: set[tuple[str, UUID]] = set()
        # Where the round stands in each lane.
        self._after: dict[str, UUID] = {}
        self._unwatch: Callable[[], None] | None = None

    def start(self) -> None:
        """Begins to move entries."""
        self._unwatch = self._hub.watch(BACKLOG_TOPIC, self.loop.wake)
        self.loop.start()

    async def stop(self) -> None:
        """Lets the tick under way end."""
        if self._unwatch is not None:
            self._unwatch()
        await self.loop.stop()

    def freed(self, places: Iterable[tuple[str, UUID]]) -> None:
        """These lanes and tenants have a free place and entries that wait for it."""
        self._freed.update(places)
        self.loop.wake()

    async def tick(self) -> int:
        """Moves a batch in each lane that nobody else moves right now; how many entries went."""
        freed: dict[str, set[UUID]] = defaultdict(set)
        for lane, tenant_id in self._freed:
            freed[lane].add(tenant_id)
        self._freed.clear()
        async with self._database.system() as tx:
            lanes = await lanes_with_backlog(tx)
        moved = 0
        for lane in lanes:
            moved += await self._admit_in(lane, freed[lane])
        return moved

    async def _run(self) -> float | None:
        moved = await self.tick()
        if moved:
            return 0.0
        return CONTENDED_SECONDS if self._freed else None

    async def _admit_in(self, lane: str, freed: set[UUID]) -> int:
        async with self._database.system() as tx:
            # Two that move entries of one tenant at once would pass its bound, and mix their order.
            if not await tx.fetchval(
                "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", f"treadle.admit {lane}"
            ):
                self._freed.update((lane, tenant_id) for tenant_id in freed)
                return 0
            await tx.execute("SET LOCAL enable_seqscan = off")
            round_ = await waiting_tenants(
                tx, lane, after=self._after.get(lane, NO_TENANT), limit=self._tenants_at_once
            )
            entries = await take_from_backlog(
                tx,
                lane,
                sorted(freed.union(round_)),
                bound=self._bound,
                limit=self._batch_size,
            )
            await admit(tx, entries)
        is_round_over = len(round_) < self._tenants_at_once
        self._after[lane] = NO_TENANT if is_round_over else round_[-1]
        return len(entries)


async def lanes_with_backlog(tx: Transaction) -> list[str]:
    """Each lane once, by one step through the index for each: the backlog may have a million."""
    await tx.execute("SET LOCAL enable_seqscan = off")
    records = await tx.fetch(
        """
        WITH RECURSIVE found AS (
            (SELECT lane FROM backlog ORDER BY lane LIMIT 1)
            UNION ALL
            SELECT next.lane
            FROM found CROSS JOIN LATERAL (
                SELECT lane FROM backlog WHERE lane > found.lane ORDER BY lane LIMIT 1
            ) next
        )
        SELECT lane FROM found
        """
    )
    return [record["lane"] for record in records]


async def waiting_tenants(tx: Transaction, lane: str, *, after: UUID, limit: int) -> list[UUID]:
    """The next tenants with entries in the lane's backlog, by one step through the index each."""
    records = await tx.fetch(
        """
        WITH RECURSIVE found AS (
            (SELECT tenant_id FROM backlog
             WHERE lane = $1 AND tenant_id > $2 ORDER BY tenant_id LIMIT 1)
            UNION ALL
            SELECT next.tenant_id
            FROM found CROSS JOIN LATERAL (
                SELECT tenant_id FROM backlog
                WHERE lane = $1 AND tenant_id > found.tenant_id ORDER BY tenant_id LIMIT 1
            ) next
        )
        SELECT tenant_id FROM found LIMIT $3
        """,
        lane,
        after,
        limit,
    )
    return [record["tenant_id"] for record in records]


async def take_from_backlog(
    tx: Transaction, lane: str, tenants: list[UUID], *, bound: int, limit: int
) -> list[Entry]:
    """Removes what finds a free place: each tenant's first, then each one's second, and so on."""
    if not tenants:
        return []
    records: list[Any] = await tx.fetch(
        """
        WITH place AS (
            SELECT tenant_id, $3 - (
                SELECT count(*) FROM (
                    SELECT FROM admissions
                    WHERE admissions.lane = $1 AND admissions.tenant_id = tenant.tenant_id
                    LIMIT $3
                ) counted
            ) AS free
            FROM unnest($2::uuid[]) tenant (tenant_id)
        ), chosen AS MATERIALIZED (
            SELECT entry.id, row_number() OVER (PARTITION BY place.tenant_id ORDER BY entry.id) turn
            FROM place CROSS JOIN LATERAL (
                SELECT id FROM backlog
                WHERE backlog.lane = $1 AND backlog.tenant_id = place.tenant_id
                ORDER BY id LIMIT least(place.free, $5)
            ) entry
            WHERE place.free > 0
            ORDER BY turn, entry.id LIMIT $4
        )
        DELETE FROM backlog USING chosen WHERE backlog.id = chosen.id
        RETURNING backlog.id, backlog.tenant_id, backlog.payload, chosen.turn
        """,
        lane,
        tenants,
        bound,
        limit,
        # Nobody's share alone need be looked at further than that; what is left comes next tick.
        max(1, -(-limit // len(tenants))),
    )
    records.sort(key=lambda record: (record["turn"], record["id"]))
    return [Entry(lane, record["tenant_id"], record["payload"]) for record in records]
