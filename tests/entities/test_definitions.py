"""Entity definitions: made, changed and deleted, and what that does to stored records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from factories import NOW, make_principal, make_project, make_tenant
from fixtures.entities import SCHEMA, Registry, contract
from treadle.core.errors import BadInput, Conflict, Faulty, Forbidden, NotFound, Unprocessable
from treadle.core.ids import new_id
from treadle.core.pages import Window
from treadle.entities import definitions
from treadle.entities.definitions import DefinitionDraft
from treadle.identity.model import ProjectRole
from treadle.identity.projects import delete_project
from treadle.identity.rights import Right

DRAFT = DefinitionDraft("contract", SCHEMA, "Contracts", ("renews_on", "customer.since"))


async def test_a_definition_says_what_it_was_told(registry: Registry) -> None:
    found = await registry.define(DRAFT)
    assert (found.name, found.description, found.data_schema) == ("contract", "Contracts", SCHEMA)
    assert found.date_fields == ("renews_on", "customer.since")
    assert found.project_id == registry.tenant.project.id
    assert (found.created_at, found.created_by) == (NOW, registry.caller.ref)


async def test_a_name_is_unique_in_its_project(registry: Registry) -> None:
    first = await registry.define(DRAFT)
    other = await make_project(registry.database, registry.tenant)
    elsewhere = await registry.define(replace(DRAFT, project_id=str(other.id)))
    assert elsewhere.project_id == other.id
    with pytest.raises(Conflict):
        await registry.define(DRAFT)
    second = await registry.define(replace(DRAFT, name="second"))
    with pytest.raises(Conflict):
        await registry.redefine(second, DRAFT)
    with pytest.raises(Conflict):
        await registry.redefine(first, replace(DRAFT, project_id=str(other.id)))


@pytest.mark.parametrize(
    ("change", "places"),
    [
        ({"data_schema": {"type": "x"}}, [("schema", "type")]),
        ({"date_fields": ("a", "a")}, [("date_fields", 1)]),
        ({"date_fields": ("", "a..b", "a\n")}, [("date_fields", n) for n in range(3)]),
        ({"date_fields": tuple("abcdefghijk")}, [("date_fields",)]),
        ({"date_fields": ("x" * 201,)}, [("date_fields", 0)]),
        ({"date_fields": ("a", "a"), "data_schema": {"minimum": "1"}},
         [("date_fields", 1), ("schema", "minimum")]),
        ({"project_id": "nowhere"}, [("project_id",)]),
    ],
    ids=str,
)  # fmt: skip
async def test_what_is_wrong_is_told_where(
    registry: Registry, change: dict[str, Any], places: list[tuple[str | int, ...]]
) -> None:
    with pytest.raises(Faulty) as refused:
        await registry.define(replace(DRAFT, **change))
    assert [fault.place for fault in refused.value.faults] == places


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"name": "x" * 101}, {"description": "x" * 2001}], ids=str
)
async def test_texts_have_their_lengths(registry: Registry, change: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        await registry.define(replace(DRAFT, **change))


async def test_another_schema_checks_only_what_is_written_then(registry: Registry) -> None:
    definition = await registry.define()
    record = (await registry.create(definition, contract(1, amount=5))).record
    strict = {**SCHEMA, "properties": {"amount": {"minimum": 100}}}
    await registry.redefine(definition, replace(DRAFT, data_schema=strict))
    assert (await registry.list(definition)).items == (record,)
    with pytest.raises(Faulty):
        await registry.replace(definition, record, contract(1, amount=6))
    # What was written down of it is deleted with it, whatever the schema says today.
    await registry.delete(definition, record)


async def test_new_date_fields_are_read_in_stored_records(registry: Registry) -> None:
    definition = await registry.define(replace(DRAFT, date_fields=()))
    drafts = [contract(n, renews_on=f"2026-12-{n % 3 + 1:02}") for n in range(1001)]
    await registry.upsert(definition, drafts[:1000])
    await registry.upsert(definition, drafts[1000:])
    assert await registry.dates() == 0
    changed = await registry.redefine(definition, replace(DRAFT, date_fields=("renews_on",)))
    assert changed.date_fields == ("renews_on",)
    assert len(await registry.due(definition, "2026-12-02")) == 334
    await registry.redefine(definition, replace(DRAFT, date_fields=()))
    assert await registry.dates() == 0


async def test_a_field_that_holds_something_else_cannot_become_a_date(registry: Registry) -> None:
    definition = await registry.define()
    await registry.create(definition, contract(1))
    with pytest.raises(Conflict, match="customer of the record 'C-1' must be a date"):
        await registry.redefine(definition, replace(DRAFT, date_fields=("renews_on", "customer")))
    async with registry.database.tenant(registry.caller.tenant_id) as tx:
        same = await definitions.get_definition(tx, registry.caller, definition.id)
    assert same == definition


async def test_a_definition_goes_with_its_records(registry: Registry) -> None:
    definition = await registry.define()
    await registry.upsert(definition, [contract(n, renews_on="2026-12-01") for n in range(5)])
    async with registry.database.tenant(registry.caller.tenant_id) as tx:
        await definitions.delete_definition(tx, registry.caller, definition.id)
    assert await registry.dates() == 0
    with pytest.raises(NotFound):
        await registry.list(definition)


async def test_what_counts_on_a_field_keeps_it(registry: Registry) -> None:
    definition = await registry.define(DRAFT)
    schedule, other = new_id(), new_id()

    async def count(used_by: UUID, field: str) -> None:
        async with registry.database.tenant(registry.caller.tenant_id) as tx:
            await definitions.count_on_field(
                tx, used_by=used_by, definition_id=definition.id, field=field
            )

    await count(schedule, "renews_on")
    await count(other, "customer.since")
    await count(other, "renews_on")
    with pytest.raises(Unprocessable):
        await count(other, "amount")
    with pytest.raises(Conflict):
        await registry.redefine(definition, replace(DRAFT, date_fields=("customer.since",)))
    await registry.redefine(definition, replace(DRAFT, date_fields=("renews_on",)))
    for used_by in (schedule, other):
        async with registry.database.tenant(registry.caller.tenant_id) as tx:
            with pytest.raises(Conflict):
                await definitions.delete_definition(tx, registry.caller, definition.id)
            await definitions.stop_counting(tx, used_by=used_by)
    async with registry.database.tenant(registry.caller.tenant_id) as tx:
        await definitions.delete_definition(tx, registry.caller, definition.id)


async def test_a_project_with_a_definition_stays(registry: Registry) -> None:
    other = await make_project(registry.database, registry.tenant)
    await registry.define(replace(DRAFT, project_id=str(other.id)))
    async with registry.database.tenant(registry.caller.tenant_id) as tx:
        with pytest.raises(Conflict):
            await delete_project(tx, registry.caller, other.id, now=NOW)


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("Owner", {Right.ENTITIES_READ, Right.ENTITIES_WRITE, Right.RECORDS_WRITE}),
        ("Contributor", {Right.ENTITIES_READ, Right.ENTITIES_WRITE, Right.RECORDS_WRITE}),
        ("Manager", {Right.ENTITIES_READ, Right.RECORDS_WRITE}),
        ("Member", {Right.ENTITIES_READ}),
    ],
)
async def test_each_role_has_its_rights(
    registry: Registry, role: ProjectRole, may: set[Right]
) -> None:
    definition = await registry.define()
    caller = make_principal(
        registry.caller.tenant_id,
        application_role=None,
        project_roles={definition.project_id: role},
    )
    for right in (Right.ENTITIES_READ, Right.ENTITIES_WRITE, Right.RECORDS_WRITE):
        async with registry.database.tenant(registry.caller.tenant_id) as tx:
            if right in may:
                found = await definitions.get_definition_for(tx, caller, definition.id, right)
                assert found == definition
            else:
                with pytest.raises(Forbidden):
                    await definitions.get_definition_for(tx, caller, definition.id, right)


async def test_others_find_nothing(registry: Registry) -> None:
    definition = await registry.define()
    stranger = await make_tenant(registry.database)
    elsewhere = await make_project(registry.database, registry.tenant)
    visitors = [
        make_principal(stranger.tenant.id),
        make_principal(
            registry.caller.tenant_id,
            application_role=None,
            project_roles={elsewhere.id: "Owner"},
        ),
    ]
    for visitor in visitors:
        async with registry.database.tenant(visitor.tenant_id) as tx:
            with pytest.raises(NotFound):
                await definitions.get_definition(tx, visitor, definition.id)
            listed = await definitions.list_definitions(tx, visitor, Window())
            assert (listed.items, listed.total) == ((), 0)
            wanted = await definitions.list_definitions(
                tx, visitor, Window(), project_id=definition.project_id
            )
            assert wanted.items == ()
