"""SAP systems over OData: basic authentication, and the token against forged requests that every
change needs.

    GET  X-CSRF-Token: Fetch                 → the token, and the cookies of the session it is for
    POST X-CSRF-Token: <token>, Cookie: …    → 403 with X-CSRF-Token: Required when it has run out,
                                               then once more from the beginning
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias

import httpx
from pydantic import Field

from treadle.integrations.context import CsrfSession, IntegrationsContext
from treadle.integrations.errors import Rejected, deadline
from treadle.integrations.model import Config, OpenIntegration, Secrets
from treadle.integrations.outbound import Response
from treadle.integrations.types.http_targets import (
    basic_header,
    merged_headers,
    origin_of,
    place_in_words,
    refuse_failure,
    target_url,
)
from treadle.integrations.types.texts import BaseUrl, Name, Password

SESSION_LIFE: Final = timedelta(minutes=10)
FETCH_BYTES: Final = 5_000_000
"""Of the service document that comes with a token."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class SapConfig(Config):
    """The root of an OData service, and who calls it."""

    base_url: BaseUrl
    username: Name
    client: Annotated[str, Field(pattern=r"^([0-9]{3})?$")] = ""

    def needed_secrets(self) -> frozenset[str]:
        """The password."""
        return frozenset({"password"})

    def target(self) -> tuple[object, ...]:
        """The origin of the service."""
        return (origin_of(self.base_url),)


class SapSecrets(Secrets):
    """The user's password."""

    password: Password | None = None


OpenSap: TypeAlias = OpenIntegration[SapConfig, SapSecrets]


async def call(
    context: IntegrationsContext,
    opened: OpenSap,
    *,
    method: str,
    path: str = "",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    timeout_seconds: float,
    max_response_bytes: int,
    now: datetime,
) -> Response:
    """The answer, of whatever status, of a path below the service. Redirects are not followed: a
    SAP system redirects who is not logged in. Raises OutboundError.
    """
    place = place_in_words(opened.config.base_url)
    request: dict[str, Any] = {
        "method": method,
        "path": path,
        "query": query,
        "content": content,
        "timeout_seconds": timeout_seconds,
        "max_response_bytes": max_response_bytes,
    }
    given = headers or {}
    with deadline(timeout_seconds, place=place):
        if method in _READING:
            return await _send(context, opened, headers=given, **request)
        session = await _session(context, opened, timeout_seconds=timeout_seconds, now=now)
        response = await _send(context, opened, headers=_with(given, session), **request)
        if not _needs_token(response):
            return response
        context.sessions.forget(opened.key, session)
        session = await _session(context, opened, timeout_seconds=timeout_seconds, now=now)
        return await _send(context, opened, headers=_with(given, session), **request)


async def test(context: IntegrationsContext, opened: OpenSap, *, now: datetime) -> str:
    """Asks for a token anew. Raises OutboundError."""
    place = place_in_words(opened.config.base_url)
    with deadline(15, place=place):
        await _fetch(context, opened, timeout_seconds=15, now=now)
    return f"{place} gave a CSRF token"


async def _session(
    context: IntegrationsContext,
    opened: OpenSap,
    *,
    timeout_seconds: float,
    now: datetime,
) -> CsrfSession:
    return await context.sessions.get(
        opened.key,
        lambda: _fetch(context, opened, timeout_seconds=timeout_seconds, now=now),
        now=now,
    )


async def _fetch(
    context: IntegrationsContext,
    opened: OpenSap,
    *,
    timeout_seconds: float,
    now: datetime,
) -> tuple[CsrfSession, datetime]:
    response = await _send(
        context,
        opened,
        method="GET",
        headers={"X-CSRF-Token": "Fetch"},
        timeout_seconds=timeout_seconds,
        max_response_bytes=FETCH_BYTES,
    )
    place = place_in_words(opened.config.base_url)
    refuse_failure(response, place=place)
    token = response.headers.get("x-csrf-token", "")
    if not token or token.lower() in ("required", "fetch"):
        raise Rejected(f"{place} gave no CSRF token: is this an OData service?", name="Sap.Csrf")
    return CsrfSession(token, _cookie(response.headers)), now + SESSION_LIFE


async def _send(
    context: IntegrationsContext,
    opened: OpenSap,
    *,
    method: str,
    path: str = "",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str],
    content: bytes | None = None,
    timeout_seconds: float,
    max_response_bytes: int,
) -> Response:
    config = opened.config
    client = {"sap-client": config.client} if config.client else {}
    return await context.outbound.request(
        method=method,
        url=target_url(config.base_url, path, {**(query or {}), **client}),
        headers=merged_headers(
            {"Accept": "application/json"},
            headers,
            basic_header(config.username, opened.secrets.password or ""),
        ),
        content=content,
        timeout_seconds=timeout_seconds,
        max_response_bytes=max_response_bytes,
        allow_redirects=False,
    )


def _needs_token(response: Response) -> bool:
    asked = response.headers.get("x-csrf-token", "").lower()
    return response.status == 403 and asked == "required"


def _with(headers: Mapping[str, str], session: CsrfSession) -> dict[str, str]:
    own = {"X-CSRF-Token": session.token}
    if session.cookie:
        own["Cookie"] = session.cookie
    return merged_headers(headers, own)


def _cookie(headers: httpx.Headers) -> str:
    """What is sent back of the cookies that were set: name and value of each."""
    pairs = (value.partition(";")[0].strip() for value in headers.get_list("set-cookie"))
    return "; ".join(pair for pair in pairs if "=" in pair)
