from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from factories import (
    ADDRESS,
    NOW,
    administrator_of,
    make_key,
    make_principal,
    make_project,
    make_tenant,
)
from treadle.core.errors import BadInput, Conflict, Forbidden, NotFound
from treadle.core.pages import Window
from treadle.db.database import Database
from treadle.identity.key_authentication import authenticate_key
from treadle.identity.lookups import Lookups
from treadle.identity.members import list_members
from treadle.identity.model import ApplicationRole, ProjectRole
from treadle.identity.projects import (
    change_project,
    create_project,
    default_project,
    delete_project,
    find_project,
    get_project,
    list_projects,
)
from treadle.identity.rights import MISSING


async def test_the_default_project_is_the_one_of_that_name_else_the_oldest_visible(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    older = await make_project(database, tenant, name="zebra")
    newer = await make_project(database, tenant, name="aardvark")

    async with database.tenant(tenant.tenant.id) as tx:
        assert await default_project(tx, administrator_of(tenant)) == tenant.project
        for visible, expected in [
            ([newer, tenant.project], tenant.project),
            ([newer, older], older),
            ([newer], newer),
        ]:
            caller = make_principal(
                tenant.tenant.id,
                application_role=None,
                project_roles={project.id: "Member" for project in visible},
            )
            assert await default_project(tx, caller) == expected
        roles: list[ApplicationRole | None] = ["Project Creator", None]
        for role in roles:
            with pytest.raises(Forbidden):
                await default_project(tx, make_principal(tenant.tenant.id, application_role=role))


async def test_a_project_is_found_by_id_or_exact_name_in_its_tenant(database: Database) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    other = await make_project(database, foreign, name="theirs")
    spelled = await make_project(database, tenant, name=str(tenant.project.id).upper())

    async with database.tenant(tenant.tenant.id) as tx:
        assert await find_project(tx, "default") == tenant.project
        assert await find_project(tx, str(tenant.project.id)) == tenant.project
        assert await find_project(tx, str(spelled.id)) == spelled
        for text in ("Default", "theirs", str(other.id), str(uuid4()), "", "a\0b"):
            assert await find_project(tx, text) is None


async def test_an_invisible_project_looks_like_a_missing_one(database: Database) -> None:
    tenant = await make_tenant(database)
    hidden = await make_project(database, tenant, name="hidden")
    caller = make_principal(
        tenant.tenant.id,
        application_role="Consumer",
        project_roles={tenant.project.id: "Member"},
    )

    async with database.tenant(tenant.tenant.id) as tx:
        assert (await list_projects(tx, caller, Window())).items == (tenant.project,)
        assert (await list_projects(tx, administrator_of(tenant), Window())).items == (
            tenant.project,
            hidden,
        )
        assert await get_project(tx, caller, "default") == tenant.project
        for text in ("hidden", str(hidden.id), "missing", str(uuid4())):
            with pytest.raises(NotFound) as missing:
                await get_project(tx, caller, text)
            assert missing.value.message == MISSING
        nobody = make_principal(tenant.tenant.id, application_role=None)
        for text in ("hidden", "missing"):
            with pytest.raises(Forbidden):
                await get_project(tx, nobody, text)
        with pytest.raises(Forbidden):
            await list_projects(tx, nobody, Window())


async def test_whoever_makes_a_project_owns_it(database: Database) -> None:
    tenant = await make_tenant(database)
    key = make_principal(
        tenant.tenant.id, kind="api_key", id="key-1", application_role="Project Creator"
    )

    async with database.tenant(tenant.tenant.id) as tx:
        project = await create_project(tx, key, name=" Billing ", description="Bills", now=NOW)
        (owner,) = (
            await list_members(tx, administrator_of(tenant), Window(), project_id=project.id)
        ).items

    assert (project.name, project.description, project.created_at) == ("Billing", "Bills", NOW)
    assert (owner.member_type, owner.member_id, owner.role) == ("api_key", "key-1", "Owner")


async def test_a_project_needs_a_right_and_a_free_name(database: Database) -> None:
    tenant, other = await make_tenant(database), await make_tenant(database)

    async with database.tenant(tenant.tenant.id) as tx:
        consumer = make_principal(tenant.tenant.id, application_role="Consumer")
        with pytest.raises(Forbidden):
            await create_project(tx, consumer, name="x", now=NOW)
        for name in ("", "x" * 101, "a\nb"):
            with pytest.raises(BadInput):
                await create_project(tx, administrator_of(tenant), name=name, now=NOW)
        with pytest.raises(Conflict):
            await create_project(tx, administrator_of(tenant), name="default", now=NOW)
    await make_project(database, other, name="x")
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(make_project(database, tenant, name="x") for _ in range(3)), return_exceptions=True
        )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Conflict",
        "Conflict",
        "Project",
    ]


async def test_a_project_is_renamed_by_its_owners(database: Database) -> None:
    tenant = await make_tenant(database)
    project = await make_project(database, tenant, name="before")
    owner = make_principal(
        tenant.tenant.id, application_role=None, project_roles={project.id: "Owner"}
    )
    async with database.tenant(tenant.tenant.id) as tx:
        changed = await change_project(
            tx, owner, project.id, name=" after ", description="why", now=NOW
        )
        assert changed == replace(project, name="after", description="why")
        assert await get_project(tx, owner, str(project.id)) == changed
        same = await change_project(tx, owner, project.id, name="after", description="", now=NOW)
        assert same.name == "after"
        with pytest.raises(Conflict):
            await change_project(tx, owner, project.id, name="default", description="", now=NOW)
        for name in ("", "x" * 101, "a\nb"):
            with pytest.raises(BadInput):
                await change_project(tx, owner, project.id, name=name, description="", now=NOW)
        # What was refused has not broken the transaction.
        assert (await get_project(tx, owner, str(project.id))).name == "after"


@pytest.mark.parametrize("role", ["Contributor", "Manager", "Member"])
async def test_a_project_is_changed_by_nobody_else(database: Database, role: ProjectRole) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    hidden = await make_project(database, tenant)
    caller = make_principal(
        tenant.tenant.id, application_role="Consumer", project_roles={tenant.project.id: role}
    )
    async with database.tenant(tenant.tenant.id) as tx:
        with pytest.raises(Forbidden):
            await change_project(tx, caller, tenant.project.id, name="x", description="", now=NOW)
        with pytest.raises(Forbidden):
            await delete_project(tx, caller, tenant.project.id, now=NOW)
        for project_id in (hidden.id, foreign.project.id, uuid4()):
            with pytest.raises(NotFound, match=MISSING):
                await change_project(tx, caller, project_id, name="x", description="", now=NOW)
            with pytest.raises(NotFound, match=MISSING):
                await delete_project(tx, caller, project_id, now=NOW)


async def test_an_empty_project_goes_with_its_roles(database: Database) -> None:
    tenant = await make_tenant(database)
    project = await make_project(database, tenant)
    issued = await make_key(database, tenant, project_roles={project.id: "Owner"})
    async with database.tenant(tenant.tenant.id) as tx:
        await delete_project(tx, administrator_of(tenant), project.id, now=NOW)
        assert await find_project(tx, str(project.id)) is None
    caller = await authenticate_key(
        Lookups(database), api_key=issued.api_key, address=ADDRESS, now=NOW
    )
    assert caller.has_no_role


async def test_a_project_with_anything_in_it_stays(database: Database) -> None:
    tenant = await make_tenant(database)
    project = await make_project(database, tenant)
    async with database.system() as tx:
        destination = await tx.fetchval(
            "INSERT INTO destinations (name, created_at) VALUES ('d', now()) RETURNING id"
        )
        await tx.execute(
            "INSERT INTO jobs (tenant_id, project_id, name, destination_id, created_at, created_by,"
            " last_modified_at, last_modified_by, deleted_at)"
            " VALUES ($1, $2, 'gone', $3, now(), '', now(), '', now())",
            tenant.tenant.id,
            project.id,
            destination,
        )
    async with database.tenant(tenant.tenant.id) as tx:
        with pytest.raises(Conflict, match="not empty"):
            await delete_project(tx, administrator_of(tenant), project.id, now=NOW)
        assert await find_project(tx, str(project.id)) == project
        (owner,) = (
            await list_members(tx, administrator_of(tenant), Window(), project_id=project.id)
        ).items
        assert owner.role == "Owner"


async def test_a_list_of_projects_has_its_bounds(database: Database) -> None:
    tenant = await make_tenant(database)
    made = [tenant.project, *[await make_project(database, tenant) for _ in range(4)]]
    async with database.tenant(tenant.tenant.id) as tx:
        part = await list_projects(tx, administrator_of(tenant), Window(limit=2, offset=1))
        caller = make_principal(
            tenant.tenant.id, application_role=None, project_roles={made[3].id: "Member"}
        )
        seen = await list_projects(tx, caller, Window(limit=1))
    assert (list(part.items), part.total) == (made[1:3], 5)
    assert (list(seen.items), seen.total) == ([made[3]], 1)
