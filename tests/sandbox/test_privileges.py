"""As whom runs are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from treadle.sandbox import SandboxUnavailable
from treadle.sandbox.privileges import missing_rights, run_user


def id_map(folder: Path, *ranges: str) -> Path:
    path = folder / f"map-{len(list(folder.iterdir()))}"
    path.write_text("".join(f"{text}\n" for text in ranges))
    return path


def test_each_process_has_a_user_of_its_own(tmp_path: Path) -> None:
    everything = id_map(tmp_path, "         0          0 4294967295")
    users = {run_user(pid, maps=[everything]) for pid in (1, 2, 1000, 4_194_303)}
    assert len(users) == 4
    assert all(0x7000_0000 <= user < 0x8000_0000 for user in users)


def test_a_container_with_few_users_gets_small_numbers(tmp_path: Path) -> None:
    few = id_map(tmp_path, "0 100000 65536", "65536 5 1000000")
    everything = id_map(tmp_path, "0 0 4294967295")
    users = {run_user(pid, maps=[everything, few]) for pid in (1, 29_999, 30_000, 4_194_303)}
    assert all(30_000 <= user < 60_000 for user in users)


def test_a_container_with_one_user_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="65,536 users"):
        run_user(1, maps=[id_map(tmp_path, "0 1000 1")])


@pytest.mark.parametrize(
    ("rights", "missing"),
    [
        ("000001ffffffffff", []),
        # Docker's for root of a container.
        ("00000000a80425fb", ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]),
        ("00000000a82425fb", ["CAP_NET_ADMIN"]),
    ],
)
def test_root_without_its_rights_is_told_what_it_lacks(rights: str, missing: list[str]) -> None:
    assert missing_rights(f"Name:\tx\nCapPrm:\t0000\nCapEff:\t{rights}\n") == missing
