"""From what callers pass to JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID


def sent(**fields: Any) -> dict[str, Any]:
    """The fields that were given, as JSON takes them."""
    return {name: plain(value) for name, value in fields.items() if value is not None}


def plain(value: Any) -> Any:
    """Instants and dates as ISO-8601. Raises ValueError for an instant without a time zone."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    return value


def camel(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The same with camelCase names, as the integration manager has them."""
    return {_camel(name): value for name, value in fields.items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def segment(text: str) -> str:
    """The text as one part of a path."""
    return quote(text, safe="")


def is_id(text: str) -> bool:
    """Whether the text is an id of the newer contracts, not a name that somebody has given."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
