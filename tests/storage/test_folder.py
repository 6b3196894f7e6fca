"""What only a folder can get wrong."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from treadle.storage.errors import MissingObject, StorageError
from treadle.storage.storage import open_storage


async def test_folder_is_made_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "files"
    storage = open_storage(str(folder))
    await storage.put_bytes("x/y", b"1")

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "x" / "y").read_bytes() == b"1"


async def test_storage_opened_again_finds_what_was_stored(tmp_path: Path) -> None:
    await open_storage(tmp_path.as_uri()).put_bytes("x", b"1")

    assert await open_storage(str(tmp_path)).get_bytes("x", max_bytes=1) == b"1"


async def test_no_key_reaches_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    storage = open_storage(str(tmp_path / "files"))

    with pytest.raises(MissingObject):
        await storage.get_bytes("%2e%2e/secret", max_bytes=100)
    with pytest.raises(MissingObject):
        await storage.get_bytes("..%2fsecret", max_bytes=100)


async def test_replaced_and_deleted_objects_leave_no_files_behind(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path / "files"))
    await storage.put_bytes("a/b/c", b"1")
    await storage.put_bytes("a/b/c", b"2")
    await storage.delete("a/b/c")

    assert list((tmp_path / "files").rglob("*")) == []


async def test_key_under_an_object_is_a_storage_error(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path / "files"))
    await storage.put_bytes("a", b"1")

    with pytest.raises(StorageError, match="could not store a/b"):
        await storage.put_bytes("a/b", b"2")
    assert await storage.get_bytes("a", max_bytes=1) == b"1"


async def test_check_says_when_the_folder_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    storage = open_storage(str(folder))
    folder.rmdir()

    with pytest.raises(StorageError, match="does not exist"):
        await storage.check()
