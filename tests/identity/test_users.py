"""Users: who may make and read them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from factories import (
    NOW,
    PASSWORD,
    administrator_of,
    cheap_passwords,
    log_in,
    make_principal,
    make_tenant,
    make_user,
    principal_of,
)
from treadle.core.errors import (
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
    Unauthenticated,
)
from treadle.core.pages import PageRequest
from treadle.db.database import Database
from treadle.identity.installation import NewTenant
from treadle.identity.lookups import Lookups
from treadle.identity.model import User
from treadle.identity.rights import MISSING
from treadle.identity.sessions import authenticate
from treadle.identity.users import (
    USER_SORTS,
    create_user,
    get_user,
    list_users,
)

LATER = NOW + timedelta(hours=1)


async def test_a_created_user_can_log_in_with_the_roles_given(database: Database) -> None:
    tenant = await make_tenant(database)

    user = await make_user(
        database,
        tenant,
        username=" José ",
        email=" jose@example.com ",
        first_name="José",
        last_name="Ruiz",
        project_roles={tenant.project.id: "Contributor"},
    )

    assert (user.username, user.email) == ("José", "jose@example.com")
    assert (user.first_name, user.last_name, user.active) == ("José", "Ruiz", True)
    assert (user.role, user.is_administrator) == ("Consumer", False)
    assert (user.created_at, user.last_modified_at) == (NOW, NOW)
    tokens = await log_in(database, "JOSE\u0301")
    caller = await authenticate(Lookups(database), access_token=tokens.access_token, now=NOW)
    assert caller == principal_of(user, tenant, {tenant.project.id: "Contributor"})


async def test_the_password_is_stored_as_a_hash_only(database: Database) -> None:
    tenant = await make_tenant(database)
    await make_user(database, tenant)

    async with database.system() as tx:
        stored = await tx.fetch("SELECT u::text AS text FROM users u")
    assert len(stored) == 2
    assert all("$argon2id$" in row["text"] for row in stored)
    assert all(PASSWORD not in row["text"] for row in stored)


@pytest.mark.parametrize("username", ["alice", "ALICE", " Alice ", "ａｌｉｃｅ"])
async def test_a_name_is_taken_whatever_its_case_and_tenant(
    database: Database, username: str
) -> None:
    tenant, other = await make_tenant(database, admin_username="Alice"), await make_tenant(database)

    for one in (tenant, other):
        with pytest.raises(Conflict) as refused:
            await make_user(database, one, username=username)
        assert refused.value.field == "username"


async def test_of_parallel_creations_with_one_name_one_succeeds(database: Database) -> None:
    tenants = [await make_tenant(database) for _ in range(4)]

    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(make_user(database, tenant, username="bob") for tenant in tenants),
            return_exceptions=True,
        )

    assert sum(isinstance(outcome, User) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 3


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"username": "x" * 101}, "username"),
        ({"username": "a\tb"}, "username"),
        ({"password": "short"}, "password"),
        ({"username": "long enough", "password": "Long Enough"}, "password"),
        ({"email": "nowhere"}, "email"),
        ({"first_name": "x" * 101}, "firstName"),
        ({"last_name": "a\0b"}, "lastName"),
        ({"role": "Owner"}, "role"),
        ({"role": ""}, "role"),
    ],
)
async def test_a_user_that_breaks_a_rule_is_not_made(
    database: Database, fields: dict[str, str], field: str
) -> None:
    tenant = await make_tenant(database)

    with pytest.raises(BadInput) as refused:
        async with database.tenant(tenant.tenant.id) as tx:
            await create_user(
                tx,
                administrator_of(tenant),
                username=fields.get("username", "bob"),
                password=fields.get("password", PASSWORD),
                email=fields.get("email", ""),
                first_name=fields.get("first_name", ""),
                last_name=fields.get("last_name", ""),
                role=fields.get("role", "Consumer"),
                passwords=cheap_passwords(),
                now=NOW,
            )
    assert refused.value.field == field
    async with database.system() as tx:
        assert await tx.fetchval("SELECT count(*) FROM users") == 1


async def test_a_user_with_a_role_in_an_unknown_or_foreign_project_is_not_made(
    database: Database,
) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)

    for project_id in (uuid4(), foreign.project.id):
        with pytest.raises(NotFound) as missing:
            await make_user(database, tenant, username="bob", project_roles={project_id: "Owner"})
        assert missing.value.message == MISSING
    with pytest.raises(Unauthenticated):
        await log_in(database, "bob")


async def names(
    db: Database,
    tenant: NewTenant,
    *,
    text: str | None = None,
    active: bool | None = None,
    sort: str = "id",
    descending: bool = False,
) -> list[str]:
    """The usernames of a list, in its order."""
    async with db.tenant(tenant.tenant.id) as tx:
        page = await list_users(
            tx,
            administrator_of(tenant),
            page=PageRequest(),
            text=text,
            active=active,
            sort=sort,
            descending=descending,
        )
    assert page.total == len(page.items)
    return [user.username for user in page.items]


async def test_a_list_has_the_own_tenants_users_page_by_page(database: Database) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    await make_user(database, foreign)
    made = [await make_user(database, tenant, username=f"user {n}") for n in range(5)]

    seen: list[int] = []
    for number in range(4):
        async with database.tenant(tenant.tenant.id) as tx:
            page = await list_users(
                tx, administrator_of(tenant), page=PageRequest(number=number, size=2)
            )
        assert (page.total, page.pages) == (6, 3)
        seen += [user.id for user in page.items]

    assert seen == [tenant.administrator_id, *(user.id for user in made)]


async def test_a_list_is_filtered_by_text_and_state(database: Database) -> None:
    tenant = await make_tenant(database, admin_username="root")
    await make_user(database, tenant, username="bob", first_name="Robert", email="b@example.com")
    await make_user(database, tenant, username="carol", last_name="Roberts", active=False)

    assert await names(database, tenant, text="ROBERT") == ["bob", "carol"]
    assert await names(database, tenant, text="b@example") == ["bob"]
    assert await names(database, tenant, text="%") == []
    assert await names(database, tenant, active=False) == ["carol"]
    assert await names(database, tenant, active=True, text="o") == ["root", "bob"]


async def test_a_list_is_sorted_by_every_field_both_ways(database: Database) -> None:
    tenant = await make_tenant(database, admin_username="b")
    await make_user(database, tenant, username="C", first_name="x", email="z@b", active=False)
    await make_user(database, tenant, username="a", first_name="Y", last_name="q", now=LATER)

    assert await names(database, tenant, sort="username") == ["a", "b", "C"]
    assert await names(database, tenant, sort="firstName", descending=True) == ["a", "C", "b"]
    assert await names(database, tenant, sort="lastName", descending=True) == ["a", "C", "b"]
    assert await names(database, tenant, sort="email", descending=True) == ["C", "a", "b"]
    assert await names(database, tenant, sort="active") == ["C", "b", "a"]
    for sort in ("created", "lastModified"):
        assert await names(database, tenant, sort=sort) == ["b", "C", "a"]
    for sort in USER_SORTS:
        up = await names(database, tenant, sort=sort)
        assert await names(database, tenant, sort=sort, descending=True) == up[::-1]
    with pytest.raises(BadInput) as refused:
        await names(database, tenant, sort="password_hash")
    assert refused.value.field == "sortby"


async def test_only_administrators_read_others_and_everybody_reads_the_own_user(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, role="Project Creator")
    caller = principal_of(bob, tenant, {tenant.project.id: "Owner"})

    async with database.tenant(tenant.tenant.id) as tx:
        assert await get_user(tx, caller, bob.id) == bob
        assert await get_user(tx, administrator_of(tenant), bob.id) == bob
        for user_id in (tenant.administrator_id, 10**12):
            with pytest.raises(Forbidden):
                await get_user(tx, caller, user_id)
        with pytest.raises(Forbidden):
            await list_users(tx, caller, page=PageRequest())
        with pytest.raises(NotFound):
            await get_user(tx, administrator_of(tenant), 10**12)


async def test_an_api_key_with_the_id_of_a_user_is_not_that_user(database: Database) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant)
    key = make_principal(
        tenant.tenant.id, kind="api_key", id=str(bob.id), application_role="Consumer"
    )

    async with database.tenant(tenant.tenant.id) as tx:
        with pytest.raises(Forbidden):
            await get_user(tx, key, bob.id)
