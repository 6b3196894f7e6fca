"""Webhooks as Standard Webhooks says (standardwebhooks.com): a POST whose receiver can tell that it
comes from us, that nobody altered it, and that it is not an old one played again.

    webhook-id         stays the same over all retries: the receiver drops what it has seen
    webhook-timestamp  of this try
    webhook-signature  HMAC-SHA256 of id, timestamp and body under the secret both sides know
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from standardwebhooks.webhooks import Webhook

from treadle.integrations.errors import OutboundRefused
from treadle.integrations.outbound import Outbound, Response

MAX_RESPONSE_BYTES: Final = 65_536
"""What a receiver answers is for the log, not for programs."""
_OUR_HEADERS: Final = frozenset({"webhook-id", "webhook-timestamp", "webhook-signature"})


def signature_headers(
    *, secret: str, webhook_id: str, body: bytes, now: datetime
) -> dict[str, str]:
    """The three headers of a try at `now`. Raises OutboundRefused for a body that is not UTF-8."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise OutboundRefused("body: a webhook that is signed must be UTF-8") from None
    now = now.astimezone(UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, now, text),
    }


async def sign_and_send(
    outbound: Outbound,
    *,
    url: str,
    body: bytes,
    secret: str | None,
    webhook_id: str,
    now: datetime,
    timeout_seconds: float,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The receiver's answer, of whatever status; 2xx means that it has the message.

    Give every try of one message the same `webhook_id`, which must hold no dot. Without a secret
    the message goes unsigned, but with its id and time. Redirects are not followed: a signature is
    for the receiver that was named. Raises OutboundError.
    """
    if not webhook_id or "." in webhook_id:
        raise ValueError("a webhook's id is not empty and holds no dot, which parts what is signed")
    own = dict(headers or {})
    for name in own:
        if name.lower() in _OUR_HEADERS:
            raise OutboundRefused(f"headers: {name} is set by the signature")
    if not any(name.lower() == "content-type" for name in own):
        own["Content-Type"] = "application/json"
    if secret is None:
        own |= {"webhook-id": webhook_id, "webhook-timestamp": str(int(now.timestamp()))}
    else:
        own |= signature_headers(secret=secret, webhook_id=webhook_id, body=body, now=now)
    return await outbound.request(
        method=method,
        url=url,
        headers=own,
        content=body,
        timeout_seconds=timeout_seconds,
        max_response_bytes=MAX_RESPONSE_BYTES,
        allow_redirects=False,
    )
