"""Tokens and keys of another installation, and of callers whose role or self is gone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from api.remote_access.conftest import People
from factories import PASSWORD, make_key, make_tenant, make_user
from fixtures.server import Server, make_context, serving
from treadle.db.database import Database


@pytest.fixture
async def elsewhere(another_database: Database, tmp_path: Path) -> AsyncGenerator[Server]:
    """The same program over another database."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    async with serving(make_context(another_database, folder)) as running:
        yield running


async def bearer_of(server: Server, username: str) -> dict[str, str]:
    """A fresh token of a person."""
    login = {"username": username, "password": PASSWORD}
    tokens = (await server.anonymous.post("/api/login", json=login)).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def token_of(server: Server, client_id: str, client_secret: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
    }
    return await server.anonymous.post("/connect/token", data=form)


async def test_what_another_installation_gave_is_nothing_here(
    people: People, elsewhere: Server
) -> None:
    database = elsewhere.context.database
    tenant = await make_tenant(database, admin_username="alice")
    issued = await make_key(database, tenant, role="Administrator")
    login = {"username": "alice", "password": PASSWORD}
    tokens = (await elsewhere.anonymous.post("/api/login", json=login)).json()
    given = await token_of(elsewhere, str(issued.key.client_id), issued.client_secret)
    credentials = [
        {"Authorization": f"Bearer {tokens['access_token']}"},
        {"Authorization": f"Bearer {given.json()['access_token']}"},
        {"X-Api-Key": issued.api_key},
    ]
    for headers in credentials:
        assert (await elsewhere.anonymous.get("/v1/roles", headers=headers)).status_code == 200
        answer = await people.server.anonymous.get("/v1/roles", headers=headers)
        assert answer.status_code == 401
    refresh = {"refresh_token": tokens["refresh_token"]}
    answer = await people.server.anonymous.post("/api/login/refresh", json=refresh)
    assert answer.status_code == 401
    answer = await token_of(people.server, str(issued.key.client_id), issued.client_secret)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    # And it was not harmed by being shown here.
    assert (await elsewhere.anonymous.post("/api/login/refresh", json=refresh)).is_success


async def test_a_role_that_is_taken_is_taken_from_tokens_that_were_given_before(
    people: People,
) -> None:
    server, database = people.server, people.server.context.database
    issued = await make_key(database, people.tenant, role="Administrator")
    client_id = str(issued.key.client_id)
    given = (await token_of(server, client_id, issued.client_secret)).json()
    carol = await make_user(database, people.tenant, username="carol", role="Administrator")
    callers = {
        ("api_key", client_id): {"Authorization": f"Bearer {given['access_token']}"},
        ("user", str(carol.id)): await bearer_of(server, "carol"),
    }
    found = (await people.alice.get("/v1/members")).json()["items"]
    roles = {(member["member_type"], member["member_id"]): member["id"] for member in found}
    for caller, headers in callers.items():
        assert (await server.anonymous.get("/v1/api-keys", headers=headers)).status_code == 200
        assert (await people.alice.delete(f"/v1/members/{roles[caller]}")).status_code == 204
        assert (await server.anonymous.get("/v1/api-keys", headers=headers)).status_code == 403


async def test_a_user_who_is_deleted_is_nobody_at_once(people: People) -> None:
    server, database = people.server, people.server.context.database
    gone = await make_user(database, people.tenant, username="dave", role="Administrator")
    login = {"username": "dave", "password": PASSWORD}
    tokens = (await server.anonymous.post("/api/login", json=login)).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await server.anonymous.get("/api/user", headers=headers)).status_code == 200
    async with database.system() as tx:
        await tx.execute("DELETE FROM users WHERE id = $1", gone.id)
    assert (await server.anonymous.get("/api/user", headers=headers)).status_code == 401
    refresh = {"refresh_token": tokens["refresh_token"]}
    answer = await server.anonymous.post("/api/login/refresh", json=refresh)
    assert answer.status_code == 401


async def test_a_replayed_refresh_token_kills_its_whole_family_and_no_other(
    people: People,
) -> None:
    server = people.server
    login = {"username": "bob", "password": PASSWORD}
    first = (await server.anonymous.post("/api/login", json=login)).json()
    other = (await server.anonymous.post("/api/login", json=login)).json()

    async def refresh(tokens: dict[str, str]) -> httpx.Response:
        body = {"refresh_token": tokens["refresh_token"]}
        return await server.anonymous.post("/api/login/refresh", json=body)

    async def status(tokens: dict[str, str]) -> int:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return (await server.anonymous.get("/api/user", headers=headers)).status_code

    second = (await refresh(first)).json()
    third = (await refresh(second)).json()
    assert [await status(tokens) for tokens in (first, second, third)] == [200, 200, 200]
    assert (await refresh(first)).status_code == 401
    assert [await status(tokens) for tokens in (first, second, third)] == [401, 401, 401]
    assert (await refresh(third)).status_code == 401
    assert await status(other) == 200
    assert (await refresh(other)).is_success
