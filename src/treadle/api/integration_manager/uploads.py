"""Takes an uploaded file to disk, where it can be looked at before anything is kept."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from treadle.api.bodies import admit_upload
from treadle.api.context import AppContext
from treadle.core.errors import BadInput, TooLarge

_CHUNK_BYTES: Final = 1024 * 1024
_MAX_FIELDS: Final = 10


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent. `path` is gone when the request is over."""

    key: str
    path: Path


@asynccontextmanager
async def received_upload(
    request: Request, context: AppContext, *, key: str | None
) -> AsyncGenerator[Upload]:
    """The file of a multipart body (fields `key`, `file`), or the body itself where `key` is known.

    Call it when the caller is known and may upload. Raises BadInput, TooLarge.
    """
    limit = context.settings.max_package_bytes
    admit_upload(request, max_bytes=limit)
    folder = context.settings.data_dir / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "upload"
        if request.headers.get("content-type", "").lower().startswith("multipart/"):
            async with request.form(max_files=1, max_fields=_MAX_FIELDS) as form:
                upload = _file_of(form)
                await _copy(_chunks(upload), path, limit=limit)
                name = key or _text_of(form, "key") or upload.filename
        elif key is not None:
            await _copy(request.stream(), path, limit=limit)
            name = key
        else:
            raise BadInput("the body must be multipart/form-data with `key` and `file`")
        if not name:
            raise BadInput("key: is required", field="key")
        yield Upload(name, path)


def _file_of(form: FormData) -> UploadFile:
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise BadInput("file: is required, as a file", field="file")
    return upload


def _text_of(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return value if isinstance(value, str) else None


async def _chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(_CHUNK_BYTES):
        yield chunk


async def _copy(chunks: AsyncIterator[bytes], path: Path, *, limit: int) -> None:
    size = 0
    async with await anyio.open_file(path, "wb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"file: is over {limit} bytes", field="file")
            await file.write(chunk)
