"""Queries to a PostgreSQL somewhere else, read-only unless the integration says otherwise."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import asyncpg
import orjson
from pydantic import AfterValidator, Field

from treadle.core.json import Json
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import BrokenAnswer, Rejected, TooLarge, deadline
from treadle.integrations.model import Config, OpenIntegration, Secrets
from treadle.integrations.types.sql_gate import PORT, Gate, open_gate
from treadle.integrations.types.sql_values import json_value, parameter
from treadle.integrations.types.texts import Host, Name, Password, Port

MAX_BYTES: Final = 32_000_000
"""That one connection may send us, rows and all."""
CONNECT_SECONDS: Final = 15


def _pem(text: str) -> str:
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError):
        raise ValueError("must be certificates in PEM") from None
    return text


class SqlConfig(Config):
    """A database, and what may be done with it. `tls`: `verify` checks the certificate, against
    `ca_certificate` if there is one, else against those that the system trusts.
    """

    host: Host
    port: Port = 5432
    database: Name
    username: Name
    tls: Literal["verify", "none"] = "verify"
    ca_certificate: Annotated[str, Field(max_length=20_000), AfterValidator(_pem)] | None = None
    read_only: bool = True
    statement_timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 30
    max_rows: Annotated[int, Field(ge=1, le=10_000)] = 1_000

    def needed_secrets(self) -> frozenset[str]:
        """The password."""
        return frozenset({"password"})

    def target(self) -> tuple[object, ...]:
        """The server, and how it proves that it is the one."""
        return self.host.lower(), self.port, self.tls, self.ca_certificate


class SqlSecrets(Secrets):
    """The user's password."""

    password: Password | None = None


OpenSql: TypeAlias = OpenIntegration[SqlConfig, SqlSecrets]


@dataclass(frozen=True, slots=True)
class SqlResult:
    """What a statement gave. Of two columns with one name the last is kept. `row_count`: rows that
    were given or changed. `truncated`: there were more than the integration allows.
    """

    columns: tuple[str, ...]
    rows: tuple[dict[str, Json], ...] = field(repr=False)
    row_count: int
    truncated: bool


async def query(
    context: IntegrationsContext,
    opened: OpenSql,
    *,
    sql: str,
    parameters: Sequence[Json] = (),
) -> SqlResult:
    """What one statement gives, with `$1`, `$2`, … from `parameters`; in a transaction of its own.

    Parameters are as JSON has them; times, numbers beyond floats, and bytes (base64) are texts.
    Raises OutboundError.
    """
    config = opened.config
    seconds = CONNECT_SECONDS + config.statement_timeout_seconds
    with deadline(seconds, place=config.host):
        async with _opened(context, opened) as database:
            with _failures_of(opened, database.gate):
                milliseconds = config.statement_timeout_seconds * 1_000
                await database.link.execute(f"SET statement_timeout = {milliseconds}")
                async with database.link.transaction(readonly=config.read_only):
                    return await _run(database.link, sql, parameters, most=config.max_rows)


async def test(context: IntegrationsContext, opened: OpenSql, *, now: datetime) -> str:
    """Connects and asks the server for its version. Raises OutboundError."""
    result = await query(context, opened, sql="SELECT current_setting('server_version') AS version")
    version = opened.masked(str(result.rows[0]["version"]))
    rights = "read-only" if opened.config.read_only else "reading and writing"
    return f"{opened.config.host} is PostgreSQL {version}, {rights}"


@dataclass(frozen=True, slots=True)
class _Database:
    link: Any
    gate: Gate


@asynccontextmanager
async def _opened(context: IntegrationsContext, opened: OpenSql) -> AsyncGenerator[_Database]:
    config = opened.config
    async with open_gate(
        context.outbound.guard,
        host=config.host,
        port=config.port,
        tls=_tls(context, config),
        max_bytes=MAX_BYTES,
    ) as gate:
        with _failures_of(opened, gate):
            link = await _connect(gate, config, opened.secrets.password or "")
        try:
            yield _Database(link, gate)
        finally:
            link.terminate()


async def _connect(gate: Gate, config: SqlConfig, password: str) -> Any:
    # All that asyncpg would else look for in our own environment and home is said here.
    link: Any = await asyncpg.connect(
        host=str(gate.folder),
        port=PORT,
        user=config.username,
        password=password,
        database=config.database,
        ssl=False,
        passfile="",
        timeout=CONNECT_SECONDS,
        statement_cache_size=0,
        target_session_attrs="any",
        server_settings={"application_name": "treadle"},
    )
    for name in ("json", "jsonb"):
        await link.set_type_codec(
            name,
            schema="pg_catalog",
            encoder=_json_text,
            decoder=orjson.loads,
        )
    return link


def _json_text(value: object) -> str:
    return orjson.dumps(value).decode()


def _tls(context: IntegrationsContext, config: SqlConfig) -> ssl.SSLContext | None:
    if config.tls == "none":
        return None
    if config.ca_certificate is not None:
        return ssl.create_default_context(cadata=config.ca_certificate)
    return context.outbound.ssl_context


async def _run(link: Any, sql: str, parameters: Sequence[Json], *, most: int) -> SqlResult:
    statement = await link.prepare(sql)
    wanted = statement.get_parameters()
    if len(wanted) != len(parameters):
        raise Rejected(
            f"parameters: the statement takes {len(wanted)}, not {len(parameters)}",
            name="Sql.Parameters",
        )
    values: list[Any] = []
    for number, (value, kind) in enumerate(zip(parameters, wanted, strict=True), start=1):
        try:
            values.append(parameter(value, kind.name))
        except ValueError as error:
            raise Rejected(f"parameters: ${number} {error}", name="Sql.Parameters") from None
    columns = tuple(attribute.name for attribute in statement.get_attributes())
    if not columns:
        await statement.fetch(*values)
        return SqlResult((), (), _count_in(statement.get_statusmsg()), truncated=False)
    cursor = await statement.cursor(*values)
    records = await cursor.fetch(most + 1)
    rows = tuple(
        {name: json_value(value) for name, value in record.items()} for record in records[:most]
    )
    return SqlResult(columns, rows, len(rows), truncated=len(records) > most)


def _count_in(status: str) -> int:
    """`UPDATE 3`, `INSERT 0 3`, `CREATE TABLE`."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


@contextmanager
def _failures_of(opened: OpenSql, gate: Gate) -> Generator[None]:
    host = opened.config.host
    try:
        yield
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
    ) as error:
        if gate.overflowed:
            raise TooLarge(f"{host} answers with more than {MAX_BYTES} bytes") from None
        if isinstance(
            error, asyncpg.PostgresConnectionError | asyncpg.InternalClientError | OSError
        ):
            raise BrokenAnswer(f"{host} ended the connection early") from None
        raise Rejected(opened.masked(f"{host}: {error}"), name=_name_of(error)) from None


def _name_of(error: Any) -> str:
    """By the server's own code; what asyncpg refuses by itself are parameters."""
    return f"Sql.{getattr(error, 'sqlstate', 'Parameters')}"
