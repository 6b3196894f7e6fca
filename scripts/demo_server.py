"""The demo's server: found if it runs already, else started so that it outlives the demo.

<data dir>/admin-password   the password of `admin`, if the demo chose it (mode 0600)
<data dir>/serve.log        what a server that the demo started says
<data dir>/server.json      address and process of the running server; it writes that itself
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from treadle.settings import Settings

READY_SECONDS: Final = 120.0
"""A first start makes a database; on a slow machine that takes half a minute."""

SERVER_FILE: Final = "server.json"
PASSWORD_VARIABLE: Final = "TREADLE_ADMIN_PASSWORD"


class DemoFailed(Exception):
    """Why the demo cannot go on, and what the reader can do about it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its address, and the process to stop it by."""

    url: str
    pid: int


@dataclass(frozen=True, slots=True)
class Password:
    """The password of `admin`. `source` says where the reader finds it again."""

    text: str = field(repr=False)
    source: str


@contextlib.contextmanager
def only_one(data_dir: Path) -> Generator[None]:
    """Two demos of one data directory wait for each other, so that they share one server."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def admin_password(data_dir: Path) -> Password:
    """The variable's, else the one that an earlier demo chose, else a new one.

    Raises DemoFailed where this installation was set up without a demo.
    """
    given = os.environ.get(PASSWORD_VARIABLE)
    if given:
        return Password(given, f"the variable {PASSWORD_VARIABLE}")
    path = data_dir / "admin-password"
    if path.exists():
        return Password(path.read_text().strip(), shown(path))
    if (data_dir / "secret.key").exists():
        raise DemoFailed(
            f"{shown(data_dir)} was set up before, with a password that the demo does not know.\n"
            f"Set {PASSWORD_VARIABLE} to the password of admin, or choose another folder with"
            " TREADLE_DATA_DIR."
        )
    chosen = secrets.token_urlsafe(12)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(chosen + "\n")
    return Password(chosen, shown(path))


def find_server(data_dir: Path) -> Server | None:
    """The server that runs on this data directory, if there is one."""
    try:
        found = json.loads((data_dir / SERVER_FILE).read_text())
        # A killed server leaves its file, and its number may be another program's by now.
        program = Path(f"/proc/{found['pid']}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Server(found["url"], found["pid"]) if b"treadle" in program else None


def start_server(settings: Settings, password: Password, say: Callable[[str], None]) -> Server:
    """Starts `treadle serve` in a session of its own; returns once it says where it listens.

    Raises DemoFailed.
    """
    data_dir = settings.data_dir
    log_path = data_dir / "serve.log"
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            _command(settings, say),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, PASSWORD_VARIABLE: password.text},
        )
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoFailed(f"The server could not start.\n{tail(data_dir)}")
        server = find_server(data_dir)
        if server is not None and server.pid == process.pid:
            return server
        time.sleep(0.05)
    process.terminate()
    raise DemoFailed(f"The server did not start in {READY_SECONDS:.0f} s.\n{tail(data_dir)}")


def wait_until_ready(server: Server, data_dir: Path) -> None:
    """Returns when the server says that it is ready. Raises DemoFailed at the deadline."""
    deadline = time.monotonic() + READY_SECONDS
    said = "nothing"
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{server.url}/health/ready", timeout=5, trust_env=False)
        except httpx.TransportError as error:
            said = str(error)
        else:
            if answer.status_code == 200:
                return
            said = answer.text
        if find_server(data_dir) != server:
            raise DemoFailed(f"The server ended.\n{tail(data_dir)}")
        time.sleep(0.1)
    raise DemoFailed(f"The server is not ready; it said: {said}\n{tail(data_dir)}")


def tail(data_dir: Path, lines: int = 15) -> str:
    """The last lines of the server's log, with where they are from."""
    path = data_dir / "serve.log"
    content = path.read_text(errors="replace").splitlines()[-lines:] if path.exists() else []
    return "\n".join([f"The end of {shown(path)}:", *(f"    {line}" for line in content)])


def shown(path: Path) -> str:
    """The path as the reader would type it: from where he is, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _command(settings: Settings, say: Callable[[str], None]) -> list[str]:
    program = Path(sys.executable).with_name("treadle")
    if not program.exists():
        raise DemoFailed(f"{program} is missing: run `make install`.")
    port = settings.port
    if port and not _is_free(settings.host, port):
        say(f"Port {port} is taken by another program: taking a free one")
        port = 0
    data_dir = str(settings.data_dir)
    return [str(program), "serve", "--data-dir", data_dir, "--port", str(port)]


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
