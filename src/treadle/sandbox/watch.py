"""The limits that the kernel does not hold by itself, looked after while a sandbox runs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from treadle.sandbox.folders import measure_folder
from treadle.sandbox.model import Limits, Reason
from treadle.sandbox.usage import measure_processes

INTERVAL_SECONDS = 0.2
"""From the end of one look to the next. How far beyond a limit code can get is what it can do in
this time, so it is short; one look costs about a millisecond."""
_MAX_SHARE = 0.2
"""Of one processor, for looking at one sandbox: many files or processes take long to look at."""


class Watch:
    """Looks at one sandbox again and again, in a thread: a large folder takes a while to walk."""

    def __init__(self, *, proc: int, tmp: int, folders: tuple[Path, ...], limits: Limits) -> None:
        self.max_memory_bytes = 0
        self._proc = proc
        self._tmp = tmp
        self._folders = folders
        self._limits = limits

    async def broken_limit(self, *, or_done: asyncio.Future[Any]) -> Reason | None:
        """The first limit that is found broken; None once `or_done` is done."""
        pause = INTERVAL_SECONDS
        while not or_done.done():
            await asyncio.wait({or_done}, timeout=pause)
            if or_done.done():
                break
            started = time.monotonic()
            reason = await asyncio.to_thread(self._look)
            if reason is not None:
                return reason
            pause = max(INTERVAL_SECONDS, (time.monotonic() - started) / _MAX_SHARE)
        return None

    def disk_broken(self, *, unlinked_bytes: int = 0) -> bool:
        """Whether the folders hold too much. Blocks for as long as it takes to walk them."""
        limits = self._limits
        used, files = unlinked_bytes, 0
        for folder in self._folders:
            usage = measure_folder(folder, max_files=limits.disk_files)
            used += usage.used_bytes
            files += usage.files
            if not usage.whole or used > limits.disk_bytes or files > limits.disk_files:
                return True
        return False

    def _look(self) -> Reason | None:
        limits = self._limits
        usage = measure_processes(proc=self._proc, tmp=self._tmp, memory_limit=limits.memory_bytes)
        self.max_memory_bytes = max(self.max_memory_bytes, usage.memory_bytes)
        if usage.memory_bytes > limits.memory_bytes:
            return "memory"
        if usage.tasks > limits.processes + 1:  # process 1 is not the code's
            return "processes"
        if limits.cpu_seconds is not None and usage.cpu_seconds > limits.cpu_seconds:
            return "cpu"
        if self.disk_broken(unlinked_bytes=usage.unlinked_bytes):
            return "disk"
        return None
