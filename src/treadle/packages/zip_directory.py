"""The table of contents of a zip, read strictly: what is not plainly a plain archive is refused.

A zip describes each entry twice, ends in a directory that may point anywhere, and has three ways
to write a size. Readers that differ in which they believe can be shown different archives. This
one takes only files in which every byte has one meaning:

    [#! line]  (local header, data, [descriptor])*  central directory  end record [comment]

with no byte between or around them, both descriptions of an entry alike, and no entry reaching
into another (which is how a small file unpacks to petabytes without any nesting).
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from typing import BinaryIO

from treadle.core.errors import BadInput
from treadle.packages.limits import ArchiveLimits
from treadle.packages.names import (
    PathRegister,
    bad_entry,
    parse_entry_name,
    too_many_entries,
)

STORED = 0
DEFLATED = 8

_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_CENTRAL_SIGNATURE = b"PK\x01\x02"
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_SIGNATURE = b"PK\x03\x04"
_ZIP64_LOCATOR_SIGNATURE = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"
_LONGEST_DESCRIPTOR = 24
_LONGEST_COMMENT = 0xFFFF
# Encrypted, strongly encrypted, encrypted directory.
_ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000
# The sizes in the local header are not known yet; a descriptor behind the data has them.
_DESCRIPTOR_FLAG = 0x0008
_PATCH_FLAG = 0x0020
# Of the specification, times ten.
_NEWEST_VERSION = 63
_IN_EXTRA = 0xFFFFFFFF
_ZIP64_EXTRA = 0x0001
# `#!` and an interpreter's path; more is not a line but a place to hide something.
_LONGEST_SHEBANG = 512


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file or folder of an archive, as both its headers describe it."""

    path: str
    is_folder: bool
    method: int
    crc: int
    packed_size: int
    size: int
    # Where the packed bytes begin in the file.
    data_start: int


@dataclass(frozen=True, slots=True)
class _End:
    position: int
    count: int
    directory_size: int
    directory_offset: int


@dataclass(frozen=True, slots=True)
class _Central:
    raw_name: bytes
    path: str
    is_folder: bool
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    offset: int


def read_directory(
    file: BinaryIO, *, size: int, shebang: bool, limits: ArchiveLimits
) -> list[ZipEntry]:
    """The entries of a zip of `size` bytes in the order of their data; BadInput with the reason.

    Nothing is unpacked: sizes and checksums are what the headers say, and within the limits.
    `shebang` allows one `#!` line before the archive.
    """
    end = _find_end(file, size)
    if end.count > limits.entries:
        raise too_many_entries(limits)
    if end.count == 0:
        raise _damaged("is empty")
    prefix = _shebang_length(file) if shebang else 0
    # Offsets count from the start of the file, or from behind the `#!` line.
    shift = end.position - end.directory_size - end.directory_offset
    if shift not in (0, prefix):
        raise _damaged(
            f"has {shift} bytes before its beginning" if shift > 0 else "is damaged or cut off"
        )
    found = _read_central(file, end, limits)
    _check_totals(found, archive_size=size, limits=limits)
    return _place(file, found, shift=shift, start=prefix, end=end)


def _find_end(file: BinaryIO, size: int) -> _End:
    """The end record, whose comment must reach exactly to the end of the file."""
    tail_size = min(size, _END.size + _LONGEST_COMMENT)
    tail_start = size - tail_size
    file.seek(tail_start)
    tail = file.read(tail_size)
    fitting: list[int] = []
    seen = tail.find(_END_SIGNATURE)
    any_seen = seen >= 0
    while seen >= 0:
        fields = tail[seen : seen + _END.size]
        if len(fields) == _END.size and seen + _END.size + _END.unpack(fields)[7] == tail_size:
            fitting.append(seen)
        seen = tail.find(_END_SIGNATURE, seen + 1)
    if not fitting:
        raise _damaged("has bytes behind its end" if any_seen else "is not a zip, or is cut off")
    if len(fitting) > 1:
        raise _damaged("has more than one end record")
    _, disk, start_disk, here, count, directory_size, directory_offset, _ = _END.unpack(
        tail[fitting[0] : fitting[0] + _END.size]
    )
    position = tail_start + fitting[0]
    file.seek(max(position - _ZIP64_LOCATOR_BYTES, 0))
    has_locator = file.read(_ZIP64_LOCATOR_BYTES).startswith(_ZIP64_LOCATOR_SIGNATURE)
    if has_locator or _IN_EXTRA in (directory_size, directory_offset) or 0xFFFF in (here, count):
        raise _damaged("uses ZIP64, which a package within the limits never needs")
    if disk != 0 or start_disk != 0 or here != count:
        raise _damaged("is one part of several")
    return _End(position, count, directory_size, directory_offset)


def _shebang_length(file: BinaryIO) -> int:
    file.seek(0)
    line = file.readline(_LONGEST_SHEBANG)
    return len(line) if line.startswith(b"#!") and line.endswith(b"\n") else 0


def _read_central(file: BinaryIO, end: _End, limits: ArchiveLimits) -> list[_Central]:
    """All entries of the central directory, which must fill its place exactly.

    Read one by one: the directory itself may be as large as the file.
    """
    found: list[_Central] = []
    register = PathRegister(limits)
    file.seek(end.position - end.directory_size)
    left = end.directory_size
    while left > 0:
        header = file.read(_CENTRAL.size)
        if left < _CENTRAL.size or not header.startswith(_CENTRAL_SIGNATURE):
            raise _damaged("has a damaged directory")
        fields = _CENTRAL.unpack(header)
        name_size, extra_size, comment_size = fields[10:13]
        left -= _CENTRAL.size + name_size + extra_size + comment_size
        if left < 0:
            raise _damaged("has a damaged directory")
        raw_name = file.read(name_size)
        extra = file.read(extra_size)
        file.seek(comment_size, 1)
        entry = _read_central_entry(fields, raw_name, extra, limits)
        register.add(entry.path, is_folder=entry.is_folder)
        found.append(entry)
        # The end record has 16 bits for the count: 65,537 entries can call themselves one.
        if len(found) > end.count:
            raise _damaged(f"has more entries than the {end.count} it declares")
    if len(found) < end.count:
        raise _damaged(f"has {len(found)} entries but declares {end.count}")
    return found


def _read_central_entry(
    fields: tuple[int, ...], raw_name: bytes, extra: bytes, limits: ArchiveLimits
) -> _Central:
    flags, method, crc, packed_size, size = fields[3], fields[4], *fields[7:10]
    path, is_folder = parse_entry_name(raw_name, limits)
    _check_file_type(raw_name, fields[15] >> 16, is_folder=is_folder)
    if flags & _ENCRYPTED_FLAGS:
        raise bad_entry(raw_name, "is encrypted")
    if fields[2] & 0xFF > _NEWEST_VERSION:
        raise bad_entry(raw_name, "needs a newer version of the zip format")
    if method not in (STORED, DEFLATED) or flags & _PATCH_FLAG:
        raise bad_entry(raw_name, f"is packed with method {method}: use deflate or store")
    sizes = _read_sizes(extra, (size, packed_size, fields[16]))
    if sizes is None or fields[13] != 0:
        raise bad_entry(raw_name, "has a damaged header")
    size, packed_size, offset = sizes
    if is_folder and size:
        raise bad_entry(raw_name, "is a folder with content")
    if method == STORED and size != packed_size:
        raise bad_entry(raw_name, "declares a size that is not its own")
    return _Central(raw_name, path, is_folder, flags, method, crc, packed_size, size, offset)


def _check_file_type(raw_name: bytes, mode: int, *, is_folder: bool) -> None:
    file_type = stat.S_IFMT(mode)
    if file_type == stat.S_IFLNK:
        raise bad_entry(raw_name, "is a symbolic link: a package holds files and folders only")
    allowed = (0, stat.S_IFREG, stat.S_IFDIR) if is_folder else (0, stat.S_IFREG)
    if file_type not in allowed:
        raise bad_entry(raw_name, "is a special file: a package holds files and folders only")


def _read_sizes(extra: bytes, fields: tuple[int, ...]) -> tuple[int, ...] | None:
    """The header's fields, those that are all ones taken from the ZIP64 extra field in order.

    Some tools write sizes in this long form for small entries too. None when it is not there.
    """
    missing = fields.count(_IN_EXTRA)
    if missing == 0:
        return fields
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        position += 4
        if kind == _ZIP64_EXTRA and length >= 8 * missing and position + length <= len(extra):
            values = iter(struct.unpack_from(f"<{missing}Q", extra, position))
            return tuple(next(values) if field == _IN_EXTRA else field for field in fields)
        position += length
    return None


def _check_totals(found: list[_Central], *, archive_size: int, limits: ArchiveLimits) -> None:
    """The sizes that the entries declare; that they are true is seen when they are unpacked."""
    total = 0
    for entry in found:
        if entry.size > limits.total_bytes:
            raise bad_entry(entry.raw_name, f"is over {limits.total_bytes} bytes unpacked")
        if _is_bomb(entry.size, entry.packed_size, limits):
            raise bad_entry(
                entry.raw_name, f"unpacks to more than {limits.ratio} times its packed size"
            )
        total += entry.size
    if total > limits.total_bytes:
        raise _damaged(f"is over {limits.total_bytes} bytes unpacked")
    if _is_bomb(total, archive_size, limits):
        raise _damaged(f"unpacks to more than {limits.ratio} times its size")


def _is_bomb(size: int, packed_size: int, limits: ArchiveLimits) -> bool:
    return size > limits.ratio_floor_bytes and size > limits.ratio * packed_size


def _place(
    file: BinaryIO, found: list[_Central], *, shift: int, start: int, end: _End
) -> list[ZipEntry]:
    """Find each entry's data; every byte between `start` and the directory belongs to one entry."""
    ordered = sorted(found, key=lambda entry: entry.offset)
    directory_start = end.position - end.directory_size
    starts = [entry.offset + shift for entry in ordered] + [directory_start]
    if starts[0] > start:
        raise _damaged(f"has {starts[0] - start} bytes before its first entry")
    placed: list[ZipEntry] = []
    position = start
    for entry, here, following in zip(ordered, starts, starts[1:], strict=False):
        if here < position:
            raise bad_entry(entry.raw_name, "overlaps another entry")
        data_start = here + _check_local_header(file, here, entry)
        data_end = data_start + entry.packed_size
        if data_end > following:
            raise bad_entry(entry.raw_name, "overlaps another entry or the directory")
        _check_behind(file, entry, data_end, following)
        position = following
        placed.append(
            ZipEntry(
                path=entry.path,
                is_folder=entry.is_folder,
                method=entry.method,
                crc=entry.crc,
                packed_size=entry.packed_size,
                size=entry.size,
                data_start=data_start,
            )
        )
    return placed


def _check_local_header(file: BinaryIO, position: int, entry: _Central) -> int:
    """The length of the header before the data; BadInput when it tells another story."""
    file.seek(position)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_SIGNATURE):
        raise bad_entry(entry.raw_name, "has a damaged header")
    _, _, flags, method, _, _, crc, packed_size, size, name_size, extra_size = _LOCAL.unpack(header)
    raw_name = file.read(name_size)
    sizes = _read_sizes(file.read(extra_size), (size, packed_size))
    same = raw_name == entry.raw_name and method == entry.method
    if not flags & _DESCRIPTOR_FLAG:
        same = same and crc == entry.crc and sizes == (entry.size, entry.packed_size)
    if not same or flags & _ENCRYPTED_FLAGS:
        raise bad_entry(entry.raw_name, "is described differently in its two headers")
    return _LOCAL.size + name_size + extra_size


def _check_behind(file: BinaryIO, entry: _Central, data_end: int, following: int) -> None:
    """Behind the data stands the next entry, or a descriptor that repeats checksum and sizes."""
    length = following - data_end
    if length == 0:
        return
    if length <= _LONGEST_DESCRIPTOR:
        file.seek(data_end)
        behind = file.read(length).removeprefix(_DESCRIPTOR_SIGNATURE)
        numbers = (entry.crc, entry.packed_size, entry.size)
        # The short and the long form; a size that needs the long form is over every limit.
        if behind in (struct.pack("<3L", *numbers), struct.pack("<L2Q", *numbers)):
            return
    raise bad_entry(entry.raw_name, "is followed by bytes that belong to no entry")


def _damaged(rule: str) -> BadInput:
    return BadInput(f"the archive {rule}", field="file")
