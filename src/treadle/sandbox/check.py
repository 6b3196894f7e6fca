"""Whether this machine can run untrusted code, found out by doing it once."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from treadle.sandbox.errors import SandboxUnavailable
from treadle.sandbox.interpreter import server_python
from treadle.sandbox.model import Command, FunctionEntry, Limits
from treadle.sandbox.privileges import process_limit_works, runs_as_root
from treadle.sandbox.process import find_bwrap
from treadle.sandbox.runner import run

OLDEST_BWRAP = (0, 7)
"""The first with `--size`, without which a sandbox could fill the machine's memory through /tmp."""

_NO_NAMESPACES = (
    "the kernel lets ordinary users make no user namespaces. Allow it: {cure}; or run the server "
    "as root, which needs none"
)
_SYSCTLS = (
    ("kernel/unprivileged_userns_clone", "0", "`sudo sysctl kernel.unprivileged_userns_clone=1`"),
    ("user/max_user_namespaces", "0", "`sudo sysctl user.max_user_namespaces=10000`"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "give bwrap an AppArmor profile that allows `userns` (the package apparmor-profiles has "
        "one: bwrap-userns-restrict), or `sudo sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0`",
    ),
)


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """What sandboxes are made of here. `notes`: what an operator should know, one sentence each."""

    bwrap: Path
    bwrap_version: str
    python: Path
    as_root: bool
    notes: tuple[str, ...]


async def check() -> SandboxReport:
    """Runs one small function in a sandbox. Raises SandboxUnavailable: what is missing, cure."""
    bwrap = find_bwrap()
    version = _bwrap_version(bwrap)
    if not hasattr(os, "pidfd_open"):
        raise SandboxUnavailable(
            "this build of Python lacks os.pidfd_open; run the server with another one"
        )
    as_root = runs_as_root()
    try:
        await _run_once()
    except SandboxUnavailable as error:
        words = explain(str(error), as_root=as_root, sysctls=Path("/proc/sys"))
        raise SandboxUnavailable(words) from error
    notes: list[str] = []
    if not process_limit_works(as_root=as_root):
        notes.append("before Linux 5.14 the limit of processes is held by watching only")
    return SandboxReport(
        bwrap=Path(bwrap),
        bwrap_version=version,
        python=server_python(),
        as_root=as_root,
        notes=tuple(notes),
    )


def explain(words: str, *, as_root: bool, sysctls: Path) -> str:
    """bubblewrap's words, and what they mean on this machine where that can be told."""
    if as_root:
        return words
    for name, bad, cure in _SYSCTLS:
        try:
            value = (sysctls / name).read_text().strip()
        except FileNotFoundError:
            continue
        if value == bad:
            return f"{_NO_NAMESPACES.format(cure=cure)} ({words})"
    if "ermission" in words or "not permitted" in words:
        return (
            f"{words}. Something forbids user namespaces: in a container, its seccomp profile "
            "(Docker: `--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined`, or profiles that allow as much)"
        )
    return words


def _bwrap_version(bwrap: str) -> str:
    said = subprocess.run(
        [bwrap, "--version"], capture_output=True, text=True, timeout=10, check=False
    ).stdout
    found = re.search(r"(\d+)\.(\d+)(\.\d+)*", said)
    if found is None:
        raise SandboxUnavailable(f"{bwrap} does not tell its version; is it bubblewrap?")
    if (int(found[1]), int(found[2])) < OLDEST_BWRAP:
        raise SandboxUnavailable(
            f"bubblewrap {found[0]} is too old: {OLDEST_BWRAP[0]}.{OLDEST_BWRAP[1]} or newer is "
            "needed; take it from a newer release of the distribution"
        )
    return found[0]


@contextlib.contextmanager
def _trial() -> Generator[Command]:
    """A package that adds one, in folders that are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="treadle-sandbox-check-") as name:
        place = Path(name)
        place.chmod(0o711)
        folders = {part: place / part for part in ("package", "work", "output")}
        for folder in folders.values():
            folder.mkdir()
            folder.chmod(0o755)
        module = folders["package"] / "trial.py"
        module.write_text("def main(number):\n    return number + 1\n")
        module.chmod(0o644)
        yield Command(
            package_dir=folders["package"],
            entry=FunctionEntry("trial", "main"),
            work_dir=folders["work"],
            output_dir=folders["output"],
            input={"number": 41},
        )


async def _run_once() -> None:
    said = bytearray()
    with _trial() as command:
        outcome = await run(command, Limits(wall_seconds=30), on_output=said.extend)
    if outcome.result != 42:
        text = said.decode("utf-8", "replace").strip()
        raise SandboxUnavailable(
            f"a sandbox starts but does not work: {outcome.error or outcome.kind} {text}".strip()
        )
