"""Users: who may change them, and what no change may lead to."""

from __future__ import annotations

import asyncio
from datetime import timedelta

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
    until_somebody_waits,
)
from treadle.core.errors import (
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
)
from treadle.db.database import Database
from treadle.identity import user_store
from treadle.identity.installation import NewTenant
from treadle.identity.lookups import Lookups
from treadle.identity.model import Principal, User
from treadle.identity.rights import MISSING
from treadle.identity.sessions import authenticate
from treadle.identity.users import (
    UserChanges,
    change_user,
    create_user,
    get_user,
)

LATER = NOW + timedelta(hours=1)


async def change(
    db: Database,
    tenant: NewTenant,
    user_id: int,
    changes: UserChanges,
    *,
    caller: Principal | None = None,
) -> User:
    async with db.tenant(tenant.tenant.id) as tx:
        return await change_user(
            tx, caller or administrator_of(tenant), user_id, changes, now=LATER
        )


async def test_a_change_touches_what_it_names_and_nothing_else(database: Database) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(
        database, tenant, username="bob", email="b@example.com", first_name="B", last_name="C"
    )
    carol = await make_user(database, tenant)

    changed = await change(database, tenant, bob.id, UserChanges(first_name=" Bobby "))

    assert changed == User(
        id=bob.id,
        username="bob",
        email="b@example.com",
        first_name="Bobby",
        last_name="C",
        active=True,
        role="Consumer",
        created_at=NOW,
        last_modified_at=LATER,
    )
    emptied = await change(database, tenant, bob.id, UserChanges(email="", last_name=""))
    assert (emptied.email, emptied.first_name, emptied.last_name) == ("", "Bobby", "")
    async with database.tenant(tenant.tenant.id) as tx:
        assert await get_user(tx, administrator_of(tenant), carol.id) == carol


async def test_a_role_is_changed_and_seen_by_the_next_request(database: Database) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, username="bob")
    tokens = await log_in(database, "bob")

    changed = await change(database, tenant, bob.id, UserChanges(role="Administrator"))

    assert changed.is_administrator
    caller = await authenticate(Lookups(database), access_token=tokens.access_token, now=NOW)
    assert caller.application_role == "Administrator"
    with pytest.raises(BadInput):
        await change(database, tenant, bob.id, UserChanges(role="Emperor"))


@pytest.mark.parametrize(
    "changes", [UserChanges(email="x"), UserChanges(first_name="\n" * 3 + "\0")]
)
async def test_a_change_that_breaks_a_rule_changes_nothing(
    database: Database, changes: UserChanges
) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant)

    with pytest.raises(BadInput):
        await change(database, tenant, bob.id, changes)
    async with database.tenant(tenant.tenant.id) as tx:
        assert await get_user(tx, administrator_of(tenant), bob.id) == bob


async def test_another_tenants_user_is_missing(database: Database) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    bob = await make_user(database, foreign, username="bob")

    messages: set[str] = set()
    for user_id in (bob.id, 10**12):
        for deed in (
            change(database, tenant, user_id, UserChanges(active=False)),
            change(database, tenant, user_id, UserChanges(role="Administrator")),
        ):
            with pytest.raises(NotFound) as missing:
                await deed
            messages.add(missing.value.message)
    assert messages == {MISSING}
    await log_in(database, "bob")


async def test_others_than_administrators_change_nobody(database: Database) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant)
    caller = principal_of(bob, tenant, {tenant.project.id: "Owner"})

    for user_id in (bob.id, tenant.administrator_id):
        with pytest.raises(Forbidden):
            await change(
                database, tenant, user_id, UserChanges(role="Administrator"), caller=caller
            )
    with pytest.raises(Forbidden):
        async with database.tenant(tenant.tenant.id) as tx:
            await create_user(
                tx,
                caller,
                username="eve",
                password=PASSWORD,
                passwords=cheap_passwords(),
                now=NOW,
            )


async def test_nobody_deactivates_himself(database: Database) -> None:
    tenant = await make_tenant(database)
    await make_user(database, tenant, role="Administrator")

    with pytest.raises(Conflict, match="yourself"):
        await change(database, tenant, tenant.administrator_id, UserChanges(active=False))


@pytest.mark.parametrize("changes", [UserChanges(active=False), UserChanges(role="Consumer")])
async def test_the_last_active_administrator_stays(
    database: Database, changes: UserChanges
) -> None:
    tenant, other = await make_tenant(database), await make_tenant(database)
    await make_user(database, tenant, role="Administrator", active=False)
    await make_user(database, other, role="Administrator")
    key = make_principal(tenant.tenant.id, kind="api_key", id="key")

    with pytest.raises(Conflict, match="last active Administrator"):
        await change(database, tenant, tenant.administrator_id, changes, caller=key)

    await make_user(database, tenant, role="Administrator")
    await change(database, tenant, tenant.administrator_id, changes, caller=key)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (UserChanges(active=False), UserChanges(active=False)),
        (UserChanges(active=False), UserChanges(role="Consumer")),
        (UserChanges(role="Consumer"), UserChanges(role="Project Creator", active=False)),
    ],
)
async def test_two_administrators_cannot_remove_each_other(
    database: Database, one: UserChanges, other: UserChanges
) -> None:
    tenant = await make_tenant(database)
    root, second = administrator_of(tenant), await make_user(database, tenant, role="Administrator")

    async with asyncio.timeout(60):
        async with database.tenant(tenant.tenant.id) as tx:
            await change_user(tx, root, second.id, one, now=LATER)
            # Of what happened in this transaction the other sees nothing before it ends.
            removing = asyncio.ensure_future(
                change(
                    database,
                    tenant,
                    tenant.administrator_id,
                    other,
                    caller=principal_of(second, tenant),
                )
            )
            await until_somebody_waits(database)
        with pytest.raises(Conflict):
            await removing


async def test_changes_that_meet_wait_in_one_order(database: Database) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, role="Administrator")

    async with asyncio.timeout(60):
        async with database.tenant(tenant.tenant.id) as tx:
            await user_store.lock_administration(tx)
            changing = asyncio.ensure_future(
                change(database, tenant, bob.id, UserChanges(role="Consumer"))
            )
            await until_somebody_waits(database)
            # It waits without holding the user, else the two would wait for each other.
            changes = UserChanges(active=False)
            await change_user(tx, administrator_of(tenant), bob.id, changes, now=NOW)
        changed = await changing

    assert (changed.active, changed.role) == (False, "Consumer")


async def test_parallel_changes_of_one_user_lose_nothing(database: Database) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant)

    async with asyncio.timeout(60):
        await asyncio.gather(
            change(database, tenant, bob.id, UserChanges(first_name="Bob")),
            change(database, tenant, bob.id, UserChanges(last_name="Jones")),
            change(database, tenant, bob.id, UserChanges(email="bob@example.com")),
            change(database, tenant, bob.id, UserChanges(role="Project Creator")),
        )

    async with database.tenant(tenant.tenant.id) as tx:
        user = await get_user(tx, administrator_of(tenant), bob.id)
    assert (user.first_name, user.last_name, user.email) == ("Bob", "Jones", "bob@example.com")
    assert user.role == "Project Creator"
