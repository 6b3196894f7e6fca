"""The lanes of a process, kept going: through lost connections, and to an orderly end.

PgQueuer's tables and statements hand the entries out; its `QueueManager` does not, because it

- ends with the connection that it lost, and before that waits for the handlers under way, whose
  heartbeats it has stopped by then: others would take over what still runs;
- deletes, as cancelled, the entries of handlers that are cancelled when a process stops;
- finishes entries by their id alone (see `treadle.engine.claims`);
- needs a concurrency of at least twice its batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from treadle.db.database import Database
from treadle.engine.lanes import Consumer, Lane
from treadle.engine.ledger import Ledger, OnFreed
from treadle.engine.live import LiveHub
from treadle.engine.loops import Loop
from treadle.engine.queue import lane_topic
from treadle.engine.session import ANSWER_SECONDS

log = structlog.get_logger()


class Supervisor:
    """Consumes lanes: start it, read `handling` and `loops` for metrics, stop it.

    1. A lane takes entries when it is told of some, when a place becomes free, and every
       `poll_seconds`.
    2. Heartbeats for all that is held go out four times in `heartbeat_seconds`; another process
       takes over what misses them for that long.
    3. Without a database nothing new begins, handlers go on, and their ends are written when it is
       back.
    """

    def __init__(
        self,
        database: Database,
        hub: LiveHub,
        lanes: Sequence[Lane],
        *,
        heartbeat_seconds: float = 8.0,
        poll_seconds: float = 1.0,
        hand_back_seconds: float = 10.0,
        on_freed: OnFreed | None = None,
    ) -> None:
        if len({lane.name for lane in lanes}) != len(lanes):
            raise ValueError("a process consumes a lane only once")
        self._hub = hub
        self._hand_back_seconds = hand_back_seconds
        self._ledger = Ledger(database, heartbeat_seconds=heartbeat_seconds, on_freed=on_freed)
        self._consumers = [
            Consumer(lane, self._ledger, poll_seconds=poll_seconds) for lane in lanes
        ]
        self._heartbeats = Loop(
            "lane-heartbeats", self._keep, interval_seconds=heartbeat_seconds / 4
        )
        self._unwatch: list[Callable[[], None]] = []

    @property
    def handling(self) -> Mapping[str, int]:
        """For each lane, how many handlers run now."""
        return {consumer.lane.name: consumer.handling for consumer in self._consumers}

    @property
    def loops(self) -> Sequence[Loop]:
        """The loops behind the lanes, for readiness."""
        return [self._heartbeats, *(consumer.loop for consumer in self._consumers)]

    def start(self) -> None:
        """Begins to take entries."""
        self._heartbeats.start()
        for consumer in self._consumers:
            wake = consumer.loop.wake
            self._unwatch.append(self._hub.watch(lane_topic(consumer.lane.name), wake))
            consumer.loop.start()

    async def stop(self, *, grace_seconds: float) -> None:
        """Takes nothing new from now on, and ends when nothing of ours runs any more.

        Handlers may finish for `grace_seconds`; then they are cancelled, and their entries are
        queued again for others to take at once. What has not ended `hand_back_seconds` later is
        left, and goes to others when its heartbeats are missed.
        """
        for unwatch in self._unwatch:
            unwatch()
        await asyncio.gather(
            *(
                consumer.stop_taking(grace_seconds=ANSWER_SECONDS + 1)
                for consumer in self._consumers
            )
        )
        await self._wait(grace_seconds)
        cancelled = sum(consumer.hand_back() for consumer in self._consumers)
        if cancelled:
            log.info("entries_handed_back", entries=cancelled)
        await self._wait(self._hand_back_seconds)
        left = [task for consumer in self._consumers for task in consumer.tasks]
        if left:
            # Handlers that ignore their cancellation, or no database to tell.
            log.error("entries_left_to_time_out", entries=len(left))
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=1.0)
        await self._heartbeats.stop(grace_seconds=1.0)
        await self._ledger.close()

    async def _wait(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while tasks := [task for consumer in self._consumers for task in consumer.tasks]:
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0:
                return
            await asyncio.wait(tasks, timeout=remaining)

    async def _keep(self) -> None:
        ids = [entry_id for consumer in self._consumers for entry_id in consumer.held_ids()]
        if not ids:
            return
        lost = set(ids) - await self._ledger.keep(ids)
        for consumer in self._consumers:
            # Those that have ended since are not lost, and tell of a loss by themselves.
            if taken := lost.intersection(consumer.handling_ids()):
                log.warning("entries_taken_over", lane=consumer.lane.name, entries=sorted(taken))
