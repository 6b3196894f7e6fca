"""Answers that are made while they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, Protocol

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class Closable(Protocol):
    """What can be sent and must be ended; an async generator is one."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Ends it, wherever it is."""
        ...


class ClosingResponse(StreamingResponse):
    """Ends its content whichever way the answer ends: at its end, when the caller hangs up, when
    the process stops. Without that a subscription or a file stays open until the memory is tidied.
    """

    def __init__(
        self,
        content: Closable,
        *,
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(content, media_type=media_type, headers=headers)
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, and ends the content."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._content.aclose()
