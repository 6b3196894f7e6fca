"""Look-ups that are shared by those who ask at the same time, and by nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from factories import ADDRESS, NOW, administrator_of, make_key, make_tenant
from treadle.core.errors import Unauthenticated
from treadle.db.database import Database
from treadle.db.errors import DatabaseUnavailable
from treadle.identity.api_keys import delete_key
from treadle.identity.key_authentication import authenticate_key
from treadle.identity.lookups import MOST_AT_ONCE, Lookup, Lookups


class Table:
    """A table that is read when it is told to be."""

    def __init__(self, rows: dict[str, str]) -> None:
        self.rows = rows
        self.statements: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def find_all(self, keys: Sequence[str]) -> dict[str, str]:
        self.statements.append(list(keys))
        # A statement sees what is there when it begins, however long it takes.
        seen = dict(self.rows)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return {key: seen[key] for key in keys if key in seen}


async def until_asked(table: Table, statements: int) -> None:
    """Returns when so many statements have begun. Under a timeout."""
    while len(table.statements) < statements:
        await asyncio.sleep(0)


async def test_who_asks_alone_is_answered_at_once() -> None:
    table = Table({"a": "alice"})
    lookup = Lookup(table.find_all)
    assert await lookup.find("a") == "alice"
    assert await lookup.find("z") is None
    assert table.statements == [["a"], ["z"]]


async def test_who_asks_while_a_statement_is_under_way_shares_the_next() -> None:
    table = Table({"a": "alice", "b": "bob"})
    lookup = Lookup(table.find_all)
    table.gate.clear()
    async with asyncio.timeout(60):
        first = asyncio.ensure_future(lookup.find("a"))
        await until_asked(table, 1)
        others = [asyncio.ensure_future(lookup.find(key)) for key in ("b", "a", "z", "b")]
        await asyncio.sleep(0)
        table.gate.set()
        assert await first == "alice"
        assert [await other for other in others] == ["bob", "alice", None, "bob"]
    assert table.statements == [["a"], ["b", "a", "z"]]


async def test_nobody_is_answered_from_a_statement_that_began_before() -> None:
    table = Table({"a": "alice"})
    lookup = Lookup(table.find_all)
    table.gate.clear()
    async with asyncio.timeout(60):
        before = asyncio.ensure_future(lookup.find("a"))
        await until_asked(table, 1)
        del table.rows["a"]
        after = asyncio.ensure_future(lookup.find("a"))
        await asyncio.sleep(0)
        table.gate.set()
        assert await before == "alice"
        assert await after is None


async def test_a_statement_has_its_bounds() -> None:
    table = Table({})
    lookup = Lookup(table.find_all)
    async with asyncio.timeout(60):
        await asyncio.gather(*(lookup.find(str(n)) for n in range(2 * MOST_AT_ONCE + 1)))
    assert [len(keys) for keys in table.statements] == [MOST_AT_ONCE, MOST_AT_ONCE, 1]


async def test_a_failure_is_everybodys_who_asked_and_asked_once() -> None:
    table = Table({"a": "alice"})
    lookup = Lookup(table.find_all)
    table.error = DatabaseUnavailable()
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(lookup.find(key) for key in ("a", "b", "c")), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 3
    assert len(table.statements) == 1
    table.error = None
    assert await lookup.find("a") == "alice"


async def test_who_goes_away_harms_nobody() -> None:
    table = Table({"a": "alice"})
    lookup = Lookup(table.find_all)
    table.gate.clear()
    async with asyncio.timeout(60):
        gone = asyncio.ensure_future(lookup.find("a"))
        await until_asked(table, 1)
        stays = asyncio.ensure_future(lookup.find("a"))
        await asyncio.sleep(0)
        gone.cancel()
        table.gate.set()
        assert await stays == "alice"
    assert gone.cancelled()


async def test_many_keys_at_once_are_each_themselves(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = [await make_key(database, tenant, description=f"key {n}") for n in range(10)]
    async with database.tenant(tenant.tenant.id) as tx:
        await delete_key(tx, administrator_of(tenant), issued[0].key.client_id, now=NOW)
    lookups = Lookups(database)
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(
                authenticate_key(lookups, api_key=one.api_key, address=ADDRESS, now=NOW)
                for one in issued * 5
            ),
            return_exceptions=True,
        )
    for one, outcome in zip(issued * 5, outcomes, strict=True):
        if one is issued[0]:
            assert isinstance(outcome, Unauthenticated)
        else:
            assert not isinstance(outcome, BaseException)
            assert (outcome.id, outcome.name) == (str(one.key.client_id), one.key.description)
