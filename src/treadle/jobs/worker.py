"""A worker: takes runs of its destination from the queue and executes their attempts.

What may happen while an attempt runs, and what follows:

1. The code ends: the attempt's end is written with its log's rest and files, guarded by the
   attempt's number.
2. Somebody asks for a stop: a notification (or the next renewal) tells us; the sandbox is killed.
3. The lease is lost (the database was away too long, the process was suspended): the sandbox is
   killed and nothing is written; the rescuer has settled it, or will.
4. The worker shuts down and the grace is over: the sandbox is killed, the run is queued again.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog

from treadle.core.clock import Clock, utc_now
from treadle.core.ids import new_id
from treadle.db.database import Database
from treadle.db.errors import DatabaseUnavailable
from treadle.engine.lanes import Lane
from treadle.engine.leases import Flags, LeaseKeeper, boot_clock, lease_rules
from treadle.engine.live import LiveHub
from treadle.engine.loops import Loop
from treadle.engine.queue import Entry
from treadle.jobs import attempt_store, attempts, definition_store
from treadle.jobs.attempt_store import Ending
from treadle.jobs.context import JobsContext
from treadle.jobs.execution import Executed, Execution, Executor
from treadle.jobs.logs import LogText
from treadle.jobs.model import Run
from treadle.jobs.queueing import STOPS, lane_of
from treadle.jobs.run_log import RunLog
from treadle.jobs.states import AttemptOutcome

log = structlog.get_logger()

STOP_REQUESTED: Flags = frozenset({"stop"})
_HEARTBEAT_SECONDS = 10.0
_FORGET_AFTER = timedelta(minutes=5)
_WRITE_AGAIN_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """`concurrency`: runs at a time. `lease_seconds`: how long a silent worker keeps a run."""

    destination: str
    concurrency: int
    lease_seconds: float
    log_bytes: int


@dataclass(slots=True)
class _Held:
    """A run that we have: how to end it early, and why."""

    run: Run
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stop_requested: bool = False
    lost: bool = False


class Worker:
    """Executes runs of one destination. Start it, consume `lane`, stop the lane, stop it."""

    def __init__(
        self,
        *,
        database: Database,
        context: JobsContext,
        executor: Executor,
        hub: LiveHub,
        settings: WorkerSettings,
        clock: Clock = utc_now,
    ) -> None:
        self.id = new_id()
        self._database = database
        self._context = context
        self._executor = executor
        self._hub = hub
        self._settings = settings
        self._clock = clock
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._held: dict[UUID, _Held] = {}
        self._keeper = LeaseKeeper(
            rules=lease_rules(settings.lease_seconds),
            renew=self._renew,
            on_lost=self._on_lost,
            on_signal=self._on_signal,
        )
        self._heartbeat = Loop("worker-heartbeat", self.beat, interval_seconds=_HEARTBEAT_SECONDS)
        self._stops: asyncio.Task[None] | None = None
        self._destination_id: int | None = None

    async def start(self) -> Lane:
        """Registers the worker; the lane that hands it its runs."""
        async with self._database.system() as tx:
            self._destination_id = await definition_store.ensure_destination(
                tx, self._settings.destination, now=self._clock()
            )
        await self.beat()
        self._heartbeat.start()
        self._keeper.start()
        self._stops = asyncio.create_task(self._watch_stops(), name="worker-stops")
        return Lane(
            name=lane_of(self._destination_id),
            handler=self.handle,
            concurrency=self._settings.concurrency,
        )

    async def stop(self) -> None:
        """Ends the duties around the runs; the lane has been stopped before."""
        if self._stops is not None:
            self._stops.cancel()
            with suppress(asyncio.CancelledError):
                await self._stops
        await self._keeper.stop()
        await self._heartbeat.stop()
        try:
            async with self._database.system() as tx:
                await attempt_store.remove_workers(
                    tx, worker_id=self.id, silent_since=self._clock() - _FORGET_AFTER
                )
        except DatabaseUnavailable as error:
            # The row goes when another worker finds it silent.
            log.warning("worker.not_unregistered", error=str(error))

    async def beat(self) -> None:
        """Says that this worker lives, and forgets those that have not for long."""
        if self._destination_id is None:
            return
        now = self._clock()
        async with self._database.system() as tx:
            await attempt_store.put_worker(
                tx,
                self.id,
                destination_id=self._destination_id,
                host=socket.gethostname(),
                process_id=os.getpid(),
                capacity=self._settings.concurrency,
                now=now,
            )
            await attempt_store.remove_workers(tx, worker_id=None, silent_since=now - _FORGET_AFTER)

    async def handle(self, entry: Entry) -> None:
        """Executes one attempt of the entry's run; returns at once if it is not to be had.

        An entry may come twice, or late: only a run that is QUEUED is claimed. Who holds one that
        is not will end it, or the rescuer will.
        """
        since = boot_clock()
        claim = await attempts.claim(
            self._database,
            self._context,
            entry.tenant_id,
            UUID(bytes=entry.payload),
            worker_id=self.id,
            lease=self._lease,
            now=self._clock(),
        )
        if claim is None:
            return
        run = claim.run
        held = _Held(run)
        self._held[run.id] = held
        self._keeper.hold(run.id, run.attempt, since=since)
        try:
            with structlog.contextvars.bound_contextvars(run_id=str(run.id), attempt=run.attempt):
                await self._attempt(claim, held)
        finally:
            self._keeper.release(run.id)
            self._held.pop(run.id, None)

    async def _attempt(self, claim: attempts.Claim, held: _Held) -> None:
        run = claim.run
        run_log = RunLog(
            LogText(secrets=claim.variables.secrets, max_bytes=self._settings.log_bytes),
            lambda content: attempts.append_log(self._database, run, content, now=self._clock()),
        )
        execution = Execution(
            run=run,
            variables=claim.variables.values,
            log=run_log,
            stop=held.stop,
            begin=lambda: attempts.begin(self._database, run, now=self._clock()),
        )
        try:
            executed = await self._executor.execute(execution)
        except asyncio.CancelledError:  # the grace of a shutdown is over
            await run_log.note("handed back: the worker shuts down")
            handed_back = Ending(AttemptOutcome.HANDED_BACK, error="the worker shut down")
            await self._write_end(held, Executed(handed_back), await run_log.close())
            raise
        await self._write_end(held, executed, await run_log.close())

    async def _write_end(self, held: _Held, executed: Executed, tail: str) -> None:
        """Writes until it is written, or the run is not ours any more."""
        run = held.run
        while not held.lost:
            try:
                ended = await attempts.end(
                    self._database,
                    self._context,
                    run,
                    executed.ending,
                    log_tail=tail,
                    files=executed.files,
                    now=self._clock(),
                )
            except DatabaseUnavailable as error:
                log.warning("run.end_not_written", error=str(error))
                await asyncio.sleep(_WRITE_AGAIN_SECONDS)
                continue
            if ended is None:
                log.warning("run.end_refused", reason="another attempt has the run")
            else:
                log.info("run.attempt_ended", outcome=executed.ending.outcome, state=ended.state)
            return

    async def _renew(
        self, runs: list[tuple[UUID, int]], duration_seconds: float
    ) -> Mapping[UUID, Flags]:
        held = await attempts.renew(self._database, runs, lease=timedelta(seconds=duration_seconds))
        return {row.run_id: STOP_REQUESTED if row.stop_requested else frozenset() for row in held}

    def _on_lost(self, run_id: UUID) -> None:
        held = self._held.get(run_id)
        if held is not None:
            held.lost = True
            held.stop.set()

    def _on_signal(self, run_id: UUID, flags: Flags) -> None:
        held = self._held.get(run_id)
        if held is not None and "stop" in flags:
            held.stop_requested = True
            held.stop.set()

    async def _watch_stops(self) -> None:
        """Renews at once when somebody asked for a stop: the renewal brings the request."""
        async with self._hub.subscribe(STOPS) as changes:
            while True:
                await changes.wait()
                if self._held:
                    try:
                        await self._keeper.renew_all()
                    except DatabaseUnavailable as error:
                        log.warning("worker.renewal_failed", error=str(error))
