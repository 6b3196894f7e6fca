"""JSON at the edges: bounded, and with one spelling."""

from __future__ import annotations

from typing import Any, TypeAlias

import orjson

from treadle.core.errors import BadInput, TooDeep

# `Any` inside: a recursive alias makes strict checkers slow and says no more.
Json: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None

MAX_DEPTH = 64
"""Nesting levels that a request may have (contract §7)."""


def parse(data: bytes | str, *, what: str = "the body", max_depth: int = MAX_DEPTH) -> Json:
    """The JSON value in `data`. Raises BadInput for what is not JSON, TooDeep."""
    _refuse_deep(data, what=what, max_depth=max_depth)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{what} is not valid JSON: {error.msg}", field="body") from None


def dump(value: object) -> bytes:
    """Compact UTF-8. Raises TypeError for what is not JSON."""
    return orjson.dumps(value)


def canonical(value: object) -> bytes:
    """One spelling for equal values: keys sorted; what hashes and comparisons are made of."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _refuse_deep(data: bytes | str, *, what: str, max_depth: int) -> None:
    """Counts brackets outside strings before parsing, so that depth never costs a stack."""
    raw = data if isinstance(data, bytes) else data.encode()
    if raw.count(b"[") + raw.count(b"{") <= max_depth:
        return
    depth = 0
    in_string = escaped = False
    for byte in raw:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in (0x5B, 0x7B):
            depth += 1
            if depth > max_depth:
                raise TooDeep(f"{what} nests deeper than {max_depth} levels", field="body")
        elif byte in (0x5D, 0x7D):
            depth -= 1
