"""The nine requests of the workflow API, sent by an application with an API key.

The application is a program of its own (`httpx` without any of our code but the server's).
Executions really run: the lanes of a process work beside the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from factories import make_key, make_principal, make_tenant
from fixtures.executions import Mill, milling
from fixtures.jobs import Workshop
from fixtures.server import Server, plain_client
from treadle.identity.installation import NewTenant
from treadle.workflows.answer_links import Wait

API = "/v1/workflows"
WAIT = "wait_for_response_state"
STEPS: list[dict[str, Any]] = [
    {"id": "start", "name": "Order comes in", "type": "request", "config": {}},
    {
        "id": WAIT,
        "name": "Somebody looks at it",
        "type": "wait_for_response",
        "config": {"sources": ["TEAMS"]},
    },
    {
        "id": "total",
        "type": "transform",
        "config": {"value": {"total": "${input.n * 2}", "said": f"${{steps.{WAIT}.output.said}}"}},
    },
]  # fmt: skip
WAYS = [
    {"from": "start", "to": "wait_for_response_state"},
    {"from": "wait_for_response_state", "to": "total"},
]
SIMPLE = [STEPS[0], {"id": "end", "type": "transform", "config": {"value": "${payload.n}"}}]

WORKFLOW_FIELDS = {
    "organization_id", "workflow_integrations", "workflow_name", "created_by",
    "workflow_status_version", "modified_by", "workflow_version", "workflow_steps", "workflow_id",
    "modified_on", "workflow_connections", "workflow_status", "latest", "workspace_id",
    "created_on", "workflow_schema",
}  # fmt: skip
LISTED_WORKFLOW_FIELDS = {
    "workflow_id", "modified_on", "organization_id", "workflow_status", "latest", "workflow_name",
    "created_by", "workflow_status_version", "modified_by", "workspace_id", "created_on",
}  # fmt: skip
SCHEMA_FIELDS = {
    "workflow_id", "modified_on", "created_by", "workflow_mock_payload", "workflow_schema",
    "modified_by", "workflow_version", "created_on",
}  # fmt: skip
EXECUTION_FIELDS = {
    "workflow_current_state", "organization_id", "workflow_execution_id", "modified_by",
    "workflow_version", "workflow_event_log", "workflow_id", "workflow_input_payload",
    "workflow_output_payload", "workflow_trigger_type", "workspace_id", "created_on",
    "condensed_logs", "workflow_details",
}  # fmt: skip
LISTED_EXECUTION_FIELDS = {
    "workflow_id", "workflow_current_state", "modified_on", "organization_id",
    "workflow_execution_id", "modified_by", "workflow_version", "workflow_event_log",
    "workflow_trigger_type", "workspace_id", "created_on", "workflow_details",
}  # fmt: skip
"""The fields of the seed's examples. Answers may have more."""


@pytest.fixture
async def tenant(server: Server) -> NewTenant:
    return await make_tenant(server.context.database, name="default", admin_username="admin")


@pytest.fixture
async def application(server: Server, tenant: NewTenant) -> AsyncGenerator[httpx.AsyncClient]:
    """A client with a key that is a Contributor of the tenant's first project."""
    key = await make_key(
        server.context.database, tenant, project_roles={tenant.project.id: "Contributor"}
    )
    headers = {"x-api-key": key.api_key}
    async with plain_client(server.url, headers=headers) as client:
        yield client


@pytest.fixture
async def mill(server: Server, tenant: NewTenant, tmp_path: Path) -> AsyncGenerator[Mill]:
    context = server.context
    caller = make_principal(tenant.tenant.id)
    workshop = Workshop(context.database, context.jobs, caller, tmp_path)
    async with milling(workshop, context.workflows) as running:
        yield running


async def active(
    client: httpx.AsyncClient, steps: list[dict[str, Any]] = STEPS, **more: Any
) -> str:
    """The id of a workflow whose version 1 is ACTIVE."""
    ways = WAYS
    if steps is not STEPS:
        ways = [{"from": a["id"], "to": b["id"]} for a, b in pairwise(steps)]
    body = {"workflow_name": "Adaptive Card Workflow", "workflow_steps": steps}
    made = await client.post(API, json={**body, "workflow_connections": ways, **more})
    assert made.status_code == 201, made.text
    workflow_id: str = made.json()["item"]["workflow_id"]
    activated = await client.post(f"{API}/{workflow_id}/1/activate")
    assert activated.status_code == 200, activated.text
    return workflow_id


async def start(client: httpx.AsyncClient, workflow_id: str, payload: object) -> str:
    answer = await client.post(f"{API}/triggerworkflow/{workflow_id}/1", json=payload)
    assert answer.status_code == 200, answer.text
    return answer.json()["looply_execution_id"]


async def get_execution(
    client: httpx.AsyncClient, workflow_id: str, execution_id: str
) -> dict[str, Any]:
    query = {"workflow_id": workflow_id, "workflow_execution_id": execution_id}
    answer = await client.get(f"{API}/getWorkflowExecutionById", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


# ---------------------------------------------------------------- triggerworkflow


@pytest.mark.parametrize("body", [b"", b"null", b'"text"', b"[1, 2]", b'{"a": {"b": 1}}'])
async def test_triggering_takes_any_json_and_returns_at_once(
    application: httpx.AsyncClient, body: bytes
) -> None:
    workflow_id = await active(application)
    answer = await application.post(f"{API}/triggerworkflow/{workflow_id}/1", content=body)
    assert answer.status_code == 200
    assert set(answer.json()) == {"message", "looply_execution_id"}
    assert answer.json()["message"] == "success"
    found = await get_execution(application, workflow_id, answer.json()["looply_execution_id"])
    # It waits for an answer by now, or is about to: nobody waited for its end.
    assert found["item"]["workflow_status"] in ("In Progress", "Awaiting Response")


async def test_without_a_version_the_latest_active_one_is_started(
    application: httpx.AsyncClient,
) -> None:
    workflow_id = await active(application)
    body = {"workflow_name": "x", "workflow_steps": STEPS, "workflow_connections": WAYS}
    await application.put(f"{API}/{workflow_id}/1", json=body)
    refused = await application.post(f"{API}/triggerworkflow/{workflow_id}/2")
    assert refused.status_code == 409
    started = await application.post(f"{API}/triggerworkflow/{workflow_id}")
    found = await get_execution(application, workflow_id, started.json()["looply_execution_id"])
    assert found["item"]["workflow_version"] == 1


async def test_a_payload_that_breaks_the_schema_is_refused_with_its_path(
    application: httpx.AsyncClient,
) -> None:
    schema = {"type": "object", "properties": {"lines": {"items": {"type": "integer"}}}}
    workflow_id = await active(application, SIMPLE, workflow_schema=schema)
    path = f"{API}/triggerworkflow/{workflow_id}/1"
    bad = await application.post(path, json={"lines": [1, "two"]})
    assert bad.status_code == 400
    assert bad.json()["message"].startswith("lines[1]: ")
    batch = {"workflow_id": workflow_id, "payloads": [{}, {"lines": ["x"]}]}
    bad = await application.post(f"{API}/triggerworkflow/batch", json=batch)
    assert bad.status_code == 400
    assert bad.json()["message"].startswith("payloads[1].lines[0]: ")
    history = await application.get(f"{API}/getOrganizationExecutions")
    assert history.json()["count"] == 0


async def test_a_batch_starts_all_or_none(application: httpx.AsyncClient) -> None:
    workflow_id = await active(application)
    body: dict[str, Any] = {"workflow_id": workflow_id, "workflow_version": 1}
    path = f"{API}/triggerworkflow/batch"
    answer = await application.post(path, json={**body, "payloads": [{"n": n} for n in range(5)]})
    ids = answer.json()["looply_execution_ids"]
    assert answer.json() == {"message": "success", "looply_execution_ids": ids}
    for n, id_ in enumerate(ids):
        found = await get_execution(application, workflow_id, id_)
        assert found["item"]["workflow_input_payload"] == {"n": n}
    twice = [{"process_id": "p"}, {"process_id": "p"}]
    assert (await application.post(path, json={**body, "payloads": twice})).status_code == 409
    for payloads in ([], [{}] * 1001):
        bad = await application.post(path, json={**body, "payloads": payloads})
        assert bad.status_code == 400
    listed = await application.get(f"{API}/getOrganizationExecutions")
    assert listed.json()["count"] == 5


async def test_an_idempotency_key_starts_one_execution(application: httpx.AsyncClient) -> None:
    workflow_id = await active(application)
    path, key = f"{API}/triggerworkflow/{workflow_id}/1", {"Idempotency-Key": "order-4711"}
    first = await application.post(path, json={"n": 1}, headers=key)
    again = await application.post(path, json={"n": 1}, headers=key)
    assert again.json() == first.json()
    other = await application.post(path, json={"n": 2}, headers=key)
    assert other.status_code == 400


# ---------------------------------------------------------------- {action}/{process_id}


async def test_resuming_by_the_process_id_until_it_ends(
    application: httpx.AsyncClient, mill: Mill
) -> None:
    workflow_id = await active(application)
    execution_id = await start(application, workflow_id, {"process_id": "order-4711", "n": 21})
    waiting = await mill.waiting(UUID(execution_id))
    assert waiting.process_id == "order-4711"
    busy = await application.post(
        f"{API}/triggerworkflow/{workflow_id}/1", json={"process_id": "order-4711"}
    )
    assert busy.status_code == 409
    shown = (await get_execution(application, workflow_id, execution_id))["item"]
    assert shown["workflow_current_state"] == "wait_for_response_state"
    assert shown["workflow_status"] == "Awaiting Response"

    path = f"{API}/resumeWorkflow/order-4711"
    for body in ({}, {"source": "MAIL"}, {"source": "SAP"}, {"source": 7}, [], None):
        refused = await application.post(path, json=body)
        assert refused.status_code == 400, body
        assert refused.json()["message"].startswith("source: ")
    other = await application.post(f"{API}/pauseworkflow/order-4711", json={"source": "TEAMS"})
    assert other.status_code == 400
    unknown = await application.post(f"{API}/resumeworkflow/x", json={"source": "TEAMS"})
    assert (unknown.status_code, unknown.json()) == (404, {"message": "execution not found"})

    said = {"source": "TEAMS", "said": "yes"}
    first = await application.post(path, json=said)
    assert (first.status_code, first.json()) == (200, {"message": "restarted"})
    again = await application.post(f"{API}/resumeworkflow/{execution_id}", json=said)
    assert (again.status_code, again.json()) == (200, {"message": "already restarted"})
    await mill.ended(UUID(execution_id))
    item = (await get_execution(application, workflow_id, execution_id))["item"]
    assert item["workflow_output_payload"] == {"total": 42, "said": "yes"}
    assert (await start(application, workflow_id, {"process_id": "order-4711"})) != execution_id


async def test_resuming_what_waits_for_nothing(application: httpx.AsyncClient, mill: Mill) -> None:
    workflow_id = await active(application, SIMPLE)
    execution_id = await start(application, workflow_id, {"n": 1})
    await mill.ended(UUID(execution_id))
    answer = await application.post(
        f"{API}/resumeworkflow/{execution_id}", json={"source": "TEAMS"}
    )
    assert (answer.status_code, answer.json()) == (409, {"message": "not found"})


async def test_of_many_answers_at_once_one_restarts_it(
    application: httpx.AsyncClient, mill: Mill
) -> None:
    workflow_id = await active(application)
    execution_id = await start(application, workflow_id, {"n": 1})
    await mill.waiting(UUID(execution_id))
    path, body = f"{API}/resumeworkflow/{execution_id}", {"source": "TEAMS", "said": "x"}
    answers = await asyncio.gather(*(application.post(path, json=body) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    told = [answer.json()["message"] for answer in answers]
    assert sorted(told) == ["already restarted"] * 19 + ["restarted"]


# ---------------------------------------------------------------- toggleScheduledWorkflow


async def test_pausing_and_playing_a_scheduled_workflow(
    server: Server, application: httpx.AsyncClient
) -> None:
    trigger = {"id": "start", "type": "schedule", "config": {"schedule_expression": "@daily"}}
    workflow_id = await active(application, [trigger, SIMPLE[1]])

    async def schedules() -> list[dict[str, Any]]:
        return (await application.get("/v1/schedules")).json()["items"]

    (schedule,) = await schedules()
    assert (schedule["status"], schedule["action_type"]) == ("active", "run_workflow")
    for action, status, becomes in (
        ("PAUSE", "PAUSED", "paused"),
        ("PAUSE", "PAUSED", "paused"),
        ("PLAY", "ACTIVE", "active"),
    ):
        body = {"workflow_id": workflow_id, "workflow_version": 1, "action": action}
        answer = await application.post(f"{API}/toggleScheduledWorkflow", json=body)
        assert answer.json() == {
            "message": "success",
            "workflow_id": workflow_id,
            "workflow_version": 1,
            "status": status,
        }
        assert [one["status"] for one in await schedules()] == [becomes]
    bad = await application.post(
        f"{API}/toggleScheduledWorkflow", json={"workflow_id": workflow_id, "action": "STOP"}
    )
    assert bad.status_code == 400
    requested = await active(application, SIMPLE)
    body = {"workflow_id": requested, "workflow_version": 1, "action": "PAUSE"}
    assert (await application.post(f"{API}/toggleScheduledWorkflow", json=body)).status_code == 409
    await application.post(f"{API}/{workflow_id}/1/archive")
    assert await schedules() == []


# ---------------------------------------------------------------- reading executions


async def test_an_execution_is_shown_whole(application: httpx.AsyncClient, mill: Mill) -> None:
    workflow_id = await active(application, SIMPLE)
    execution_id = await start(application, workflow_id, {"n": 7})
    await mill.ended(UUID(execution_id))
    body = await get_execution(application, workflow_id, execution_id)
    assert body["message"] == "success"
    item = body["item"]
    assert set(item) >= EXECUTION_FIELDS
    assert item["workflow_status"] == "Completed"
    assert item["workflow_trigger_type"] == "REQUEST"
    assert item["workflow_input_payload"] == {"n": 7}
    assert item["workflow_output_payload"] == 7
    assert item["created_on"] <= item["modified_on"]
    assert item["workflow_details"]["workflow_steps"] == SIMPLE
    events = item["workflow_event_log"]["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    logs = item["condensed_logs"]
    assert set(logs) == {"start", "end"}
    assert set(logs["end"]) >= {
        "input", "output", "status", "started_on", "finished_on", "duration_ms", "attempts",
    }  # fmt: skip
    assert logs["end"]["status"] == "succeeded"


async def test_an_execution_is_found_with_its_own_workflow_only(
    application: httpx.AsyncClient,
) -> None:
    workflow_id = await active(application, SIMPLE)
    execution_id = await start(application, workflow_id, None)
    for query in (
        {"workflow_id": await active(application), "workflow_execution_id": execution_id},
        {"workflow_id": workflow_id, "workflow_execution_id": workflow_id},
        {"workflow_id": workflow_id, "workflow_execution_id": "nonsense"},
    ):
        answer = await application.get(f"{API}/getWorkflowExecutionById", params=query)
        assert answer.status_code == 404
        assert set(answer.json()) == {"message"}
    missing = await application.get(f"{API}/getWorkflowExecutionById")
    assert missing.status_code == 400


async def test_an_execution_is_found_by_its_id_alone_and_by_its_process_id(
    application: httpx.AsyncClient,
) -> None:
    workflow_id = await active(application, SIMPLE)
    execution_id = await start(application, workflow_id, {"process_id": "order-4711"})
    whole = await get_execution(application, workflow_id, execution_id)
    for name in (execution_id, "order-4711"):
        answer = await application.get(f"{API}/executions/{name}")
        assert (answer.status_code, answer.json()) == (200, whole)
    for name in (workflow_id, "order-4712"):
        answer = await application.get(f"{API}/executions/{name}")
        assert (answer.status_code, answer.json()) == (404, {"message": "execution not found"})


@pytest.mark.parametrize(
    "request_name", ["getWorkflowExecutionHistory", "getOrganizationExecutions"]
)
async def test_paging_over_executions_while_others_are_written(
    application: httpx.AsyncClient, request_name: str
) -> None:
    workflow_id = await active(application)
    batch = {"workflow_id": workflow_id, "payloads": [{"n": n} for n in range(100)]}
    started = await application.post(f"{API}/triggerworkflow/batch", json=batch)
    wanted: list[str] = started.json()["looply_execution_ids"]
    seen: list[str] = []
    key: dict[str, str] = {}
    pages = 0
    while True:
        query = {"workflow_id": workflow_id, **key} if "History" in request_name else key
        page = (
            await application.get(f"{API}/{request_name}", params={**query, "limit": "30"})
        ).json()
        assert page["message"] == "success"
        assert page["count"] == len(page["items"])
        assert all(set(item) >= LISTED_EXECUTION_FIELDS for item in page["items"])
        seen += [item["workflow_execution_id"] for item in page["items"]]
        pages += 1
        for n in range(3):
            await start(application, workflow_id, {"late": n})
        if "lastKey" not in page:
            break
        key = page["lastKey"]
        assert set(key) == {"workflow_id", "workflow_execution_id"}
        assert key["workflow_execution_id"] == seen[-1]
    assert pages == 4
    assert seen == wanted[::-1]


async def test_a_page_has_20_executions_and_a_key_of_its_own_list(
    application: httpx.AsyncClient,
) -> None:
    workflow_id = await active(application)
    batch = {"workflow_id": workflow_id, "payloads": [None] * 21}
    await application.post(f"{API}/triggerworkflow/batch", json=batch)
    path, query = f"{API}/getWorkflowExecutionHistory", {"workflow_id": workflow_id}
    assert (await application.get(path, params=query)).json()["count"] == 20
    for limit in ("31", "0", "x"):
        bad = await application.get(path, params={**query, "limit": limit})
        assert bad.status_code == 400
    other = await active(application, SIMPLE)
    foreign = await start(application, other, None)
    for forged in (foreign, workflow_id, "nonsense", ""):
        bad = await application.get(path, params={**query, "workflow_execution_id": forged})
        assert bad.status_code == 400, forged
        all_path = f"{API}/getOrganizationExecutions"
        bad = await application.get(
            all_path, params={"workflow_id": workflow_id, "workflow_execution_id": forged}
        )
        assert bad.status_code == 400, forged


# ---------------------------------------------------------------- reading workflows


async def test_a_workflow_and_its_schema_are_shown(application: httpx.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    more: dict[str, Any] = {"workflow_schema": schema, "workflow_mock_payload": {"n": 1}}
    workflow_id = await active(application, **more)
    query = {"workflow_id": workflow_id, "workflow_version": "1"}
    body = (await application.get(f"{API}/getWorkflowById", params=query)).json()
    assert body["message"] == "success"
    item = body["item"]
    assert set(item) >= WORKFLOW_FIELDS
    assert (item["workflow_steps"], item["workflow_connections"]) == (STEPS, WAYS)
    assert item["workflow_version"] == 1
    assert item["workflow_status_version"] == "ACTIVE_1"
    assert (item["latest"], item["workflow_integrations"]) == ("true", {})
    assert isinstance(item["created_on"], int)
    shown = (await application.get(f"{API}/getWorkflowSchemaById", params=query)).json()["item"]
    assert set(shown) == SCHEMA_FIELDS
    assert shown["workflow_schema"] == schema
    assert shown["workflow_mock_payload"] == {"n": 1}
    for name in ("getWorkflowById", "getWorkflowSchemaById"):
        missing = await application.get(f"{API}/{name}", params={"workflow_id": workflow_id})
        assert missing.status_code == 400
        assert missing.json() == {"message": "workflow_version: is required"}


async def test_workflows_are_listed_in_pages(application: httpx.AsyncClient) -> None:
    body = {"workflow_name": "x", "workflow_steps": SIMPLE[:1], "workflow_connections": []}
    ids = [(await application.post(API, json=body)).json()["item"]["workflow_id"] for _ in range(5)]
    seen: list[str] = []
    key: dict[str, Any] = {}
    while True:
        query = {name: value for name, value in key.items() if name != "organization_id"}
        page = (
            await application.get(f"{API}/getOrganizationWorkflows", params={**query, "limit": "2"})
        ).json()
        assert all(set(item) >= LISTED_WORKFLOW_FIELDS for item in page["items"])
        seen += [item["workflow_id"] for item in page["items"]]
        if "lastKey" not in page:
            break
        key = page["lastKey"]
        assert set(key) == {"organization_id", "workflow_id", "workflow_version"}
        assert key["workflow_version"] == 1
    assert seen == ids[::-1]


async def test_who_has_no_key_is_told_nothing_but_forbidden(server: Server) -> None:
    for headers in ({}, {"x-api-key": "wrong"}):
        answer = await server.anonymous.get(f"{API}/getOrganizationWorkflows", headers=headers)
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


# ---------------------------------------------------------------- what else can be done


async def test_ending_and_retrying_an_execution(application: httpx.AsyncClient, mill: Mill) -> None:
    failing: dict[str, Any] = {
        "id": "end",
        "type": "transform",
        "config": {"value": "${payload.n}"},
    }
    workflow_id = await active(application, [STEPS[0], failing])
    execution_id = await start(application, workflow_id, {})
    await mill.ended(UUID(execution_id))
    item = (await get_execution(application, workflow_id, execution_id))["item"]
    assert (item["workflow_status"], item["error"]["step"]) == ("Failed", "end")
    body = {"from_step": "end", "payload": {"n": 3}}
    again = await application.post(f"{API}/retryworkflow/{execution_id}", json=body)
    assert again.json() == {"message": "success", "looply_execution_id": execution_id}
    await mill.ended(UUID(execution_id))
    item = (await get_execution(application, workflow_id, execution_id))["item"]
    assert (item["workflow_status"], item["workflow_output_payload"]) == ("Completed", 3)
    refused = await application.post(f"{API}/retryworkflow/{execution_id}")
    assert refused.status_code == 409

    waiting = await start(application, await active(application), {"n": 1})
    await mill.waiting(UUID(waiting))
    ended = await application.post(
        f"{API}/terminateworkflow/{waiting}", json={"termination_reason": "ordered twice"}
    )
    assert (ended.status_code, ended.json()) == (200, {"message": "success"})
    found = await mill.ended(UUID(waiting))
    assert found.status.value == "Terminated"
    assert (await application.post(f"{API}/terminateworkflow/{waiting}")).status_code == 409


async def test_following_an_execution_until_it_is_over(
    application: httpx.AsyncClient, mill: Mill
) -> None:
    workflow_id = await active(application)
    execution_id = await start(application, workflow_id, {"n": 1})
    path = f"{API}/executions/{execution_id}/events"
    names: list[str] = []
    async with asyncio.timeout(60), application.stream("GET", path) as live:
        async for line in live.aiter_lines():
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))
            if "Awaiting Response" in line:
                body = {"source": "TEAMS", "said": "x"}
                await application.post(f"{API}/resumeworkflow/{execution_id}", json=body)
    assert names[-1] == "end"
    item = (await get_execution(application, workflow_id, execution_id))["item"]
    events = item["workflow_event_log"]["events"]
    assert names.count("event") == len(events)
    headers = {"Last-Event-ID": str(events[-2]["seq"])}
    rest = await application.get(path, headers=headers)
    assert rest.text.count("event: event") == 1


async def test_a_link_shows_a_form_and_answers_once(
    server: Server, application: httpx.AsyncClient, mill: Mill, tenant: NewTenant
) -> None:
    form = {
        "type": "object",
        "properties": {"said": {"type": "string"}, "n": {"type": "integer", "maximum": 9}},
        "required": ["said"],
    }
    waiting: dict[str, Any] = {**STEPS[1], "config": {"form": form}}
    steps = [STEPS[0], waiting, STEPS[2]]
    workflow_id = await active(application, steps)
    execution_id = await start(application, workflow_id, {"n": 1})
    await mill.waiting(UUID(execution_id))
    wait = Wait(tenant.tenant.id, UUID(execution_id), "wait_for_response_state", 1)
    path = f"{API}/answers/{server.context.workflows.links.token(wait)}"
    for _ in range(2):  # looking answers nothing
        shown = await server.anonymous.get(path)
        assert shown.status_code == 200
        assert 'name="said"' in shown.text
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert "script" not in shown.text
    bad = await server.anonymous.post(path, data={"said": "x", "n": "10"})
    assert bad.status_code == 400
    assert "<form" in bad.text
    good = await server.anonymous.post(path, data={"said": "yes", "n": "9"})
    assert good.status_code == 200
    again = await server.anonymous.post(path, data={"said": "no"})
    assert again.status_code == 409
    assert "<form" not in (await server.anonymous.get(path)).text
    await mill.ended(UUID(execution_id))
    item = (await get_execution(application, workflow_id, execution_id))["item"]
    assert item["workflow_output_payload"]["said"] == "yes"
    (resumed,) = [e for e in item["workflow_event_log"]["events"] if e["type"] == "resumed"]
    assert (resumed["source"], resumed["by"]) == ("LINK", {"link": True, "address": "127.0.0.1"})
    forged = await server.anonymous.get(path[:-1] + ("A" if path[-1] != "A" else "B"))
    assert forged.status_code == 404
