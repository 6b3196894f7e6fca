"""Webhooks of schedules, to a real receiver that checks their signatures."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from fixtures.outside import Outside, answer
from fixtures.schedules import Clockwork
from treadle.core.errors import Unprocessable
from treadle.engine.live import LiveHub
from treadle.engine.queue import Entry
from treadle.engine.supervisor import Supervisor
from treadle.integrations.addresses import Allowed
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.outbound import Outbound
from treadle.schedules.calls import Calls
from treadle.schedules.decisions import FiringStatus, OverlapPolicy
from treadle.schedules.model import ActionType, FiringRow, Schedule
from treadle.schedules.starting import CALLS

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def caller(clockwork: Clockwork) -> Calls:
    """What makes the calls; it may call this machine."""
    return Calls(clockwork.workshop.database, clockwork.context.workflows.integrations)


async def webhook(clockwork: Clockwork, url: str, **config: object) -> Schedule:
    return await clockwork.make(
        action_type=ActionType.SEND_WEBHOOK,
        action_config={"url": url, **config},
        max_retries=1,
        retry_backoff_seconds=60,
    )


def entry_of(schedule: Schedule, firing: FiringRow) -> Entry:
    return Entry(CALLS, schedule.tenant_id, firing.id.bytes + firing.attempt.to_bytes(4))


async def test_a_receiver_gets_a_signed_message_through_the_queue(
    clockwork: Clockwork, caller: Calls, outside: Outside
) -> None:
    schedule = await webhook(clockwork, outside.on("/hook", answer(204)), secret=SECRET)
    assert "secret" not in schedule.action_config
    await clockwork.tick(0)
    database = clockwork.workshop.database
    supervisor = Supervisor(database, LiveHub(database), [caller.lane()])
    supervisor.start()
    try:
        async with asyncio.timeout(60):
            while (await clockwork.firings(schedule))[0].status is FiringStatus.RUNNING:
                await clockwork.tick(1)
    finally:
        await supervisor.stop(grace_seconds=10)
    [firing] = await clockwork.firings(schedule)
    assert (firing.status, firing.result) == (FiringStatus.SUCCEEDED, {"status": 204})
    [asked] = outside.asked
    body = Webhook(SECRET).verify(asked.body, dict(asked.headers))
    assert body["type"] == "schedule.fired"
    assert body["data"]["firing_id"] == asked.headers["webhook-id"] == str(firing.id)


async def test_a_refusal_is_tried_again_under_the_same_id(
    clockwork: Clockwork, caller: Calls, outside: Outside
) -> None:
    url = outside.on("/hook", answer(503, b"not now"))
    schedule = await webhook(clockwork, url, body={"hello": "you"}, headers={"X-Team": "one"})
    await clockwork.tick(0)
    [firing] = await clockwork.firings(schedule)
    await caller.handle(entry_of(schedule, firing))
    await clockwork.tick(0.5)
    [firing] = await clockwork.firings(schedule)
    assert firing.error == "Http.503: not now"
    assert firing.reason == "attempt 1 failed: Http.503: not now"
    await clockwork.tick(2)
    outside.on("/hook", answer(200))
    [firing] = await clockwork.firings(schedule)
    await caller.handle(entry_of(schedule, firing))
    await clockwork.tick(2.1)
    [firing] = await clockwork.firings(schedule)
    assert (firing.status, firing.attempt) == (FiringStatus.SUCCEEDED, 2)
    first, second = outside.asked
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body == orjson.dumps({"hello": "you"})
    assert first.headers["x-team"] == "one"


async def test_an_entry_that_comes_twice_calls_once_the_end_is_known(
    clockwork: Clockwork, caller: Calls, outside: Outside
) -> None:
    schedule = await webhook(clockwork, outside.on("/hook", answer(200)))
    await clockwork.tick(0)
    [firing] = await clockwork.firings(schedule)
    await caller.handle(entry_of(schedule, firing))
    await clockwork.tick(0.1)
    await caller.handle(entry_of(schedule, firing))
    assert len(outside.asked) == 1


async def test_an_address_inside_is_refused_with_the_reason(clockwork: Clockwork) -> None:
    schedule = await webhook(clockwork, "http://127.0.0.1:9/hook")
    await clockwork.tick(0)
    [firing] = await clockwork.firings(schedule)
    outbound = Outbound(Allowed.parse([]))
    integrations = IntegrationsContext(clockwork.context.jobs.sealer, outbound)
    careful = Calls(clockwork.workshop.database, integrations)
    await careful.handle(entry_of(schedule, firing))
    await outbound.close()
    await clockwork.tick(0.1)
    [firing] = await clockwork.firings(schedule)
    assert firing.error is not None
    assert firing.error.startswith("OutboundRefused: ")


async def test_a_replaced_call_is_not_made(
    clockwork: Clockwork, caller: Calls, outside: Outside
) -> None:
    schedule = await clockwork.make(
        action_type=ActionType.SEND_WEBHOOK,
        action_config={"url": outside.on("/hook", answer(200))},
        overlap_policy=OverlapPolicy.TERMINATE_OTHER,
    )
    await clockwork.tick(0)
    [first] = await clockwork.firings(schedule)
    await clockwork.tick(5)
    await caller.handle(entry_of(schedule, first))
    assert outside.asked == []
    assert await clockwork.told(schedule) == ["0 cancelled", "5 running"]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "action_config.url"),
        ({"url": "ftp://example.com"}, "action_config.url"),
        ({"url": "http://user:pass@example.com"}, "action_config.url"),
        ({"url": "https://example.com", "method": "BREW"}, "action_config.method"),
        ({"url": "https://example.com", "timeout_seconds": 0}, "action_config.timeout_seconds"),
        ({"url": "https://example.com", "secret": "short"}, "action_config.secret"),
        ({"url": "https://example.com", "more": 1}, "action_config.more"),
    ],
)
async def test_a_bad_webhook_is_refused_by_field(
    clockwork: Clockwork, config: dict[str, object], field: str
) -> None:
    with pytest.raises(Unprocessable) as caught:
        await clockwork.make(action_type=ActionType.SEND_WEBHOOK, action_config=config)
    assert caught.value.field == field


async def test_an_edit_keeps_the_secret_unless_it_says_another(clockwork: Clockwork) -> None:
    schedule = await webhook(clockwork, "https://example.com", secret=SECRET)
    kept = await clockwork.change(
        schedule, now=1, action_config={"url": "https://example.com/other"}
    )
    assert kept.action_secret == schedule.action_secret
    gone = await clockwork.change(
        schedule, now=2, action_config={"url": "https://example.com", "secret": None}
    )
    assert gone.action_secret is None
