"""Webhooks are signed so that a receiver with the standard's own library lets them in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from fixtures.outside import Asked, Outside, answer
from treadle.integrations.addresses import Allowed
from treadle.integrations.errors import OutboundRefused, TooLarge
from treadle.integrations.outbound import Outbound
from treadle.integrations.webhooks import sign_and_send

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = '{"test": 2432232314, "word": "Grüße"}'.encode()


def now() -> datetime:
    """The library compares with the machine's clock."""
    return datetime.now(UTC)


@pytest.fixture
async def outbound() -> AsyncGenerator[Outbound]:
    running = Outbound(Allowed.parse(["127.0.0.1"]))
    yield running
    await running.close()


async def receive(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """A receiver: 204 for what it can verify, else 401."""
    try:
        Webhook(SECRET).verify(asked.body, dict(asked.headers))
    except WebhookVerificationError:
        await answer(401)(asked, writer)
    else:
        await answer(204)(asked, writer)


async def send(outbound: Outbound, url: str, **changes: object) -> int:
    arguments = {
        "url": url,
        "body": BODY,
        "secret": SECRET,
        "webhook_id": ID,
        "now": now(),
        "timeout_seconds": 20,
    } | changes
    return (await sign_and_send(outbound, **arguments)).status  # pyright: ignore[reportArgumentType]


async def test_a_receiver_lets_it_in(outbound: Outbound, outside: Outside) -> None:
    url = outside.on("/hook", receive)

    assert await send(outbound, url) == 204

    (asked,) = outside.asked
    assert (asked.method, asked.body) == ("POST", BODY)
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["webhook-id"] == ID


async def test_a_time_in_another_zone_is_the_same_instant(
    outbound: Outbound, outside: Outside
) -> None:
    zone = timezone(timedelta(hours=9))

    assert await send(outbound, outside.on("/hook", receive), now=now().astimezone(zone)) == 204


async def test_the_id_stays_and_time_and_signature_are_new_at_a_retry(
    outbound: Outbound, outside: Outside
) -> None:
    url = outside.on("/hook", receive)

    await send(outbound, url)
    assert await send(outbound, url, now=now() + timedelta(seconds=60)) == 204

    first, second = (asked.headers for asked in outside.asked)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]
    assert first["webhook-signature"] != second["webhook-signature"]


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "whsec_" + "A" * 32},
        {"secret": None},
        {"now": datetime(2026, 1, 1, tzinfo=UTC)},
    ],
    ids=["other secret", "unsigned", "old"],
)
async def test_a_receiver_refuses_what_it_cannot_verify(
    outbound: Outbound, outside: Outside, changes: dict[str, object]
) -> None:
    assert await send(outbound, outside.on("/hook", receive), **changes) == 401


async def test_the_callers_headers_go_along_and_cannot_forge_ours(
    outbound: Outbound, outside: Outside
) -> None:
    url = outside.on("/hook", receive)

    await send(outbound, url, headers={"X-Mine": "1", "content-type": "application/cloudevents"})
    assert outside.asked[0].headers["x-mine"] == "1"
    assert outside.asked[0].headers["content-type"] == "application/cloudevents"

    with pytest.raises(OutboundRefused, match="Webhook-Signature is set by the signature"):
        await send(outbound, url, headers={"Webhook-Signature": "v1,forged"})


async def test_a_redirect_is_not_followed(outbound: Outbound, outside: Outside) -> None:
    outside.on("/other", receive)
    url = outside.on("/hook", answer(307, headers={"Location": "/other"}))

    assert await send(outbound, url) == 307
    assert len(outside.asked) == 1


async def test_a_long_answer_and_a_body_that_is_no_text_are_refused(
    outbound: Outbound, outside: Outside
) -> None:
    with pytest.raises(TooLarge):
        await send(outbound, outside.on("/hook", answer(200, b"x" * 100_000)))
    with pytest.raises(OutboundRefused, match="UTF-8"):
        await send(outbound, outside.url("/hook"), body=b"\xff")
