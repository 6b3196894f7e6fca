"""Changing a password: who may, and what it does to sessions."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from factories import (
    ADDRESS,
    NOW,
    PASSWORD,
    administrator_of,
    cheap_passwords,
    log_in,
    make_lockout,
    make_principal,
    make_tenant,
    make_user,
    principal_of,
    until_somebody_waits,
)
from treadle.core.errors import (
    BadInput,
    Forbidden,
    NotFound,
    Unauthenticated,
)
from treadle.core.ids import new_id
from treadle.db.database import Database
from treadle.identity import session_store
from treadle.identity.installation import NewTenant
from treadle.identity.lookups import Lookups
from treadle.identity.model import Principal
from treadle.identity.rights import MISSING
from treadle.identity.sessions import authenticate
from treadle.identity.users import (
    UserChanges,
    change_password,
    change_user,
)

LATER = NOW + timedelta(hours=1)
NEW_PASSWORD = "a new horse battery"


async def set_password(
    db: Database,
    tenant: NewTenant,
    caller: Principal,
    user_id: int,
    *,
    old: str | None = None,
    new: str = NEW_PASSWORD,
) -> None:
    async with db.tenant(tenant.tenant.id) as tx:
        await change_password(
            tx,
            caller,
            user_id,
            new_password=new,
            old_password=old,
            address=ADDRESS,
            db=db,
            passwords=cheap_passwords(),
            lockout=make_lockout(),
            now=LATER,
        )


async def deactivate(db: Database, tenant: NewTenant, user_id: int) -> None:
    async with db.tenant(tenant.tenant.id) as tx:
        changes = UserChanges(active=False)
        await change_user(tx, administrator_of(tenant), user_id, changes, now=LATER)


async def test_the_own_password_needs_the_old_one_and_ends_every_session(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, username="bob")
    carol = await make_user(database, tenant, username="carol")
    sessions = [await log_in(database, "bob"), await log_in(database, "bob")]
    bystander = await log_in(database, "carol")
    caller = principal_of(bob, tenant)

    for old in (None, "", "wrong horse"):
        with pytest.raises(BadInput) as refused:
            await set_password(database, tenant, caller, bob.id, old=old)
        assert refused.value.field == "oldPassword"
    await authenticate(Lookups(database), access_token=sessions[0].access_token, now=NOW)

    await set_password(database, tenant, caller, bob.id, old=PASSWORD)

    for tokens in sessions:
        with pytest.raises(Unauthenticated):
            await authenticate(Lookups(database), access_token=tokens.access_token, now=NOW)
    with pytest.raises(Unauthenticated):
        await log_in(database, "bob", now=LATER)
    await log_in(database, "bob", password=NEW_PASSWORD, now=LATER)
    kept = await authenticate(Lookups(database), access_token=bystander.access_token, now=NOW)
    assert kept.ref == carol.ref


async def test_administrators_set_others_passwords_but_their_own_with_the_old_one(
    database: Database,
) -> None:
    tenant = await make_tenant(database, admin_username="root")
    bob = await make_user(database, tenant, username="bob")
    tokens = await log_in(database, "bob")
    root = administrator_of(tenant)

    await set_password(database, tenant, root, bob.id)
    with pytest.raises(BadInput):
        await set_password(database, tenant, root, tenant.administrator_id)

    with pytest.raises(Unauthenticated):
        await authenticate(Lookups(database), access_token=tokens.access_token, now=NOW)
    await log_in(database, "bob", password=NEW_PASSWORD)
    await log_in(database, "root")


async def test_others_than_administrators_set_nobody_elses_password(database: Database) -> None:
    tenant = await make_tenant(database, admin_username="root")
    bob = await make_user(database, tenant, username="bob")
    owner = principal_of(bob, tenant, {tenant.project.id: "Owner"})
    # An API key with the id of a user is not that user.
    key = make_principal(
        tenant.tenant.id, kind="api_key", id=str(bob.id), application_role="Consumer"
    )

    for caller, user_id in [(owner, tenant.administrator_id), (owner, 10**12), (key, bob.id)]:
        with pytest.raises(Forbidden):
            await set_password(database, tenant, caller, user_id, old=PASSWORD)
    await log_in(database, "root")
    await log_in(database, "bob")


async def test_the_password_of_another_tenants_user_cannot_be_set(database: Database) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    bob = await make_user(database, foreign, username="bob")

    for user_id in (bob.id, 10**12):
        with pytest.raises(NotFound) as missing:
            await set_password(database, tenant, administrator_of(tenant), user_id)
        assert missing.value.message == MISSING
    await log_in(database, "bob")


@pytest.mark.parametrize("new", ["short", "bobs very own", "x" * 1025])
async def test_a_new_password_keeps_the_rules(database: Database, new: str) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, username="Bobs Very Own")

    with pytest.raises(BadInput) as refused:
        await set_password(database, tenant, administrator_of(tenant), bob.id, new=new)
    assert refused.value.field == "newPassword"
    await log_in(database, "bobs very own")


async def test_guessing_the_old_password_is_locked_out(database: Database) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, username="bob")
    caller = principal_of(bob, tenant)

    for _ in range(5):
        with pytest.raises(BadInput):
            await set_password(database, tenant, caller, bob.id, old="wrong horse")

    with pytest.raises(BadInput):
        await set_password(database, tenant, caller, bob.id, old=PASSWORD)
    with pytest.raises(Unauthenticated):
        await log_in(database, "bob", now=LATER)
    await log_in(database, "bob", address="192.0.2.2", now=LATER)


async def test_a_login_that_waits_for_a_new_password_is_refused(database: Database) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, username="bob")

    async with asyncio.timeout(60):
        async with database.tenant(tenant.tenant.id) as tx:
            await change_password(
                tx,
                administrator_of(tenant),
                bob.id,
                new_password=NEW_PASSWORD,
                old_password=None,
                address=ADDRESS,
                db=database,
                passwords=cheap_passwords(),
                lockout=make_lockout(),
                now=LATER,
            )
            # This login finds the old password right, and then waits for this transaction.
            logging_in = asyncio.ensure_future(log_in(database, "bob"))
            await until_somebody_waits(database)
        with pytest.raises(Unauthenticated):
            await logging_in


@pytest.mark.parametrize("deed", ["deactivate", "new password"])
async def test_a_session_that_is_being_opened_is_ended_by_a_change_that_waits_for_it(
    database: Database, deed: str
) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, username="bob")

    async with asyncio.timeout(60):
        async with database.system() as tx:
            judged = await session_store.find_credentials(tx, "bob")
            assert judged is not None
            assert await session_store.hold_credentials(tx, judged)
            changing = asyncio.ensure_future(
                deactivate(database, tenant, bob.id)
                if deed == "deactivate"
                else set_password(database, tenant, administrator_of(tenant), bob.id)
            )
            await until_somebody_waits(database)
            await session_store.insert_session(
                tx,
                new_id(),
                tenant_id=tenant.tenant.id,
                user_id=bob.id,
                expires_at=LATER,
                now=NOW,
            )
        await changing

    async with database.system() as tx:
        assert await tx.fetchval("SELECT revoked_at FROM sessions") == LATER
