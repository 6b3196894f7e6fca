"""`/connect/token`, as RFC 6749 says."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest

from api.remote_access.conftest import People
from factories import make_key, make_rule
from treadle.identity.model import IssuedKey

GRANT = {"grant_type": "client_credentials"}
BASIC = 'Basic realm="treadle", charset="UTF-8"'


@pytest.fixture
async def key(people: People) -> IssuedKey:
    """A key that may read a little."""
    return await make_key(people.server.context.database, people.tenant, role="Consumer")


def credentials(key: IssuedKey) -> dict[str, str]:
    return {"client_id": str(key.key.client_id), "client_secret": key.client_secret}


def basic(client_id: str, secret: str) -> dict[str, str]:
    text = f"{client_id}:{secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}


async def ask(people: People, form: Any = None, **options: Any) -> httpx.Response:
    return await people.server.anonymous.post("/connect/token", data=form, **options)


async def status_with(people: People, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await people.server.anonymous.get("/v1/roles", headers=headers)).status_code


def assert_refused(answer: httpx.Response, status: int, error: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.json()["error"] == error
    assert answer.headers.get("www-authenticate") == (BASIC if status == 401 else None)


async def test_the_form_of_the_seeds_scripts_gets_a_token(people: People, key: IssuedKey) -> None:
    answer = await ask(people, {**GRANT, **credentials(key), "scope": "webApi"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert await status_with(people, body["access_token"]) == 200


async def test_basic_authentication_gets_a_token(people: People, key: IssuedKey) -> None:
    client_id, secret = str(key.key.client_id), key.client_secret
    for headers in (
        basic(client_id, secret),
        # RFC 6749, 2.3.1: both parts are form-encoded first.
        basic(quote_plus(client_id.replace("-", "%2D")).replace("%25", "%"), quote_plus(secret)),
        {"Authorization": basic(client_id, secret)["Authorization"].replace("Basic", "bAsIc")},
    ):
        answer = await ask(people, GRANT, headers=headers)
        assert answer.status_code == 200, answer.text
        assert await status_with(people, answer.json()["access_token"]) == 200
    same = await ask(people, {**GRANT, "client_id": client_id}, headers=basic(client_id, secret))
    assert same.status_code == 200


async def test_a_client_that_is_none_is_401(people: People, key: IssuedKey) -> None:
    good = credentials(key)
    forms: list[dict[str, str]] = [
        {},
        {"client_id": good["client_id"]},
        {"client_secret": good["client_secret"]},
        {"client_id": good["client_id"], "client_secret": ""},
        {**good, "client_secret": good["client_secret"][:-1]},
        {**good, "client_id": good["client_id"][:-1]},
        # The older style: the client id as both.
        {**good, "client_secret": good["client_id"]},
        {**good, "client_secret": key.api_key},
    ]
    for form in forms:
        assert_refused(await ask(people, {**GRANT, **form}), 401, "invalid_client")
    headers: list[dict[str, str]] = [
        basic(good["client_id"], "wrong"),
        basic("", ""),
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
    ]
    for header in headers:
        assert_refused(await ask(people, GRANT, headers=header), 401, "invalid_client")


async def test_a_deleted_key_is_an_invalid_client(people: People, key: IssuedKey) -> None:
    form = {**GRANT, **credentials(key)}
    token = (await ask(people, form)).json()["access_token"]
    await people.alice.delete(f"/v1/api-keys/{key.key.client_id}")
    assert_refused(await ask(people, form), 401, "invalid_client")
    assert await status_with(people, token) == 401


async def test_a_secret_comes_in_one_place_only(people: People, key: IssuedKey) -> None:
    good = credentials(key)
    header = basic(good["client_id"], good["client_secret"])
    for form in (good, {"client_secret": good["client_secret"]}, {"client_id": "another"}):
        answer = await ask(people, {**GRANT, **form}, headers=header)
        assert_refused(answer, 400, "invalid_request")


async def test_another_header_is_no_client_authentication(people: People, key: IssuedKey) -> None:
    """Tools send the token of a whole collection with every request."""
    for headers in ({"Authorization": "Bearer expired"}, {"X-Api-Key": "whatever"}):
        answer = await ask(people, {**GRANT, **credentials(key)}, headers=headers)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "CLIENT_CREDENTIALS"}, "unsupported_grant_type"),
        ({"grant_type": ["client_credentials"] * 2}, "invalid_request"),
        ({"client_id": ["a", "b"]}, "invalid_request"),
        ({"unknown": ["a", "a"]}, "invalid_request"),
        ({"scope": "a\tb"}, "invalid_scope"),
        ({"scope": " a"}, "invalid_scope"),
        ({"scope": 'a"b'}, "invalid_scope"),
        ({"scope": "é"}, "invalid_scope"),
        ({"scope": "x" * 1001}, "invalid_scope"),
        ({f"p{n}": "x" for n in range(60)}, "invalid_request"),
    ],
)
async def test_a_request_that_is_none_is_400(
    people: People, key: IssuedKey, form: dict[str, Any], error: str
) -> None:
    sent = {**GRANT, **credentials(key), **form}
    answer = await ask(people, {name: value for name, value in sent.items() if value is not None})
    assert_refused(answer, 400, error)


@pytest.mark.parametrize("scope", ["webApi", "", "a b", "x" * 1000, "!#[]~"])
async def test_any_scope_is_let_pass(people: People, key: IssuedKey, scope: str) -> None:
    answer = await ask(people, {**GRANT, **credentials(key), "scope": scope})
    assert answer.status_code == 200


async def test_what_is_no_form_is_400(people: People, key: IssuedKey) -> None:
    good = {**GRANT, **credentials(key)}
    assert_refused(await ask(people, json=good), 400, "invalid_request")
    multipart = await ask(people, good, files={"file": b"x"})
    assert_refused(multipart, 400, "invalid_request")
    assert_refused(await ask(people), 400, "invalid_request")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for content in (b"", b"\xff", b"grant_type=%FF", b"grant_type=a;b"):
        answer = await ask(people, content=content, headers=headers)
        error = "unsupported_grant_type" if b";" in content else "invalid_request"
        assert_refused(answer, 400, error)
    charset = {"Content-Type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}
    body = "&".join(f"{name}={value}" for name, value in good.items())
    assert (await ask(people, content=body, headers=charset)).status_code == 200


async def test_other_failures_have_the_same_shape(people: People) -> None:
    large = await ask(people, content=b"x" * 1_100_000)
    assert large.status_code == 413
    assert large.json()["error"] == "invalid_request"
    method = await people.server.anonymous.get("/connect/token")
    assert method.status_code == 405
    assert set(method.json()) == {"error", "error_description"}
    nul = await people.server.anonymous.post("/connect/token?a=%00")
    assert_refused(nul, 400, "invalid_request")


async def test_a_caller_outside_of_the_firewall_is_403(people: People) -> None:
    fenced = await make_key(
        people.server.context.database, people.tenant, firewall_rules=[make_rule("192.0.2.1")]
    )
    answer = await ask(people, {**GRANT, **credentials(fenced)})
    assert_refused(answer, 403, "access_denied")
    assert "127.0.0.1" in answer.json()["error_description"]


async def test_a_firewall_that_closes_ends_the_use_of_a_token(
    people: People, key: IssuedKey
) -> None:
    token = (await ask(people, {**GRANT, **credentials(key)})).json()["access_token"]
    body = {
        "description": "fenced",
        "expires_at": "2036-01-01",
        "firewall_rules": [{"rule_name": "elsewhere", "start_ipv4": "192.0.2.1"}],
    }
    await people.alice.put(f"/v1/api-keys/{key.key.client_id}", json=body)
    assert await status_with(people, token) == 403


async def test_a_key_without_a_role_gets_a_token_and_is_refused_with_it(people: People) -> None:
    bare = await make_key(people.server.context.database, people.tenant)
    answer = await ask(people, {**GRANT, **credentials(bare)})
    assert answer.status_code == 200
    assert await status_with(people, answer.json()["access_token"]) == 403


async def test_a_token_request_counts_as_a_use(people: People, key: IssuedKey) -> None:
    await ask(people, {**GRANT, **credentials(key)})
    context = people.server.context
    assert await context.key_usage.write(context.database) == 1


async def test_a_logout_ends_this_token_only(people: People, key: IssuedKey) -> None:
    form = {**GRANT, **credentials(key)}
    ended, other = [(await ask(people, form)).json()["access_token"] for _ in range(2)]
    answer = await people.server.anonymous.post(
        "/api/logout", headers={"Authorization": f"Bearer {ended}"}
    )
    assert answer.status_code == 204
    assert await status_with(people, ended) == 401
    assert await status_with(people, other) == 200
    with_key = await people.server.anonymous.post("/api/logout", headers={"X-Api-Key": key.api_key})
    assert with_key.status_code == 400
