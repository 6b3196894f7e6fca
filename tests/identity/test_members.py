"""Members: who may give and take roles."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from factories import (
    NOW,
    administrator_of,
    make_principal,
    make_project,
    make_tenant,
    make_user,
    principal_of,
)
from treadle.core.errors import BadInput, Conflict, Forbidden, NotFound
from treadle.core.pages import Window
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity.members import list_members, remove_member, set_member
from treadle.identity.model import Member, Principal, ProjectRole
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
