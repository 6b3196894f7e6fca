"""Folders that a stranger filled: measured, walked and removed without trusting anything in them.

Names are looked up one at a time from open folders and symbolic links are never followed, so that
nothing leads out, however the folder changes meanwhile. Where the server is an ordinary user, the
stranger can take away the server's own rights to a folder; they are given back.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_DEPTH = 64
"""Folders in folders. A walk keeps one descriptor open for each level."""

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK_BYTES = 512


@dataclass(frozen=True, slots=True)
class FolderUsage:
    """What a folder takes on the disk. `whole` is False where it was too much to see all of it."""

    used_bytes: int
    files: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Found:
    """One entry of a folder that is itself no folder. `folder` is open only until the next one."""

    folder: int
    name: str
    path: str
    status: os.stat_result


class Unwalkable(Exception):
    """The folders nest deeper than MAX_DEPTH, or somebody keeps closing them to us."""


def measure_folder(folder: Path, *, max_files: int) -> FolderUsage:
    """Allocated bytes (not apparent sizes: holes are free) and entries, up to `max_files`."""
    used = files = 0
    linked: set[tuple[int, int]] = set()
    try:
        for found in walk(folder, folders_too=True):
            files += 1
            status = found.status
            if status.st_nlink > 1 and stat.S_ISREG(status.st_mode):
                if (status.st_dev, status.st_ino) in linked:
                    continue
                linked.add((status.st_dev, status.st_ino))
            used += status.st_blocks * _BLOCK_BYTES
            if files > max_files:
                return FolderUsage(used_bytes=used, files=files, whole=False)
    except Unwalkable:
        return FolderUsage(used_bytes=used, files=files, whole=False)
    return FolderUsage(used_bytes=used, files=files, whole=True)


def walk(folder: Path, *, folders_too: bool = False) -> Iterator[Found]:
    """Everything below `folder` in the order of names, symbolic links as such.

    Raises Unwalkable. What disappears while it walks is left out.
    """
    levels: list[tuple[int, str, list[str]]] = []
    try:
        levels.append(_level(_open_folder(folder), ""))
        while levels:
            fd, path, names = levels[-1]
            if not names:
                os.close(levels.pop()[0])
                continue
            name = names.pop()
            try:
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                is_folder = stat.S_ISDIR(status.st_mode)
                inner = _open_folder(name, within=fd) if is_folder else -1
            except (FileNotFoundError, NotADirectoryError):
                continue
            if is_folder:
                levels.append(_level(inner, f"{path}{name}/"))
            if folders_too or not is_folder:
                yield Found(folder=fd, name=name, path=path + name, status=status)
            if len(levels) > MAX_DEPTH:
                raise Unwalkable(f"folders nest deeper than {MAX_DEPTH} levels")
    finally:
        for fd, _, _ in levels:
            os.close(fd)


def remove_folder(folder: Path) -> None:
    """Removes `folder` and all below it, however deep and whatever its rights. Not there: fine.

    For folders that no sandbox uses any more. Only ever two levels are open: a folder's
    folders are moved up to the top first, then it is empty and goes.
    """
    try:
        top = _open_folder(folder)
    except FileNotFoundError:
        return
    try:
        moved = 0
        while names := _names(top):
            for name in names:
                if not _remove_file(name, top):
                    moved = _empty_into(name, top, moved)
                    os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    folder.rmdir()


def _empty_into(name: str, top: int, moved: int) -> int:
    """Empties the folder `name`; its folders get unused names in `top`. The next unused number."""
    fd = _open_folder(name, within=top)
    try:
        for inner in _names(fd):
            if _remove_file(inner, fd):
                continue
            # A folder that is moved gets another parent entry, so it must be writable itself.
            os.close(_open_folder(inner, within=fd))
            moved = _move(inner, fd, top, moved)
    finally:
        os.close(fd)
    return moved


def _move(name: str, folder: int, top: int, moved: int) -> int:
    """Moves the folder `name` to the first number after `moved` that is free in `top`."""
    while True:
        moved += 1
        try:
            os.rename(name, f".moved-{moved}", src_dir_fd=folder, dst_dir_fd=top)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return moved


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _remove_file(name: str, folder: int) -> bool:
    """Whether `name` was something else than a folder, and is gone."""
    if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        return False
    os.unlink(name, dir_fd=folder)
    return True


def _level(fd: int, path: str) -> tuple[int, str, list[str]]:
    try:
        return fd, path, sorted(_names(fd), reverse=True)
    except BaseException:
        os.close(fd)
        raise


def _open_folder(name: str | Path, *, within: int | None = None) -> int:
    """Opens a folder, also one that its owner closed to us where that is ourselves."""
    mode = os.stat(name, dir_fd=within, follow_symlinks=False).st_mode
    if mode & stat.S_IRWXU != stat.S_IRWXU and os.geteuid() != 0:
        path = os.open(name, os.O_PATH | _OPEN_FOLDER, dir_fd=within)
        try:
            # Through the descriptor, for the name may lead elsewhere by now.
            os.chmod(f"/proc/self/fd/{path}", stat.S_IMODE(mode) | stat.S_IRWXU)  # noqa: PTH101
        finally:
            os.close(path)
    try:
        return os.open(name, _OPEN_FOLDER, dir_fd=within)
    except PermissionError:  # closed again in between
        raise Unwalkable("a folder is kept closed to us") from None
