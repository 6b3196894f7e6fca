"""The content of zip entries, streamed and verified."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from treadle.packages.names import bad_entry
from treadle.packages.zip_directory import DEFLATED, ZipEntry

_CHUNK_BYTES = 128 * 1024


def read_entry(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    """Yield the entry's content in small chunks; BadInput as soon as it is not what it declares.

    Never yields more than `entry.size` bytes, whatever the data would unpack to. Content is only
    proven once the iterator has ended: the checksum comes last.
    """
    crc = 0
    size = 0
    for chunk in _inflate(file, entry) if entry.method == DEFLATED else _copy(file, entry):
        size += len(chunk)
        if size > entry.size:
            raise bad_entry(entry.path, "unpacks to more than it declares")
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if size < entry.size:
        raise bad_entry(entry.path, "unpacks to less than it declares")
    if crc != entry.crc:
        raise bad_entry(entry.path, "is damaged: its checksum is wrong")


def _copy(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    position = entry.data_start
    left = entry.packed_size
    while left > 0:
        # Two entries may be read in turns: the place is never taken for granted.
        file.seek(position)
        chunk = file.read(min(left, _CHUNK_BYTES))
        if not chunk:
            raise bad_entry(entry.path, "is cut off")
        position += len(chunk)
        left -= len(chunk)
        yield chunk


def _inflate(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for packed in _copy(file, entry):
            rest = packed
            while rest and not inflater.eof:
                chunk = inflater.decompress(rest, _CHUNK_BYTES)
                rest = inflater.unconsumed_tail
                if chunk:
                    yield chunk
            if inflater.eof and (inflater.unused_data or rest):
                raise bad_entry(entry.path, "has bytes behind its packed data")
        # Input may end while output is still held back.
        while chunk := inflater.decompress(b"", _CHUNK_BYTES) if not inflater.eof else b"":
            yield chunk
    except zlib.error as error:
        raise bad_entry(entry.path, "is damaged: it cannot be unpacked") from error
    if not inflater.eof:
        raise bad_entry(entry.path, "is cut off")
