"""Files that go out: always as an attachment, never as a page of ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from treadle.api.streaming import ClosingResponse
from treadle.core.errors import NotFound
from treadle.identity.rights import MISSING
from treadle.storage.errors import MissingObject

_HEADERS: Final = {
    # What a tenant uploaded or a run left must never run as a page of this origin.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9 !#$&+.^_`|~()\[\]{},=@-]")

BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The bytes of the file.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string"}, "example": "(bytes)"}
        },
    }
}
"""How a route that answers so says it."""


async def attachment(content: AsyncIterator[bytes], *, name: str, size: int) -> ClosingResponse:
    """The bytes as a download of this name. Raises NotFound where the storage has lost them."""
    return ClosingResponse(
        _Begun(await _first(content), content),
        media_type="application/octet-stream",
        headers={
            **_HEADERS,
            "Content-Length": str(size),
            "Content-Disposition": _disposition(name),
        },
    )


def _disposition(name: str) -> str:
    """RFC 6266: the whole name for those who know the form, and a plain one for the others."""
    plain = _NOT_PLAIN.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def _first(content: AsyncIterator[bytes]) -> bytes:
    """Reads a first piece before the answer begins, while its status can still be chosen."""
    try:
        return await anext(content, b"")
    except MissingObject:
        raise NotFound(MISSING) from None


class _Begun:
    """A content whose first piece has been read."""

    def __init__(self, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self._first: bytes | None = first
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await anext(self._rest)

    async def aclose(self) -> None:
        """Ends what the content holds."""
        close = getattr(self._rest, "aclose", None)
        if close is not None:
            await close()
