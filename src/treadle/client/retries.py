"""When a request is sent again, and after how long. Pure but for the dice.

Sent again is what cannot do harm twice: reads, replacements, deletions, and what starts something
under an `Idempotency-Key`, which the client gives every such request. What the server refused
before it looked at it (429) and what never reached it is sent again whatever it was.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

_SAFE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_PASSING: Final = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and how long between: `first` seconds, doubled each time, at most `longest`."""

    attempts: int = 4
    first: float = 0.25
    longest: float = 20.0

    def pause(self, attempt: int, *, asked: float | None) -> float | None:
        """Seconds until the next try after this many; None if it was the last. What the server
        asked for counts, unless it is longer than a caller would wait.
        """
        if attempt >= self.attempts:
            return None
        if asked is not None:
            return asked if asked <= self.longest else None
        wait = min(self.longest, self.first * 2 ** (attempt - 1))
        # Callers that failed together should not come back together.
        return wait * random.uniform(0.5, 1.0)  # noqa: S311


def may_repeat(method: str, headers: Mapping[str, str]) -> bool:
    """Whether the request does nothing a second time."""
    return method in _SAFE or "Idempotency-Key" in headers


def is_passing(status: int, *, repeatable: bool) -> bool:
    """Whether the same request may be answered otherwise a little later."""
    return status == 429 or (repeatable and status in _PASSING)


def seconds_asked(value: str | None, *, now: datetime) -> float | None:
    """What `Retry-After` asks for: seconds, or an instant."""
    if value is None:
        return None
    text = value.strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (ValueError, TypeError):
        return None
