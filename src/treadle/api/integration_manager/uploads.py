"""Takes an uploaded file to disk, where it can be looked at before anything is kept."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request

from treadle.api.bodies import admit_upload
from treadle.api.context import AppContext
from treadle.api.integration_manager.upload_form import UploadForm
from treadle.core.errors import BadInput, TooLarge
from treadle.packages.removal import remove_tree

_BUFFER_BYTES: Final = 1024 * 1024
_LEFT_OVER_SECONDS: Final = 24 * 3600
"""A folder that is so old belongs to a process that was killed: no request takes a day."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent. `path` is gone when the request is over."""

    key: str
    path: Path


@asynccontextmanager
async def received_upload(
    request: Request, context: AppContext, *, key: str | None, max_bytes: int | None = None
) -> AsyncGenerator[Upload]:
    """The file of a multipart body (fields `key`, `file`), or the body itself where `key` is known.

    At most `max_bytes`, or what a package may have. Call it when the caller is known and may
    upload. Raises BadInput, TooLarge; then nothing is left.
    """
    limit = context.settings.max_package_bytes if max_bytes is None else max_bytes
    admit_upload(request, max_bytes=limit)
    content_type = request.headers.get("content-type", "")
    form = UploadForm(content_type) if content_type.lower().startswith("multipart/") else None
    if form is None and key is None:
        raise BadInput("the body must be multipart/form-data with `key` and `file`")
    async with request_folder(context.settings.data_dir) as folder:
        path = folder / "upload"
        async with aclosing(_content(request, form)) as content:
            await _write(content, path, limit=limit)
        name = key or (form and (form.key or form.filename))
        if not name:
            raise BadInput("key: is required", field="key")
        yield Upload(name, path)


@asynccontextmanager
async def request_folder(data_dir: Path) -> AsyncGenerator[Path]:
    """A folder of this request's own, on the disk of the data directory; gone with the block.

    What a process left that was killed goes when somebody asks for a folder a day later.
    """
    folder = await asyncio.to_thread(_make_folder, data_dir / "uploads")
    try:
        yield folder
    finally:
        # Whoever hangs up has everything cancelled that still runs for him, again at every await;
        # a removal that waits for a thread would never begin. Shielded, it goes on by itself.
        removing = asyncio.get_running_loop().run_in_executor(None, remove_tree, folder)
        await asyncio.shield(removing)


async def _content(request: Request, form: UploadForm | None) -> AsyncGenerator[bytes]:
    async for data in request.stream():
        if form is None:
            yield data
        else:
            for piece in form.feed(data):
                yield piece
    if form is not None:
        form.close()


async def _write(content: AsyncIterator[bytes], path: Path, *, limit: int) -> None:
    """Writes as it comes, a buffer at a time and beside the event loop: disks may be slow."""
    size = 0
    buffer: list[bytes] = []
    buffered = 0
    with path.open("wb") as file:
        async for piece in content:
            size += len(piece)
            if size > limit:
                raise TooLarge(f"file: is over {limit} bytes", field="file")
            buffer.append(piece)
            buffered += len(piece)
            if buffered >= _BUFFER_BYTES:
                await asyncio.to_thread(file.writelines, buffer)
                buffer, buffered = [], 0
        await asyncio.to_thread(file.writelines, buffer)


def _make_folder(parent: Path) -> Path:
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    oldest = time.time() - _LEFT_OVER_SECONDS
    for folder in parent.iterdir():
        try:
            is_left_over = folder.stat().st_mtime < oldest
        except FileNotFoundError:  # its request has just ended
            continue
        if is_left_over:
            remove_tree(folder)
    return Path(tempfile.mkdtemp(dir=parent))
