from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treadle.core.errors import BadInput
from treadle.packages.limits import ArchiveLimits
from treadle.packages.names import (
    PathRegister,
    package_kind,
    parse_entry_name,
    source_name,
    validate_file_name,
)

LIMITS = ArchiveLimits()


@pytest.mark.parametrize(
    "name",
    [
        "samplePackage.djar",
        "a",
        "my file (1).json",
        "caf\u00e9.zip",
        "data.tar.gz",
        "n" * 255,
        "a..b",
    ],
)
def test_file_name_is_taken(name: str) -> None:
    assert validate_file_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        ("a/b.zip", "is a path"),
        ("/a.zip", "is a path"),
        ("..\\a.zip", "is a path"),
        ("C:a.zip", "is a path"),
        ("..", "starts with a dot or a dash"),
        (".hidden", "starts with a dot or a dash"),
        ("-rf.zip", "starts with a dot or a dash"),
        (" a.zip", "a blank"),
        ("a.zip ", "a blank"),
        ("a\0.zip", "a control character"),
        ("a\n.zip", "a control character"),
        ("a\x7f.zip", "a control character"),
        ("a\u202egpj.zip", "a control character"),
        ("a\ud800.zip", "a control character"),
        ("\u00e9" * 128, "is over 255 bytes"),
    ],
)
def test_file_name_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as caught:
        validate_file_name(name)
    assert caught.value.field == "key"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.djar", "archive"),
        ("a.ZIP", "archive"),
        ("a.pyz", "archive"),
        ("a-1.0-py3-none-any.whl", "archive"),
        ("a.py", "python"),
        ("a.PY", "python"),
        ("a.json", "file"),
        ("zip", "file"),
        ("a.zip.txt", "file"),
        ("py", "file"),
    ],
)
def test_ending_decides_the_kind(name: str, kind: str) -> None:
    assert package_kind(name) == kind


def test_source_file_always_gets_a_lower_ending() -> None:
    assert source_name("My.Script.PY") == "My.Script.py"


@given(st.text(max_size=30))
def test_taken_file_name_is_one_part_of_a_path(name: str) -> None:
    try:
        validate_file_name(name)
    except BadInput:
        return
    assert "/" not in name
    assert name not in ("", ".", "..")
    assert len(name.encode()) <= 255


@given(st.binary(max_size=30))
def test_taken_entry_name_stays_inside(raw: bytes) -> None:
    try:
        path, is_folder = parse_entry_name(raw, LIMITS)
    except BadInput as error:
        assert error.message.isprintable()
        return
    assert path + ("/" if is_folder else "") == raw.decode()
    assert not path.startswith("/")
    assert not {"", ".", ".."} & set(path.split("/"))


def test_folder_may_stand_before_and_behind_its_files() -> None:
    register = PathRegister(LIMITS)
    register.add("a", is_folder=True)
    register.add("a/b", is_folder=False)
    register.add("c/d", is_folder=False)
    register.add("c", is_folder=True)
    with pytest.raises(BadInput, match="'c' is in the archive twice"):
        register.add("c", is_folder=True)


def test_folders_in_paths_count_once() -> None:
    register = PathRegister(ArchiveLimits(entries=3))
    register.add("a/b", is_folder=False)
    register.add("a/c", is_folder=False)
    with pytest.raises(BadInput, match="more than 3 files and folders"):
        register.add("a/d", is_folder=False)
