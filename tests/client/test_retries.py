"""What the client sends again, against a server that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from treadle.client import AsyncTreadle, Invalid, Retries, ServerError, TooManyRequests, Unavailable
from treadle.client.events import Event, EventReader
from treadle.client.retries import seconds_asked

QUICK = Retries(attempts=3, first=0.001, longest=0.01)
JSON = "application/json"
RUN = b'{"id": "r"}'


def answer(
    status: str, body: bytes = b"{}", *headers: str, kind: str = "application/json"
) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Connection: close", *headers, "", ""]).encode() + body


CUT = b""
"""The connection ends without an answer."""


@dataclass(slots=True)
class Scripted:
    """What it was asked, as text."""

    url: str
    asked: list[str] = field(default_factory=list[str])

    def header(self, name: str) -> list[str]:
        """This header of each request."""
        return [
            line.partition(":")[2].strip()
            for request in self.asked
            for line in request.split("\r\n")
            if line.lower().startswith(f"{name.lower()}:")
        ]


@asynccontextmanager
async def answering(answers: Sequence[bytes]) -> AsyncGenerator[Scripted]:
    """A real HTTP server that gives these answers, one for each connection."""
    left = list(answers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        scripted.asked.append(head)
        writer.write(left.pop(0))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    scripted = Scripted(f"http://127.0.0.1:{port}")
    async with server:
        yield scripted


@asynccontextmanager
async def asking(*answers: bytes) -> AsyncGenerator[tuple[Scripted, AsyncTreadle]]:
    """Such a server, and a client that is quick to try again."""
    async with answering(answers) as server, AsyncTreadle(server.url, retries=QUICK) as treadle:
        yield server, treadle


async def test_what_starts_something_is_sent_again_under_the_same_key() -> None:
    busy = answer("503 Service Unavailable")
    async with asking(busy, CUT, answer("202 Accepted", RUN)) as (server, treadle):
        assert (await treadle.jobs.run("44")).id == "r"
    keys = server.header("Idempotency-Key")
    assert len(keys) == 3
    assert len(set(keys)) == 1


async def test_what_could_be_done_twice_is_not_sent_again() -> None:
    async with asking(answer("503 Service Unavailable")) as (server, treadle):
        with pytest.raises(Unavailable):
            await treadle.jobs.create("Hello")
    assert len(server.asked) == 1


async def test_what_was_not_looked_at_is_sent_again_whatever_it_is() -> None:
    limited = answer("429 Too Many Requests", b"{}", "Retry-After: 0")
    async with asking(limited, limited, limited) as (server, treadle):
        with pytest.raises(TooManyRequests) as caught:
            await treadle.jobs.create("Hello")
    assert len(server.asked) == 3
    assert caught.value.retry_after == 0


async def test_a_wait_that_is_too_long_is_the_callers() -> None:
    limited = answer("429 Too Many Requests", b"{}", "Retry-After: 3600")
    async with asking(limited) as (_, treadle):
        with pytest.raises(TooManyRequests) as caught:
            await treadle.me()
    assert caught.value.retry_after == 3600


async def test_refusals_and_bugs_are_not_sent_again() -> None:
    for status, error in (("400 Bad Request", Invalid), ("500 Internal Server Error", ServerError)):
        async with asking(answer(status, b'{"message": "no"}')) as (server, treadle):
            with pytest.raises(error, match="no"):
                await treadle.me()
        assert len(server.asked) == 1


async def test_following_goes_on_where_the_connection_broke() -> None:
    def stream(text: str) -> bytes:
        return answer("200 OK", text.encode(), kind="text/event-stream")

    first = 'id: 4\nevent: log\ndata: {"attempt":1,"text":"one\\n"}\n\n'
    last = 'id: 8\nevent: log\ndata: {"attempt":1,"text":"two\\n"}\n\nevent: end\ndata: {}\n\n'
    async with asking(stream(first), CUT, stream(last)) as (server, treadle):
        assert [text async for text in treadle.runs.handle("r").follow()] == ["one\n", "two\n"]
    assert server.header("Last-Event-ID") == ["4", "4"]


def test_events_are_read_line_by_line() -> None:
    reader = EventReader()
    lines = [
        ": still here",
        "",
        "id: 1",
        "event: log",
        'data: {"a":',
        "data: 1}",
        "",
        "data: 2",
        "",
    ]
    assert [event for line in [*lines, ""] if (event := reader.take(line))] == [
        Event("log", {"a": 1}, "1"),
        Event("message", 2, "1"),
    ]


def test_retry_after_is_seconds_or_an_instant() -> None:
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    assert seconds_asked("7", now=now) == 7
    assert seconds_asked("Sun, 22 Nov 2026 09:00:30 GMT", now=now) == 30
    assert seconds_asked("Sun, 22 Nov 2026 08:00:00 GMT", now=now) == 0
    assert seconds_asked("soon", now=now) is None
    assert seconds_asked(None, now=now) is None
