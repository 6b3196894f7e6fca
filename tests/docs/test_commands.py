"""Commands that the documentation tells the reader to type exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")

_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```|^ {4}.*?$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_MAKE = re.compile(r"(?:^\s*|`)make ([a-z][a-z-]*)", re.MULTILINE)
_SCRIPT = re.compile(r"\bscripts/[\w.-]+")


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def make_targets_in(text: str) -> list[str]:
    """The targets that stand in code, in order; prose may make what it likes."""
    return [target for code in _CODE.findall(text) for target in _MAKE.findall(code)]


def test_targets_are_read_from_code_only() -> None:
    text = "make it\n\n    make demo\n\n`make test` or\nmake do\n```sh\nmake bench\n```\n"
    assert make_targets_in(text) == ["demo", "test", "bench"]


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: str) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text()))
    assert set(make_targets_in(text_of(page))) <= targets


def test_the_readme_begins_with_the_two_commands() -> None:
    assert make_targets_in(text_of("README.md"))[:2] == ["demo", "test"]


@pytest.mark.parametrize("page", PAGES)
def test_named_scripts_exist(page: str) -> None:
    missing = [name for name in _SCRIPT.findall(text_of(page)) if not (ROOT / name).exists()]
    assert missing == []
