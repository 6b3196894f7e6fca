"""Between JSON and PostgreSQL's types. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, Final, cast

from treadle.core.clock import iso
from treadle.core.json import Json


def json_value(value: Any) -> Json:  # noqa: PLR0911 - one for each type
    """A column's value as JSON. What JSON has no word for is text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else str(value)
        case datetime():
            return iso(value) if value.tzinfo is not None else value.isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            fields = cast("dict[Any, Any]", value)
            return {str(name): json_value(inner) for name, inner in fields.items()}
        case list() | tuple() | set():
            return [json_value(inner) for inner in cast("list[Any]", value)]
        case _:
            return str(value)


def parameter(value: Json, type_name: str) -> Any:
    """A JSON value as asyncpg wants it for a parameter of this type. Raises ValueError."""
    convert = _FROM_TEXT.get(type_name)
    if convert is None or value is None:
        return value
    if type_name == "numeric" and isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"must be text for the type {type_name}")
    try:
        return convert(value)
    except (ValueError, InvalidOperation, binascii.Error):
        raise ValueError(f"cannot be read as {type_name}") from None


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_FROM_TEXT: Final[Mapping[str, Callable[[str], Any]]] = {
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timetz": time.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "timestamptz": datetime.fromisoformat,
    "numeric": Decimal,
    "bytea": _base64,
}
