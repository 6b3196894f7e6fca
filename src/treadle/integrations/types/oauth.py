"""OAuth 2 client credentials (RFC 6749, 4.4): from client id and secret to an access token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, cast
from urllib.parse import quote_plus, urlencode

from treadle.core.errors import BadInput
from treadle.core.json import parse
from treadle.integrations.errors import BrokenAnswer, OutboundRefused, Rejected
from treadle.integrations.http_requests import check_headers
from treadle.integrations.outbound import Outbound, Response
from treadle.integrations.types.http_targets import basic_header, place_in_words

TokenPlace: TypeAlias = Literal["header", "body"]

MAX_TOKEN_BYTES: Final = 65_536
USUAL_LIFE: Final = timedelta(minutes=5)
"""Of a token whose issuer does not say."""
MAX_LIFE: Final = timedelta(days=1)
MARGIN: Final = timedelta(seconds=30)
"""A token is not used in the last seconds of its life, or in the last half of a short one."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Who asks for a token, and where."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str
    audience: str
    place: TokenPlace


async def fetch_token(
    outbound: Outbound,
    client: OAuthClient,
    *,
    told: Callable[[str], str],
    timeout_seconds: float,
    now: datetime,
) -> tuple[str, datetime]:
    """A new token, and the instant from which on it is not to be used. `told` takes secrets out of
    what the issuer says. Raises OutboundError.
    """
    form = {"grant_type": "client_credentials"}
    if client.scope:
        form["scope"] = client.scope
    if client.audience:
        form["audience"] = client.audience
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if client.place == "header":
        # RFC 6749, 2.3.1: both are form-encoded before they are joined.
        headers |= basic_header(quote_plus(client.client_id), quote_plus(client.client_secret))
    else:
        form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    response = await outbound.request(
        method="POST",
        url=client.token_url,
        headers=headers,
        content=urlencode(form).encode(),
        timeout_seconds=timeout_seconds,
        max_response_bytes=MAX_TOKEN_BYTES,
        allow_redirects=False,
    )
    return _token_of(response, place=place_in_words(client.token_url), told=told, now=now)


def _token_of(
    response: Response, *, place: str, told: Callable[[str], str], now: datetime
) -> tuple[str, datetime]:
    answer = _object(response.body)
    if response.status != 200:
        said = ": ".join(
            str(answer[name]) for name in ("error", "error_description") if answer.get(name)
        )
        raise Rejected(
            told(f"the token endpoint {place} answered {response.status} {said}"),
            name=f"Http.{response.status}",
        )
    token = answer.get("access_token")
    kind = str(answer.get("token_type", "bearer")).lower()
    if not isinstance(token, str) or not token or kind != "bearer":
        raise BrokenAnswer(f"the token endpoint {place} answered without a bearer token")
    try:
        check_headers({"Authorization": f"Bearer {token}"})
    except OutboundRefused:
        raise BrokenAnswer(f"the token endpoint {place} answered no usable token") from None
    life = _life(answer.get("expires_in"))
    return token, now + max(life - MARGIN, life / 2)


def _life(seconds: object) -> timedelta:
    try:
        life = timedelta(seconds=float(cast("float", seconds)))
    except (TypeError, ValueError, OverflowError):
        return USUAL_LIFE
    return min(life, MAX_LIFE) if life > timedelta(0) else timedelta(0)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = parse(body)
    except (BadInput, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}
