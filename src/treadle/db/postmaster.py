"""What is known of a running PostgreSQL from outside: its pid file and its processes' titles."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` says; it stays behind when the server is killed."""

    pid: int
    socket_folder: str
    is_ready: bool


def read_postmaster(data: Path) -> Postmaster | None:
    """The server that ran last on `data`, or None when it stopped in order (or never ran).

    A file that is only half written yet reads as a server that is not ready.
    """
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    # pid, data folder, start, port, socket folder, listen address, shared memory, status
    if not lines or not lines[0].strip().isdigit():
        return None
    return Postmaster(
        pid=int(lines[0]),
        socket_folder=lines[4].strip() if len(lines) > 4 else "",
        is_ready=len(lines) > 7 and lines[7].strip() == "ready",
    )


def command_line(pid: int) -> str | None:
    """The command line of a living process; None when there is no such process or it is a zombie.

    Read from /proc, where it is open to everybody, unlike a process's folder or program.
    """
    if not PROC.joinpath("self").exists():
        return next((command for _, command in _listed_by_ps("-p", str(pid))), None)
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return raw.replace(b"\0", b" ").decode(errors="replace").strip() or None


def is_postmaster(command: str, identity: str) -> bool:
    """Whether `command` is the command line of the server of the cluster `identity`."""
    return f"cluster_name={identity} " in f"{command} "


def names_a_cluster(command: str) -> bool:
    """Whether `command` is of a PostgreSQL that this module started, for whatever cluster."""
    return "cluster_name=treadle-" in command or command.startswith("postgres: treadle-")


def find_processes(identity: str) -> list[int]:
    """The processes of the cluster `identity`, by their command lines and titles."""
    return [
        pid
        for pid, command in _all_processes()
        if is_postmaster(command, identity) or command.startswith(f"postgres: {identity}:")
    ]


def _all_processes() -> Iterator[tuple[int, str]]:
    if not PROC.joinpath("self").exists():
        yield from _listed_by_ps("-ax")
        return
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (command := command_line(int(folder.name))):
            yield int(folder.name), command


def _listed_by_ps(*selection: str) -> Iterator[tuple[int, str]]:
    done = subprocess.run(
        ["ps", *selection, "-o", "pid=,stat=,args="], capture_output=True, text=True, check=False
    )
    for line in done.stdout.splitlines():
        pid, state, command = line.split(maxsplit=2)
        if not state.startswith("Z"):
            yield int(pid), command
