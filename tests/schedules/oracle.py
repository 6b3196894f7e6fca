"""Due times by brute force: what the wall clock shows, minute after minute, asked of `zoneinfo`.

Nothing of the product is used here, so that the two can only agree by being right.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

WallTest = Callable[[datetime], bool]


@cache
def zone_info(name: str) -> ZoneInfo:
    """The zone from the tzdata package, as the product takes it."""
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@cache
def all_zones() -> tuple[str, ...]:
    """Every name that tzdata knows."""
    return tuple(files("tzdata").joinpath("zones").read_text("ascii").split())


@cache
def distinct_zones() -> tuple[str, ...]:
    """One name for each set of data: about half of the names are second names."""
    found: dict[bytes, str] = {}
    for name in all_zones():
        data = files("tzdata.zoneinfo").joinpath(*name.split("/")).read_bytes()
        found.setdefault(data, name)
    return tuple(found.values())


def wall(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows, naive."""
    return instant.astimezone(zone).replace(tzinfo=None)


def clock_changes(zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """The instants at which the offset changes, to the second."""
    changes: list[datetime] = []
    known, offset = begin, _offset(zone, begin)
    while known < end:
        probe = known + 2 * DAY
        if _offset(zone, probe) != offset:
            low, high = known, probe
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                if _offset(zone, middle) == offset:
                    low = middle
                else:
                    high = middle
            changes.append(high)
            offset = _offset(zone, probe)
        known = probe
    return changes


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


def first_instant(zone: ZoneInfo, at: datetime) -> tuple[datetime, bool]:
    """The first instant when the clock shows `at`, or the end of the gap over it (and True)."""
    early = at.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if wall(early, zone) == at:
        return early, False
    low, high = at.replace(tzinfo=zone, fold=1).astimezone(UTC), early
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if wall(middle, zone) < at:
            low = middle
        else:
            high = middle
    return high, True


def due_minutes(
    matches: WallTest, zone: ZoneInfo, begin: datetime, end: datetime, *, daylight: str
) -> list[datetime]:
    """The instants in (begin, end] at which a rule of whole minutes is due.

    `daylight` is `free` (whatever the clock shows counts), `single` (only the first time it shows
    it) or `fixed` (the first time that it shows it or has gone past it).
    """
    # A day before, to know what the clock has shown already; a day after, for a gap at the end.
    instants: list[datetime] = []
    at = begin - DAY
    while at <= end + DAY:
        instants.append(at)
        at += MINUTE
    shown = [wall(instant, zone) for instant in instants]
    if daylight == "free":
        due = {i for i, s in zip(instants, shown, strict=True) if matches(s)}
    elif daylight == "single":
        seen: dict[datetime, datetime] = {}
        for instant, text in zip(instants, shown, strict=True):
            seen.setdefault(text, instant)
        due = {instant for text, instant in seen.items() if matches(text)}
    else:
        due = _first_reached(matches, instants, shown)
    return sorted(instant for instant in due if begin < instant <= end)


def _first_reached(
    matches: WallTest, instants: list[datetime], shown: list[datetime]
) -> set[datetime]:
    furthest: list[datetime] = []
    for text in shown:
        furthest.append(max(text, furthest[-1]) if furthest else text)
    due: set[datetime] = set()
    civil = shown[0]
    while civil <= furthest[-1]:
        if matches(civil):
            due.add(instants[bisect_left(furthest, civil)])
        civil += MINUTE
    return due
