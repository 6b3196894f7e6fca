"""Schedules, entities, keys and the audit log through the client; and what it raises."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest

from factories import NOW, PASSWORD, make_tenant
from fixtures.server import Server
from treadle.client import (
    AsyncTreadle,
    Conflict,
    ConnectionFailed,
    Forbidden,
    Invalid,
    NotFound,
    Retries,
    Treadle,
    TreadleError,
    Unauthenticated,
    UnexpectedAnswer,
)
from treadle.client.credentials import from_environment
from treadle.db.database import Database
from treadle.jobs.installation import ensure_default_destination

NOWHERE = "0199f3c1-6504-7b1c-9d52-48dcab1e0f3a"


@pytest.fixture
async def url(server: Server, database: Database) -> str:
    """A server with the administrator `alice`."""
    await make_tenant(database, admin_username="alice")
    await ensure_default_destination(database, now=NOW)
    return server.url


async def test_schedules(url: str) -> None:
    async with await AsyncTreadle.log_in(url, "alice", PASSWORD) as treadle:
        preview = await treadle.schedules.preview(
            "0 9 * * 5L", timezone="Australia/Sydney", count=2
        )
        assert len(preview.next) == 2
        made = await treadle.schedules.create(
            "Nightly",
            "0 9 * * 1-5",
            timezone="Australia/Sydney",
            action_type="log_event",
            action_config={"what": "morning"},
            tags=["of the test"],
        )
        assert made.next_run_at is not None
        paused = await treadle.schedules.pause(made.id, reason="Stocktaking")
        assert (paused.status, paused.paused_reason) == ("paused", "Stocktaking")
        assert (await treadle.schedules.resume(made.id)).status == "active"
        changed = await treadle.schedules.update(made.id, schedule_expression="0 10 * * *")
        assert changed.version > made.version
        assert changed.timezone == "Australia/Sydney"
        fired = await treadle.schedules.trigger(made.id)
        assert fired.trigger == "manual"
        assert [each.id async for each in treadle.schedules.firings(made.id)] == [fired.id]
        counted = await treadle.schedules.backfill(
            made.id,
            start=datetime(2026, 6, 1, tzinfo=UTC),
            end=datetime(2026, 6, 8, tzinfo=UTC),
            dry_run=True,
        )
        assert counted.dry_run
        explained = await treadle.schedules.explain(made.id, made.next_run_at)
        assert explained.at == made.next_run_at
        assert (await treadle.schedules.upcoming(made.id, count=3)).timezone == "Australia/Sydney"
        assert [each.id async for each in treadle.schedules.list(tag="of the test")] == [made.id]
        await treadle.schedules.delete(made.id)
        with pytest.raises(NotFound):
            await treadle.schedules.get(made.id)


async def test_lists_go_over_all_pages(url: str) -> None:
    async with await AsyncTreadle.log_in(url, "alice", PASSWORD) as treadle:
        entity = await treadle.entities.create(
            "contract",
            schema={"type": "object", "properties": {"due": {"type": "string", "format": "date"}}},
            date_fields=["due"],
        )
        records = {f"C-{n}": {"due": date(2026, 12, n + 1)} for n in range(7)}
        upserted = await treadle.entities.upsert(entity.id, records)
        assert (upserted.created, upserted.updated) == (7, 0)
        for size in (2, 7, 100):
            found = [r async for r in treadle.entities.records(entity.id, page_size=size)]
            assert {r.external_id for r in found} == set(records)
            assert len(found) == 7
        for n in range(5):
            await treadle.jobs.create(f"Job {n}")
        names = [job.name async for job in treadle.jobs.list(page_size=2)]
        assert names == [f"Job {n}" for n in range(5)]
        numbers = [entry.number async for entry in treadle.audit.list(page_size=1)]
        assert len(numbers) > 1
        assert numbers == sorted(set(numbers), reverse=True)


async def test_keys_come_in_with_what_they_may(url: str) -> None:
    async with await AsyncTreadle.log_in(url, "alice", PASSWORD) as treadle:
        job = await treadle.jobs.create("Hello")
        issued = await treadle.keys.create("Script", expires_at=date(2036, 1, 1))
        assert issued.api_key not in repr(issued)
        async with AsyncTreadle(url, api_key=issued.api_key) as script:
            with pytest.raises(Forbidden):
                await script.me()
            role = await treadle.keys.give_role(issued.id, "Member", project=job.project)
            assert role.role == "Member"
            assert (await script.me()).kind == "api_key"
            assert (await script.jobs.get(job.id)).name == "Hello"
            with pytest.raises(Forbidden) as caught:
                await script.jobs.run(job.id)
            assert caught.value.request_id
            await treadle.keys.delete(issued.id)
            with pytest.raises(Unauthenticated):
                await script.me()


async def test_refusals_have_names(url: str) -> None:
    async with await AsyncTreadle.log_in(url, "alice", PASSWORD) as treadle:
        with pytest.raises(NotFound) as missing:
            await treadle.jobs.get("999999")
        assert missing.value.status == 404
        with pytest.raises(Invalid, match="timeout"):
            await treadle.jobs.create("Hello", timeout=-1)
        with pytest.raises(Invalid, match="name: "):
            await treadle.schedules.create("", "0 9 * * *", action_type="log_event")
        job = await treadle.jobs.create("Hello", active=False)
        with pytest.raises(Conflict):
            await treadle.jobs.run(job.id)
        with pytest.raises(ValueError, match="time zone"):
            await treadle.schedules.pause(NOWHERE, until=datetime(2026, 1, 1))  # noqa: DTZ001
        # A page of the console, where an API was expected.
        with pytest.raises(UnexpectedAnswer):
            await treadle.request("GET", "/metrics")
    with pytest.raises(Unauthenticated):
        await AsyncTreadle.log_in(url, "alice", "not the password")


async def test_the_client_without_await_is_the_same(url: str) -> None:
    def use() -> None:
        with Treadle.log_in(url, "alice", PASSWORD) as treadle:
            made = [treadle.jobs.create(f"Job {n}") for n in range(3)]
            assert [job.id for job in treadle.jobs.list(page_size=1)] == [job.id for job in made]
            assert treadle.me().name == "alice"
            with pytest.raises(NotFound):
                treadle.schedules.get(NOWHERE)

    await asyncio.to_thread(use)


async def test_nobody_there() -> None:
    async with AsyncTreadle("http://127.0.0.1:1", retries=Retries(attempts=1)) as treadle:
        with pytest.raises(ConnectionFailed):
            await treadle.me()


def test_the_environment_says_where_and_as_whom() -> None:
    there = {"TREADLE_URL": "http://x"}
    assert from_environment({"TREADLE_URL": "http://x", "TREADLE_API_KEY": "k"}) == (
        "http://x",
        "k",
    )
    with pytest.raises(TreadleError, match="TREADLE_API_KEY"):
        from_environment(there)
