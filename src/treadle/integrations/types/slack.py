"""Slack: messages through an incoming webhook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from treadle.core.json import dump
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import Rejected
from treadle.integrations.model import Config, OpenIntegration, Secrets
from treadle.integrations.types.http_targets import place_in_words
from treadle.integrations.types.texts import SecretUrl

MAX_ANSWER_BYTES: Final = 65_536


class SlackConfig(Config):
    """Nothing: the webhook's address says it all, and is secret."""

    def needed_secrets(self) -> frozenset[str]:
        """The address."""
        return frozenset({"webhook_url"})


class SlackSecrets(Secrets):
    """Whoever knows the address may post."""

    webhook_url: SecretUrl | None = None


OpenSlack: TypeAlias = OpenIntegration[SlackConfig, SlackSecrets]


async def send(
    context: IntegrationsContext,
    opened: OpenSlack,
    *,
    payload: Mapping[str, Any],
    timeout_seconds: float = 30,
) -> None:
    """Posts a message: `text`, `blocks`, … Raises OutboundError."""
    url = opened.secrets.webhook_url or ""
    response = await context.outbound.request(
        method="POST",
        url=url,
        headers={"Content-Type": "application/json"},
        content=dump(dict(payload)),
        timeout_seconds=timeout_seconds,
        max_response_bytes=MAX_ANSWER_BYTES,
        allow_redirects=False,
    )
    if response.status != 200:
        said = opened.masked(response.body.decode(errors="replace"))  # `channel_is_archived`
        raise Rejected(
            f"{place_in_words(url)} answered {response.status} {said}",
            name=f"Http.{response.status}",
        )


async def test(context: IntegrationsContext, opened: OpenSlack, *, now: datetime) -> str:
    """Posts a text that says it is a test: there is nothing else to ask. Raises OutboundError."""
    text = escaped(f"Test: Treadle's integration {opened.name} works.")
    await send(context, opened, payload={"text": text}, timeout_seconds=15)
    return "a test message was posted"


async def notify(
    context: IntegrationsContext,
    opened: OpenSlack,
    *,
    to: Sequence[str],
    subject: str,
    message: str,
    now: datetime,
) -> None:
    """Posts the message; the webhook decides where, so that `to` is only shown. Raises
    OutboundError.
    """
    lines = [f"*{escaped(subject)}*"] if subject else []
    if to:
        lines.append(f"_{escaped(', '.join(to))}_")
    await send(context, opened, payload={"text": "\n".join([*lines, escaped(message)])})


def escaped(text: str) -> str:
    """The text without Slack's control sequences: `<!channel>` in it calls nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
