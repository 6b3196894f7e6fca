"""What an expression gives, as JSON."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any

from treadle.core.json import Json, dump
from treadle.workflows.limits import MAX_VALUE_NODES, MAX_VALUE_TEXT


class ExpressionFailed(Exception):
    """An expression can't be compiled, or gives no value; the message is for the author."""


def to_json(value: Any) -> Json:
    """JSON of a value of the expression library.

    Instants become ISO texts, durations their seconds with an `s`, bytes base64. Keys are in the
    order of their texts: the library's own differs from one evaluation to the next, and what is
    sent again has to be the same. Raises ExpressionFailed for what JSON can't say: no number, keys
    that aren't texts, types.
    """
    kind = type(value)
    if kind is str:
        if len(value) > MAX_VALUE_TEXT:
            raise ExpressionFailed(f"a text has at most {MAX_VALUE_TEXT} characters")
        return value
    if value is None or kind is bool or kind is int:
        return value
    if kind is float:
        return _number(value)
    if kind is list or kind is dict:
        return _nested(value)
    return _scalar(value)


def _number(value: float) -> float:
    if not math.isfinite(value):
        raise ExpressionFailed("the result is not a number that JSON can say")
    return value


def _nested(value: Any) -> Json:
    """Rewrites a fresh structure in place, without recursion: how deep it goes is the data's."""
    left = MAX_VALUE_NODES
    pending: list[Any] = [value]
    while pending:
        container = pending.pop()
        left -= len(container)
        if left < 0:
            raise ExpressionFailed(f"a value has at most {MAX_VALUE_NODES} values within")
        if type(container) is dict:
            _order(container)
            keys: Iterable[Any] = container
        else:
            keys = range(len(container))
        for key in keys:
            inner = container[key]
            kind = type(inner)
            if kind is list or kind is dict:
                pending.append(inner)
            elif kind is not str and kind is not int and kind is not bool and inner is not None:
                # Overwriting the value of a present key leaves the iteration valid.
                container[key] = _number(inner) if kind is float else _scalar(inner)
    return value


def _order(fresh: dict[Any, Any]) -> None:
    if not all(type(key) is str for key in fresh):
        raise ExpressionFailed("the keys of a map must be texts")
    if len(fresh) > 1:
        ordered = sorted(fresh.items(), key=itemgetter(0))
        fresh.clear()
        fresh.update(ordered)


def _scalar(value: Any) -> Json:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.9f}".rstrip("0").rstrip(".") + "s"
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    raise ExpressionFailed("the result is a type, not a value")


def json_text(value: Json) -> bytes:
    """JSON of a value. Raises ExpressionFailed for one that is too deep, or of too many digits."""
    try:
        return dump(value)
    except TypeError:
        raise ExpressionFailed("the value can't be written as JSON") from None


@lru_cache(maxsize=64)
def iso(at: datetime) -> str:
    """`2026-01-31T09:00:00Z`, with as many decimals as are needed."""
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"
