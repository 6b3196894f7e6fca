"""Whoever follows the quick start to the letter arrives: all of it is typed, save the set-up."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from docs.test_guides import assert_holds_lines, steps_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "quick-start.md"
SECONDS = 240.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def typed(script: str, *, folder: Path, environ: dict[str, str]) -> str:
    """What a shell prints. Whatever it has started ends with it, also when it fails."""
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, errors = shell.communicate(timeout=SECONDS)
    finally:
        # Nobody is left of it, as it should be: the page has stopped its server.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(SECONDS)
    assert shell.returncode == 0, f"{out}\n{errors}"
    return out


# Nine commands, each a new process, and a server that makes its database.
@pytest.mark.timeout(300)
def test_from_a_clean_clone_to_a_schedule(tmp_path: Path) -> None:
    port = free_port()
    steps = steps_of(PAGE.read_text(encoding="utf-8").replace(":8080", f":{port}"))
    assert steps[0].commands == "make install\n"
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "TREADLE_PORT": str(port),
    }
    script = "".join(f"{step.commands}printf '\\036'\n" for step in steps[1:])
    printed = typed(f"set -eu\nexec 2>&1\n{script}", folder=tmp_path, environ=environ).split(
        "\x1e"
    )[:-1]
    assert len(printed) == len(steps) - 1
    for step, real in zip(steps[1:], printed, strict=True):
        if step.kind == "text":
            assert_holds_lines(step.answer, real)
