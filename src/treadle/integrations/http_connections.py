"""HTTP connections that are kept for the next call to the same origin.

Not httpcore's pool: a request that is cancelled between its connection and its first byte leaves
that connection in the pool for ever. Here whoever takes a connection gives it back idle, or it is
closed, whatever happened in between.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import httpcore

KEEP_SECONDS: Final = 5.0
"""How long an idle connection is kept."""
MAX_IDLE: Final = 100


class Connections:
    """Makes connections through one backend and keeps idle ones. One event loop only."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, ssl_context: ssl.SSLContext) -> None:
        self._backend = backend
        self._ssl_context = ssl_context
        self._idle: deque[httpcore.AsyncHTTPConnection] = deque()
        """The one that is idle for longest first."""

    @asynccontextmanager
    async def connection(
        self, origin: httpcore.Origin
    ) -> AsyncGenerator[httpcore.AsyncHTTPConnection]:
        """A connection for one request; connecting comes with the request."""
        connection = self._take(origin) or self._new(origin)
        try:
            yield connection
        finally:
            # One that could not connect calls itself idle, too.
            if connection.is_idle() and not connection.has_expired():
                self._idle.append(connection)
            else:
                await _close(connection)
            await self._close_old_ones()

    async def close(self) -> None:
        """Closes what is idle."""
        while self._idle:
            await _close(self._idle.popleft())

    def _take(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection | None:
        """The newest of the origin's that the other side has not ended."""
        for connection in reversed(self._idle):
            if connection.can_handle_request(origin) and not connection.has_expired():
                self._idle.remove(connection)
                return connection
        return None

    def _new(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        return httpcore.AsyncHTTPConnection(
            origin,
            ssl_context=self._ssl_context,
            keepalive_expiry=KEEP_SECONDS,
            network_backend=self._backend,
        )

    async def _close_old_ones(self) -> None:
        while self._idle and (len(self._idle) > MAX_IDLE or self._idle[0].has_expired()):
            await _close(self._idle.popleft())


async def _close(connection: httpcore.AsyncHTTPConnection) -> None:
    with anyio.CancelScope(shield=True):
        await connection.aclose()
