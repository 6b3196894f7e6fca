"""Definitions over HTTP: what the requests of seed 3 don't say themselves."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from factories import make_tenant
from fixtures.server import Server

STEPS: list[dict[str, Any]] = [
    {"id": "start", "type": "request", "config": {}},
    {"id": "total", "type": "transform", "config": {"value": {"total": "${payload.n * 2}"}}},
]
WAYS = [{"from": "start", "to": "total"}]
BODY: dict[str, Any] = {
    "workflow_name": "Orders",
    "workflow_steps": STEPS,
    "workflow_connections": WAYS,
}


@pytest.fixture
async def client(server: Server) -> httpx.AsyncClient:
    await make_tenant(server.context.database, name="default", admin_username="admin")
    return await server.log_in("admin")


async def create(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post("/v1/workflows", json={**BODY, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["item"]


def at(item: dict[str, Any], action: str = "") -> str:
    path = f"/v1/workflows/{item['workflow_id']}/{item['workflow_version']}"
    return f"{path}/{action}" if action else path


async def test_a_workflow_is_made_and_found_where_the_answer_says(
    client: httpx.AsyncClient,
) -> None:
    made = await client.post("/v1/workflows", json=BODY)
    found = await client.get(made.headers["location"])
    assert found.json() == made.json()
    assert found.json()["item"]["workflow_steps"] == STEPS


async def test_every_fault_is_told_with_its_path(client: httpx.AsyncClient) -> None:
    steps: list[dict[str, Any]] = [
        STEPS[0],
        {"id": "total", "type": "transform", "config": {"value": "${payload.}"}},
        {"id": "lost", "type": "http", "config": {"url": "https://x.example", "timeout": 1}},
    ]
    answer = await client.post("/v1/workflows", json={**BODY, "workflow_steps": steps})
    assert answer.status_code == 400
    assert set(answer.json()) == {"message"}
    assert "workflow_steps[2].config.timeout: there is no such field" in answer.json()["message"]
    steps[2]["config"] = {"url": "https://x.example"}
    message = (await client.post("/v1/workflows", json={**BODY, "workflow_steps": steps})).json()
    assert "workflow_steps[1].config.value: bad expression" in message["message"]
    assert "workflow_steps[2]: can't be reached from the first step" in message["message"]


async def test_validation_tells_faults_and_saves_nothing(client: httpx.AsyncClient) -> None:
    good = await client.post("/v1/workflows/validate", json=BODY)
    assert good.json() == {"message": "success", "valid": True, "errors": []}
    bad = await client.post("/v1/workflows/validate", json={**BODY, "workflow_connections": []})
    assert bad.json()["valid"] is False
    assert bad.json()["errors"] == [
        {"path": "workflow_steps[1]", "message": "can't be reached from the first step"}
    ]
    listed = (await client.get("/v1/workflows/getOrganizationWorkflows")).json()
    assert listed == {"message": "success", "count": 0, "items": []}


async def test_a_version_can_be_validated_where_it_stands(client: httpx.AsyncClient) -> None:
    item = await create(client)
    answer = await client.post(at(item, "validate"))
    assert answer.json() == {"message": "success", "valid": True, "errors": []}


async def test_an_item_can_be_sent_back_as_it_came(client: httpx.AsyncClient) -> None:
    item = await create(client, workflow_mock_payload={"n": 1})
    saved = (await client.put(at(item), json=item)).json()["item"]
    same = {name for name in item if name not in ("modified_on", "modified_by")}
    assert {name: saved[name] for name in same} == {name: item[name] for name in same}
    assert saved["modified_by"] == item["created_by"]


async def test_a_list_names_who_made_and_changed_a_version(client: httpx.AsyncClient) -> None:
    item = await create(client)
    listed = (await client.get("/v1/workflows/getOrganizationWorkflows")).json()["items"][0]
    kind, _, by = item["created_by"].partition(":")
    assert (kind, listed["created_by"]) == ("user", item["created_by"])
    assert listed["created_by_name"] not in (by, "")
    assert listed["modified_by_name"] is None
    await client.put(at(item), json=BODY)
    listed = (await client.get("/v1/workflows/getOrganizationWorkflows")).json()["items"][0]
    assert listed["modified_by_name"] == listed["created_by_name"]


async def test_from_draft_to_active_to_the_next_draft_to_archived(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client)
    assert item["workflow_status_version"] == "DRAFT_1"
    active = (await client.post(at(item, "activate"))).json()["item"]
    assert (active["workflow_status"], active["latest"]) == ("ACTIVE", "true")
    draft = (await client.put(at(active), json={**BODY, "workflow_name": "Two"})).json()["item"]
    assert (draft["workflow_status_version"], draft["latest"]) == ("DRAFT_2", "true")
    refused = await client.delete(at(active))
    assert refused.status_code == 409
    assert (await client.delete(at(draft))).status_code == 204
    archived = (await client.post(at(active, "archive"))).json()["item"]
    assert archived["workflow_status_version"] == "ARCHIVED_1"


async def test_the_versions_of_a_workflow_are_listed_the_highest_first(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client)
    await client.post(at(item, "activate"))
    for _ in range(2):
        await client.put(at(item), json=BODY)
    path = f"/v1/workflows/{item['workflow_id']}/versions"
    first = (await client.get(path, params={"limit": 2})).json()
    assert [one["workflow_version"] for one in first["items"]] == [3, 2]
    assert [one["latest"] for one in first["items"]] == ["true", "false"]
    key = first["lastKey"]["workflow_version"]
    rest = (await client.get(path, params={"limit": 2, "workflow_version": key})).json()
    assert [one["workflow_version"] for one in rest["items"]] == [1]
    assert "lastKey" not in rest


async def test_a_list_tells_the_version_in_force_and_finds_names(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client, workflow_name="Überweisung_1%")
    await create(client, workflow_name="Other")
    for _ in range(2):
        await client.put(at(item), json={**BODY, "workflow_name": "Überweisung_1%"})
        await client.post(at(item, "activate"))
        item = (
            await client.put(at(item), json={**BODY, "workflow_name": "überweisung_1%"})
        ).json()["item"]
    path = "/v1/workflows/getOrganizationWorkflows"

    async def found(search: str, latest: bool = True) -> list[tuple[int, int | None]]:
        query = {"search": search, "latest": latest}
        answer = await client.get(path, params=query)
        return [(one["workflow_version"], one["active_version"]) for one in answer.json()["items"]]

    assert await found("ÜBERWEISUNG_1%") == [(3, 2)]
    assert await found("%") == [(3, 2)]
    assert await found("x%") == []
    assert await found("other") == [(1, None)]
    assert len(await found("", latest=True)) == 2
    assert {active for _, active in await found("_1", latest=False)} == {2}


async def test_the_types_of_steps_come_with_the_schemas_of_their_configs(
    client: httpx.AsyncClient,
) -> None:
    items = (await client.get("/v1/workflows/step-types")).json()["items"]
    types = {item["type"]: item for item in items}
    assert [name for name, item in types.items() if item["is_trigger"]] == ["request", "schedule"]
    assert types["condition"]["expressions"] == ["when"]
    assert types["condition"]["config_schema"]["required"] == ["when"]
    described = types["http"]["config_schema"]["properties"]["url"]["description"]
    assert described == "Whole, or a path below the address of the integration."


async def test_a_schema_is_detected_and_shown_with_its_payload(
    client: httpx.AsyncClient,
) -> None:
    item = await create(client)
    detected = (await client.post(at(item, "detectSchema"), json={"payload": {"n": 1}})).json()
    query = {"workflow_id": item["workflow_id"], "workflow_version": 1}
    shown = (await client.get("/v1/workflows/getWorkflowSchemaById", params=query)).json()
    assert shown == detected
    assert shown["item"]["workflow_mock_payload"] == {"n": 1}
    assert shown["item"]["workflow_schema"]["properties"] == {"n": {"type": "integer"}}


@pytest.mark.parametrize(
    "query",
    [
        {"workflow_id": "nonsense", "workflow_version": "1"},
        {"workflow_id": "0198f0a0-5555-7cc3-9d3f-3b1f0c5e2a11", "workflow_version": "1"},
        {"workflow_id": "0198f0a0-5555-7cc3-9d3f-3b1f0c5e2a11"},
        {"workflow_version": "1"},
    ],
)
async def test_a_key_that_is_none_of_the_list_is_refused(
    client: httpx.AsyncClient, query: dict[str, str]
) -> None:
    answer = await client.get("/v1/workflows/getOrganizationWorkflows", params=query)
    assert answer.status_code == 400
    assert "lastKey" in answer.json()["message"]


@pytest.mark.parametrize("limit", ["0", "31", "many", "-1"])
async def test_a_page_has_1_to_30_items(client: httpx.AsyncClient, limit: str) -> None:
    answer = await client.get("/v1/workflows/getOrganizationWorkflows", params={"limit": limit})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("limit: ")


@pytest.mark.parametrize("version", ["0", "x", "99999999999", "2", "-1", "1.0"])
async def test_a_version_that_nobody_has_is_not_found(
    client: httpx.AsyncClient, version: str
) -> None:
    item = await create(client)
    query = {"workflow_id": item["workflow_id"], "workflow_version": version}
    answer = await client.get("/v1/workflows/getWorkflowById", params=query)
    assert answer.status_code == 404
    assert set(answer.json()) == {"message"}


async def test_the_trigger_of_a_schedule_is_checked(client: httpx.AsyncClient) -> None:
    def scheduled(**config: Any) -> dict[str, Any]:
        return {
            **BODY,
            "workflow_steps": [{"id": "start", "type": "schedule", "config": config}, STEPS[1]],
        }

    good = await client.post(
        "/v1/workflows",
        json=scheduled(schedule_expression="0 9 * * 1-5", timezone="Europe/Berlin"),
    )
    assert good.json()["item"]["workflow_trigger_type"] == "SCHEDULE"
    for config, field in (
        ({}, "schedule_expression"),
        ({"schedule_expression": "61 * * * *"}, "schedule_expression"),
        ({"schedule_expression": "@daily", "timezone": "Mars/Base"}, "timezone"),
        ({"schedule_expression": "@daily", "schedule_type": "relative"}, "schedule_type"),
        ({"schedule_expression": "@daily", "schedule_type": "sometimes"}, "schedule_type"),
    ):
        bad = await client.post("/v1/workflows/validate", json=scheduled(**config))
        paths = [error["path"] for error in bad.json()["errors"]]
        assert paths == [f"workflow_steps[0].config.{field}"], bad.text
