"""Folders as a stranger can leave them: measured, taken over, removed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from treadle.core.errors import NotFound
from treadle.sandbox import OutputFile, collect_output, open_output, remove_folder
from treadle.sandbox.folders import MAX_DEPTH, measure_folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "host" / "secret"
    path.parent.mkdir()
    path.write_text("secret")
    return path


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "output"
    path.mkdir()
    return path


def nest(folder: Path, levels: int) -> None:
    """Deeper than any path may be long."""
    fd = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d" * 100, dir_fd=fd)
        inner = os.open("d" * 100, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)


def test_files_are_collected_in_order(output: Path) -> None:
    (output / "b.txt").write_text("bb")
    (output / "a" / "c").mkdir(parents=True)
    (output / "a" / "c" / "ü d.txt").write_text("")
    (output / "a" / "e").write_text("eee")
    (output / "empty").mkdir()
    collected = collect_output(output, max_files=10, max_bytes=100)
    assert collected.files == (
        OutputFile("a/c/ü d.txt", 0),
        OutputFile("a/e", 3),
        OutputFile("b.txt", 2),
    )
    assert collected.refused == ()
    with open_output(output, "a/e") as file:
        assert file.read() == b"eee"


def test_nothing_but_regular_files_is_collected(output: Path, secret: Path) -> None:
    (output / "link").symlink_to(secret)
    (output / "folder-link").symlink_to(secret.parent)
    (output / "dangling").symlink_to("nowhere")
    os.mkfifo(output / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(output / "socket"))
    (output / "file").write_text("x")
    collected = collect_output(output, max_files=10, max_bytes=100)
    assert collected.files == (OutputFile("file", 1),)
    assert len(collected.refused) == 5
    assert all("not a regular file" in text for text in collected.refused)


@pytest.mark.parametrize(
    "name", [b"new\nline", b"esc\x1b[31m", b"\xff\xfe", b"back\\slash", "dir\u202ename".encode()]
)
def test_names_that_are_no_plain_text_are_refused(output: Path, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(output) + b"/" + name)).touch()
    collected = collect_output(output, max_files=10, max_bytes=100)
    assert collected.files == ()
    [text] = collected.refused
    assert "not plain text" in text
    assert text.isascii()
    assert text.isprintable()


def test_what_is_beyond_the_bounds_is_left_out(output: Path) -> None:
    for name, size in (("a", 60), ("b", 60), ("c", 40)):
        (output / name).write_text("x" * size)
    collected = collect_output(output, max_files=10, max_bytes=100)
    assert [file.path for file in collected.files] == ["a", "c"]
    assert collected.refused == ("'b' is left out: the files are larger than 100 bytes together",)
    collected = collect_output(output, max_files=2, max_bytes=1000)
    assert [file.path for file in collected.files] == ["a", "b"]
    assert collected.refused == ("there are more than 2 files; the rest is left out",)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "..", ".", "../host/secret", "/etc/passwd", "a/../../host/secret", "a\0b"),
        *("missing", "link", "folder-link/secret", "pipe", "folder", "file/below", "x" * 300),
    ],
)
def test_nothing_leads_out_of_the_output(output: Path, secret: Path, path: str) -> None:
    (output / "link").symlink_to(secret)
    (output / "folder-link").symlink_to(secret.parent)
    (output / "folder").mkdir()
    (output / "file").touch()
    os.mkfifo(output / "pipe")
    with pytest.raises(NotFound):
        open_output(output, path)


def test_folders_too_deep_to_walk_are_refused_and_removed(output: Path) -> None:
    (output / "a").touch()
    nest(output, MAX_DEPTH + 1)
    collected = collect_output(output, max_files=10, max_bytes=100)
    assert collected.files == (OutputFile("a", 0),)
    assert collected.refused == (
        f"the rest is left out: folders nest deeper than {MAX_DEPTH} levels",
    )
    assert not measure_folder(output, max_files=1000).whole
    remove_folder(output)
    assert not output.exists()


def test_a_folder_is_removed_whatever_is_in_it(output: Path, secret: Path) -> None:
    nest(output, 300)
    for name in (".moved-1", ".moved-2"):
        (output / name).mkdir()
        (output / name / "kept").touch()
    (output / ".moved-3").touch()
    (output / ".moved-4").symlink_to(secret.parent)
    for name in ("x", "y"):
        (output / name / "inner" / "most").mkdir(parents=True)
    os.mkfifo(output / "x" / "pipe")
    (output / "x" / "link").symlink_to(secret)
    remove_folder(output)
    assert not output.exists()
    assert secret.read_text() == "secret"
    remove_folder(output)  # not there: fine


def test_a_link_in_the_place_of_a_folder_is_not_followed(output: Path, secret: Path) -> None:
    (output / "link").symlink_to(secret.parent)
    with pytest.raises(NotADirectoryError):
        remove_folder(output / "link")
    assert secret.exists()


def test_measuring_counts_blocks_and_entries(output: Path, secret: Path) -> None:
    (output / "a").mkdir()
    (output / "a" / "file").write_bytes(b"x" * 1_000_000)
    os.link(output / "a" / "file", output / "again")
    (output / "hole").touch()
    os.truncate(output / "hole", 10_000_000)
    (output / "link").symlink_to(secret.parent)
    usage = measure_folder(output, max_files=100)
    assert usage.whole
    assert usage.files == 5
    assert 1_000_000 <= usage.used_bytes < 1_200_000


def test_measuring_stops_at_its_bound(output: Path) -> None:
    for number in range(20):
        (output / str(number)).touch()
    assert not measure_folder(output, max_files=10).whole
    assert measure_folder(output, max_files=20).whole
