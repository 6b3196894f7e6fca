"""Transactions: what they see, how they end, and what they leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID, uuid4

import asyncpg
import pytest
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver

from treadle.core.errors import TreadleError
from treadle.db.database import Database
from treadle.db.errors import DatabaseSetupError, DatabaseUnavailable, TransactionRolledBack
from treadle.db.queue_schema import queue_queries
from treadle.db.roles import role_credentials

SECRET = b"the installation secret of all tests"
PREFIX = "treadle_test"

ALICE = UUID("0193a000-0000-7000-8000-00000000000a")
STRANGER = UUID("0193a000-0000-7000-8000-00000000000c")


@pytest.fixture(autouse=True)
async def notes(owner: asyncpg.Connection) -> None:
    """A table like all of ours, of which the tests need to know nothing else."""
    await owner.execute(
        """
        CREATE TABLE treadle.notes (
            id int PRIMARY KEY, tenant_id uuid NOT NULL, body jsonb,
            UNIQUE (body) DEFERRABLE INITIALLY DEFERRED);
        ALTER TABLE treadle.notes ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON treadle.notes TO treadle_tenant
            USING (tenant_id = treadle.current_tenant())
            WITH CHECK (tenant_id = treadle.current_tenant());
        CREATE POLICY engine ON treadle.notes TO treadle_system USING (true) WITH CHECK (true);
        GRANT SELECT, INSERT, UPDATE, DELETE ON treadle.notes TO treadle_tenant, treadle_system;
        """
    )


@pytest.fixture
async def single(database_url: str) -> AsyncGenerator[Database]:
    """A database with one connection of each kind."""
    found = await Database.connect(
        database_url, SECRET, prefix=PREFIX, min_size=1, max_size=1, acquire_timeout_seconds=60
    )
    yield found
    await found.close()


async def add(database: Database, number: int, body: object = None) -> None:
    async with database.tenant(ALICE) as tx:
        await tx.execute("INSERT INTO notes VALUES ($1, $2, $3)", number, tx.tenant_id, body)


async def numbers(owner: asyncpg.Connection) -> list[int]:
    return [row["id"] for row in await owner.fetch("SELECT id FROM treadle.notes ORDER BY id")]


async def open_transactions(owner: asyncpg.Connection) -> int:
    rows = await owner.fetch(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
    )
    return len(rows)


async def test_block_commits(database: Database, owner: asyncpg.Connection) -> None:
    await add(database, 1)
    assert await numbers(owner) == [1]


async def test_exception_rolls_back_and_goes_on(
    database: Database, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(LookupError, match="mine"):
        async with database.tenant(ALICE) as tx:
            await tx.execute("INSERT INTO notes VALUES (1, $1)", ALICE)
            raise LookupError("mine")
    assert await numbers(owner) == []
    assert await open_transactions(owner) == 0
    # asyncpg complains there about a connection that comes back with its transaction open.
    assert [record for record in caplog.records if record.name == "asyncio"] == []


async def test_tenant_sees_and_writes_only_its_own(
    database: Database, owner: asyncpg.Connection
) -> None:
    await add(database, 1)
    async with database.tenant(STRANGER) as tx:
        assert await tx.fetch("SELECT * FROM notes") == []
        assert await tx.execute("UPDATE notes SET body = '1'") == 0
        assert await tx.execute("DELETE FROM notes") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.tenant(STRANGER) as tx:
            await tx.execute("INSERT INTO notes VALUES (2, $1)", ALICE)
    assert await numbers(owner) == [1]


async def test_system_sees_all_tenants(database: Database) -> None:
    await add(database, 1)
    async with database.system() as tx:
        assert tx.tenant_id is None
        assert await tx.fetchval("SELECT count(*) FROM notes") == 1


async def test_tenant_of_one_transaction_is_not_the_next_ones(single: Database) -> None:
    """The one pooled connection is used again; nothing of the first tenant may be left on it."""
    await add(single, 1)
    async with single.tenant(STRANGER) as tx:
        assert await tx.fetchval("SELECT treadle.current_tenant()") == STRANGER
        assert await tx.fetchval("SELECT count(*) FROM notes") == 0


async def test_tenant_holds_for_one_transaction_only(database: Database) -> None:
    async with database.tenant(ALICE) as tx:
        await tx.execute("COMMIT AND CHAIN")
        assert await tx.fetchval("SELECT treadle.current_tenant()") is None


async def test_tenant_must_be_a_uuid(database: Database) -> None:
    text: UUID = "x'; RESET ROLE; --"  # pyright: ignore[reportAssignmentType]
    with pytest.raises(TypeError):
        database.tenant(text)


async def test_caught_failure_without_savepoint_is_no_silent_loss(
    database: Database, owner: asyncpg.Connection
) -> None:
    with pytest.raises(TransactionRolledBack):
        async with database.tenant(ALICE) as tx:
            await tx.execute("INSERT INTO notes VALUES (1, $1)", ALICE)
            with pytest.raises(asyncpg.UniqueViolationError):
                await tx.execute("INSERT INTO notes VALUES (1, $1)", ALICE)
    assert await numbers(owner) == []


async def test_savepoint_undoes_only_what_is_inside(
    database: Database, owner: asyncpg.Connection
) -> None:
    async with database.tenant(ALICE) as tx:
        await tx.execute("INSERT INTO notes VALUES (1, $1)", ALICE)
        with pytest.raises(asyncpg.UniqueViolationError):
            async with tx.savepoint():
                await tx.execute("INSERT INTO notes VALUES (2, $1)", ALICE)
                await tx.execute("INSERT INTO notes VALUES (1, $1)", ALICE)
        async with tx.savepoint():
            await tx.execute("INSERT INTO notes VALUES (3, $1)", ALICE)
    assert await numbers(owner) == [1, 3]


async def test_hooks_run_once_after_the_commit(database: Database) -> None:
    seen: list[str] = []
    async with database.tenant(ALICE) as tx:
        tx.after_commit(lambda: seen.append("first"))
        tx.after_commit(lambda: seen.append("second"))
        await tx.execute("INSERT INTO notes VALUES (1, $1)", ALICE)
        assert seen == []
    assert seen == ["first", "second"]


async def test_hooks_of_what_was_undone_do_not_run(database: Database) -> None:
    seen: list[str] = []
    async with database.tenant(ALICE) as tx:
        with pytest.raises(LookupError):
            async with tx.savepoint():
                tx.after_commit(lambda: seen.append("savepoint"))
                raise LookupError
        tx.after_commit(lambda: seen.append("transaction"))
    with pytest.raises(LookupError):
        async with database.tenant(ALICE) as tx:
            tx.after_commit(lambda: seen.append("rolled back"))
            raise LookupError
    assert seen == ["transaction"]


async def test_hook_that_throws_stops_neither_commit_nor_other_hooks(
    database: Database, owner: asyncpg.Connection
) -> None:
    seen: list[str] = []

    def fails() -> None:
        raise LookupError

    async with database.tenant(ALICE) as tx:
        tx.after_commit(fails)
        tx.after_commit(lambda: seen.append("second"))
        await tx.execute("INSERT INTO notes VALUES (1, $1)", ALICE)
    assert seen == ["second"]
    assert await numbers(owner) == [1]


async def test_hooks_do_not_run_when_the_commit_fails(database: Database) -> None:
    seen: list[str] = []
    await add(database, 1, "twice")
    with pytest.raises(asyncpg.UniqueViolationError):
        async with database.tenant(ALICE) as tx:
            tx.after_commit(lambda: seen.append("hook"))
            # Deferred: PostgreSQL finds it at the commit.
            await tx.execute("INSERT INTO notes VALUES (2, $1, $2)", ALICE, "twice")
    assert seen == []


async def test_execute_counts_rows(database: Database) -> None:
    async with database.tenant(ALICE) as tx:
        await tx.executemany(
            "INSERT INTO notes VALUES ($1, $2)", [(number, ALICE) for number in range(5)]
        )
        assert await tx.execute("UPDATE notes SET body = to_jsonb(id) WHERE id > $1", 2) == 2
        assert await tx.execute("DELETE FROM notes WHERE id = 99") == 0
        assert await tx.execute("SET LOCAL work_mem = '1MB'") == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "boolean"),
        (1, "number"),
        (-1.5, "number"),
        ("text", "string"),
        ("1", "string"),
        ("null", "string"),
        ("", "string"),
        ([], "array"),
        ([1, "ü", None], "array"),
        ({"a": {"b": [None]}}, "object"),
    ],
)
async def test_any_json_value_comes_back_as_it_went_in(
    database: Database, value: object, expected: str
) -> None:
    async with database.system() as tx:
        assert await tx.fetchval("SELECT $1::jsonb", value) == value
        assert await tx.fetchval("SELECT $1::json", value) == value
        # It is stored as that value, not as a text about it.
        assert await tx.fetchval("SELECT jsonb_typeof($1::jsonb)", value) == expected


async def test_none_is_null_and_a_json_null_is_none(database: Database) -> None:
    async with database.system() as tx:
        assert await tx.fetchval("SELECT $1::jsonb IS NULL", None)
        assert await tx.fetchval("SELECT 'null'::jsonb") is None


async def test_session_is_ours(database: Database) -> None:
    for opened in (database.tenant(ALICE), database.system()):
        async with opened as tx:
            settings = await tx.fetchrow(
                "SELECT current_setting('search_path') AS path,"
                " current_setting('timezone') AS zone,"
                " current_setting('statement_timeout') AS statement,"
                " current_setting('idle_in_transaction_session_timeout') AS idle"
            )
            assert settings is not None
            assert dict(settings) == {
                "path": "treadle",
                "zone": "UTC",
                "statement": "30s",
                "idle": "1min",
            }


async def test_pool_that_is_used_up_is_unavailable_not_forever(database_url: str) -> None:
    impatient = await Database.connect(
        database_url, SECRET, prefix=PREFIX, min_size=1, max_size=1, acquire_timeout_seconds=3
    )
    async with impatient.tenant(ALICE):
        with pytest.raises(DatabaseUnavailable) as caught:
            async with impatient.tenant(ALICE):
                pytest.fail("there is only one connection")
    assert isinstance(caught.value, TreadleError)
    assert caught.value.status == 503
    async with impatient.tenant(ALICE) as tx:
        assert await tx.fetchval("SELECT 1") == 1
    await impatient.close()


async def test_cancelled_statement_leaves_no_open_transaction(
    single: Database, owner: asyncpg.Connection
) -> None:
    running = asyncio.Event()

    async def work() -> None:
        async with single.tenant(ALICE) as tx:
            await tx.execute("INSERT INTO notes VALUES (1, $1)", ALICE)
            running.set()
            await tx.execute("SELECT pg_sleep(60)")

    task = asyncio.create_task(work())
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await open_transactions(owner) == 0
    async with single.tenant(ALICE) as tx:
        assert await tx.fetchval("SELECT count(*) FROM notes") == 0


async def test_task_cancelled_between_statements_rolls_back(
    single: Database, owner: asyncpg.Connection
) -> None:
    written = asyncio.Event()

    async def work() -> None:
        async with single.tenant(ALICE) as tx:
            await tx.execute("INSERT INTO notes VALUES (1, $1)", ALICE)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await numbers(owner) == []
    assert await open_transactions(owner) == 0


async def test_commit_that_was_sent_is_finished_although_cancelled(
    single: Database, owner: asyncpg.Connection
) -> None:
    """The commit is held up by a deferred check that waits for a row of another transaction."""
    seen: list[str] = []
    blocker: asyncpg.Connection = owner
    outer = blocker.transaction()
    await outer.start()
    await blocker.execute("INSERT INTO treadle.notes VALUES (9, $1, '\"same\"')", ALICE)

    async def work() -> None:
        async with single.tenant(ALICE) as tx:
            tx.after_commit(lambda: seen.append("hook"))
            await tx.execute("INSERT INTO notes VALUES (1, $1, $2)", ALICE, "same")

    task = asyncio.create_task(work())
    async with asyncio.timeout(60):
        while not await blocker.fetchval(
            "SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event_type = 'Lock' "
            "AND datname = current_database()"
        ):
            await asyncio.sleep(0.01)
            await blocker.execute("SELECT pg_stat_clear_snapshot()")
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    await outer.rollback()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await numbers(owner) == [1]
    assert seen == ["hook"]


async def test_lost_connection_is_unavailable_and_replaced(
    single: Database, owner: asyncpg.Connection
) -> None:
    victim = 0
    with pytest.raises(DatabaseUnavailable):
        async with single.tenant(ALICE) as tx:
            victim = await tx.fetchval("SELECT pg_backend_pid()")
            await owner.execute("SELECT pg_terminate_backend($1, 5000)", victim)
            await tx.execute("INSERT INTO notes VALUES (1, $1)", ALICE)
    async with single.tenant(ALICE) as tx:
        assert await tx.fetchval("SELECT pg_backend_pid()") != victim


async def test_idle_connection_that_died_is_replaced_unseen(
    single: Database, owner: asyncpg.Connection
) -> None:
    async with single.tenant(ALICE) as tx:
        victim = await tx.fetchval("SELECT pg_backend_pid()")
    await owner.execute("SELECT pg_terminate_backend($1, 5000)", victim)
    async with single.tenant(ALICE) as tx:
        assert await tx.fetchval("SELECT pg_backend_pid()") != victim


async def test_table_that_changed_under_a_statement_asks_for_another_try(
    single: Database, owner: asyncpg.Connection
) -> None:
    """As when a newer process migrates while this one goes on."""

    async def read() -> list[asyncpg.Record]:
        async with single.tenant(ALICE) as tx:
            return await tx.fetch("SELECT * FROM notes")

    assert await read() == []
    await owner.execute("ALTER TABLE treadle.notes ADD COLUMN more int")
    with pytest.raises(DatabaseUnavailable):
        await read()
    assert await read() == []


async def test_errors_of_the_block_are_not_taken_for_a_lost_connection(database: Database) -> None:
    for error in (ConnectionRefusedError("some other host"), TimeoutError("some other thing")):
        with pytest.raises(type(error)) as caught:
            async with database.tenant(ALICE):
                raise error
        assert caught.value is error


async def test_missing_roles_are_an_error_for_the_operator(database_url: str) -> None:
    with pytest.raises(DatabaseSetupError, match="not prepared yet"):
        await Database.connect(database_url, SECRET, prefix="treadle_nobody")


async def test_another_secret_is_an_error_for_the_operator(database_url: str) -> None:
    with pytest.raises(DatabaseSetupError, match="another secret key"):
        await Database.connect(database_url, b"another secret", prefix=PREFIX)


async def test_missing_database_is_an_error_for_the_operator(database_url: str) -> None:
    url = database_url.replace("/test_", "/no_such_")
    with pytest.raises(DatabaseSetupError, match="no_such_"):
        await Database.connect(url, SECRET, prefix=PREFIX)


async def test_missing_server_is_unavailable() -> None:
    url = f"postgresql://a:b@/c?host=/nowhere/{uuid4().hex}"
    with pytest.raises(DatabaseUnavailable):
        await Database.connect(url, SECRET)


async def test_open_connection_is_the_systems(database: Database) -> None:
    connection = await database.open_connection()
    try:
        role = role_credentials(prefix=PREFIX, secret=SECRET).system.user
        assert await connection.fetchval("SELECT current_user") == role
        assert await connection.fetchval("SELECT $1::jsonb", {"a": 1}) == {"a": 1}
    finally:
        await connection.close()


async def test_pgqueuer_enqueues_in_the_transaction(database: Database) -> None:
    with pytest.raises(LookupError):
        async with database.tenant(ALICE) as tx:
            await queue_queries(AsyncpgDriver(tx.connection)).enqueue("lane", b"undone")
            raise LookupError
    async with database.tenant(ALICE) as tx:
        queries = queue_queries(AsyncpgDriver(tx.connection))
        await queries.enqueue(["lane"] * 2, [b"one", b"two"], [0, 0], headers=[None, {"a": "b"}])
    async with database.system() as tx:
        queries = queue_queries(AsyncpgDriver(tx.connection))
        assert [(size.entrypoint, size.count) for size in await queries.queue_size()] == [
            ("lane", 2)
        ]
        rows = await tx.fetch("SELECT payload, headers FROM queue.pgqueuer ORDER BY id")
        assert [row["payload"] for row in rows] == [b"one", b"two"]
