"""The page behind an answer link, and what its form says."""

from __future__ import annotations

from typing import Any

import pytest

from treadle.api.workflows.answer_pages import answer_of, question_page
from treadle.core.errors import BadInput

FORM: dict[str, Any] = {
    "title": "Order 4711",
    "description": "Please look at it.",
    "type": "object",
    "properties": {
        "approved": {"type": "boolean", "title": "Approve?"},
        "amount": {"type": "integer"},
        "rate": {"type": ["number", "null"]},
        "colour": {"enum": ["red", 7, None]},
        "due": {"type": "string", "format": "date"},
        "lines": {"type": "array"},
        "why": {"type": "string", "maxLength": 1000},
    },
    "required": ["approved", "why"],
}


def page(form: dict[str, Any] | None, **more: Any) -> str:
    return question_page(workflow="Orders", step="ask", form=form, **more)


def test_each_field_has_a_control_of_its_kind() -> None:
    shown = page(FORM)
    assert "<h1>Order 4711</h1>" in shown
    assert '<label for="field-approved">Approve? *</label><select id="field-approved"' in shown
    assert '<input id="field-amount" name="amount" type="number" step="1">' in shown
    assert '<option value="&quot;red&quot;">red</option><option value="7">7</option>' in shown
    assert 'name="due" type="date"' in shown
    assert '<textarea id="field-why" name="why" required' in shown


def test_without_a_form_it_asks_for_approval() -> None:
    shown = page(None)
    assert '<button name="approved" value="true">Approve</button>' in shown
    assert answer_of(None, {"approved": "false", "comment": "no"}) == {
        "approved": False,
        "comment": "no",
    }


def test_a_schema_without_fields_takes_json() -> None:
    assert 'name="answer"' in page({"type": "integer"})
    assert answer_of({"type": "integer"}, {"answer": "7"}) == 7
    assert answer_of({}, {}) is None
    with pytest.raises(BadInput, match="answer"):
        answer_of({}, {"answer": "{"})


def test_texts_become_what_the_schema_asks_for() -> None:
    sent = {
        "approved": "true",
        "amount": "12",
        "rate": "0.5",
        "colour": "7",
        "due": "2026-12-01",
        "lines": '[{"sku": "a"}]',
        "why": "",
        "unknown": "is left out",
    }
    assert answer_of(FORM, sent) == {
        "approved": True,
        "amount": 12,
        "rate": 0.5,
        "colour": 7,
        "due": "2026-12-01",
        "lines": [{"sku": "a"}],
        "why": "",
    }


def test_what_cannot_be_read_is_left_for_the_schema_to_refuse() -> None:
    sent = {"approved": "perhaps", "amount": "many", "colour": "blue"}
    assert answer_of(FORM, sent) == {**sent, "why": ""}
    with pytest.raises(BadInput, match="lines"):
        answer_of(FORM, {"lines": "[1"})


def test_nobody_writes_html_into_the_page() -> None:
    evil = "\"><script>alert('x')</script>"
    form = {
        "title": evil,
        "description": evil,
        "properties": {evil: {"title": evil, "description": evil, "enum": [evil]}},
        "required": [evil],
    }
    shown = question_page(workflow=evil, step=evil, form=form, faults=[evil])
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    "form",
    [
        {"properties": [1], "required": 7, "title": 9},
        {"properties": {"a": True, "b": {"type": 7, "maxLength": "x", "enum": []}}},
    ],
)
def test_any_schema_makes_a_page(form: dict[str, Any]) -> None:
    assert "<form" in page(form)
    answer_of(form, {"a": "1", "b": "2"})
