"""Plain SQL files, forward only, each applied once and in one transaction.

A file is `NNNN_verb_object.sql`; numbers begin at 1 and have no gaps. What was applied is recorded
with its hash in `treadle.migrations`, so that a file that was changed afterwards is noticed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import asyncpg
import structlog

from treadle.db.errors import MigrationError

log = structlog.get_logger()

MIGRATIONS = Path(__file__).with_name("migrations")

FILE_NAME = re.compile(r"(\d{4})_([a-z][a-z0-9]*(?:_[a-z0-9]+)+)\.sql")

LOCK_ATTEMPTS = 6
"""Each waits 5 s for its locks, so that a long transaction never makes all others queue behind."""

RECORD_TABLE = """
    CREATE SCHEMA IF NOT EXISTS treadle;
    CREATE TABLE IF NOT EXISTS treadle.migrations (
        number      int PRIMARY KEY CHECK (number > 0),
        name        text NOT NULL,
        sha256      text NOT NULL,
        applied_at  timestamptz NOT NULL DEFAULT now()
    );
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str
    sha256: str
    sql: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of `treadle.migrations`."""

    name: str
    sha256: str


def load_migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """The files of `folder` in order. Raises MigrationError for a bad name, double or gap."""
    migrations = [_load(path) for path in sorted(folder.glob("*.sql"))]
    for earlier, later in pairwise(migrations):
        if earlier.number == later.number:
            raise MigrationError(f"two migrations have one number: {earlier.name}, {later.name}")
    for expected, migration in enumerate(migrations, start=1):
        if migration.number != expected:
            raise MigrationError(f"migration {expected:04} is missing before {migration.name}")
    return tuple(migrations)


def pending(
    migrations: Sequence[Migration], applied: Mapping[int, Applied]
) -> tuple[Migration, ...]:
    """What is still to be applied. Raises MigrationError when the database knows other files."""
    known = {migration.number: migration for migration in migrations}
    for number, record in sorted(applied.items()):
        migration = known.get(number)
        if migration is None:
            raise MigrationError(
                f"the database has {record.name}, which this program does not know: it was "
                "migrated by a newer one"
            )
        if migration.sha256 != record.sha256:
            raise MigrationError(
                f"{migration.name} was changed after it was applied (the database has "
                f"{record.name} {record.sha256[:12]}, the file is {migration.sha256[:12]}); "
                "restore it and write a new migration"
            )
    return tuple(migration for migration in migrations if migration.number not in applied)


async def migrate(
    connection: asyncpg.Connection, *, folder: Path = MIGRATIONS
) -> tuple[Migration, ...]:
    """Applies what is pending and returns it. `connection` is the owner's.

    The caller holds the lock of `prepare`, so that only one process migrates a database.
    """
    migrations = load_migrations(folder)
    await connection.execute(RECORD_TABLE)
    records = await connection.fetch("SELECT number, name, sha256 FROM treadle.migrations")
    applied = {
        record["number"]: Applied(name=record["name"], sha256=record["sha256"])
        for record in records
    }
    todo = pending(migrations, applied)
    for migration in todo:
        await _apply(connection, migration)
        log.info("migration_applied", migration=migration.name)
    return todo


def _load(path: Path) -> Migration:
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise MigrationError(f"{path.name} is not named NNNN_verb_object.sql")
    # A checkout may have turned the line ends; the statements are the same.
    sql = path.read_bytes().replace(b"\r\n", b"\n")
    return Migration(
        number=int(match[1]),
        name=path.name,
        sha256=hashlib.sha256(sql).hexdigest(),
        sql=sql.decode(),
    )


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            await _apply_once(connection, migration)
            return
        except asyncpg.LockNotAvailableError as error:
            log.warning("migration_waits_for_locks", migration=migration.name, attempt=attempt)
            if attempt == LOCK_ATTEMPTS:
                raise MigrationError(
                    f"{migration.name} did not get its locks ({error}); end the long transactions "
                    "on the database and start again"
                ) from error


async def _apply_once(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '5s'; SET LOCAL search_path = treadle")
        try:
            await connection.execute(migration.sql)
        except asyncpg.LockNotAvailableError:
            raise
        except asyncpg.PostgresError as error:
            raise MigrationError(f"{migration.name} failed: {_described(error)}") from error
        if not connection.is_in_transaction():
            raise MigrationError(f"{migration.name} ends its transaction; it must not")
        await connection.execute(
            "INSERT INTO treadle.migrations (number, name, sha256) VALUES ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.sha256,
        )


def _described(error: asyncpg.PostgresError) -> str:
    """What PostgreSQL says about it, all of it: the reader has only this line."""
    details = error.as_dict()
    parts = [str(error)]
    parts += [f"{name}: {details[name]}" for name in ("detail", "hint", "position", "where")
              if details.get(name)]  # fmt: skip
    return "; ".join(parts)
