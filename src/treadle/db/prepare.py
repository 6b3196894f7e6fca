"""Everything that a database needs before the program can use it."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from treadle.db.migrate import MIGRATIONS, migrate
from treadle.db.queue_schema import install_queue
from treadle.db.role_secret import LOCK, TABLE, connect_owner
from treadle.db.roles import (
    SYSTEM_GROUP,
    TENANT_GROUP,
    RoleCredentials,
    database_name,
    ensure_roles,
    role_prefix,
)


async def prepare_database(
    owner_url: str, secret: bytes, *, prefix: str | None = None, folder: Path = MIGRATIONS
) -> RoleCredentials:
    """Roles, our schema and the queue's, up to this program; cheap when nothing is to do.

    Any number of processes may call it at once: one works, the others wait and find it done.
    Raises DatabaseSetupError, or DatabaseUnavailable when there is no connection.
    """
    database = database_name(owner_url)
    connection = await connect_owner(owner_url)
    try:
        await connection.execute(LOCK)
        await connection.execute(TABLE)
        credentials = await ensure_roles(
            connection, prefix=prefix or role_prefix(database), secret=secret
        )
        await migrate(connection, folder=folder)
        await install_queue(connection)
        await connection.execute(f"GRANT USAGE ON SCHEMA treadle TO {TENANT_GROUP}, {SYSTEM_GROUP}")
        await _allow_to_connect(connection)
        return credentials
    finally:
        await connection.close()


async def _allow_to_connect(connection: asyncpg.Connection) -> None:
    """Where the right to connect was taken from everybody, the roles need it."""
    missing = await connection.fetchval(
        "SELECT NOT has_database_privilege($1, current_database(), 'CONNECT')", TENANT_GROUP
    )
    if missing:
        name = await connection.fetchval("SELECT quote_ident(current_database())")
        await connection.execute(
            f"GRANT CONNECT ON DATABASE {name} TO {TENANT_GROUP}, {SYSTEM_GROUP}"
        )
