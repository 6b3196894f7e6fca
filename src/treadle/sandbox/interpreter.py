"""Which Python runs the code, and what of the machine it needs to see for that."""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from treadle.sandbox.errors import SandboxUnavailable

_SYSTEM = Path("/usr")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`executable` is its real path; `folder` what to mount at its own path, None if under /usr."""

    executable: Path
    folder: Path | None


def server_python() -> Path:
    """The interpreter beneath the server's own environment: runs' modules are made for this one."""
    # Where the server runs in a virtual environment, its `python` is a link out of it.
    return Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))


@functools.cache
def find_interpreter(python: Path) -> Interpreter:
    """What `python` (trusted: the server's or one that its operator configured) needs mounted.

    It stays at its own path inside: pyenv's finds its library by an absolute path.
    """
    executable = python.resolve()
    if not executable.is_file():
        raise SandboxUnavailable(f"the interpreter {python} does not exist")
    folder = executable.parent.parent
    if folder == Path("/"):
        folder = executable.parent  # /bin/python3 where /bin is no link to /usr/bin
    return Interpreter(executable, None if folder.is_relative_to(_SYSTEM) else folder)
