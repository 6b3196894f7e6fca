"""The words and shapes of refusals."""

from __future__ import annotations

import json

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from treadle.api.errors import Problem, problem_of, render, shape_of
from treadle.core.errors import (
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
    TooManyRequests,
    TreadleError,
    Unauthenticated,
    Unprocessable,
)


class Inner(BaseModel):
    """A nested thing."""

    key: str = Field(max_length=3)


class Outer(BaseModel):
    """What a request could be."""

    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = Field(1, ge=1, le=10)
    active: bool = True
    inner: list[Inner] = Field(default_factory=list[Inner])
    password: str = "long enough"

    @field_validator("password")
    @classmethod
    def long_enough(cls, value: str) -> str:
        if len(value) < 8:
            raise ValueError("must have 8 characters")
        return value


def refused(data: object) -> Problem:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(data)
    errors = [{**error, "loc": ("body", *error["loc"])} for error in caught.value.errors()]
    problem = problem_of(RequestValidationError(errors))
    assert problem is not None
    return problem


def answered(path: str, problem: Problem) -> tuple[int, object]:
    response = render(path, problem)
    return response.status_code, json.loads(bytes(response.body))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "name: is required"),
        ({"name": 1}, "name: must be text"),
        ({"name": None}, "name: must be text"),
        ({"name": "x", "size": 11}, "size: must be less than or equal to 10"),
        ({"name": "x", "size": "many"}, "size: must be a whole number"),
        ({"name": "x", "size": 1.5}, "size: must be a whole number"),
        ({"name": "x", "active": "perhaps"}, "active: must be true or false"),
        ({"name": "x", "inner": {}}, "inner: must be a list"),
        ({"name": "x", "inner": [3]}, "inner[0]: must be an object"),
        ({"name": "x", "inner": [{"key": "abcd"}]}, "inner[0].key: must have at most 3 characters"),
        ({"name": "x", "nam": 1}, "nam: is not a field that is known here"),
        ({"name": "x", "password": "short"}, "password: must have 8 characters"),
        ([], "body: must be an object"),
        ({"size": 0}, "name: is required; size: must be greater than or equal to 1"),
    ],
)
def test_a_malformed_request_is_told_field_and_rule(data: object, message: str) -> None:
    status, body = answered("/api/users", refused(data))
    assert status == 400
    assert body == {"status": 400, "error": "Bad Request", "message": message}


def test_what_was_sent_is_never_echoed() -> None:
    for secret in ("hunter2", "hunter2" * 1000):
        problem = refused({"name": [secret], "size": secret, "password": "hunter2"})
        assert "hunter2" not in json.dumps(answered("/api/users", problem))
        assert "hunter2" not in json.dumps(answered("/v1/schedules", problem))


def test_an_answer_stays_small_whatever_was_sent() -> None:
    keys = {f"{number}{'k' * 5000}": 1 for number in range(500)}
    problem = refused({"name": "x", **keys})
    _, body = answered("/api/users", problem)
    assert len(json.dumps(body)) < 5000
    assert "and 490 more" in json.dumps(body)
    _, detail = answered("/v1/schedules", problem)
    assert len(json.dumps(detail)) < 50_000


def test_scheduled_actions_have_fastapis_own_shape() -> None:
    assert answered("/v1/schedules/7", refused({"name": "x", "size": 11})) == (
        422,
        {
            "detail": [
                {
                    "loc": ["body", "size"],
                    "msg": "Input should be less than or equal to 10",
                    "type": "less_than_equal",
                }
            ]
        },
    )
    problem = problem_of(Unprocessable("is not a cron expression", field="schedule_expression"))
    assert problem is not None
    assert answered("/v1/schedules", problem) == (
        422,
        {
            "detail": [
                {
                    "loc": ["body", "schedule_expression"],
                    "msg": "is not a cron expression",
                    "type": "value_error",
                }
            ]
        },
    )
    missing = problem_of(NotFound("no such schedule"))
    assert missing is not None
    assert answered("/v1/schedules/7", missing) == (404, {"detail": "no such schedule"})


def test_the_workflow_api_says_only_a_message() -> None:
    assert answered("/v1/workflows", refused({})) == (400, {"message": "name: is required"})
    stranger = problem_of(Unauthenticated("who are you"))
    assert stranger is not None
    assert answered("/v1/workflows/x/1", stranger) == (403, {"message": "Forbidden"})
    bug = Problem(500, "x", request_id="r")
    assert answered("/v1/workflows", bug) == (
        500,
        {"message": "something went wrong", "request_id": "r"},
    )


def test_the_token_endpoint_speaks_as_rfc_6749_says() -> None:
    for status, code, error in [
        (400, "invalid_scope", "invalid_scope"),
        (400, None, "invalid_request"),
        (401, None, "invalid_client"),
        (403, None, "access_denied"),
        (405, None, "invalid_request"),
        (413, None, "invalid_request"),
        (429, None, "temporarily_unavailable"),
        (503, None, "temporarily_unavailable"),
    ]:
        problem = Problem(status, "why", code=code)
        expected = (status, {"error": error, "error_description": "why"})
        assert answered("/connect/token", problem) == expected
    _, body = answered("/connect/token", Problem(500, "x", request_id="r"))
    assert body == {"error": "server_error", "error_description": "x", "request_id": "r"}
    # RFC 6749, 5.2: no quotes, no backslashes, nothing but ASCII.
    _, body = answered("/connect/token", Problem(400, 'a "b" \\ é\n'))
    assert body == {"error": "invalid_request", "error_description": "a 'b' ? ??"}


def test_a_prefix_is_a_whole_segment() -> None:
    assert shape_of("/v1/workflows/7") is shape_of("/v1/workflows")
    assert shape_of("/v1/workflowsandmore") is shape_of("/api/users")
    assert shape_of("/v1/schedules") is shape_of("/v1/entities/x")
    assert shape_of("/v1/schedules") is not shape_of("/api/jobs")


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (BadInput("b"), 400, {}),
        (Unauthenticated("u"), 401, {"WWW-Authenticate": "Bearer"}),
        (Forbidden("f"), 403, {}),
        (NotFound("n"), 404, {}),
        (Conflict("c"), 409, {}),
        (Unprocessable("u"), 422, {}),
        (TooManyRequests("t", retry_after_seconds=7), 429, {"Retry-After": "7"}),
    ],
)
def test_domain_errors_keep_status_and_text(
    error: TreadleError, status: int, headers: dict[str, str]
) -> None:
    problem = problem_of(error)
    assert problem is not None
    assert (problem.status, problem.message) == (status, error.message)
    assert problem.headers == headers
    code, body = answered("/api/x", problem)
    assert code == status
    assert isinstance(body, dict)
    assert set(body) == {"status", "error", "message"}


def test_everything_else_is_a_bug() -> None:
    assert problem_of(RuntimeError("x")) is None
    assert problem_of(KeyError("x")) is None
