"""The embedded server's log stays small."""

from __future__ import annotations

from pathlib import Path

from treadle.db.server_log import bound_log, log_tail


def test_short_log_stays(tmp_path: Path) -> None:
    path = tmp_path / "postgres.log"
    path.write_text("x" * 100)
    bound_log(path, longest=100)
    assert path.read_text() == "x" * 100
    assert not (tmp_path / "postgres.log.1").exists()


def test_missing_log_is_no_error(tmp_path: Path) -> None:
    bound_log(tmp_path / "postgres.log")
    assert list(tmp_path.iterdir()) == []


def test_long_log_begins_anew_and_its_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "postgres.log"
    with path.open("ab", buffering=0) as server:
        server.write(b"old" * 1000 + b"last words")
        bound_log(path, longest=100)
        # The server has the file open still, and goes on at its new beginning.
        server.write(b"new")
    assert path.read_bytes() == b"new"
    kept = (tmp_path / "postgres.log.1").read_bytes()
    assert len(kept) == 100
    assert kept.endswith(b"oldlast words")


def test_tail_is_the_end(tmp_path: Path) -> None:
    path = tmp_path / "postgres.log"
    path.write_text("first\nlast\n")
    assert log_tail(path, length=5) == "last"
