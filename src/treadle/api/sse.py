"""Server-sent events (WHATWG HTML, section 9.2): answers that go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final

from fastapi.responses import StreamingResponse

from treadle.core.json import Json, dump

EVENT_STREAM: Final = "text/event-stream"
KEEP_ALIVE_SECONDS: Final = 15.0
"""A comment goes out this often, so that proxies don't take silence for the end."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `id` is what a client names to go on after it."""

    name: str
    data: Json
    id: str | None = None

    def encoded(self) -> bytes:
        """As it goes over the wire; JSON has no line breaks, so one data line holds it."""
        first = b"" if self.id is None else f"id: {self.id}\n".encode()
        return first + f"event: {self.name}\n".encode() + b"data: " + dump(self.data) + b"\n\n"


def event_stream(
    events: AsyncGenerator[Event, None], *, stopping: asyncio.Event
) -> StreamingResponse:
    """The events as they come; ends with them, or when the process stops (clients reconnect)."""
    return StreamingResponse(
        _encoded(events, stopping),
        media_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _encoded(
    events: AsyncGenerator[Event, None], stopping: asyncio.Event
) -> AsyncIterator[bytes]:
    stopped = asyncio.create_task(stopping.wait())
    coming: asyncio.Task[Event | None] | None = None
    try:
        while not stopped.done():
            coming = coming or asyncio.create_task(_next(events))
            done, _ = await asyncio.wait(
                {coming, stopped},
                timeout=KEEP_ALIVE_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if coming in done:
                event = coming.result()
                coming = None
                if event is None:
                    return
                yield event.encoded()
            elif not done:
                yield b": still here\n\n"
    finally:
        stopped.cancel()
        if coming is not None:
            coming.cancel()
            await asyncio.wait({coming})
        await events.aclose()


async def _next(events: AsyncGenerator[Event, None]) -> Event | None:
    return await anext(events, None)
