"""The collection holds the whole API, and what joins the API joins it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from fixtures.documented import document
from fixtures.server import Server
from treadle.api.postman.collection import build_collection, build_environment, operations_of
from treadle.api.postman.names import of_created, of_parameter

DOCUMENT = document()


def requests_in(collection: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for folder in collection["item"]:
        yield from folder["item"]


def folder_of(collection: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return next(folder["item"] for folder in collection["item"] if folder["name"] == name)


def address(request: dict[str, Any]) -> str:
    path = re.sub(r":(\w+)", r"{\1}", "/" + "/".join(request["request"]["url"]["path"]))
    return f"{request['request']['method']} {path}"


def script_of(request: dict[str, Any]) -> str:
    return "\n".join(request["event"][0]["script"]["exec"])


def test_every_operation_is_in_it() -> None:
    wanted = {f"{operation.method} {operation.path}" for operation in operations_of(DOCUMENT)}
    assert {address(request) for request in requests_in(build_collection(DOCUMENT))} == wanted


def test_the_first_request_gets_the_token_that_all_come_in_with() -> None:
    collection = build_collection(DOCUMENT)
    first = next(requests_in(collection))
    assert first["name"] == "Get Token"
    assert first["request"]["url"]["raw"] == "{{IdentityUrl}}/connect/token"
    assert 'pm.collectionVariables.set("AccessToken", answer["access_token"]);' in script_of(first)
    assert collection["auth"]["bearer"][0]["value"] == "{{AccessToken}}"


def test_remote_jobs_need_the_address_the_key_and_the_job_alone() -> None:
    collection = build_collection(DOCUMENT)
    folder = next(each for each in collection["item"] if each["name"] == "Integrate")
    assert {pair["key"]: pair["value"] for pair in folder["auth"]["apikey"]} == {
        "key": "X-Api-Key",
        "value": "{{IntegrateApiKey}}",
        "in": "header",
    }
    named = {each["name"] for each in folder["item"]}
    assert named >= {"Run Job", "Get Job Status", "List Schedules", "Delete Schedule"}
    used = set(
        re.findall(r"\{\{(\w+)\}\}", json.dumps([each["request"] for each in folder["item"]]))
    )
    assert used == {"IntegrateUrl", "IntegrateJobId"}


def test_each_request_says_what_it_is_answered() -> None:
    for request in requests_in(build_collection(DOCUMENT)):
        assert re.search(r"to\.be\.oneOf\(\[\d{3}", script_of(request)), request["name"]


def test_every_variable_is_set_before_it_is_used() -> None:
    collection = build_collection(DOCUMENT)
    known = {value["key"] for value in build_environment("http://x")["values"]}
    for request in requests_in(collection):
        text = json.dumps(request["request"])
        assert set(re.findall(r"\{\{(\w+)\}\}", text)) <= known, request["name"]
        known |= set(re.findall(r'\.set\("(\w+)"', script_of(request)))


def test_what_the_script_does_not_name_joins_by_rule() -> None:
    answer = {"200": {"description": "", "content": {"application/json": {"example": {"id": "1"}}}}}
    refused = {"404": {"description": ""}, "500": {"description": ""}}
    identified = [{"name": "id", "in": "path", "required": True}]
    document = {
        "info": {"title": "t", "version": "1"},
        "tags": [{"name": "Looms", "description": "What weaves."}],
        "paths": {
            "/v1/looms/{id}": {
                method: {
                    "operationId": method,
                    "summary": method,
                    "tags": ["Looms"],
                    "parameters": identified,
                    "responses": {**answer, **refused},
                }
                for method in ("delete", "get")
            },
            "/v1/looms": {
                "post": {
                    "operationId": "make",
                    "summary": "make",
                    "tags": ["Looms"],
                    "responses": answer,
                }
            },
        },
    }
    looms = folder_of(build_collection(document), "Looms")
    assert [each["name"] for each in looms] == ["make", "get", "delete"]
    assert 'set("LoomId", answer["id"])' in script_of(looms[0])
    assert looms[1]["request"]["url"]["variable"][0]["value"] == "{{LoomId}}"
    assert "oneOf([200, 404])" in script_of(looms[1])


def test_variables_are_named_after_what_the_path_holds() -> None:
    assert of_parameter("/v1/calendars/{id}", "id") == "CalendarId"
    assert of_parameter("/v1/entities/{id}/records/{record_id}", "id") == "EntityId"
    assert of_parameter("/v1/entities/{id}/records/{record_id}", "record_id") == "RecordId"
    assert of_created("/v1/maintenance-windows") == "MaintenanceWindowId"
    assert of_created("/v1/api-keys/{id}/client-address") is None


async def test_both_are_served_to_everybody(server: Server) -> None:
    collection = (await server.anonymous.get("/postman/collection.json")).raise_for_status()
    assert collection.json() == build_collection(server.app.openapi())
    environment = (await server.anonymous.get("/postman/environment.json")).raise_for_status()
    values = {value["key"]: value["value"] for value in environment.json()["values"]}
    assert values["IdentityUrl"] == values["IntegrateUrl"] == server.url
    assert values["IntegrateApiKey"] == values["IntegrateJobId"] == ""
