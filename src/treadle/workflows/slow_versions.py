"""Which versions of workflows have lately taken a process long to take forward."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

MOST: Final = 1_000
"""Slow versions that are remembered."""


class SlowVersions:
    """The versions whose last advance took more than `seconds` of CPU time in this process.

    Where a slow one is not tried again, it has another chance after `forgotten`: the time may have
    gone to something else that this thread had to do, as collecting garbage.
    """

    def __init__(self, seconds: float, *, forgotten: timedelta = timedelta.max) -> None:
        self._seconds = seconds
        self._forgotten = forgotten
        self._slow: OrderedDict[UUID, datetime] = OrderedDict()
        """Since when, the oldest first."""

    def ids(self, now: datetime) -> frozenset[UUID]:
        """Those that are slow now."""
        while self._slow:
            version_id, since = next(iter(self._slow.items()))
            if now - since < self._forgotten:
                break
            del self._slow[version_id]
        return frozenset(self._slow)

    def note(self, seconds: Mapping[UUID, float], now: datetime) -> None:
        """What the slowest advance of each of these versions took."""
        for version_id, took in seconds.items():
            if took > self._seconds:
                self._slow[version_id] = now
                self._slow.move_to_end(version_id)
            else:
                self._slow.pop(version_id, None)
        while len(self._slow) > MOST:
            self._slow.popitem(last=False)
