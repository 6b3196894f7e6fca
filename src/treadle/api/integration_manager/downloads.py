"""Files that go out: always as an attachment, never as a page of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

from fastapi.responses import StreamingResponse

from treadle.core.errors import NotFound
from treadle.identity.rights import MISSING
from treadle.storage.errors import MissingObject

_HEADERS: Final = {
    # What a tenant uploaded or a run left must never run as a page of this origin.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


async def attachment(content: AsyncIterator[bytes], *, name: str, size: int) -> StreamingResponse:
    """The bytes as a download of this name. Raises NotFound where the storage has lost them."""
    first = await _first(content)

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for chunk in content:
            yield chunk

    return StreamingResponse(
        whole(),
        media_type="application/octet-stream",
        headers={
            **_HEADERS,
            "Content-Length": str(size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        },
    )


async def _first(content: AsyncIterator[bytes]) -> bytes:
    """Reads a first piece before the answer begins, while its status can still be chosen."""
    try:
        return await anext(content, b"")
    except MissingObject:
        raise NotFound(MISSING) from None
