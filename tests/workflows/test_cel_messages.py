"""What the library says of a fault, in plainer words. Each text goes through the library itself."""

from __future__ import annotations

import pytest

from treadle.workflows.cel import Program
from treadle.workflows.cel_messages import in_words
from treadle.workflows.cel_values import ExpressionFailed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("payload.n +", "Syntax error: the expression ends too early (at character 12)"),
        ("a ? b", "Syntax error: the expression ends too early: ':' is missing (at character 6)"),
        (
            "[1,2",
            "Syntax error: the expression ends too early: ']' or ',' is missing (at character 5)",
        ),
        ("(payload.n", "Syntax error: ')' is missing at the end (at character 11)"),
        ("payload.n + )", "Syntax error: unexpected ')' (at character 13)"),
        ("payload.n n", "Syntax error: unexpected 'n' (at character 11)"),
        ("payload..x", "Syntax error: unexpected '..' (at character 9)"),
        ("payload.n # 1", "Syntax error: unexpected '#' (at character 11)"),
        ("1 = 2", "Syntax error: unexpected '=': write == (at character 3)"),
        ("true and false", "Syntax error: unexpected 'and': write && (at character 6)"),
        ("true or false", "Syntax error: unexpected 'or': write || (at character 6)"),
        (
            "'abc",
            "Syntax error: a text that begins with ' does not end, or has a bad escape"
            " (at character 1)",
        ),
        ("1 + 'a'", "'+' does not take int, string (at character 3)"),
        ("1 in 2", "'in' does not take int, int (at character 3)"),
        ("[1][true]", "'[]' does not take list(int), bool (at character 4)"),
        ("1 ? 2 : 3", "'?:' does not take int, int, int (at character 3)"),
        ("size(1)", "'size' does not take int (at character 5)"),
        ("nope", "undeclared reference to 'nope' (at character 1)"),
    ],
)  # fmt: skip
def test_what_does_not_compile(text: str, told: str) -> None:
    with pytest.raises(ExpressionFailed) as refused:
        Program(text)
    assert str(refused.value) == told


@pytest.mark.parametrize("message", ["divide by zero", "Syntax error: something new", ""])
def test_what_is_not_known_is_passed_on(message: str) -> None:
    assert in_words(message) == message
