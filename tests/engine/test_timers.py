from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from engine.bench import Bench, until
from treadle.db.database import Database
from treadle.engine.live import LiveHub
from treadle.engine.timers import (
    Ticked,
    Ticker,
    Timer,
    cancel_timer,
    cancel_timers,
    set_timer,
    set_timers,
)

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
HOUR = 3600.0


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def ticker(database: Database, hub: LiveHub) -> Ticker:
    return Ticker(database, hub, bound=100, poll_seconds=HOUR)


async def put(bench: Bench, tenant_id: UUID, timers: Sequence[tuple[str, datetime]]) -> None:
    """Timers whose payloads are their keys."""
    async with bench.database.tenant(tenant_id) as tx:
        for key, due_at in timers:
            await set_timer(tx, tenant_id, "work", key, due_at, key.encode())


async def test_moves_what_is_due_in_order_and_leaves_the_rest(
    bench: Bench, ticker: Ticker, alice: UUID, bob: UUID
) -> None:
    await put(bench, alice, [("third", at(0)), ("first", at(-2)), ("later", at(5))])
    await put(bench, bob, [("second", at(-1)), ("much later", at(60))])
    assert await ticker.tick(NOW) == Ticked(moved=3, next_due_at=at(5))
    assert await bench.queued() == [b"first", b"second", b"third"]
    assert await ticker.tick(NOW) == Ticked(moved=0, next_due_at=at(5))
    assert await ticker.tick(at(100)) == Ticked(moved=2, next_due_at=None)
    assert await bench.count("treadle.admissions") == 5


async def test_a_batch_takes_the_earliest(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID
) -> None:
    await put(bench, alice, [(str(number), at(-number)) for number in range(10)])
    ticker = Ticker(database, hub, bound=100, batch_size=4)
    assert (await ticker.tick(NOW)).moved == 4
    assert await bench.queued() == [b"9", b"8", b"7", b"6"]


async def test_timers_over_the_tenants_bound_go_to_the_backlog(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID
) -> None:
    await put(bench, alice, [(str(number), at(number - 10)) for number in range(5)])
    assert (await Ticker(database, hub, bound=2).tick(NOW)).moved == 5
    assert await bench.queued() == [b"0", b"1"]
    assert await bench.backlog() == [b"2", b"3", b"4"]


async def test_setting_a_timer_again_replaces_it(
    bench: Bench, ticker: Ticker, alice: UUID, bob: UUID
) -> None:
    await put(bench, alice, [("key", at(-5))])
    await put(bench, bob, [("key", at(-5))])
    async with bench.database.tenant(alice) as tx:
        await set_timers(
            tx,
            [
                Timer(alice, "work", "key", at(-9), b"outdated"),
                Timer(alice, "other", "key", at(50), b"other lane"),
                Timer(alice, "work", "key", at(20), b"new"),
            ],
        )
        await set_timers(tx, [])
    assert await ticker.tick(NOW) == Ticked(moved=1, next_due_at=at(20))
    assert (await ticker.tick(at(20))).moved == 1
    assert await bench.queued() == [b"key", b"new"]


async def test_a_cancelled_timer_never_comes(
    bench: Bench, ticker: Ticker, alice: UUID, bob: UUID
) -> None:
    await put(bench, alice, [("key", at(-5)), ("stays", at(-5))])
    async with bench.database.tenant(bob) as tx:
        assert not await cancel_timer(tx, alice, "work", "key")
    async with bench.database.tenant(alice) as tx:
        assert await cancel_timer(tx, alice, "work", "key")
        assert not await cancel_timer(tx, alice, "work", "key")
    await ticker.tick(NOW)
    assert await bench.queued() == [b"stays"]


async def test_several_are_cancelled_at_once_each_of_its_own_tenant(
    bench: Bench, ticker: Ticker, alice: UUID, bob: UUID
) -> None:
    for tenant_id in (alice, bob):
        await put(bench, tenant_id, [("a", at(-5)), ("b", at(-4))])
    async with bench.database.system() as tx:
        assert await cancel_timers(tx, "work", []) == 0
        assert await cancel_timers(tx, "other", [(alice, "a")]) == 0
        assert await cancel_timers(tx, "work", [(alice, "a"), (bob, "b"), (bob, "none")]) == 2
    await ticker.tick(NOW)
    assert sorted(await bench.queued()) == [b"a", b"b"]


async def test_a_timer_is_set_if_and_only_if_its_transaction_commits(
    bench: Bench, ticker: Ticker, alice: UUID
) -> None:
    with pytest.raises(KeyError):
        async with bench.database.tenant(alice) as tx:
            await set_timer(tx, alice, "work", "key", at(-1), b"")
            raise KeyError
    assert await ticker.tick(NOW) == Ticked(moved=0, next_due_at=None)


async def test_a_tenant_cannot_set_another_ones_timer(bench: Bench, alice: UUID, bob: UUID) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with bench.database.tenant(alice) as tx:
            await set_timer(tx, bob, "work", "key", NOW, b"")


async def test_many_tickers_move_each_timer_once(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID
) -> None:
    keys = [f"{number:04}" for number in range(1000)]
    async with bench.database.tenant(alice) as tx:
        await set_timers(tx, [Timer(alice, "work", key, at(-1), key.encode()) for key in keys])

    async def tick_all() -> int:
        ticker = Ticker(database, hub, bound=10_000, batch_size=50)
        moved = 0
        while ticked := (await ticker.tick(NOW)).moved:
            moved += ticked
        return moved

    shares = await asyncio.gather(*(tick_all() for _ in range(4)))
    assert sum(shares) == 1000
    assert sorted(await bench.queued()) == [key.encode() for key in keys]
    assert await bench.count("treadle.timers") == 0


async def test_a_ticker_wakes_for_timers_that_are_set_to_be_due_soon(
    bench: Bench, ticker: Ticker, alice: UUID
) -> None:
    ticker.start()
    await until(lambda: ticker.loop.last_success_at is not None)
    await put(bench, alice, [("overdue", datetime.now(UTC) - timedelta(seconds=1))])
    await until_queued(bench, b"overdue")
    # Nobody tells of this one when it falls due: the ticker knows the time from the hint before.
    await put(bench, alice, [("soon", datetime.now(UTC) + timedelta(seconds=0.3))])
    await until_queued(bench, b"overdue", b"soon")
    await ticker.stop()


async def test_a_ticker_wakes_for_what_was_there_when_it_started(
    bench: Bench, ticker: Ticker, alice: UUID
) -> None:
    await put(bench, alice, [("soon", datetime.now(UTC) + timedelta(seconds=0.3))])
    ticker.start()
    await until_queued(bench, b"soon")
    await ticker.stop()


async def test_far_timers_do_not_wake_anybody(bench: Bench, hub: LiveHub, alice: UUID) -> None:
    heard: list[str] = []
    hub.watch("engine/timers", lambda: heard.append("timers"))
    hub.watch("engine/backlog", lambda: heard.append("backlog"))
    await put(bench, alice, [("far", datetime.now(UTC) + timedelta(hours=1))])
    # What comes after it in the same channel shows that it would have come.
    await bench.submit(alice, b"a", b"b", bound=1)
    await until(lambda: bool(heard))
    assert heard == ["backlog"]


async def test_a_million_waiting_timers_are_not_looked_at(
    bench: Bench, owner: asyncpg.Connection, ticker: Ticker, alice: UUID
) -> None:
    await owner.execute(
        "INSERT INTO treadle.timers (tenant_id, lane, key, due_at, payload) "
        "SELECT $1, 'work', number::text, $2::timestamptz + number * interval '1 second', '' "
        "FROM generate_series(1, 50000) number",
        alice,
        NOW,
    )
    plan = "\n".join(
        record[0]
        for record in await owner.fetch(
            "EXPLAIN SELECT id FROM treadle.timers WHERE due_at <= $1::timestamptz "
            "ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED",
            NOW,
        )
    )
    assert "timers_due" in plan
    assert await ticker.tick(at(3)) == Ticked(moved=3, next_due_at=at(4))


async def until_queued(bench: Bench, *payloads: bytes) -> None:
    async def is_queued() -> bool:
        return await bench.queued() == list(payloads)

    await until(is_queued)
