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
from treadle.engine.leases import Patience, lease_rules
from treadle.engine.live import LiveHub
from treadle.engine.loops import Loop
from treadle.engine.prune import prune as prune_queue
from treadle.engine.timers import Ticker
from treadle.identity.expiring_keys import announce_expiring_keys, record_expired_keys
from treadle.identity.key_letters import announce_by_mail
from treadle.identity.prune import prune as prune_identity
from treadle.jobs.attempts import rescue
from treadle.jobs.context import JobsContext
from treadle.jobs.prune import prune as prune_jobs
from treadle.mail.outbox import Mail, deliver
from treadle.schedules.context import SchedulesContext
from treadle.schedules.prune import prune_firings
from treadle.schedules.ticker import ScheduleTicker
from treadle.storage.storage import Storage
from treadle.workflows.execution_prune import prune_executions

RESCUE_SECONDS: Final = 1.0
OUTBOX_SECONDS: Final = 2.0
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
        context: SchedulesContext,
        *,
        keep_runs: timedelta,
        lease_seconds: float,
        mail: Mail | None = None,
        clock: Clock = utc_now,
    ) -> None:
        jobs = context.jobs
        self.admitter = Admitter(database, hub, bound=jobs.queue_bound)
        self._ticker = Ticker(database, hub, bound=jobs.queue_bound, clock=clock)
        self._schedules = ScheduleTicker(database, hub, context, clock=clock)
        self._rescuer = Loop(
            "rescuer",
            partial(_tick, clock, _patient_rescue(database, jobs, lease_seconds=lease_seconds)),
            interval_seconds=RESCUE_SECONDS,
        )
        self._others = [
            Loop(name, partial(_tick, clock, work), interval_seconds=seconds)
            for name, work, seconds in (
                *_prunings(database, jobs, keep_runs=keep_runs),
                *_announcements(database, mail),
            )
        ]

    @property
    def loops(self) -> Sequence[Loop]:
        """The loops that must not stand still."""
        return [self.admitter.loop, self._ticker.loop, self._schedules.loop, self._rescuer]

    def start(self) -> None:
        """Begins every duty with a first round."""
        self.admitter.start()
        self._ticker.start()
        self._schedules.start()
        for loop in (self._rescuer, *self._others):
            loop.start()

    async def stop(self) -> None:
        """Lets the rounds under way end; begins no other."""
        await self._schedules.stop()
        await self._ticker.stop()
        await self.admitter.stop()
        for loop in (self._rescuer, *self._others):
            await loop.stop()


Work = Callable[[datetime], Awaitable[object]]


def _patient_rescue(database: Database, context: JobsContext, *, lease_seconds: float) -> Work:
    patience = Patience(lease_rules(lease_seconds))

    async def look(now: datetime) -> None:
        if patience.may_look():
            await rescue(database, context, now=now)

    return look


def _prunings(
    database: Database, context: JobsContext, *, keep_runs: timedelta
) -> Iterable[tuple[str, Work, float]]:
    """Name, work and seconds between rounds; each in a loop of its own, so that a fault of one
    holds up no other.
    """
    yield "prune-queue", lambda now: prune_queue(database, now), 60
    yield "prune-logins", lambda now: prune_identity(database, now=now), 60
    yield "prune-idempotency-keys", lambda now: prune_idempotency_keys(database, now=now), 300
    yield "prune-firings", lambda now: prune_firings(database, keep=keep_runs, now=now), 300
    yield "prune-executions", lambda now: prune_executions(database, keep=keep_runs, now=now), 300
    yield "prune-runs", lambda now: prune_jobs(database, context, keep_runs=keep_runs, now=now), 300


def _announcements(database: Database, mail: Mail | None) -> Iterable[tuple[str, Work, float]]:
    """As `_prunings`: what is told without anybody asking."""

    async def announce(now: datetime) -> None:
        by_mail = None if mail is None else announce_by_mail(mail, now=now)
        await announce_expiring_keys(database, now=now, announce=by_mail)

    yield "announce-expiring-keys", announce, 60
    yield "record-expired-keys", lambda now: record_expired_keys(database, now=now), 10
    if mail is not None:
        yield "outbox", lambda now: deliver(database, mail, now=now), OUTBOX_SECONDS


async def _tick(clock: Clock, work: Work) -> None:
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
