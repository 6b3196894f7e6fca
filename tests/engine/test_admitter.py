from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from engine.bench import Bench, until
from treadle.db.database import Database
from treadle.engine.admitter import Admitter, lanes_with_backlog, take_from_backlog, waiting_tenants
from treadle.engine.lanes import Lane
from treadle.engine.live import LiveHub
from treadle.engine.queue import Entry
from treadle.engine.supervisor import Supervisor

HOUR = 3600.0


def numbered(count: int, first: int = 0) -> list[bytes]:
    return [b"%05d" % number for number in range(first, first + count)]


@pytest.fixture
def admitter(database: Database, hub: LiveHub) -> Admitter:
    return Admitter(database, hub, bound=3, poll_seconds=HOUR)


async def finish(bench: Bench, count: int) -> None:
    """Ends the first entries, as a lane does."""
    await bench.owner.execute(
        """
        WITH done AS (
            DELETE FROM queue.pgqueuer WHERE id IN (
                SELECT id FROM queue.pgqueuer ORDER BY id LIMIT $1)
            RETURNING id)
        DELETE FROM treadle.admissions USING done WHERE entry_id = done.id
        """,
        count,
    )


async def test_fills_free_places_in_order(bench: Bench, admitter: Admitter, alice: UUID) -> None:
    await bench.submit(alice, *numbered(10), bound=3)
    assert await admitter.tick() == 0
    await finish(bench, 2)
    assert await admitter.tick() == 2
    assert await bench.queued() == numbered(3, first=2)
    assert await bench.backlog() == numbered(5, first=5)
    await finish(bench, 3)
    assert await admitter.tick() == 3
    assert await bench.queued() == numbered(3, first=5)
    assert await bench.count("treadle.admissions") == 3


async def test_goes_round_robin_over_tenants(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID, bob: UUID
) -> None:
    for tenant_id in (alice, bob):
        await bench.submit(tenant_id, *numbered(6), bound=1)
    await finish(bench, 2)
    admitter = Admitter(database, hub, bound=4, batch_size=4)
    assert await admitter.tick() == 4
    # The fewer places a batch has, the more it matters: each tenant got two.
    assert await bench.queued() == [b"00001", b"00001", b"00002", b"00002"]


async def test_serves_every_lane_and_every_tenant_in_the_end(
    bench: Bench, database: Database, hub: LiveHub
) -> None:
    tenants = [await bench.tenant() for _ in range(5)]
    for tenant_id in tenants:
        for lane in ("one", "two"):
            await bench.submit(tenant_id, *numbered(2), lane=lane, bound=1)
    await finish(bench, 10)
    admitter = Admitter(database, hub, bound=1, tenants_at_once=2)
    # Two tenants a tick and lane: the round is over after three, and begins again.
    assert [await admitter.tick() for _ in range(4)] == [4, 4, 2, 0]
    await finish(bench, 10)
    assert await bench.is_idle()


async def test_looks_first_at_tenants_whose_places_became_free(
    bench: Bench, database: Database, hub: LiveHub
) -> None:
    tenants = sorted([await bench.tenant() for _ in range(4)])
    for tenant_id in tenants:
        await bench.submit(tenant_id, *numbered(2), bound=1)
    await bench.owner.execute("DELETE FROM treadle.admissions WHERE tenant_id = $1", tenants[-1])
    admitter = Admitter(database, hub, bound=1, tenants_at_once=1)
    admitter.freed([("work", tenants[-1])])
    assert await admitter.tick() == 1
    assert await bench.count("treadle.backlog") == 3


async def test_two_at_once_neither_pass_the_bound_nor_mix_the_order(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID
) -> None:
    await bench.submit(alice, *numbered(60), bound=3)
    admitters = [Admitter(database, hub, bound=3) for _ in range(3)]
    for first in range(0, 56, 2):
        assert await bench.queued() == numbered(3, first=first)
        await finish(bench, 2)
        await asyncio.gather(*(admitter.tick() for admitter in admitters))
        assert await bench.count("treadle.admissions") == 3


async def test_a_lane_that_another_moves_is_left_for_later(
    bench: Bench, admitter: Admitter, alice: UUID
) -> None:
    await bench.submit(alice, *numbered(5), bound=3)
    await finish(bench, 3)
    admitter.freed([("work", alice)])
    async with bench.owner.transaction():
        await bench.owner.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('treadle.admit work', 0))"
        )
        assert await admitter.tick() == 0
    assert await admitter.tick() == 2


async def test_is_woken_by_what_is_put_into_the_backlog(
    bench: Bench, admitter: Admitter, alice: UUID
) -> None:
    await bench.submit(alice, *numbered(4), bound=3)
    await finish(bench, 3)
    admitter.start()
    await until(lambda: admitter.loop.last_success_at is not None)
    await finish(bench, 1)
    # Behind the backlog, or there is none any more: in both cases it ends up in the queue.
    await bench.submit(alice, *numbered(5, first=4), bound=3)

    async def is_moved() -> bool:
        return len(await bench.queued()) == 3

    await until(is_moved)
    await admitter.stop()


@pytest.mark.parametrize("is_in_same_process", [True, False])
async def test_entries_follow_as_places_become_free_without_waiting_for_a_poll(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID, is_in_same_process: bool
) -> None:
    handled: list[bytes] = []

    async def handler(entry: Entry) -> None:
        handled.append(entry.payload)

    admitter = Admitter(database, hub, bound=3, poll_seconds=HOUR)
    supervisor = Supervisor(
        database,
        hub,
        [Lane("work", handler, concurrency=1)],
        poll_seconds=HOUR,
        on_freed=admitter.freed if is_in_same_process else None,
    )
    admitter.start()
    supervisor.start()
    await until(lambda: admitter.loop.last_success_at is not None)
    await bench.submit(alice, *numbered(20), bound=3)
    await until(bench.is_idle)
    await supervisor.stop(grace_seconds=5)
    await admitter.stop()
    assert handled == numbered(20)


async def test_one_tenants_twenty_thousand_entries_do_not_delay_anothers_one(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID, bob: UUID
) -> None:
    bound, concurrency = 50, 10
    handled: list[Entry] = []

    async def handler(entry: Entry) -> None:
        handled.append(entry)

    await bench.submit(alice, *numbered(20_000), bound=bound)
    await bench.submit(bob, b"bob's", bound=bound)
    admitter = Admitter(database, hub, bound=bound)
    supervisor = Supervisor(
        database, hub, [Lane("work", handler, concurrency)], on_freed=admitter.freed
    )
    admitter.start()
    supervisor.start()
    await until(lambda: len(handled) > 1000)
    await supervisor.stop(grace_seconds=30)
    await admitter.stop()
    position = next(place for place, entry in enumerate(handled) if entry.tenant_id == bob)
    assert position <= bound + concurrency
    alices = [entry.payload for entry in handled if entry.tenant_id == alice]
    # Handlers of one lane run side by side, so neighbours may swap.
    assert all(abs(int(payload) - place) <= concurrency for place, payload in enumerate(alices))
    # Nothing is lost or doubled: what was not handled still waits.
    queued, backlog = await bench.queued(), await bench.backlog()
    assert len(queued) <= bound
    assert sorted(alices + queued + backlog) == numbered(20_000)


async def test_a_huge_backlog_is_stepped_through_by_its_index(
    bench: Bench, database: Database, owner: asyncpg.Connection, alice: UUID, bob: UUID
) -> None:
    await owner.execute(
        "INSERT INTO treadle.backlog (lane, tenant_id, payload) "
        "SELECT 'work', $1, '' FROM generate_series(1, 100000)",
        alice,
    )
    await bench.owner.execute(
        "INSERT INTO treadle.backlog (lane, tenant_id, payload) VALUES ('work', $1, 'bob''s')", bob
    )
    async with database.system() as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        assert await lanes_with_backlog(tx) == ["work"]
        tenants = await waiting_tenants(tx, "work", after=UUID(int=0), limit=10)
        assert tenants == sorted([alice, bob])
        entries = await take_from_backlog(tx, "work", tenants, bound=3, limit=1000)
        assert [entry.tenant_id for entry in entries].count(alice) == 3
        assert [entry.tenant_id for entry in entries].count(bob) == 1
        looks = await tx.fetchrow(
            "SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'backlog'"
        )
    assert looks is not None
    assert looks["seq_scan"] == 0
    assert looks["idx_tup_fetch"] < 50
