"""Records: written with their dates, many at once or none, and told what has changed."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, timedelta
from typing import Any

import asyncpg
import pytest

from factories import NOW, make_principal, make_tenant, until_somebody_waits
from fixtures.entities import Registry, contract
from treadle.core.errors import Conflict, Faulty, NotFound
from treadle.core.pages import Window
from treadle.entities import records
from treadle.entities.data import MOST_BYTES
from treadle.entities.definitions import DefinitionDraft
from treadle.entities.model import DateChange, Outcome, RecordDate, RecordDraft

LATER = NOW + timedelta(hours=1)
FIRST = RecordDate(date(2026, 12, 1))
SECOND = RecordDate(date(2026, 12, 2))


async def test_a_record_is_read_back_as_it_was_sent(registry: Registry) -> None:
    definition = await registry.define(DefinitionDraft("anything", {}))
    data: dict[str, Any] = {"z": 1e300, "a": [1.0, 10**15, -0.5e-7], "ü": {"": None}, "b": "\t\\"}
    written = await registry.create(definition, RecordDraft("C-1", data))
    assert written.outcome is Outcome.CREATED
    (record,) = (await registry.list(definition)).items
    assert record == written.record
    assert (record.data, list(record.data)) == (data, list(data))
    assert (record.created_at, record.updated_at) == (NOW, NOW)


async def test_writes_tell_which_dates_have_changed(registry: Registry) -> None:
    definition = await registry.define()
    created = await registry.create(definition, contract(1, renews_on="2026-12-01"))
    record = created.record
    moved = await registry.replace(
        definition, record, contract(1, renews_on="2026-12-02"), now=LATER
    )
    same = await registry.replace(definition, record, contract(1, renews_on="2026-12-02"))
    renamed = await registry.replace(definition, record, contract(2, renews_on="2026-12-02"))
    gone = await registry.delete(definition, record)
    assert [each.outcome for each in (created, moved, same, renamed, gone)] == [
        Outcome.CREATED,
        Outcome.UPDATED,
        Outcome.UNCHANGED,
        Outcome.UPDATED,
        Outcome.DELETED,
    ]
    assert moved.record.updated_at == LATER
    assert same.record.updated_at == LATER
    assert [each.date_changes for each in (created, moved, same, renamed, gone)] == [
        (DateChange(record.id, "renews_on", None, FIRST),),
        (DateChange(record.id, "renews_on", FIRST, SECOND),),
        (),
        (),
        (DateChange(record.id, "renews_on", SECOND, None),),
    ]
    assert await registry.dates() == 0


async def test_a_date_that_is_taken_out_is_forgotten(registry: Registry) -> None:
    definition = await registry.define()
    record = (await registry.create(definition, contract(1, renews_on="2026-12-01"))).record
    written = await registry.replace(definition, record, contract(1, renews_on=None))
    assert written.date_changes == (DateChange(record.id, "renews_on", FIRST, None),)
    assert await registry.due(definition, "2026-12-01") == []


async def test_an_external_id_is_taken_once(registry: Registry) -> None:
    definition = await registry.define()
    await registry.create(definition, contract(1))
    second = (await registry.create(definition, contract(2))).record
    with pytest.raises(Conflict):
        await registry.create(definition, contract(1))
    with pytest.raises(Conflict):
        await registry.replace(definition, second, contract(1))
    other = await registry.define(DefinitionDraft("other", {}))
    await registry.create(other, contract(1))
    with pytest.raises(NotFound):
        await registry.replace(other, second, contract(3))


@pytest.mark.parametrize(
    ("draft", "places"),
    [
        (contract(1, renews_on="soon"), [("data", "renews_on")]),
        (contract(1, renews_on=3, amount=-1),
         [("data", "amount"), ("data", "renews_on"), ("data", "renews_on")]),
        (RecordDraft("C-1", {}), [("data",)]),
        (RecordDraft("", {"customer": "x"}), [("external_id",)]),
        (RecordDraft(" C", {"customer": "x"}), [("external_id",)]),
        (RecordDraft("C\n", {"customer": "x"}), [("external_id",)]),
        (RecordDraft("x" * 201, {"customer": ""}), [("data", "customer"), ("external_id",)]),
        (contract(1, more="x" * MOST_BYTES), [("data",)]),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
async def test_what_is_wrong_is_told_where(
    registry: Registry, draft: RecordDraft, places: list[tuple[str, ...]]
) -> None:
    definition = await registry.define()
    with pytest.raises(Faulty) as refused:
        await registry.create(definition, draft)
    assert sorted(fault.place for fault in refused.value.faults) == places
    assert (await registry.list(definition)).total == 0


async def test_many_are_made_changed_or_left_alone(registry: Registry) -> None:
    definition = await registry.define()
    first = await registry.upsert(
        definition, [contract(n, renews_on="2026-12-01") for n in range(3)]
    )
    assert {each.outcome for each in first} == {Outcome.CREATED}
    second = await registry.upsert(
        definition,
        [
            contract(3, renews_on="2026-12-02"),
            contract(1, renews_on="2026-12-02"),
            contract(0, renews_on="2026-12-01"),
            contract(2),
        ],
        now=LATER,
    )
    assert [(each.record.external_id, each.outcome) for each in second] == [
        ("C-3", Outcome.CREATED),
        ("C-1", Outcome.UPDATED),
        ("C-0", Outcome.UNCHANGED),
        ("C-2", Outcome.UPDATED),
    ]
    assert [(change.before, change.after) for each in second for change in each.date_changes] == [
        (None, SECOND),
        (FIRST, SECOND),
        (FIRST, None),
    ]
    assert await registry.due(definition, "2026-12-01") == ["C-0"]
    assert sorted(await registry.due(definition, "2026-12-02")) == ["C-1", "C-3"]
    updated = {record.external_id: record for record in (await registry.list(definition)).items}
    assert updated["C-0"].updated_at == NOW
    assert updated["C-1"].updated_at == LATER
    assert updated["C-1"].created_at == NOW


async def test_all_or_none_is_written(registry: Registry) -> None:
    definition = await registry.define()
    await registry.create(definition, contract(1, renews_on="2026-12-01"))
    before = await registry.list(definition)
    drafts = [
        contract(1, renews_on="2026-12-24"),
        contract(2, amount=-1),
        contract(3),
        contract(1),
        contract(4, renews_on="x"),
    ]
    with pytest.raises(Faulty) as refused:
        await registry.upsert(definition, drafts)
    assert [fault.place for fault in refused.value.faults] == [
        ("records", 1, "data", "amount"),
        ("records", 3, "external_id"),
        ("records", 4, "data", "renews_on"),
    ]
    assert await registry.list(definition) == before
    assert await registry.due(definition, "2026-12-01") == ["C-1"]


async def test_a_write_that_is_cut_off_leaves_nothing(
    registry: Registry, owner: asyncpg.Connection
) -> None:
    """The connection dies after the records are in and before their dates are."""
    definition = await registry.define()
    await owner.execute("CREATE SCHEMA cut")
    await owner.execute(
        "CREATE FUNCTION cut.off() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
    )
    await owner.execute("GRANT USAGE ON SCHEMA cut TO treadle_tenant")
    await owner.execute("ALTER FUNCTION cut.off() SECURITY DEFINER")
    await owner.execute(
        "CREATE TRIGGER off BEFORE INSERT ON treadle.entity_dates"
        " FOR EACH ROW WHEN (NEW.day = '2026-12-31') EXECUTE FUNCTION cut.off()"
    )
    drafts = [contract(n, renews_on=f"2026-12-{n:02}") for n in range(1, 32)]
    with pytest.raises(Exception, match=r"(?i)terminat|connection|database"):
        await registry.upsert(definition, drafts)
    assert (await registry.list(definition)).total == 0
    await registry.upsert(definition, drafts[:30])
    assert (await registry.list(definition)).total == await registry.dates() == 30


async def test_writers_of_the_same_records_go_one_after_the_other(registry: Registry) -> None:
    """In opposite orders they would wait for one another for ever."""
    definition = await registry.define()
    drafts = [contract(n, amount=1) for n in range(50)]
    await registry.upsert(definition, drafts[:25])
    backwards = [contract(n, amount=2) for n in reversed(range(50))]
    async with asyncio.timeout(60), registry.database.tenant(registry.caller.tenant_id) as tx:
        first = await records.upsert_records(tx, registry.caller, definition.id, drafts, now=NOW)
        second = asyncio.ensure_future(registry.upsert(definition, backwards, now=LATER))
        await until_somebody_waits(registry.database)
    outcomes = [each.outcome for each in first]
    assert outcomes == [Outcome.UNCHANGED] * 25 + [Outcome.CREATED] * 25
    assert {each.outcome for each in await second} == {Outcome.UPDATED}
    assert (await registry.list(definition)).total == 50


async def test_a_list_comes_in_parts(registry: Registry) -> None:
    definition = await registry.define()
    await registry.upsert(definition, [contract(n) for n in range(5)])
    part = await registry.list(definition, Window(limit=2, offset=1))
    assert ([record.external_id for record in part.items], part.total) == (["C-1", "C-2"], 5)
    assert (await registry.list(definition, Window(limit=2, offset=9))).items == ()
    one = await registry.list(definition, external_id="C-3")
    assert ([record.external_id for record in one.items], one.total) == (["C-3"], 1)
    assert (await registry.list(definition, external_id="C-9")).total == 0


async def test_records_of_a_day_are_listed(registry: Registry) -> None:
    definition = await registry.define()
    await registry.upsert(
        definition,
        [contract(n, renews_on="2026-12-01") for n in range(3)]
        + [contract(n, renews_on="2026-12-01T23:30:00Z") for n in range(3, 5)],
    )

    async def listed(day: int, offset: int = 0) -> tuple[list[str], int]:
        async with registry.database.tenant(registry.caller.tenant_id) as tx:
            found = await records.list_records_of_day(
                tx,
                registry.caller,
                definition.id,
                Window(limit=2, offset=offset),
                field="renews_on",
                day=date(2026, 12, day),
                zone=UTC,
            )
        return [record.external_id for record in found.items], found.total

    assert await listed(1) == (["C-0", "C-1"], 5)
    assert await listed(1, offset=4) == (["C-4"], 5)
    assert await listed(2) == ([], 0)


async def test_records_of_another_tenant_are_not_there(registry: Registry) -> None:
    definition = await registry.define()
    record = (await registry.create(definition, contract(1))).record
    stranger = make_principal((await make_tenant(registry.database)).tenant.id)
    async with registry.database.tenant(stranger.tenant_id) as tx:
        for attempt in (
            records.get_record(tx, stranger, definition.id, record.id),
            records.delete_record(tx, stranger, definition.id, record.id),
            records.list_records(tx, stranger, definition.id, Window()),
            records.upsert_records(tx, stranger, definition.id, [contract(1)], now=NOW),
        ):
            with pytest.raises(NotFound):
                await attempt
    assert (await registry.list(definition)).items == (record,)
