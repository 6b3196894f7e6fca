"""Logging in, going on, logging out: `/api/login`, `/api/login/refresh`, `/api/logout`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from factories import PASSWORD, make_tenant, make_user
from fixtures.server import Server
from treadle.identity.installation import NewTenant

REFUSED = {
    "status": 401,
    "error": "Unauthorized",
    "message": "The user name or password is wrong, the user is inactive, or there were too many"
    " failed logins.",
}


@pytest.fixture
async def tenant(server: Server) -> NewTenant:
    """A tenant whose administrator is Alice."""
    return await make_tenant(server.context.database, admin_username="alice")


async def log_in(server: Server, **body: Any) -> httpx.Response:
    return await server.anonymous.post(
        "/api/login", json={"username": "alice", "password": PASSWORD, **body}
    )


async def me(server: Server, headers: dict[str, str]) -> httpx.Response:
    return await server.anonymous.get("/api/user", headers=headers)


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_a_login_answers_as_the_seed_says(server: Server, tenant: NewTenant) -> None:
    answer = await log_in(server)
    assert answer.status_code == 200
    tokens = answer.json()
    assert set(tokens) == {"access_token", "token_type", "refresh_token", "expires_in"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 36000)
    assert answer.headers["cache-control"] == "no-store"
    assert (await me(server, bearer(tokens))).json()["username"] == "alice"


async def test_the_scheme_is_read_in_any_case(server: Server, tenant: NewTenant) -> None:
    tokens = (await log_in(server)).json()
    for scheme in ("bearer", "BEARER"):
        answer = await me(server, {"Authorization": f"{scheme} {tokens['access_token']}"})
        assert answer.status_code == 200


async def test_every_refusal_is_one_and_the_same(server: Server, tenant: NewTenant) -> None:
    await make_user(server.context.database, tenant, username="carol", active=False)
    for body in (
        {"password": "wrong password"},
        {"username": "nobody"},
        {"username": "carol"},
    ):
        answer = await log_in(server, **body)
        assert (answer.status_code, answer.json()) == (401, REFUSED)
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_five_failures_lock_the_name_for_this_address(
    server: Server, tenant: NewTenant
) -> None:
    for _ in range(5):
        assert (await log_in(server, password="wrong password")).status_code == 401
    answer = await log_in(server)
    assert (answer.status_code, answer.json()) == (401, REFUSED)


@pytest.mark.parametrize(
    "body",
    [
        {"username": None},
        {"username": 1},
        {"username": ""},
        {"password": ""},
        {"password": ["x"]},
        {"password": "x" * 2000},
        {"username": "x" * 2000},
    ],
)
async def test_a_malformed_login_is_400_and_echoes_nothing(
    server: Server, tenant: NewTenant, body: dict[str, Any]
) -> None:
    answer = await log_in(server, **body)
    assert answer.status_code == 400
    assert next(iter(body)) in answer.json()["message"]
    assert "xxx" not in answer.text
    assert PASSWORD not in answer.text


async def test_a_login_without_a_body_is_400(server: Server) -> None:
    for content in (b"", b"{}", b"[]", b"null"):
        answer = await server.anonymous.post("/api/login", content=content)
        assert answer.status_code == 400


async def test_a_login_is_only_a_post(server: Server) -> None:
    assert (await server.anonymous.get("/api/login")).status_code == 405


async def test_a_refresh_token_works_once(server: Server, tenant: NewTenant) -> None:
    first = (await log_in(server)).json()
    body = {"refresh_token": first["refresh_token"]}
    answer = await server.anonymous.post("/api/login/refresh", json=body)
    second = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (await me(server, bearer(second))).status_code == 200
    again = await server.anonymous.post("/api/login/refresh", json=body)
    assert again.status_code == 401
    # Somebody has a copy: the whole family is dead.
    assert (await me(server, bearer(first))).status_code == 401
    assert (await me(server, bearer(second))).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "tdl_rt_" + "x" * 43, None, 7])
async def test_an_unknown_refresh_token_is_refused(server: Server, token: Any) -> None:
    answer = await server.anonymous.post("/api/login/refresh", json={"refresh_token": token})
    assert answer.status_code == (401 if isinstance(token, str) else 400)


async def test_a_logout_ends_the_session(server: Server, tenant: NewTenant) -> None:
    tokens = (await log_in(server)).json()
    other = (await log_in(server)).json()
    answer = await server.anonymous.post("/api/logout", headers=bearer(tokens))
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await me(server, bearer(tokens))).status_code == 401
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await server.anonymous.post("/api/login/refresh", json=body)).status_code == 401
    assert (await me(server, bearer(other))).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic YWxpY2U6eA=="},
        {"Authorization": "Bearer tdl_at_" + "x" * 43},
        {"Authorization": "Bearer " + "x" * 10_000},
        {"X-Api-Key": "tdl_unknown"},
    ],
)
async def test_a_stranger_is_401(server: Server, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/api/user"), ("POST", "/api/logout")):
        answer = await server.anonymous.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert set(answer.json()) == {"status", "error", "message"}


async def test_a_refresh_token_is_no_access_token(server: Server, tenant: NewTenant) -> None:
    tokens = (await log_in(server)).json()
    answer = await me(server, {"Authorization": f"Bearer {tokens['refresh_token']}"})
    assert answer.status_code == 401
