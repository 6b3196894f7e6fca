"""What every process of the installation stands on: data directory, keys, database, files, and the
way to other systems.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog

from treadle.core.clock import utc_now
from treadle.core.errors import BadInput
from treadle.core.sealing import Sealer, derive_key
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.errors import DatabaseUnavailable
from treadle.db.prepare import prepare_database
from treadle.db.role_secret import role_secret
from treadle.faults import StartFault
from treadle.identity.installation import FirstStart, ensure_installation
from treadle.identity.lockout import LockOut
from treadle.identity.passwords import Passwords
from treadle.integrations.addresses import Allowed
from treadle.integrations.outbound import Outbound
from treadle.secret_key import load_master_keys
from treadle.settings import Settings
from treadle.storage.storage import Storage, open_storage
from treadle.workflows.answer_links import AnswerLinks

log = structlog.get_logger()

Report = Callable[[str], None]
"""Gets a line for each thing that was done or takes time."""

PATIENCE_SECONDS: Final = 10.0
"""How long a start waits for a database that is away: it may be starting as well."""


@dataclass(frozen=True, slots=True)
class Foundation:
    """The open parts. `first_start` says whether the installation was made just now."""

    settings: Settings
    sealer: Sealer
    database: Database
    storage: Storage
    passwords: Passwords
    lockout: LockOut
    outbound: Outbound
    answer_links: AnswerLinks
    first_start: FirstStart = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenDatabase:
    """The pools, and the secret that the passwords of their roles are made of."""

    database: Database
    secret: bytes = field(repr=False)


@asynccontextmanager
async def open_foundation(
    settings: Settings, *, report: Report, patience_seconds: float = PATIENCE_SECONDS
) -> AsyncGenerator[Foundation]:
    """Everything open, migrated and with a first tenant, until the block ends; then it is closed in
    reverse, an embedded database last. Raises one of OPERATOR_FAULTS.
    """
    allowed = _allowed(settings)
    sealer = Sealer(prepare_data_dir(settings, report=report))
    async with (
        open_outbound(allowed) as outbound,
        owner_url(settings, report=report) as url,
        open_database(
            settings, url, sealer, report=report, patience_seconds=patience_seconds
        ) as opened,
    ):
        storage = await open_checked_storage(settings)
        report(f"Files are in {storage}")
        passwords = Passwords()
        yield Foundation(
            settings=settings,
            sealer=sealer,
            database=opened.database,
            storage=storage,
            passwords=passwords,
            # The same in every process, whichever master keys it has.
            lockout=LockOut(derive_key(opened.secret, "login lock-out")),
            outbound=outbound,
            answer_links=AnswerLinks(
                derive_key(opened.secret, "answer links"), public_url=_public_url(settings)
            ),
            first_start=await _ensure_installation(settings, opened.database, passwords),
        )


@asynccontextmanager
async def open_outbound(allowed: Allowed) -> AsyncGenerator[Outbound]:
    """The way to other systems, until the block ends."""
    outbound = Outbound(allowed)
    try:
        yield outbound
    finally:
        await outbound.close()


def _public_url(settings: Settings) -> str:
    """What links in messages begin with."""
    return settings.public_url or f"http://{settings.host}:{settings.port}"


def _allowed(settings: Settings) -> Allowed:
    try:
        return Allowed.parse(settings.outbound_allowed)
    except ValueError as error:
        raise StartFault(f"TREADLE_OUTBOUND_ALLOWED: {error}") from None


def prepare_data_dir(settings: Settings, *, report: Report) -> tuple[bytes, ...]:
    """The data directory is there, which only its owner enters if we made it; the master keys.

    Raises StartFault.
    """
    folder = settings.data_dir.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartFault(f"the data directory {folder} cannot be made: {error.strerror}") from error
    report(f"Data directory {folder}")
    return load_master_keys(settings, report=report)


@asynccontextmanager
async def owner_url(settings: Settings, *, report: Report) -> AsyncGenerator[str]:
    """The URL of the database's owner; an embedded server runs as long as the block."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    server = EmbeddedPostgres(postgres_folder(settings))
    watching: asyncio.Task[None] | None = None
    try:
        url = await asyncio.to_thread(server.start, report)
        watching = asyncio.create_task(server.watch(), name="postgres-watch")
        watching.add_done_callback(_report_end)
        yield url
    finally:
        if watching is not None:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        await asyncio.to_thread(server.stop)


def postgres_folder(settings: Settings) -> Path:
    """Where the embedded PostgreSQL lives."""
    return settings.data_dir.absolute() / "postgres"


@asynccontextmanager
async def open_database(
    settings: Settings,
    url: str,
    sealer: Sealer,
    *,
    report: Report,
    patience_seconds: float = PATIENCE_SECONDS,
) -> AsyncGenerator[OpenDatabase]:
    """The pools on a database that has been brought up to this program.

    Raises DatabaseSetupError, or StartFault when it could not be reached in time.
    """
    secret = await prepare_in_time(url, sealer, report=report, patience_seconds=patience_seconds)
    database = await Database.connect(url, secret, max_size=settings.database_pool_size)
    report("Database is open and migrated")
    try:
        yield OpenDatabase(database, secret)
    finally:
        await database.close()


async def prepare_in_time(
    url: str, sealer: Sealer, *, report: Report, patience_seconds: float = PATIENCE_SECONDS
) -> bytes:
    """Roles and schema are as this program needs them; the secret that the roles' passwords are
    made of. Raises DatabaseSetupError, StartFault.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_seconds
    waiting = False
    while True:
        try:
            secret = await role_secret(url, sealer)
            await prepare_database(url, secret)
            return secret
        except DatabaseUnavailable as error:
            if loop.time() >= deadline:
                where = _place_of(url)
                reason = error.__cause__
                raise StartFault(f"the database{where} cannot be reached: {reason}") from error
            if not waiting:
                report(f"Waiting for the database{_place_of(url)} ({error.__cause__})")
                waiting = True
        except ValueError as error:  # asyncpg's word for a URL that it cannot read
            raise StartFault(f"TREADLE_DATABASE_URL: {error}") from error
        await asyncio.sleep(0.25)


def _place_of(url: str) -> str:
    """Where the URL leads, without its password; nothing where that is a socket's folder."""
    parts = urlsplit(url)
    return f" on {parts.hostname}:{parts.port or 5432}" if parts.hostname else ""


async def open_checked_storage(settings: Settings) -> Storage:
    """The storage, after it has answered. Raises StartFault, StorageError."""
    try:
        storage = open_storage(settings.storage_location())
    except ValueError as error:
        raise StartFault(f"TREADLE_STORAGE_URL: {error}") from error
    except OSError as error:
        raise StartFault(f"the file storage cannot be made: {error}") from error
    await storage.check()
    return storage


async def _ensure_installation(
    settings: Settings, database: Database, passwords: Passwords
) -> FirstStart:
    password = settings.admin_password
    try:
        return await ensure_installation(
            database,
            admin_password=None if password is None else password.get_secret_value(),
            passwords=passwords,
            now=utc_now(),
        )
    except BadInput as error:
        raise StartFault(f"TREADLE_ADMIN_PASSWORD: {error.message}") from None


def _report_end(watching: asyncio.Task[None]) -> None:
    if not watching.cancelled() and (error := watching.exception()) is not None:
        log.error("postgres_is_not_watched_any_more", exc_info=error)
