"""JSON Schemas of records: what they refuse, and that no schema can hold up the process."""

from __future__ import annotations

import socket
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from treadle.core.errors import Faulty
from treadle.entities.schema_weight import MOST_NODES, TooHeavy, weigh
from treadle.entities.schemas import MOST_FAULTS, PATTERN_RULE, compile_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def faults(schema: dict[str, Any], data: dict[str, Any]) -> list[tuple[str | int, ...]]:
    return [fault.place for fault in compile_schema(schema).faults(data)]


def refused(schema: dict[str, Any]) -> tuple[tuple[str | int, ...], str]:
    with pytest.raises(Faulty) as caught:
        compile_schema(schema)
    fault = caught.value.faults[0]
    return fault.place, fault.message


def test_each_fault_has_its_place() -> None:
    schema = {
        "$schema": DIALECT,
        "$id": "https://example.com/contract",
        "$defs": {"money": {"type": "number", "minimum": 0}},
        "required": ["customer"],
        "properties": {
            "customer": {"type": "string"},
            "amount": {"$ref": "#/$defs/money"},
            "lines": {"items": {"properties": {"price": {"$ref": "#/$defs/money"}}}},
            "due": {"format": "date"},
        },
        "additionalProperties": False,
    }
    assert faults(schema, {"customer": "x", "amount": 3, "due": "2026-02-28"}) == []
    wrong = {"amount": -1, "lines": [{}, {"price": "1"}], "due": "2026-02-30", "more": 1}
    assert sorted(map(str, faults(schema, wrong))) == sorted(
        map(str, [(), (), ("amount",), ("due",), ("lines", 1, "price")])
    )


def test_what_was_sent_is_not_in_the_message() -> None:
    schema = compile_schema({"properties": {"pin": {"type": "integer"}}})
    (fault,) = schema.faults({"pin": "hunter2" * 1000})
    assert fault.message == 'it is not of type "integer"'


def test_few_of_many_faults_are_told() -> None:
    schema = compile_schema({"properties": {"a": {"items": {"type": "string"}}}})
    assert len(schema.faults({"a": [1] * 100})) == MOST_FAULTS
    assert len(schema.faults({"a": [1] * 100}, all_faults=False)) == 1
    assert len(schema.faults({"a": [1] * 30_000})) == 1


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "strin"}, ("type",)),
        ({"properties": {"a": {"minLength": -1}}}, ("properties", "a", "minLength")),
        ({"properties": []}, ("properties",)),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, ("$schema",)),
        ({"$schema": 7}, ("$schema",)),
        ({"$ref": "#/$defs/missing"}, ("$ref",)),
        ({"$ref": "#name"}, ("$ref",)),
        ({"$ref": 3}, ("$ref",)),
        ({"properties": {"a": {"$id": "x"}}}, ("properties", "a", "$id")),
        ({"$defs": {"a": {"$anchor": "x"}}}, ("$defs", "a", "$anchor")),
        ({"$dynamicRef": "#x"}, ("$dynamicRef",)),
        ({"x-more": {"$id": "x"}}, ("x-more", "$id")),
        ({"description": "x" * 70_000}, ()),
        ({"pattern": "x" * 501}, ("pattern",)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_schema_that_is_none_is_told_where(
    schema: dict[str, Any], place: tuple[str | int, ...]
) -> None:
    assert refused(schema)[0] == place


@pytest.mark.parametrize(
    "pattern", ["(?=a)b", "(?<!a)b", "(a)\\1", "(", "(a{1000}){1000}", "\\p{L}{900}"]
)
def test_a_pattern_that_could_take_long_is_refused(pattern: str) -> None:
    for schema in ({"pattern": pattern}, {"patternProperties": {pattern: {}}}):
        assert refused(schema)[1] == PATTERN_RULE


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_patterns_that_hang_others_do_not_hang_us(pattern: str) -> None:
    schema = compile_schema({"properties": {"a": {"pattern": pattern}}})
    assert [fault.place for fault in schema.faults({"a": "a" * 60_000 + "!"})] == [("a",)]


def test_a_pattern_with_many_states_takes_no_long_text() -> None:
    schema = compile_schema({"properties": {"a": {"pattern": "^[ab]*a[ab]{900}c$"}}})
    assert schema.faults({"a": "ab" * 1000})[0].place == ("a",)
    (fault,) = schema.faults({"a": "ab" * 30_000})
    assert (fault.place, "too much" in fault.message) == ((), True)


@pytest.fixture
def listener() -> Generator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        yield listening


def test_nothing_is_ever_fetched(listener: socket.socket) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
    for schema in (
        {"$ref": url},
        {"properties": {"a": {"$ref": url}}},
        {"$schema": url},
        {"$id": url, "$ref": "other.json"},
        {"$ref": "file:///etc/passwd"},
    ):
        refused(schema)
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"child": {"$ref": "#"}}},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"items": {"$ref": "#/$defs/a"}}},
         "$ref": "#/$defs/a"},
    ],
    ids=str,
)  # fmt: skip
def test_a_schema_without_an_end_is_refused(schema: dict[str, Any]) -> None:
    assert "leads back" in refused(schema)[1]


def test_a_small_schema_that_is_huge_when_written_out_is_refused() -> None:
    """Checking a single number against this one takes 2^40 steps."""
    defs: dict[str, Any] = {
        f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)
    }
    schema = {"$defs": {**defs, "d40": {"type": "string"}}, "$ref": "#/$defs/d0"}
    assert f"more than {MOST_NODES} parts" in refused(schema)[1]
    chain: dict[str, Any] = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(1000)}
    schema = {"$defs": {**chain, "d1000": {}}, "$ref": "#/$defs/d0"}
    assert "nests deeper" in refused(schema)[1]


def test_much_data_against_much_schema_is_refused() -> None:
    branches = [{"type": "string", "minLength": n} for n in range(1000)]
    schema = compile_schema({"properties": {"a": {"items": {"anyOf": branches}}}})
    (fault,) = schema.faults({"a": [1] * 30_000})
    assert (fault.place, "too much" in fault.message) == ((), True)
    assert [fault.place for fault in schema.faults({"a": [1]})] == [("a", 0)]


def test_weight_counts_what_is_checked() -> None:
    assert weigh({}).nodes == 1
    assert weigh({"title": "x", "description": "y", "examples": [1, 2, 3]}).nodes == 1
    assert weigh({"required": ["a", "b"]}).nodes == 4
    assert weigh({"enum": [{"a": 1}, [2]]}).nodes == 6
    assert weigh({"properties": {"a": {"type": "string"}, "b": True}}).nodes == 4
    assert weigh({"pattern": "abc"}).states == 3
    assert weigh({"$defs": {"a/b": {"const": 1}}, "$ref": "#/$defs/a~1b"}).nodes == 3


KEYWORDS = st.sampled_from(
    [
        *("$defs", "$ref", "allOf", "anyOf", "const", "enum", "items", "maximum", "minLength"),
        *("not", "pattern", "prefixItems", "properties", "required", "type", "uniqueItems", "x"),
    ]
)
WORDS = st.sampled_from(["#", "#/$defs/x", "string", "object", "[a-", "(a*)*"])
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
SCHEMAS = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=4),
    max_leaves=15,
)


@examples(200)
@given(
    st.dictionaries(KEYWORDS, SCHEMAS, max_size=4), st.dictionaries(st.text(max_size=2), SCHEMAS)
)
def test_any_json_is_a_schema_or_refused_and_never_fails(
    schema: dict[str, Any], data: dict[str, Any]
) -> None:
    try:
        compiled = compile_schema(schema)
    except Faulty as error:
        assert error.faults
    else:
        assert isinstance(compiled.faults(data), list)


def test_weighing_says_where() -> None:
    with pytest.raises(TooHeavy) as caught:
        weigh({"properties": {"a": {"allOf": [{}, {"$ref": "x"}]}}})
    assert caught.value.fault.place == ("properties", "a", "allOf", 1, "$ref")
