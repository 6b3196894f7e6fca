"""Every attack is refused at the upload with its reason, and unpacking refuses it as well."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from packages import attack_archives
from packages.attack_archives import ATTACKS, Attack
from treadle.core.errors import BadInput
from treadle.packages.archives import inspect_package, unpack
from treadle.packages.limits import ArchiveLimits

METADATA_ATTACKS = (
    attack_archives.toml_that_takes_minutes,
    attack_archives.toml_that_is_nested,
    attack_archives.toml_that_is_broken,
    attack_archives.dependency_from_the_disk,
    attack_archives.dependency_from_an_address,
    attack_archives.dependency_that_is_an_option,
)


@pytest.mark.parametrize("make", ATTACKS, ids=lambda make: make.__name__)
def test_attack_is_refused_at_the_upload(make: Callable[[], Attack], tmp_path: Path) -> None:
    attack = make()
    path = tmp_path / "upload"
    path.write_bytes(attack.data)

    with pytest.raises(BadInput) as caught:
        inspect_package(path, attack.file_name, ArchiveLimits())

    assert attack.reason in caught.value.message
    assert caught.value.message.isprintable()
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize(
    "make",
    [make for make in ATTACKS if make not in METADATA_ATTACKS],
    ids=lambda make: make.__name__,
)
def test_attack_is_refused_when_unpacked_and_leaves_nothing(
    make: Callable[[], Attack], tmp_path: Path
) -> None:
    attack = make()
    path = tmp_path / "upload"
    path.write_bytes(attack.data)
    place = tmp_path / "place"
    place.mkdir()

    with pytest.raises(BadInput) as caught:
        unpack(path, name=attack.file_name, into=place / "package", limits=ArchiveLimits())

    assert attack.reason in caught.value.message
    assert list(place.iterdir()) == []
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["place", "upload"]


@pytest.mark.parametrize(
    "make",
    [
        attack_archives.size_that_is_a_lie,
        attack_archives.ratio_bomb,
        attack_archives.count_that_wraps_around,
        attack_archives.too_many_folders_in_paths,
    ],
)
def test_attack_does_not_cost_memory(make: Callable[[], Attack], tmp_path: Path) -> None:
    attack = make()
    path = tmp_path / "upload"
    path.write_bytes(attack.data)

    tracemalloc.start()
    try:
        with pytest.raises(BadInput):
            inspect_package(path, attack.file_name, ArchiveLimits())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30 * 1024 * 1024


def test_list_of_attacks_is_whole() -> None:
    listed = {make.__name__ for make in ATTACKS}
    defined = {
        name
        for name, value in vars(attack_archives).items()
        if callable(value)
        and getattr(value, "__annotations__", {}).get("return") == "Attack"
        and not name.startswith("_")
    }
    assert listed == defined
