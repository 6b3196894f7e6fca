"""Many rows go in as one statement, whatever of them is the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from treadle.db.columns import spread
from treadle.db.database import Database

TYPES = {"id": "int", "name": "text", "weight": "float8", "data": "jsonb", "tags": "jsonb"}

Rows = Sequence[tuple[Any, ...]]


async def stored(database: Database, sent: Rows, *, changed: Rows = ()) -> list[tuple[Any, ...]]:
    """What a table holds after all of these were inserted together, and others changed together."""
    async with database.system() as tx:
        await tx.execute(
            "CREATE TEMPORARY TABLE things (id int, name text, weight float8, data jsonb,"
            " tags jsonb) ON COMMIT DROP"
        )
        columns = dict(zip(TYPES, map(list, zip(*sent, strict=True)), strict=True))
        new = spread(TYPES, columns, first=2)
        await tx.execute(
            f"INSERT INTO things SELECT {new.places} FROM {new.rows} WHERE $1", True, *new.arguments
        )
        if changed:
            columns = dict(zip(TYPES, map(list, zip(*changed, strict=True)), strict=True))
            new = spread(TYPES, columns, first=1)
            await tx.execute(
                f"UPDATE things SET {new.assignments(tuple(TYPES)[1:])} FROM {new.rows}"
                " WHERE things.id = sent.id",
                *new.arguments,
            )
        records = await tx.fetch("SELECT * FROM things ORDER BY id")
    return [tuple(record.values()) for record in records]


@pytest.mark.parametrize(
    "rows",
    [
        [(1, "one", 1.5, {"a": 1}, ["x"])],
        [(1, "one", 1.5, {"a": 1}, ["x"]), (2, "two", 2.5, {"b": [2]}, [])],
        [(1, "same", 0.5, {"a": 1}, []), (2, "same", 0.5, {"a": 1}, [])],
        [(1, None, None, None, None), (2, None, None, None, None)],
        [
            (1, "first", None, None, ["x"]),
            (2, None, 2.5, [], None),
            (3, "first", None, None, ["x"]),
        ],
        [(1, "' || name", 0.0, "text", [None]), (2, "' || name", 0.0, "text", [None])],
    ],
    ids=["one", "all differ", "all the same", "nothing", "the ends alike", "texts"],
)
async def test_what_is_sent_is_what_is_stored(
    database: Database, rows: list[tuple[Any, ...]]
) -> None:
    assert await stored(database, rows) == rows


async def test_rows_are_changed_by_their_first_column(database: Database) -> None:
    old = [(number, "old", 0.0, None, []) for number in range(4)]
    new = [(1, "new", 1.0, {"a": None}, [1]), (3, "new", 3.0, {"a": None}, [3])]
    assert await stored(database, old, changed=new) == [old[0], new[0], old[2], new[1]]
