"""Answers that an assistant can take in."""

from __future__ import annotations

import json

from treadle.assistants.bounds import ANSWER, ITEMS, TEXT, bounded, tail


def test_what_is_short_stays_as_it_is() -> None:
    value = {"a": [1, None, True, {"b": "text"}], "c": 1.5, "d": {}}
    assert bounded(value) == value


def test_long_texts_and_lists_say_what_is_left_out() -> None:
    cut = bounded({"text": "x" * (TEXT + 5), "list": list(range(ITEMS + 3))})
    assert cut["text"] == "x" * TEXT + "… (5 more characters)"
    assert cut["list"][:ITEMS] == list(range(ITEMS))
    assert cut["list"][ITEMS:] == ["… (3 more)"]


def test_the_whole_answer_has_an_end() -> None:
    many = {f"field {n}": {"text": "x" * 1000, "more": [n] * 40} for n in range(1000)}
    cut = bounded(many)
    assert len(json.dumps(cut)) < 2 * ANSWER
    assert cut["…"] == f"{1000 - len(cut) + 1} more fields"
    assert cut["field 0"] == many["field 0"]


def test_of_a_log_the_end_is_told() -> None:
    assert tail("abc", characters=3) == {"text": "abc", "left_out_before": 0}
    assert tail("abcd", characters=3) == {"text": "bcd", "left_out_before": 1}
