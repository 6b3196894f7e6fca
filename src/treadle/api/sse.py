"""Server-sent events (WHATWG HTML, section 9.2): answers that go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from anyio import CancelScope

from treadle.api.streaming import ClosingResponse
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
    events: AsyncGenerator[Event, None],
    *,
    stopping: asyncio.Event,
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
) -> ClosingResponse:
    """The events as they come; ends with them, or when the process stops (clients reconnect)."""
    return ClosingResponse(
        _encoded(events, stopping, keep_alive_seconds),
        media_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _encoded(
    events: AsyncGenerator[Event, None], stopping: asyncio.Event, keep_alive_seconds: float
) -> AsyncGenerator[bytes]:
    stopped = asyncio.create_task(stopping.wait())
    coming: asyncio.Task[Event | None] | None = None
    try:
        while not stopping.is_set():
            coming = coming or asyncio.create_task(_next(events))
            done, _ = await asyncio.wait(
                {coming, stopped},
                timeout=keep_alive_seconds,
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
        # Who hangs up cancels us again at every wait, until nothing is waited for any more.
        with CancelScope(shield=True):
            if coming is not None:
                coming.cancel()
                await asyncio.wait({coming})
            await events.aclose()


async def _next(events: AsyncGenerator[Event, None]) -> Event | None:
    return await anext(events, None)
