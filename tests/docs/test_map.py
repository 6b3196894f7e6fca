"""The architecture's map shows what is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "treadle"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

_FILE = re.compile(r"`((?:[\w-]+/)*[\w-]+\.(?:py|sql))`")
_FOLDER = re.compile(r"`((?:src/)?[a-z_]+(?:/[a-z_]+)*/)`")


def parts_of(folder: Path) -> set[str]:
    """Modules as `name.py`, packages as `name/`."""
    modules = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    return modules | {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}


def is_there(path: str) -> bool:
    return (ROOT / path).exists() or (SOURCE / path).exists()


def test_every_part_is_on_the_map() -> None:
    on_the_map = set(re.findall(r"[\w]+(?:\.py|/)", PAGE))
    contracts = {f"{path.parent.name}/" for path in (SOURCE / "api").glob("*/__init__.py")}
    assert (parts_of(SOURCE) | contracts) - on_the_map == set()


def test_every_named_file_is_there() -> None:
    named = {*_FILE.findall(PAGE), *_FOLDER.findall(PAGE)}
    assert len(named) > 10
    assert {path for path in named if not is_there(path)} == set()
