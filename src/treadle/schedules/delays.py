"""How long a firing waits: within its flexible window, and between two attempts."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

LONGEST_BACKOFF = timedelta(days=1)


def flexible_delay(schedule_id: str, due_at: datetime, window: timedelta) -> timedelta:
    """How far into its window a due time starts: the same, in whole seconds, on every server."""
    seconds = int(window.total_seconds())
    if seconds <= 0:
        return timedelta(0)
    seed = f"{schedule_id}/{int(due_at.timestamp())}".encode()
    return timedelta(seconds=int.from_bytes(blake2b(seed, digest_size=8).digest()) % seconds)


def retry_delay(backoff: timedelta, attempt: int) -> timedelta:
    """The wait after attempt k has failed: backoff · 2^(k−1), at most a day."""
    doublings = min(attempt - 1, 20)  # 2^20 s are past a day; keeps timedelta in range
    return min(min(backoff, LONGEST_BACKOFF) * 2**doublings, LONGEST_BACKOFF)
