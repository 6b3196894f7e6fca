"""Server-sent events: how they look, what keeps them open, and that they end in every way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from starlette.types import Message

from treadle.api.sse import Event, event_stream
from treadle.api.streaming import ClosingResponse

SCOPE: dict[str, Any] = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}}


class Caller:
    """The other end of an answer: hangs up when told to, takes pieces while it is willing to."""

    def __init__(self, *, takes: int = 1000) -> None:
        self.hung_up = asyncio.Event()
        self.got = asyncio.Event()
        self.body = b""
        self._takes = takes

    async def receive(self) -> Message:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] != "http.response.body" or not message["body"]:
            return
        self.body += message["body"]
        self._takes -= 1
        self.got.set()
        if self._takes == 0:
            await asyncio.Event().wait()


class Source:
    """Events that somebody else triggers; knows when it was ended."""

    def __init__(self) -> None:
        self.more = asyncio.Event()
        self.ended = False

    async def events(self) -> AsyncGenerator[Event, None]:
        try:
            yield Event("first", {"n": 1}, id="7")
            await self.more.wait()
            yield Event("last", "text\nof two lines")
        finally:
            for _ in range(20):  # as a transaction needs some time to end
                await asyncio.sleep(0)
            self.ended = True


async def answer(response: ClosingResponse, caller: Caller) -> None:
    async with asyncio.timeout(60):
        await response(SCOPE, caller.receive, caller.send)


def stream(source: Source, stopping: asyncio.Event | None = None, **more: Any) -> ClosingResponse:
    return event_stream(source.events(), stopping=stopping or asyncio.Event(), **more)


async def test_events_are_written_as_browsers_read_them() -> None:
    source, caller = Source(), Caller()
    source.more.set()
    await answer(stream(source), caller)
    assert caller.body == (
        b'id: 7\nevent: first\ndata: {"n":1}\n\nevent: last\ndata: "text\\nof two lines"\n\n'
    )
    assert source.ended


async def test_silence_is_broken_by_comments() -> None:
    source, caller = Source(), Caller(takes=4)
    answering = asyncio.create_task(answer(stream(source, keep_alive_seconds=0.01), caller))
    async with asyncio.timeout(60):
        while caller.body.count(b": still here\n\n") < 3:
            caller.got.clear()
            await caller.got.wait()
    caller.hung_up.set()
    await answering
    assert source.ended


async def test_a_caller_who_hangs_up_while_nothing_comes_ends_the_events() -> None:
    source, caller = Source(), Caller()
    answering = asyncio.create_task(answer(stream(source), caller))
    await caller.got.wait()
    caller.hung_up.set()
    await answering
    assert source.ended


async def test_a_caller_who_hangs_up_while_something_is_sent_ends_the_events() -> None:
    source, caller = Source(), Caller(takes=1)
    response = stream(source)
    answering = asyncio.create_task(answer(response, caller))
    await caller.got.wait()
    caller.hung_up.set()
    await answering
    assert source.ended


async def test_a_process_that_stops_ends_the_events() -> None:
    source, caller, stopping = Source(), Caller(), asyncio.Event()
    answering = asyncio.create_task(answer(stream(source, stopping), caller))
    await caller.got.wait()
    stopping.set()
    await answering
    assert source.ended
    assert b"last" not in caller.body


async def test_nothing_begins_when_the_process_stops_already() -> None:
    source, caller, stopping = Source(), Caller(), asyncio.Event()
    stopping.set()
    await answer(stream(source, stopping), caller)
    assert caller.body == b""


async def test_content_that_never_began_is_ended_too() -> None:
    ended: list[bool] = []

    class Content:
        def __aiter__(self) -> Content:
            return self

        async def __anext__(self) -> bytes:
            raise AssertionError("nobody is there to read")

        async def aclose(self) -> None:
            ended.append(True)

    caller = Caller()
    caller.hung_up.set()

    async def send(message: Message) -> None:
        await asyncio.Event().wait()

    async with asyncio.timeout(60):
        await ClosingResponse(Content(), media_type="text/plain")(SCOPE, caller.receive, send)
    assert ended == [True]
