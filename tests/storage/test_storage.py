"""What both kinds of place promise; `storage` is a folder in one run and S3 in the other."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from treadle.storage.errors import InvalidKey, MissingObject, OversizedObject
from treadle.storage.storage import Storage

ODD_KEYS = (
    "a/b",
    "a b/ü ☃.txt",
    "50%",
    "c%2e%2e/x",
    "%23",
    "report#1",
    "#1",
    "~t",
    "..x",
    "a\\b",
    "a:b*?<>|&=+c",
    "-rf",
    ".hidden",
    "n" * 240,
)


# More than one part of a multi-part upload.
BIG = random.Random(1).randbytes(12 * 1024 * 1024)


@pytest.fixture
def big_file(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(BIG)
    return path


async def test_bytes_come_back(storage: Storage) -> None:
    await storage.put_bytes("tenant/file.txt", b"hello")

    assert await storage.get_bytes("tenant/file.txt", max_bytes=5) == b"hello"
    assert await storage.head("tenant/file.txt") == 5
    assert await storage.exists("tenant/file.txt")


async def test_empty_object_is_there(storage: Storage) -> None:
    await storage.put_bytes("empty", b"")

    assert await storage.get_bytes("empty", max_bytes=0) == b""
    assert await storage.head("empty") == 0
    assert [chunk async for chunk in storage.stream("empty") if chunk] == []


async def test_put_replaces(storage: Storage) -> None:
    await storage.put_bytes("key", b"the first, longer")
    await storage.put_bytes("key", b"second")

    assert await storage.get_bytes("key", max_bytes=100) == b"second"


@pytest.mark.parametrize("key", ODD_KEYS)
async def test_key_with_odd_characters_is_kept_apart(storage: Storage, key: str) -> None:
    await storage.put_bytes(key, b"odd")
    await storage.put_bytes("other", b"other")

    assert await storage.get_bytes(key, max_bytes=10) == b"odd"
    assert await storage.head(key) == 3
    await storage.delete(key)
    assert not await storage.exists(key)
    assert await storage.exists("other")


@pytest.mark.parametrize("key", ["", "/abs", "a//b", "a/", "..", "a/../b", "./a", "a\0", "a\nb"])
async def test_unsafe_key_is_refused_everywhere(storage: Storage, key: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    for call in (
        storage.put_bytes(key, b"x"),
        storage.put_file(key, source),
        storage.get_bytes(key, max_bytes=1),
        storage.download(key, tmp_path / "target"),
        storage.head(key),
        storage.exists(key),
        storage.delete(key),
        storage.delete_prefix(key),
    ):
        with pytest.raises(InvalidKey):
            await call
    with pytest.raises(InvalidKey):
        _ = [chunk async for chunk in storage.stream(key)]


async def test_big_file_goes_up_in_parts_and_comes_down_whole(
    storage: Storage, big_file: Path, tmp_path: Path
) -> None:
    await storage.put_file("big", big_file)
    target = tmp_path / "copy"
    await storage.download("big", target)

    assert await storage.head("big") == len(BIG)
    assert target.read_bytes() == BIG


async def test_stream_comes_in_bounded_chunks(storage: Storage, big_file: Path) -> None:
    await storage.put_file("big", big_file)

    chunks = [chunk async for chunk in storage.stream("big", chunk_size=65_536)]

    assert b"".join(chunks) == BIG
    assert max(len(chunk) for chunk in chunks) < 1024 * 1024


async def test_stream_can_be_left_early(storage: Storage, big_file: Path) -> None:
    await storage.put_file("big", big_file)
    async for chunk in storage.stream("big", chunk_size=65_536):
        assert chunk
        break

    assert await storage.head("big") == len(BIG)


async def test_missing_object(storage: Storage, tmp_path: Path) -> None:
    target = tmp_path / "target"
    with pytest.raises(MissingObject, match="nope is not there"):
        await storage.get_bytes("nope", max_bytes=1)
    with pytest.raises(MissingObject):
        await storage.download("nope", target)
    with pytest.raises(MissingObject):
        _ = [chunk async for chunk in storage.stream("nope")]

    assert await storage.head("nope") is None
    assert not await storage.exists("nope")
    assert not target.exists()


async def test_object_over_the_callers_limit_is_not_read(storage: Storage) -> None:
    await storage.put_bytes("key", b"123456")

    with pytest.raises(OversizedObject, match="over 5 bytes"):
        await storage.get_bytes("key", max_bytes=5)


async def test_failed_download_keeps_the_old_file_and_leaves_nothing(
    storage: Storage, tmp_path: Path
) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "file").write_bytes(b"old")

    with pytest.raises(MissingObject):
        await storage.download("nope", folder / "file")

    assert [path.name for path in folder.iterdir()] == ["file"]
    assert (folder / "file").read_bytes() == b"old"


async def test_missing_source_file_is_the_callers_error(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await storage.put_file("key", tmp_path / "nope")

    assert not await storage.exists("key")


async def test_delete_twice_is_no_error(storage: Storage) -> None:
    await storage.put_bytes("key", b"x")
    await storage.delete("key")
    await storage.delete("key")

    assert not await storage.exists("key")


async def test_delete_prefix_deletes_only_what_is_below(storage: Storage) -> None:
    for key in ("runs/1/log", "runs/1/out/a", "runs/10/log", "runs/2/log"):
        await storage.put_bytes(key, b"x")

    assert await storage.delete_prefix("runs/1") == 2
    assert await storage.delete_prefix("runs/1") == 0

    assert not await storage.exists("runs/1/log")
    assert not await storage.exists("runs/1/out/a")
    assert await storage.exists("runs/10/log")
    assert await storage.exists("runs/2/log")


async def test_two_delete_prefixes_at_once_both_succeed(storage: Storage) -> None:
    keys = [f"p/{n % 7}/{n}" for n in range(120)]
    await asyncio.gather(*(storage.put_bytes(key, b"x") for key in keys))

    await asyncio.gather(storage.delete_prefix("p"), storage.delete_prefix("p"))

    assert not any(await asyncio.gather(*(storage.exists(key) for key in keys)))


async def test_reader_sees_one_whole_version_while_it_is_replaced(storage: Storage) -> None:
    versions = [bytes([n]) * 300_000 for n in range(1, 6)]
    await storage.put_bytes("key", versions[0])

    async def replace() -> None:
        for version in versions:
            await storage.put_bytes("key", version)

    writing = asyncio.create_task(replace())
    seen: list[bytes] = []
    while not writing.done():
        seen.append(await storage.get_bytes("key", max_bytes=300_000))
    await writing

    assert set(seen) <= set(versions)
    assert await storage.get_bytes("key", max_bytes=300_000) == versions[-1]


async def test_check_passes_on_an_empty_place(storage: Storage) -> None:
    await storage.check()
