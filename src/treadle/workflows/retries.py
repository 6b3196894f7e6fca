"""When a step that failed is tried again."""

from __future__ import annotations

import hashlib

from treadle.workflows.error_names import EXPRESSION, matches
from treadle.workflows.model import Retry


def is_retried(retry: Retry | None, name: str, *, tries: int) -> bool:
    """Whether a step that has failed `tries` times in a row, now by `name`, is tried again.

    An expression is not: the same would come out.
    """
    if retry is None or tries >= retry.max_attempts or name == EXPRESSION:
        return False
    return matches(name, retry.errors)


def delay_ms(retry: Retry, *, tries: int, seed: str) -> int:
    """How long to wait after the try number `tries`.

    Jitter takes away up to half of it, by a hash of `seed`: every process computes the same.
    """
    # Above this exponent any rate over 1 has passed the maximum; the power would overflow.
    grown = retry.interval_seconds * retry.backoff_rate ** min(tries - 1, 300)
    seconds = min(grown, retry.max_interval_seconds)
    if retry.jitter:
        digest = hashlib.blake2b(seed.encode(), digest_size=8).digest()
        seconds *= 1 - int.from_bytes(digest) / 2**65
    return round(seconds * 1000)
