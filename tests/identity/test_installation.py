"""The first start, and tenants."""

from __future__ import annotations

import asyncio

import pytest

from factories import NOW, PASSWORD, cheap_passwords, log_in, make_tenant
from treadle.core.errors import BadInput, Conflict, NotFound, Unauthenticated
from treadle.db.database import Database
from treadle.identity.installation import (
    FirstStart,
    create_tenant,
    ensure_installation,
    list_tenants,
    replace_password,
)
from treadle.identity.lookups import Lookups
from treadle.identity.sessions import authenticate


async def start(db: Database, admin_password: str | None = None) -> FirstStart:
    return await ensure_installation(
        db, admin_password=admin_password, passwords=cheap_passwords(), now=NOW
    )


async def counts(db: Database) -> tuple[int, ...]:
    async with db.system() as tx:
        record = await tx.fetchrow(
            "SELECT (SELECT count(*) FROM tenants), (SELECT count(*) FROM projects),"
            " (SELECT count(*) FROM users), (SELECT count(*) FROM members)"
        )
    assert record is not None
    return tuple(record)


async def test_the_first_start_makes_the_default_tenant_and_an_administrator(
    database: Database,
) -> None:
    first = await start(database, PASSWORD)

    assert first == FirstStart(created=True, password_generated=None)
    tokens = await log_in(database, "admin")
    admin = await authenticate(Lookups(database), access_token=tokens.access_token, now=NOW)
    assert (admin.name, admin.application_role) == ("admin", "Administrator")
    async with database.tenant(admin.tenant_id) as tx:
        assert [row["name"] for row in await tx.fetch("SELECT name FROM tenants")] == ["default"]
        assert [row["name"] for row in await tx.fetch("SELECT name FROM projects")] == ["default"]
    assert await counts(database) == (1, 1, 1, 1)


async def test_a_generated_password_is_told_once_and_works(database: Database) -> None:
    first = await start(database)
    again = await start(database)

    assert first.password_generated is not None
    assert len(first.password_generated) == 24
    assert first.password_generated not in repr(first)
    assert again == FirstStart(created=False)
    await log_in(database, "admin", password=first.password_generated)


async def test_later_starts_change_nothing(database: Database) -> None:
    await start(database, PASSWORD)

    assert await start(database, "another password") == FirstStart(created=False)
    assert await start(database, "bad") == FirstStart(created=False)

    await log_in(database, "admin")
    with pytest.raises(Unauthenticated):
        await log_in(database, "admin", password="another password")


async def test_of_processes_that_start_at_once_one_makes_the_installation(
    database: Database,
) -> None:
    async with asyncio.timeout(60):
        starts = await asyncio.gather(*(start(database) for _ in range(6)))

    told = [one.password_generated for one in starts if one.created]
    assert len(told) == 1
    assert await counts(database) == (1, 1, 1, 1)
    await log_in(database, "admin", password=told[0] or "")


async def test_a_first_password_that_breaks_the_rules_makes_nothing(database: Database) -> None:
    with pytest.raises(BadInput):
        await start(database, "admin")
    assert await counts(database) == (0, 0, 0, 0)


async def test_a_tenant_is_walled_off_from_the_others(database: Database) -> None:
    one, other = await make_tenant(database, name="one"), await make_tenant(database, name="other")

    for tenant in (one, other):
        async with database.tenant(tenant.tenant.id) as tx:
            names = [row["name"] for row in await tx.fetch("SELECT name FROM tenants")]
            users = [row["id"] for row in await tx.fetch("SELECT id FROM users")]
            projects = [row["id"] for row in await tx.fetch("SELECT id FROM projects")]
        assert (names, users) == ([tenant.tenant.name], [tenant.administrator_id])
        assert projects == [tenant.project.id]


@pytest.mark.parametrize(
    ("name", "username", "password", "error"),
    [
        ("one", "free", PASSWORD, Conflict),
        ("two", "ALICE", PASSWORD, Conflict),
        ("", "free", PASSWORD, BadInput),
        ("x" * 101, "free", PASSWORD, BadInput),
        ("two", "", PASSWORD, BadInput),
        ("two", "free", "short", BadInput),
    ],
)
async def test_a_tenant_that_cannot_be_made_leaves_nothing(
    database: Database, name: str, username: str, password: str, error: type[Exception]
) -> None:
    await make_tenant(database, name="one", admin_username="alice")
    before = await counts(database)

    with pytest.raises(error):
        await create_tenant(
            database,
            name=name,
            admin_username=username,
            admin_password=password,
            passwords=cheap_passwords(),
            now=NOW,
        )
    assert await counts(database) == before


async def test_tenants_are_listed_with_the_oldest_first(database: Database) -> None:
    made = [await make_tenant(database, name=name) for name in ("z", "a")]
    assert await list_tenants(database) == [one.tenant for one in made]


async def test_another_password_lets_in_and_ends_what_was_open(database: Database) -> None:
    await make_tenant(database, name="one", admin_username="alice")
    await make_tenant(database, name="two", admin_username="bob")
    lookups = Lookups(database)
    before, other = await log_in(database, "alice"), await log_in(database, "bob")

    is_active = await replace_password(
        database,
        username="ALICE",
        password="found again",
        passwords=cheap_passwords(),
        now=NOW,
    )

    assert is_active
    with pytest.raises(Unauthenticated):
        await authenticate(lookups, access_token=before.access_token, now=NOW)
    await authenticate(lookups, access_token=other.access_token, now=NOW)
    with pytest.raises(Unauthenticated):
        await log_in(database, "alice")
    tokens = await log_in(database, "alice", password="found again")
    alice = await authenticate(lookups, access_token=tokens.access_token, now=NOW)
    async with database.tenant(alice.tenant_id) as tx:
        entry = await tx.fetchrow(
            "SELECT actor, target, outcome FROM audit_log WHERE action = 'user.password'"
        )
    assert entry is not None
    assert tuple(entry) == ("operator", alice.ref, "allowed")


@pytest.mark.parametrize(
    ("username", "password", "error"),
    [("nobody", "found again", NotFound), ("alice", "short", BadInput), ("", "found", BadInput)],
)
async def test_a_password_that_cannot_be_replaced_stays(
    database: Database, username: str, password: str, error: type[Exception]
) -> None:
    await make_tenant(database, name="one", admin_username="alice")
    with pytest.raises(error):
        await replace_password(
            database, username=username, password=password, passwords=cheap_passwords(), now=NOW
        )
    await log_in(database, "alice")
