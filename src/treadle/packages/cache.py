"""Packages unpacked on this machine, each once: `<cache>/packages/<tenant>/<sha256…>`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from treadle.packages.archives import file_sha256, unpack
from treadle.packages.blocking import finish_in_thread
from treadle.packages.folder_cache import FolderCache
from treadle.packages.limits import ArchiveLimits
from treadle.packages.names import package_kind, source_name

Fetch = Callable[[Path], Awaitable[None]]
"""Writes the stored upload to the path, as `Storage.download` does."""


class CorruptPackage(Exception):
    """The stored package is not the one that was uploaded: its checksum differs."""


class PackageCache:
    """Unpacked packages below `<cache>/packages`, shared by all processes of the machine."""

    def __init__(self, *, cache: Path, limits: ArchiveLimits) -> None:
        self._folders = FolderCache(cache / "packages")
        self._limits = limits

    async def ensure_unpacked(
        self, *, tenant: str, sha256: str, name: str, now: datetime, fetch: Fetch
    ) -> Path:
        """The folder with the package's files, which nobody may change.

        `fetch` is called only where it is not there yet. CorruptPackage when it brings other
        bytes; BadInput when they cannot be unpacked within the limits; what `fetch` raises.
        """

        async def build(workspace: Path) -> Path:
            upload = workspace / "upload"
            await fetch(upload)
            found = await asyncio.to_thread(file_sha256, upload)
            if found != sha256:
                raise CorruptPackage(f"package {name!r} has the checksum {found}, not {sha256}")
            await finish_in_thread(self._unpack, upload, name, workspace / "unpacked")
            return workspace / "unpacked"

        return await self._folders.ensure(
            tenant=tenant, key=_key(sha256, name), now=now, build=build
        )

    def prune(self, *, older_than: timedelta, now: datetime) -> int:
        """Delete the packages that no run used since `now - older_than`; how many. Blocks."""
        return self._folders.prune(older_than=older_than, now=now)

    def _unpack(self, upload: Path, name: str, into: Path) -> None:
        unpack(upload, name=name, into=into, limits=self._limits)


def _key(sha256: str, name: str) -> str:
    # A single source file keeps its name when it is unpacked, so the name is part of the key.
    if package_kind(name) != "python":
        return sha256
    return f"{sha256}-{hashlib.sha256(source_name(name).encode()).hexdigest()[:16]}"
