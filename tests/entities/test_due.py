"""What is due on a day: whose day it is, page by page, and how little is read for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from fixtures.entities import Registry, contract
from treadle.entities import date_store
from treadle.entities.date_store import PAGE_OF_DAY, DayQuery
from treadle.entities.dates import span_of
from treadle.entities.definitions import DefinitionDraft
from treadle.entities.model import Definition
from treadle.entities.record_store import FIRST_ID

MANY = 120_000


async def test_a_date_is_the_same_day_everywhere(registry: Registry) -> None:
    definition = await registry.define()
    await registry.upsert(
        definition,
        [
            contract(1, renews_on="2026-12-01"),
            contract(2, renews_on="2026-12-01T23:30:00"),
            contract(3, renews_on="2026-12-02"),
            contract(4, renews_on=None),
            contract(5),
        ],
    )
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert await registry.due(definition, "2026-12-01", zone=ZoneInfo(zone)) == ["C-1", "C-2"]


async def test_an_instant_is_the_day_of_who_asks(registry: Registry) -> None:
    definition = await registry.define()
    await registry.upsert(
        definition,
        [
            contract(1, renews_on="2026-12-01T05:00:00Z"),
            contract(2, renews_on="2026-12-01T20:00:00-05:00"),  # 01:00 of the next day in UTC
            contract(3, renews_on="2026-12-01T15:00:00Z"),  # midnight in Tokyo
        ],
    )
    expected = {
        ("UTC", "2026-12-01"): ["C-1", "C-3"],
        ("UTC", "2026-12-02"): ["C-2"],
        ("America/New_York", "2026-12-01"): ["C-1", "C-2", "C-3"],
        ("America/Los_Angeles", "2026-11-30"): ["C-1"],
        ("Asia/Tokyo", "2026-12-01"): ["C-1"],
        ("Asia/Tokyo", "2026-12-02"): ["C-2", "C-3"],
    }
    for (zone, day), due in expected.items():
        assert await registry.due(definition, day, zone=ZoneInfo(zone)) == due, (zone, day)


async def test_pages_follow_one_another_without_a_gap(registry: Registry) -> None:
    definition = await registry.define()
    days = ("2026-12-01", "2026-12-01T10:00:00Z", "2026-12-02T02:00:00Z", "2026-12-02")
    await registry.upsert(definition, [contract(n, renews_on=days[n % 4]) for n in range(40)])
    zone = ZoneInfo("America/New_York")
    whole = await registry.due(definition, "2026-12-01", zone=zone)
    assert sorted(whole) == sorted(f"C-{n}" for n in range(40) if n % 4 != 3)
    ids = {record.external_id: record.id for record in (await registry.list(definition)).items}
    pages: list[str] = []
    while True:
        after = ids[pages[-1]] if pages else None
        page = await registry.due(definition, "2026-12-01", zone=zone, after=after, limit=7)
        pages += page
        if len(page) < 7:
            break
    assert pages == whole


async def test_fields_and_definitions_are_kept_apart(registry: Registry) -> None:
    one = await registry.define(DefinitionDraft("one", {}, date_fields=("a", "b.c")))
    two = await registry.define(DefinitionDraft("two", {}, date_fields=("a",)))
    await registry.create(one, contract(1, a="2026-12-01", b={"c": "2026-12-02"}))
    await registry.create(two, contract(2, a="2026-12-01", b={"c": "2026-12-02"}))
    assert await registry.due(one, "2026-12-01", field="a") == ["C-1"]
    assert await registry.due(one, "2026-12-02", field="b.c") == ["C-1"]
    assert await registry.due(two, "2026-12-01", field="a") == ["C-2"]
    assert await registry.due(two, "2026-12-02", field="b.c") == []


async def test_an_engine_of_all_tenants_finds_the_same(registry: Registry) -> None:
    definition = await registry.define()
    await registry.create(definition, contract(1, renews_on="2026-12-01"))
    async with registry.database.system() as tx:
        found = await date_store.list_due(tx, query(definition, "2026-12-01"), after=None, limit=9)
    assert [record.external_id for record in found] == ["C-1"]


# ---------------------------------------------------------------- what it reads


def query(definition: Definition, day: str, zone: str = "UTC") -> DayQuery:
    wanted = date.fromisoformat(day)
    return DayQuery(definition.id, "renews_on", wanted, span_of(wanted, ZoneInfo(zone)))


async def fill(owner: asyncpg.Connection, definition: Definition, tenant: object) -> None:
    """Many records with a date or an instant, ten of each on every day but on one day 5,000."""
    await owner.execute("SET session_replication_role = replica")  # foreign keys take their time
    await owner.execute(
        "INSERT INTO treadle.entity_records SELECT gen_random_uuid(), $1, $2, 'G-' || n,"
        " json_build_object('customer', n), now(), now() FROM generate_series(1, $3::int) n",
        tenant,
        definition.id,
        MANY,
    )
    await owner.execute(
        "INSERT INTO treadle.entity_dates (tenant_id, definition_id, field, day, at, record_id)"
        " SELECT tenant_id, definition_id, 'renews_on', on_day,"
        " CASE WHEN n % 2 = 0 THEN on_day + interval '12 hours' END, id"
        " FROM (SELECT *, row_number() OVER () AS n FROM treadle.entity_records) r,"
        " LATERAL (SELECT CASE WHEN n <= 5000 THEN date '2026-06-01'"
        " ELSE date '2000-01-01' + (n / 20)::int END AS on_day) d WHERE n / 20 <> 9648"
    )
    await owner.execute("SET session_replication_role = origin")
    await owner.execute("ANALYZE treadle.entity_dates, treadle.entity_records")


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


async def read_rows(registry: Registry, wanted: DayQuery, *, limit: int) -> tuple[int, int]:
    """What the query finds, and how many rows of tables and indexes it reads for that."""
    arguments = [*wanted.arguments(), FIRST_ID, limit]
    async with registry.database.tenant(registry.caller.tenant_id) as tx:
        found = await tx.fetch(PAGE_OF_DAY, *arguments)
        (plan,) = await tx.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {PAGE_OF_DAY}", *arguments
        )
    read = 0
    for node in nodes_of(plan["Plan"]):
        if "Relation Name" in node:
            assert node["Node Type"] in ("Index Scan", "Index Only Scan"), node
            filtered = sum(count for name, count in node.items() if name.startswith("Rows Removed"))
            read += round((node["Actual Rows"] + filtered) * node["Actual Loops"])
    return len(found), read


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Los_Angeles"])
async def test_a_day_reads_what_is_due_and_not_what_there_is(
    registry: Registry, owner: asyncpg.Connection, zone: str
) -> None:
    definition = await registry.define()
    await fill(owner, definition, registry.caller.tenant_id)
    for day in ("2005-03-01", "2015-09-30"):
        found, read = await read_rows(registry, query(definition, day, zone), limit=500)
        assert found == 20
        # Each is read in the index and in the table; another ten are instants of the day that the
        # zone's day reaches into, and the definition itself is read for each part.
        assert read <= 2 * found + 10 + 3
    found, read = await read_rows(registry, query(definition, "1990-01-01", zone), limit=500)
    assert (found, read <= 3) == (0, True)
    # A page of a day with thousands reads no more than a page of each part.
    found, read = await read_rows(registry, query(definition, "2026-06-01", zone), limit=100)
    assert found == 100
    assert read <= 3 * 100 + 100 + 3
