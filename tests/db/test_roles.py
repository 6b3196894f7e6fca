"""Who may log in, with which password, and how little the roles can do."""

from __future__ import annotations

import asyncio
from base64 import b64decode

import asyncpg
import pytest

from treadle.db.errors import RoleSetupError
from treadle.db.roles import (
    Login,
    RoleCredentials,
    database_name,
    ensure_roles,
    role_credentials,
    role_prefix,
    scram_verifier,
)

SECRET = b"0123456789abcdef0123456789abcdef"


async def clean(owner: asyncpg.Connection, prefix: str) -> None:
    """Roles are of the server, not of the test's database: a test takes its own away."""
    for role in (f"{prefix}_tenant", f"{prefix}_system"):
        await owner.execute(f'DROP ROLE IF EXISTS "{role}"')


def test_prefix_is_the_database_name() -> None:
    assert role_prefix("shop") == "treadle_shop"


def test_prefix_of_a_long_name_fits_and_stays_distinct() -> None:
    long = "ü" * 31
    one, other = role_prefix(long + "1"), role_prefix(long + "2")
    assert one != other
    for prefix in (one, other):
        assert len(f"{prefix}_tenant".encode()) <= 63


def test_passwords_follow_from_the_secret_and_differ() -> None:
    one = role_credentials(prefix="p", secret=SECRET)
    assert one == role_credentials(prefix="p", secret=SECRET)
    others = {
        one.tenant.password,
        one.system.password,
        role_credentials(prefix="q", secret=SECRET).tenant.password,
        role_credentials(prefix="p", secret=b"another").tenant.password,
    }
    assert len(others) == 4


def test_password_is_not_in_repr() -> None:
    login = Login(user="a", password="opensesame")
    assert "opensesame" not in repr(RoleCredentials(tenant=login, system=login))


@pytest.mark.parametrize(
    ("owner_url", "expected"),
    [
        (
            "postgresql://o:pw@db.example:6432/shop?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgresql://u%2F1:p%40s@db.example:6432/shop?sslmode=verify-full&sslrootcert=/ca.pem",
        ),
        (
            "postgresql://o:pw@/shop?host=/run/my%20pg&port=5433",
            "postgresql://u%2F1:p%40s@/shop?host=/run/my%20pg&port=5433",
        ),
        (
            "postgresql://one,two:5433/shop?user=o&password=pw&target_session_attrs=primary",
            "postgresql://u%2F1:p%40s@one,two:5433/shop?target_session_attrs=primary",
        ),
    ],
)
def test_url_keeps_all_but_user_and_password(owner_url: str, expected: str) -> None:
    assert Login(user="u/1", password="p@s").url(owner_url) == expected


def test_database_name_is_read_from_path_or_option() -> None:
    assert database_name("postgresql://h/my%20db?x=1") == "my db"
    assert database_name("postgresql://h?dbname=shop") == "shop"
    with pytest.raises(RoleSetupError, match="must name its database"):
        database_name("postgresql://h/")


async def test_verifier_is_what_postgres_itself_makes(owner: asyncpg.Connection) -> None:
    await owner.execute("CREATE ROLE by_server LOGIN PASSWORD 'correct horse'")
    try:
        stored = str(
            await owner.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'by_server'")
        )
    finally:
        await owner.execute("DROP ROLE by_server")
    salt = stored.split("$")[1].split(":")[1]
    assert scram_verifier("correct horse", salt=b64decode(salt)) == stored


async def test_roles_log_in_and_are_members(owner: asyncpg.Connection, database_url: str) -> None:
    credentials = await ensure_roles(owner, prefix="treadle_t1", secret=SECRET)
    try:
        for login, group, other in (
            (credentials.tenant, "treadle_tenant", "treadle_system"),
            (credentials.system, "treadle_system", "treadle_tenant"),
        ):
            connection = await asyncpg.connect(login.url(database_url))
            assert await connection.fetchval("SELECT current_user") == login.user
            assert await connection.fetchval("SELECT pg_has_role($1, 'USAGE')", group)
            assert not await connection.fetchval("SELECT pg_has_role($1, 'MEMBER')", other)
            await connection.close()
    finally:
        await clean(owner, "treadle_t1")


async def test_roles_are_made_again_without_change(
    owner: asyncpg.Connection, database_url: str
) -> None:
    try:
        first = await ensure_roles(owner, prefix="treadle_t2", secret=SECRET)
        assert await ensure_roles(owner, prefix="treadle_t2", secret=SECRET) == first
        connection = await asyncpg.connect(first.tenant.url(database_url))
        await connection.close()
    finally:
        await clean(owner, "treadle_t2")


async def test_new_secret_locks_out_the_old_one(
    owner: asyncpg.Connection, database_url: str
) -> None:
    try:
        old = await ensure_roles(owner, prefix="treadle_t3", secret=SECRET)
        new = await ensure_roles(owner, prefix="treadle_t3", secret=b"another")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(old.system.url(database_url))
        connection = await asyncpg.connect(new.system.url(database_url))
        await connection.close()
    finally:
        await clean(owner, "treadle_t3")


async def test_many_processes_make_the_roles_at_once(
    owner: asyncpg.Connection, database_url: str
) -> None:
    connections = [await asyncpg.connect(database_url) for _ in range(8)]
    try:
        made = await asyncio.gather(
            *(ensure_roles(each, prefix="treadle_t4", secret=SECRET) for each in connections)
        )
        assert len(set(made)) == 1
    finally:
        for connection in connections:
            await connection.close()
        await clean(owner, "treadle_t4")


async def test_roles_with_power_are_refused(owner: asyncpg.Connection) -> None:
    try:
        await ensure_roles(owner, prefix="treadle_t5", secret=SECRET)
        await owner.execute("ALTER ROLE treadle_t5_system BYPASSRLS")
        with pytest.raises(RoleSetupError, match="treadle_t5_system can bypass"):
            await ensure_roles(owner, prefix="treadle_t5", secret=SECRET)
    finally:
        await clean(owner, "treadle_t5")


async def test_members_of_powerful_roles_are_refused(owner: asyncpg.Connection) -> None:
    await owner.execute("CREATE ROLE powerful BYPASSRLS")
    try:
        await ensure_roles(owner, prefix="treadle_t6", secret=SECRET)
        await owner.execute("GRANT powerful TO treadle_t6_tenant")
        with pytest.raises(RoleSetupError, match="treadle_t6_tenant can bypass"):
            await ensure_roles(owner, prefix="treadle_t6", secret=SECRET)
    finally:
        await clean(owner, "treadle_t6")
        await owner.execute("DROP ROLE powerful")


async def test_owner_without_createrole_is_told_so(
    owner: asyncpg.Connection, database_url: str
) -> None:
    await owner.execute("CREATE ROLE poor LOGIN PASSWORD 'poor'")
    try:
        poor = await asyncpg.connect(Login(user="poor", password="poor").url(database_url))
        with pytest.raises(RoleSetupError, match="ALTER ROLE poor CREATEROLE"):
            await ensure_roles(poor, prefix="treadle_t7", secret=SECRET)
        await poor.close()
    finally:
        await owner.execute("DROP ROLE poor")
