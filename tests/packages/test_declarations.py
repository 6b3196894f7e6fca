from __future__ import annotations

import pytest

from treadle.core.errors import BadInput
from treadle.packages.declarations import parse_manifest, parse_toml


def test_manifest_lines_may_be_continued() -> None:
    raw = b"Manifest-Version: 1.0\r\nMain-Process: integrateX\r\n YZ.pro\r\n cess\r\nX: y\r\n"

    assert parse_manifest(raw) == {
        "manifest-version": "1.0",
        "main-process": "integrateXYZ.process",
        "x": "y",
    }


def test_manifest_line_may_be_cut_within_a_character() -> None:
    raw = b"Main-Process: caf\xc3\r\n \xa9.f\r\n"
    assert parse_manifest(raw)["main-process"] == "caf\u00e9.f"


def test_only_the_main_section_counts() -> None:
    raw = b"\n\nA: 1\n\nName: x\nMain-Process: evil.f\n"
    assert parse_manifest(raw) == {"a": "1"}


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"\r\n"])
def test_empty_manifest(raw: bytes) -> None:
    assert parse_manifest(raw) == {}


def test_value_may_hold_colons() -> None:
    assert parse_manifest(b"Main-Process: pkg:f") == {"main-process": "pkg:f"}


@pytest.mark.parametrize("raw", [b"Main-Process\n", b" continued: first\nno\n", b"A: \xff\n"])
def test_manifest_that_is_none(raw: bytes) -> None:
    with pytest.raises(BadInput, match=r"META-INF/MANIFEST\.MF"):
        parse_manifest(raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a = \xff", "is not UTF-8"),
        (b"a = ", "is not valid TOML"),
        (b"a = " + b"[" * 50_000, "is nested too deeply"),
        (b"a" + b".a" * 501 + b" = 1", "has a line with over 500 dots"),
        (b"#" * 65_537, "is over 65536 bytes"),
    ],
)
def test_toml_that_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=f"here {reason}"):
        parse_toml(raw, "here")
