"""Instants as whole seconds since 1970 UTC, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def seconds_down(instant: datetime) -> int:
    """The whole second that holds this instant."""
    return (instant - _EPOCH) // _SECOND


def seconds_up(instant: datetime) -> int:
    """The first whole second not before this instant."""
    return -((_EPOCH - instant) // _SECOND)


def instant_of(seconds: int) -> datetime:
    """The instant in UTC."""
    return _EPOCH + timedelta(seconds=seconds)
