"""HTTP integrations against a server that checks credentials, and an OAuth token endpoint."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from fixtures.integrations import NOW, opened
from fixtures.outside import Asked, Outside, answer
from treadle.integrations.calls import notify, try_out
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.errors import BrokenAnswer, OutboundRefused, Rejected
from treadle.integrations.model import OpenIntegration
from treadle.integrations.outbound import Response
from treadle.integrations.types.http import HttpConfig, call

SECRET = "s3cret-of-the-test"


async def ask(
    calls: IntegrationsContext, conn: OpenIntegration[Any, Any], path: str = "/x", **more: Any
) -> Response:
    options: dict[str, Any] = {
        "method": "GET",
        "timeout_seconds": 20,
        "max_response_bytes": 10_000,
        "now": NOW,
    }
    return await call(calls, conn, path=path, **(options | more))


async def test_without_credentials_only_headers_go_along(
    calls: IntegrationsContext, outside: Outside
) -> None:
    conn = opened("http", {"base_url": outside.url("/api/"), "headers": {"X-Team": "a"}})
    outside.on("/api/x", answer(200, b"ok"))

    got = await ask(calls, conn, query={"q": "ä&b"}, headers={"x-team": "b"})

    assert got.body == b"ok"
    asked = outside.asked[0]
    assert asked.target == "/api/x?q=%C3%A4%26b"
    assert asked.headers["x-team"] == "b"
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("auth", "secrets", "header", "value"),
    [
        (
            {"type": "basic", "username": "ännchen"},
            {"password": SECRET},
            "authorization",
            "Basic " + base64.b64encode(f"ännchen:{SECRET}".encode()).decode(),
        ),
        ({"type": "bearer"}, {"token": SECRET}, "authorization", f"Bearer {SECRET}"),
        ({"type": "api_key"}, {"api_key": SECRET}, "x-api-key", SECRET),
        ({"type": "api_key", "name": "apikey"}, {"api_key": SECRET}, "apikey", SECRET),
    ],
    ids=["basic", "bearer", "API key", "API key of another name"],
)
async def test_credentials_go_along_and_win(
    calls: IntegrationsContext,
    outside: Outside,
    auth: dict[str, str],
    secrets: dict[str, str],
    header: str,
    value: str,
) -> None:
    conn = opened("http", {"base_url": outside.url(), "auth": auth}, secrets)

    await ask(calls, conn, headers={header.title(): "of the caller"})

    assert outside.asked[0].headers[header] == value


async def test_an_api_key_in_the_query(calls: IntegrationsContext, outside: Outside) -> None:
    auth = {"type": "api_key", "in": "query", "name": "key"}
    conn = opened("http", {"base_url": outside.url("/a"), "auth": auth}, {"api_key": "k&y/"})

    await ask(calls, conn, query={"q": "1"})

    assert parse_qs(outside.asked[0].target.partition("?")[2]) == {"q": ["1"], "key": ["k&y/"]}


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/api"),
        ("x", "/api/x"),
        ("/x/", "/api/x/"),
        ("?a=1", "/api?a=1"),
        ("//evil.example/x", "/api/evil.example/x"),
        ("@evil.example", "/api/@evil.example"),
    ],
)
async def test_paths_lie_below_the_base(
    calls: IntegrationsContext, outside: Outside, path: str, target: str
) -> None:
    conn = opened("http", {"base_url": outside.url("/api")})

    await ask(calls, conn, path)

    assert outside.asked[0].target == target


async def test_a_whole_url_is_taken_at_the_same_origin_only(
    calls: IntegrationsContext, outside: Outside
) -> None:
    conn = opened(
        "http", {"base_url": outside.url("/api"), "auth": {"type": "bearer"}}, {"token": SECRET}
    )

    await ask(calls, conn, outside.url("/next?page=2"))
    assert outside.asked[0].target == "/next?page=2"

    for elsewhere in (
        f"http://127.0.0.1:{outside.port + 1}/",
        "http://evil.example/",
        outside.url("/").replace("http:", "https:"),
        f"http://127.0.0.1:{outside.port}@evil.example/",
    ):
        with pytest.raises(OutboundRefused):
            await ask(calls, conn, elsewhere)
    assert len(outside.asked) == 1


# ---------------------------------------------------------------- OAuth 2 client credentials


class Issuer:
    """A token endpoint and an API behind it. Tokens are numbered; `valid` says which the API
    takes.
    """

    def __init__(self, outside: Outside, *, expires_in: object = 3600) -> None:
        self.outside = outside
        self.numbers = count(1)
        self.given: list[str] = []
        self.valid: set[str] = set()
        self.expires_in = expires_in
        outside.on("/token", self.issue)
        outside.on("/api/x", self.api)

    def opened(self, **auth: str) -> OpenIntegration[Any, Any]:
        config = {
            "base_url": self.outside.url("/api"),
            "test_path": "/x",
            "auth": {
                "type": "oauth2_client_credentials",
                "token_url": self.outside.url("/token"),
                "client_id": "me:too",
                **auth,
            },
        }
        return opened("http", config, {"client_secret": SECRET})

    async def issue(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        pair = base64.b64encode(f"me%3Atoo:{SECRET}".encode()).decode()
        by_header = asked.headers.get("authorization") == f"Basic {pair}"
        by_body = (form.get("client_id"), form.get("client_secret")) == ("me:too", SECRET)
        if form.get("grant_type") != "client_credentials" or not (by_header or by_body):
            told = {"error": "invalid_client", "error_description": f"not {SECRET}\r\nX: 1"}
            await answer(401, json.dumps(told).encode())(asked, writer)
            return
        token = f"token-{next(self.numbers)}"
        self.given.append(token)
        self.valid.add(token)
        told = {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in}
        await answer(200, json.dumps(told).encode())(asked, writer)

    async def api(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        await answer(200 if token in self.valid else 401, token.encode())(asked, writer)


@pytest.mark.parametrize("place", ["header", "body"])
async def test_a_token_is_fetched_once_and_used_until_it_expires(
    calls: IntegrationsContext, outside: Outside, place: str
) -> None:
    issuer = Issuer(outside)
    conn = issuer.opened(send_credentials_in=place, scope="read write", audience="api")

    several = await asyncio.gather(*(ask(calls, conn) for _ in range(5)))
    assert [got.body for got in several] == [b"token-1"] * 5
    assert (await ask(calls, conn, now=NOW + timedelta(seconds=3569))).body == b"token-1"
    assert (await ask(calls, conn, now=NOW + timedelta(seconds=3570))).body == b"token-2"

    form = parse_qs(next(a for a in outside.asked if a.target == "/token").body.decode())
    assert (form["scope"], form["audience"]) == (["read write"], ["api"])
    assert ("client_secret" in form) == (place == "body")


async def test_a_token_that_is_not_taken_any_more_is_fetched_anew_once(
    calls: IntegrationsContext, outside: Outside
) -> None:
    issuer = Issuer(outside)
    conn = issuer.opened()
    await ask(calls, conn)

    issuer.valid.clear()
    assert (await ask(calls, conn)).body == b"token-2"

    outside.on("/api/x", answer(401))
    assert (await ask(calls, conn)).status == 401
    assert len(issuer.given) == 3  # and no more


async def test_two_connections_and_a_new_revision_have_tokens_of_their_own(
    calls: IntegrationsContext, outside: Outside
) -> None:
    issuer = Issuer(outside)

    assert (await ask(calls, issuer.opened())).body == b"token-1"
    assert (await ask(calls, issuer.opened())).body == b"token-2"


@pytest.mark.parametrize("expires_in", [None, 0, -5, "soon", 1e300])
async def test_odd_lives_of_tokens_do_no_harm(
    calls: IntegrationsContext, outside: Outside, expires_in: object
) -> None:
    assert (await ask(calls, Issuer(outside, expires_in=expires_in).opened())).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"access_token": ""}',
        b'{"access_token": 7}',
        b'{"access_token": "x", "token_type": "mac"}',
        b'{"access_token": "a\\r\\nX: 1"}',
        b'{"a":' * 1000,
    ],
)
async def test_a_token_endpoint_that_talks_nonsense(
    calls: IntegrationsContext, outside: Outside, body: bytes
) -> None:
    conn = Issuer(outside).opened()
    outside.on("/token", answer(200, body))

    with pytest.raises(BrokenAnswer):
        await ask(calls, conn)


async def test_a_refused_client_is_said_without_its_secret(
    calls: IntegrationsContext, outside: Outside
) -> None:
    conn = Issuer(outside).opened(client_id="somebody")

    with pytest.raises(Rejected) as refused:
        await ask(calls, conn)

    assert refused.value.name == "Http.401"
    assert "invalid_client" in refused.value.message
    assert SECRET not in refused.value.message
    assert "\n" not in refused.value.message


# ---------------------------------------------------------------- what every type can do


async def test_trying_it_out_says_what_happened(
    calls: IntegrationsContext, shut_in: IntegrationsContext, outside: Outside
) -> None:
    conn = Issuer(outside).opened()
    tried = await try_out(calls, conn, now=NOW)
    assert (tried.ok, tried.error) == (True, None)

    outside.on("/api/x", answer(403))
    tried = await try_out(calls, conn, now=NOW)
    assert (tried.ok, tried.error) == (False, "Http.403")
    assert "credentials do not allow" in tried.message

    tried = await try_out(shut_in, conn, now=NOW)
    assert (tried.ok, tried.error) == (False, "OutboundRefused")
    assert "TREADLE_OUTBOUND_ALLOWED" in tried.message


async def test_notifying_posts_the_message(calls: IntegrationsContext, outside: Outside) -> None:
    conn = opened("http", {"base_url": outside.url("/a"), "notify_path": "/tell"})
    outside.on("/a/tell", answer(202))

    await notify(calls, conn, to=["ann"], subject="Grüße", message="Hallo", now=NOW)

    (asked,) = outside.asked
    assert asked.method == "POST"
    assert json.loads(asked.body) == {"to": ["ann"], "subject": "Grüße", "message": "Hallo"}

    outside.on("/a/tell", answer(500))
    with pytest.raises(Rejected) as refused:
        await notify(calls, conn, to=[], subject="", message="x", now=NOW)
    assert refused.value.name == "Http.500"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"base_url": "ftp://x"},
        {"base_url": "http://u:p@x"},
        {"base_url": "http://x/?q=1"},
        {"base_url": "http://x/#a"},
        {"base_url": "http://x", "extra": 1},
        {"base_url": "http://x", "headers": {"Host": "y"}},
        {"base_url": "http://x", "headers": {"X": "1\r\nY: 2"}},
        {"base_url": "http://x", "headers": {"X": 1}},
        {"base_url": "http://x", "auth": {"type": "digest"}},
        {"base_url": "http://x", "auth": {"type": "basic"}},
        {"base_url": "http://x", "auth": {"type": "basic", "username": "a:b"}},
        {"base_url": "http://x", "auth": {"type": "api_key", "name": "Content-Length"}},
        {"base_url": "http://x", "auth": {"type": "api_key", "in": "cookie"}},
        {"base_url": "http://x", "auth": {"type": "bearer", "token": "x"}},
    ],
)
def test_bad_configurations_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HttpConfig.model_validate(config)
