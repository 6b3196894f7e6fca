from __future__ import annotations

import asyncio
import contextvars

import pytest

from treadle.engine.groups import GroupCommit


class Sink:
    """A flush that waits at a gate and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.under_way = 0

    async def flush(self, items: list[int]) -> list[int]:
        self.under_way += 1
        assert self.under_way == 1, "two flushes at a time"
        self.batches.append(items)
        self.entered.set()
        await self.gate.wait()
        self.under_way -= 1
        if 13 in items:
            raise ValueError("13 is poison")
        return [item * 10 for item in items]


async def submitted(group: GroupCommit[int, int], *items: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(group.submit(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def test_gathers_while_a_flush_is_under_way() -> None:
    sink = Sink()
    group = GroupCommit(sink.flush)
    first = await submitted(group, 1)
    await sink.entered.wait()
    others = await submitted(group, 2, 3, 4)
    sink.gate.set()
    assert await asyncio.gather(*first, *others) == [10, 20, 30, 40]
    assert sink.batches == [[1], [2, 3, 4]]


async def test_items_of_one_instant_share_the_first_flush() -> None:
    sink = Sink()
    sink.gate.set()
    group = GroupCommit(sink.flush)
    assert await asyncio.gather(*(group.submit(n) for n in range(5))) == [0, 10, 20, 30, 40]
    assert sink.batches == [[0, 1, 2, 3, 4]]


async def test_a_batch_is_bounded() -> None:
    sink = Sink()
    sink.gate.set()
    group = GroupCommit(sink.flush, max_batch=2)
    assert len(await asyncio.gather(*(group.submit(n) for n in range(5)))) == 5
    assert sink.batches == [[0, 1], [2, 3], [4]]


async def test_a_batch_is_bounded_by_what_its_items_weigh() -> None:
    sink = Sink()
    sink.gate.set()
    group = GroupCommit(sink.flush, max_batch=10, weigh=lambda item: item)
    await asyncio.gather(*await submitted(group, 4, 6, 3, 8, 25, 1))
    assert sink.batches == [[4, 6], [3], [8], [25], [1]]


async def test_poison_fails_only_its_own_caller() -> None:
    sink = Sink()
    sink.gate.set()
    group = GroupCommit(sink.flush)
    answers = await asyncio.gather(*(group.submit(n) for n in (1, 13, 2)), return_exceptions=True)
    assert answers[0] == 10
    assert isinstance(answers[1], ValueError)
    assert answers[2] == 20
    assert sink.batches == [[1, 13, 2], [1], [13], [2]]
    # The group goes on after it.
    assert await group.submit(3) == 30


async def test_an_error_that_is_no_items_fault_reaches_all_without_a_retry() -> None:
    calls = 0

    async def flush(items: list[int]) -> list[int]:
        nonlocal calls
        calls += 1
        raise ConnectionError("gone")

    group = GroupCommit(flush, isolate=lambda error: not isinstance(error, ConnectionError))
    answers = await asyncio.gather(*(group.submit(n) for n in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionError] * 3
    assert calls == 1


async def test_a_cancelled_caller_takes_back_what_is_not_under_way_and_breaks_no_other() -> None:
    sink = Sink()
    group = GroupCommit(sink.flush)
    (first,) = await submitted(group, 1)
    await sink.entered.wait()
    second, third = await submitted(group, 2, 3)
    first.cancel()
    second.cancel()
    sink.gate.set()
    assert await third == 30
    assert sink.batches == [[1], [3]]
    assert first.cancelled()
    assert second.cancelled()


async def test_a_flush_that_loses_results_fails_every_caller() -> None:
    async def flush(items: list[int]) -> list[int]:
        return []

    group = GroupCommit(flush)
    answers = await asyncio.gather(group.submit(1), group.submit(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [RuntimeError] * 2


async def test_a_flush_runs_in_nobodys_context() -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")
    seen: list[str] = []

    async def flush(items: list[int]) -> list[int]:
        seen.append(request.get())
        return items

    request.set("alice")
    assert await GroupCommit(flush).submit(1) == 1
    assert seen == ["none"]


async def test_close_flushes_what_waits_and_refuses_what_comes_later() -> None:
    sink = Sink()
    group = GroupCommit(sink.flush)
    tasks = await submitted(group, 1)
    await sink.entered.wait()
    tasks += await submitted(group, 2)
    closing = asyncio.create_task(group.close())
    await asyncio.sleep(0)
    sink.gate.set()
    await closing
    assert [task.result() for task in tasks] == [10, 20]
    with pytest.raises(RuntimeError):
        await group.submit(3)
