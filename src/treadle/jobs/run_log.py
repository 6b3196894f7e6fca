"""Writes an attempt's output into its run's log while it runs: in chunks, a few times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from treadle.jobs.logs import LogText

log = structlog.get_logger()

CHUNK_CHARACTERS = 65_536  # written at once, however little time has passed
DELAY_SECONDS = 0.25  # how long output may wait for company
_FULL_CHARACTERS = 4 * CHUNK_CHARACTERS  # then the writer of the output has to wait

Append = Callable[[str], Awaitable[bool]]
"""Adds a text to the stored log; False if the run is no longer ours."""


class RunLog:
    """Takes bytes as they come and stores text a few times a second.

    While the database is away, output gathers up to a bound; then `write` waits, and with it the
    code that writes. When the run is no longer ours, output is dropped: another attempt has it.
    """

    def __init__(self, text: LogText, append: Append) -> None:
        self._text = text
        self._append = append
        self._pending: list[str] = []
        self._size = 0
        self._lost = False
        self._later: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    async def write(self, data: bytes) -> None:
        """Adds output. Waits only when far too much is unwritten."""
        self._add(self._text.feed(data))
        if self._size >= CHUNK_CHARACTERS:
            self._start_flush()
        elif self._size and self._later is None:
            self._later = asyncio.get_running_loop().call_later(DELAY_SECONDS, self._start_flush)
        while self._size >= _FULL_CHARACTERS and self._task is not None:
            await asyncio.wait({self._task})
            if self._size >= _FULL_CHARACTERS:  # the database is away
                await asyncio.sleep(DELAY_SECONDS)
                self._start_flush()

    async def note(self, line: str) -> None:
        """A line of our own, marked as such."""
        await self.write(f"[treadle] {line}\n".encode())

    async def close(self) -> str:
        """Ends the log; the text that is not stored yet, to be written with the attempt's end."""
        if self._later is not None:
            self._later.cancel()
        if self._task is not None:
            await asyncio.wait({self._task})
        self._add(self._text.close())
        tail = "".join(self._pending)
        self._pending.clear()
        self._size = 0
        return "" if self._lost else tail

    def _add(self, text: str) -> None:
        if text and not self._lost:
            self._pending.append(text)
            self._size += len(text)

    def _start_flush(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        taken, self._pending = self._pending, []
        content = "".join(taken)
        self._size -= len(content)
        try:
            held = await self._append(content)
        except Exception:
            # Kept for the next flush, or for the end of the attempt, in its place before the rest.
            log.warning("run_log.append_failed", exc_info=True)
            self._pending.insert(0, content)
            self._size += len(content)
            return
        if not held:
            self._lost = True
            self._pending.clear()
            self._size = 0
