"""Setting up a database: by many at once, by an owner without power, again and again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.errors import DatabaseSetupError, DatabaseUnavailable, MigrationError
from treadle.db.prepare import prepare_database
from treadle.db.queue_schema import QUEUE_SETTINGS
from treadle.db.roles import Login

SECRET = b"the installation secret of all tests"
PREFIX = "treadle_test"


async def test_many_processes_prepare_at_once(empty_database_url: str) -> None:
    made = await asyncio.gather(
        *(prepare_database(empty_database_url, SECRET, prefix=PREFIX) for _ in range(5))
    )
    assert len(set(made)) == 1
    database = await Database.connect(empty_database_url, SECRET, prefix=PREFIX)
    async with database.system() as tx:
        assert await tx.fetchval("SELECT count(*) = max(number) FROM migrations")
    await database.close()


async def test_preparing_again_changes_nothing(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    objects = "SELECT oid, relname, relfilenode, reloptions FROM pg_class ORDER BY oid"
    before = await connection.fetch(objects)
    await prepare_database(database_url, SECRET, prefix=PREFIX)
    assert await connection.fetch(objects) == before
    await connection.close()


async def test_queue_is_logged_and_its_notes_are_not(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        "SELECT relname, relpersistence = 'p' AS logged FROM pg_class "
        "WHERE relnamespace = 'queue'::regnamespace AND relkind = 'r'"
    )
    assert {row["relname"]: row["logged"] for row in rows} == {
        "pgqueuer": True,
        "pgqueuer_schedules": True,
        "pgqueuer_log": False,
        "pgqueuer_statistics": False,
    }


async def test_queue_is_vacuumed_often(owner: asyncpg.Connection) -> None:
    options = await owner.fetchval(
        "SELECT reloptions FROM pg_class WHERE oid = 'queue.pgqueuer'::regclass"
    )
    assert "autovacuum_vacuum_scale_factor=0.01" in (options or [])


async def test_autovacuum_settings_are_mended(database_url: str, owner: asyncpg.Connection) -> None:
    """A process may have died between the tables and their settings."""
    reloptions = "SELECT reloptions FROM pg_class WHERE oid = 'queue.pgqueuer'::regclass"
    before = set(await owner.fetchval(reloptions) or [])
    names = ", ".join(option.partition("=")[0] for option in before)
    await owner.execute(f"ALTER TABLE queue.pgqueuer RESET ({names})")
    assert await owner.fetchval(reloptions) is None
    await prepare_database(database_url, SECRET, prefix=PREFIX)
    assert set(await owner.fetchval(reloptions) or []) == before


def test_no_environment_variable_moves_the_queue() -> None:
    """PgQueuer reads a field from the environment unless it is given."""
    assert QUEUE_SETTINGS.model_fields_set == set(type(QUEUE_SETTINGS).model_fields)


@pytest.mark.usefixtures("template_database")
async def test_owner_need_not_be_a_superuser(postgres: EmbeddedPostgres) -> None:
    """As on a managed PostgreSQL: one who may create roles, with a database of its own."""
    name = f"managed_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(postgres.owner_url)
    await admin.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'pw'")
    # The groups were made by another owner in this server; its administrator shares them.
    await admin.execute(f"GRANT treadle_tenant, treadle_system TO {name} WITH ADMIN OPTION")
    await admin.execute(f"CREATE DATABASE {name} OWNER {name}")
    await admin.execute(f"REVOKE CONNECT ON DATABASE {name} FROM public")
    url = Login(user=name, password="pw").url(postgres.owner_url).replace("@/treadle", f"@/{name}")
    try:
        await prepare_database(url, SECRET)
        database = await Database.connect(url, SECRET)
        async with database.tenant(uuid4()) as tx:
            assert await tx.fetchval("SELECT current_user") == f"treadle_{name}_tenant"
            assert await tx.fetchval("SELECT count(*) FROM jobs") == 0
        await database.close()
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        for role in (f"treadle_{name}_tenant", f"treadle_{name}_system", name):
            await admin.execute(f"DROP ROLE IF EXISTS {role}")
        await admin.close()


async def test_owner_who_cannot_log_in_is_told(database_url: str) -> None:
    wrong = Login(user="treadle", password="wrong").url(database_url)
    with pytest.raises(DatabaseSetupError, match="cannot log in: password authentication failed"):
        await prepare_database(wrong, SECRET)


async def test_missing_server_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable):
        await prepare_database("postgresql://a:b@/c?host=/nowhere", SECRET)


async def test_lock_is_free_after_a_failure(empty_database_url: str, tmp_path: Path) -> None:
    (tmp_path / "0001_break_it.sql").write_text("SELECT nothing")
    for _ in range(2):
        with pytest.raises(MigrationError, match="0001_break_it"):
            await prepare_database(empty_database_url, SECRET, prefix=PREFIX, folder=tmp_path)
