"""What a run left in its output folder, taken over as what it is: files from a stranger."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from treadle.core.errors import NotFound
from treadle.sandbox.folders import Unwalkable, walk

MAX_PATH_CHARACTERS = 1024

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking: a name may have become a pipe, at which an ordinary open waits for ever.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A regular file: its path below the output folder, with "/" between the parts."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Output:
    """`refused`: one sentence for the log about each thing (or rest) that was not taken."""

    files: tuple[OutputFile, ...]
    refused: tuple[str, ...]


def collect_output(output_dir: Path, *, max_files: int, max_bytes: int) -> Output:
    """The regular files below `output_dir`, in the order of their names, within the bounds.

    For a folder that no sandbox uses any more. Links, pipes, sockets and devices are refused, and
    so are names that are not plain text.
    """
    files: list[OutputFile] = []
    refused: list[str] = []
    total = 0
    try:
        for found in walk(output_dir):
            if len(files) + len(refused) >= max_files:
                refused.append(f"there are more than {max_files:,} files; the rest is left out")
                break
            reason = _refusal(found.path, found.status)
            if reason is None and total + found.status.st_size > max_bytes:
                reason = f"the files are larger than {max_bytes:,} bytes together"
            if reason is not None:
                refused.append(f"{_shown(found.path)} is left out: {reason}")
                continue
            total += found.status.st_size
            files.append(OutputFile(path=found.path, size=found.status.st_size))
    except Unwalkable as error:
        refused.append(f"the rest is left out: {error}")
    return Output(files=tuple(files), refused=tuple(refused))


def open_output(output_dir: Path, path: str) -> BinaryIO:
    """Opens one regular file below `output_dir` for reading, without following any link.

    Raises NotFound for a path that leads to nothing, to something else or out of the folder.
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise NotFound("the run left no such file")
    folder = os.open(output_dir, _OPEN_FOLDER)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _OPEN_FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        fd = os.open(parts[-1], _OPEN_FILE, dir_fd=folder)
    except OSError:  # missing, a link, a socket, a name that is too long: all the same to a reader
        raise NotFound("the run left no such file") from None
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotFound("the run left no such file")
    return os.fdopen(fd, "rb")


def _refusal(path: str, status: os.stat_result) -> str | None:
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if len(path) > MAX_PATH_CHARACTERS:
        return f"its path is longer than {MAX_PATH_CHARACTERS:,} characters"
    # Not printable are control characters, line separators, direction marks that turn a name
    # around, and bytes that are no UTF-8. A backslash is a folder to some readers.
    if not path.isprintable() or "\\" in path:
        return "its name is not plain text"
    return None


def _shown(path: str) -> str:
    """The path as one short line of ASCII where it is not plain."""
    return ascii(path if len(path) <= 100 else path[:100] + "…")
