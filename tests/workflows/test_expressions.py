"""CEL: values both ways, errors, costs, and the paths that are looked up without it."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treadle.core.json import Json
from treadle.workflows.cel import VARIABLES, Program
from treadle.workflows.expressions import Expression, ExpressionFailed
from treadle.workflows.limits import MAX_EXPRESSION_LENGTH
from treadle.workflows.reads import pruned, reads_of
from treadle.workflows.templates import Template

ENVIRONMENT: dict[str, Any] = {
    "input": {"a": 1},
    "payload": {
        "whole": 100,
        "half": 0.5,
        "none": None,
        "text": "äöü}",
        "list": [1, 2, 3],
        "deep": {"k-1": [{"x": "y"}]},
        "huge": 2**63,
        "beyond": 10**30,
    },
    "steps": {"get": {"output": {"body": [5]}}},
    "item": {"id": 7},
    "index": 0,
    "execution": {"id": "e", "started_at": "2026-01-31T09:00:00Z"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("payload.whole * 1.19", 119.0),
        ("1.5 + payload.whole", 101.5),
        ("payload.whole / 8", 12),
        ("payload.whole / 8.0", 12.5),
        ("payload.half - 1", -0.5),
        ("payload.whole > 99.5", True),
        ("payload.none == null", True),
        ("payload.none", None),
        ("payload.huge", 2**63),
        ("payload.beyond", 10**30),
        ("size(payload.text)", 4),
        ("payload.list.map(x, x * x)", [1, 4, 9]),
        ("payload.list.map(item, item + payload.whole)", [101, 102, 103]),
        ("payload.list.filter(x, x > 1).size()", 2),
        ("payload.deep['k-1'][0].x", "y"),
        ("has(payload.nothing) ? 1 : 2", 2),
        ("'a,b'.split(',')", ["a", "b"]),
        ("['a', 'b'].join('-')", "a-b"),
        ("payload.text.replace('ä', 'ae').upperAscii()", "AEöü}"),
        ("'treadle'.substring(1, 4) + 'X'.lowerAscii()", "reax"),
        ("'  x '.trim().indexOf('x')", 0),
        ("math.greatest(1, payload.half)", 1),
        ("timestamp(execution.started_at) + duration('90m')", "2026-01-31T10:30:00Z"),
        ("timestamp('2026-01-01T00:00:00.25Z')", "2026-01-01T00:00:00.25Z"),
        ("duration('1.5s')", "1.5s"),
        ("b'abc'", "YWJj"),
        ("{'a': [1.0, {'b': null}]}", {"a": [1.0, {"b": None}]}),
        (".payload.whole + 1", 101),
        ("steps.get.output.body[0]", 5),
        ("item.id + index", 7),
        ("payload.text.matches('^(a|ä)+.*$')", True),
    ],
)
def test_value(text: str, value: Json) -> None:
    found = Expression(text).evaluate(ENVIRONMENT)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("payload.nothing", "no key 'nothing'"),
        ("payload.nothing + 1", "there is no key 'nothing'"),
        ("payload.list[3]", "the list has 3 values"),
        ("payload.whole.x", "a number has no 'x'"),
        ("payload.none[0]", "null has no 0"),
        ("1 / 0", "divide by zero"),
        ("payload.whole / 0.0", "divide by zero"),
        ("1.0 / 0.0", "not a number"),
        ("9223372036854775807 + 1", "integer overflow"),
        ("payload.beyond + 1", "out of range"),
        ("payload.whole + 'x'", "'.' does not take int, string"),
        ("payload.whole && true", "'&&' takes nothing but true and false"),
        ("payload.whole ? 1 : 2", "before . is neither true nor false"),
        ("payload.whole.x + 1", "a key is read of what is no object"),
        ("payload.list[3] + 1", "there is no .3.: the list has 3 values"),
        ("{1: 2}", "keys of a map must be texts"),
        ("[[{true: 1}]]", "keys of a map must be texts"),
        ("type(1)", "not a value"),
        ("int('x')", "cannot convert"),
        ("['a', 1].join()", "join needs a list of texts"),
        ("'abc'.substring(2, 9)", "out of range"),
        ("timestamp('soon')", "timestamp"),
        ("payload.list.map(x, payload.beyond)", "written as JSON"),
    ],
)
def test_failure(text: str, message: str) -> None:
    with pytest.raises(ExpressionFailed, match="(?i)" + message.replace("'", ".")):
        Expression(text).evaluate(ENVIRONMENT)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("payload +", "Syntax error.*at character 10"),
        ("nope", "undeclared reference to 'nope'"),
        ("now()", "undeclared reference to 'now'"),
        ("1 + 'a'", "'.' does not take int, string .at character 3"),
        ("", "Syntax error|empty"),
        ("(" * 100 + "1" + ")" * 100, "limit"),
        ("1" + " + 1" * 2000, "at most|depth"),
        ("'" + "x" * MAX_EXPRESSION_LENGTH + "'", f"at most {MAX_EXPRESSION_LENGTH}"),
        ("[1]" + "".join(f".map(x{n}, [x{n}, x{n}])" for n in range(24)), "too often"),
    ],
    ids=["syntax", "name", "clock", "types", "empty", "depth", "sum", "length", "doubling"],
)
def test_text_that_is_no_expression(text: str, message: str) -> None:
    with pytest.raises(ExpressionFailed, match=message):
        Expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "payload.map(a, payload.map(b, payload.map(c, 1)))",
        "payload.map(a, payload)",
        "payload.filter(a, payload.exists(b, a == b))",
        "payload.map(a, input.text + input.text).size()",
        "payload.exists(x, input.text.contains('y'))",
        "['x'].map(a, input.text + input.text).map(b, b + b).map(c, c + c + c + c + c + c + c + c)",
        "payload.map(x, x)",
    ],
)
def test_costly_expression_is_refused(text: str) -> None:
    environment = {"payload": list(range(20_000)), "input": {"text": "x" * 1_000_000}}
    with pytest.raises(ExpressionFailed, match=r"too much|budget"):
        Expression(text).evaluate(environment)


@pytest.mark.parametrize(
    "text",
    [
        "'x'.replace('', input.text)",
        "input.text.replace('x', input.text)",
        "input.l.join(input.text)",
    ],
)
def test_text_that_would_fill_the_memory_is_refused(text: str) -> None:
    environment = {"input": {"text": "x" * 900_000, "l": ["a"] * 1000}}
    with pytest.raises(ExpressionFailed, match="at most 1000000 characters"):
        Expression(text).evaluate(environment)


def test_large_payload_may_be_filtered_by_a_small_part_of_itself() -> None:
    rows = [{"id": n, "state": "open" if n % 2 else "done", "note": "x" * 80} for n in range(5000)]
    environment = {"payload": {"rows": rows, "wanted": "open"}}
    found = Expression("payload.rows.filter(r, r.state == payload.wanted).size()")
    assert found.evaluate(environment) == 2500


def test_keys_come_in_one_order() -> None:
    """What is sent again is the same to the byte."""
    made = Program("{'c': 1, 'b': {'z': 1, 'y': [{'n': 1, 'm': 2}]}, 'a': 2}")
    wanted = '{"a": 2, "b": {"y": [{"m": 2, "n": 1}], "z": 1}, "c": 1}'
    assert {json.dumps(made.run({})) for _ in range(50)} == {wanted}


def test_path_gives_the_very_value() -> None:
    assert Expression("payload.deep").evaluate(ENVIRONMENT) is ENVIRONMENT["payload"]["deep"]


def test_condition_must_be_true_or_false() -> None:
    assert Expression("payload.whole == 100").holds(ENVIRONMENT)
    with pytest.raises(ExpressionFailed, match="a number, not true or false"):
        Expression("payload.whole").holds(ENVIRONMENT)


def test_expressions_run_in_many_threads() -> None:
    expression, wrong = Expression("payload.n * 2 + payload.l.map(x, x + 1)[0]"), []

    def work(n: int) -> None:
        for _ in range(300):
            if expression.evaluate({"payload": {"n": n, "l": [n]}}) != 3 * n + 1:
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "item", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)
PARTS = st.sampled_from([".a", ".b", ".item", '["x"]', "['a']", "[0]", "[1]"])
PATHS = st.tuples(st.sampled_from(["payload", "input"]), st.lists(PARTS, max_size=3)).map(
    lambda path: path[0] + "".join(path[1])
)
EXPRESSIONS = st.recursive(
    PATHS | st.sampled_from(["1", "'payload.a'", 'r"x.b"', "'it\\'s' ", "null", "true", "[]"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " == ", " // no\n != ", " in "]), inner).map(
            "".join
        ),
        inner.map("({})".format),
        inner.map("[{}]".format),
        inner.map("{{'a': {}}}".format),
        inner.map("size({})".format),
        inner.map("type({}) == int".format),
        st.tuples(inner, inner, inner).map(lambda three: "{} ? {} : {}".format(*three)),
        st.tuples(inner, inner).map(lambda two: "{}.map(item, {})".format(*two)),
        st.tuples(inner, inner).map(lambda two: "{}.exists(x, x == {})".format(*two)),
        PATHS.map("has({}.a)".format),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS, VALUES, VALUES)
def test_what_is_left_out_of_the_data_is_not_missed(text: str, payload: Json, given_: Json) -> None:
    """With only the paths that it reads, an expression gives what it gives with everything."""
    try:
        whole = Program(text)
    except ExpressionFailed:
        return
    data: dict[str, Any] = {**dict.fromkeys(VARIABLES), "payload": payload, "input": given_}
    if ".map(" in text and most_keys(data["payload"], data["input"]) > 1:
        return  # the library goes over the keys in an order that is another each time
    assert outcome(whole.run, data) == outcome(Expression(text).evaluate, data)
    reads = reads_of(text)
    assert outcome(whole.run, data) == outcome(
        whole.run, {root: pruned(data[root], keys) for root, keys in reads.paths.items()}
    )


def most_keys(*values: Json) -> int:
    """Of any one map in these values."""
    most = 0
    for value in values:
        if isinstance(value, dict):
            most = max(most, len(value), most_keys(*value.values()))
        elif isinstance(value, list):
            most = max(most, most_keys(*value))
    return most


def outcome(evaluate: Any, data: dict[str, Any]) -> tuple[str, Json]:
    try:
        return "value", evaluate(data)
    except ExpressionFailed:
        return "failed", None


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain", "plain"),
        ("${payload.list}", [1, 2, 3]),
        ("a ${payload.list} b", "a [1,2,3] b"),
        ("${payload.whole}${payload.none}", "100null"),
        ("$${payload.whole} $${", "${payload.whole} ${"),
        ("$5 and $ {x}", "$5 and $ {x}"),
        ("${'}' + payload.text}", "}äöü}"),
        ("${{'a': {'b': 1}}}", {"a": {"b": 1}}),
        ('${"\\"}"}', '"}'),
        ({"k": ["${payload.half}", "x"], "fixed": {"a": 1}}, {"k": [0.5, "x"], "fixed": {"a": 1}}),
        (5, 5),
        (None, None),
    ],
)
def test_template(template: Json, value: Json) -> None:
    assert Template(template).render(ENVIRONMENT) == value


@pytest.mark.parametrize("template", ["${payload", "${", "a ${'}", "${1 +}", "${}"])
def test_broken_template(template: str) -> None:
    with pytest.raises(ExpressionFailed):
        Template(template)
