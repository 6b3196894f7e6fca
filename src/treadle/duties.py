"""What the scheduler role does again and again, and how it is seen that it still does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from treadle.api.idempotency import prune_idempotency_keys
from treadle.api.readiness import Check
from treadle.core.clock import Clock, utc_now
from treadle.db.database import Database
from treadle.db.migrate import load_migrations
from treadle.engine.admitter import Admitter
from treadle.engine.live import LiveHub
from treadle.engine.loops import Loop
from treadle.engine.prune import prune as prune_queue
from treadle.engine.timers import Ticker
from treadle.identity.prune import prune as prune_identity
from treadle.jobs.attempts import rescue
from treadle.jobs.context import JobsContext
from treadle.jobs.prune import prune as prune_jobs
from treadle.storage.storage import Storage

RESCUE_SECONDS: Final = 1.0
SILENCE: Final = timedelta(seconds=20)
"""A loop whose ticks fail or hang for so long makes the process unready."""


class Scheduler:
    """Moves what is due, takes runs from silent workers, and removes what has served.

    Any number of processes may run one.
    """

    def __init__(
        self,
        database: Database,
        hub: LiveHub,
        context: JobsContext,
        *,
        keep_runs: timedelta,
        clock: Clock = utc_now,
    ) -> None:
        self.admitter = Admitter(database, hub, bound=context.queue_bound)
        self._ticker = Ticker(database, hub, bound=context.queue_bound, clock=clock)
        self._rescuer = Loop(
            "rescuer",
            partial(_tick, clock, lambda now: rescue(database, context, now=now)),
            interval_seconds=RESCUE_SECONDS,
        )
        self._pruners = [
            Loop(f"prune-{name}", partial(_tick, clock, prune), interval_seconds=seconds)
            for name, prune, seconds in _prunings(database, context, keep_runs=keep_runs)
        ]

    @property
    def loops(self) -> Sequence[Loop]:
        """The loops that must not stand still."""
        return [self.admitter.loop, self._ticker.loop, self._rescuer]

    def start(self) -> None:
        """Begins every duty with a first round."""
        self.admitter.start()
        self._ticker.start()
        for loop in (self._rescuer, *self._pruners):
            loop.start()

    async def stop(self) -> None:
        """Lets the rounds under way end; begins no other."""
        await self._ticker.stop()
        await self.admitter.stop()
        for loop in (self._rescuer, *self._pruners):
            await loop.stop()


Prune = Callable[[datetime], Awaitable[object]]


def _prunings(
    database: Database, context: JobsContext, *, keep_runs: timedelta
) -> Iterable[tuple[str, Prune, float]]:
    """Name, work and seconds between rounds; each in a loop of its own, so that a fault of one
    holds up no other.
    """
    yield "queue", lambda now: prune_queue(database, now), 60
    yield "logins", lambda now: prune_identity(database, now=now), 60
    yield "idempotency-keys", lambda now: prune_idempotency_keys(database, now=now), 300
    yield "runs", lambda now: prune_jobs(database, context, keep_runs=keep_runs, now=now), 300


async def _tick(clock: Clock, work: Prune) -> None:
    await work(clock())


@dataclass(frozen=True, slots=True)
class Checks:
    """What makes a process ready: its parts answer, and its loops go round."""

    database: Database
    storage: Storage
    loops: Callable[[], Sequence[Loop]]
    sandbox_fault: Callable[[], str | None]
    clock: Clock = utc_now

    def by_name(self) -> Mapping[str, Check]:
        """The checks as readiness asks them."""
        return {
            "database": self._database,
            "storage": self._storage,
            "loops": self._loops,
            "sandbox": self._sandbox,
        }

    async def _database(self) -> str | None:
        newest = len(load_migrations())
        async with self.database.system() as tx:
            applied: int = await tx.fetchval("SELECT coalesce(max(number), 0) FROM migrations")
        return None if applied >= newest else f"migration {applied} of {newest} is the last applied"

    async def _storage(self) -> str | None:
        await self.storage.check()
        return None

    async def _loops(self) -> str | None:
        limit = self.clock() - SILENCE
        standing = [
            loop.name
            for loop in self.loops()
            if loop.last_success_at is None or loop.last_success_at < limit
        ]
        return f"standing still: {', '.join(standing)}" if standing else None

    async def _sandbox(self) -> str | None:
        return self.sandbox_fault()
