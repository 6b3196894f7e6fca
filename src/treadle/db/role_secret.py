"""The secret that the passwords of the database roles are made of: random, in the database, sealed.

It is made once and stays when the master key is replaced: processes with the old key and with the
new one log in with the same passwords, so that a new key can be brought in one process at a time.
Only the database's owner reads the table; the seal keeps a copy of the database from giving it
away.
"""

from __future__ import annotations

import os
from typing import Final

import asyncpg

from treadle.core.sealing import CannotUnseal, Sealer
from treadle.db.connection import CONNECT_ERRORS
from treadle.db.errors import DatabaseSetupError, DatabaseUnavailable

TABLE: Final = """
    CREATE SCHEMA IF NOT EXISTS treadle;
    CREATE TABLE IF NOT EXISTS treadle.role_secret (
        only_one  bool PRIMARY KEY DEFAULT true CHECK (only_one),
        sealed    bytea NOT NULL
    )
"""
"""Made before the migrations: roles are needed for those."""

LOCK: Final = "SELECT pg_advisory_lock(hashtext('treadle.prepare'))"
"""Held by the session, so it goes with the process that dies."""

_CONTEXT: Final = "database roles"
_BYTES: Final = 32


async def connect_owner(owner_url: str) -> asyncpg.Connection:
    """A connection of the database's owner. Raises DatabaseUnavailable, DatabaseSetupError."""
    try:
        return await asyncpg.connect(
            owner_url,
            server_settings={"application_name": "treadle setup", "search_path": "treadle"},
        )
    except CONNECT_ERRORS as error:
        raise DatabaseUnavailable from error
    except asyncpg.PostgresError as error:
        raise DatabaseSetupError(f"the owner of the database cannot log in: {error}") from error


async def role_secret(owner_url: str, sealer: Sealer) -> bytes:
    """The secret, made if there is none: of several processes that start at once, one makes it.

    Raises DatabaseUnavailable, and DatabaseSetupError where no key here opens it.
    """
    connection = await connect_owner(owner_url)
    try:
        await connection.execute(LOCK)
        await connection.execute(TABLE)
        sealed = await connection.fetchval("SELECT sealed FROM treadle.role_secret")
        if sealed is not None:
            return _opened(sealer, sealed)
        secret = os.urandom(_BYTES)
        await connection.execute(
            "INSERT INTO treadle.role_secret (sealed) VALUES ($1)",
            sealer.seal(secret, context=_CONTEXT),
        )
        return secret
    finally:
        await connection.close()


async def reseal_role_secret(owner_url: str, sealer: Sealer) -> bool:
    """Seals it under the first key; whether it was under another one. Raises as `role_secret`."""
    connection = await connect_owner(owner_url)
    try:
        await connection.execute(LOCK)
        sealed = await connection.fetchval("SELECT sealed FROM treadle.role_secret")
        if sealed is None or sealed.startswith(sealer.newest):
            return False
        secret = _opened(sealer, sealed)
        await connection.execute(
            "UPDATE treadle.role_secret SET sealed = $1", sealer.seal(secret, context=_CONTEXT)
        )
        return True
    finally:
        await connection.close()


def _opened(sealer: Sealer, sealed: bytes) -> bytes:
    try:
        return sealer.unseal(sealed, context=_CONTEXT)
    except CannotUnseal:
        raise DatabaseSetupError(
            "this database was made with another master key, which is not in TREADLE_SECRET_KEY or "
            "the file secret.key; put it back"
        ) from None
