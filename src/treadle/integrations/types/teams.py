"""Microsoft Teams: adaptive cards through the webhook of a channel or a workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from treadle.core.json import dump
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import OutboundRefused, Rejected
from treadle.integrations.model import Config, OpenIntegration, Secrets
from treadle.integrations.types.http_targets import place_in_words, refuse_failure
from treadle.integrations.types.texts import SecretUrl

CARD_TYPE: Final = "application/vnd.microsoft.card.adaptive"
SCHEMA: Final = "http://adaptivecards.io/schemas/adaptive-card.json"
MAX_CARD_BYTES: Final = 28_000
"""Teams refuses messages of 28 KB and more."""
MAX_ANSWER_BYTES: Final = 65_536


class TeamsConfig(Config):
    """Nothing: the webhook's address says it all, and is secret."""

    def needed_secrets(self) -> frozenset[str]:
        """The address."""
        return frozenset({"webhook_url"})


class TeamsSecrets(Secrets):
    """Whoever knows the address may post."""

    webhook_url: SecretUrl | None = None


OpenTeams: TypeAlias = OpenIntegration[TeamsConfig, TeamsSecrets]


def text_card(*, subject: str, message: str, to: Sequence[str] = ()) -> dict[str, Any]:
    """A card of a headline and a text."""
    body: list[dict[str, Any]] = []
    if subject:
        headline = {"type": "TextBlock", "text": subject, "weight": "Bolder", "size": "Medium"}
        body.append({**headline, "wrap": True})
    if to:
        body.append({"type": "TextBlock", "text": ", ".join(to), "isSubtle": True, "wrap": True})
    body.append({"type": "TextBlock", "text": message, "wrap": True})
    return {"$schema": SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": body}


async def send_card(
    context: IntegrationsContext,
    opened: OpenTeams,
    *,
    card: Mapping[str, Any],
    timeout_seconds: float = 30,
) -> None:
    """Posts an adaptive card. Raises OutboundError."""
    url = opened.secrets.webhook_url or ""
    attachment = {"contentType": CARD_TYPE, "contentUrl": None, "content": dict(card)}
    content = dump({"type": "message", "attachments": [attachment]})
    if len(content) > MAX_CARD_BYTES:
        raise OutboundRefused(f"card: over {MAX_CARD_BYTES} bytes, which Teams refuses")
    response = await context.outbound.request(
        method="POST",
        url=url,
        headers={"Content-Type": "application/json"},
        content=content,
        timeout_seconds=timeout_seconds,
        max_response_bytes=MAX_ANSWER_BYTES,
        allow_redirects=False,
    )
    place = place_in_words(url)
    refuse_failure(response, place=place)
    # Old connectors answer 200 to what they could not deliver, and say so in the text.
    if b"delivery failed" in response.body.lower():
        said = opened.masked(response.body.decode(errors="replace"))
        raise Rejected(f"{place} did not deliver: {said}", name="Teams.NotDelivered")


async def test(context: IntegrationsContext, opened: OpenTeams, *, now: datetime) -> str:
    """Posts a card that says it is a test: there is nothing else to ask. Raises OutboundError."""
    card = text_card(subject="Test", message=f"Treadle's integration {opened.name} works.")
    await send_card(context, opened, card=card, timeout_seconds=15)
    return "a test card was posted"


async def notify(
    context: IntegrationsContext,
    opened: OpenTeams,
    *,
    to: Sequence[str],
    subject: str,
    message: str,
    now: datetime,
) -> None:
    """Posts the message; the webhook decides where, so that `to` is only shown. Raises
    OutboundError.
    """
    await send_card(context, opened, card=text_card(subject=subject, message=message, to=to))
