"""The master keys: from the setting, or from a file that is made once."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from treadle.faults import StartFault
from treadle.secret_key import load_master_keys
from treadle.settings import Settings


def keys(folder: Path, secret: str | None = None) -> tuple[tuple[bytes, ...], list[str]]:
    """The keys, and what was reported."""
    said: list[str] = []
    settings = Settings(data_dir=folder).model_copy(
        update={"secret_key": None if secret is None else SecretStr(secret)}
    )
    return load_master_keys(settings, report=said.append), said


def test_the_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    made, said = keys(tmp_path)
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert len(made) == 1
    assert len(made[0]) >= 64
    assert "keep a copy" in said[0]
    found, said = keys(tmp_path)
    assert (found, said) == (made, [])
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert keys(tmp_path / "a")[0] != keys(tmp_path / "b")[0]


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    found: list[tuple[bytes, ...]] = []

    def load() -> None:
        start.wait()
        found.append(keys(tmp_path)[0])

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_the_setting_wins_and_makes_no_file(tmp_path: Path) -> None:
    found, _ = keys(tmp_path, f"{'n' * 32}, {'o' * 40}")
    assert found == (b"n" * 32, b"o" * 40)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("secret", ["", "short", f"{'n' * 32},", f"{'n' * 32},{'o' * 31}"])
def test_a_key_that_is_too_short_is_refused(tmp_path: Path, secret: str) -> None:
    with pytest.raises(StartFault, match="TREADLE_SECRET_KEY: each key needs at least 32"):
        keys(tmp_path, secret)


def test_a_damaged_file_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("half a ke")
    with pytest.raises(StartFault, match=r"secret\.key: each key needs"):
        keys(tmp_path)
    assert path.read_text() == "half a ke"


def test_a_file_that_others_can_read_is_told(tmp_path: Path) -> None:
    made, _ = keys(tmp_path)
    (tmp_path / "secret.key").chmod(0o640)
    found, said = keys(tmp_path)
    assert found == made
    assert "chmod 600" in said[0]


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "secret.key").mkdir()
    with pytest.raises(StartFault, match="cannot be used"):
        keys(tmp_path)


def test_the_file_may_hold_a_key_a_line(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text(f"{'n' * 40}\n{'o' * 40}\n")
    assert keys(tmp_path)[0] == (b"n" * 40, b"o" * 40)
