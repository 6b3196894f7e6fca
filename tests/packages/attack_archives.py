"""Hostile and broken archives, each with the words of its refusal.

Made by hand, byte by byte, where no honest tool would write them. Every function returns one
`Attack`; `all_attacks` returns them all. The default `ArchiveLimits` refuse every one.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Attack:
    """An upload that must be refused: its bytes, its file name, and part of the reason."""

    name: str
    data: bytes
    reason: str
    file_name: str = "attack.zip"


@dataclass(frozen=True, slots=True)
class Part:
    """One entry, with everything that a header can lie about. None: the truth."""

    name: bytes
    packed: bytes = b""
    size: int | None = None
    crc: int = 0
    method: int = 0
    flags: int = 0
    attributes: int = 0
    extra: bytes = b""
    packed_size: int | None = None
    offset: int | None = None
    local_name: bytes | None = None
    local_method: int | None = None
    local_crc: int | None = None
    local_flags: int | None = None
    behind: bytes = b""


def stored(name: str | bytes, content: bytes = b"print(1)\n") -> Part:
    """An honest entry that is not compressed."""
    raw = name.encode() if isinstance(name, str) else name
    return Part(name=raw, packed=content, size=len(content), crc=zlib.crc32(content))


def deflated(name: str | bytes, content: bytes) -> Part:
    """An honest compressed entry."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    return replace(stored(name, content), packed=packed, size=len(content), method=8)


def build(
    parts: Sequence[Part],
    *,
    before: bytes = b"",
    after: bytes = b"",
    comment: bytes = b"",
    count: int | None = None,
    directory_size: int | None = None,
    directory_offset: int | None = None,
) -> bytes:
    """A zip of the parts. Offsets count from behind `before`, as `cat before zip` leaves them."""
    body = bytearray()
    directory = bytearray()
    for part in parts:
        offset = len(body) if part.offset is None else part.offset
        body += _local_header(part) + part.packed + part.behind
        directory += _central_header(part, offset)
    end = struct.pack(
        "<4s4H2LH",
        b"PK\x05\x06",
        0,
        0,
        (len(parts) if count is None else count) & 0xFFFF,
        (len(parts) if count is None else count) & 0xFFFF,
        len(directory) if directory_size is None else directory_size,
        len(body) if directory_offset is None else directory_offset,
        len(comment),
    )
    return before + bytes(body) + bytes(directory) + end + comment + after


def _local_header(part: Part) -> bytes:
    name = part.name if part.local_name is None else part.local_name
    return (
        struct.pack(
            "<4s5H3L2H",
            b"PK\x03\x04",
            20,
            part.flags if part.local_flags is None else part.local_flags,
            part.method if part.local_method is None else part.local_method,
            0,
            0x21,
            part.crc if part.local_crc is None else part.local_crc,
            len(part.packed) if part.packed_size is None else part.packed_size,
            len(part.packed) if part.size is None else part.size,
            len(name),
            len(part.extra),
        )
        + name
        + part.extra
    )


def _central_header(part: Part, offset: int) -> bytes:
    return (
        struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            (3 << 8) | 20,
            20,
            part.flags,
            part.method,
            0,
            0x21,
            part.crc,
            len(part.packed) if part.packed_size is None else part.packed_size,
            len(part.packed) if part.size is None else part.size,
            len(part.name),
            len(part.extra),
            0,
            0,
            0,
            part.attributes,
            offset,
        )
        + part.name
        + part.extra
    )


# Names and kinds of entries


def _named(attack: str, name: bytes, reason: str) -> Attack:
    return Attack(attack, build([stored("main.py"), stored(name)]), reason)


def slip_out_of_the_folder() -> Attack:
    return _named("zip slip", b"../../etc/cron.d/evil", "leads out of the archive")


def slip_in_the_middle() -> Attack:
    return _named("zip slip inside a path", b"pkg/../../evil.py", "leads out of the archive")


def absolute_path() -> Attack:
    return _named("absolute path", b"/etc/passwd", "has an absolute path")


def drive_letter() -> Attack:
    return _named("drive letter", b"C:/windows/evil.py", "has an absolute path")


def backslashes() -> Attack:
    return _named("backslashes", b"..\\..\\evil.py", "has a backslash")


def dot_segment() -> Attack:
    return _named("dot segment", b"pkg/./evil.py", "an empty part or '.'")


def empty_segment() -> Attack:
    return _named("empty segment", b"pkg//evil.py", "an empty part or '.'")


def empty_name() -> Attack:
    return _named("empty name", b"", "an entry without a name")


def nul_in_name() -> Attack:
    return _named("NUL in a name", b"main.py\0.txt", "has a control character")


def newline_in_name() -> Attack:
    return _named("newline in a name", b"a\nINFO: all well.py", "has a control character")


def direction_mark_in_name() -> Attack:
    return _named("direction mark", "a\u202egpj.sh".encode(), "has a control character")


def name_that_is_not_utf8() -> Attack:
    return _named("latin-1 name", "caf\u00e9.py".encode("latin-1"), "not UTF-8")


def overlong_name() -> Attack:
    return _named("name of 256 bytes", b"n" * 256, "has a name over 255 bytes")


def overlong_path() -> Attack:
    return _named("path of 1,025 bytes", b"/".join([b"p" * 204] * 5) + b"x", "a path over 1024")


def too_deep() -> Attack:
    return _named("33 folders", b"/".join([b"d"] * 33), "nested deeper than 32")


def _linked(attack: str, target: bytes) -> Attack:
    link = replace(stored("link", target), attributes=(stat.S_IFLNK | 0o777) << 16)
    return Attack(attack, build([stored("main.py"), link]), "is a symbolic link")


def symbolic_link_out() -> Attack:
    return _linked("symbolic link out", b"/etc/passwd")


def symbolic_link_inside() -> Attack:
    return _linked("symbolic link inside", b"main.py")


def write_through_a_link() -> Attack:
    link = replace(stored("d", b"/etc"), attributes=(stat.S_IFLNK | 0o777) << 16)
    data = build([link, stored("d/evil")])
    return Attack("file behind a symbolic link", data, "is a symbolic link")


def device_file() -> Attack:
    device = replace(stored("null", b""), attributes=(stat.S_IFCHR | 0o666) << 16)
    return Attack("device file", build([stored("main.py"), device]), "is a special file")


def named_pipe() -> Attack:
    pipe = replace(stored("pipe", b""), attributes=(stat.S_IFIFO | 0o666) << 16)
    return Attack("named pipe", build([stored("main.py"), pipe]), "is a special file")


def folder_with_content() -> Attack:
    return _named("folder with content", b"pkg/", "is a folder with content")


def same_name_twice() -> Attack:
    parts = [stored("main.py", b"safe = 1\n"), stored("main.py", b"evil = 1\n")]
    return Attack("same name twice", build(parts), "'main.py' is in the archive twice")


def same_name_in_other_case() -> Attack:
    parts = [stored("main.py"), stored("Main.PY")]
    return Attack("same name in other letter case", build(parts), "differs from 'main.py' only")


def same_folder_in_other_case() -> Attack:
    parts = [stored("pkg/a.py"), stored("PKG/b.py")]
    return Attack("same folder in other letter case", build(parts), "differs from 'pkg' only")


def same_name_in_other_normal_form() -> Attack:
    parts = [stored("caf\u00e9.py"), stored("cafe\u0301.py")]
    return Attack("same name, other accents", build(parts), "only in how it is written")


def file_that_is_also_a_folder() -> Attack:
    parts = [stored("pkg"), stored("pkg/a.py")]
    return Attack("file and folder", build(parts), "is a file and a folder")


def folder_that_is_also_a_file() -> Attack:
    parts = [stored("pkg/a.py"), stored("pkg")]
    return Attack("folder and file", build(parts), "is a file and a folder")


# Bombs


def ratio_bomb() -> Attack:
    data = build([stored("main.py"), deflated("zeros", bytes(11 * _MIB))])
    return Attack("ratio bomb", data, "'zeros' unpacks to more than 200 times")


def many_small_bombs() -> Attack:
    part = deflated("zeros", bytes(9 * _MIB))
    parts = [replace(part, name=b"zeros%d" % number) for number in range(4)]
    return Attack("many small bombs", build(parts), "archive unpacks to more than 200 times")


def declared_size_over_the_limit() -> Attack:
    part = Part(b"huge", packed=bytes(6 * _MIB), size=1024 * _MIB + 1, method=8)
    return Attack("entry over 1 GB", build([part]), "'huge' is over 1073741824 bytes unpacked")


def declared_total_over_the_limit() -> Attack:
    part = Part(b"large", packed=bytes(2 * _MIB), size=300 * _MIB, method=8)
    parts = [replace(part, name=b"large%d" % number) for number in range(4)]
    return Attack("total over 1 GB", build(parts), "archive is over 1073741824 bytes unpacked")


def size_that_is_a_lie() -> Attack:
    part = replace(deflated("small", bytes(20 * _MIB)), size=100)
    return Attack("declared 100 bytes, is 20 MB", build([part]), "more than it declares")


def size_that_is_too_high() -> Attack:
    part = replace(deflated("large", b"abc" * 100), size=400)
    return Attack("declared more than it is", build([part]), "less than it declares")


def stored_size_that_is_a_lie() -> Attack:
    part = replace(stored("main.py"), size=5)
    return Attack("stored with another size", build([part]), "a size that is not its own")


def too_many_files() -> Attack:
    parts = [stored(b"f%d" % number, b"") for number in range(20_001)]
    return Attack("20,001 files", build(parts), "more than 20000 files and folders")


def too_many_folders_in_paths() -> Attack:
    tail = b"/".join(b"d%d" % number for number in range(28))
    parts = [stored(b"t%d/" % number + tail, b"") for number in range(800)]
    return Attack("800 files, 23,200 folders", build(parts), "more than 20000 files and folders")


def count_that_wraps_around() -> Attack:
    part = stored(b"", b"")
    parts = [replace(part, name=b"f%d" % number) for number in range(65_537)]
    data = build(parts, count=65_537)
    return Attack("65,537 entries that call themselves one", data, "more entries than the 1")


def zip64_count() -> Attack:
    data = build([stored("main.py")], count=0xFFFF)
    return Attack("ZIP64 count", data, "uses ZIP64")


def zip64_directory() -> Attack:
    data = build([stored("main.py")], directory_offset=0xFFFFFFFF)
    return Attack("ZIP64 directory", data, "uses ZIP64")


def zip64_locator() -> Attack:
    data = build([stored("main.py")])
    end = data.rindex(b"PK\x05\x06")
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return Attack("ZIP64 locator", data[:end] + locator + data[end:], "uses ZIP64")


def full_overlap() -> Attack:
    kernel = deflated("a.txt", bytes(_MIB))
    data = build([kernel, replace(kernel, name=b"b.txt", offset=0)])
    return Attack("two entries on the same bytes", data, "overlaps another entry")


def quoted_overlap() -> Attack:
    """Fifield's construction: the first entry unpacks to the second's header and data."""
    inner = stored("inner.txt", b"x" * 100)
    quoted = _local_header(inner) + inner.packed
    block = struct.pack("<BHH", 1, len(quoted), len(quoted) ^ 0xFFFF)
    outer = Part(
        b"outer.txt", packed=block + quoted, size=len(quoted), crc=zlib.crc32(quoted), method=8
    )
    inside = len(_local_header(outer)) + len(block)
    # The inner entry is in the directory alone: its bytes are the outer one's.
    directory = _central_header(outer, 0) + _central_header(inner, inside)
    body = _local_header(outer) + outer.packed
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), len(body), 0)
    return Attack("quoted overlap", body + directory + end, "overlaps another entry")


def entry_over_the_directory() -> Attack:
    part = replace(stored("main.py", b"abc"), packed_size=60, size=60)
    return Attack("entry reaches into the directory", build([part]), "overlaps another entry")


# What cannot be read, or reads differently elsewhere


def encrypted_entry() -> Attack:
    part = replace(stored("secret.py"), flags=1)
    return Attack("encrypted entry", build([part]), "'secret.py' is encrypted")


def strongly_encrypted_entry() -> Attack:
    part = replace(stored("secret.py"), flags=0x40)
    return Attack("strongly encrypted entry", build([part]), "'secret.py' is encrypted")


def encrypted_in_the_local_header_alone() -> Attack:
    part = replace(stored("secret.py"), local_flags=1)
    return Attack("local header says encrypted", build([part]), "described differently")


def unsupported_method() -> Attack:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("main.py", b"print(1)\n" * 20)
    return Attack("LZMA", buffer.getvalue(), "is packed with method 14")


def bzip2_method() -> Attack:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("main.py", b"print(1)\n" * 20)
    return Attack("bzip2", buffer.getvalue(), "is packed with method 12")


def version_of_the_future() -> Attack:
    data = bytearray(build([stored("main.py")]))
    data[data.index(b"PK\x01\x02") + 6] = 64
    return Attack("needs a newer zip", bytes(data), "needs a newer version of the zip format")


def wrong_checksum() -> Attack:
    part = replace(deflated("main.py", b"print(1)\n" * 20), crc=1)
    return Attack("wrong checksum", build([part]), "its checksum is wrong")


def damaged_data() -> Attack:
    part = deflated("main.py", b"print(1)\n" * 20)
    data = build([replace(part, packed=b"\xff" * len(part.packed))])
    return Attack("damaged data", data, "cannot be unpacked")


def cut_off_data() -> Attack:
    part = deflated("main.py", bytes(range(256)) * 20)
    data = build([replace(part, packed=part.packed[:-4])])
    return Attack("packed data without its end", data, "is cut off")


def bytes_behind_packed_data() -> Attack:
    part = deflated("main.py", b"print(1)\n" * 20)
    data = build([replace(part, packed=part.packed + b"hidden")])
    return Attack("bytes behind the packed data", data, "has bytes behind its packed data")


def other_name_in_the_local_header() -> Attack:
    part = replace(stored("safe.py"), local_name=b"evil.py")
    return Attack("two names for one entry", build([part]), "described differently")


def other_method_in_the_local_header() -> Attack:
    part = replace(stored("safe.py"), local_method=8)
    return Attack("two methods for one entry", build([part]), "described differently")


def other_checksum_in_the_local_header() -> Attack:
    part = replace(stored("safe.py"), local_crc=7)
    return Attack("two checksums for one entry", build([part]), "described differently")


def hidden_bytes_between_entries() -> Attack:
    parts = [replace(stored("a.py"), behind=b"hidden"), stored("b.py")]
    return Attack("bytes between entries", build(parts), "bytes that belong to no entry")


def local_header_elsewhere() -> Attack:
    part = replace(stored("a.py"), offset=3)
    return Attack("no header where it should be", build([part]), "before its first entry")


def directory_without_entries() -> Attack:
    return Attack("empty archive", build([]), "the archive is empty")


def fewer_entries_than_declared() -> Attack:
    data = build([stored("a.py")], count=2)
    return Attack("fewer entries than declared", data, "has 1 entries but declares 2")


def directory_size_too_small() -> Attack:
    data = build([stored("a.py"), stored("b.py")], directory_size=60)
    return Attack("directory cut in the middle", data, "before its beginning")


def garbage_before() -> Attack:
    data = build([stored("main.py")], before=b"MZ" + bytes(100))
    return Attack("bytes before the archive", data, "has 102 bytes before its beginning")


def garbage_before_with_true_offsets() -> Attack:
    parts = [replace(stored("main.py"), offset=102)]
    length = len(_local_header(parts[0]) + parts[0].packed)
    data = build(parts, before=b"MZ" + bytes(100), directory_offset=102 + length)
    return Attack("bytes before the first entry", data, "has 102 bytes before its first entry")


def shebang_before_a_zip() -> Attack:
    data = build([stored("__main__.py")], before=b"#!/usr/bin/env python3\n")
    return Attack("shebang before a .zip", data, "bytes before its beginning")


def garbage_behind_a_shebang() -> Attack:
    before = b"#!/usr/bin/env python3\n" + bytes(50)
    data = build([stored("__main__.py")], before=before)
    return Attack("bytes behind a shebang", data, "has 73 bytes before its beginning", "attack.pyz")


def garbage_behind() -> Attack:
    data = build([stored("main.py")], after=b"<script>alert(1)</script>")
    return Attack("bytes behind the archive", data, "has bytes behind its end")


def archive_in_the_comment() -> Attack:
    data = build([stored("safe.py")], comment=build([stored("evil.py")]))
    return Attack("an archive in the comment", data, "has more than one end record")


def cut_off_archive() -> Attack:
    data = build([stored("main.py"), deflated("b.py", bytes(500))])
    return Attack("cut off", data[:-30], "is not a zip, or is cut off")


def beginning_cut_off() -> Attack:
    data = build([stored("main.py"), deflated("b.py", bytes(500))])
    return Attack("beginning cut off", data[10:], "is damaged or cut off")


def one_part_of_several() -> Attack:
    data = bytearray(build([stored("main.py")]))
    data[-18:-16] = b"\x01\x00"
    return Attack("one of several disks", bytes(data), "is one part of several")


def not_a_zip() -> Attack:
    return Attack("a text", b"this is no archive" * 100, "is not a zip")


def no_bytes() -> Attack:
    return Attack("no bytes at all", b"", "is not a zip")


def long_size_that_is_missing() -> Attack:
    part = replace(stored("main.py"), packed_size=0xFFFFFFFF, size=0xFFFFFFFF)
    return Attack("ZIP64 size that is not there", build([part]), "has a damaged header")


# Metadata


def _with_pyproject(attack: str, text: str, reason: str) -> Attack:
    data = build([stored("__main__.py"), stored("pyproject.toml", text.encode())])
    return Attack(attack, data, reason)


def toml_that_takes_minutes() -> Attack:
    text = "a" + ".a" * 30_000 + " = 1"
    return _with_pyproject("slow TOML", text, "a line with over 500 dots")


def toml_that_is_nested() -> Attack:
    return _with_pyproject("nested TOML", "a = " + "[" * 20_000, "is nested too deeply")


def toml_that_is_broken() -> Attack:
    return _with_pyproject("broken TOML", "[project\n", "is not valid TOML")


def dependency_from_the_disk() -> Attack:
    text = '[project]\ndependencies = ["evil @ file:///etc/passwd"]\n'
    return _with_pyproject("dependency from the disk", text, "names an address or a path")


def dependency_from_an_address() -> Attack:
    text = '[project]\ndependencies = ["evil @ http://169.254.169.254/x.whl"]\n'
    return _with_pyproject("dependency from an address", text, "names an address or a path")


def dependency_that_is_an_option() -> Attack:
    text = '[project]\ndependencies = ["--index-url=http://evil"]\n'
    return _with_pyproject("dependency that is an option", text, "is not 'name'")


ATTACKS: tuple[Callable[[], Attack], ...] = (
    slip_out_of_the_folder,
    slip_in_the_middle,
    absolute_path,
    drive_letter,
    backslashes,
    dot_segment,
    empty_segment,
    empty_name,
    nul_in_name,
    newline_in_name,
    direction_mark_in_name,
    name_that_is_not_utf8,
    overlong_name,
    overlong_path,
    too_deep,
    symbolic_link_out,
    symbolic_link_inside,
    write_through_a_link,
    device_file,
    named_pipe,
    folder_with_content,
    same_name_twice,
    same_name_in_other_case,
    same_folder_in_other_case,
    same_name_in_other_normal_form,
    file_that_is_also_a_folder,
    folder_that_is_also_a_file,
    ratio_bomb,
    many_small_bombs,
    declared_size_over_the_limit,
    declared_total_over_the_limit,
    size_that_is_a_lie,
    size_that_is_too_high,
    stored_size_that_is_a_lie,
    too_many_files,
    too_many_folders_in_paths,
    count_that_wraps_around,
    zip64_count,
    zip64_directory,
    zip64_locator,
    full_overlap,
    quoted_overlap,
    entry_over_the_directory,
    encrypted_entry,
    strongly_encrypted_entry,
    encrypted_in_the_local_header_alone,
    unsupported_method,
    bzip2_method,
    version_of_the_future,
    wrong_checksum,
    damaged_data,
    cut_off_data,
    bytes_behind_packed_data,
    other_name_in_the_local_header,
    other_method_in_the_local_header,
    other_checksum_in_the_local_header,
    hidden_bytes_between_entries,
    local_header_elsewhere,
    directory_without_entries,
    fewer_entries_than_declared,
    directory_size_too_small,
    garbage_before,
    garbage_before_with_true_offsets,
    shebang_before_a_zip,
    garbage_behind_a_shebang,
    garbage_behind,
    archive_in_the_comment,
    cut_off_archive,
    beginning_cut_off,
    one_part_of_several,
    not_a_zip,
    no_bytes,
    long_size_that_is_missing,
    toml_that_takes_minutes,
    toml_that_is_nested,
    toml_that_is_broken,
    dependency_from_the_disk,
    dependency_from_an_address,
    dependency_that_is_an_option,
)


def all_attacks() -> list[Attack]:
    """Every attack, built anew (about 60 MB in all)."""
    return [attack() for attack in ATTACKS]
