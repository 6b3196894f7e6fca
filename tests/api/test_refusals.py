"""What the document says of refusals is what the edge answers, and of operations that there are.

That nothing is missing is what tests/fixtures/documented.py holds every test to.
"""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from fastapi.routing import APIRoute
from starlette.types import Message, Receive, Scope, Send

from fixtures.documented import Documented, document
from treadle.api.error_schemas import ERROR_SCHEMAS, error_schema_name
from treadle.api.errors import SHAPES, Fault, Problem, shaped
from treadle.api.refusals import CONFLICTS, KEPT_OUT, NOT_FOUND, UNKNOWN
from treadle.app import ROUTERS

ROUTES = {
    route.operation_id: route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
}
DOCUMENT = document()
PATHS = [*(prefix for prefix, _ in SHAPES), "/api/jobs"]
FINDING = Fault(("body", "records", 3), "must be text", "value_error")


@pytest.mark.parametrize("table", [UNKNOWN, KEPT_OUT, NOT_FOUND, CONFLICTS])
def test_a_refusal_is_of_an_operation_that_there_is(table: dict[str, str]) -> None:
    assert set(table) <= set(ROUTES)


def test_a_thing_in_the_path_needs_no_line_to_be_missing() -> None:
    assert [name for name in NOT_FOUND if "{" in ROUTES[name].path] == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 429, 500, 503])
def test_the_type_of_a_refusal_is_true_of_it(path: str, status: int) -> None:
    problem = Problem(
        status,
        "name: is required",
        faults=[FINDING] if status in (400, 422) else (),
        request_id="0198" if status == 500 else None,
    )
    answered, body = shaped(path, problem)
    schema = ERROR_SCHEMAS[error_schema_name(path, answered)]
    strict = {**schema, "additionalProperties": False}
    assert list(jsonschema_rs.Draft202012Validator(strict).iter_errors(body)) == []


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("post", "/api/login", {"400", "401", "413", "429"}),
        ("post", "/v1/invitations/accept", {"400", "401", "409", "429"}),
        ("post", "/v1/members", {"400", "401", "403", "404", "409"}),
        ("post", "/api/jobconfigs/{id}/jobs", {"202", "400", "404", "409", "422"}),
        ("post", "/v1/schedules", {"200", "201", "409", "422"}),
        ("get", "/v1/workflows/getWorkflowById", {"200", "400", "403", "404"}),
        ("get", "/v1/me", {"200", "401", "403", "429"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_operations_say_how_they_refuse(method: str, path: str, statuses: set[str]) -> None:
    assert statuses <= set(DOCUMENT["paths"][path][method]["responses"])


def test_a_workflow_never_says_401() -> None:
    answered = {
        status
        for path, methods in DOCUMENT["paths"].items()
        if path.startswith("/v1/workflows")
        for operation in methods.values()
        for status in operation["responses"]
    }
    assert not {"401", "422"} & answered


def test_who_is_refused_for_being_too_fast_learns_when_to_come_again() -> None:
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            slow = operation["responses"].get("429")
            assert slow is None or "Retry-After" in slow["headers"]


# ---------------------------------------------------------------- the watch itself


async def watched(status: int, body: bytes, *, kind: bytes = b"application/json") -> list[str]:
    """What is found of this answer to `POST /api/logout`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = ROUTES["logout"]
        headers = [(b"content-type", kind)] if body else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def ignore(message: Message) -> None:
        pass

    async def nothing() -> Message:
        raise AssertionError("nobody asks")

    documented = Documented(app)
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/api/logout"}
    await documented(scope, nothing, ignore)
    return documented.faults


async def test_the_watch_sees_what_is_not_documented() -> None:
    good = b'{"status": 401, "error": "Unauthorized", "message": "x"}'
    assert await watched(204, b"") == []
    assert await watched(401, good) == []
    assert len(await watched(409, good)) == 1
    assert len(await watched(401, b'{"message": "x"}')) == 2
    assert len(await watched(401, b"x", kind=b"text/plain")) == 1
    assert len(await watched(204, b"x", kind=b"text/plain")) == 1
