"""uv's own cache of downloads, one for each tenant: `<root>/<tenant>`.

Never shared between tenants: what one tenant's installation put there must not reach another's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from treadle.packages.folder_lock import try_lock
from treadle.packages.removal import remove_tree

_POLL_SECONDS = 0.05


class UvCaches:
    """The tenants' download caches below one root; `<root>/<tenant>.lock` tells the last use."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @asynccontextmanager
    async def use(self, tenant: str, *, now: datetime) -> AsyncGenerator[Path]:
        """The tenant's cache, which is not pruned until the context ends."""
        folder = self._root / tenant
        self._root.mkdir(parents=True, exist_ok=True)
        while True:
            with try_lock(self._lock(tenant), shared=True) as lock:
                if lock is not None:
                    os.utime(lock, (now.timestamp(), now.timestamp()))
                    folder.mkdir(exist_ok=True)
                    yield folder
                    return
            await asyncio.sleep(_POLL_SECONDS)

    def prune(self, *, older_than: timedelta, now: datetime) -> int:
        """Delete the caches that were not used since `now - older_than`; how many. Blocks.

        What was installed from them stays as it is.
        """
        deadline = (now - older_than).timestamp()
        count = 0
        for path in sorted(self._root.glob("*.lock")):
            with try_lock(path) as lock:
                if lock is not None and os.fstat(lock).st_mtime < deadline:
                    remove_tree(self._root / path.stem)
                    path.unlink()
                    count += 1
        return count

    def _lock(self, tenant: str) -> Path:
        return self._root / f"{tenant}.lock"
