"""How often to look whether something has ended."""

from __future__ import annotations

import time
from typing import Final

_FIRST: Final = 0.1
_LONGEST: Final = 2.0
"""Seconds between two looks."""


class Looks:
    """The pauses between looks at what may go on for `timeout` seconds, or (None) for ever."""

    def __init__(self, timeout: float | None) -> None:
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._pause = _FIRST

    def pause(self) -> float | None:
        """Seconds until the next look, each half as long again as the last; None: time is up."""
        pause = self._pause
        if self._deadline is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                return None
            pause = min(pause, left)
        self._pause = min(_LONGEST, pause * 1.5)
        return pause
