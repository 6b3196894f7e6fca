"""`/v1/entities`: made, listed, replaced, deleted, and refused in FastAPI's words."""

from __future__ import annotations

from typing import Any

import pytest

from factories import make_project, make_tenant
from fixtures.entities import SCHEMA, Bureau

MISSING = {"detail": "There is no such thing, or it is not visible to you."}
BODY: dict[str, Any] = {"name": "invoice", "schema": {"type": "object"}}
NOBODY = "3f2b7c1e-9a54-4d0c-8f6e-5b1a2c3d4e5f"


async def test_an_entity_is_made_read_replaced_and_deleted(bureau: Bureau) -> None:
    body = {**BODY, "description": "Bills", "date_fields": ["due", "customer.since"]}
    answer = await bureau.post("/v1/entities", body)
    assert answer.status_code == 201
    entity = answer.json()
    assert set(entity) == {
        *("id", "project_id", "name", "description", "schema", "date_fields", "created_at"),
        "updated_at",
    }
    assert {name: entity[name] for name in body} == body
    path = f"/v1/entities/{entity['id']}"
    assert answer.headers["location"] == f"{bureau.server.url}{path}"
    assert (await bureau.client.get(path)).json() == entity

    replaced = await bureau.client.put(path, json={**BODY, "name": "bill"})
    assert replaced.status_code == 200
    changed = {**entity, "name": "bill", "description": "", "date_fields": []}
    assert replaced.json() == {**changed, "updated_at": replaced.json()["updated_at"]}

    answer = await bureau.client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("GET", "DELETE"):
        answer = await bureau.client.request(method, path)
        assert (answer.status_code, answer.json()) == (404, MISSING)


async def test_lists_are_filtered_and_come_in_parts(bureau: Bureau) -> None:
    for number in range(3):
        await bureau.post("/v1/entities", {**BODY, "name": f"e{number}"})

    async def names(query: str) -> tuple[list[str], int]:
        found = (await bureau.client.get(f"/v1/entities?{query}")).json()
        return [entity["name"] for entity in found["items"]], found["total"]

    assert await names("") == (["contract", "e0", "e1", "e2"], 4)
    assert await names("limit=2&offset=1") == (["e0", "e1"], 4)
    assert await names("name=e1") == (["e1"], 1)
    mine = (await bureau.client.get(bureau.path)).json()["project_id"]
    assert (await names(f"project_id={mine}"))[1] == 4
    for other in (NOBODY, "default", ""):
        assert await names(f"project_id={other}") == ([], 0)
    found = (await bureau.client.get("/v1/entities?limit=1")).json()
    assert (found["limit"], found["offset"]) == (1, 0)


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        ({"schema": {}}, ["body", "name"], "missing"),
        ({"name": "x"}, ["body", "schema"], "missing"),
        ({**BODY, "more": 1}, ["body", "more"], "extra_forbidden"),
        ({"name": "x", "data_schema": {}}, ["body", "schema"], "missing"),
        ({**BODY, "schema": []}, ["body", "schema"], "dict_type"),
        ({**BODY, "schema": True}, ["body", "schema"], "dict_type"),
        ({**BODY, "schema": {"type": "x"}}, ["body", "schema", "type"], "value_error"),
        ({**BODY, "schema": {"$ref": "#"}}, ["body", "schema", "$ref", "$ref"], "value_error"),
        ({**BODY, "date_fields": ["a", ""]}, ["body", "date_fields", 1], "value_error"),
        ({**BODY, "date_fields": ["a"] * 11}, ["body", "date_fields"], "too_long"),
        ({**BODY, "name": ""}, ["body", "name"], "value_error"),
        ({**BODY, "name": 3}, ["body", "name"], "string_type"),
        ({**BODY, "project_id": "nowhere"}, ["body", "project_id"], "value_error"),
        ([], ["body"], "model_attributes_type"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_what_is_malformed_is_told_where(
    bureau: Bureau, body: object, loc: list[str | int], kind: str
) -> None:
    for method, path in (("POST", "/v1/entities"), ("PUT", bureau.path)):
        answer = await bureau.client.request(method, path, json=body)
        assert answer.status_code == 422, answer.text
        first = answer.json()["detail"][0]
        assert set(first) == {"loc", "msg", "type"}
        assert (first["loc"], first["type"]) == (loc, kind)
    assert (await bureau.client.get("/v1/entities")).json()["total"] == 1


async def test_a_name_that_is_taken_is_a_conflict(bureau: Bureau) -> None:
    answer = await bureau.post("/v1/entities", {"name": "contract", "schema": {}})
    assert answer.status_code == 409
    assert answer.json() == {"detail": "There is an entity definition of this name in the project."}


async def test_replacing_without_a_project_leaves_it_where_it_is(bureau: Bureau) -> None:
    database = bureau.server.context.database
    tenant = await make_tenant(database, admin_username="carol")
    carol = await bureau.server.log_in("carol")
    other = await make_project(database, tenant)
    body = {**BODY, "project_id": str(other.id)}
    entity = (await carol.post("/v1/entities", json=body)).json()
    assert entity["project_id"] == str(other.id)
    path = f"/v1/entities/{entity['id']}"
    assert (await carol.put(path, json=BODY)).json()["project_id"] == str(other.id)
    back = {**BODY, "project_id": str(tenant.project.id)}
    assert (await carol.put(path, json=back)).json()["project_id"] == str(tenant.project.id)


async def test_stored_records_stand_in_the_way_of_a_date_field(bureau: Bureau) -> None:
    await bureau.create()
    body = {"name": "contract", "schema": SCHEMA, "date_fields": ["customer"]}
    answer = await bureau.client.put(bureau.path, json=body)
    assert answer.status_code == 409
    assert "customer of the record 'C-1'" in answer.json()["detail"]


@pytest.mark.parametrize("entity_id", ["x", "0", NOBODY, "%20", "contract"])
async def test_what_does_not_exist_is_404(bureau: Bureau, entity_id: str) -> None:
    for method, path in (
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/records"),
        ("POST", "/records"),
        ("POST", "/records/bulk"),
        ("GET", f"/records/{NOBODY}"),
    ):
        record = {"external_id": "x", "data": {}}
        body = {"records": [record]} if path.endswith("bulk") else record if path else BODY
        answer = await bureau.client.request(
            method,
            f"/v1/entities/{entity_id}{path}",
            json=None if method in ("GET", "DELETE") else body,
        )
        assert (answer.status_code, answer.json()) == (404, MISSING), path
