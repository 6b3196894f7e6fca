"""`/v1/members` and `/v1/roles`: who holds which role, and what it allows."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.remote_access.conftest import People
from factories import make_key, make_project, make_user
from treadle.identity.model import APPLICATION_ROLES, PROJECT_ROLES
from treadle.identity.rights import APPLICATION_RIGHTS, PROJECT_RIGHTS, Right

MISSING = "There is no such thing, or it is not visible to you."


async def give(caller: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await caller.post("/v1/members", json=body)


async def test_a_role_is_given_listed_replaced_and_taken(people: People) -> None:
    project_id = str(people.tenant.project.id)
    body = {
        "member_type": "user",
        "member_id": people.bob_id,
        "role": "Member",
        "project_id": project_id,
    }
    answer = await people.alice.post("/v1/members", json=body)
    assert answer.status_code == 201
    member = answer.json()
    assert set(member) == {*body, "id", "name", "created_at"}
    assert {name: member[name] for name in body} == body
    assert member["name"] == "bob"

    listed = (await people.alice.get(f"/v1/members?project_id={project_id}")).json()
    assert listed == {"items": [member], "total": 1, "limit": 50, "offset": 0}
    assert (await people.bob.get(f"/v1/members?project_id={project_id}")).json() == listed

    replaced = (await people.alice.post("/v1/members", json={**body, "role": "Owner"})).json()
    assert replaced == {**member, "role": "Owner"}

    answer = await people.alice.delete(f"/v1/members/{member['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    again = await people.alice.delete(f"/v1/members/{member['id']}")
    assert (again.status_code, again.json()["message"]) == (404, MISSING)


async def test_a_key_is_a_member_under_its_description(people: People) -> None:
    key = await make_key(people.server.context.database, people.tenant, description="Import")
    answer = await give(
        people.alice, member_type="api_key", member_id=str(key.key.client_id), role="Consumer"
    )
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["project_id"]) == ("Import", None)
    shown = (await people.alice.get(f"/v1/api-keys/{key.key.client_id}")).json()
    assert shown["roles"] == [{"id": answer.json()["id"], "role": "Consumer", "project_id": None}]


async def test_a_users_id_may_be_a_number(people: People) -> None:
    answer = await give(
        people.alice, member_type="user", member_id=int(people.bob_id), role="Project Creator"
    )
    assert answer.json()["member_id"] == people.bob_id


async def test_the_roles_of_the_tenant_are_for_administrators(people: People) -> None:
    listed = (await people.alice.get("/v1/members")).json()
    assert [(member["name"], member["role"]) for member in listed["items"]] == [
        ("alice", "Administrator"),
        ("bob", "Consumer"),
    ]
    part = (await people.alice.get("/v1/members?limit=1&offset=1")).json()
    assert ([member["name"] for member in part["items"]], part["total"]) == (["bob"], 2)
    assert (await people.bob.get("/v1/members")).status_code == 403
    own = {"member_type": "user", "member_id": people.bob_id, "role": "Administrator"}
    assert (await people.bob.post("/v1/members", json=own)).status_code == 403


async def test_an_owner_manages_the_own_project_and_no_other(people: People) -> None:
    database = people.server.context.database
    hidden = await make_project(database, people.tenant)
    carol = await make_user(
        database,
        people.tenant,
        username="carol",
        project_roles={people.tenant.project.id: "Owner"},
    )
    client = await people.server.log_in("carol")
    body = {"member_type": "user", "member_id": people.bob_id, "role": "Manager"}
    given = await give(client, **body, project_id=str(people.tenant.project.id))
    assert given.status_code == 201
    for project_id in (str(hidden.id), str(uuid4()), "nonsense"):
        answer = await give(client, **body, project_id=project_id)
        assert (answer.status_code, answer.json()["message"]) == (404, MISSING)
        answer = await client.get(f"/v1/members?project_id={project_id}")
        assert (answer.status_code, answer.json()["message"]) == (404, MISSING)
    bob = people.bob
    own = {"member_type": "user", "member_id": str(carol.id), "role": "Member"}
    low = await give(bob, **own, project_id=str(people.tenant.project.id))
    assert low.status_code == 403
    assert (await bob.delete(f"/v1/members/{given.json()['id']}")).status_code == 403
    assert (await client.delete(f"/v1/members/{given.json()['id']}")).status_code == 204


async def test_members_of_another_tenant_look_like_nobody(people: People) -> None:
    (alice, *_) = (await people.alice.get("/v1/members")).json()["items"]
    for member_id in (alice["id"], str(uuid4()), "x", "0"):
        answer = await people.mallory.delete(f"/v1/members/{member_id}")
        assert (answer.status_code, answer.json()["message"]) == (404, MISSING)
    foreign = await give(
        people.mallory, member_type="user", member_id=people.bob_id, role="Administrator"
    )
    assert (foreign.status_code, foreign.json()["message"]) == (404, MISSING)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"member_type": "group"}, "member_type must be one of user, api_key"),
        ({"member_type": None}, "member_type: must be text"),
        ({"role": "Owner"}, "role must be one of Administrator"),
        ({"role": "administrator"}, "role must be one of"),
        ({"member_id": None}, "member_id"),
        ({"member_id": [1]}, "member_id"),
    ],
)
async def test_a_role_that_cannot_be_is_400(
    people: People, body: dict[str, Any], words: str
) -> None:
    good = {"member_type": "user", "member_id": people.bob_id, "role": "Consumer"}
    answer = await give(people.alice, **{**good, **body})
    assert answer.status_code == 400
    assert words in answer.json()["message"]


async def test_the_last_administrator_keeps_the_role(people: People) -> None:
    (alice, *_) = (await people.alice.get("/v1/members")).json()["items"]
    assert (await people.alice.delete(f"/v1/members/{alice['id']}")).status_code == 409
    own = {"member_type": "user", "member_id": alice["member_id"], "role": "Consumer"}
    assert (await give(people.alice, **own)).status_code == 409
    other = {"member_type": "user", "member_id": people.bob_id, "role": "Administrator"}
    assert (await give(people.alice, **other)).status_code == 201
    assert (await people.alice.delete(f"/v1/members/{alice['id']}")).status_code == 204
    assert (await people.alice.get("/v1/members")).status_code == 403


# ---------------------------------------------------------------- roles


async def test_the_table_of_roles_is_the_codes_own(people: People) -> None:
    answer = await people.bob.get("/v1/roles")
    assert answer.status_code == 200
    body = answer.json()
    assert [row["role"] for row in body["application_roles"]] == list(APPLICATION_ROLES)
    assert [row["role"] for row in body["project_roles"]] == list(PROJECT_ROLES)
    tables: list[tuple[list[dict[str, Any]], dict[str, frozenset[Right]]]] = [
        (body["application_roles"], {**APPLICATION_RIGHTS}),
        (body["project_roles"], {**PROJECT_RIGHTS}),
    ]
    for shown, table in tables:
        for row in shown:
            assert {Right[name.upper()] for name in row["rights"]} == table[row["role"]]
    assert [right["right"] for right in body["rights"]] == [right.name.lower() for right in Right]
    levels = {right["right"]: right["level"] for right in body["rights"]}
    assert (levels["keys_read"], levels["jobs_run"]) == ("tenant", "project")
