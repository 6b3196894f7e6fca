"""What a process says of itself: to tools on this machine, and to who starts it the first time."""

from __future__ import annotations

import json
import os
from pathlib import Path

from treadle import __version__


def write_server_file(path: Path, *, url: str) -> None:
    """The file appears whole; the next start replaces what a killed process left."""
    making = path.with_name(f".{path.name}.{os.getpid()}")
    making.write_text(json.dumps({"url": url, "pid": os.getpid(), "version": __version__}) + "\n")
    making.replace(path)


def password_box(password: str) -> str:
    """The first password, hard to overlook: it is shown this once."""
    lines = [
        "The first user is  admin",
        f"with the password  {password}",
        "It is shown this once and stored nowhere. Change it after logging in.",
    ]
    width = max(len(line) for line in lines)
    rows = [f"│ {line.ljust(width)} │" for line in lines]
    return "\n".join([f"┌{'─' * (width + 2)}┐", *rows, f"└{'─' * (width + 2)}┘"])
