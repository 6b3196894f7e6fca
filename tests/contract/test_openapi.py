"""The OpenAPI document as its readers take it: examples that are true, bodies that are described.

What each route must say for itself is in tests/api/test_routes.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from fixtures.documented import NAME, document, registry

DOCUMENT = document()
METHODS = frozenset({"get", "put", "post", "delete", "patch"})
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
every_operation = pytest.mark.parametrize("name", OPERATIONS)


def contents(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from body.get("content", {}).items()


def examples_of(content: dict[str, Any]) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    for example in content.get("examples", {}).values():
        yield example["value"]


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    # Types are looked up in the document, which is taken in once and not with each schema.
    text = json.dumps(schema).replace('"$ref": "#/', f'"$ref": "{NAME}#/')
    validator = jsonschema_rs.Draft202012Validator(json.loads(text), registry=registry())
    return [
        f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(value)
    ]


def test_a_wrong_example_is_found() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert faults(schema, {"n": 1}) == []
    assert faults(schema, {"n": "one"}) != []
    assert faults({"$ref": "#/components/schemas/Health"}, {}) != []


def test_it_is_valid() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)
    assert {method for methods in DOCUMENT["paths"].values() for method in methods} <= METHODS


@every_operation
def test_it_says_what_it_does_and_belongs_somewhere(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert operation["description"]
    assert len(operation["tags"]) == 1


@every_operation
def test_what_is_sent_has_an_example_that_is_true(name: str) -> None:
    for kind, content in contents(OPERATIONS[name].get("requestBody", {})):
        given = list(examples_of(content))
        assert given, kind
        if "schema" in content:
            assert [
                fault for example in given for fault in faults(content["schema"], example)
            ] == []


@every_operation
def test_what_is_answered_has_an_example_that_is_true(name: str) -> None:
    for status, answer in OPERATIONS[name]["responses"].items():
        assert answer["description"], status
        for kind, content in contents(answer):
            given = list(examples_of(content))
            assert given, (status, kind)
            wrong = [f for example in given for f in faults(content.get("schema", {}), example)]
            assert wrong == [], (status, kind)


@every_operation
def test_a_refusal_has_a_body_of_its_contract(name: str) -> None:
    refusals = {
        status: answer
        for status, answer in OPERATIONS[name]["responses"].items()
        if status >= "400"
    }
    if not name.startswith(("GET /health", "GET /metrics")):
        assert refusals
    for status, answer in refusals.items():
        kinds = dict(contents(answer))
        # Who opens a link in a browser is answered with a page.
        pages = {"text/html"} if "/answers/" in name else set[str]()
        assert kinds, status
        assert set(kinds) <= {"application/json"} | pages, status
        assert all(content["schema"] for content in kinds.values()), status


@every_operation
def test_every_parameter_is_described_by_a_type(name: str) -> None:
    for parameter in OPERATIONS[name].get("parameters", ()):
        assert parameter["schema"], parameter["name"]
        if parameter["in"] == "path":
            assert parameter["required"]
            assert "{" + parameter["name"] + "}" in name
