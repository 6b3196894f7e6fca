"""What holds for every route of the product, whoever wrote it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from fixtures.documented import document
from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import PUBLIC, names_caller
from treadle.api.documentation import TAGS
from treadle.api.errors import shape_of
from treadle.api.idempotency import is_once
from treadle.api.refusals import UNKNOWN
from treadle.app import ROUTERS

ROUTES = [route for router in ROUTERS for route in router.routes]
OPERATIONS = [
    (method, route)
    for route in ROUTES
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]
DOCUMENT = document()


def name_of(operation: tuple[str, APIRoute]) -> str:
    method, route = operation
    return f"{method} {route.path}"


every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)


def documented(operation: tuple[str, APIRoute]) -> dict[str, Any]:
    method, route = operation
    return DOCUMENT["paths"][route.path_format][method.lower()]


def contents_of(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
    for name, body in bodies.items():
        for kind, content in body.get("content", {}).items():
            yield f"{name} {kind}", content


@every_operation
def test_a_route_knows_its_caller_or_is_public_on_purpose(
    operation: tuple[str, APIRoute],
) -> None:
    method, route = operation
    assert names_caller(route) != ((method, route.path) in PUBLIC)


def test_what_is_public_exists() -> None:
    assert {(method, route.path) for method, route in OPERATIONS} >= PUBLIC


@every_operation
def test_a_route_is_of_the_class_that_bounds_its_body(operation: tuple[str, APIRoute]) -> None:
    assert isinstance(operation[1], EdgeRoute)


@every_operation
def test_an_operation_is_documented(operation: tuple[str, APIRoute]) -> None:
    found = documented(operation)
    assert re.fullmatch(r"[a-z][A-Za-z0-9]+", found["operationId"])
    assert found["summary"]
    assert found["description"]
    assert set(found["tags"]) <= {tag["name"] for tag in TAGS}


@every_operation
def test_an_operation_has_an_example_of_everything(operation: tuple[str, APIRoute]) -> None:
    bare = [
        name
        for name, content in contents_of(documented(operation))
        if "example" not in content and "examples" not in content
    ]
    assert bare == []


@every_operation
def test_an_operation_says_who_may_call_and_how_it_refuses(
    operation: tuple[str, APIRoute],
) -> None:
    method, route = operation
    found = documented(operation)
    if (method, route.path) in PUBLIC:
        assert "security" not in found
        assert ("401" in found["responses"]) == (route.operation_id in UNKNOWN)
    else:
        assert found["security"] == [{"bearer": []}, {"apiKey": []}]
        stranger, _ = shape_of(route.path).statuses.get(401, (401, None))
        assert {str(stranger), "403", "429", "500", "503"} <= set(found["responses"])
    if "{" in route.path:
        assert "404" in found["responses"]
    assert str(shape_of(route.path).malformed) in found["responses"]
    assert ("413" in found["responses"]) == (method != "GET")
    if is_once(route):
        reused, _ = shape_of(route.path).statuses.get(422, (422, None))
        assert str(reused) in found["responses"]


def test_operations_have_names_of_their_own() -> None:
    names = Counter(documented(operation)["operationId"] for operation in OPERATIONS)
    assert [name for name, count in names.items() if count > 1] == []


def test_nothing_in_the_document_names_a_type_that_is_not_there() -> None:
    wanted = set(re.findall(r"#/components/schemas/([^'\"]+)", str(DOCUMENT)))
    assert wanted <= set(DOCUMENT["components"]["schemas"])
