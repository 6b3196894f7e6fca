from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from engine.bench import Bench, until
from treadle.db.database import Database
from treadle.engine.live import CHANNEL, LONGEST_MESSAGE, Changes, LiveHub, message, publish

HOUR = 3600.0


async def wait(changes: Changes) -> bool:
    async with asyncio.timeout(60):
        return await changes.wait(poll_seconds=HOUR)


async def test_subscribers_hear_of_a_change_once_it_is_committed(
    bench: Bench, hub: LiveHub, alice: UUID
) -> None:
    async with hub.subscribe("run:1") as changes, hub.subscribe("run:1") as same:
        async with bench.database.tenant(alice) as tx:
            await publish(tx, "run:1", "finished")
            assert not await changes.wait(poll_seconds=0.05)
        assert await wait(changes)
        assert await wait(same)


async def test_nobody_hears_of_what_was_rolled_back_or_of_other_topics(
    bench: Bench, hub: LiveHub, alice: UUID
) -> None:
    async with hub.subscribe("run:1") as changes, hub.subscribe("end") as end:
        with pytest.raises(KeyError):
            async with bench.database.tenant(alice) as tx:
                await publish(tx, "run:1")
                raise KeyError
        async with bench.database.tenant(alice) as tx:
            await publish(tx, "run:12")
            await publish(tx, "end")
        assert await wait(end)
        assert not await changes.wait(poll_seconds=0)


async def test_a_slow_subscriber_gets_one_hint_for_many_changes(
    bench: Bench, hub: LiveHub, alice: UUID
) -> None:
    async with hub.subscribe("topic") as changes, hub.subscribe("end") as end:
        for number in range(50):
            async with bench.database.tenant(alice) as tx:
                await publish(tx, "topic", str(number))
        async with bench.database.tenant(alice) as tx:
            await publish(tx, "end")
        assert await wait(end)
        assert await wait(changes)
        assert not await changes.wait(poll_seconds=0)


async def test_clear_forgets_what_came_before_and_not_what_comes_after() -> None:
    changes = Changes()
    changes.hint()
    changes.clear()
    assert not await changes.wait(poll_seconds=0)
    changes.hint()
    assert await changes.wait(poll_seconds=0)


async def test_a_lost_connection_wakes_everybody_when_it_is_back(
    bench: Bench, hub: LiveHub, owner: asyncpg.Connection, alice: UUID
) -> None:
    async with hub.subscribe("one") as one, hub.subscribe("two") as two:
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        assert await wait(one)
        assert await wait(two)
        async with bench.database.tenant(alice) as tx:
            await publish(tx, "one")
        assert await wait(one)


async def test_who_left_is_forgotten(hub: LiveHub, database: Database) -> None:
    heard: list[str] = []
    first = hub.watch("topic", lambda: heard.append("first"))
    hub.watch("topic", lambda: heard.append("second"))
    first()
    async with hub.subscribe("end") as end:
        async with database.system() as tx:
            await publish(tx, "topic")
            await publish(tx, "end")
        assert await wait(end)
    assert heard == ["second"]


async def test_a_faulty_watcher_does_not_keep_others_from_hearing(
    hub: LiveHub, database: Database
) -> None:
    def faulty() -> None:
        raise ValueError("faulty")

    heard = asyncio.Event()
    hub.watch("topic", faulty)
    hub.watch("topic", heard.set)
    async with database.system() as tx:
        await publish(tx, "topic")
    await until(heard.is_set)


async def test_a_hub_starts_once_and_may_stop_without_having_started(database: Database) -> None:
    hub = LiveHub(database)
    await hub.stop()
    hub.start()
    with pytest.raises(RuntimeError):
        hub.start()
    await hub.stop()


async def test_messages_from_elsewhere_in_the_channel_are_harmless(
    hub: LiveHub, owner: asyncpg.Connection
) -> None:
    async with hub.subscribe("topic") as changes:
        for text in ("", " ", "unknown topic", "topic"):
            await owner.execute("SELECT pg_notify($1, $2)", CHANNEL, text)
        assert await wait(changes)


@pytest.mark.parametrize("topic", ["", "two words", "tab\there", "line\n"])
def test_a_topic_is_a_word(topic: str) -> None:
    with pytest.raises(ValueError):
        message(topic)


def test_a_message_is_small() -> None:
    assert len(message("t", "x" * (LONGEST_MESSAGE - 2))) == LONGEST_MESSAGE
    with pytest.raises(ValueError):
        message("t", "ü" * (LONGEST_MESSAGE // 2))
