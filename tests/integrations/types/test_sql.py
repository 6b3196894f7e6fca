"""SQL integrations against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import pytest
from pydantic import ValidationError

from fixtures.certificates import make_certificate
from fixtures.integrations import NOW, opened
from treadle.integrations.calls import try_out
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import BrokenAnswer, Rejected, TlsFailed, TooLarge
from treadle.integrations.model import OpenIntegration
from treadle.integrations.types.sql import SqlConfig, SqlResult, query

HOST = "127.0.0.1"


@asynccontextmanager
async def door(url: str, *, tls: ssl.SSLContext | None, offers_tls: bool) -> AsyncGenerator[int]:
    """A TCP port of the real server, which listens at a Unix socket only; before it lets anybody
    through it does about TLS what PostgreSQL does.
    """
    (folder,) = parse_qs(urlsplit(url).query)["host"]

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(65_536):
                target.write(piece)
                await target.drain()
        target.close()

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            if offers_tls:
                assert (await reader.readexactly(8))[4:] == b"\x04\xd2\x16\x2f"
                writer.write(b"N" if tls is None else b"S")
                await writer.drain()
            if tls is not None:
                await writer.start_tls(tls)
            if tls is not None or not offers_tls:
                back, forth = await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")
                await asyncio.gather(carry(reader, forth), carry(back, writer))
        writer.close()

    async with await asyncio.start_server(enter, HOST, 0) as listening:
        yield listening.sockets[0].getsockname()[1]


@dataclass(frozen=True, slots=True)
class There:
    """The test's database, as another system."""

    url: str
    port: int

    def opened(self, *, password: str | None = None, **changes: Any) -> OpenIntegration[Any, Any]:
        """An integration that leads to it."""
        parts = urlsplit(self.url)
        config = {
            "host": HOST,
            "port": self.port,
            "database": parts.path.removeprefix("/"),
            "username": unquote(parts.username or ""),
            "tls": "none",
            **changes,
        }
        secrets = {"password": password or unquote(parts.password or "")}
        return opened("sql", config, secrets)


@pytest.fixture
async def there(database_url: str) -> AsyncGenerator[There]:
    """The test's database, without TLS."""
    async with door(database_url, tls=None, offers_tls=False) as port:
        yield There(database_url, port)


async def run(
    calls: IntegrationsContext, conn: OpenIntegration[Any, Any], sql: str, *parameters: Any
) -> SqlResult:
    return await query(calls, conn, sql=sql, parameters=parameters)


async def test_rows_come_back_as_json(calls: IntegrationsContext, there: There) -> None:
    result = await run(
        calls,
        there.opened(),
        "SELECT 1 AS i, 1.5::numeric AS n, 'ä' AS t, true AS b, NULL AS z, 'NaN'::float8 AS f,"
        " '2026-11-21T09:00Z'::timestamptz AS at, '2026-11-21'::date AS day,"
        " '\\x01ff'::bytea AS raw, ARRAY[1,2] AS list, '{\"a\": [1]}'::jsonb AS j,"
        " '0198f0a0-4444-7cc3-9d3f-3b1f0c5e2a11'::uuid AS u, interval '90 s' AS took,"
        " '10.0.0.1'::inet AS ip",
    )

    assert result.rows == (
        {
            "i": 1,
            "n": "1.5",
            "t": "ä",
            "b": True,
            "z": None,
            "f": "nan",
            "at": "2026-11-21T09:00:00.000Z",
            "day": "2026-11-21",
            "raw": "Af8=",
            "list": [1, 2],
            "j": {"a": [1]},
            "u": "0198f0a0-4444-7cc3-9d3f-3b1f0c5e2a11",
            "took": 90.0,
            "ip": "10.0.0.1",
        },
    )
    assert result.columns[:2] == ("i", "n")
    assert (result.row_count, result.truncated) == (1, False)


async def test_parameters_are_json_too(calls: IntegrationsContext, there: There) -> None:
    conn = there.opened()

    result = await run(
        calls,
        conn,
        "SELECT $1::int + 1 AS i, $2::timestamptz AS at, $3::numeric AS n, $4::jsonb AS j,"
        " $5::text AS t, $6::int[] AS l, $7::date AS d",
        41,
        "2026-11-21T10:00:00+01:00",
        0.5,
        {"a": 1},
        "'; DROP TABLE x; --",
        [1, 2],
        None,
    )
    assert result.rows[0] == {
        "i": 42,
        "at": "2026-11-21T09:00:00.000Z",
        "n": "0.5",
        "j": {"a": 1},
        "t": "'; DROP TABLE x; --",
        "l": [1, 2],
        "d": None,
    }

    for values, rule in (
        ((), "takes 1, not 0"),
        (("x", "y"), "takes 1, not 2"),
        (("soon",), "cannot be read as timestamptz"),
        ((5,), "must be text"),
    ):
        with pytest.raises(Rejected, match=rule) as refused:
            await run(calls, conn, "SELECT $1::timestamptz", *values)
        assert refused.value.name == "Sql.Parameters"
    with pytest.raises(Rejected) as refused:
        await run(calls, conn, "SELECT $1::int", "many")
    assert refused.value.name == "Sql.22000"


async def test_reading_only_is_the_default(
    calls: IntegrationsContext, there: There, owner: asyncpg.Connection
) -> None:
    await owner.execute("CREATE TABLE public.things (n int)")
    reading = there.opened()
    for statement in (
        "INSERT INTO public.things VALUES (1)",
        "WITH x AS (INSERT INTO public.things VALUES (1) RETURNING n) SELECT * FROM x",
        "SELECT nextval('public.things_seq')",
        "COMMIT; INSERT INTO public.things VALUES (1)",
    ):
        with pytest.raises(Rejected):
            await run(calls, reading, statement)
    assert await owner.fetchval("SELECT count(*) FROM public.things") == 0

    writing = there.opened(read_only=False)
    assert (await run(calls, writing, "INSERT INTO public.things VALUES (1), (2)")).row_count == 2
    made = await run(calls, writing, "INSERT INTO public.things VALUES (3) RETURNING n")
    assert made.rows == ({"n": 3},)
    assert await owner.fetchval("SELECT count(*) FROM public.things") == 3


async def test_rows_bytes_and_time_are_bounded(calls: IntegrationsContext, there: There) -> None:
    conn = there.opened(max_rows=3, statement_timeout_seconds=1)

    few = await run(calls, conn, "SELECT * FROM generate_series(1, 3) AS n")
    assert (few.row_count, few.truncated) == (3, False)
    many = await run(calls, conn, "SELECT generate_series(1, 1000000000) AS n")
    assert (many.row_count, many.truncated) == (3, True)

    with pytest.raises(Rejected, match="statement timeout") as refused:
        await run(calls, conn, "SELECT pg_sleep(30)")
    assert refused.value.name == "Sql.57014"

    patient = there.opened()
    with pytest.raises(TooLarge):
        await run(calls, patient, "SELECT repeat('x', 40000000)")
    assert (await run(calls, patient, "SELECT 1 AS n")).rows == ({"n": 1},)


async def test_faults_have_the_servers_names_and_no_secret(
    calls: IntegrationsContext, there: There
) -> None:
    conn = there.opened(password="s3cret-of-sql")
    with pytest.raises(Rejected) as refused:
        await run(calls, conn, "SELECT 's3cret-of-sql'::int")
    assert "s3cret" not in refused.value.message

    conn = there.opened()
    for statement, name in (
        ("SELECT * FROM nothing", "Sql.42P01"),
        ("SELEC", "Sql.42601"),
        ("SELECT 1; SELECT 2", "Sql.42601"),
        ("SELECT 1/0", "Sql.22012"),
    ):
        with pytest.raises(Rejected) as refused:
            await run(calls, conn, statement)
        assert refused.value.name == name

    tried = await try_out(calls, there.opened(database="missing"), now=NOW)
    assert (tried.ok, tried.error) == (False, "Sql.3D000")


async def test_trying_it_out(
    calls: IntegrationsContext, shut_in: IntegrationsContext, there: There
) -> None:
    conn = there.opened()

    tried = await try_out(calls, conn, now=NOW)
    assert tried.ok
    assert tried.message.startswith(f"{HOST} is PostgreSQL ")

    refused = await try_out(shut_in, conn, now=NOW)
    assert (refused.ok, refused.error) == (False, "OutboundRefused")


# ---------------------------------------------------------------- TLS


async def test_the_certificate_is_checked_against_the_host(
    calls: IntegrationsContext, there: There, tmp_path: Path
) -> None:
    good = make_certificate(tmp_path, HOST)
    other = make_certificate(tmp_path, "other.example")
    async with door(there.url, tls=good.server, offers_tls=True) as port:
        verified = there.opened(port=port, tls="verify", ca_certificate=good.pem)
        assert (await run(calls, verified, "SELECT 1 AS n")).rows == ({"n": 1},)

        with pytest.raises(TlsFailed, match="not to be trusted"):
            await run(calls, there.opened(port=port, tls="verify"), "SELECT 1")
    async with door(there.url, tls=other.server, offers_tls=True) as port:
        wrong = there.opened(port=port, tls="verify", ca_certificate=other.pem)
        with pytest.raises(TlsFailed, match="not to be trusted"):
            await run(calls, wrong, "SELECT 1")
    async with door(there.url, tls=None, offers_tls=True) as port:
        with pytest.raises(TlsFailed, match="offers no TLS"):
            await run(calls, there.opened(port=port, tls="verify"), "SELECT 1")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad\r\n\r\n", b"R\x7f\xff\xff\xff"])
async def test_what_is_no_postgresql_is_left(
    calls: IntegrationsContext, there: There, said: bytes
) -> None:
    async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read(100)
            writer.write(said)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(odd, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((BrokenAnswer, Rejected)):
            await run(calls, there.opened(port=port), "SELECT 1")


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "/var/run/postgresql"},
        {"host": "a,b"},
        {"port": 70_000},
        {"tls": "prefer"},
        {"max_rows": 0},
        {"max_rows": 10_001},
        {"statement_timeout_seconds": 0},
        {"ca_certificate": "x"},
        {"dsn": "postgresql://x"},
        {"username": "a\0b"},
    ],
)
def test_bad_configurations_are_refused(changes: dict[str, Any]) -> None:
    good = {"host": "db.example", "database": "d", "username": "u"}
    SqlConfig.model_validate(good)
    with pytest.raises(ValidationError):
        SqlConfig.model_validate(good | changes)
