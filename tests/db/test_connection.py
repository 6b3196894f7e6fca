"""What every session of Treadle has in common."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg

import treadle
from treadle.db.database import Database

_CAST = re.compile(r"::(\w+)\[\]")


def arrays_in_our_statements() -> Iterator[str]:
    for file in Path(treadle.__file__).parent.rglob("*.py"):
        yield from _CAST.findall(file.read_text())


async def test_the_server_is_not_asked_about_arrays_in_the_middle_of_a_request(
    database: Database,
) -> None:
    kinds = set(arrays_in_our_statements())
    assert {"uuid", "text", "timestamptz"} < kinds
    asked: list[str] = []

    def note(query: asyncpg.connection.LoggedQuery) -> None:
        asked.append(query.query)

    async with database.system() as tx:
        tx.connection.add_query_logger(note)
        for kind in kinds:
            await tx.execute(f"SELECT $1::{kind}[]", [])
        tx.connection.remove_query_logger(note)
    assert sorted(asked) == sorted(f"SELECT $1::{kind}[]" for kind in kinds)


async def test_no_statement_is_compiled_whatever_the_server_does_for_others(
    database: Database, owner: asyncpg.Connection
) -> None:
    name = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"ALTER DATABASE {name} SET jit = on")
    connection = await database.open_connection()
    try:
        assert await connection.fetchval("SHOW jit") == "off"
    finally:
        await connection.close()
