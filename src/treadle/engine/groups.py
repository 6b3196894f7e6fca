"""Group commit: while one flush is under way, the next one gathers.

Many callers that each want one small write share a statement and a commit, so that throughput is
bound by rows and not by commits. Nobody waits for a timer: a lone caller is flushed at once.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class _Waiting(Generic[T, R]):
    item: T
    result: asyncio.Future[R]


def _always(error: Exception) -> bool:
    return True


def _one(item: object) -> int:
    return 1


class GroupCommit(Generic[T, R]):
    """Collects items and hands them to `flush` in batches, one flush at a time.

    `flush` gets the items in the order they came and returns one result for each, in that order.
    When it raises, the items are flushed again one by one, so that a poison item fails only its
    own caller; `isolate` may say no to that for errors that are no item's fault (a lost
    connection): then all callers of the batch get the error. `flush` must therefore leave nothing
    behind when it raises, or be safe to repeat.

    A batch weighs at most `max_batch`, where `weigh` says what an item weighs; one item alone may
    weigh more.
    """

    def __init__(
        self,
        flush: Callable[[list[T]], Awaitable[Sequence[R]]],
        *,
        max_batch: int = 500,
        weigh: Callable[[T], int] = _one,
        isolate: Callable[[Exception], bool] = _always,
    ) -> None:
        if max_batch < 1:
            raise ValueError("max_batch must be at least 1")
        self._flush = flush
        self._max_batch = max_batch
        self._weigh = weigh
        self._isolate = isolate
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._flusher: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, item: T) -> R:
        """The result of the flush that took `item`, or its error.

        A caller that is cancelled before its batch began takes its item back; after that the item
        is written and only the answer is dropped.
        """
        if self._closed:
            raise RuntimeError("this group commit is closed")
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, result))
        if self._flusher is None:
            # An empty context: the flush is nobody's request, so it must not log as one.
            self._flusher = asyncio.get_running_loop().create_task(
                self._drain(), name="group-commit", context=contextvars.Context()
            )
        return await result

    async def close(self) -> None:
        """Flushes what is waiting; items that come later are refused."""
        self._closed = True
        if self._flusher is not None:
            await asyncio.shield(self._flusher)

    async def _drain(self) -> None:
        batch: list[_Waiting[T, R]] = []
        try:
            while batch := self._next_batch():
                await self._flush_batch(batch)
        finally:
            # Only a cancelled flusher (the event loop is ending) leaves anybody waiting here.
            for one in (*batch, *self._waiting):
                one.result.cancel()
            self._waiting.clear()
            self._flusher = None

    def _next_batch(self) -> list[_Waiting[T, R]]:
        batch: list[_Waiting[T, R]] = []
        room = self._max_batch
        while self._waiting and room > 0:
            one = self._waiting[0]
            weight = self._weigh(one.item)
            if batch and weight > room:
                break
            self._waiting.popleft()
            if not one.result.done():
                batch.append(one)
                room -= weight
        return batch

    async def _flush_batch(self, batch: list[_Waiting[T, R]]) -> None:
        try:
            results = await self._flush([one.item for one in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"flush returned {len(results)} results for {len(batch)} items")
        except Exception as error:
            if len(batch) == 1 or not self._isolate(error):
                for one in batch:
                    _fail(one.result, error)
                return
            for one in batch:
                await self._flush_batch([one])
            return
        for one, result in zip(batch, results, strict=True):
            if not one.result.done():
                one.result.set_result(result)


def _fail(result: asyncio.Future[R], error: Exception) -> None:
    if not result.done():
        result.set_exception(error)
