"""The tick: schedules whose time has come are decided on. Any number of processes may tick."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from treadle.core.clock import Clock, utc_now
from treadle.db.database import Database
from treadle.engine.live import LiveHub
from treadle.engine.loops import OUTAGE, Loop
from treadle.schedules import tick_store
from treadle.schedules.advancing import advance, set_aside
from treadle.schedules.context import SchedulesContext
from treadle.schedules.ending import DUE_TOPIC
from treadle.schedules.tick_store import DueSchedule

log = structlog.get_logger()

BATCH: Final = 500
_SMALLEST_BATCH: Final = 10
AT_ONCE: Final = 4
"""Batches under way at a time: the database writes what some have decided while the next decides.
"""
_BATCHES_EACH: Final = 4
"""Batches that each of those under way is followed by before what is due is read anew."""
STALLED_SECONDS: Final = 5
"""A process that stops in the middle of its tick (suspended, or cut off) holds its schedules for so
long; then the database ends its transaction, and another process decides on them."""
_STALLED_WITHIN_SECONDS: Final = 60
"""As above, where it stopped between the messages of one statement: for the database it is then not
idle, and only the time of the whole transaction (PostgreSQL 17 and later) ends it."""
_GUARDS: Final = (
    f"SET LOCAL idle_in_transaction_session_timeout = '{STALLED_SECONDS}s';"
    f" SELECT set_config('transaction_timeout', '{_STALLED_WITHIN_SECONDS}s', true)"
    " WHERE current_setting('server_version_num')::int >= 170000;"
    # Nobody waits for a tick, and a crash that loses its commit loses all of it: what it decided
    # is then undecided again. Whoever goes on from it has a commit of its own, which comes after
    # it in the log and waits for the disk.
    " SET LOCAL synchronous_commit = off"
)


class ScheduleTicker:
    """Decides on what is due: when the next schedule is, when one was made or changed, when an
    attempt has ended, and every `poll_seconds`.
    """

    def __init__(
        self,
        database: Database,
        hub: LiveHub,
        context: SchedulesContext,
        *,
        batch_size: int = BATCH,
        at_once: int = AT_ONCE,
        poll_seconds: float = 1.0,
        clock: Clock = utc_now,
    ) -> None:
        self.loop = Loop("schedules", self._run, interval_seconds=poll_seconds, clock=clock)
        self._database = database
        self._hub = hub
        self._context = context
        self._batch_size = batch_size
        self._batch = batch_size
        self._at_once = at_once
        self._clock = clock
        self._unwatch: Callable[[], None] | None = None

    def start(self) -> None:
        """Begins to tick."""
        self._unwatch = self._hub.watch(DUE_TOPIC, self.loop.wake)
        self.loop.start()

    async def stop(self) -> None:
        """Lets the tick under way end."""
        if self._unwatch is not None:
            self._unwatch()
        await self.loop.stop()

    async def tick(self, now: datetime) -> int:
        """Decides on some batches of what is due by `now`; how many schedules were looked at."""
        return await self._tick(lambda: now)

    async def _tick(self, clock: Clock) -> int:
        size = self._batch
        async with self._database.system() as tx:
            limit = size * self._at_once * _BATCHES_EACH
            due = await tick_store.due_schedules(tx, now=clock(), limit=limit)
        found = batches_of(due, size)
        batches = iter(found)

        async def work() -> int:
            # All who work take from the same batches: nobody waits for another's commit.
            return sum([await self._decide(tenant, ids, clock()) for tenant, ids in batches])

        try:
            taken = await _together([work() for _ in found[: self._at_once]])
        except OUTAGE:
            # Perhaps the machine is so busy that a batch takes longer than a stalled tick may, and
            # its session was ended: smaller ones get through.
            self._batch = max(_SMALLEST_BATCH, size // 2)
            raise
        self._batch = min(self._batch_size, size * 2)
        return taken

    async def _run(self) -> float | None:
        now = self._clock()
        if await self._tick(self._clock):
            return 0.0
        async with self._database.system() as tx:
            next_at = await tick_store.next_tick_at(tx, after=now)
        # What is due and left is another's, who holds it now.
        return None if next_at is None else (next_at - self._clock()).total_seconds()

    async def _decide(self, tenant_id: UUID, schedule_ids: Sequence[UUID], now: datetime) -> int:
        try:
            return await self._decide_on(tenant_id, schedule_ids, now)
        except OUTAGE:
            raise
        except Exception:
            log.exception("schedules_tick_failed", tenant=str(tenant_id), count=len(schedule_ids))
        if len(schedule_ids) == 1:
            await self._set_aside(tenant_id, schedule_ids[0], now)
            return 1
        # One of them is at fault: each alone, so that the others have their turn.
        return sum([await self._decide(tenant_id, [one], now) for one in schedule_ids])

    async def _decide_on(self, tenant_id: UUID, schedule_ids: Sequence[UUID], now: datetime) -> int:
        async with self._database.tenant(tenant_id) as tx:
            await tx.execute(_GUARDS)
            schedules = await tick_store.lock_due(tx, schedule_ids, now=now)
            if schedules:
                await advance(tx, self._context, schedules, now=now)
        return len(schedules)

    async def _set_aside(self, tenant_id: UUID, schedule_id: UUID, now: datetime) -> None:
        """Pauses a schedule whose decisions cannot be written, so that the tick goes on."""
        async with self._database.tenant(tenant_id) as tx:
            schedules = await tick_store.lock_due(tx, [schedule_id], now=now)
            for schedule in schedules:
                reason = "what was decided could not be written; the server's log says why"
                await set_aside(tx, schedule, reason, now=now)


def batches_of(due: Sequence[DueSchedule], size: int) -> list[tuple[UUID, list[UUID]]]:
    """Of one tenant at most so many at a time: each tenant's first before anybody's second."""
    by_tenant: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for schedule in due:
        by_tenant[schedule.tenant_id].append(schedule.id)
    most = max(map(len, by_tenant.values()), default=0)
    return [
        (tenant_id, batch)
        for first in range(0, most, size)
        for tenant_id, ids in by_tenant.items()
        if (batch := ids[first : first + size])
    ]


async def _together(work: Sequence[Awaitable[int]]) -> int:
    """The sum. All of them end before one's failure is told: none is left behind."""
    if len(work) < 2:
        return await work[0] if work else 0
    counts = await asyncio.gather(*work, return_exceptions=True)
    failures = [count for count in counts if isinstance(count, BaseException)]
    if failures:
        raise failures[0]
    return sum(count for count in counts if isinstance(count, int))
