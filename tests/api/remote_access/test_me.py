"""`/v1/me`: who calls, and what they may do."""

from __future__ import annotations

from typing import Any

import httpx

from api.remote_access.conftest import People
from factories import make_key
from treadle.identity.rights import PROJECT_RIGHTS, Right


async def me(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/v1/me")
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(rights: frozenset[Right]) -> set[str]:
    return {right.name.lower() for right in rights}


async def test_an_administrator_may_do_everything_everywhere(people: People) -> None:
    found = await me(people.alice)
    assert (found["kind"], found["name"]) == ("user", "alice")
    assert found["tenant"] == {
        "id": str(people.tenant.tenant.id),
        "name": people.tenant.tenant.name,
    }
    assert found["application_role"] == "Administrator"
    everything = {*found["rights"], *found["rights_in_every_project"]}
    assert everything == {right.name.lower() for right in Right}
    assert not set(found["rights"]) & set(found["rights_in_every_project"])
    assert set(found["rights_in_every_project"]) == names(PROJECT_RIGHTS["Owner"])
    assert found["client_address"] == "127.0.0.1"


async def test_a_project_role_is_told_with_its_rights(people: People) -> None:
    project = str(people.tenant.project.id)
    body = {"member_type": "user", "member_id": people.bob_id, "role": "Manager"}
    before = await me(people.bob)
    assert before["projects"] == []
    assert before["rights_in_every_project"] == []
    answer = await people.alice.post("/v1/members", json={**body, "project_id": project})
    assert answer.status_code == 201, answer.text
    found = await me(people.bob)
    assert [(held["project_id"], held["role"]) for held in found["projects"]] == [
        (project, "Manager")
    ]
    assert set(found["projects"][0]["rights"]) == names(PROJECT_RIGHTS["Manager"])
    assert found["rights_in_every_project"] == []


async def test_a_key_is_told_who_it_is(people: People) -> None:
    key = await make_key(
        people.server.context.database,
        people.tenant,
        description="Nightly",
        project_roles={people.tenant.project.id: "Member"},
    )
    found = await me(await people.with_key(key.api_key))
    assert (found["kind"], found["id"], found["name"]) == (
        "api_key",
        str(key.key.client_id),
        "Nightly",
    )
    assert found["application_role"] is None
    assert found["rights"] == ["tenant_read"]
