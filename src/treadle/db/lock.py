"""Locks that the kernel drops when the last process that holds them is gone, however it went."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from treadle.db.errors import EmbeddedPostgresError


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock on `path`, or None when another one does.

    The lock goes with the descriptor: to a child that gets it, until all have closed it. Raises
    EmbeddedPostgresError when this user may not use the folder.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError:
        raise EmbeddedPostgresError(
            f"{path.parent} may not be used by this user; start Treadle as the one who did "
            "before, or give it another data folder"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
