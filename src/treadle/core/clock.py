"""The one place that reads the clock. Everything else is told the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the current instant, always aware and in UTC."""


def utc_now() -> datetime:
    """The machine's clock, in UTC."""
    return datetime.now(UTC)


def iso(instant: datetime) -> str:
    """ISO-8601 in UTC with milliseconds and a `Z`: `2026-11-21T09:00:00.000Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(instant: datetime | None) -> str | None:
    """`iso`, or None for None."""
    return None if instant is None else iso(instant)
