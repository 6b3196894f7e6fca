"""Locks between processes and tasks: one file each, held through `flock`.

The kernel lets go when the holder dies, however it dies. Each `try_lock` opens the file anew, so
two tasks of one process exclude each other too.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def try_lock(path: Path, *, shared: bool = False) -> Generator[int | None]:
    """Hold the lock until the context ends; yields the file's descriptor, or None at once when
    somebody else holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        yield descriptor if _take(descriptor, mode) and _is_at(descriptor, path) else None
    finally:
        os.close(descriptor)


def _take(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    # Whoever prunes deletes the file while holding it: a lock on a deleted file guards nothing.
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)
