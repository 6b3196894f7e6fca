"""Token buckets, with the time passed in."""

from __future__ import annotations

import pytest

from treadle.core.errors import TooManyRequests
from treadle.identity.rate_limit import RateLimit


def taken(limit: RateLimit, caller: str, *, now: float, tries: int) -> int:
    """How many of the requests were let through."""
    passed = 0
    for _ in range(tries):
        try:
            limit.take(caller, now=now)
        except TooManyRequests:
            continue
        passed += 1
    return passed


def test_a_minutes_allowance_may_be_used_at_once_and_no_more() -> None:
    assert taken(RateLimit(60), "a", now=0, tries=100) == 60


def test_it_fills_evenly_and_never_over_the_brim() -> None:
    limit = RateLimit(60)
    taken(limit, "a", now=0, tries=60)
    assert taken(limit, "a", now=0.5, tries=5) == 0
    assert taken(limit, "a", now=3, tries=10) == 3
    assert taken(limit, "a", now=10_000, tries=100) == 60


def test_waiting_as_long_as_told_is_enough() -> None:
    for per_minute in (1, 7, 60, 601):
        limit = RateLimit(per_minute)
        taken(limit, "a", now=0, tries=per_minute)
        with pytest.raises(TooManyRequests) as refused:
            limit.take("a", now=0.01)
        assert refused.value.retry_after_seconds >= 1
        limit.take("a", now=0.01 + refused.value.retry_after_seconds)


def test_callers_do_not_share() -> None:
    limit = RateLimit(1)
    limit.take("a", now=0)
    limit.take("b", now=0)
    with pytest.raises(TooManyRequests):
        limit.take("a", now=0)


def test_a_clock_that_is_set_back_neither_fills_nor_takes() -> None:
    limit = RateLimit(60)
    taken(limit, "a", now=1000, tries=60)
    assert taken(limit, "a", now=0, tries=5) == 0
    assert taken(limit, "a", now=2, tries=5) == 2


def test_memory_is_bounded_and_who_is_active_is_remembered() -> None:
    limit = RateLimit(2, most=10)
    taken(limit, "busy", now=0, tries=2)
    for number in range(1000):
        limit.take(f"caller {number}", now=0)
        with pytest.raises(TooManyRequests):
            limit.take("busy", now=0)
    assert len(limit) == 10


def test_zero_limits_nothing() -> None:
    limit = RateLimit(0)
    assert taken(limit, "a", now=0, tries=1000) == 1000
    assert len(limit) == 0
