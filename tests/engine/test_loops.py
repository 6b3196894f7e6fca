from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from treadle.engine.loops import Loop

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
FAR = 3600.0
"""An interval that no test waits for: only a wake-up brings the next tick."""


class Ticks:
    """Counts ticks; each waits for a permit, so that a test decides when it happens."""

    def __init__(self, *answers: float | Exception | None) -> None:
        self.answers = list(answers)
        self.begun: asyncio.Queue[int] = asyncio.Queue()
        self.permits = asyncio.Semaphore(0)
        self.count = 0

    async def tick(self) -> float | None:
        self.count += 1
        self.begun.put_nowait(self.count)
        await self.permits.acquire()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def next_begins(self) -> int:
        async with asyncio.timeout(60):
            return await self.begun.get()


async def test_ticks_at_once_and_again_when_woken() -> None:
    ticks = Ticks()
    loop = Loop("test", ticks.tick, interval_seconds=FAR, clock=lambda: NOW)
    assert loop.last_success_at is None
    loop.start()
    assert await ticks.next_begins() == 1
    ticks.permits.release()
    loop.wake()
    assert await ticks.next_begins() == 2
    assert loop.last_success_at == NOW
    ticks.permits.release()
    await loop.stop()


async def test_a_wake_up_during_a_tick_is_not_lost() -> None:
    ticks = Ticks()
    loop = Loop("test", ticks.tick, interval_seconds=FAR)
    loop.start()
    await ticks.next_begins()
    loop.wake()
    ticks.permits.release()
    assert await ticks.next_begins() == 2
    ticks.permits.release()
    await loop.stop()


async def test_the_interval_and_a_shorter_pause_bring_the_next_tick() -> None:
    for interval, answer in ((0.01, None), (FAR, 0.0), (FAR, 0.01)):
        ticks = Ticks(answer)
        loop = Loop("test", ticks.tick, interval_seconds=interval)
        loop.start()
        ticks.permits.release()
        assert [await ticks.next_begins(), await ticks.next_begins()] == [1, 2]
        ticks.permits.release()
        await loop.stop()


async def test_survives_failures_without_becoming_busy_and_counts_them() -> None:
    ticks = Ticks(ValueError("one"), OSError("two"))
    loop = Loop("test", ticks.tick, interval_seconds=FAR, clock=lambda: NOW)
    loop.start()
    await ticks.next_begins()
    ticks.permits.release()
    loop.wake()
    await ticks.next_begins()
    assert (loop.failures, loop.last_success_at) == (1, None)
    ticks.permits.release()
    await ticks.next_begins()
    assert (loop.failures, loop.last_success_at) == (2, None)
    ticks.permits.release()
    loop.wake()
    await ticks.next_begins()
    assert (loop.failures, loop.last_success_at) == (0, NOW)
    ticks.permits.release()
    await loop.stop()


async def test_stop_lets_the_tick_under_way_finish() -> None:
    ticks = Ticks()
    loop = Loop("test", ticks.tick, interval_seconds=FAR, clock=lambda: NOW)
    loop.start()
    await ticks.next_begins()
    stopping = asyncio.create_task(loop.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    ticks.permits.release()
    await stopping
    assert loop.last_success_at == NOW
    assert ticks.count == 1


async def test_stop_cancels_a_tick_that_hangs() -> None:
    ticks = Ticks()
    loop = Loop("test", ticks.tick, interval_seconds=FAR)
    loop.start()
    await ticks.next_begins()
    await loop.stop(grace_seconds=0.01)
    assert loop.last_success_at is None


async def test_stop_without_start_is_harmless_and_a_second_start_is_refused() -> None:
    ticks = Ticks()
    loop = Loop("test", ticks.tick, interval_seconds=FAR)
    await loop.stop()
    loop.start()
    with pytest.raises(RuntimeError):
        loop.start()
    await loop.stop()
    with pytest.raises(ValueError):
        Loop("test", ticks.tick, interval_seconds=0)
