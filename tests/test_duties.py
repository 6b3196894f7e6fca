"""The scheduler's rounds, and what readiness asks of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from factories import make_tenant
from treadle.api.context import AppContext
from treadle.api.idempotency import KEPT
from treadle.api.readiness import Readiness
from treadle.core.clock import utc_now
from treadle.db.migrate import load_migrations
from treadle.duties import SILENCE, Checks, Scheduler
from treadle.engine.loops import Loop


def checks_of(
    context: AppContext, *, loops: Sequence[Loop] = (), sandbox: str | None = None
) -> Readiness:
    checks = Checks(
        database=context.database,
        storage=context.storage,
        loops=lambda: loops,
        sandbox_fault=lambda: sandbox,
    )
    return Readiness(checks.by_name())


async def test_ready_when_all_answer(app_context: AppContext) -> None:
    assert await checks_of(app_context).failures() == {}


async def test_a_database_behind_the_program_is_not_ready(
    app_context: AppContext, owner: asyncpg.Connection
) -> None:
    newest = len(load_migrations())
    await owner.execute("DELETE FROM treadle.migrations WHERE number = $1", newest)
    failures = await checks_of(app_context).failures()
    assert failures == {"database": f"migration {newest - 1} of {newest} is the last applied"}


async def test_a_storage_that_is_gone_is_not_ready(app_context: AppContext) -> None:
    (app_context.settings.data_dir / "files").rmdir()
    assert set(await checks_of(app_context).failures()) == {"storage"}


async def test_no_sandbox_is_not_ready(app_context: AppContext) -> None:
    failures = await checks_of(app_context, sandbox="no sandbox").failures()
    assert failures == {"sandbox": "no sandbox"}


async def test_a_loop_that_stands_still_is_not_ready(app_context: AppContext) -> None:
    went = asyncio.Event()

    async def tick() -> None:
        went.set()

    def long_ago() -> datetime:
        return utc_now() - SILENCE - timedelta(seconds=1)

    never = Loop("never", tick, interval_seconds=1)
    fresh = Loop("fresh", tick, interval_seconds=1)
    stale = Loop("stale", tick, interval_seconds=1, clock=long_ago)
    for loop in (fresh, stale):
        went.clear()
        loop.start()
        async with asyncio.timeout(60):
            await went.wait()
        await loop.stop()
    failures = await checks_of(app_context, loops=[fresh, never, stale]).failures()
    assert failures == {"loops": "standing still: never, stale"}


async def test_the_scheduler_goes_round_and_prunes(app_context: AppContext) -> None:
    database = app_context.database
    tenant = await make_tenant(database)
    async with database.tenant(tenant.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO idempotency_keys (tenant_id, principal, key, request_hash, created_at)"
            " VALUES ($1, 'user:1', 'old', '', $2)",
            tenant.tenant.id,
            utc_now() - KEPT - timedelta(hours=1),
        )
    scheduler = Scheduler(
        database,
        app_context.live,
        app_context.schedules,
        keep_runs=timedelta(days=1),
        lease_seconds=8,
    )
    scheduler.start()
    try:
        async with asyncio.timeout(60):
            while True:
                async with database.system() as tx:
                    left = await tx.fetchval("SELECT count(*) FROM idempotency_keys")
                if left == 0 and all(loop.last_success_at for loop in scheduler.loops):
                    break
                await asyncio.sleep(0.02)
    finally:
        await scheduler.stop()
    assert {loop.name for loop in scheduler.loops} == {"admitter", "ticker", "schedules", "rescuer"}
    assert await checks_of(app_context, loops=scheduler.loops).failures() == {}
