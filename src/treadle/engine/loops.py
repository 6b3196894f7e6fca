"""A duty that comes round: a tick at intervals or when woken, surviving what it raises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import asyncpg
import structlog

from treadle.core.clock import Clock, utc_now
from treadle.db.connection import CONNECT_ERRORS
from treadle.db.errors import DatabaseUnavailable

log = structlog.get_logger()

FIRST_BACKOFF_SECONDS = 0.05

OUTAGE = (DatabaseUnavailable, asyncpg.InterfaceError, TimeoutError, *CONNECT_ERRORS)
"""What statements raise while the database is away."""


class Loop:
    """Calls `tick` again and again: at least every `interval_seconds`, at once after `wake()`.

    `tick` may return the seconds until it next has something to do (0: there is more right now);
    None, or more than the interval, means the interval. A tick that raises is logged and tried
    again after a back-off that doubles up to the longer of `interval_seconds` and one second.
    """

    def __init__(
        self,
        name: str,
        tick: Callable[[], Awaitable[float | None]],
        *,
        interval_seconds: float,
        clock: Clock = utc_now,
    ) -> None:
        if interval_seconds <= 0:
            raise ValueError("interval_seconds must be positive")
        self.name = name
        self.last_success_at: datetime | None = None
        """When a tick last ended well; None before the first."""
        self.failures = 0
        """Ticks that failed since the last success."""
        self._tick = tick
        self._interval = interval_seconds
        self._clock = clock
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins with a tick at once. A loop starts only once."""
        if self._task is not None:
            raise RuntimeError(f"the loop {self.name} has been started before")
        self._task = asyncio.create_task(self._run(), name=f"loop:{self.name}")

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop, or has stopped."""
        return self._stopping.is_set()

    def wake(self) -> None:
        """The next tick comes now, or right after the one under way: no wake-up is lost."""
        self._wake.set()

    async def stop(self, *, grace_seconds: float = 5.0) -> None:
        """Begins no further tick and returns when the one under way has ended.

        A tick that takes longer than `grace_seconds` is cancelled. Harmless when not running.
        """
        self._stopping.set()
        self._wake.set()
        if self._task is None:
            return
        _, late = await asyncio.wait({self._task}, timeout=grace_seconds)
        if late:
            log.warning("loop_tick_cancelled", loop=self.name, grace_seconds=grace_seconds)
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while not self._stopping.is_set():
            # Cleared before the tick: what happens during it may have been missed by it.
            self._wake.clear()
            pause = await self._guarded_tick()
            if pause == 0:
                await asyncio.sleep(0)  # a tick that never waits must not stop everything else
                continue
            # After a failure only the time counts: wake-ups would make a busy loop of an outage.
            event = self._stopping if self.failures or self._stopping.is_set() else self._wake
            try:
                async with asyncio.timeout(pause):
                    await event.wait()
            except TimeoutError:
                continue

    async def _guarded_tick(self) -> float:
        """Seconds until the next tick."""
        try:
            pause = await self._tick()
        except Exception as error:
            self.failures += 1
            # A traceback for the first of a row, and none for an outage, which is nobody's mistake.
            log.warning(
                "loop_tick_failed",
                loop=self.name,
                failures=self.failures,
                error=f"{type(error).__name__}: {error}",
                exc_info=self.failures == 1 and not isinstance(error, OUTAGE),
            )
            longest = max(self._interval, 1.0)
            return min(longest, FIRST_BACKOFF_SECONDS * 2 ** min(self.failures, 16))
        if self.failures:
            log.info("loop_recovered", loop=self.name, failures=self.failures)
        self.failures = 0
        self.last_success_at = self._clock()
        return self._interval if pause is None else min(max(pause, 0.0), self._interval)
