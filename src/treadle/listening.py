"""The HTTP server of a process: uvicorn, bound before anything else starts, stopped by us.

uvicorn has no bound on the head of a request, nor on the time it takes: anybody could fill the
memory, or hold connections for ever, before a line of ours is asked. The protocol class adds both.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio import TimerHandle, Transport
from collections.abc import Generator
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 64 * 1024
"""Request line and headers together; what one read brings beyond it is let pass."""
HEAD_SECONDS: Final = 30.0
"""For the head of a request, and for the first one of a connection from its beginning."""
KEEP_ALIVE_SECONDS: Final = 65
"""Longer than the minute for which proxies and client pools keep an idle connection."""

CANCELLED_SECONDS: Final = 1.0
"""For requests to end that were cancelled."""
TURNS: Final = 5
"""Of the event loop, until whom it has just let in is a connection."""


class CannotListen(Exception):
    """The address cannot be listened on; the message says which and why."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a bound on the size and the time of a request's head."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:
        """A connection on which nothing comes is as one on which it comes too slowly."""
        super().connection_made(transport)
        self._limit_head_time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing of the connection goes on."""
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Refuses a head that is still not at its end after so many bytes."""
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._head_bytes > HEAD_BYTES:
            self.send_400_response("The head of the request is too large.")
        elif self._head_timer is None:
            self._limit_head_time()

    def on_message_begin(self) -> None:
        """A further request on the connection begins a head of its own."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """What comes now is the body, which the application counts."""
        self._end_head()
        super().on_headers_complete()

    def _end_head(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _limit_head_time(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._head_timer = None
        is_answering = self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]
        if not is_answering and not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()
        self.ending = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()

    async def main_loop(self) -> None:
        """As uvicorn's, but it hears of its end at once and wakes once a second, for the date."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, but it ends when the last connection does, not at a tenth of a second."""
        # Who was let in this moment becomes a connection first: asyncio drops it where the door has
        # closed meanwhile, without closing its socket.
        for _ in range(TURNS):
            await asyncio.sleep(0)
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                await self._left()
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel("the process stops")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CANCELLED_SECONDS):
                    await self._left()

    async def _left(self) -> None:
        # uvicorn keeps these, and tells nobody when one is gone.
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """The process handles its signals: HTTP is not all that has to end."""
        yield


class HttpServer:
    """One listening socket and the application behind it.

    1. `HttpServer(…)` binds: a port that is taken is known before anything has been started.
    2. `start` returns when requests are answered.
    3. `stop` takes no further connections and lets requests finish.
    """

    def __init__(self, *, host: str, port: int) -> None:
        """Binds, with port 0 to any free one. Raises CannotListen."""
        self._host = host
        self._socket = _bind(host, port)
        self.port = int(self._socket.getsockname()[1])
        """The port that was really taken."""
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where this machine reaches the server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self._host, self._host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    async def start(self, app: ASGIApp) -> None:
        """Answers requests with `app`."""
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            # We judge ourselves whom to believe about a caller's address.
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            # A request's log context is its own, not that of whoever accepted the connection.
            reset_contextvars=True,
        )
        self._server = server = _Server(config)
        self._task = asyncio.create_task(server.serve(sockets=[self._socket]), name="http")
        answering = asyncio.create_task(server.answering.wait())
        await asyncio.wait({answering, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            answering.cancel()
            await self._task
            raise CannotListen(f"the HTTP server on {self.url} did not start")

    async def wait(self) -> None:
        """Returns when the server has ended; raises what ended it."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self, *, grace_seconds: float) -> None:
        """Closes the door; returns when the requests inside are answered, or are cancelled after
        the grace. Harmless when it was never started.
        """
        if self._server is None or self._task is None:
            self._socket.close()
            return
        self._server.config.timeout_graceful_shutdown = max(round(grace_seconds), 0)
        self._server.should_exit = True
        self._server.ending.set()
        await self._task


def _bind(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"{host} is not an address of this machine: {error.strerror}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener
