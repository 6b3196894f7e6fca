"""The HTTP server below the application: bounded heads, binding, an orderly end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.types import Receive, Scope, Send

import treadle.listening
from treadle.listening import CannotListen, HttpServer


class App:
    """Answers with the number of bytes of the body, as soon as `open` is set."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.entered.set()
        await self.open.wait()
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        body = str(size).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def listening(app: App) -> AsyncGenerator[HttpServer]:
    server = HttpServer(host="127.0.0.1", port=0)
    await server.start(app)
    yield server
    await server.stop(grace_seconds=5)


async def spoken(server: HttpServer, *parts: bytes) -> bytes:
    """What comes back on a fresh connection until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    return answer


LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


async def test_answers_on_the_port_that_it_found() -> None:
    async with listening(App()) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        async with httpx.AsyncClient(timeout=60) as client:
            assert (await client.post(server.url, content=b"x" * 300_000)).text == "300000"


async def test_a_head_of_usual_size_is_read() -> None:
    async with listening(App()) as server:
        answer = await spoken(server, LAST + b"X-Long: " + b"x" * 16_000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 400_000,
        LAST + b"X-Long: " + b"x" * 400_000,
        LAST + b"X: y\r\n" * 100_000,
    ],
)
async def test_a_head_without_an_end_is_refused(head: bytes) -> None:
    app = App()
    async with listening(app) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head)
        async with asyncio.timeout(60):
            assert b"400" in await reader.readline()
        writer.close()
        assert not app.entered.is_set()
        assert (await spoken(server, LAST + b"\r\n")).startswith(b"HTTP/1.1 200")


async def test_who_sends_no_head_in_time_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(treadle.listening, "HEAD_SECONDS", 0.05)
    async with listening(App()) as server:
        assert await spoken(server) == b""
        assert await spoken(server, b"GET / HT") == b""


async def test_the_second_request_of_a_connection_has_a_bound_too() -> None:
    async with listening(App()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(60):
            assert b"200" in await reader.readline()
            await reader.readuntil(b"\r\n\r\n0")
            writer.write(b"GET /" + b"x" * 400_000)
            assert b"400" in await reader.readline()
        writer.close()


async def test_a_port_that_is_taken_is_refused_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"127.0.0.1:{port}: Address already in use"):
            HttpServer(host="127.0.0.1", port=port)


async def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1"):
        HttpServer(host="192.0.2.1", port=0)
    with pytest.raises(CannotListen, match="not an address of this machine"):
        HttpServer(host="no such host", port=0)


async def test_stopping_answers_what_is_under_way_and_takes_nothing_new() -> None:
    app = App()
    app.open.clear()
    async with listening(app) as server, httpx.AsyncClient(timeout=60) as client:
        under_way = asyncio.create_task(client.get(server.url))
        async with asyncio.timeout(60):
            await app.entered.wait()
        stopping = asyncio.create_task(server.stop(grace_seconds=10))
        await refusing(server.port)
        app.open.set()
        assert (await under_way).text == "0"
        await stopping


async def test_stopping_without_grace_ends_what_is_under_way() -> None:
    app = App()
    app.open.clear()
    server = HttpServer(host="127.0.0.1", port=0)
    await server.start(app)
    async with httpx.AsyncClient(timeout=60) as client:
        under_way = asyncio.create_task(client.get(server.url))
        async with asyncio.timeout(60):
            await app.entered.wait()
        await server.stop(grace_seconds=0)
        assert (await under_way).status_code == 500


async def test_a_server_that_never_started_is_stopped_too() -> None:
    server = HttpServer(host="127.0.0.1", port=0)
    port = server.port
    await server.stop(grace_seconds=0)
    again = HttpServer(host="127.0.0.1", port=port)
    await again.stop(grace_seconds=0)


async def refusing(port: int) -> None:
    """Returns when nobody takes connections any more."""
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)
