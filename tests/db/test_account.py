"""Who may enter where."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from treadle.db.account import Account, blocking_folder, reach

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
