"""Which header counts, and from where a caller is said to come."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from api.remote_access.conftest import People
from factories import NOW, make_key, make_rule, make_tenant
from fixtures.server import Server, make_context, serving
from treadle.db.database import Database
from treadle.identity.client_tokens import issue_token
from treadle.identity.installation import NewTenant
from treadle.identity.model import IssuedKey
from treadle.settings import Settings

HOUR = timedelta(hours=1)


async def status(server: Server, headers: dict[str, str]) -> int:
    return (await server.anonymous.get("/v1/roles", headers=headers)).status_code


async def test_one_header_is_enough_and_bearer_is_looked_at_first(people: People) -> None:
    key = await make_key(people.server.context.database, people.tenant, role="Consumer")
    good = people.alice.headers["Authorization"]
    for headers, expected in [
        ({"X-Api-Key": key.api_key}, 200),
        ({"x-api-key": key.api_key}, 200),
        ({"X-API-KEY": key.api_key}, 200),
        ({"Authorization": good}, 200),
        ({"Authorization": good, "X-Api-Key": key.api_key}, 200),
        ({"Authorization": good, "X-Api-Key": "bad"}, 200),
        ({"Authorization": "Bearer bad", "X-Api-Key": key.api_key}, 401),
        ({"Authorization": f"Bearer tdl_ct_{'x' * 43}", "X-Api-Key": key.api_key}, 401),
        # No bearer token at all: another scheme, or nothing behind the word.
        ({"Authorization": "Basic YTpi", "X-Api-Key": key.api_key}, 200),
        ({"Authorization": "Bearer", "X-Api-Key": key.api_key}, 200),
        ({"Authorization": f"Bearer {key.api_key}"}, 401),
        ({"X-Api-Key": good.removeprefix("Bearer ")}, 401),
        ({"X-Api-Key": key.client_secret}, 401),
        ({"X-Api-Key": ""}, 401),
        ({}, 401),
    ]:
        assert await status(people.server, headers) == expected, headers


async def test_who_has_both_is_who_the_token_says(people: People) -> None:
    key = await make_key(people.server.context.database, people.tenant, role="Administrator")
    both = {"Authorization": people.bob.headers["Authorization"], "X-Api-Key": key.api_key}
    answer = await people.server.anonymous.get("/api/user", headers=both)
    assert answer.json()["username"] == "bob"
    assert (await people.server.anonymous.get("/v1/api-keys", headers=both)).status_code == 403


# ---------------------------------------------------------------- time


class Moment:
    """A clock that stands until it is told otherwise."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


async def test_key_and_token_are_dead_from_the_instant_of_the_expiry(
    database: Database, tmp_path: Path
) -> None:
    clock = Moment()
    tenant = await make_tenant(database)
    key = await make_key(database, tenant, expires_at=NOW + HOUR / 2, role="Consumer")
    token = await issue_token(
        database,
        client_id=str(key.key.client_id),
        client_secret=key.client_secret,
        address="127.0.0.1",
        now=NOW,
    )
    context = replace(make_context(database, tmp_path), clock=clock)
    async with serving(context) as server:
        for headers in (
            {"X-Api-Key": key.api_key},
            {"Authorization": f"Bearer {token.access_token}"},
        ):
            clock.now = NOW + HOUR / 2 - timedelta(milliseconds=1)
            assert await status(server, headers) == 200
            clock.now = NOW + HOUR / 2
            assert await status(server, headers) == 401


# ---------------------------------------------------------------- address


@pytest.fixture
async def tenant(database: Database) -> NewTenant:
    """A tenant."""
    return await make_tenant(database)


@pytest.fixture
async def key(database: Database, tenant: NewTenant) -> IssuedKey:
    """A key for callers from 198.51.100.7 only."""
    rules = [make_rule("198.51.100.7")]
    return await make_key(database, tenant, role="Consumer", firewall_rules=rules)


@pytest.fixture
async def behind_proxy(database: Database, tmp_path: Path) -> AsyncGenerator[Server]:
    """A server that believes this machine, and one more proxy, about the caller."""
    settings = Settings(data_dir=tmp_path, trusted_proxies=("127.0.0.1", "10.0.0.0/8"))
    async with serving(make_context(database, tmp_path, settings=settings)) as running:
        yield running


CLAIMS = [
    ([], 403),
    (["198.51.100.7"], 200),
    (["198.51.100.8"], 403),
    # Chained: what stands left of the first address that is no proxy is only claimed.
    (["203.0.113.1, 198.51.100.7"], 200),
    (["198.51.100.7, 203.0.113.1"], 403),
    (["203.0.113.1, 198.51.100.7, 10.0.0.1"], 200),
    (["198.51.100.7, 203.0.113.1, 10.0.0.1"], 403),
    (["198.51.100.7", "203.0.113.1"], 403),
    (["203.0.113.1", "198.51.100.7"], 200),
    # Other spellings of it.
    (["::ffff:198.51.100.7"], 200),
    (["[::ffff:c633:6407]:4711"], 200),
    (["198.51.100.7:4711"], 200),
    # IPv6 is inside of no rule.
    (["2001:db8::1"], 403),
    (["::198.51.100.7"], 403),
    # Malformed: what is left of it was written by nobody that is trusted.
    (["198.51.100.7, nonsense"], 403),
    (["nonsense"], 403),
    ([", ,"], 403),
    (["198.51.100.007"], 403),
]


def sent(key: IssuedKey, forwarded: list[str]) -> list[tuple[str, str]]:
    return [("X-Api-Key", key.api_key), *(("X-Forwarded-For", text) for text in forwarded)]


async def test_a_trusted_proxy_is_believed_about_the_caller(
    behind_proxy: Server, key: IssuedKey
) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": str(key.key.client_id),
        "client_secret": key.client_secret,
    }
    for forwarded, expected in CLAIMS:
        headers = sent(key, forwarded)
        answer = await behind_proxy.anonymous.get("/v1/roles", headers=headers)
        assert answer.status_code == expected, forwarded
        answer = await behind_proxy.anonymous.post("/connect/token", data=form, headers=headers)
        assert answer.status_code == expected, forwarded


async def test_without_a_trusted_proxy_nobody_is(server: Server, key: IssuedKey) -> None:
    for forwarded, _ in CLAIMS:
        answer = await server.anonymous.get("/v1/roles", headers=sent(key, forwarded))
        assert answer.status_code == 403, forwarded
        assert "127.0.0.1" in answer.json()["message"]


async def test_the_own_address_is_the_one_behind_the_proxy(
    behind_proxy: Server, database: Database, tenant: NewTenant
) -> None:
    admin = await make_key(database, tenant, role="Administrator")
    fenced = await make_key(database, tenant)
    path = f"/v1/api-keys/{fenced.key.client_id}/client-address"
    answer = await behind_proxy.anonymous.post(path, headers=sent(admin, ["203.0.113.9"]))
    assert answer.json()["firewall_rules"] == [
        {
            "rule_name": "Client 203.0.113.9",
            "start_ipv4": "203.0.113.9",
            "end_ipv4": "203.0.113.9",
        }
    ]
    answer = await behind_proxy.anonymous.post(path, headers=sent(admin, ["2001:db8::1"]))
    assert answer.status_code == 400
