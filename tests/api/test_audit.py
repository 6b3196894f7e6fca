"""`GET /v1/audit` over HTTP, and refusals on their way into it."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from factories import NOW, PASSWORD, make_tenant, make_user
from fixtures.server import Server
from treadle.identity.rate_limit import RateLimits
from treadle.jobs.installation import ensure_default_destination


@pytest.fixture
async def admin(server: Server) -> httpx.AsyncClient:
    await make_tenant(server.context.database, admin_username="boss")
    return await server.log_in("boss")


async def written(server: Server, admin: httpx.AsyncClient, **wanted: str) -> list[dict[str, Any]]:
    """What the log says, after all that was refused has been written."""
    await server.context.refusals.write(server.context.database, now=NOW)
    answer = await admin.get("/v1/audit", params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_a_change_is_there_with_its_origin(server: Server, admin: httpx.AsyncClient) -> None:
    made = await admin.post(
        "/api/users",
        json={"username": "ada", "password": "correct horse"},
        headers={"X-Request-Id": "my-request"},
    )
    assert made.status_code == 201
    (entry,) = await written(server, admin, action="user.create")
    assert entry["request_id"] == "my-request"
    assert entry["address"] == "127.0.0.1"
    assert entry["credential"].startswith("bearer:")
    assert entry["target"] == f"user:{made.json()['id']}"
    assert "correct horse" not in str(await written(server, admin))


async def test_logins_and_their_refusals_are_there(
    server: Server, admin: httpx.AsyncClient
) -> None:
    for _ in range(6):
        answer = await server.anonymous.post(
            "/api/login", json={"username": "Boss", "password": "wrong wrong"}
        )
        assert answer.status_code == 401
    entries = await written(server, admin, action="POST /api/login")
    said = {entry["after"]["reason"]: entry["times"] for entry in entries}
    assert said == {"wrong name or password, or inactive": 5, "locked out": 1}
    assert len(await written(server, admin, action="session.begin")) == 1


async def test_a_403_names_the_caller(server: Server, admin: httpx.AsyncClient) -> None:
    me = (await admin.get("/api/user")).json()
    made = await admin.post("/api/users", json={"username": "low", "password": "low low low"})
    low = await server.log_in("low", "low low low")
    assert (await low.get("/v1/audit")).status_code == 403
    (entry,) = await written(server, admin, outcome="refused")
    assert entry["actor"] == f"user:{made.json()['id']}" != f"user:{me['id']}"
    assert (entry["action"], entry["after"]["status"]) == ("GET /v1/audit", 403)


async def test_a_dead_token_is_told_to_its_tenant_and_a_stranger_to_nobody(
    server: Server, admin: httpx.AsyncClient
) -> None:
    other = await server.log_in("boss")
    assert (await other.post("/api/logout")).status_code == 204
    assert (await other.get("/api/user")).status_code == 401
    assert (await server.anonymous.get("/api/user")).status_code == 401
    (entry,) = await written(server, admin, outcome="refused")
    assert entry["actor"] == "anonymous"
    assert entry["after"]["claimed"].startswith("user:")


async def test_pages_follow_each_other_and_filters_hold(
    server: Server, admin: httpx.AsyncClient
) -> None:
    for number in range(5):
        await admin.post("/v1/projects", json={"name": f"p{number}"})
    seen: list[int] = []
    cursor: str | None = None
    while True:
        params = {"limit": "2", "action": "project.create"} | ({"cursor": cursor} if cursor else {})
        page = (await admin.get("/v1/audit", params=params)).json()
        seen += [entry["number"] for entry in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)
    none = await written(server, admin, to="2000-01-01T00:00:00Z")
    assert none == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "cursor=x", "outcome=maybe", "from=yesterday", "to=0.5", "from=1e-5"],
)
async def test_a_malformed_question_is_400(
    server: Server, admin: httpx.AsyncClient, query: str
) -> None:
    assert (await admin.get(f"/v1/audit?{query}")).status_code == 400


async def test_the_export_is_json_lines_of_the_own_tenant(
    server: Server, admin: httpx.AsyncClient
) -> None:
    other = await make_tenant(server.context.database)
    await make_user(server.context.database, other, username="stranger")
    answer = await admin.get("/v1/audit/export")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [orjson.loads(line) for line in answer.text.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert "stranger" not in answer.text
    assert (await server.anonymous.get("/v1/audit/export")).status_code == 401


async def test_macros_are_named_and_never_shown(server: Server, admin: httpx.AsyncClient) -> None:
    put = await admin.put(
        "/api/macros/TOKEN", json={"key": "TOKEN", "value": "hunter2", "secure": True}
    )
    assert put.status_code == 200, put.text
    assert (await admin.delete("/api/macros/TOKEN")).status_code == 204
    entries = await written(server, admin, target="macros:tenant")
    assert [entry["action"] for entry in entries] == ["macro.delete", "macro.set"]
    assert "hunter2" not in str(entries)


async def test_the_macros_of_a_job_go_with_it_and_are_named(
    server: Server, admin: httpx.AsyncClient
) -> None:
    await ensure_default_destination(server.context.database, now=NOW)
    job = (await admin.post("/api/jobconfigs", json={"name": "j"})).json()
    body = {"key": "TOKEN", "value": "hunter2", "secure": True}
    made = await admin.post(f"/api/jobconfigs/{job['id']}/macros", json=body)
    assert made.status_code == 201, made.text
    copy = (await admin.post(f"/api/jobconfigs/{job['id']}/clone")).json()
    assert (await admin.delete(f"/api/jobconfigs/{job['id']}")).status_code == 204
    entries = await written(server, admin, target=f"macros:job:{job['id']}")
    assert [entry["action"] for entry in entries] == ["macro.replace", "macro.set"]
    assert entries[0]["after"] == {"set": [], "secure": [], "deleted": ["TOKEN"]}
    (copied,) = await written(server, admin, target=f"macros:job:{copy['id']}")
    assert copied["after"] == {"set": ["TOKEN"], "secure": ["TOKEN"], "deleted": []}
    assert "hunter2" not in str([*entries, copied])


async def test_a_set_is_told_when_it_comes_and_when_it_goes(
    server: Server, admin: httpx.AsyncClient
) -> None:
    assert (await admin.post("/api/macrosets", json={"name": "s"})).status_code == 201
    assert (await admin.delete("/api/macrosets/s")).status_code == 204
    entries = await written(server, admin, target="macro_set:s")
    assert [entry["action"] for entry in entries] == ["macro_set.delete", "macro_set.put"]


async def test_a_refused_client_is_told_to_the_tenant_of_the_key_that_it_named(
    server: Server, admin: httpx.AsyncClient
) -> None:
    body = {"description": "x", "expires_at": "2036-01-01T00:00:00Z"}
    key = (await admin.post("/v1/api-keys", json=body)).json()
    form = {
        "grant_type": "client_credentials",
        "client_id": key["client_id"],
        "client_secret": key["client_secret"],
    }
    given = await server.anonymous.post("/connect/token", data=form)
    assert given.status_code == 200
    rule = {"rule_name": "away", "start_ipv4": "192.0.2.1", "end_ipv4": "192.0.2.1"}
    fenced = await admin.put(f"/v1/api-keys/{key['id']}", json={**body, "firewall_rules": [rule]})
    assert fenced.status_code == 200, fenced.text
    assert (await server.anonymous.post("/connect/token", data=form)).status_code == 403
    form["client_secret"] = "wrong"
    for _ in range(2):
        refused = await server.anonymous.post("/connect/token", data=form)
        assert refused.status_code == 401
    entries = await written(server, admin, action="POST /connect/token")
    assert {entry["after"]["status"]: entry["times"] for entry in entries} == {401: 2, 403: 1}
    assert {entry["after"]["claimed"] for entry in entries} == {f"api_key:{key['id']}"}
    assert len(await written(server, admin, action="token.issue")) == 1
    assert key["client_secret"] not in str(await written(server, admin))


async def test_a_refresh_token_that_is_used_twice_is_told(
    server: Server, admin: httpx.AsyncClient
) -> None:
    login = {"username": "boss", "password": PASSWORD}
    tokens = (await server.anonymous.post("/api/login", json=login)).json()
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await server.anonymous.post("/api/login/refresh", json=body)).status_code == 200
    assert (await server.anonymous.post("/api/login/refresh", json=body)).status_code == 401
    (ended,) = await written(server, admin, outcome="refused", action="session.end")
    (refused,) = await written(server, admin, action="POST /api/login/refresh")
    assert ended["after"]["reason"] == "refresh used twice"
    assert ended["address"] == refused["address"] == "127.0.0.1"
    assert refused["after"]["claimed"] == ended["actor"]
    assert tokens["refresh_token"] not in str([ended, refused])


async def test_what_may_be_invisible_is_told_and_what_nobody_asked_for_is_not(
    server: Server, admin: httpx.AsyncClient
) -> None:
    """Guesses of a known caller are one entry with their number; the first path stands in it."""
    for number in (901, 902, 903):
        assert (await admin.get(f"/api/jobconfigs/{number}")).status_code == 404
    assert (await admin.get("/no/such/route")).status_code == 404
    (entry,) = await written(server, admin, outcome="refused")
    assert (entry["action"], entry["target"]) == (
        "GET /api/jobconfigs/{id}",
        "/api/jobconfigs/901",
    )
    assert (entry["after"]["status"], entry["times"]) == (404, 3)
    assert entry["actor"].startswith("user:")


async def test_too_many_requests_are_told(server: Server, admin: httpx.AsyncClient) -> None:
    context = server.context
    limits = RateLimits(principals_per_minute=1, addresses_per_minute=0)
    object.__setattr__(context, "limits", limits)
    assert (await admin.get("/api/user")).status_code == 200
    assert (await admin.get("/api/user")).status_code == 429
    object.__setattr__(
        context, "limits", RateLimits(principals_per_minute=0, addresses_per_minute=0)
    )
    (entry,) = await written(server, admin, outcome="refused")
    assert (entry["action"], entry["after"]["status"]) == ("GET /api/user", 429)
    assert entry["actor"].startswith("user:")
