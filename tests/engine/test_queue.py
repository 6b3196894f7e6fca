from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from engine.bench import Bench, until
from treadle.db.database import Database
from treadle.engine.live import LiveHub
from treadle.engine.queue import Entry, lane_topic, submit, submit_entries, unpack


def numbered(count: int, first: int = 0) -> list[bytes]:
    return [str(number).encode() for number in range(first, first + count)]


class Undone(Exception):
    pass


def test_an_entry_survives_packing() -> None:
    entry = Entry("work", UUID(int=7), b"payload")
    assert unpack("work", entry.packed()) == entry
    for foreign in (None, b"", b"short"):
        with pytest.raises(ValueError):
            unpack("work", foreign)


async def test_work_is_there_if_and_only_if_its_transaction_commits(
    bench: Bench, alice: UUID
) -> None:
    with pytest.raises(Undone):
        async with bench.database.tenant(alice) as tx:
            await submit(tx, "work", alice, numbered(30), bound=10)
            raise Undone
    assert await bench.is_idle()
    await bench.submit(alice, b"kept")
    assert await bench.queued() == [b"kept"]
    assert await bench.count("treadle.admissions") == 1


async def test_what_is_over_the_bound_waits_in_order(bench: Bench, alice: UUID, bob: UUID) -> None:
    await bench.submit(alice, *numbered(25), bound=10)
    await bench.submit(bob, b"bob's", bound=10)
    assert await bench.queued() == [*numbered(10), b"bob's"]
    assert await bench.backlog() == numbered(15, first=10)
    # Another lane has places of its own.
    await bench.submit(alice, b"elsewhere", lane="other", bound=10)
    assert await bench.queued("other") == [b"elsewhere"]


async def test_new_entries_go_behind_those_that_wait_even_when_places_are_free(
    bench: Bench, alice: UUID
) -> None:
    await bench.submit(alice, *numbered(4), bound=2)
    await bench.owner.execute("DELETE FROM queue.pgqueuer; DELETE FROM treadle.admissions")
    await bench.submit(alice, *numbered(2, first=4), bound=2)
    assert await bench.queued() == []
    assert await bench.backlog() == numbered(4, first=2)


async def test_entries_of_many_tenants_and_lanes_go_in_one_call(
    bench: Bench, database: Database, alice: UUID, bob: UUID
) -> None:
    entries = [
        Entry(lane, tenant_id, payload)
        for payload in numbered(3)
        for tenant_id in (alice, bob)
        for lane in ("one", "two")
    ]
    async with database.system() as tx:
        await submit_entries(tx, entries, bound=2)
        await submit_entries(tx, [], bound=2)
    for lane in ("one", "two"):
        assert await bench.queued(lane) == [b"0", b"0", b"1", b"1"]
        assert await bench.backlog(lane) == [b"2", b"2"]


async def test_a_tenant_cannot_submit_for_another(bench: Bench, alice: UUID, bob: UUID) -> None:
    for bound, queued in ((10, 0), (1, 1)):
        if queued:
            await bench.submit(bob, b"first", bound=1)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with bench.database.tenant(alice) as tx:
                await submit(tx, "work", bob, [b"forged", b"forged too"], bound=bound)
        assert len(await bench.queued()) == queued


async def test_a_bound_below_one_is_refused(bench: Bench, alice: UUID) -> None:
    with pytest.raises(ValueError):
        await bench.submit(alice, b"never", bound=0)


async def test_concurrent_submits_lose_and_double_nothing(bench: Bench, alice: UUID) -> None:
    async def one(number: int) -> list[bytes]:
        payloads = numbered(3, first=number * 3)
        try:
            async with bench.database.tenant(alice) as tx:
                await submit(tx, "work", alice, payloads, bound=20)
                if number % 4 == 0:
                    raise Undone
        except Undone:
            return []
        return payloads

    committed = await asyncio.gather(*(one(number) for number in range(40)))
    wanted = sorted(payload for payloads in committed for payload in payloads)
    queued, backlog = await bench.queued(), await bench.backlog()
    assert sorted(queued + backlog) == wanted
    assert await bench.count("treadle.admissions") == len(queued)
    # At most what the transactions under way brought at the same time, above the bound.
    assert 20 <= len(queued) <= 20 + 16 * 3


async def test_the_lane_hears_of_work_at_the_commit(
    bench: Bench, hub: LiveHub, alice: UUID
) -> None:
    heard = asyncio.Event()
    hub.watch(lane_topic("work"), heard.set)
    async with bench.database.tenant(alice) as tx:
        await submit(tx, "work", alice, [b"x"], bound=1)
        assert not heard.is_set()
    await until(heard.is_set)


async def test_a_full_backlog_costs_nobody_else_a_look_at_it(
    bench: Bench, owner: asyncpg.Connection, alice: UUID, bob: UUID
) -> None:
    """Plans are remembered from the time when the tables were empty: they must not scan them."""
    await owner.execute("VACUUM ANALYZE treadle.backlog; ")
    await owner.execute("VACUUM ANALYZE treadle.admissions")
    async with bench.database.tenant(bob) as tx:
        for _ in range(8):  # PostgreSQL settles for a general plan after five
            await submit(tx, "work", bob, [b"before"], bound=1000)
        await owner.execute(
            "INSERT INTO treadle.backlog (lane, tenant_id, payload) "
            "SELECT 'work', $1, '' FROM generate_series(1, 50000)",
            alice,
        )
        await submit(tx, "work", bob, [b"after"], bound=1000)
        scans = await tx.fetchval(
            "SELECT sum(seq_scan) FROM pg_stat_xact_user_tables "
            "WHERE relname IN ('backlog', 'admissions')"
        )
    assert scans == 0
    assert len(await bench.queued()) == 9
