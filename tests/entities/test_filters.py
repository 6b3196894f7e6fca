"""Filters of relative schedules: what passes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from treadle.core.errors import Faulty
from treadle.entities.filters import MOST_CONDITIONS, MOST_VALUES, Filter, matches, parse_filter

DATA: dict[str, Any] = {
    "status": "open",
    "amount": 100,
    "paid": True,
    "note": None,
    "due": "2026-12-31",
    "tags": ["vip", 7],
    "customer": {"country": "DE", "address": {"city": "Köln"}},
}


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        (None, True),
        ({}, True),
        ({"status": "open"}, True),
        ({"status": "Open"}, False),
        ({"amount": 100.0}, True),
        ({"amount": "100"}, False),
        ({"paid": True}, True),
        ({"paid": 1}, False),
        ({"amount": {"eq": True}}, False),
        ({"customer.country": "DE"}, True),
        ({"customer.address.city": {"in": ["Bonn", "Köln"]}}, True),
        ({"customer.address.city.x": None}, True),
        ({"customer": {"eq": {"address": {"city": "Köln"}, "country": "DE"}}}, True),
        ({"customer": {"eq": {"country": "DE"}}}, False),
        ({"tags": ["vip", 7.0]}, True),
        ({"tags": [7, "vip"]}, False),
        ({"status": {"ne": "open"}}, False),
        ({"missing": {"ne": "open"}}, True),
        ({"amount": {"gte": 100, "lt": 101}}, True),
        ({"amount": {"gt": 100}}, False),
        ({"amount": {"lte": 99.5}}, False),
        ({"paid": {"gte": 0}}, False),
        ({"status": {"gt": 3}}, False),
        ({"amount": {"gt": "1"}}, False),
        ({"missing": {"lt": 5}}, False),
        ({"due": {"gte": "2026-12-01", "lt": "2027-01-01"}}, True),
        ({"status": {"in": ["closed", "open"]}}, True),
        ({"status": {"in": []}}, False),
        ({"status": {"not_in": ["open"]}}, False),
        ({"missing": {"not_in": ["open"]}}, True),
        ({"missing": {"in": [None]}}, True),
        ({"note": {"exists": False}, "status": {"exists": True}}, True),
        ({"missing": {"exists": True}}, False),
        ({"note": None, "missing": None}, True),
        ({"status": {"contains": "pe"}}, True),
        ({"status": {"contains": 3}}, False),
        ({"tags": {"contains": 7}}, True),
        ({"tags": {"contains": True}}, False),
        ({"amount": {"contains": 1}}, False),
        ({"status": "open", "amount": {"gt": 500}}, False),
    ],
    ids=str,
)
def test_a_filter_says_what_passes(value: object, passes: bool) -> None:
    assert matches(parse_filter(value), DATA) is passes


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ([], [()]),
        ("status", [()]),
        ({"status": {}}, [("status",)]),
        ({"status": {"is": 1}}, [("status", "is")]),
        ({"status": {"$gt": 1, "eq": 2}}, [("status", "$gt")]),
        ({"amount": {"gt": None}}, [("amount", "gt")]),
        ({"amount": {"lt": True}}, [("amount", "lt")]),
        ({"amount": {"in": 3}, "b": {"exists": 1}}, [("amount", "in"), ("b", "exists")]),
        ({"amount": {"contains": []}}, [("amount", "contains")]),
        ({"amount": {"contains": None}}, [("amount", "contains")]),
        ({"a": {"in": [0] * (MOST_VALUES + 1)}}, [("a", "in")]),
        ({"a..b": 1}, [("a..b",)]),
        ({"": 1}, [("",)]),
        ({" a": 1}, [(" a",)]),
        ({"a": "x" * 20_000}, [()]),
        ({f"f{number}": 1 for number in range(MOST_CONDITIONS + 1)}, [()]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_filter_is_told_where(value: object, places: list[tuple[str, ...]]) -> None:
    with pytest.raises(Faulty) as refused:
        parse_filter(value)
    assert [fault.place for fault in refused.value.faults] == places


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@examples(200)
@given(JSON, st.dictionaries(st.sampled_from(["a", "b", "a.b", "c"]), JSON, max_size=3))
def test_any_json_is_a_filter_or_refused_and_never_fails(data: object, value: object) -> None:
    try:
        parsed = parse_filter(value)
    except Faulty as refused:
        assert refused.faults
    else:
        assert matches(parsed, {"a": data, "b": data}) in (True, False)


@examples(200)
@given(JSON, JSON)
def test_equality_is_that_of_json(one: object, other: object) -> None:
    def holds(operator: str, value: object, operand: object) -> bool:
        return matches(parse_filter({"a": {operator: operand}}), {"a": value})

    assert holds("eq", one, one)
    assert holds("eq", one, other) is holds("eq", other, one)
    assert holds("ne", one, other) is not holds("eq", one, other)
    assert holds("in", one, [other]) is holds("eq", one, other)
    assert holds("not_in", one, [other]) is holds("ne", one, other)


def test_no_conditions_let_everything_through() -> None:
    assert matches(Filter(), {})
