"""Opening connections: what every session of Treadle has in common."""

from __future__ import annotations

from typing import Any

import asyncpg
import orjson

SCHEMA = "treadle"

SERVER_AWAY: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
"""The server starts, stops, is full or just went away."""

STALE_PLANS: tuple[type[Exception], ...] = (
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
"""A migration of a newer process changed a table under a prepared statement; asyncpg forgets such
statements when it says so, but cannot repeat a transaction."""

CONNECT_ERRORS = (OSError, *SERVER_AWAY)
"""What connecting raises when the same may succeed a moment later (a time-out is an OSError)."""

JSONB_VERSION = b"\x01"
"""PostgreSQL's binary form of jsonb is this byte and the text."""


_ARRAYS = (
    "uuid", "text", "bytea", "bigint", "int", "bool", "timestamptz", "date", "inet", "json"
)  # fmt: skip


def session_options(
    *, application: str, statement_timeout_seconds: float, idle_in_transaction_seconds: float
) -> dict[str, Any]:
    """Arguments of `asyncpg.connect` and `create_pool` that make a session one of ours."""
    return {
        "server_settings": {
            "search_path": SCHEMA,
            "timezone": "UTC",
            "application_name": application,
            "statement_timeout": _milliseconds(statement_timeout_seconds),
            # A process that hangs within a transaction holds its locks no longer than this.
            "idle_in_transaction_session_timeout": _milliseconds(idle_in_transaction_seconds),
            # Our statements are short: compiling one takes longer than it saves.
            "jit": "off",
        },
        "statement_cache_size": 500,
    }


async def prepare_session(connection: asyncpg.Connection) -> None:
    """json and jsonb go in and come out as Python values, strings among them; None is NULL.

    PgQueuer hands in its headers as JSON text: here they become a JSON string of that text, which
    it reads back as what it was, as long as all its connections are prepared like this.
    """
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_encode_jsonb,
        decoder=_decode_jsonb,
        format="binary",
    )
    await connection.set_type_codec(
        "json",
        schema="pg_catalog",
        encoder=orjson.dumps,
        decoder=orjson.loads,
        format="binary",
    )


async def prepare_pooled(connection: asyncpg.Connection) -> None:
    """As `prepare_session`, for a connection that carries out whatever a request asks.

    asyncpg asks the server about each type of array that it meets, in the middle of somebody's
    request. Here it asks once, about all of them.
    """
    await prepare_session(connection)
    places = ", ".join(f"${place}::{name}[]" for place, name in enumerate(_ARRAYS, 1))
    await connection.prepare(f"SELECT {places}")


def is_closed(connection: asyncpg.Connection) -> bool:
    """Whether the connection is gone; asyncpg's own raises for one whose pool noticed it first."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


def is_passing(error: BaseException, connection: asyncpg.Connection) -> bool:
    """Whether the same may succeed a moment later: the server or the connection to it went away,
    or the schema moved on."""
    # asyncpg's own confusion: it noticed the end of the session in the middle of beginning anew.
    if isinstance(error, (*SERVER_AWAY, *STALE_PLANS, asyncpg.InternalClientError)):
        return True
    # These also tell of other things: of a file, of a mistake in our program.
    return isinstance(error, (OSError, asyncpg.InterfaceError)) and is_closed(connection)


def _encode_jsonb(value: object) -> bytes:
    return JSONB_VERSION + orjson.dumps(value)


def _decode_jsonb(data: bytes) -> Any:
    return orjson.loads(data[1:])


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
