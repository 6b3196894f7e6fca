"""From JSON to the dataclasses of `models.py`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from treadle.client.errors import UnexpectedAnswer
from treadle.client.models import Answer

A = TypeVar("A", bound=Answer)


def decode(kind: type[A], value: Any) -> A:
    """The object that the JSON is. Raises UnexpectedAnswer where a field is missing."""
    if not isinstance(value, dict):
        raise UnexpectedAnswer(f"{kind.__name__} is an object, not {type(value).__name__}")
    found = cast("dict[str, Any]", value)
    hints = _hints(kind)
    arguments: dict[str, Any] = {"raw": found}
    for field in fields(kind):
        if field.name == "raw":
            continue
        path = field.metadata.get("path") or _path(field.name, found)
        told = _at(found, path)
        if told is not MISSING:
            arguments[field.name] = _decoded(hints[field.name], told)
        elif field.default is MISSING:
            raise UnexpectedAnswer(f"{kind.__name__} has no {'.'.join(path)}")
    return kind(**arguments)


@cache
def _hints(kind: type[Answer]) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _path(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    return (name,) if name in found else (_camel(name),)


def _at(found: Any, path: tuple[str, ...]) -> Any:
    """What lies there; MISSING where there is none."""
    for name in path:
        if not isinstance(found, dict):
            return MISSING
        found = cast("dict[str, Any]", found).get(name, MISSING)
    return found


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def _decoded(hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        if value is None:
            return None
        (hint,) = (choice for choice in get_args(hint) if choice is not type(None))
        return _decoded(hint, value)
    if origin is tuple:
        return tuple(_decoded(get_args(hint)[0], each) for each in value)
    if origin is Mapping:
        inner = get_args(hint)[1]
        return {name: _decoded(inner, each) for name, each in value.items()}
    return _one(hint, value)


def _one(hint: Any, value: Any) -> Any:
    if hint is datetime:
        return _instant(value)
    if hint is bool and isinstance(value, str):  # the workflow API's `latest`
        return value == "true"
    if isinstance(hint, type) and issubclass(hint, Answer):
        return decode(hint, value)
    return value


def _instant(value: Any) -> datetime:
    """The instant: ISO-8601, or milliseconds since 1970, as the workflow API has them."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC)
    return datetime.fromisoformat(value)
