"""A new master key: everything is sealed anew, while others write."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from factories import NOW, administrator_of, make_tenant
from treadle.core.ids import new_id
from treadle.core.sealing import CannotUnseal, Sealer
from treadle.db.database import Database
from treadle.db.resealing import reseal_all
from treadle.identity.model import Principal
from treadle.jobs import macros
from treadle.jobs.macros import MacroDraft
from treadle.jobs.model import Place
from treadle.jobs.resealing import SEALED

OLD, NEW = b"the old master key, which is long enough", b"the new master key, which is long enough"
TENANT = Place("tenant")


async def caller_of(database: Database) -> Principal:
    return administrator_of(await make_tenant(database))


async def put(
    database: Database, sealer: Sealer, caller: Principal, name: str, value: str | None
) -> None:
    async with database.tenant(caller.tenant_id) as tx:
        await macros.put_macro(
            tx, sealer, caller, TENANT, MacroDraft(name, value, secure=True), now=NOW
        )


async def values_of(database: Database, sealer: Sealer, caller: Principal) -> dict[str, str]:
    async with database.tenant(caller.tenant_id) as tx:
        return {
            macro.name: sealer.unseal(
                macro.secret or b"",
                context=macros.macro_context(caller.tenant_id, TENANT, macro.name),
            ).decode()
            for macro in await macros.list_macros(tx, TENANT)
        }


async def test_afterwards_the_old_key_can_go(database: Database) -> None:
    caller = await caller_of(database)
    for number in range(7):
        await put(database, Sealer([OLD]), caller, f"M{number}", f"value {number}")
    with pytest.raises(CannotUnseal):
        await values_of(database, Sealer([NEW]), caller)
    done = await reseal_all(database, Sealer([NEW, OLD]), SEALED, batch=3)
    assert (done.counts, done.unreadable) == ({"macros": 7, "runs' macros": 0}, 0)
    expected = {f"M{number}": f"value {number}" for number in range(7)}
    assert await values_of(database, Sealer([NEW]), caller) == expected
    again = await reseal_all(database, Sealer([NEW, OLD]), SEALED)
    assert (again.counts, again.unreadable) == ({"macros": 0, "runs' macros": 0}, 0)


async def test_the_macros_of_runs_are_sealed_anew(
    database: Database, owner: asyncpg.Connection
) -> None:
    caller = await caller_of(database)
    run_id = new_id()
    sealed = macros.seal_run_macros(
        Sealer([OLD]), caller.tenant_id, run_id, [MacroDraft("A", "1", secure=True)]
    )
    await owner.execute("ALTER TABLE treadle.runs DISABLE TRIGGER ALL")
    await owner.execute(
        "INSERT INTO treadle.runs (id, tenant_id, project_id, job_id, job_name, state, max_retries,"
        " retry_backoff_seconds, timeout_seconds, blocking, network, log_level, destination_id,"
        " package, macros, submitted_by, scheduled_at) VALUES ($1, $2, $1, 1, 'j', 'QUEUED', 0, 0,"
        " 0, false, false, 'INFO', 1, '{}', $3, 'user:1', now())",
        run_id,
        caller.tenant_id,
        sealed,
    )
    assert (await reseal_all(database, Sealer([NEW, OLD]), SEALED)).counts["runs' macros"] == 1
    row = await owner.fetchrow("SELECT macros FROM treadle.runs WHERE id = $1", run_id)
    assert row is not None
    context = macros.run_macros_context(caller.tenant_id, run_id)
    assert b'"A":"1"' in Sealer([NEW]).unseal(row["macros"], context=context)


async def test_what_no_key_opens_is_counted_and_stays(database: Database) -> None:
    caller = await caller_of(database)
    lost = Sealer([b"a key that nobody has any more, long enough"])
    await put(database, lost, caller, "LOST", "x")
    await put(database, Sealer([OLD]), caller, "KEPT", "y")
    done = await reseal_all(database, Sealer([NEW, OLD]), SEALED)
    assert (done.counts["macros"], done.unreadable) == (1, 1)
    both = Sealer([NEW, b"a key that nobody has any more, long enough"])
    assert await values_of(database, both, caller) == {"LOST": "x", "KEPT": "y"}


async def test_others_write_meanwhile_and_nothing_is_lost_or_left_old(database: Database) -> None:
    caller = await caller_of(database)
    names = [f"M{number}" for number in range(12)]
    for name in names:
        await put(database, Sealer([OLD]), caller, name, "first")
    both = Sealer([NEW, OLD])

    async def write(name: str, value: str | None) -> None:
        # Without a value the old seal is written back: it must not undo the new one.
        await put(database, both, caller, name, value)

    writes = [write(name, "second" if number % 2 else None) for number, name in enumerate(names)]
    await asyncio.gather(reseal_all(database, both, SEALED, batch=2), *writes)
    await reseal_all(database, both, SEALED)
    found = await values_of(database, Sealer([NEW]), caller)
    assert found == {name: "second" if number % 2 else "first" for number, name in enumerate(names)}


async def until_somebody_waits(database: Database) -> None:
    """Returns when a transaction of this test's database waits for another one."""
    async with database.system() as tx, asyncio.timeout(60):
        while not await tx.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await tx.execute("SELECT pg_sleep(0.01)")


async def test_a_seal_that_is_held_for_writing_back_is_waited_for(database: Database) -> None:
    caller = await caller_of(database)
    await put(database, Sealer([OLD]), caller, "HELD", "x")
    both = Sealer([NEW, OLD])
    async with database.tenant(caller.tenant_id) as tx:
        draft = MacroDraft("HELD", None, secure=True)
        await macros.put_macro(tx, both, caller, TENANT, draft, now=NOW)
        running = asyncio.ensure_future(reseal_all(database, both, SEALED))
        await until_somebody_waits(database)
        assert not running.done()
    assert (await running).counts["macros"] == 1
    assert await values_of(database, Sealer([NEW]), caller) == {"HELD": "x"}
