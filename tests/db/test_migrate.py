"""Migrations are applied once, in order, whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import asyncpg
import pytest

from treadle.db.errors import MigrationError
from treadle.db.migrate import (
    MIGRATIONS,
    Applied,
    Migration,
    load_migrations,
    migrate,
    pending,
)


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_database_url)
    yield connection
    await connection.close()


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name.removeprefix('m')}.sql").write_text(sql)
    return folder


def migration(number: int, sha256: str = "a") -> Migration:
    return Migration(number=number, name=f"{number:04}_do_it.sql", sha256=sha256, sql="")


def applied(number: int, sha256: str = "a") -> dict[int, Applied]:
    return {number: Applied(name=f"{number:04}_do_it.sql", sha256=sha256)}


def test_own_migrations_load() -> None:
    names = [migration.name for migration in load_migrations(MIGRATIONS)]
    assert names
    assert names == sorted(names)


def test_files_load_in_order(tmp_path: Path) -> None:
    write(tmp_path, m0002_add_b="b", m0001_create_a="a")
    (tmp_path / "README.md").write_text("not a migration")
    assert [(each.number, each.sql) for each in load_migrations(tmp_path)] == [(1, "a"), (2, "b")]


def test_line_ends_make_no_difference(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, ends in ((one, b"\n"), (other, b"\r\n")):
        folder.mkdir()
        (folder / "0001_create_a.sql").write_bytes(b"SELECT 1;" + ends)
    assert load_migrations(one) == load_migrations(other)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["m0001_create_a", "m0001_create_b"], "one number: 0001_create_a.sql, 0001_create_b.sql"),
        (["m0001_create_a", "m0003_create_c"], "0002 is missing before 0003_create_c.sql"),
        (["m0002_create_b"], "0001 is missing"),
        (["m1_create_a"], "NNNN_verb_object"),
        (["m0001_create"], "NNNN_verb_object"),
        (["m0001_Create_A"], "NNNN_verb_object"),
    ],
)
def test_disorder_is_refused(tmp_path: Path, names: list[str], message: str) -> None:
    write(tmp_path, **dict.fromkeys(names, "SELECT 1"))
    with pytest.raises(MigrationError, match=message):
        load_migrations(tmp_path)


def test_pending_is_what_was_not_applied() -> None:
    both = (migration(1), migration(2))
    assert pending(both, {}) == both
    assert pending(both, applied(1)) == both[1:]
    assert pending(both, applied(1) | applied(2)) == ()


def test_changed_file_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"0001_do_it\.sql was changed after it was applied"):
        pending([migration(1, "new")], applied(1, "old"))


def test_database_of_a_newer_program_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"0002_do_it\.sql.* newer"):
        pending([migration(1)], applied(1) | applied(2))


async def test_migrations_are_applied_once_and_recorded(
    empty: asyncpg.Connection, tmp_path: Path
) -> None:
    write(tmp_path, m0001_create_a="CREATE TABLE a (id int)")
    assert [each.number for each in await migrate(empty, folder=tmp_path)] == [1]
    write(tmp_path, m0002_create_b="CREATE TABLE b (id int); INSERT INTO b VALUES (1), (2);")
    assert [each.number for each in await migrate(empty, folder=tmp_path)] == [2]
    assert await migrate(empty, folder=tmp_path) == ()
    # Without being named, their tables are in our schema.
    assert await empty.fetchval("SELECT count(*) FROM treadle.b") == 2
    rows = await empty.fetch("SELECT number, name FROM treadle.migrations ORDER BY number")
    assert [tuple(row) for row in rows] == [(1, "0001_create_a.sql"), (2, "0002_create_b.sql")]


async def test_failure_leaves_nothing_of_the_file_and_all_before(
    empty: asyncpg.Connection, tmp_path: Path
) -> None:
    write(
        tmp_path,
        m0001_create_a="CREATE TABLE a (id int)",
        m0002_break_b="CREATE TABLE b (id int); INSERT INTO nowhere VALUES (1);",
    )
    with pytest.raises(MigrationError, match=r'0002_break_b\.sql failed: .*"nowhere".*position'):
        await migrate(empty, folder=tmp_path)
    assert await empty.fetchval("SELECT to_regclass('treadle.a') IS NOT NULL")
    assert await empty.fetchval("SELECT to_regclass('treadle.b') IS NULL")
    assert await empty.fetchval("SELECT max(number) FROM treadle.migrations") == 1


async def test_file_that_ends_its_transaction_is_refused(
    empty: asyncpg.Connection, tmp_path: Path
) -> None:
    write(tmp_path, m0001_create_a="CREATE TABLE a (id int); COMMIT;")
    with pytest.raises(MigrationError, match="ends its transaction"):
        await migrate(empty, folder=tmp_path)


async def test_locks_are_not_awaited_for_long(empty: asyncpg.Connection, tmp_path: Path) -> None:
    """A migration that waits for a lock makes everybody else wait behind it."""
    write(tmp_path, m0001_create_a="CREATE TABLE a AS SELECT current_setting('lock_timeout') t")
    await migrate(empty, folder=tmp_path)
    assert await empty.fetchval("SELECT t FROM treadle.a") == "5s"


async def test_migration_gets_its_locks_when_they_come_free(
    empty: asyncpg.Connection, empty_database_url: str, tmp_path: Path
) -> None:
    write(tmp_path, m0001_create_a="CREATE TABLE a (id int)")
    await migrate(empty, folder=tmp_path)
    # The first try is refused by a lock that is held; it goes before the second.
    write(
        tmp_path,
        m0002_alter_a="SET LOCAL lock_timeout = '1ms'; ALTER TABLE a ADD COLUMN b int",
    )
    holder = await asyncpg.connect(empty_database_url)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("LOCK TABLE treadle.a")
    with pytest.raises(MigrationError, match=r"0002_alter_a\.sql did not get its locks"):
        await migrate(empty, folder=tmp_path)
    await transaction.rollback()
    await holder.close()
    assert [each.number for each in await migrate(empty, folder=tmp_path)] == [2]
