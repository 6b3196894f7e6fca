"""Teams and Slack: what their webhooks receive."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import ValidationError

from fixtures.integrations import NOW, opened
from fixtures.outside import Asked, Outside, answer
from treadle.integrations.calls import notify, try_out
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import OutboundRefused, Rejected
from treadle.integrations.types.slack import SlackSecrets
from treadle.integrations.types.teams import send_card, text_card


def adaptive_card(body: bytes) -> dict[str, Any]:
    """The card in a Teams message, checked as a receiver would. Raises AssertionError."""
    message = json.loads(body)
    assert message["type"] == "message"
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard"
    assert card["version"] == "1.4"
    assert all(element["type"] for element in card["body"])
    return card


async def receive_card(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """A workflow's webhook: 202 for a card."""
    try:
        adaptive_card(asked.body)
    except (AssertionError, ValueError, KeyError):
        await answer(400)(asked, writer)
    else:
        await answer(202)(asked, writer)


async def test_teams_gets_an_adaptive_card(calls: IntegrationsContext, outside: Outside) -> None:
    url = outside.on("/hook", receive_card) + "?sig=secret"
    conn = opened("teams", {}, {"webhook_url": url})

    await notify(calls, conn, to=["ann", "bob"], subject="Done", message="All *well*", now=NOW)
    assert (await try_out(calls, conn, now=NOW)).ok

    card = adaptive_card(outside.asked[0].body)
    assert [element["text"] for element in card["body"]] == ["Done", "ann, bob", "All *well*"]
    assert outside.asked[0].target == "/hook?sig=secret"


async def test_teams_can_say_no_in_a_200(calls: IntegrationsContext, outside: Outside) -> None:
    url = outside.on("/hook", answer(200, b"Webhook message delivery failed with error: gone"))
    conn = opened("teams", {}, {"webhook_url": url})

    with pytest.raises(Rejected, match="delivery failed with error: gone"):
        await send_card(calls, conn, card=text_card(subject="", message="x"))


async def test_a_card_that_teams_would_refuse_is_not_sent(
    calls: IntegrationsContext, outside: Outside
) -> None:
    conn = opened("teams", {}, {"webhook_url": outside.url("/hook")})

    with pytest.raises(OutboundRefused, match="28000 bytes"):
        await send_card(calls, conn, card=text_card(subject="", message="x" * 30_000))
    assert outside.asked == []


async def test_slack_gets_a_text_that_calls_nobody(
    calls: IntegrationsContext, outside: Outside
) -> None:
    conn = opened("slack", {}, {"webhook_url": outside.on("/hook", answer(200, b"ok"))})

    await notify(calls, conn, to=["ann"], subject="A & B", message="<!channel> hi", now=NOW)
    assert (await try_out(calls, conn, now=NOW)).ok

    text = json.loads(outside.asked[0].body)["text"]
    assert text == "*A &amp; B*\n_ann_\n&lt;!channel&gt; hi"


@pytest.mark.parametrize("kind", ["teams", "slack"])
async def test_refusals_name_the_host_and_not_the_secret_path(
    calls: IntegrationsContext, shut_in: IntegrationsContext, outside: Outside, kind: str
) -> None:
    url = outside.url("/T000/secret-path")
    outside.on(
        "/T000/secret-path", answer(404, f"no_service at {url} (/T000/secret-path)".encode())
    )
    conn = opened(kind, {}, {"webhook_url": url})

    tried = await try_out(calls, conn, now=NOW)
    assert (tried.ok, tried.error) == (False, "Http.404")
    assert f"127.0.0.1:{outside.port}" in tried.message

    refused = await try_out(shut_in, conn, now=NOW)
    assert refused.error == "OutboundRefused"
    for text in (tried.message, refused.message, repr(conn), str(conn.secrets)):
        assert "secret-path" not in text


@pytest.mark.parametrize("url", ["", "x", "ftp://hooks.example/secret", "https://u:secret@x/"])
def test_what_is_no_webhook_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        SlackSecrets.model_validate({"webhook_url": url})
    assert "secret" not in str(refused.value).replace("SlackSecrets", "")
