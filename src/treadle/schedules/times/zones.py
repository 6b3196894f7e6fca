"""Time zones by IANA or Windows name, and their offsets as plain integers.

The data is the pinned `tzdata` package, never the machine's own files: two servers with the same
release compute the same due times whatever their operating systems hold.

A zone is seen here as *periods* of one offset each, found by asking `zoneinfo` every three days and
halving where the answers differ. No zone changes its offset twice within six days after 1970 (a
test measures it), so that nothing is overlooked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

from treadle.schedules.faults import ExpressionError, quoted

LONGEST_NAME = 50
LONGEST_SHIFT = 26 * 3600
"""No wall clock differs from UTC by this many seconds, nor is ever moved by as many at once."""

_PROBE_SECONDS = 3 * 86400
_MARGIN_SECONDS = 2 * 86400
_BLOCK_BITS = 25  # offsets are looked up in blocks of 2^25 s, about a year
_CACHED_BLOCKS = 20_000  # all zones for thirty years; a block is under a kilobyte


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone: `name` as IANA writes it, `info` the data that `datetime` works with."""

    name: str
    info: ZoneInfo


class Period(NamedTuple):
    """A stretch of instants [start, end) with one offset; all are seconds, instants since 1970 UTC.

    `before` is the offset until `start`. A period that only ends where a block does is followed by
    one of the same offset.
    """

    start: int
    end: int
    offset: int
    before: int


def find_zone(name: str, *, field: str = "timezone") -> Zone:
    """The zone of this IANA or Windows name, in any letter case, or ExpressionError naming it."""
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ExpressionError(field, f"must have 1 to {LONGEST_NAME} characters")
    known = _iana_names()
    wanted = name.strip().casefold()
    iana = known.get(wanted) or known.get(_windows_names().get(wanted, ""))
    if iana is None:
        raise ExpressionError(field, f"{quoted(name)} is not a known time zone")
    return _load(iana)


def zone_names() -> tuple[str, ...]:
    """Every IANA name that `find_zone` knows."""
    return tuple(_iana_names().values())


def period_at(info: ZoneInfo, instant: int) -> Period:
    """The period of this instant; it reaches two days on, or to the next change of clocks."""
    starts, periods = _block(info, instant >> _BLOCK_BITS)
    return periods[bisect_right(starts, instant) - 1]


def civil_time(info: ZoneInfo, instant: int) -> int:
    """What the wall clock shows then, as seconds since its own 1970-01-01T00:00."""
    return instant + period_at(info, instant).offset


class Place(NamedTuple):
    """Where a wall clock time lies: an instant, or the end of the gap that skips it."""

    instant: int
    skipped: bool


def first_instant(info: ZoneInfo, civil: int) -> Place:
    """The first instant at which the wall clock shows this, or else the end of the gap over it."""
    start, end, offset, _ = period_at(info, civil - LONGEST_SHIFT)
    while civil >= end + offset:
        start, end, offset, _ = period_at(info, end)
    if civil < start + offset:
        return Place(start, skipped=True)
    return Place(civil - offset, skipped=False)


def last_instant(info: ZoneInfo, civil: int) -> Place:
    """The last instant at which the wall clock shows this, or else the end of the gap over it."""
    start, _, offset, before = period_at(info, civil + LONGEST_SHIFT)
    while civil < start + offset:
        if civil >= start + before:
            return Place(start, skipped=True)
        start, _, offset, before = period_at(info, start - 1)
    return Place(civil - offset, skipped=False)


@lru_cache(maxsize=_CACHED_BLOCKS)
def _block(info: ZoneInfo, number: int) -> tuple[tuple[int, ...], tuple[Period, ...]]:
    # Two days more on either side, so that a change of clocks just outside is seen from inside.
    first = (number << _BLOCK_BITS) - _MARGIN_SECONDS
    last = ((number + 1) << _BLOCK_BITS) + _MARGIN_SECONDS
    changes = [] if info.utcoffset(None) is not None else _changes(info, first, last)
    starts = [first, *changes]
    offsets = [_offset(info, start) for start in starts]
    periods = tuple(
        Period(start, end, offset, before)
        for start, end, offset, before in zip(
            starts, [*changes, last], offsets, [offsets[0], *offsets], strict=False
        )
    )
    return tuple(starts), periods


def _changes(info: ZoneInfo, first: int, last: int) -> list[int]:
    """The instants in (first, last] at which another offset begins."""
    changes: list[int] = []
    known, offset = first, _offset(info, first)
    while known < last:
        probe = min(known + _PROBE_SECONDS, last)
        if _offset(info, probe) != offset:
            low, high = known, probe
            while high - low > 1:
                middle = (low + high) // 2
                if _offset(info, middle) == offset:
                    low = middle
                else:
                    high = middle
            changes.append(high)
            probe, offset = high, _offset(info, high)
        known = probe
    return changes


def _offset(info: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, info).utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo always has one for an aware time
    return offset.days * 86400 + offset.seconds


@cache
def _load(name: str) -> Zone:
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as data:
        return Zone(name, ZoneInfo.from_file(data, key=name))


@cache
def _iana_names() -> Mapping[str, str]:
    names = files("tzdata").joinpath("zones").read_text("ascii").split()
    return {name.casefold(): name for name in names}


@cache
def _windows_names() -> Mapping[str, str]:
    """Windows name -> IANA name, both in lower case; from `tzlocal`, which carries CLDR's table."""
    if find_spec("tzlocal") is None:
        return {}
    table = cast(Mapping[str, str], import_module("tzlocal.windows_tz").win_tz)
    return {windows.casefold(): iana.casefold() for windows, iana in table.items()}
