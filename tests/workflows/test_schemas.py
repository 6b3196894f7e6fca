"""What a payload looks like: detected, and enforced under bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.core.json import Json
from treadle.workflows.schemas import MAX_FAULTS, detect_schema, payload_faults, schema_fault

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.floats(-1e6, 1e6)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=15,
)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_payload_fits_the_schema_detected_from_it(payload: Json) -> None:
    schema = detect_schema(payload)
    assert schema_fault(schema) is None
    assert payload_faults(schema, payload) == []


def test_faults_name_their_paths() -> None:
    schema = detect_schema({"order": {"lines": [{"sku": "a", "n": 1}]}, "who": "x"})
    found = payload_faults(schema, {"order": {"lines": [{"sku": "a", "n": 1}, {"sku": 5}]}})
    assert {(fault.path, fault.rule) for fault in found} == {
        ("", '"who" is a required property'),
        ("order.lines[1]", '"n" is a required property'),
        ("order.lines[1].sku", '5 is not of type "string"'),
    }


def test_faults_are_bounded() -> None:
    schema: dict[str, Any] = {"items": {"type": "string"}}
    assert len(payload_faults(schema, [1] * 1000)) == MAX_FAULTS
    (long,) = payload_faults({"type": "integer"}, "x" * 10_000)
    assert len(long.rule) <= 200


def doubling(levels: int) -> dict[str, Any]:
    """Each definition names the one below twice."""
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for n in range(levels):
        definitions[f"d{n + 1}"] = {"anyOf": [{"$ref": f"#/$defs/d{n}"}] * 2}
    return {"$defs": definitions, "$ref": f"#/$defs/d{levels}"}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ([], "must be an object"),
        ({"type": "odd"}, "is no JSON Schema"),
        ({"pattern": "("}, "is no JSON Schema"),
        ({"pattern": "(?=a)a"}, "is no JSON Schema"),
        ({"pattern": "((a{0,1000}){0,1000}){0,1000}"}, "is no JSON Schema"),
        ({"$ref": "http://169.254.169.254/"}, "refers only to its own definitions"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "refers only to its own"),
        ({"$ref": "#/$defs/none"}, "has nothing at #/$defs/none"),
        ({"$dynamicRef": "#x"}, "refers only to its own definitions"),
        ({"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "is not to contain itself"),
        (doubling(30), "unfolds to more than 20000 parts"),
        (deep(100), "nests deeper than 64 levels"),
        ({"enum": ["x" * 300_000]}, "a schema has at most 200000 bytes"),
        ({"$schema": "http://nowhere.example/x"}, "is no JSON Schema"),
    ],
)
def test_schema_that_is_not_enforced(schema: Json, fault: str) -> None:
    found = schema_fault(schema)
    assert found is not None and found.startswith(fault)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        doubling(5),
        {"properties": {"$ref": {"type": "string"}}},
        {"$defs": {"a/b": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b"}},
        {"pattern": "^(a+)+$"},
    ],
)
def test_schema_that_is(schema: dict[str, Any]) -> None:
    assert schema_fault(schema) is None


def test_regular_expressions_run_in_linear_time() -> None:
    (fault,) = payload_faults({"pattern": "^(a+)+$"}, "a" * 100_000 + "b")
    assert fault.path == ""
