"""How large a package may be, packed and unpacked."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an upload is held to. The defaults are the installation's, settings may move them."""

    # The upload itself.
    archive_bytes: int = 100 * _MIB
    # All entries together, unpacked.
    total_bytes: int = 1024 * _MIB
    # Files and folders that the archive names.
    entries: int = 20_000
    # Unpacked : packed, for each entry and for the whole archive. Deflate alone reaches 1,032.
    ratio: int = 200
    # Below this size the ratio does not count: a small file of zeros is no bomb.
    ratio_floor_bytes: int = 10 * _MIB
    # One part of a path (what file systems hold), the whole path, and its number of parts.
    name_bytes: int = 255
    path_bytes: int = 1024
    depth: int = 32
