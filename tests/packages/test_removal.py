from __future__ import annotations

import os
from pathlib import Path

import pytest

from treadle.packages.removal import remove_tree


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nope")


def test_links_are_deleted_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("x")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link").symlink_to(outside)

    remove_tree(tree)
    assert not tree.exists()
    assert (outside / "file").read_text() == "x"


def test_folder_that_took_its_own_rights_away(tmp_path: Path) -> None:
    inner = tmp_path / "tree" / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    inner.chmod(0)
    inner.parent.chmod(0o500)

    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may delete anything")
def test_folder_within_one_that_is_not_ours_to_change(tmp_path: Path) -> None:
    (tmp_path / "holder" / "tree").mkdir(parents=True)
    (tmp_path / "holder").chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            remove_tree(tmp_path / "holder" / "tree")
        assert (tmp_path / "holder").stat().st_mode & 0o777 == 0o500
    finally:
        (tmp_path / "holder").chmod(0o700)


def test_rights_that_stay_refused_are_raised_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("x")

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr(os, "rmdir", refuse)
    with pytest.raises(PermissionError, match="Operation not permitted"):
        remove_tree(tmp_path / "tree")


def test_other_failures_are_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "rmdir", fail)
    with pytest.raises(OSError, match="Input/output error"):
        remove_tree(tmp_path / "tree")
