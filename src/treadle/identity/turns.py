"""Taking turns: how many do something costly at the same time, and how many may wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from treadle.core.errors import TooManyRequests


class Turns:
    """At most `at_once` hold a turn, at most `waiting` more stand in line, the rest are refused.

    The line is what keeps a flood from making everybody wait for minutes. One event loop only.
    """

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._most_waiting = waiting

    async def take(self) -> None:
        """Waits for a turn; `give_back` ends it. Raises TooManyRequests when the line is full."""
        if self._free.locked() and self._waiting >= self._most_waiting:
            raise TooManyRequests("Too many logins at this moment.", retry_after_seconds=1)
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def give_back(self) -> None:
        """Ends a turn."""
        self._free.release()

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """A turn for the length of a block."""
        await self.take()
        try:
            yield
        finally:
            self.give_back()
