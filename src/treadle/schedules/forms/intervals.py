"""`rate(5 minutes)`, ISO-8601 durations and plain seconds, all as whole seconds."""

from __future__ import annotations

import re
from fractions import Fraction

from treadle.schedules.faults import InvalidText, quoted

LONGEST_INTERVAL = 10 * 366 * 86400
"""Seconds; an interval beyond ten years is a mistake, not a schedule."""

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
_RATE = re.compile(r"rate\(\s*([0-9]{1,12})\s+([a-z]+?)s?\s*\)", re.ASCII | re.IGNORECASE)
_NUMBER = r"([0-9]{1,12}(?:[.,][0-9]{1,9})?)"
_DURATION = re.compile(
    rf"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII | re.IGNORECASE,
)
_WITH_MONTHS = re.compile(r"P[0-9.,]*Y|P(?:[0-9.,]+[YWD])*[0-9.,]+M", re.ASCII | re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def read_interval(text: str) -> int:
    """The interval in seconds. InvalidText says what is wrong with the text."""
    if text[:5].lower() == "rate(":
        seconds = _rate(text)
    elif text[:1] in ("P", "p"):
        seconds = _duration(text)
    elif _SECONDS.fullmatch(text):
        seconds = int(text)
    else:
        raise InvalidText(
            f"{quoted(text)} is not an interval: write rate(5 minutes), PT5M or a number of seconds"
        )
    if not 1 <= seconds <= LONGEST_INTERVAL:
        raise InvalidText("the interval must be at least 1 second and at most 10 years")
    return seconds


def _rate(text: str) -> int:
    match = _RATE.fullmatch(text)
    if match is None:
        raise InvalidText(f"{quoted(text)} is not rate(number unit), such as rate(5 minutes)")
    unit = match[2].lower()
    if unit not in _UNITS:
        raise InvalidText(f"rate: {quoted(unit)} is not second, minute, hour, day or week")
    return int(match[1]) * _UNITS[unit]


def _duration(text: str) -> int:
    if _WITH_MONTHS.match(text):
        raise InvalidText(
            "a duration of years or months has no fixed length: write a cron expression"
        )
    match = _DURATION.fullmatch(text)
    if match is None or match[3] in ("T", "t") or not any(match.groups()):
        raise InvalidText(f"{quoted(text)} is not an ISO-8601 duration, such as PT5M or P1DT12H")
    parts = (match[1], match[2], match[4], match[5], match[6])
    seconds = sum(
        (
            Fraction(part.replace(",", ".")) * unit
            for part, unit in zip(parts, (7 * 86400, 86400, 3600, 60, 1), strict=True)
            if part
        ),
        Fraction(0),
    )
    if seconds.denominator != 1:
        raise InvalidText("the interval must be a whole number of seconds")
    return int(seconds)
