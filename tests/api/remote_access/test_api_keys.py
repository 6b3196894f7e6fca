"""`/v1/api-keys`: made, listed, changed, rotated, deleted and asked about."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.remote_access.conftest import People
from treadle.identity.key_texts import read_api_key, read_client_secret

MISSING = {
    "status": 404,
    "error": "Not Found",
    "message": "There is no such thing, or it is not visible to you.",
}
OFFICE = {"rule_name": "Office", "start_ipv4": "192.0.2.16", "end_ipv4": "192.0.2.31"}
NEW: dict[str, Any] = {
    "description": "Nightly import",
    "expires_at": "2036-06-30T18:00:00.000Z",
    "firewall_rules": [OFFICE],
}
SHOWN = {
    "id", "client_id", "description", "expires_at", "firewall_rules", "roles", "old_secret_until",
    "created_at", "last_used_at", "last_used_from",
}  # fmt: skip
SECRETS = {"client_secret", "api_key"}


async def create(people: People, **more: Any) -> dict[str, Any]:
    answer = await people.alice.post("/v1/api-keys", json={**NEW, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def status_with(people: People, api_key: str) -> int:
    """What the key is answered at a route that any role may call."""
    answer = await people.server.anonymous.get("/v1/roles", headers={"X-Api-Key": api_key})
    return answer.status_code


async def give_role(people: People, key: dict[str, Any], role: str) -> None:
    body = {"member_type": "api_key", "member_id": key["id"], "role": role}
    answer = await people.alice.post("/v1/members", json=body)
    assert answer.status_code == 201, answer.text


# ---------------------------------------------------------------- making and reading


async def test_a_key_is_shown_with_its_secret_once(people: People) -> None:
    answer = await people.alice.post("/v1/api-keys", json=NEW)
    assert answer.status_code == 201
    key = answer.json()
    assert set(key) == SHOWN | SECRETS
    assert {name: key[name] for name in NEW} == NEW
    assert key["id"] == key["client_id"]
    assert answer.headers["location"] == f"{people.server.url}/v1/api-keys/{key['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert (key["roles"], key["last_used_at"], key["last_used_from"]) == ([], None, None)
    secret = read_client_secret(key["client_secret"])
    read = read_api_key(key["api_key"])
    assert read is not None
    assert (str(read[0]), read[1]) == (key["id"], secret)

    for path in (f"/v1/api-keys/{key['id']}", "/v1/api-keys"):
        answer = await people.alice.get(path)
        assert answer.status_code == 200
        assert secret is not None
        assert secret not in answer.text
    one = (await people.alice.get(answer.request.url.join(f"/v1/api-keys/{key['id']}"))).json()
    assert set(one) == SHOWN
    assert one == {name: key[name] for name in SHOWN}
    listed = answer.json()
    assert listed == {"items": [one], "total": 1, "limit": 50, "offset": 0}


async def test_a_list_has_its_bounds(people: People) -> None:
    ids = [(await create(people, description=f"key {n}"))["id"] for n in range(3)]
    part = (await people.alice.get("/v1/api-keys?limit=1&offset=1")).json()
    assert ([key["id"] for key in part["items"]], part["total"]) == ([ids[1]], 3)
    assert (part["limit"], part["offset"]) == (1, 1)
    for query in ("limit=0", "limit=201", "offset=-1", "limit=x", f"offset={10**30}"):
        answer = await people.alice.get(f"/v1/api-keys?{query}")
        assert answer.status_code == 400
        assert query.partition("=")[0] in answer.json()["message"]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2036-06-30T18:00:00Z", "2036-06-30T18:00:00.000Z"),
        ("2036-06-30T18:00:00+02:00", "2036-06-30T16:00:00.000Z"),
        ("2036-06-30T18:00:00.1239", "2036-06-30T18:00:00.123Z"),
        ("2036-06-30 18:00", "2036-06-30T18:00:00.000Z"),
        # A date is meant whole: the key works on that day, and no longer after it.
        ("2036-06-30", "2036-07-01T00:00:00.000Z"),
        ("2036-12-31", "2037-01-01T00:00:00.000Z"),
        ("9999-12-30", "9999-12-31T00:00:00.000Z"),
    ],
)
async def test_an_expiry_is_a_time_or_a_whole_day(people: People, sent: str, shown: str) -> None:
    key = await create(people, expires_at=sent)
    assert key["expires_at"] == shown


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"description": None}, "description: must be text"),
        ({"description": ""}, "description must have 1 to 500"),
        ({"expires_at": None}, "expires_at: must be a date and time"),
        ({"expires_at": 2000000000}, "expires_at: must be a date and time"),
        ({"expires_at": "soon"}, "expires_at: must be a date and time"),
        ({"expires_at": "2036-02-30"}, "expires_at: must be a date and time"),
        ({"expires_at": "9999-12-31"}, "expires_at: must be a date and time"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at: must be a date and time"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at must be in the future"),
        ({"expires_at": "0001-01-01T00:00:00+12:00"}, "expires_at: must be a date and time"),
        ({"firewall_rules": {}}, "firewall_rules: must be a list"),
        ({"firewall_rules": [{}]}, "firewall_rules[0].rule_name: is required"),
        ({"firewall_rules": [{"rule_name": "x"}]}, "firewall_rules[0].start_ipv4: is required"),
        (
            {"firewall_rules": [OFFICE, {**OFFICE, "rule_name": "x", "end_ipv4": "::1"}]},
            "firewall_rules[1].end_ipv4 must be an IPv4 address",
        ),
        (
            {"firewall_rules": [{"rule_name": "x", "cidr": "192.0.2.1/24"}]},
            "firewall_rules[0].cidr must be an IPv4 range",
        ),
        ({"firewall_rules": [{**OFFICE, "cidr": "192.0.2.0/24"}]}, "either cidr, or start"),
        ({"firewall_rules": [OFFICE, OFFICE]}, "is the name of another rule"),
        ({"firewall_rules": [{**OFFICE, "end_ipv4": "192.0.2.1"}]}, "must not be before"),
        # A name that is not known is a rule that would not hold.
        ({"firewall": [OFFICE]}, "firewall: "),
        ({"firewall_rules": [{**OFFICE, "end_ip": "192.0.2.17"}]}, "firewall_rules[0].end_ip: "),
        (
            {"firewall_rules": [{**OFFICE, "rule_name": str(n)} for n in range(101)]},
            "firewall_rules: must have at most 100",
        ),
    ],
)
async def test_a_key_that_cannot_be_is_400(people: People, body: dict[str, Any], word: str) -> None:
    answer = await people.alice.post("/v1/api-keys", json={**NEW, **body})
    assert answer.status_code == 400
    assert word in answer.json()["message"]
    assert (await people.alice.get("/v1/api-keys")).json()["total"] == 0


async def test_rules_are_ranges_addresses_or_cidr(people: People) -> None:
    key = await create(
        people,
        firewall_rules=[
            {"rule_name": "Cloud", "cidr": "198.51.100.0/28"},
            {"rule_name": " Desk ", "start_ipv4": "203.0.113.7"},
            OFFICE,
        ],
    )
    assert key["firewall_rules"] == [
        {"rule_name": "Cloud", "start_ipv4": "198.51.100.0", "end_ipv4": "198.51.100.15"},
        {"rule_name": "Desk", "start_ipv4": "203.0.113.7", "end_ipv4": "203.0.113.7"},
        OFFICE,
    ]


@pytest.mark.parametrize(
    "key_id", ["0", "x", "%20", "01a200c6-7bbc-7320-af8a-c403df629451", "{}", "api_key:1"]
)
async def test_a_key_that_does_not_exist_is_404(people: People, key_id: str) -> None:
    for method, path, body in requests_of(key_id):
        answer = await people.alice.request(method, path, json=body)
        assert (answer.status_code, answer.json()) == (404, MISSING)


def requests_of(key_id: str) -> list[tuple[str, str, Any]]:
    """Every request about one key."""
    path = f"/v1/api-keys/{key_id}"
    return [
        ("GET", path, None),
        ("PUT", path, NEW),
        ("DELETE", path, None),
        ("POST", f"{path}/rotate", None),
        ("POST", f"{path}/client-address", None),
        ("POST", f"{path}/check", {"address": "192.0.2.1"}),
    ]


async def test_keys_are_seen_by_the_administrators_of_their_tenant(people: People) -> None:
    key = await create(people)
    for method, path, body in requests_of(key["id"]):
        stranger = await people.mallory.request(method, path, json=body)
        assert (stranger.status_code, stranger.json()) == (404, MISSING)
        low = await people.bob.request(method, path, json=body)
        assert (low.status_code, low.json()["error"]) == (403, "Forbidden")
    assert (await people.mallory.get("/v1/api-keys")).json()["items"] == []
    unchanged = (await people.alice.get(f"/v1/api-keys/{key['id']}")).json()
    assert unchanged == {name: key[name] for name in SHOWN}


# ---------------------------------------------------------------- using


async def test_a_key_without_a_role_is_refused_everything(people: People) -> None:
    key = await create(people, firewall_rules=[])
    caller = await people.with_key(key["api_key"])
    for method, path in (("GET", "/v1/roles"), ("GET", "/api/user"), ("POST", "/api/logout")):
        answer = await caller.request(method, path)
        assert (answer.status_code, answer.json()["message"]) == (403, "You have no role here.")
    await give_role(people, key, "Consumer")
    assert await status_with(people, key["api_key"]) == 200


async def test_a_key_with_the_right_role_manages_keys(people: People) -> None:
    key = await create(people, firewall_rules=[])
    await give_role(people, key, "Administrator")
    caller = await people.with_key(key["api_key"])
    made = await caller.post("/v1/api-keys", json=NEW)
    assert made.status_code == 201
    assert (await caller.delete(f"/v1/api-keys/{key['id']}")).status_code == 204
    assert (await caller.get("/v1/api-keys")).status_code == 401


async def test_the_last_use_is_shown_after_it_was_written(people: People) -> None:
    key = await create(people, firewall_rules=[])
    await status_with(people, key["api_key"])
    await people.server.context.key_usage.write(people.server.context.database)
    shown = (await people.alice.get(f"/v1/api-keys/{key['id']}")).json()
    assert shown["last_used_from"] == "127.0.0.1"
    assert shown["last_used_at"] is not None


async def test_a_refused_key_was_not_used(people: People) -> None:
    fenced = await create(people)
    assert await status_with(people, fenced["api_key"]) == 403
    assert await status_with(people, fenced["api_key"][:-1]) == 401
    assert await people.server.context.key_usage.write(people.server.context.database) == 0


# ---------------------------------------------------------------- changing


async def test_a_put_sets_everything_and_holds_at_once(people: People) -> None:
    key = await create(people, firewall_rules=[])
    await give_role(people, key, "Consumer")
    assert await status_with(people, key["api_key"]) == 200
    body = {**NEW, "description": "Fenced", "expires_at": "2037-01-01"}
    answer = await people.alice.put(f"/v1/api-keys/{key['id']}", json=body)
    assert answer.status_code == 200
    changed = answer.json()
    assert set(changed) == SHOWN
    assert (changed["description"], changed["firewall_rules"]) == ("Fenced", [OFFICE])
    assert changed["expires_at"] == "2037-01-02T00:00:00.000Z"
    assert await status_with(people, key["api_key"]) == 403
    back = await people.alice.put(
        f"/v1/api-keys/{key['id']}", json={**changed, "firewall_rules": []}
    )
    assert back.json()["expires_at"] == changed["expires_at"]
    assert await status_with(people, key["api_key"]) == 200


@pytest.mark.parametrize("left_out", ["description", "expires_at", "firewall_rules"])
async def test_a_put_names_everything(people: People, left_out: str) -> None:
    """Rules that were left out by mistake would open the key to everywhere."""
    key = await create(people)
    body = {name: value for name, value in NEW.items() if name != left_out}
    answer = await people.alice.put(f"/v1/api-keys/{key['id']}", json=body)
    assert (answer.status_code, answer.json()["message"]) == (400, f"{left_out}: is required")


async def test_a_rotation_shows_another_secret_once(people: People) -> None:
    key = await create(people, firewall_rules=[])
    await give_role(people, key, "Consumer")
    answer = await people.alice.post(f"/v1/api-keys/{key['id']}/rotate")
    assert answer.status_code == 200
    rotated = answer.json()
    assert set(rotated) == SHOWN | SECRETS
    assert rotated["old_secret_until"] is None
    assert await status_with(people, key["api_key"]) == 401
    assert await status_with(people, rotated["api_key"]) == 200

    answer = await people.alice.post(
        f"/v1/api-keys/{key['id']}/rotate", json={"overlap_seconds": 604800}
    )
    both = answer.json()
    assert both["old_secret_until"] is not None
    assert await status_with(people, rotated["api_key"]) == 200
    assert await status_with(people, both["api_key"]) == 200
    for overlap in (-1, 604801, 1.5, "x", None):
        refused = await people.alice.post(
            f"/v1/api-keys/{key['id']}/rotate", json={"overlap_seconds": overlap}
        )
        assert refused.status_code == 400
    assert await status_with(people, both["api_key"]) == 200


async def test_a_rotation_says_what_it_does_not_know(people: People) -> None:
    key = await create(people, firewall_rules=[])
    await give_role(people, key, "Consumer")
    answer = await people.alice.post(
        f"/v1/api-keys/{key['id']}/rotate", json={"overlap_minutes": 60}
    )
    assert answer.status_code == 400
    assert "overlap_minutes: " in answer.json()["message"]
    assert await status_with(people, key["api_key"]) == 200


async def test_a_deleted_key_is_gone_for_good(people: People) -> None:
    key = await create(people, firewall_rules=[])
    await give_role(people, key, "Consumer")
    answer = await people.alice.delete(f"/v1/api-keys/{key['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert await status_with(people, key["api_key"]) == 401
    again = await people.alice.delete(f"/v1/api-keys/{key['id']}")
    assert (again.status_code, again.json()) == (404, MISSING)
    members = (await people.alice.get("/v1/members")).json()
    assert key["id"] not in str(members)


async def test_the_own_address_becomes_a_rule(people: People) -> None:
    key = await create(people)
    path = f"/v1/api-keys/{key['id']}/client-address"
    own = {"start_ipv4": "127.0.0.1", "end_ipv4": "127.0.0.1"}
    answer = await people.alice.post(path)
    assert answer.status_code == 200
    expected = [OFFICE, {"rule_name": "Client 127.0.0.1", **own}]
    assert answer.json()["firewall_rules"] == expected
    assert (await people.alice.post(path)).json()["firewall_rules"] == expected
    named = await people.alice.post(path, json={"rule_name": "My desk"})
    assert named.json()["firewall_rules"] == [*expected, {"rule_name": "My desk", **own}]
    taken = await people.alice.post(path, json={"rule_name": "office"})
    assert taken.status_code == 409
    assert await status_with(people, key["api_key"]) == 403  # the role; not the firewall any more


# ---------------------------------------------------------------- asking


async def check(people: People, key: dict[str, Any], **body: Any) -> httpx.Response:
    return await people.alice.post(f"/v1/api-keys/{key['id']}/check", json=body)


async def test_a_check_says_whether_and_why_not(people: People) -> None:
    key = await create(people)
    assert (await check(people, key, address="192.0.2.99")).json() == {
        "allowed": False,
        "reason": "firewall",
        "status": 403,
        "message": "No firewall rule lets this address in.",
        "rule_name": None,
    }
    assert (await check(people, key, address="192.0.2.20")).json()["reason"] == "no_role"
    await give_role(people, key, "Consumer")
    allowed = (await check(people, key, address="192.0.2.20", permission="tenant_read")).json()
    assert (allowed["allowed"], allowed["rule_name"], allowed["status"]) == (True, "Office", 200)
    low = (await check(people, key, address="192.0.2.20", permission="keys_read")).json()
    assert (low["allowed"], low["reason"]) == (False, "right")
    assert low["message"] == "Your role does not allow you to read API keys."


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "address: is required"),
        ({"address": "here"}, "address must be"),
        ({"address": "192.0.2.1", "permission": "fly"}, "GET /v1/roles"),
        ({"address": "192.0.2.1", "project": "nowhere"}, "no such project"),
    ],
)
async def test_a_question_that_makes_no_sense_is_400(
    people: People, body: dict[str, Any], word: str
) -> None:
    answer = await check(people, await create(people), **body)
    assert answer.status_code == 400
    assert word in answer.json()["message"]
