"""`/v1/projects`: made, listed, renamed, deleted when empty."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from api.remote_access.conftest import People
from factories import administrator_of, make_project, make_user, until_somebody_waits
from treadle.identity.projects import delete_project
from treadle.jobs.installation import ensure_default_destination

MISSING = "There is no such thing, or it is not visible to you."


async def create(caller: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await caller.post("/v1/projects", json={"name": "Billing", **body})


async def test_a_project_is_made_read_renamed_and_deleted(people: People) -> None:
    answer = await create(people.alice, description="What the invoices need")
    assert answer.status_code == 201
    project = answer.json()
    assert set(project) == {"id", "name", "description", "created_at"}
    assert (project["name"], project["description"]) == ("Billing", "What the invoices need")
    path = f"/v1/projects/{project['id']}"
    assert answer.headers["location"] == f"{people.server.url}{path}"
    assert (await people.alice.get(path)).json() == project

    renamed = await people.alice.put(path, json={"name": "Invoices"})
    assert renamed.status_code == 200
    assert renamed.json() == {**project, "name": "Invoices", "description": ""}

    answer = await people.alice.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        answer = await people.alice.request(method, path)
        assert (answer.status_code, answer.json()["message"]) == (404, MISSING)


async def test_a_list_has_what_the_caller_sees(people: People) -> None:
    database = people.server.context.database
    other = await make_project(database, people.tenant, name="other")
    await make_user(database, people.tenant, username="carol", project_roles={other.id: "Member"})
    carol = await people.server.log_in("carol")
    seen = {
        name: [project["name"] for project in (await client.get("/v1/projects")).json()["items"]]
        for name, client in (("alice", people.alice), ("bob", people.bob), ("carol", carol))
    }
    assert seen == {"alice": ["default", "other"], "bob": [], "carol": ["other"]}
    part = (await people.alice.get("/v1/projects?limit=1&offset=1")).json()
    assert (part["items"][0]["name"], part["total"], part["limit"]) == ("other", 2, 1)


async def test_whoever_makes_a_project_owns_it(people: People) -> None:
    database = people.server.context.database
    await make_user(database, people.tenant, username="carol", role="Project Creator")
    carol = await people.server.log_in("carol")
    project = (await create(carol)).json()
    members = (await carol.get(f"/v1/members?project_id={project['id']}")).json()["items"]
    assert [(member["name"], member["role"]) for member in members] == [("carol", "Owner")]
    assert (await carol.put(f"/v1/projects/{project['id']}", json={"name": "x"})).status_code == 200
    assert (await create(people.bob)).status_code == 403
    invisible = await people.bob.get(f"/v1/projects/{project['id']}")
    assert invisible.status_code == 404
    assert (await carol.delete(f"/v1/projects/{project['id']}")).status_code == 204


async def test_a_project_that_is_not_empty_stays(people: People) -> None:
    context = people.server.context
    await ensure_default_destination(context.database, now=context.clock())
    project = (await create(people.alice)).json()
    job = await people.alice.post("/api/jobconfigs", json={"name": "j", "project": "Billing"})
    assert job.status_code == 201, job.text
    path = f"/v1/projects/{project['id']}"
    answer = await people.alice.delete(path)
    assert (answer.status_code, answer.json()["error"]) == (409, "Conflict")
    await people.alice.delete(f"/api/jobconfigs/{job.json()['id']}")
    # The job's history is still there.
    assert (await people.alice.delete(path)).status_code == 409
    assert (await people.alice.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"name": "default"}, 409, "project of this name"),
        ({"name": ""}, 400, "name must have"),
        ({"name": "x" * 101}, 400, "name must have"),
        ({"name": None}, 400, "name: must be text"),
        ({"description": "x" * 2001}, 400, "description must have"),
    ],
)
async def test_a_project_that_cannot_be_is_refused(
    people: People, body: dict[str, Any], status: int, words: str
) -> None:
    answer = await create(people.alice, **body)
    assert answer.status_code == status
    assert words in answer.json()["message"]
    other = (await create(people.alice)).json()
    answer = await people.alice.put(f"/v1/projects/{other['id']}", json={"name": "Billing", **body})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "project_id", ["default", "0", "x", "01a200c6-7bbc-7320-af8a-c403df629451"]
)
async def test_a_project_that_does_not_exist_is_404(people: People, project_id: str) -> None:
    """Also one of that name: names change, ids don't."""
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)):
        answer = await people.alice.request(method, f"/v1/projects/{project_id}", json=body)
        assert (answer.status_code, answer.json()["message"]) == (404, MISSING)


async def test_a_project_of_another_tenant_looks_like_none(people: People) -> None:
    path = f"/v1/projects/{people.tenant.project.id}"
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)):
        answer = await people.mallory.request(method, path, json=body)
        assert (answer.status_code, answer.json()["message"]) == (404, MISSING)
    assert (await people.alice.get(path)).json()["name"] == "default"


async def test_nothing_gets_into_a_project_that_is_being_deleted(people: People) -> None:
    context, tenant = people.server.context, people.tenant
    await ensure_default_destination(context.database, now=context.clock())
    project = await make_project(context.database, tenant, name="going")
    async with asyncio.timeout(60):
        async with context.database.tenant(tenant.tenant.id) as tx:
            await delete_project(tx, administrator_of(tenant), project.id, now=context.clock())
            job = {"name": "late", "project": "going"}
            creating = asyncio.ensure_future(people.alice.post("/api/jobconfigs", json=job))
            await until_somebody_waits(context.database)
        answer = await creating
    assert answer.status_code == 400
    assert "no such project" in answer.json()["message"]
