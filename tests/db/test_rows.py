"""Records become dataclasses whose fields are what they are declared as."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pytest

from treadle.db.database import Database
from treadle.db.rows import row, row_or_none, rows


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Plain:
    id: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Rich:
    color: Color
    other: Color | None
    tags: tuple[str, ...]
    colors: tuple[Color, ...] | None


@dataclass(frozen=True)
class Wide:
    id: int
    color: Color
    tags: tuple[str, ...] = ()


async def test_a_class_without_slots_is_filled_with_all_of_its_columns(database: Database) -> None:
    async with database.system() as tx:
        found = await tx.fetch("SELECT 1 AS id, 'red' AS color, '{a}'::text[] AS tags")
        short = await tx.fetch("SELECT 1 AS id, 'red' AS color")
    assert rows(Wide, found) == [Wide(1, Color.RED, ("a",))]
    with pytest.raises(TypeError, match="tags"):
        rows(Wide, short)


async def test_plain_fields(database: Database) -> None:
    async with database.system() as tx:
        found = await tx.fetch("SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t (id, name)")
    assert rows(Plain, found) == [Plain(1, "a"), Plain(2, None)]


async def test_enums_and_tuples(database: Database) -> None:
    query = "SELECT $1::text color, $2::text other, $3::text[] tags, $4::text[] colors"
    async with database.system() as tx:
        full = await tx.fetchrow(query, "red", "blue", ["x", "y"], ["blue"])
        bare = await tx.fetchrow(query, "red", None, [], None)
    assert full is not None
    assert bare is not None
    found = row(Rich, full)
    assert found == Rich(Color.RED, Color.BLUE, ("x", "y"), (Color.BLUE,))
    assert isinstance(found.color, Color)
    assert row(Rich, bare) == Rich(Color.RED, None, (), None)


async def test_unknown_enum_value_is_an_error(database: Database) -> None:
    async with database.system() as tx:
        found = await tx.fetchrow(
            "SELECT 'green' color, NULL other, '{}'::text[] tags, NULL colors"
        )
    assert found is not None
    with pytest.raises(ValueError, match="green"):
        row(Rich, found)


@pytest.mark.parametrize("query", ["SELECT 1 AS id", "SELECT 1 AS id, 'a' AS name, 2 AS more"])
async def test_columns_must_be_the_fields(database: Database, query: str) -> None:
    async with database.system() as tx:
        found = await tx.fetchrow(query)
    assert found is not None
    with pytest.raises(TypeError):
        row(Plain, found)


async def test_none_stays_none(database: Database) -> None:
    async with database.system() as tx:
        nothing = await tx.fetchrow("SELECT 1 AS id, 'a' AS name WHERE false")
        something = await tx.fetchrow("SELECT 1 AS id, 'a' AS name")
    assert row_or_none(Plain, nothing) is None
    assert row_or_none(Plain, something) == Plain(1, "a")
