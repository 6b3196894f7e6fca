"""Tokens: who they stand for, how they are rotated, how they end."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest

from factories import (
    NOW,
    administrator_of,
    log_in,
    make_project,
    make_tenant,
    make_user,
    principal_of,
    until_somebody_waits,
)
from treadle.core.errors import Unauthenticated
from treadle.core.ids import secret_hash
from treadle.db.database import Database
from treadle.identity import member_store, session_store
from treadle.identity.installation import NewTenant
from treadle.identity.lookups import Lookups
from treadle.identity.model import PrincipalKind, Tokens
from treadle.identity.sessions import TOKEN_REFUSED, authenticate, log_out, refresh
from treadle.identity.users import UserChanges, change_user

TEN_HOURS = timedelta(seconds=36_000)
THIRTY_DAYS = timedelta(days=30)
INSTANT = timedelta(microseconds=1)


async def is_live(db: Database, access_token: str, *, now: datetime = NOW) -> bool:
    """Whether the access token lets anybody in; the refusal has one text."""
    try:
        await authenticate(Lookups(db), access_token=access_token, now=now)
    except Unauthenticated as error:
        assert error.message == TOKEN_REFUSED
        return False
    return True


async def logged_in(db: Database) -> Tokens:
    await make_tenant(db, admin_username="alice")
    return await log_in(db, "alice")


def altered(token: str) -> list[str]:
    """What is nearly the token."""
    other = "A" if token[-1] != "A" else "E"
    return [
        "",
        token[:-1],
        token[:-1] + other,
        token + "A",
        token.upper(),
        token[7:],
        f" {token}",
        f"{token}\n",
        token.replace("tdl_", "xdl_"),
        token[:10] + "\0" + token[11:],
        token[:10] + "ä" + token[11:],
        token[:10] + "\ud800" + token[11:],
        "tdl_at_" + "A" * 100_000,
    ]


async def test_authenticate_gives_the_roles_of_this_moment(database: Database) -> None:
    tenant = await make_tenant(database)
    other = await make_project(database, tenant)
    bob = await make_user(
        database,
        tenant,
        username="bob",
        role="Project Creator",
        project_roles={tenant.project.id: "Manager", other.id: "Member"},
    )
    tokens = await log_in(database, "bob")

    caller = await authenticate(Lookups(database), access_token=tokens.access_token, now=NOW)
    assert caller.ref == bob.ref
    assert caller.kind == "user"
    assert caller.name == "bob"
    assert caller.tenant_id == tenant.tenant.id
    assert caller.application_role == "Project Creator"
    assert caller.project_roles == {tenant.project.id: "Manager", other.id: "Member"}

    async with database.system() as tx:
        await tx.execute("DELETE FROM members WHERE member_id = $1", caller.id)
    bare = await authenticate(Lookups(database), access_token=tokens.access_token, now=NOW)
    assert bare.has_no_role
    assert bare.application_role is None


async def test_roles_of_another_tenant_or_kind_with_the_same_id_are_not_taken(
    database: Database,
) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    bob = await make_user(database, tenant, username="bob")
    async with database.system() as tx:
        cases: list[tuple[NewTenant, PrincipalKind]] = [(foreign, "user"), (tenant, "api_key")]
        for where, kind in cases:
            await member_store.put_member(
                tx,
                tenant_id=where.tenant.id,
                member_type=kind,
                member_id=str(bob.id),
                project_id=where.project.id,
                role="Owner",
                now=NOW,
            )

    tokens = await log_in(database, "bob")
    caller = await authenticate(Lookups(database), access_token=tokens.access_token, now=NOW)

    assert caller == principal_of(bob, tenant)


async def test_a_session_of_a_user_who_is_not_active_is_refused_by_itself(
    database: Database,
) -> None:
    tokens = await logged_in(database)
    async with database.system() as tx:
        await tx.execute("UPDATE users SET active = false")
        assert await tx.fetchval("SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == 1

    assert not await is_live(database, tokens.access_token)
    with pytest.raises(Unauthenticated, match=TOKEN_REFUSED):
        await refresh(database, refresh_token=tokens.refresh_token, now=NOW)


async def test_an_access_token_lives_ten_hours(database: Database) -> None:
    tokens = await logged_in(database)

    assert await is_live(database, tokens.access_token, now=NOW + TEN_HOURS - INSTANT)
    assert not await is_live(database, tokens.access_token, now=NOW + TEN_HOURS)


async def test_an_altered_access_token_is_refused(database: Database) -> None:
    tokens = await logged_in(database)

    for text in altered(tokens.access_token):
        assert not await is_live(database, text), text
    assert not await is_live(database, tokens.refresh_token)
    assert await is_live(database, tokens.access_token)


async def test_an_altered_refresh_token_is_refused_and_harms_nobody(database: Database) -> None:
    tokens = await logged_in(database)

    for text in [*altered(tokens.refresh_token), tokens.access_token]:
        with pytest.raises(Unauthenticated, match=TOKEN_REFUSED):
            await refresh(database, refresh_token=text, now=NOW)
        with pytest.raises(Unauthenticated, match=TOKEN_REFUSED):
            await log_out(database, token=text.replace("tdl_at", "tdl_rt"), now=NOW)
    assert await is_live(database, tokens.access_token)
    await refresh(database, refresh_token=tokens.refresh_token, now=NOW)


async def test_refresh_rotates_and_leaves_the_old_access_token_its_time(
    database: Database,
) -> None:
    first = await logged_in(database)
    later = NOW + timedelta(hours=9)

    second = await refresh(database, refresh_token=first.refresh_token, now=later)

    assert first.access_token != second.access_token
    assert first.refresh_token != second.refresh_token
    assert second.expires_in == 36_000
    assert await is_live(database, first.access_token, now=later)
    assert not await is_live(database, first.access_token, now=NOW + TEN_HOURS)
    assert await is_live(database, second.access_token, now=later + TEN_HOURS - INSTANT)


async def test_a_refresh_token_lives_thirty_days_from_its_rotation(database: Database) -> None:
    first = await logged_in(database)
    at = NOW + THIRTY_DAYS - INSTANT

    second = await refresh(database, refresh_token=first.refresh_token, now=at)
    third = await refresh(
        database, refresh_token=second.refresh_token, now=at + THIRTY_DAYS - INSTANT
    )

    with pytest.raises(Unauthenticated, match=TOKEN_REFUSED):
        await refresh(
            database, refresh_token=third.refresh_token, now=at + 2 * THIRTY_DAYS - INSTANT
        )


async def test_a_refresh_token_used_twice_ends_the_whole_session(database: Database) -> None:
    first = await logged_in(database)
    bystander = await log_in(database, "alice")
    second = await refresh(database, refresh_token=first.refresh_token, now=NOW)
    third = await refresh(database, refresh_token=second.refresh_token, now=NOW)

    with pytest.raises(Unauthenticated, match=TOKEN_REFUSED):
        await refresh(database, refresh_token=first.refresh_token, now=NOW)

    for tokens in (first, second, third):
        assert not await is_live(database, tokens.access_token)
        with pytest.raises(Unauthenticated, match=TOKEN_REFUSED):
            await refresh(database, refresh_token=tokens.refresh_token, now=NOW)
    assert await is_live(database, bystander.access_token)
    async with database.system() as tx:
        reasons = await tx.fetch("SELECT revoked_reason AS reason FROM sessions ORDER BY id")
    assert [row["reason"] for row in reasons] == ["refresh token used twice", None]


async def test_an_old_copy_of_a_used_token_ends_the_session_even_after_its_time(
    database: Database,
) -> None:
    first = await logged_in(database)
    at = NOW + timedelta(days=29)
    second = await refresh(database, refresh_token=first.refresh_token, now=at)
    at = NOW + THIRTY_DAYS + timedelta(days=1)

    with pytest.raises(Unauthenticated):
        await refresh(database, refresh_token=first.refresh_token, now=at)
    with pytest.raises(Unauthenticated):
        await refresh(database, refresh_token=second.refresh_token, now=at)


async def test_parallel_refreshes_have_one_winner_and_end_the_session(
    database: Database,
) -> None:
    first = await logged_in(database)

    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(
            *(refresh(database, refresh_token=first.refresh_token, now=NOW) for _ in range(8)),
            return_exceptions=True,
        )

    winners = [outcome for outcome in outcomes if isinstance(outcome, Tokens)]
    assert len(winners) == 1
    assert all(
        isinstance(outcome, Unauthenticated) for outcome in outcomes if outcome is not winners[0]
    )
    assert not await is_live(database, winners[0].access_token)
    assert not await is_live(database, first.access_token)


async def test_a_refresh_that_fails_leaves_the_token_usable(database: Database) -> None:
    first = await logged_in(database)
    used = secret_hash(first.refresh_token)
    with pytest.raises(ZeroDivisionError):
        async with database.system() as tx:
            family = await session_store.lock_family(tx, used)
            assert family is not None
            await session_store.rotate_session(
                tx, family.session_id, refresh_hash=used, expires_at=NOW + THIRTY_DAYS, now=NOW
            )
            raise ZeroDivisionError

    await refresh(database, refresh_token=first.refresh_token, now=NOW)


@pytest.mark.parametrize("kind", ["access", "refresh"])
async def test_log_out_ends_this_session_at_once(database: Database, kind: str) -> None:
    tokens = await logged_in(database)
    bystander = await log_in(database, "alice")
    token = tokens.access_token if kind == "access" else tokens.refresh_token

    await log_out(database, token=token, now=NOW)

    assert not await is_live(database, tokens.access_token)
    with pytest.raises(Unauthenticated):
        await refresh(database, refresh_token=tokens.refresh_token, now=NOW)
    with pytest.raises(Unauthenticated):
        await log_out(database, token=token, now=NOW)
    assert await is_live(database, bystander.access_token)


async def test_a_deactivated_user_is_out_at_once_and_stays_out_of_old_sessions(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, username="bob")
    tokens = await log_in(database, "bob")

    async def set_active(active: bool) -> None:
        async with database.tenant(tenant.tenant.id) as tx:
            changes = UserChanges(active=active)
            await change_user(tx, administrator_of(tenant), bob.id, changes, now=NOW)

    await set_active(False)
    assert not await is_live(database, tokens.access_token)
    with pytest.raises(Unauthenticated):
        await refresh(database, refresh_token=tokens.refresh_token, now=NOW)

    await set_active(True)
    assert not await is_live(database, tokens.access_token)
    await log_in(database, "bob")


async def test_a_deleted_user_is_nobody(database: Database) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, username="bob")
    tokens = await log_in(database, "bob")
    async with database.system() as tx:
        await tx.execute("DELETE FROM users WHERE id = $1", bob.id)

    assert not await is_live(database, tokens.access_token)
    with pytest.raises(Unauthenticated):
        await refresh(database, refresh_token=tokens.refresh_token, now=NOW)
    with pytest.raises(Unauthenticated):
        await log_in(database, "bob")


async def test_a_session_opened_while_the_user_is_deactivated_does_not_survive(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    bob = await make_user(database, tenant, username="bob")
    async with asyncio.timeout(60):
        async with database.tenant(tenant.tenant.id) as tx:
            changes = UserChanges(active=False)
            await change_user(tx, administrator_of(tenant), bob.id, changes, now=NOW)
            # The login reads the user as still active and then waits for this transaction.
            logging_in = asyncio.ensure_future(log_in(database, "bob"))
            await until_somebody_waits(database)
        with pytest.raises(Unauthenticated):
            await logging_in


async def test_authentication_reads_each_table_by_its_index(
    database: Database, owner: asyncpg.Connection
) -> None:
    tenant = await make_tenant(database)
    await owner.execute(
        """
        SET search_path = treadle;
        CREATE TEMPORARY TABLE people AS
            SELECT n, gen_random_uuid() AS session_id FROM generate_series(1000, 4000) AS n;
        INSERT INTO users (id, tenant_id, username, username_folded, password_hash, created_at,
                           last_modified_at)
            OVERRIDING SYSTEM VALUE SELECT n, t.id, 'x' || n, 'x' || n, '', now(), now()
            FROM people, tenants t;
        INSERT INTO members (id, tenant_id, member_type, member_id, role, created_at)
            SELECT gen_random_uuid(), t.id, 'user', n, 'Consumer', now() FROM people, tenants t;
        INSERT INTO sessions (id, tenant_id, user_id, created_at, expires_at)
            SELECT session_id, t.id, n, now(), now() FROM people, tenants t;
        INSERT INTO tokens (token_hash, tenant_id, session_id, kind, expires_at)
            SELECT sha256(n::text::bytea), t.id, session_id, 'access', now()
            FROM people, tenants t;
        ANALYZE users, members, sessions, tokens;
        """
    )
    assert tenant.administrator_id < 1000
    async with database.system() as tx:
        plan = await tx.fetch(f"EXPLAIN {session_store.CALLERS}", [b"hash", b"more"])
    text = "\n".join(row[0] for row in plan)

    assert "Seq Scan" not in text
    for index in ("tokens_pkey", "sessions_pkey", "users_pkey", "members_tenant_id_member_type"):
        assert index in text
