"""How many calls go to one host at the same time: a slow one must not take all connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class _Line:
    free: asyncio.Semaphore
    users: int = 0


class HostTurns:
    """So many turns at once for each host and for all together; the others wait, a host's own line
    first. One event loop only.
    """

    def __init__(self, *, per_host: int, together: int) -> None:
        self._per_host = per_host
        self._together = asyncio.Semaphore(together)
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncGenerator[None]:
        """A turn for the length of the block. A host that nobody calls is forgotten."""
        line = self._lines.setdefault(host, _Line(asyncio.Semaphore(self._per_host)))
        line.users += 1
        try:
            async with line.free, self._together:
                yield
        finally:
            line.users -= 1
            if line.users == 0:
                del self._lines[host]
