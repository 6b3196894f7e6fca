"""`treadle doctor`: looks at what a server needs on this machine, and says how to mend it.

It changes nothing: no folder is made, no server is started.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import asyncpg
import typer
from uv import find_uv_bin

from treadle.cli.operator import load_settings
from treadle.db import cluster, sockets
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.errors import DatabaseSetupError
from treadle.db.migrate import load_migrations
from treadle.db.roles import OLDEST_SERVER
from treadle.foundation import postgres_folder
from treadle.listening import CannotListen, HttpServer
from treadle.sandbox import SandboxUnavailable
from treadle.sandbox import check as check_sandbox
from treadle.secret_key import FILE_NAME
from treadle.settings import Settings
from treadle.storage.errors import StorageError
from treadle.storage.location import FolderLocation, parse_location
from treadle.storage.storage import open_storage

LEAST_FREE_BYTES: Final = 1024**3
CONNECT_SECONDS: Final = 5


class Trouble(Exception):
    """Something that a server would fail over; the message says what, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look gave."""

    name: str
    fine: bool
    text: str


def doctor(
    data_dir: Annotated[
        Path | None, typer.Option(help="As for `treadle serve`. [treadle-data]")
    ] = None,
    host: Annotated[str | None, typer.Option(help="As for `treadle serve`.")] = None,
    port: Annotated[int | None, typer.Option(help="As for `treadle serve`.")] = None,
) -> None:
    """Check this machine for a server: sandbox, uv, data directory, database, files, port."""
    settings = load_settings(data_dir=data_dir, host=host, port=port)
    findings = asyncio.run(examine(settings))
    for finding in findings:
        mark = typer.style("ok  ", fg="green") if finding.fine else typer.style("FAIL", fg="red")
        typer.echo(f"{mark}  {finding.name:<10}  {finding.text}")
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)


async def examine(settings: Settings) -> list[Finding]:
    """A finding for each thing, in the order in which a start needs them."""
    looks: dict[str, Callable[[Settings], Awaitable[str]]] = {
        "port": _port,
        "data": _data_dir,
        "secret key": _secret_key,
        "database": _database,
        "files": _storage,
        "sandbox": _sandbox,
        "uv": _uv,
    }
    return [await _finding(name, look, settings) for name, look in looks.items()]


async def _finding(
    name: str, look: Callable[[Settings], Awaitable[str]], settings: Settings
) -> Finding:
    try:
        return Finding(name, True, await look(settings))
    except (Trouble, DatabaseSetupError, SandboxUnavailable, StorageError) as error:
        return Finding(name, False, str(error))


async def _port(settings: Settings) -> str:
    try:
        server = HttpServer(host=settings.host, port=settings.port)
    except CannotListen as error:
        raise Trouble(f"{error}; stop what listens there, or choose another --port") from None
    await server.stop(grace_seconds=0)
    return f"{settings.host}:{settings.port} is free"


async def _data_dir(settings: Settings) -> str:
    folder = settings.data_dir.absolute()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if not existing.is_dir():
        raise Trouble(f"{existing} is no folder; choose another --data-dir")
    if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
        raise Trouble(f"{existing} cannot be written by this user; choose another --data-dir")
    free = shutil.disk_usage(existing).free
    if free < LEAST_FREE_BYTES:
        raise Trouble(f"only {free // 1024**2} MiB are free in {existing}; make room")
    state = "is there" if existing == folder else "will be made"
    return f"{folder} {state}, {free // 1024**3} GiB free"


async def _secret_key(settings: Settings) -> str:
    if settings.secret_key is not None:
        return "from TREADLE_SECRET_KEY"
    path = settings.data_dir.absolute() / FILE_NAME
    if not path.exists():
        return f"{path} will be made at the first start"
    if path.stat().st_mode & 0o077:
        raise Trouble(f"{path} can be read by others; run `chmod 600 {path}`")
    return f"{path} is there, readable by its owner alone"


async def _database(settings: Settings) -> str:
    if settings.database_url is not None:
        return await _connect(settings.database_url.get_secret_value())
    install = cluster.find_install()
    folder = postgres_folder(settings)
    data = folder / "data"
    if not data.exists():
        return f"PostgreSQL {cluster.MAJOR_VERSION} from {install}; will be made at the first start"
    cluster.check_version(data)
    if not sockets.is_listening(data):
        return f"{data} is there; its server starts with `treadle serve`"
    return await _connect(EmbeddedPostgres(folder).owner_url)


async def _connect(url: str) -> str:
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Trouble(f"cannot connect: {error}; see to TREADLE_DATABASE_URL") from None
    try:
        version = connection.get_server_version()
        if version.major < OLDEST_SERVER:
            raise Trouble(f"PostgreSQL {version.major} is too old; {OLDEST_SERVER} is the oldest")
        made = await connection.fetchval("SELECT to_regclass('treadle.migrations') IS NOT NULL")
        if not made:
            return f"PostgreSQL {version.major} answers; empty, the first start fills it"
        applied = await connection.fetchval("SELECT max(number) FROM treadle.migrations")
        newest = len(load_migrations())
        state = "up to date" if applied == newest else f"at migration {applied} of {newest}"
        return f"PostgreSQL {version.major} answers; {state}"
    finally:
        await connection.close()


async def _storage(settings: Settings) -> str:
    try:
        location = parse_location(settings.storage_location())
    except ValueError as error:
        raise Trouble(f"TREADLE_STORAGE_URL: {error}") from None
    if isinstance(location, FolderLocation) and not location.path.exists():
        return f"{location.path} will be made at the first start"
    storage = open_storage(settings.storage_location())
    await storage.check()
    return f"{storage} answers"


async def _sandbox(settings: Settings) -> str:
    _ = settings
    report = await check_sandbox()
    notes = "".join(f"; {note}" for note in report.notes)
    return f"bubblewrap {report.bwrap_version}, runs get {report.python}{notes}"


async def _uv(settings: Settings) -> str:
    _ = settings
    try:
        path = find_uv_bin()
    except FileNotFoundError:
        raise Trouble("uv is missing, packages cannot get dependencies; install uv") from None
    done = await asyncio.to_thread(
        subprocess.run, [path, "--version"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Trouble(f"{path} does not run: {done.stderr.strip()}; install uv again")
    return f"{done.stdout.strip()} in {path}"
