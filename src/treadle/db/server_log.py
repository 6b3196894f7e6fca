"""The embedded server's log file, which the server only appends to and we keep small."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LONGEST_BYTES = 16 * 1024 * 1024
"""The log and the part of it that is kept from before are of about this size at most."""


def bound_log(path: Path, *, longest: int = LONGEST_BYTES) -> None:
    """Keeps the last `longest` bytes in `<path>.1` and empties the log once it is longer.

    The server goes on appending to the same file; a line that it writes between the two is lost.
    """
    if not path.exists() or path.stat().st_size <= longest:
        return
    with path.open("r+b") as current:
        current.seek(-longest, os.SEEK_END)
        with path.with_name(f"{path.name}.1").open("wb") as kept:
            shutil.copyfileobj(current, kept)
        current.truncate(0)


def log_tail(path: Path, *, length: int = 2000) -> str:
    """The last lines, for a message."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - length))
        return file.read().decode(errors="replace").strip()
