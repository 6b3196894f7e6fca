"""Files of any size under keys of our own: in a folder or in S3, with the same promises.

1. What `put_…` returned for is stored whole, and in a folder it survives a power failure.
2. A reader sees the old object or the new one, never a part of it.
3. What is not there is `MissingObject`; a place that does not answer, or a bucket that does not
   exist, is another `StorageError`: the two are never confused, or a wrong setting would look
   like lost files.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from treadle.storage.errors import MissingObject, OversizedObject, StorageError
from treadle.storage.keys import validate_key
from treadle.storage.location import FolderLocation, S3Location, parse_location

if TYPE_CHECKING:
    # These exist for type checkers alone.
    from obstore.store import ClientConfig, RetryConfig, S3Config

# Each upload holds at most _PART_BYTES * _PARTS_AT_ONCE in memory.
_PART_BYTES = 8 * 1024 * 1024
_PARTS_AT_ONCE = 4
_STREAM_CHUNK_BYTES = 256 * 1024
# The whole request may be a 100 MB body over a slow line, so only silence is bounded tightly.
_CLIENT: ClientConfig = {
    "connect_timeout": timedelta(seconds=5),
    "read_timeout": timedelta(seconds=30),
    "timeout": timedelta(minutes=30),
}
_RETRY: RetryConfig = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}
# A prefix that holds nothing: listing it costs one small request and fails where the bucket does.
_PROBE_PREFIX = ".treadle-probe"


def open_storage(url: str) -> Storage:
    """The storage that the URL names (see `parse_location`).

    A missing folder is made, readable by our own user alone; S3 is not contacted: `check` does
    that. ValueError when the URL means nothing.
    """
    location = parse_location(url)
    match location:
        case FolderLocation(path=path):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Storage(
                store=LocalStore(path, automatic_cleanup=True), name=str(location), folder=path
            )
        case S3Location():
            return Storage(store=_s3_store(location), name=str(location), folder=None)


def _s3_store(location: S3Location) -> ObjectStore:
    config: S3Config = {"virtual_hosted_style_request": location.virtual_hosted_style}
    if location.endpoint is not None:
        config["endpoint"] = location.endpoint
    if location.region is not None:
        config["region"] = location.region
    client = _CLIENT.copy()
    if location.allow_http:
        client["allow_http"] = True
    return S3Store(
        location.bucket,
        prefix=location.prefix,
        config=config,
        client_options=client,
        retry_config=_RETRY,
    )


class Storage:
    """One place for files. Safe to share between tasks; holds no open file between calls."""

    def __init__(self, *, store: ObjectStore, name: str, folder: Path | None) -> None:
        self._store = store
        self._name = name
        self._folder = folder

    def __str__(self) -> str:
        return self._name

    async def put_file(self, key: str, path: Path) -> None:
        """Store the file's content under the key, in place of what was there."""
        # A missing source is the caller's FileNotFoundError, not the storage's.
        await asyncio.to_thread(path.stat)
        await self._put(key, path)

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Store the bytes under the key, in place of what was there."""
        await self._put(key, data)

    async def get_bytes(self, key: str, *, max_bytes: int) -> bytes:
        """The whole object. MissingObject; OversizedObject before anything of it is read."""
        stored = validate_key(key)
        with self._errors(f"read {key}"):
            result = await self._get(stored, key)
            if result.meta["size"] > max_bytes:
                raise OversizedObject(f"{self._name}: {key} is over {max_bytes} bytes")
            return bytes(await result.bytes_async())

    async def stream(
        self, key: str, *, chunk_size: int = _STREAM_CHUNK_BYTES
    ) -> AsyncIterator[bytes]:
        """Yield the object in chunks of about `chunk_size` bytes; MissingObject at the first."""
        stored = validate_key(key)
        with self._errors(f"read {key}"):
            result = await self._get(stored, key)
            async for chunk in result.stream(min_chunk_size=chunk_size):
                yield bytes(chunk)

    async def download(self, key: str, to: Path) -> None:
        """Write the object to a file, which appears whole or not at all.

        OSError when the file's own folder is the trouble.
        """
        unfinished = to.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with _create(unfinished) as file:
                async for chunk in self.stream(key, chunk_size=1024 * 1024):
                    await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(unfinished.replace, to)
        finally:
            unfinished.unlink(missing_ok=True)

    async def head(self, key: str) -> int | None:
        """The object's size in bytes, or None when nothing is stored under the key."""
        stored = validate_key(key)
        with self._errors(f"look at {key}"):
            try:
                meta = await obstore.head_async(self._store, stored)
            except FileNotFoundError as error:
                await self._confirm_reachable(error)
                return None
            return meta["size"]

    async def exists(self, key: str) -> bool:
        """Whether something is stored under the key."""
        return await self.head(key) is not None

    async def delete(self, key: str) -> None:
        """Nothing is stored under the key afterwards, whether or not something was."""
        stored = validate_key(key)
        with self._errors(f"delete {key}"):
            try:
                await obstore.delete_async(self._store, stored)
            except FileNotFoundError as error:
                await self._confirm_reachable(error)

    async def delete_prefix(self, prefix: str) -> int:
        """Delete everything below `prefix/`; how many objects that were.

        `a` deletes `a/x` and `a/b/y`, neither `a` itself nor `ab/x`. Objects that are put while
        this runs may stay.
        """
        stored = validate_key(prefix)
        count = 0
        with self._errors(f"delete below {prefix}"):
            async for page in obstore.list(self._store, stored, chunk_size=1000):
                paths = [meta["path"] for meta in page]
                await self._delete_all(paths)
                count += len(paths)
        return count

    async def check(self, *, within: timedelta = timedelta(seconds=10)) -> None:
        """Return when the storage can be used now; StorageError, saying why, when it cannot."""
        if self._folder is not None:
            await asyncio.to_thread(_check_folder, self._folder)
            return
        with self._errors("be reached"):
            async with asyncio.timeout(within.total_seconds()):
                await obstore.list(self._store, _PROBE_PREFIX).collect_async()

    async def _put(self, key: str, content: Path | bytes) -> None:
        stored = validate_key(key)
        with self._errors(f"store {key}"):
            await obstore.put_async(
                self._store,
                stored,
                content,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
            if self._folder is not None:
                await asyncio.to_thread(_make_durable, self._folder, stored)

    async def _delete_all(self, paths: list[str]) -> None:
        try:
            await obstore.delete_async(self._store, paths)
        except FileNotFoundError as error:
            # Another process deletes the same things. What is missing is done; the rest is not.
            await self._confirm_reachable(error)
            for path in paths:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._store, path)

    async def _get(self, stored: str, key: str) -> obstore.GetResult:
        try:
            return await obstore.get_async(self._store, stored)
        except FileNotFoundError as error:
            await self._confirm_reachable(error)
            raise MissingObject(f"{self._name}: {key} is not there") from error

    async def _confirm_reachable(self, error: FileNotFoundError) -> None:
        # S3 answers 404 for a missing bucket too, and to HEAD without a word about which it was.
        if "NoSuchKey" not in str(error):
            await self.check()

    @contextmanager
    def _errors(self, attempt: str) -> Generator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise StorageError(f"{self._name} could not {attempt}: {_reason(error)}") from error


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise StorageError(f"the storage folder {folder} does not exist")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise StorageError(f"the storage folder {folder} cannot be written by this user")


def _create(path: Path) -> BinaryIO:
    return path.open("xb")


def _make_durable(folder: Path, stored: str) -> None:
    """Flush the file and the folders above it: a row that names the file is committed next."""
    path = folder / stored
    _flush(path)
    for parent in path.parents:
        _flush(parent)
        if parent == folder:
            break


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    """The first line of the store's own words, and S3's message where the body has one."""
    if "BadScheme" in str(error):
        return "its endpoint is plain http: add allow_http=true to the storage URL if that is meant"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = str(error).partition("\n\nDebug source")[0]
    said = re.search(r"<Message>([^<]{1,200})</Message>", text)
    first = text.partition("\n")[0].partition(": <?xml")[0][:500]
    return f"{first} ({said[1]})" if said else first
