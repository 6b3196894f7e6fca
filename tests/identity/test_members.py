"""Members: who may give and take roles."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from factories import (
    NOW,
    administrator_of,
    make_key,
    make_principal,
    make_project,
    make_tenant,
    make_user,
    principal_of,
    until_somebody_waits,
)
from treadle.core.errors import BadInput, Conflict, Forbidden, NotFound
from treadle.core.pages import Window
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity.members import list_members, remove_member, set_member
from treadle.identity.model import Member, Principal, ProjectRole
from treadle.identity.projects import delete_project
from treadle.identity.rights import MISSING


async def everybody(
    tx: Transaction, caller: Principal, project_id: UUID | None = None
) -> list[Member]:
    return list((await list_members(tx, caller, Window(), project_id=project_id)).items)


async def test_a_role_is_given_replaced_and_taken(database: Database) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant)
    root = administrator_of(tenant)

    async with database.tenant(tenant.tenant.id) as tx:
        first = await set_member(
            tx,
            root,
            member_type="user",
            member_id=str(bob.id),
            role="Member",
            project_id=tenant.project.id,
            now=NOW,
        )
        again = await set_member(
            tx,
            root,
            member_type="user",
            member_id=str(bob.id),
            role="Owner",
            project_id=tenant.project.id,
            now=NOW,
        )
        assert (first.role, again.role) == ("Member", "Owner")
        assert first.id == again.id
        assert await everybody(tx, root, tenant.project.id) == [again]

        await remove_member(tx, root, again.id, now=NOW)
        assert await everybody(tx, root, tenant.project.id) == []
        with pytest.raises(NotFound):
            await remove_member(tx, root, again.id, now=NOW)
        roles = {member.member_id: member.role for member in await everybody(tx, root)}
    assert roles == {str(tenant.administrator_id): "Administrator", str(bob.id): "Consumer"}


async def test_an_owner_decides_in_the_own_project_only(database: Database) -> None:
    tenant = await make_tenant(database)
    hidden = await make_project(database, tenant)
    bob, carol = await make_user(database, tenant), await make_user(database, tenant)
    owner = principal_of(bob, tenant, {tenant.project.id: "Owner"})

    async with database.tenant(tenant.tenant.id) as tx:
        given = await set_member(
            tx,
            owner,
            member_type="user",
            member_id=str(carol.id),
            role="Manager",
            project_id=tenant.project.id,
            now=NOW,
        )
        with pytest.raises(NotFound, match=MISSING):
            await set_member(
                tx,
                owner,
                member_type="user",
                member_id=str(carol.id),
                role="Manager",
                project_id=hidden.id,
                now=NOW,
            )
        with pytest.raises(Forbidden):
            await set_member(
                tx,
                owner,
                member_type="user",
                member_id=str(bob.id),
                role="Administrator",
                now=NOW,
            )
        with pytest.raises(NotFound, match=MISSING):
            await everybody(tx, owner, hidden.id)
        with pytest.raises(Forbidden):
            await everybody(tx, owner)
        await remove_member(tx, owner, given.id, now=NOW)


@pytest.mark.parametrize("role", ["Contributor", "Manager", "Member"])
async def test_members_below_an_owner_see_the_members_and_change_none(
    database: Database, role: ProjectRole
) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant)
    root = administrator_of(tenant)
    async with database.tenant(tenant.tenant.id) as tx:
        member = await set_member(
            tx,
            root,
            member_type="user",
            member_id=str(bob.id),
            role=role,
            project_id=tenant.project.id,
            now=NOW,
        )
        caller = principal_of(bob, tenant, {tenant.project.id: role})
        assert await everybody(tx, caller, tenant.project.id) == [member]
        with pytest.raises(Forbidden):
            await remove_member(tx, caller, member.id, now=NOW)
        with pytest.raises(Forbidden):
            await set_member(
                tx,
                caller,
                member_type="user",
                member_id=str(bob.id),
                role="Owner",
                project_id=tenant.project.id,
                now=NOW,
            )


async def test_what_a_caller_may_not_see_is_missing_when_it_is_taken(database: Database) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    hidden = await make_project(database, tenant)
    bob = await make_user(database, tenant)
    caller = principal_of(bob, tenant, {tenant.project.id: "Owner"})

    async with database.tenant(tenant.tenant.id) as tx:
        root = administrator_of(tenant)
        invisible = await everybody(tx, root, hidden.id)
        application = await everybody(tx, root)
    async with database.tenant(foreign.tenant.id) as tx:
        foreigners = await everybody(tx, administrator_of(foreign))

    assert invisible
    assert application
    assert foreigners
    async with database.tenant(tenant.tenant.id) as tx:
        for member_id in (
            invisible[0].id,
            application[0].id,
            foreigners[0].id,
            uuid4(),
        ):
            with pytest.raises(NotFound, match=MISSING):
                await remove_member(tx, caller, member_id, now=NOW)


@pytest.mark.parametrize(
    ("member_type", "role", "in_project", "field"),
    [
        ("group", "Owner", True, "member_type"),
        ("user", "Administrator", True, "role"),
        ("user", "Owner", False, "role"),
        ("user", "owner", True, "role"),
    ],
)
async def test_a_type_or_role_that_does_not_exist_there_is_refused(
    database: Database, member_type: str, role: str, in_project: bool, field: str
) -> None:
    tenant = await make_tenant(database)

    async with database.tenant(tenant.tenant.id) as tx:
        with pytest.raises(BadInput) as refused:
            await set_member(
                tx,
                administrator_of(tenant),
                member_type=member_type,
                member_id=str(tenant.administrator_id),
                role=role,
                project_id=tenant.project.id if in_project else None,
                now=NOW,
            )
    assert refused.value.field == field


async def test_unknown_and_foreign_members_and_projects_are_missing(database: Database) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    own, other = str(tenant.administrator_id), str(foreign.administrator_id)

    async with database.tenant(tenant.tenant.id) as tx:
        for member_type, member_id, project_id in [
            ("user", other, tenant.project.id),
            ("user", "0", tenant.project.id),
            ("user", "x\0", tenant.project.id),
            ("user", "9" * 30, None),
            ("api_key", own, tenant.project.id),
            ("user", own, foreign.project.id),
            ("user", own, uuid4()),
        ]:
            with pytest.raises(NotFound, match=MISSING):
                await set_member(
                    tx,
                    administrator_of(tenant),
                    member_type=member_type,
                    member_id=member_id,
                    role="Consumer" if project_id is None else "Member",
                    project_id=project_id,
                    now=NOW,
                )
        with pytest.raises(NotFound, match=MISSING):
            await everybody(tx, administrator_of(tenant), foreign.project.id)


async def test_the_last_administrator_keeps_the_role(database: Database) -> None:
    tenant = await make_tenant(database)
    key = make_principal(tenant.tenant.id, kind="api_key", id="key")

    async with database.tenant(tenant.tenant.id) as tx:
        (member,) = await everybody(tx, key)
        with pytest.raises(Conflict):
            await remove_member(tx, key, member.id, now=NOW)
        with pytest.raises(Conflict):
            await set_member(
                tx,
                key,
                member_type="user",
                member_id=member.member_id,
                role="Consumer",
                now=NOW,
            )
        assert await everybody(tx, key) == [member]
    await make_user(database, tenant, role="Administrator")
    async with database.tenant(tenant.tenant.id) as tx:
        await remove_member(tx, key, member.id, now=NOW)


async def test_a_key_is_a_member_like_a_person(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    root, member_id = administrator_of(tenant), str(issued.key.client_id)
    async with database.tenant(tenant.tenant.id) as tx:
        for role, project_id in (("Consumer", None), ("Manager", tenant.project.id)):
            member = await set_member(
                tx,
                root,
                member_type="api_key",
                member_id=member_id,
                role=role,
                project_id=project_id,
                now=NOW,
            )
            assert (member.member_type, member.member_id) == ("api_key", member_id)
            assert member in await everybody(tx, root, project_id)
            await remove_member(tx, root, member.id, now=NOW)
            assert member not in await everybody(tx, root, project_id)


async def test_a_key_that_is_none_or_spelled_otherwise_is_missing(database: Database) -> None:
    """A role under another spelling would be nobody's."""
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    own, theirs = await make_key(database, tenant), await make_key(database, foreign)
    client_id = own.key.client_id
    async with database.tenant(tenant.tenant.id) as tx:
        for member_id in (
            str(theirs.key.client_id),
            str(uuid4()),
            str(client_id).upper(),
            client_id.hex,
            f"{{{client_id}}}",
            f"urn:uuid:{client_id}",
            "",
        ):
            with pytest.raises(NotFound, match=MISSING):
                await set_member(
                    tx,
                    administrator_of(tenant),
                    member_type="api_key",
                    member_id=member_id,
                    role="Consumer",
                    now=NOW,
                )


async def test_a_key_is_no_administrator_that_could_be_left_alone(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, role="Administrator")
    key = make_principal(tenant.tenant.id, kind="api_key", id=str(issued.key.client_id))
    async with database.tenant(tenant.tenant.id) as tx:
        person, program = await everybody(tx, key)
        assert (person.member_type, program.member_type) == ("user", "api_key")
        with pytest.raises(Conflict):
            await remove_member(tx, key, person.id, now=NOW)
        await remove_member(tx, key, program.id, now=NOW)


async def test_a_list_of_members_has_its_bounds(database: Database) -> None:
    tenant = await make_tenant(database)
    for _ in range(4):
        await make_user(database, tenant)
    async with database.tenant(tenant.tenant.id) as tx:
        root = administrator_of(tenant)
        whole = await everybody(tx, root)
        part = await list_members(tx, root, Window(limit=2, offset=1))
    assert (list(part.items), part.total) == (whole[1:3], 5)


async def test_a_role_waits_for_the_end_of_a_project_that_is_deleted(database: Database) -> None:
    tenant = await make_tenant(database)
    project = await make_project(database, tenant)
    bob = await make_user(database, tenant)
    root = administrator_of(tenant)

    async def give() -> None:
        async with database.tenant(tenant.tenant.id) as tx:
            await set_member(
                tx,
                root,
                member_type="user",
                member_id=str(bob.id),
                role="Member",
                project_id=project.id,
                now=NOW,
            )

    async with asyncio.timeout(60):
        async with database.tenant(tenant.tenant.id) as tx:
            await delete_project(tx, root, project.id, now=NOW)
            giving = asyncio.ensure_future(give())
            await until_somebody_waits(database)
        with pytest.raises(NotFound, match=MISSING):
            await giving
