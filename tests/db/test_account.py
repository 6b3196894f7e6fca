"""Who may enter where."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from treadle.db.account import SHARED_FOLDER, USER, Account, blocking_folder, reach

STRANGER = Account(uid=65500, gid=65500, switches=False)


@pytest.fixture
def open_path() -> Generator[Path]:
    """A folder that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_first_closed_folder_blocks(open_path: Path) -> None:
    closed = open_path / "open" / "closed"
    inner = closed / "open"
    inner.mkdir(parents=True)
    for folder in (open_path / "open", closed, inner):
        folder.chmod(0o755)
    assert blocking_folder(inner / "file", STRANGER) is None
    closed.chmod(0o700)
    inner.chmod(0o700)
    assert blocking_folder(inner / "file", STRANGER) == closed


def test_owner_is_not_blocked(open_path: Path) -> None:
    inner = open_path / "closed"
    inner.mkdir(mode=0o700)
    ourselves = Account(uid=os.geteuid(), gid=os.getegid(), switches=False)
    assert blocking_folder(inner / "file", ourselves) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_reach_leads_in_only_while_it_is_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("inside")
    with reach(tmp_path, Account(uid=65500, gid=65500, switches=True)) as inside:
        assert Path(inside.path, "file").read_text() == "inside"
        assert inside.descriptors
    assert not Path(inside.path, "file").exists()


def test_own_user_needs_no_detour(tmp_path: Path) -> None:
    with reach(tmp_path, STRANGER) as inside:
        assert (inside.path, inside.descriptors) == (str(tmp_path), ())


_SERVER_USER = """
import pathlib, pwd
from treadle.db.account import account_for

user = account_for(pathlib.Path("/nowhere"))
seen = set()
for _ in range(2_000):
    try:
        seen.add(pwd.getpwuid(user.uid).pw_name)
    except KeyError:
        seen.add("")
print(user.uid, *seen, sep=":")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make users")
def test_processes_that_start_together_make_one_user(tmp_path: Path) -> None:
    """On a machine of their own, as far as its users are concerned."""
    users = tmp_path / "etc"
    shutil.copytree("/etc", users, symlinks=True)
    for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid"):
        file = users / name
        if file.exists():
            file.write_text(re.sub(rf"^{USER}:.*\n", "", file.read_text(), flags=re.MULTILINE))
    made = tmp_path / "made"
    made.mkdir()
    machine = ["bwrap", "--dev-bind", "/", "/", "--bind", str(users), "/etc"]
    machine += ["--bind", str(made), str(SHARED_FOLDER.parent)]
    started = [
        subprocess.Popen(
            [*machine, sys.executable, "-c", _SERVER_USER],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(6)
    ]
    said = {process.communicate(timeout=60)[0] for process in started}
    [entry] = [line for line in (users / "passwd").read_text().splitlines() if USER in line]
    assert said == {f"{entry.split(':')[2]}:{USER}\n"}
