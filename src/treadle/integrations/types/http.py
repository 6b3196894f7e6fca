"""Any HTTP API: with no credentials, basic, bearer, an API key, or OAuth 2 client credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from treadle.core.json import dump
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import OutboundRefused, deadline
from treadle.integrations.http_requests import check_headers
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
from treadle.integrations.types.oauth import OAuthClient, TokenPlace, fetch_token
from treadle.integrations.types.texts import BaseUrl, HeaderSecret, Line, Name, Password, Url

TEST_BYTES: Final = 1_000_000
NOTIFY_BYTES: Final = 65_536
"""Of the answer."""


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    try:
        check_headers(headers)
    except OutboundRefused as error:
        raise ValueError(error.message.removeprefix("headers: ")) from None
    return headers


def _header_name(name: str) -> str:
    _checked_headers({name: "x"})
    return name


def _no_colon(name: str) -> str:
    if ":" in name:
        raise ValueError("must not hold a colon")
    return name


class _Auth(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoAuth(_Auth):
    """No credentials."""

    type: Literal["none"] = "none"


class BasicAuth(_Auth):
    """A user name, and the secret `password`."""

    type: Literal["basic"]
    username: Annotated[Name, AfterValidator(_no_colon)]


class BearerAuth(_Auth):
    """The secret `token`, as it is."""

    type: Literal["bearer"]


class ApiKeyAuth(_Auth):
    """The secret `api_key`, in a header or in the query."""

    type: Literal["api_key"]
    place: Annotated[Literal["header", "query"], Field(alias="in")] = "header"
    name: Annotated[Name, AfterValidator(_header_name)] = "X-Api-Key"


class OAuthAuth(_Auth):
    """OAuth 2 client credentials, with the secret `client_secret`."""

    type: Literal["oauth2_client_credentials"]
    token_url: Url
    client_id: Name
    scope: Line = ""
    audience: Line = ""
    send_credentials_in: TokenPlace = "header"


Auth: TypeAlias = Annotated[
    NoAuth | BasicAuth | BearerAuth | ApiKeyAuth | OAuthAuth, Field(discriminator="type")
]
_NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "none": frozenset(),
    "basic": frozenset({"password"}),
    "bearer": frozenset({"token"}),
    "api_key": frozenset({"api_key"}),
    "oauth2_client_credentials": frozenset({"client_secret"}),
}


class HttpConfig(Config):
    """How the API is reached. Headers go with every call."""

    base_url: BaseUrl
    auth: Auth = NoAuth()
    headers: Annotated[dict[str, str], AfterValidator(_checked_headers)] = Field(default={})
    test_path: Line = ""
    notify_path: Line = ""

    def needed_secrets(self) -> frozenset[str]:
        """As the kind of credentials needs them."""
        return _NEEDED[self.auth.type]

    def target(self) -> tuple[object, ...]:
        """The origins that credentials go to."""
        if isinstance(self.auth, OAuthAuth):
            return origin_of(self.base_url), origin_of(self.auth.token_url)
        return (origin_of(self.base_url),)


class HttpSecrets(Secrets):
    """The one that the kind of credentials needs."""

    password: Password | None = None
    token: HeaderSecret | None = None
    api_key: HeaderSecret | None = None
    client_secret: Password | None = None


OpenHttp: TypeAlias = OpenIntegration[HttpConfig, HttpSecrets]


async def call(
    context: IntegrationsContext,
    opened: OpenHttp,
    *,
    method: str,
    path: str = "",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    timeout_seconds: float,
    max_response_bytes: int,
    now: datetime,
    allow_redirects: bool = True,
) -> Response:
    """The answer, of whatever status, of a path below the base URL (or a whole URL at its origin).

    The integration's credentials win over headers of the same name. A token that is not taken any
    more is fetched anew, once. Raises OutboundError.
    """
    config = opened.config
    url = target_url(config.base_url, path, query)
    with deadline(timeout_seconds, place=place_in_words(url)):
        for last in (False, True):
            credentials = await _credentials(
                context, opened, timeout_seconds=timeout_seconds, now=now
            )
            response = await context.outbound.request(
                method=method,
                url=_with_api_key(opened, url),
                headers=merged_headers(config.headers, headers or {}, credentials),
                content=content,
                timeout_seconds=timeout_seconds,
                max_response_bytes=max_response_bytes,
                allow_redirects=allow_redirects,
            )
            if last or response.status != 401 or not isinstance(config.auth, OAuthAuth):
                return response
            token = credentials["Authorization"].removeprefix("Bearer ")
            context.tokens.forget(opened.key, token)
    raise AssertionError("the second answer is the last")


async def test(context: IntegrationsContext, opened: OpenHttp, *, now: datetime) -> str:
    """Asks for `test_path`. Raises OutboundError."""
    response = await call(
        context,
        opened,
        method="GET",
        path=opened.config.test_path,
        timeout_seconds=15,
        max_response_bytes=TEST_BYTES,
        now=now,
    )
    place = place_in_words(opened.config.base_url)
    refuse_failure(response, place=place)
    return f"{place} answered {response.status}"


async def notify(
    context: IntegrationsContext,
    opened: OpenHttp,
    *,
    to: Sequence[str],
    subject: str,
    message: str,
    now: datetime,
) -> None:
    """Posts `{to, subject, message}` to `notify_path`. Raises OutboundError."""
    response = await call(
        context,
        opened,
        method="POST",
        path=opened.config.notify_path,
        headers={"Content-Type": "application/json"},
        content=dump({"to": list(to), "subject": subject, "message": message}),
        timeout_seconds=30,
        max_response_bytes=NOTIFY_BYTES,
        now=now,
        allow_redirects=False,
    )
    refuse_failure(response, place=place_in_words(opened.config.base_url))


async def _credentials(
    context: IntegrationsContext,
    opened: OpenHttp,
    *,
    timeout_seconds: float,
    now: datetime,
) -> dict[str, str]:
    auth, secrets = opened.config.auth, opened.secrets
    match auth:
        case BasicAuth():
            return basic_header(auth.username, secrets.password or "")
        case BearerAuth():
            return {"Authorization": f"Bearer {secrets.token}"}
        case ApiKeyAuth(place="header"):
            return {auth.name: secrets.api_key or ""}
        case OAuthAuth():
            client = OAuthClient(
                token_url=auth.token_url,
                client_id=auth.client_id,
                client_secret=secrets.client_secret or "",
                scope=auth.scope,
                audience=auth.audience,
                place=auth.send_credentials_in,
            )
            token = await context.tokens.get(
                opened.key,
                lambda: fetch_token(
                    context.outbound,
                    client,
                    told=opened.masked,
                    timeout_seconds=timeout_seconds,
                    now=now,
                ),
                now=now,
            )
            return {"Authorization": f"Bearer {token}"}
        case _:
            return {}


def _with_api_key(opened: OpenHttp, url: str) -> str:
    auth = opened.config.auth
    if isinstance(auth, ApiKeyAuth) and auth.place == "query":
        return target_url(url, url, {auth.name: opened.secrets.api_key or ""})
    return url
