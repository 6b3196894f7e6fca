"""Many rows as the arguments of one statement: an array for each column that differs among them,
one value for each that does not.

    sent = spread(_TYPES, {"id": [1, 2], "state": ["NEW", "NEW"]}, first=1)
    await tx.execute(f"INSERT INTO jobs (id, state) SELECT {sent.places} FROM {sent.rows}",
                     *sent.arguments)

The driver looks at each element of an array by itself, and PostgreSQL unpacks each; of a batch of
thousands most columns say the same in every row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from treadle.core.json import dump

ROW = "sent"
"""The name of the rows in the statement."""


@dataclass(frozen=True, slots=True)
class Spread:
    """`rows` goes into FROM, `place[name]` stands for the column's value, `arguments` in order."""

    rows: str
    place: Mapping[str, str]
    arguments: Sequence[Any]

    @property
    def places(self) -> str:
        """All columns, in their order."""
        return ", ".join(self.place.values())

    @property
    def named(self) -> str:
        """All columns under their names, for SELECT."""
        return ", ".join(f"{value} AS {name}" for name, value in self.place.items())

    def assignments(self, names: Sequence[str]) -> str:
        """For UPDATE: these columns become what is sent."""
        return ", ".join(f"{name} = {self.place[name]}" for name in names)


def spread(types: Mapping[str, str], columns: Mapping[str, Sequence[Any]], *, first: int) -> Spread:
    """The columns, each of the PostgreSQL type that `types` has for it, as arguments from number
    `first` on. The first column is always an array: there are as many rows as it has values.
    """
    names = tuple(columns)
    same = tuple(number > 0 and _is_same(columns[name]) for number, name in enumerate(names))
    rows, place = _statement(names, tuple(types[name] for name in names), same, first)
    arguments: list[Any] = []
    for (name, values), is_same in zip(columns.items(), same, strict=True):
        sent = [values[0]] if is_same else values
        if types[name] == "jsonb":
            # As text: the driver takes a list in a list for a matrix.
            sent = [None if value is None else dump(value).decode() for value in sent]
        arguments.append(sent[0] if is_same else sent)
    return Spread(rows=rows, place=place, arguments=arguments)


def _is_same(values: Sequence[Any]) -> bool:
    return values[0] == values[-1] and values.count(values[0]) == len(values)


@lru_cache(maxsize=1_000)
def _statement(
    names: tuple[str, ...], types: tuple[str, ...], same: tuple[bool, ...], first: int
) -> tuple[str, Mapping[str, str]]:
    arrays: list[str] = []
    several: list[str] = []
    place: dict[str, str] = {}
    for number, (name, kind, is_same) in enumerate(zip(names, types, same, strict=True), first):
        wire = "text" if kind == "jsonb" else kind
        if is_same:
            value = f"${number}::{wire}"
        else:
            arrays.append(f"${number}::{wire}[]")
            several.append(name)
            value = f"{ROW}.{name}"
        place[name] = f"{value}::jsonb" if kind == "jsonb" else value
    return f"unnest({', '.join(arrays)}) AS {ROW} ({', '.join(several)})", place
