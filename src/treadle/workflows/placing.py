"""Where outputs go in the payload. Payloads are shared between states, so nothing is changed in
place: what is on the way is copied."""

from __future__ import annotations

from treadle.core.json import Json
from treadle.workflows.expressions import ExpressionFailed
from treadle.workflows.model import Placing


def placed(payload: Json, output: Json, placing: Placing) -> Json:
    """The payload with an output in it. Raises ExpressionFailed where the way is blocked."""
    return _put(payload, output, placing.keys, placing.mode, placing.at)


def merged(payload: Json, value: Json) -> Json:
    """An object laid over the payload, key by key. Raises ExpressionFailed if either is none."""
    if not isinstance(value, dict):
        raise ExpressionFailed("only an object can be merged into the payload")
    if payload is None:
        return value
    if not isinstance(payload, dict):
        raise ExpressionFailed("the payload is no object to merge into")
    return {**payload, **value}


def _put(payload: Json, output: Json, keys: tuple[str, ...], mode: str, at: str) -> Json:
    if not keys:
        return merged(payload, output) if mode == "merge" else output
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise ExpressionFailed(f"there is no object at the way to {at} in the payload")
    inner = _put(payload.get(keys[0]), output, keys[1:], mode, at)
    return {**payload, keys[0]: inner}
