"""Folders that are built once and shared: by every task and process of a machine.

    <root>/<tenant>/<key>                ready: complete, never changed again
    <root>/<tenant>/.locks/<key>         its lock; the time of the file is the folder's last use
    <root>/<tenant>/.building/<key>.…    what is being built, or what a dead builder left

1. A folder is built in `.building` and moved to its place in one step: it is there whole or not.
2. Only the holder of the lock builds, and deletes what is left in `.building` under its key.
3. Use is noted under a shared lock, pruning takes the exclusive one: what was handed out a moment
   ago is never deleted.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from treadle.packages.folder_lock import try_lock
from treadle.packages.removal import remove_tree

log = structlog.get_logger()

Build = Callable[[Path], Awaitable[Path]]
"""Gets an empty folder to work in, returns the finished folder within it."""

# How often a builder elsewhere is asked whether it is done.
_POLL_SECONDS = 0.05
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


class FolderCache:
    """The folders below one root. Holds no state: any number of instances may share the root."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def ensure(self, *, tenant: str, key: str, now: datetime, build: Build) -> Path:
        """The ready folder of the key, which `build` makes if nobody has.

        When several ask at once one builds and the others wait; when the builder fails or dies,
        the next tries for itself, and the failure is its own caller's. A cancelled builder leaves
        nothing.
        """
        place = _Place(self._root, tenant, key)
        await asyncio.to_thread(place.make_parents)
        while not await asyncio.to_thread(place.note_use, now):
            with try_lock(place.lock) as lock:
                if lock is not None and not place.ready.is_dir():
                    await self._build(place, build)
            if lock is None:
                await asyncio.sleep(_POLL_SECONDS)
        return place.ready

    def prune(self, *, older_than: timedelta, now: datetime) -> int:
        """Delete the folders that were not asked for since `now - older_than`, and what dead
        builders left; how many folders that were. Blocks.

        A folder that a run still reads is not known here: `older_than` must be longer than any
        run may take.
        """
        deadline = (now - older_than).timestamp()
        return sum(_prune(place, deadline) for place in self._places())

    async def _build(self, place: _Place, build: Build) -> None:
        await asyncio.to_thread(place.remove_leftovers)
        workspace = place.new_workspace()
        try:
            finished = await build(workspace)
            finished.rename(place.ready)
        finally:
            # Cancelled here as well, the next builder or pruning deletes it.
            await asyncio.to_thread(remove_tree, workspace)

    def _places(self) -> Iterator[_Place]:
        for lock in sorted(self._root.glob("*/.locks/*")):
            yield _Place(self._root, lock.parent.parent.name, lock.name)


class _Place:
    """Where one key's files are."""

    def __init__(self, root: Path, tenant: str, key: str) -> None:
        for name in (tenant, key):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot name a cached folder")
        home = root / tenant
        self.key = key
        self.ready = home / key
        self.lock = home / ".locks" / key
        self.building = home / ".building"

    def make_parents(self) -> None:
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        self.building.mkdir(exist_ok=True)

    def note_use(self, now: datetime) -> bool:
        """Whether the folder is ready; if so it counts as used at `now`."""
        if not self.ready.is_dir():
            return False
        with try_lock(self.lock, shared=True) as lock:
            if lock is None or not self.ready.is_dir():
                return False
            os.utime(lock, (now.timestamp(), now.timestamp()))
            return True

    def new_workspace(self) -> Path:
        workspace = self.building / f"{self.key}.{secrets.token_hex(8)}"
        workspace.mkdir(mode=0o755)
        return workspace

    def remove_leftovers(self) -> None:
        """Delete what dead builders left; only the holder of the lock may."""
        for leftover in self.building.glob(f"{self.key}.*"):
            try:
                remove_tree(leftover)
            except OSError as error:
                # A process of the dead builder may still write there; the next one tries again.
                log.warning("cache_leftover_stays", path=str(leftover), error=str(error))


def _prune(place: _Place, deadline: float) -> int:
    with try_lock(place.lock) as lock:
        if lock is None:
            return 0
        place.remove_leftovers()
        if os.fstat(lock).st_mtime >= deadline:
            return 0
        was_ready = place.ready.is_dir()
        if was_ready:
            # Moved first: a deletion that is cut off must not leave half a folder in its place.
            trash = place.new_workspace()
            place.ready.rename(trash / place.key)
            remove_tree(trash)
        place.lock.unlink()
        return int(was_ready)
