"""Uploads: what one holds, proven before anything of it is kept, and its unpacking.

Nothing here imports or runs anything of a package. All functions block: call them in a thread.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from treadle.core.errors import BadInput, TooLarge
from treadle.packages.contents import Contents, allows_shebang, open_upload
from treadle.packages.entry_points import default_entry_point, list_entry_points
from treadle.packages.limits import ArchiveLimits
from treadle.packages.names import PackageKind, package_kind, source_name, validate_file_name
from treadle.packages.removal import remove_tree
from treadle.packages.requirements import read_requirements
from treadle.packages.zip_content import read_entry
from treadle.packages.zip_directory import read_directory

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PackageInfo:
    """What an upload is, as far as it can be known without running it."""

    name: str
    # Hex, of the upload's bytes.
    sha256: str
    size: int
    # `file` is not a package: it has no files, entry points or dependencies.
    kind: PackageKind
    files: tuple[str, ...] = ()
    entry_points: tuple[str, ...] = ()
    # What runs where a job names no entry point; None when it must name one.
    default_entry_point: str | None = None
    requires_python: str | None = None
    dependencies: tuple[str, ...] = ()


def inspect_package(path: Path, name: str, limits: ArchiveLimits) -> PackageInfo:
    """Read and verify a whole upload; BadInput, naming the offending entry, or TooLarge.

    Every entry of an archive is unpacked once, into nothing: an upload that passes can be
    unpacked, has true checksums, readable metadata and a default entry point that exists.
    """
    validate_file_name(name)
    size = path.stat().st_size
    if size > limits.archive_bytes:
        raise TooLarge(f"the file is over {limits.archive_bytes} bytes", field="file")
    kind = package_kind(name)
    info = PackageInfo(name=name, sha256=file_sha256(path), size=size, kind=kind)
    if kind == "file":
        return info
    with open_upload(path, name=name, limits=limits, verify=True) as contents:
        return _describe(info, contents)


def unpack(path: Path, *, name: str, into: Path, limits: ArchiveLimits) -> None:
    """Unpack a package into the folder `into`, which appears whole or not at all.

    Any number of processes may do this for the same folder at once: all return, one's work stays.
    Files are 0644 and folders 0755, whatever the archive or the umask says. BadInput as
    `inspect_package`, for the archive may not be the one that was inspected.
    """
    kind = package_kind(name)
    if kind == "file":
        raise BadInput("the file is not a package", field="packageName")
    unfinished = into.with_name(f".{into.name}.{secrets.token_hex(8)}.part")
    try:
        _make_folder(unfinished)
        if kind == "python":
            with path.open("rb") as source:
                chunks = iter(lambda: source.read(_CHUNK_BYTES), b"")
                _write_file(unfinished / source_name(name), chunks)
        else:
            _unpack_archive(path, name=name, into=unfinished, limits=limits)
        _publish(unfinished, into)
    finally:
        remove_tree(unfinished)


def file_sha256(path: Path) -> str:
    """The SHA-256 of the file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _describe(info: PackageInfo, contents: Contents) -> PackageInfo:
    requirements = read_requirements(contents)
    return replace(
        info,
        files=contents.files,
        entry_points=list_entry_points(contents),
        default_entry_point=default_entry_point(contents),
        requires_python=requirements.requires_python,
        dependencies=requirements.dependencies,
    )


def _unpack_archive(path: Path, *, name: str, into: Path, limits: ArchiveLimits) -> None:
    made = {into}
    with path.open("rb") as file:
        entries = read_directory(
            file,
            size=os.fstat(file.fileno()).st_size,
            shebang=allows_shebang(name),
            limits=limits,
        )
        for entry in entries:
            target = into / entry.path
            _make_folders(target if entry.is_folder else target.parent, made)
            chunks = read_entry(file, entry)
            if entry.is_folder:
                # Nothing comes out of it, but its packed bytes must be sound.
                deque(chunks, maxlen=0)
            else:
                _write_file(target, chunks)


def _make_folders(folder: Path, made: set[Path]) -> None:
    if folder in made:
        return
    _make_folders(folder.parent, made)
    _make_folder(folder)
    made.add(folder)


def _make_folder(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def _write_file(target: Path, chunks: Iterable[bytes]) -> None:
    # O_EXCL: the folder is ours and fresh, so nothing can be there, not even a link.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o644)
        for chunk in chunks:
            file.write(chunk)


def _publish(unfinished: Path, into: Path) -> None:
    try:
        unfinished.rename(into)
    except OSError as error:
        # Another process has unpacked the same package meanwhile.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
