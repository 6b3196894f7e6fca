from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from pgqueuer.domain.models import Job
from structlog.testing import capture_logs

from engine.bench import DEADLINE_SECONDS, Bench, until
from treadle.db.database import Database
from treadle.engine.claims import GiveBack
from treadle.engine.lanes import Again, Consumer, Lane
from treadle.engine.ledger import Ledger
from treadle.engine.live import LiveHub
from treadle.engine.queue import Entry
from treadle.engine.supervisor import Supervisor

HOUR = 3600.0
Handler = Callable[[Entry], Awaitable[None]]


class Workshop:
    """A handler that records whom it handles, and waits until it is let go."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self.ended: list[bytes] = []
        self.cancelled: list[bytes] = []
        self.at_once = 0
        self.most_at_once = 0
        self.open = asyncio.Event()

    async def handle(self, entry: Entry) -> None:
        self.begun.append(entry.payload)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled.append(entry.payload)
            raise
        finally:
            self.at_once -= 1
        self.ended.append(entry.payload)


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


@asynccontextmanager
async def running(
    database: Database, hub: LiveHub, *lanes: Lane, poll_seconds: float = 1.0
) -> AsyncGenerator[Supervisor]:
    supervisor = Supervisor(database, hub, lanes, poll_seconds=poll_seconds)
    supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop(grace_seconds=DEADLINE_SECONDS)


@asynccontextmanager
async def consumer_of(
    database: Database, lane: Lane, *, heartbeat_seconds: float = 8.0
) -> AsyncGenerator[tuple[Consumer, Ledger]]:
    """A lane without loops: the test says when it looks for entries."""
    ledger = Ledger(database, heartbeat_seconds=heartbeat_seconds, on_freed=None)
    consumer = Consumer(lane, ledger, poll_seconds=HOUR)
    yield consumer, ledger
    async with asyncio.timeout(DEADLINE_SECONDS):
        while tasks := consumer.tasks:
            await asyncio.wait(tasks)
    await ledger.close()


async def silence(bench: Bench) -> None:
    """As if all heartbeats had been missed for long."""
    await bench.owner.execute("UPDATE queue.pgqueuer SET heartbeat = now() - interval '1 hour'")


async def test_everything_is_handled_once_and_leaves_nothing(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID, bob: UUID
) -> None:
    seen: list[tuple[UUID, bytes]] = []

    async def handler(entry: Entry) -> None:
        assert entry.lane == "work"
        seen.append((entry.tenant_id, entry.payload))

    payloads = [str(number).encode() for number in range(300)]
    async with running(database, hub, Lane("work", handler, concurrency=20)):
        for tenant_id in (alice, bob):
            await bench.submit(tenant_id, *payloads)
        await until(bench.is_idle)
    assert sorted(seen) == sorted((who, payload) for who in (alice, bob) for payload in payloads)


async def test_a_process_holds_exactly_what_it_can_handle(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID, workshop: Workshop
) -> None:
    await bench.submit(alice, *[b"%d" % number for number in range(10)])
    async with running(database, hub, Lane("work", workshop.handle, concurrency=3)) as supervisor:
        await until(lambda: len(workshop.begun) == 3)
        # A second look finds no place: it must not take what would only wait.
        await bench.submit(alice, b"one more")
        assert await bench.queued(status="picked") == workshop.begun == [b"0", b"1", b"2"]
        assert supervisor.handling == {"work": 3}
        workshop.open.set()
        await until(bench.is_idle)
    assert workshop.most_at_once == 3
    assert len(workshop.ended) == 11


async def test_entries_are_handled_when_they_come_without_waiting_for_a_poll(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID, workshop: Workshop
) -> None:
    workshop.open.set()
    lane = Lane("work", workshop.handle, concurrency=1)
    async with running(database, hub, lane, poll_seconds=HOUR) as supervisor:
        await until(lambda: all(loop.last_success_at for loop in supervisor.loops))
        for payload in (b"first", b"second"):
            await bench.submit(alice, payload)
            await until(lambda payload=payload: payload in workshop.ended)


async def test_the_poll_finds_what_nobody_told_of(
    bench: Bench, database: Database, alice: UUID, workshop: Workshop
) -> None:
    workshop.open.set()
    deaf = LiveHub(database)
    async with running(database, deaf, Lane("work", workshop.handle, 1), poll_seconds=0.05):
        await bench.submit(alice, b"untold")
        await until(bench.is_idle)
    assert workshop.ended == [b"untold"]


async def test_lanes_do_not_wait_for_each_other(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID, workshop: Workshop
) -> None:
    free = Workshop()
    free.open.set()
    lanes = [Lane("work", workshop.handle, 1), Lane("other", free.handle, 1)]
    async with running(database, hub, *lanes):
        await bench.submit(alice, b"stuck")
        await bench.submit(alice, b"flows", lane="other")
        await until(lambda: free.ended == [b"flows"] and workshop.begun == [b"stuck"])
        workshop.open.set()


async def test_what_a_handler_raises_is_logged_and_the_entry_comes_again(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID
) -> None:
    attempts = 0

    async def handler(entry: Entry) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ValueError("not yet")

    lane = Lane("work", handler, concurrency=1, retry_seconds=0.01)
    with capture_logs() as logs:
        async with running(database, hub, lane, poll_seconds=0.02):
            await bench.submit(alice, b"x")
            await until(bench.is_idle)
    failures = [line for line in logs if line["event"] == "handler_failed"]
    assert [line["attempts"] for line in failures] == [0, 1]
    assert {line["tenant"] for line in failures} == {str(alice)}
    assert all(isinstance(line["exc_info"], ValueError) for line in failures)
    assert attempts == 3


async def test_an_entry_that_names_no_tenant_is_a_failure_that_stays(
    bench: Bench, database: Database, alice: UUID, workshop: Workshop
) -> None:
    await bench.submit(alice, b"x")
    await bench.owner.execute("UPDATE queue.pgqueuer SET payload = 'foreign'")
    with capture_logs() as logs:
        async with consumer_of(database, Lane("work", workshop.handle, 1)) as (consumer, _):
            await consumer.take()
    assert [line["event"] for line in logs] == ["handler_failed"]
    assert workshop.begun == []
    assert await bench.count("queue.pgqueuer") == 1


def test_retries_slow_down_to_a_limit() -> None:
    async def handler(entry: Entry) -> None: ...

    lane = Lane("work", handler, 1, retry_seconds=2, longest_retry_seconds=60)
    assert [lane.retry_delay(attempts) for attempts in (0, 1, 2, 5, 10**6)] == [2, 4, 8, 60, 60]
    for wrong in ({"concurrency": 0}, {"concurrency": 1, "batch_size": 0}):
        with pytest.raises(ValueError):
            Lane("work", handler, **wrong)


async def test_again_brings_the_entry_back_later_without_a_failure(
    bench: Bench, database: Database, alice: UUID
) -> None:
    async def handler(entry: Entry) -> None:
        raise Again(600)

    await bench.submit(alice, b"x")
    with capture_logs() as logs:
        async with consumer_of(database, Lane("work", handler, 1)) as (consumer, _):
            await consumer.take()
    row: Any = await bench.owner.fetchrow(
        "SELECT status::text, execute_after > now() + interval '9 minutes' AS later "
        "FROM queue.pgqueuer"
    )
    assert (row["status"], row["later"]) == ("queued", True)
    assert logs == []


async def test_a_cancellation_that_nobody_asked_for_is_a_failure(
    bench: Bench, database: Database, alice: UUID
) -> None:
    async def handler(entry: Entry) -> None:
        inner = asyncio.get_running_loop().create_future()
        inner.cancel()
        await inner

    await bench.submit(alice, b"x")
    with capture_logs() as logs:
        async with consumer_of(database, Lane("work", handler, 1)) as (consumer, _):
            await consumer.take()
    assert [line["event"] for line in logs] == ["handler_failed"]
    assert await bench.queued(status="queued") == [b"x"]


# ---------------------------------------------------------------- who has an entry


async def test_an_entry_that_we_take_from_ourselves_is_not_handled_twice(
    bench: Bench, database: Database, alice: UUID, workshop: Workshop
) -> None:
    await bench.submit(alice, b"slow")
    async with consumer_of(database, Lane("work", workshop.handle, 5)) as (consumer, ledger):
        await consumer.take()
        await until(lambda: workshop.begun == [b"slow"])
        await silence(bench)
        await consumer.take()
        ids = consumer.held_ids()
        assert await ledger.keep(ids) == set(ids)
        workshop.open.set()
    assert workshop.begun == [b"slow"]
    assert await bench.is_idle()


async def test_who_was_silent_cannot_end_what_another_has_taken_over(
    bench: Bench, database: Database, alice: UUID, workshop: Workshop
) -> None:
    """A suspended process wakes up and finishes: the other must still have the entry."""
    await bench.submit(alice, b"x")
    other = Workshop()
    async with consumer_of(database, Lane("work", other.handle, 1)) as (second, _):
        with capture_logs() as logs:
            async with consumer_of(database, Lane("work", workshop.handle, 1)) as (first, ledger):
                await first.take()
                await silence(bench)
                await second.take()
                await until(lambda: other.begun == [b"x"])
                assert await ledger.keep(first.held_ids()) == set()
                workshop.open.set()
        assert [line["event"] for line in logs] == ["entry_was_taken_over"]
        assert workshop.ended == [b"x"]
        assert await bench.queued(status="picked") == [b"x"]
        assert await bench.count("treadle.admissions") == 1
        other.open.set()
    assert await bench.is_idle()


async def test_who_was_silent_cannot_give_back_what_another_has_taken_over(
    bench: Bench, database: Database, alice: UUID, workshop: Workshop
) -> None:
    async def failing(entry: Entry) -> None:
        await workshop.open.wait()
        raise ValueError

    await bench.submit(alice, b"x")
    other = Workshop()
    async with consumer_of(database, Lane("work", other.handle, 1)) as (second, _):
        async with consumer_of(database, Lane("work", failing, 1)) as (first, _):
            await first.take()
            await silence(bench)
            await second.take()
            workshop.open.set()
        assert await bench.queued(status="picked") == [b"x"]
        other.open.set()
    assert other.begun == [b"x"]
    assert await bench.is_idle()


class SlowToHear(Ledger):
    """The database has done it, and the answer is still on its way."""

    given_back: asyncio.Event
    answer: asyncio.Event

    async def give_back(self, gift: GiveBack) -> bool:
        ours = await super().give_back(gift)
        self.given_back.set()
        await self.answer.wait()
        return ours


async def test_an_entry_that_comes_back_before_we_know_it_was_given_back_is_handled(
    bench: Bench, database: Database, alice: UUID
) -> None:
    handled = 0

    async def handler(entry: Entry) -> None:
        nonlocal handled
        handled += 1
        if handled == 1:
            raise Again(0)

    await bench.submit(alice, b"x")
    ledger = SlowToHear(database, heartbeat_seconds=8, on_freed=None)
    ledger.given_back, ledger.answer = asyncio.Event(), asyncio.Event()
    consumer = Consumer(Lane("work", handler, 5), ledger, poll_seconds=HOUR)
    await consumer.take()
    await until(ledger.given_back.is_set)
    await consumer.take()
    assert handled == 1
    ledger.answer.set()
    await until(bench.is_idle)
    assert handled == 2
    await ledger.close()


async def test_ended_entries_that_cannot_be_written_do_not_pile_up(
    bench: Bench, database: Database, alice: UUID
) -> None:
    release = asyncio.Event()

    class Stuck(Ledger):
        async def finish(self, entry_id: int) -> bool:
            await release.wait()
            return await super().finish(entry_id)

        async def take(self, lane: str, *, limit: int) -> list[Job]:
            limits.append(limit)
            return await super().take(lane, limit=limit)

    limits: list[int] = []
    handled: list[bytes] = []

    async def handler(entry: Entry) -> None:
        handled.append(entry.payload)

    await bench.submit(alice, *[b"%d" % number for number in range(10)])
    ledger = Stuck(database, heartbeat_seconds=8, on_freed=None)
    consumer = Consumer(Lane("work", handler, 2), ledger, poll_seconds=HOUR)
    for _ in range(5):
        await consumer.take()
        await until(lambda: consumer.handling == 0)
    assert len(handled) == 4
    assert limits == [2, 2]
    release.set()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while tasks := consumer.tasks:
            await asyncio.wait(tasks)
    await ledger.close()


# ---------------------------------------------------------------- stopping


async def test_stop_lets_handlers_finish_and_takes_nothing_new(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID, workshop: Workshop
) -> None:
    supervisor = Supervisor(database, hub, [Lane("work", workshop.handle, concurrency=1)])
    supervisor.start()
    await bench.submit(alice, b"under way", b"waits")
    await until(lambda: workshop.begun == [b"under way"])
    stopping = asyncio.create_task(supervisor.stop(grace_seconds=DEADLINE_SECONDS))
    await until(lambda: supervisor.loops[1].is_stopping)
    workshop.open.set()
    await stopping
    assert workshop.ended == [b"under way"]
    assert workshop.cancelled == []
    assert await bench.queued(status="queued") == [b"waits"]


async def test_stop_hands_back_so_that_another_takes_at_once(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID, workshop: Workshop
) -> None:
    supervisor = Supervisor(database, hub, [Lane("work", workshop.handle, concurrency=2)])
    supervisor.start()
    await bench.submit(alice, b"one", b"two")
    await until(lambda: len(workshop.begun) == 2)
    other = Workshop()
    other.open.set()
    # Neither its poll nor a missed heartbeat can bring the entries to the other: only being told.
    lane = Lane("work", other.handle, concurrency=2)
    async with running(database, hub, lane, poll_seconds=HOUR) as second:
        await until(lambda: all(loop.last_success_at for loop in second.loops))
        await supervisor.stop(grace_seconds=0)
        assert sorted(workshop.cancelled) == [b"one", b"two"]
        await until(bench.is_idle)
    assert sorted(other.ended) == [b"one", b"two"]


async def test_a_cancelled_handler_may_still_write_before_its_entry_goes_back(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID
) -> None:
    begun = asyncio.Event()
    status_seen: list[list[bytes]] = []

    async def handler(entry: Entry) -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            status_seen.append(await bench.queued(status="picked"))

    supervisor = Supervisor(database, hub, [Lane("work", handler, concurrency=1)])
    supervisor.start()
    await bench.submit(alice, b"x")
    await until(begun.is_set)
    await supervisor.stop(grace_seconds=0)
    assert status_seen == [[b"x"]]
    assert await bench.queued(status="queued") == [b"x"]


async def test_a_handler_that_ends_its_work_in_spite_of_the_cancellation_is_done(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID
) -> None:
    begun = asyncio.Event()

    async def handler(entry: Entry) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    supervisor = Supervisor(database, hub, [Lane("work", handler, concurrency=1)])
    supervisor.start()
    await bench.submit(alice, b"x")
    await until(begun.is_set)
    await supervisor.stop(grace_seconds=0)
    assert await bench.is_idle()


async def test_a_handler_that_ignores_its_cancellation_does_not_keep_the_process(
    bench: Bench, database: Database, hub: LiveHub, alice: UUID
) -> None:
    begun, enough = asyncio.Event(), asyncio.Event()

    async def handler(entry: Entry) -> None:
        begun.set()
        while not enough.is_set():
            try:
                await enough.wait()
            except asyncio.CancelledError:
                continue

    supervisor = Supervisor(
        database, hub, [Lane("work", handler, concurrency=1)], hand_back_seconds=0.05
    )
    supervisor.start()
    await bench.submit(alice, b"stubborn")
    await until(begun.is_set)
    with capture_logs() as logs:
        await supervisor.stop(grace_seconds=0)
    assert "entries_left_to_time_out" in {line["event"] for line in logs}
    # It is still at work, so nobody else may have the entry before its time is up.
    assert await bench.queued(status="picked") == [b"stubborn"]
    enough.set()
    await until(lambda: supervisor.handling == {"work": 0})


async def test_a_lane_is_consumed_once_and_has_a_name_that_can_be_told(
    database: Database, hub: LiveHub, workshop: Workshop
) -> None:
    lane = Lane("work", workshop.handle, concurrency=1)
    with pytest.raises(ValueError):
        Supervisor(database, hub, [lane, lane])
    with pytest.raises(ValueError):
        Lane("two words", workshop.handle, concurrency=1)


async def test_entries_that_were_cancelled_before_their_first_step_go_back(
    bench: Bench, database: Database, alice: UUID, workshop: Workshop
) -> None:
    await bench.submit(alice, b"x", b"y")
    async with consumer_of(database, Lane("work", workshop.handle, 5)) as (consumer, _):
        await consumer.take()
        assert consumer.hand_back() == 2
    assert workshop.begun == []
    assert await bench.queued(status="queued") == [b"x", b"y"]
    assert consumer.handling == 0


async def test_what_is_taken_while_stopping_is_given_back_unhandled(
    bench: Bench, database: Database, alice: UUID, workshop: Workshop
) -> None:
    await bench.submit(alice, b"late")
    async with consumer_of(database, Lane("work", workshop.handle, 5)) as (consumer, _):
        await consumer.stop_taking(grace_seconds=1)
        await consumer.take()
    assert workshop.begun == []
    assert await bench.queued(status="queued") == [b"late"]
