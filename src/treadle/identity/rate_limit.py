"""How many requests one principal or one address may send: token buckets. Pure, and in memory.

A bucket holds a minute's allowance and fills evenly. Each process has buckets of its own: behind a
balancer over n processes a caller may have n times the allowance. Memory is bounded: of too many
buckets the one that was used least recently is forgotten, which is as good as full.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from treadle.core.errors import TooManyRequests

MAX_BUCKETS: Final = 20_000
"""About 5 MB."""


class RateLimit:
    """The buckets of one kind of caller. An allowance of 0 limits nothing."""

    def __init__(self, per_minute: int, *, most: int = MAX_BUCKETS) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._most = most
        # What was left in the bucket, and when; the least recently used first.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many buckets are remembered."""
        return len(self._buckets)

    def take(self, caller: str, *, now: float) -> None:
        """Counts a request at `now`, in seconds. Raises TooManyRequests when the bucket is empty;
        what is refused is not counted, so that waiting as long as told is enough.
        """
        if not self._capacity:
            return
        left, at = self._buckets.pop(caller, (self._capacity, now))
        # A clock that was set back fills nothing and takes nothing.
        left = min(self._capacity, left + max(0.0, now - at) * self._per_second)
        if left < 1:
            self._buckets[caller] = (left, now)
            seconds = max(1, math.ceil((1 - left) / self._per_second))
            raise TooManyRequests(
                f"Too many requests; try again in {seconds} s.", retry_after_seconds=seconds
            )
        self._buckets[caller] = (left - 1, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)


class RateLimits:
    """The limits of one process: for who is known, and, by address, for who is not."""

    def __init__(self, *, principals_per_minute: int, addresses_per_minute: int) -> None:
        self.principals = RateLimit(principals_per_minute)
        self.addresses = RateLimit(addresses_per_minute)
