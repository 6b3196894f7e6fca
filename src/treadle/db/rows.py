"""From records to frozen dataclasses.

    @dataclass(frozen=True, slots=True)
    class Job: id: int; state: JobState; tags: tuple[str, ...]

    rows(Job, await transaction.fetch("SELECT id, state, tags FROM jobs"))

The columns must be the fields, by name; a missing or a surplus one is a TypeError. Text becomes the
enum that the field is declared as, arrays become tuples.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import fields
from enum import Enum
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import uuid_utils
from asyncpg.pgproto.pgproto import UUID as DriverUUID  # noqa: N811 - a class

from treadle.core.frozen import filled

T = TypeVar("T")


def id_of(data: bytes) -> UUID:
    """An id from its 16 bytes as rows hold it: of the driver's kind, which is compared, hashed and
    written without a line of Python. It pays where ids go by thousands.
    """
    made: UUID = DriverUUID(data)
    return made


def fresh_id() -> UUID:
    """As `core.ids.new_id`, of the driver's kind."""
    return id_of(uuid_utils.uuid7().bytes)


def row(kind: type[T], record: asyncpg.Record | None) -> T:
    """The record as a `kind`; LookupError for none, where a statement must have returned one."""
    if record is None:
        raise LookupError("the statement returned no row")
    conversions = _conversions(kind)
    if not conversions:
        return kind(**record)
    values = dict(record.items())
    for name, convert in conversions:
        if (value := values.get(name)) is not None:
            values[name] = convert(value)
    return kind(**values) if hasattr(kind, "__slots__") else filled(kind, values)


def row_or_none(kind: type[T], record: asyncpg.Record | None) -> T | None:
    """`row`, or None for None."""
    return None if record is None else row(kind, record)


def rows(kind: type[T], records: Iterable[asyncpg.Record]) -> list[T]:
    """The records as a list of `kind`."""
    return [row(kind, record) for record in records]


@cache
def _conversions(kind: type[Any]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """For each field that the driver's value is not good enough for, what makes it so."""
    hints = typing.get_type_hints(kind)
    found = ((field.name, _conversion(hints[field.name])) for field in fields(kind))
    return tuple((name, convert) for name, convert in found if convert is not None)


def _conversion(hint: Any) -> Callable[[Any], Any] | None:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        return _conversion(parts[0]) if len(parts) == 1 else None
    if typing.get_origin(hint) is tuple:
        (element, *_) = typing.get_args(hint)
        convert = _conversion(element)
        return tuple if convert is None else lambda values: tuple(map(convert, values))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _Members(hint).__getitem__
    return None


class _Members(dict[Any, Enum]):
    """An enum's members by their values, at a tenth of what calling the enum costs."""

    def __init__(self, kind: type[Enum]) -> None:
        super().__init__((member.value, member) for member in kind)
        self._kind = kind

    def __missing__(self, value: Any) -> Enum:
        return self._kind(value)  # which says what is wrong
