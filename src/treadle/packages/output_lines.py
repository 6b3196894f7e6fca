"""A program's output, cut into lines and cleared of this machine's paths."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

# A line without an end is passed on in pieces of this size.
_MAX_LINE_BYTES = 8 * 1024
_KEPT_LINES = 60


class OutputLines:
    """Hands on each line as it is complete, and keeps the last ones.

    `hidden` paths are written as `…`: where the server keeps its files is not for a run's log.
    """

    def __init__(
        self, on_line: Callable[[str], Awaitable[None]], *, hidden: Sequence[Path]
    ) -> None:
        self._on_line = on_line
        # The longest first: one may lie within another.
        self._hidden = sorted((str(path) for path in hidden), key=len, reverse=True)
        self._unfinished = b""
        self._last: deque[str] = deque(maxlen=_KEPT_LINES)

    @property
    def last(self) -> list[str]:
        """The last lines so far, oldest first."""
        return list(self._last)

    async def feed(self, chunk: bytes) -> None:
        """Take more output in."""
        *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
        for line in lines:
            await self._pass_on(line)
        while len(self._unfinished) > _MAX_LINE_BYTES:
            await self._pass_on(self._unfinished[:_MAX_LINE_BYTES])
            self._unfinished = self._unfinished[_MAX_LINE_BYTES:]

    async def close(self) -> None:
        """The output has ended: what is left is the last line."""
        if self._unfinished:
            await self._pass_on(self._unfinished)
            self._unfinished = b""

    async def _pass_on(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        for path in self._hidden:
            text = text.replace(path, "…")
        self._last.append(text)
        await self._on_line(text)
