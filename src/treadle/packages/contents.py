"""The files of a package, wherever they are: in the upload, or unpacked in a folder."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from treadle.core.errors import BadInput
from treadle.packages.limits import ArchiveLimits
from treadle.packages.names import package_kind, show, source_name
from treadle.packages.zip_content import read_entry
from treadle.packages.zip_directory import ZipEntry, read_directory


@dataclass(frozen=True, slots=True)
class Contents:
    """A package's name and files, and a way to read the small ones. Paths use `/`."""

    name: str
    files: tuple[str, ...]
    # The size of a file in bytes, and its content; both only for a path out of `files`.
    size: Callable[[str], int]
    _read: Callable[[str], bytes]

    @property
    def is_single_file(self) -> bool:
        """Whether the package is one source file and not an archive."""
        return package_kind(self.name) == "python"

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """The content of one of `files`; BadInput when it is over what the reader can hold."""
        if self.size(path) > max_bytes:
            raise BadInput(f"{show(path)} is over {max_bytes} bytes", field="file")
        return self._read(path)


@contextmanager
def open_upload(
    path: Path, *, name: str, limits: ArchiveLimits, verify: bool
) -> Generator[Contents]:
    """The files of an upload that is a package, readable until the context ends.

    BadInput for a damaged archive. With `verify` every entry is unpacked first, into nothing;
    without, only what is read is proven to be what it declares.
    """
    if package_kind(name) == "python":
        yield _single_file(path, name)
        return
    with path.open("rb") as file:
        entries = read_directory(
            file,
            size=os.fstat(file.fileno()).st_size,
            shebang=allows_shebang(name),
            limits=limits,
        )
        if verify:
            for entry in entries:
                deque(read_entry(file, entry), maxlen=0)
        by_path: dict[str, ZipEntry] = {
            entry.path: entry for entry in entries if not entry.is_folder
        }
        yield Contents(
            name=name,
            files=tuple(sorted(by_path)),
            size=lambda entry_path: by_path[entry_path].size,
            _read=lambda entry_path: b"".join(read_entry(file, by_path[entry_path])),
        )


def allows_shebang(name: str) -> bool:
    """Only a `.pyz` may begin with a `#!` line."""
    return name.lower().endswith(".pyz")


def folder_contents(folder: Path, *, name: str) -> Contents:
    """The files of a package called `name` that was unpacked into the folder."""
    files: list[str] = []
    for parent, _, names in os.walk(folder):
        above = Path(parent).relative_to(folder)
        files.extend((above / file_name).as_posix() for file_name in names)
    return Contents(
        name=name,
        files=tuple(sorted(files)),
        size=lambda path: (folder / path).stat().st_size,
        _read=lambda path: (folder / path).read_bytes(),
    )


def _single_file(path: Path, name: str) -> Contents:
    return Contents(
        name=name,
        files=(source_name(name),),
        size=lambda _: path.stat().st_size,
        _read=lambda _: path.read_bytes(),
    )
