"""The built console on disk: which files there are, in which forms. Read once, at start."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

DIST: Final = Path(__file__).parent / "dist"
ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
"""As they are preferred, with the end of the file's name."""

# Mime types of our own: the machine's table may say anything.
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_HASHED: Final = re.compile(r"assets/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """One file; `encoded` holds its compressed forms by encoding."""

    path: Path
    media_type: str
    encoded: Mapping[str, Path]
    is_immutable: bool
    """Whether its name changes with its content."""


@dataclass(frozen=True, slots=True)
class Built:
    """The console: its two pages, and all other files by their path below `/`."""

    index: str
    docs: str
    files: Mapping[str, BuiltFile]


@cache
def read_built(folder: Path = DIST) -> Built | None:
    """What was built, or None if nothing was; looked for once in a process."""
    index, docs = folder / "index.html", folder / "docs.html"
    if not (index.is_file() and docs.is_file()):
        return None
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return Built(
        index=index.read_text(encoding="utf-8"),
        docs=docs.read_text(encoding="utf-8"),
        files={
            name: _file(name, path, files)
            for name, path in files.items()
            if path.suffix not in (".br", ".gz", ".html")
        },
    )


def _file(name: str, path: Path, files: Mapping[str, Path]) -> BuiltFile:
    guessed = mimetypes.guess_type(path.name, strict=True)[0] or "application/octet-stream"
    return BuiltFile(
        path=path,
        media_type=_TYPES.get(path.suffix, guessed),
        encoded={
            encoding: files[f"{name}{end}"]
            for encoding, end in ENCODINGS
            if f"{name}{end}" in files
        },
        is_immutable=_HASHED.fullmatch(name) is not None,
    )
