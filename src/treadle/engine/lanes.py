"""Lanes: what hands out entries of one kind to its handler, as many at a time as it can handle.

Every entry is handed out at least once. It comes again when its process died, was suspended, or
lost the database for longer than the heartbeat time-out: handlers guard what they write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from pgqueuer.domain.models import Job

from treadle.engine.claims import GiveBack
from treadle.engine.ledger import Ledger
from treadle.engine.live import message
from treadle.engine.loops import Loop
from treadle.engine.queue import Entry, lane_topic, unpack

log = structlog.get_logger()


class Again(Exception):
    """A handler raises it to get its entry again, `delay_seconds` from now; no failure."""

    def __init__(self, delay_seconds: float) -> None:
        super().__init__(f"again in {delay_seconds} s")
        self.delay_seconds = delay_seconds


@dataclass(frozen=True, slots=True)
class Lane:
    """`handler` gets each entry of the lane `name`, at most `concurrency` at a time a process.

    Returns: the entry is done. Raises Again: it comes back later. Is cancelled: the process stops
    and the entry goes to another at once, as soon as the handler has ended; a lane cancels for no
    other reason. Raises anything else: that is logged, and the entry comes back after
    `retry_seconds`, doubled with each time it was handed out, up to `longest_retry_seconds`.
    """

    name: str
    handler: Callable[[Entry], Awaitable[None]]
    concurrency: int
    batch_size: int = 100
    retry_seconds: float = 1.0
    longest_retry_seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.batch_size < 1:
            raise ValueError("concurrency and batch_size must be at least 1")
        message(lane_topic(self.name))  # raises ValueError for a name that cannot be notified of

    def retry_delay(self, attempts: int) -> float:
        """Seconds until an entry comes back that failed after so many earlier deliveries."""
        return min(self.longest_retry_seconds, self.retry_seconds * 2.0 ** min(attempts, 30))


@dataclass(slots=True, eq=False)
class _Held:
    """An entry of ours, from its delivery until the database knows its end."""

    job: Job
    handling: bool = True
    handing_back: bool = False
    finished: bool = False
    redelivered: Job | None = None


class Consumer:
    """Takes one lane's entries and runs its handler, each in a task of its own.

    A process holds no entry that waits for a place: it takes only what starts at once. An entry
    whose handler has ended gives its place to the next one before the database knows of its end;
    so that these don't pile up, at most as many wait for that as may be handled at a time.
    """

    def __init__(self, lane: Lane, ledger: Ledger, *, poll_seconds: float) -> None:
        self.lane = lane
        self.loop = Loop(f"lane:{lane.name}", self.take, interval_seconds=poll_seconds)
        self._ledger = ledger
        self._held: dict[int, _Held] = {}
        self._tasks: dict[asyncio.Task[None], _Held] = {}
        self._handling = 0
        # Whether the last look left entries behind, or there was no place to look for.
        self._more = False
        self._stopping = False

    @property
    def handling(self) -> int:
        """Entries whose handler runs now."""
        return self._handling

    @property
    def tasks(self) -> Iterable[asyncio.Task[None]]:
        """What is under way: handlers, and entries whose end is being written."""
        return tuple(self._tasks)

    def held_ids(self) -> list[int]:
        """The entries that others must not take over."""
        return list(self._held)

    def handling_ids(self) -> list[int]:
        """The entries whose handler runs now."""
        return [entry_id for entry_id, held in self._held.items() if held.handling]

    async def stop_taking(self, *, grace_seconds: float) -> None:
        """Takes nothing any more; what a look under way still brings is given back at once."""
        self._stopping = True
        await self.loop.stop(grace_seconds=grace_seconds)

    def hand_back(self) -> int:
        """Cancels the handlers under way; how many. Their entries go back when they have ended."""
        tasks = [task for task, held in self._tasks.items() if held.handling]
        for task in tasks:
            self._tasks[task].handing_back = True
            task.cancel("the process stops")
        return len(tasks)

    async def take(self) -> float | None:
        """One look for entries: as many as find a place. Seconds until the next look, or None."""
        limit = min(
            self.lane.batch_size,
            self.lane.concurrency - self._handling,
            2 * self.lane.concurrency - len(self._held),
        )
        if limit <= 0:
            self._more = True
            return None
        jobs = await self._ledger.take(self.lane.name, limit=limit)
        self._more = len(jobs) == limit
        for job in jobs:
            self._begin(job)
        return 0.0 if self._more else None

    def _begin(self, job: Job) -> None:
        if (held := self._held.get(job.id)) is not None:
            # Still handled: its heartbeat was late and we took it over from ourselves, so the
            # handler simply goes on. Just given back: it comes again before we heard of that, and
            # begins when we do, even if that is one more than the lane's concurrency.
            if not held.handling:
                held.redelivered = job
            return
        held = _Held(job)
        self._held[job.id] = held
        if self._stopping:
            held.handling = False
            self._start(self._settle(held, 0.0), held)
            return
        self._handling += 1
        self._start(self._run(held), held)

    def _start(self, work: Coroutine[Any, Any, None], held: _Held) -> None:
        task = asyncio.create_task(work)
        self._tasks[task] = held
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        held = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("entry_task_failed", entry=held.job.id, exc_info=error)
        if held.handling:
            # Cancelled before its first step, or by somebody else: nobody handles it any more.
            self._release(held)
            if held.handing_back:
                self._start(self._settle(held, 0.0), held)
                return
        self._held.pop(held.job.id, None)
        if held.redelivered is not None and not held.finished:
            self._begin(held.redelivered)
        if self._more:
            self.loop.wake()

    async def _run(self, held: _Held) -> None:
        delay = await self._handle(held)
        self._release(held)
        await self._settle(held, delay)

    async def _handle(self, held: _Held) -> float | None:
        """Runs the handler; None when the entry is done, else the seconds until it comes again."""
        job = held.job
        try:
            await self.lane.handler(unpack(self.lane.name, job.payload))
        except Again as again:
            return max(again.delay_seconds, 0.0)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                if not held.handing_back:
                    raise
                task.uncancel()
                return 0.0
            # Something inside was cancelled, not we: a failure like any other.
            return self._failed(job, error)
        except Exception as error:
            return self._failed(job, error)
        return None

    def _failed(self, job: Job, error: BaseException) -> float:
        delay = self.lane.retry_delay(job.attempts)
        log.error(
            "handler_failed",
            lane=self.lane.name,
            entry=job.id,
            tenant=_tenant_of(job),
            attempts=job.attempts,
            again_in_seconds=delay,
            exc_info=error,
        )
        return delay

    async def _settle(self, held: _Held, delay: float | None) -> None:
        """Writes the entry's end, however long the database is away."""
        pause = 0.05
        while True:
            try:
                if delay is None:
                    ours = await self._ledger.finish(held.job.id)
                else:
                    ours = await self._ledger.give_back(GiveBack(held.job, delay))
            except Exception:
                # The ledger has logged it, once for all entries that it concerns.
                if self._ledger.is_closed:
                    return
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
                continue
            held.finished = ours and delay is None
            if not ours:
                log.warning("entry_was_taken_over", lane=self.lane.name, entry=held.job.id)
            return

    def _release(self, held: _Held) -> None:
        """Gives the place of a handler that has ended to the next entry."""
        held.handling = False
        self._handling -= 1
        if self._more:
            self.loop.wake()


def _tenant_of(job: Job) -> str | None:
    if job.payload is None or len(job.payload) < 16:
        return None
    return str(UUID(bytes=job.payload[:16]))
