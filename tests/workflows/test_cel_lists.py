"""Lists that macros build: the same as the library's own, at the cost of their elements."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.core.json import Json
from treadle.workflows import cel
from treadle.workflows.cel import VARIABLES, Program
from treadle.workflows.cel_lists import LISTS, MAX_COPIED, rewritten
from treadle.workflows.cel_values import ExpressionFailed

MOMENT = "timestamp('2026-01-31T09:00:00.25Z')"

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=1)
    ),
    max_leaves=8,
)
"""Of no map more than one key: the library goes over keys in an order that is another each time."""
# No unsigned numbers: in a list of which nothing is known they become whole ones.
ATOMS = st.sampled_from(
    ["payload", "x", "y", "x.a", "1", "2.5", "'t'", "b'b'", "null", "true", MOMENT, "type(x)"]
)
TEXTS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("{0[0]}.map(x, {0[1]})".format),
        st.tuples(inner, inner).map("{0[0]}.filter(y, {0[1]})".format),
        st.tuples(inner, inner, inner).map("{0[0]}.map(x, {0[1]}, {0[2]})".format),
        st.tuples(inner, inner).map("{0[0]}.exists(x, {0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} == {0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} + {0[1]})".format),
        st.tuples(inner, inner, inner).map("({0[0]} ? {0[1]} : {0[2]})".format),
        st.tuples(inner, inner).map("[{0[0]}, {0[1]}]".format),
        st.tuples(inner, inner).map("{{'a': [{0[0]}, {0[1]}]}}".format),
        inner.map("size({})".format),
        inner.map("{}[0]".format),
        inner.map("{}.a".format),
    ),
    max_leaves=8,
)


def library_run(text: str, data: dict[str, Any]) -> Json:
    """The value without any rewriting."""
    return cel._run(cel._ENVIRONMENT.compile(text), data)  # pyright: ignore[reportPrivateUsage]


def outcome(run: Any, *arguments: Any) -> Any:
    try:
        value = run(*arguments)
    except ExpressionFailed:
        return "failed"
    return type(value), value


@settings(max_examples=800, deadline=None)
@given(TEXTS, VALUES)
def test_a_list_is_the_one_that_the_library_makes(text: str, payload: Json) -> None:
    text = f"[payload, 7].map(x, [x].map(y, {text}))"
    try:
        program = Program(text)
    except ExpressionFailed:
        return
    data: dict[str, Any] = {**dict.fromkeys(VARIABLES), "payload": payload}
    assert outcome(program.run, data) == outcome(library_run, text, data)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("payload.map(x, x + 1)", [2, 3, 4]),
        ("payload.map(x, x > 1, x * 1.5)", [3.0, 4.5]),
        ("payload.filter(x, x > 1).map(x, {'n': [x]})", [{"n": [2]}, {"n": [3]}]),
        ("payload.map(x, payload.filter(y, y < x))", [[], [1], [1, 2]]),
        ("{'b': 1, 'a': 2}.map(k, k).size()", 2),
        ("payload.map(x, uint(x)).map(u, u + 1u)", [2, 3, 4]),
        (f"payload.map(x, {MOMENT})[0]", "2026-01-31T09:00:00.25Z"),
        (f"payload.map(x, dyn({MOMENT}))[0]", "2026-01-31T09:00:00.25Z"),
        ("payload.map(x, x == 1 ? dyn(duration('1.5s')) : dyn(x))", ["1.5s", 2, 3]),
        ("payload.map(x, payload.map(y, {'t': [type(y)]}))[0][0].t[0] == int", True),
        ("payload.map(x, b'abc').map(b, size(b))", [3, 3, 3]),
    ],
)
def test_a_list(text: str, value: Json) -> None:
    program = Program(text)
    for _ in range(2):
        assert program.run({"payload": [1, 2, 3]}) == value


@pytest.mark.parametrize("text", ["payload.map(x, 1 / x)", "payload.filter(x, x / 0 == 1)"])
def test_a_list_that_fails_leaves_nothing(text: str) -> None:
    with pytest.raises(ExpressionFailed, match="divide by zero"):
        Program(text).run({"payload": [1, 0]})
    assert LISTS.begin() == 0
    with LISTS.evaluation():
        pass


@pytest.mark.parametrize(
    "text",
    [
        "payload.map(x, timestamp(x))",
        "payload.map(x, dyn(timestamp(x)))",
        "payload.map(x, uint(1))",
        "[payload.map(x, true, type(x)) == [], payload.map(y, duration('1s')) == []]",
    ],
)
def test_what_the_library_copies_each_round_is_bounded(text: str) -> None:
    program, moment = Program(text), "2026-01-31T09:00:00Z"
    assert program.run({"payload": [moment] * (MAX_COPIED // 3)}) is not None
    with pytest.raises(ExpressionFailed, match=f"at most {MAX_COPIED} values"):
        program.run({"payload": [moment] * (MAX_COPIED + 1)})


def test_what_the_library_takes_back_is_not() -> None:
    rows = [{"id": n, "tags": ["a", None]} for n in range(4_000)]
    found = Program("payload.filter(r, r.id % 2 == 0).map(r, r.tags)").run({"payload": rows})
    assert found == [["a", None]] * 2_000


@pytest.mark.parametrize(
    "text",
    ["payload.exists(x, x)", "payload.all(x, x)", "payload.exists_one(x, x)", "[1] + payload.map"],
)
def test_other_macros_are_left_alone(text: str) -> None:
    compiled = cel._ENVIRONMENT.compile(text)  # pyright: ignore[reportPrivateUsage]
    assert rewritten(compiled.serialize()) is None


@pytest.mark.parametrize("name", ["@list_add", "list_add", "`@list_add`"])
def test_nobody_can_name_what_builds_them(name: str) -> None:
    with pytest.raises(ExpressionFailed):
        Program(f"{name}(0, 1)")


@pytest.mark.parametrize("depth", range(1, 31))
@pytest.mark.parametrize("macro", ["map", "filter"])
def test_macros_within_macros_compile_or_are_refused(macro: str, depth: int) -> None:
    """The library, the reader of its form and the rewriting bound depth, each by its own count."""
    opened = "".join(f"payload.{macro}(a{n}, " for n in range(depth))
    texts = [f"{opened}true{')' * depth}", f"{opened}true{').size() > 0' * depth}"]
    for place, text in enumerate(texts):
        try:
            program = Program(text)
        except ExpressionFailed:
            # A list is no condition.
            assert depth > 8 or (macro == "filter" and depth > 1 and place == 0)
        else:
            assert program.run({"payload": []}) in ([], False)
