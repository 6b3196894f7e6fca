"""Names that come from outside: an upload's file name, and the paths inside an archive (pure)."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from treadle.core.errors import BadInput
from treadle.packages.limits import ArchiveLimits

PackageKind = Literal["archive", "python", "file"]
"""`archive`: a zip with code; `python`: one source file; `file`: anything else, not a package."""

_ARCHIVE_ENDINGS = (".djar", ".zip", ".pyz", ".whl")
_MAX_FILE_NAME_BYTES = 255
# Control characters, lone surrogates, line and paragraph separators, and the marks that turn the
# text behind them around: `gpj.exe` can be made to look like `exe.jpg`.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def validate_file_name(name: str) -> str:
    """Return the name of an upload if it is a file name and not a path; BadInput otherwise."""
    if not name:
        raise _bad_key("is empty")
    if _UNPRINTABLE.search(name):
        raise _bad_key("has a control character")
    if len(name.encode()) > _MAX_FILE_NAME_BYTES:
        raise _bad_key(f"is over {_MAX_FILE_NAME_BYTES} bytes")
    if "/" in name or "\\" in name or re.match(r"[A-Za-z]:", name):
        raise _bad_key("is a path: give a file name alone")
    if name.startswith((".", "-")):
        raise _bad_key("starts with a dot or a dash")
    if name != name.strip():
        raise _bad_key("starts or ends with a blank")
    return name


def package_kind(name: str) -> PackageKind:
    """What an upload of this name is, by its ending in any letter case."""
    lowered = name.lower()
    if lowered.endswith(_ARCHIVE_ENDINGS):
        return "archive"
    return "python" if lowered.endswith(".py") else "file"


def source_name(name: str) -> str:
    """The name under which a single source file is unpacked: Python knows only a lower `.py`."""
    return name[:-3] + ".py"


def show(name: str | bytes) -> str:
    """The name as it may stand in a message: quoted, escaped and short."""
    text = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name
    return ascii(text if len(text) <= 120 else text[:120] + "…")


def parse_entry_name(raw: bytes, limits: ArchiveLimits) -> tuple[str, bool]:
    """An archive entry's path without a final slash, and whether it is a folder.

    BadInput unless it names a place inside the folder that it is unpacked to, on every system.
    """
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise bad_entry(raw, "has a name that is not UTF-8") from None
    if not name:
        raise BadInput("the archive has an entry without a name")
    if _UNPRINTABLE.search(name):
        raise bad_entry(raw, "has a control character in its name")
    if "\\" in name:
        raise bad_entry(raw, "has a backslash in its name")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise bad_entry(raw, "has an absolute path")
    path = name.removesuffix("/")
    segments = path.split("/")
    if ".." in segments:
        raise bad_entry(raw, "leads out of the archive with '..'")
    if "" in segments or "." in segments:
        raise bad_entry(raw, "has an empty part or '.' in its path")
    if len(path.encode()) > limits.path_bytes:
        raise bad_entry(raw, f"has a path over {limits.path_bytes} bytes")
    if len(segments) > limits.depth:
        raise bad_entry(raw, f"is nested deeper than {limits.depth} folders")
    if any(len(segment.encode()) > limits.name_bytes for segment in segments):
        raise bad_entry(raw, f"has a name over {limits.name_bytes} bytes")
    return path, name.endswith("/")


class PathRegister:
    """The tree of one archive so far; refuses paths that would fall on another.

    Names are compared as the least careful file system would: without letter case, and however an
    accent is encoded. So an archive unpacks to the same files everywhere. Folders that only stand
    in paths count against the limit too: each costs an inode when it is unpacked.
    """

    def __init__(self, limits: ArchiveLimits) -> None:
        self._limits = limits
        self._root = _Node(spelling="", is_folder=True)
        self._count = 0

    def add(self, path: str, *, is_folder: bool) -> None:
        """Take the path in; BadInput when it is there already, or is a file and a folder."""
        *folders, last = path.split("/")
        node = self._root
        for segment in folders:
            node = self._descend(node, segment, path=path, is_folder=True)
        node = self._descend(node, last, path=path, is_folder=is_folder)
        if node.is_entry:
            raise bad_entry(path, "is in the archive twice")
        node.is_entry = True

    def _descend(self, parent: _Node, segment: str, *, path: str, is_folder: bool) -> _Node:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", segment).casefold())
        node = parent.children.get(key)
        if node is None:
            self._count += 1
            if self._count > self._limits.entries:
                raise too_many_entries(self._limits)
            node = parent.children[key] = _Node(spelling=segment, is_folder=is_folder)
        elif node.spelling != segment:
            raise bad_entry(path, f"differs from {show(node.spelling)} only in how it is written")
        elif node.is_folder != is_folder:
            raise bad_entry(path, "is a file and a folder")
        return node


class _Node:
    __slots__ = ("children", "is_entry", "is_folder", "spelling")

    def __init__(self, *, spelling: str, is_folder: bool) -> None:
        self.spelling = spelling
        self.is_folder = is_folder
        self.is_entry = False
        self.children: dict[str, _Node] = {}


def too_many_entries(limits: ArchiveLimits) -> BadInput:
    """The refusal of an archive with more files and folders than the limit."""
    return BadInput(f"the archive has more than {limits.entries} files and folders", field="file")


def _bad_key(rule: str) -> BadInput:
    return BadInput(f"the file name (key) {rule}", field="key")


def bad_entry(name: str | bytes, rule: str) -> BadInput:
    """The refusal of an archive because of one entry, which it names."""
    return BadInput(f"archive entry {show(name)} {rule}", field="file")
