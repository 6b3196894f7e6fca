"""How large a record's data may be. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from treadle.core.errors import FieldFault
from treadle.core.json import dump

MOST_BYTES: Final = 64 * 1024
"""Of a record's data as compact JSON."""


@dataclass(frozen=True, slots=True)
class Size:
    """What data is made of: `values` at any depth, and the `characters` of texts and names."""

    values: int
    characters: int


def size_fault(data: dict[str, Any]) -> FieldFault | None:
    """What is wrong with data that is too large; None if it is not."""
    size = len(dump(data))
    if size <= MOST_BYTES:
        return None
    return FieldFault((), f"must have at most {MOST_BYTES} bytes as JSON, and has {size}")


def size_of(data: object) -> Size:
    """How much there is to look at."""
    values = characters = 0
    for value in _values_in(data):
        values += 1
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, dict):
            characters += sum(map(len, value))
    return Size(values, characters)


def _values_in(data: object) -> Iterator[Any]:
    waiting: list[Any] = [data]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
