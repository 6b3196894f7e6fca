"""The two pools of a process, and the transactions that are taken from them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import structlog

from treadle.db.connection import (
    CONNECT_ERRORS,
    is_closed,
    is_passing,
    prepare_pooled,
    prepare_session,
    session_options,
)
from treadle.db.errors import (
    DatabaseSetupError,
    DatabaseUnavailable,
    TransactionRolledBack,
)
from treadle.db.roles import Login, database_name, role_credentials, role_prefix
from treadle.db.transaction import Transaction

log = structlog.get_logger()

T = TypeVar("T")

END_SECONDS = 30.0
"""How long a commit or rollback may take before its connection is given up."""


class Database:
    """Transactions for the application (one tenant's rows) and for the system (all rows)."""

    def __init__(
        self,
        *,
        tenant_pool: asyncpg.Pool,
        system_pool: asyncpg.Pool,
        system_url: str,
        options: dict[str, Any],
        acquire_timeout_seconds: float,
    ) -> None:
        """Use `connect`."""
        self._tenant_pool = tenant_pool
        self._system_pool = system_pool
        self._system_url = system_url
        self._options = options
        self._acquire_seconds = acquire_timeout_seconds
        # Commits that go on although who asked for them was cancelled.
        self._endings: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(
        cls,
        url: str,
        secret: bytes,
        *,
        min_size: int = 1,
        max_size: int = 16,
        statement_timeout_seconds: float = 30.0,
        idle_in_transaction_seconds: float = 60.0,
        acquire_timeout_seconds: float = 10.0,
        application_name: str = "treadle",
        prefix: str | None = None,
    ) -> Database:
        """Opens both pools as the roles of the database that the owner's `url` names.

        Each pool opens `min_size` connections now and has `max_size` at most. `prefix` is for
        roles that are not named after the database. Raises DatabaseUnavailable, and
        DatabaseSetupError when the roles are not there or have another password.
        """
        prefix = prefix or role_prefix(database_name(url))
        credentials = role_credentials(prefix=prefix, secret=secret)
        options = session_options(
            application=application_name,
            statement_timeout_seconds=statement_timeout_seconds,
            idle_in_transaction_seconds=idle_in_transaction_seconds,
        )
        pools: list[asyncpg.Pool] = []
        try:
            for login in (credentials.tenant, credentials.system):
                pools.append(
                    await _open_pool(
                        login, url=url, min_size=min_size, max_size=max_size, options=options
                    )
                )
        except BaseException:
            for pool in pools:
                pool.terminate()
            raise
        return cls(
            tenant_pool=pools[0],
            system_pool=pools[1],
            system_url=credentials.system.url(url),
            options=options,
            acquire_timeout_seconds=acquire_timeout_seconds,
        )

    def tenant(self, tenant_id: UUID) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees and writes only the rows of `tenant_id`.

        Commits when the block ends, rolls back when it raises. Raises DatabaseUnavailable when no
        connection can be had in time or it is lost; after the block's end the outcome is unknown
        then, so what is repeated must be guarded.
        """
        # Formatted into the statement: only a real UUID spells itself without surprises.
        if not isinstance(tenant_id, UUID):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError("tenant_id must be a UUID")
        begin = f"BEGIN; SET LOCAL treadle.tenant_id = '{tenant_id}'"
        return self._transaction(self._tenant_pool, begin, tenant_id)

    def system(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that sees all rows, for engine loops and authentication; as `tenant`."""
        return self._transaction(self._system_pool, "BEGIN", None)

    async def system_fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """All rows of a reading statement that sees all rows.

        For what every request asks: one round trip, where a transaction takes three. The statement
        is repeated on another connection when one turns out to be dead, so it must only read.
        Raises DatabaseUnavailable as `tenant` does.
        """
        return await self._until_connected(lambda: _fetch_once(self._system_pool, query, args))

    async def open_connection(self) -> asyncpg.Connection:
        """A connection of the system role outside the pools, for LISTEN; the caller closes it."""
        connection: asyncpg.Connection = await asyncpg.connect(self._system_url, **self._options)
        try:
            await prepare_session(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def close(self) -> None:
        """Closes the pools after their transactions have ended, at most END_SECONDS later."""
        for pool in (self._tenant_pool, self._system_pool):
            try:
                async with asyncio.timeout(END_SECONDS):
                    await pool.close()
            except TimeoutError:
                log.warning("database_closed_with_open_transactions")

    @asynccontextmanager
    async def _transaction(
        self, pool: asyncpg.Pool, begin: str, tenant_id: UUID | None
    ) -> AsyncGenerator[Transaction]:
        connection = await self._begin(pool, begin)
        transaction = Transaction(connection, tenant_id=tenant_id)
        try:
            yield transaction
        except BaseException as error:
            passing = is_passing(error, connection)
            await self._settle(self._roll_back(pool, connection))
            if passing:
                raise DatabaseUnavailable from error
            raise
        await self._settle(self._commit(pool, connection, transaction))

    async def _begin(self, pool: asyncpg.Pool, begin: str) -> asyncpg.Connection:
        """A connection inside a fresh transaction. BEGIN is what notices a dead one."""
        return await self._until_connected(lambda: _begin_once(pool, begin))

    async def _until_connected(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` gives, whatever happened to the server meanwhile.

        A pooled connection can be dead without anybody having noticed. Nothing is lost by
        attempting again on the next one, until the time is up.
        """
        delay = 0.01
        last: Exception | None = None
        try:
            async with asyncio.timeout(self._acquire_seconds):
                while True:
                    try:
                        return await attempt()
                    except CONNECT_ERRORS as error:
                        last = error
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, 0.5)
        except TimeoutError:
            log.warning("database_unavailable", error=repr(last) if last else "the pool is used up")
            raise DatabaseUnavailable from last

    async def _settle(self, ending: Coroutine[Any, Any, None]) -> None:
        """Runs `ending` to its end even when this task is cancelled meanwhile.

        A commit that was sent cannot be taken back, and a connection goes back to its pool only
        outside a transaction. A cancelled task waits for that too; cancelled again, it leaves.
        """
        task = asyncio.create_task(ending)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_failure)
            await asyncio.wait({task})
            raise

    async def _commit(
        self, pool: asyncpg.Pool, connection: asyncpg.Connection, transaction: Transaction
    ) -> None:
        try:
            async with asyncio.timeout(END_SECONDS):
                status: str = await connection.execute("COMMIT")
        except BaseException as error:
            passing = isinstance(error, TimeoutError) or is_passing(error, connection)
            await _discard(pool, connection)
            if passing:
                raise DatabaseUnavailable from error
            raise
        await pool.release(connection)
        if status != "COMMIT":
            # A statement failed and its error was caught without a savepoint: PostgreSQL answers
            # COMMIT with a rollback, and says so only here.
            raise TransactionRolledBack
        transaction.run_hooks()

    async def _roll_back(self, pool: asyncpg.Pool, connection: asyncpg.Connection) -> None:
        """Never raises for the connection's sake: without it the server rolls back by itself."""
        try:
            async with asyncio.timeout(END_SECONDS):
                await connection.execute("ROLLBACK")
        except (*CONNECT_ERRORS, asyncpg.InterfaceError) as error:
            log.info("rollback_failed", error=repr(error))
            await _discard(pool, connection)
        except BaseException:
            await _discard(pool, connection)
            raise
        else:
            await pool.release(connection)


async def _begin_once(pool: asyncpg.Pool, begin: str) -> asyncpg.Connection:
    async with _taken(pool) as connection:
        await connection.execute(begin)
    return connection


async def _fetch_once(
    pool: asyncpg.Pool, query: str, args: tuple[object, ...]
) -> list[asyncpg.Record]:
    async with _taken(pool) as connection:
        records: list[asyncpg.Record] = await connection.fetch(query, *args)
    await pool.release(connection)
    return records


@asynccontextmanager
async def _taken(pool: asyncpg.Pool) -> AsyncGenerator[asyncpg.Connection]:
    """A connection of the pool, given back only if the block raises, and then for ever: whatever
    state it is in (the time may be up in the middle of BEGIN), it is not reused.
    """
    connection: Any = await pool.acquire()
    try:
        yield connection
    except BaseException as error:
        passing = is_passing(error, connection)
        await _discard(pool, connection)
        if passing and not isinstance(error, CONNECT_ERRORS):
            raise ConnectionError(str(error)) from error
        raise


async def _discard(pool: asyncpg.Pool, connection: asyncpg.Connection) -> None:
    """Ends the session, so that the pool makes a new one for whoever comes next."""
    if not is_closed(connection):
        connection.terminate()
    await pool.release(connection)


def _log_failure(task: asyncio.Task[None]) -> None:
    """For a commit whose caller was cancelled and cannot be told any more."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("commit_failed_after_cancellation", error=repr(error))


async def _open_pool(
    login: Login, *, url: str, min_size: int, max_size: int, options: dict[str, Any]
) -> asyncpg.Pool:
    try:
        return await asyncpg.create_pool(
            login.url(url),
            # No floor that asyncpg would keep up in the background, with a traceback for each
            # second that the server is away: whoever needs a connection makes it.
            min_size=0,
            init_size=min_size,
            max_size=max_size,
            init=prepare_pooled,
            reset=_keep_session,
            **options,
        )
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise DatabaseSetupError(
            f"the database refuses the role {login.user}: it was not prepared yet, or for an "
            "installation with another secret key"
        ) from error
    except asyncpg.InvalidCatalogNameError as error:
        raise DatabaseSetupError(str(error)) from error
    except CONNECT_ERRORS as error:
        raise DatabaseUnavailable from error


async def _keep_session(connection: asyncpg.Connection) -> None:
    """Instead of asyncpg's reset, which costs a round trip: transactions only SET LOCAL, and what
    they leave open is rolled back by asyncpg before this is called."""
