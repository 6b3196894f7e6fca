"""The page behind an answer link: a form without a script, made of a JSON Schema. Pure.

Everything that a workflow says goes through `escape`: who writes a workflow writes no HTML. What a
form sends are texts; `answer_of` makes of them what the schema asks for, and leaves what it can't
read as it is, for the schema to refuse.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from treadle.core.errors import BadInput
from treadle.core.json import Json, dump, parse

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}"
    "label{display:block;margin:1rem 0 .25rem;font-weight:600}"
    "input,select,textarea{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}"
    "button{font:inherit;margin:1.5rem .5rem 0 0;padding:.5rem 1.25rem}"
    ".note{color:#555;margin:.25rem 0 0}.fault{color:#a00}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Nothing is loaded, nothing runs, and nobody frames the page."""

WHOLE: Final = "answer"
"""The field of a form whose schema names no fields: the answer itself, as JSON."""
_APPROVED: Final = "approved"
_COMMENT: Final = "comment"
_MOST_FIELDS: Final = 100
_TEXT: Final = 'type="text"'
_INPUTS: Final = {
    "integer": 'type="number" step="1"',
    "number": 'type="number" step="any"',
    "date": 'type="date"',
    "email": 'type="email"',
}


def question_page(
    *, workflow: str, step: str, form: Mapping[str, Any] | None, faults: Iterable[str] = ()
) -> str:
    """The form. Without a schema it asks for approval, and takes a comment."""
    told = "".join(f'<p class="fault">{escape(fault)}</p>' for fault in faults)
    if form is None:
        fields = _labelled(_COMMENT, "Comment", f'<textarea name="{_COMMENT}" rows="4"></textarea>')
        buttons = (
            f'<button name="{_APPROVED}" value="true">Approve</button>'
            f'<button name="{_APPROVED}" value="false">Reject</button>'
        )
    else:
        fields = "".join(_fields(form))
        buttons = "<button>Answer</button>"
    heading = (form or {}).get("title")
    title = heading if isinstance(heading, str) else workflow
    said = (form or {}).get("description")
    note = f"<p>{escape(said)}</p>" if isinstance(said, str) else ""
    body = f'{note}{told}<form method="post" accept-charset="utf-8">{fields}{buttons}</form>'
    return page(title, f'<p class="note">{escape(workflow)} · {escape(step)}</p>{body}')


def page(title: str, body: str) -> str:
    """A whole page; `body` is HTML."""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def message_page(title: str, text: str) -> str:
    """A page that only says something."""
    return page(title, f"<p>{escape(text)}</p>")


def answer_of(form: Mapping[str, Any] | None, sent: Mapping[str, str]) -> Json:
    """What the sent fields say. Raises BadInput for JSON that is none."""
    if form is None:
        return {
            _APPROVED: sent.get(_APPROVED) == "true",
            _COMMENT: sent.get(_COMMENT, ""),
        }
    properties = _properties(form)
    if not properties:
        return parse(sent.get(WHOLE) or "null", what=WHOLE)
    needed = _required(form)
    answer: dict[str, Any] = {}
    for name, schema in properties.items():
        text = sent.get(name, "")
        if text != "" or (name in needed and _kind(schema) == "string"):
            answer[name] = _value(name, schema, text)
    return answer


def _fields(form: Mapping[str, Any]) -> Iterable[str]:
    properties = _properties(form)
    if not properties:
        yield _labelled(WHOLE, "Answer, as JSON", f'<textarea name="{WHOLE}" rows="6"></textarea>')
        return
    needed = _required(form)
    for name, schema in properties.items():
        title = schema.get("title")
        label = title if isinstance(title, str) else name
        control = _control(name, schema, required=name in needed)
        said = schema.get("description")
        note = f'<p class="note">{escape(said)}</p>' if isinstance(said, str) else ""
        yield _labelled(name, label + (" *" if name in needed else ""), control) + note


def _labelled(name: str, label: str, control: str) -> str:
    """The control with its label; its first attribute becomes the id that the label is for."""
    id_ = escape(f"field-{name}")
    tag, _, rest = control.partition(" ")
    return f'<label for="{id_}">{escape(label)}</label>{tag} id="{id_}" {rest}'


def _control(name: str, schema: Mapping[str, Any], *, required: bool) -> str:
    begin = f'name="{escape(name)}"' + (" required" if required else "")
    kind = _kind(schema)
    options = schema.get("enum")
    if isinstance(options, list) and options:
        return _select(begin, [(dump(value).decode(), _shown(value)) for value in options])
    if kind == "boolean":
        return _select(begin, [("true", "yes"), ("false", "no")])
    if kind in ("object", "array"):
        return f'<textarea {begin} rows="6" placeholder="JSON"></textarea>'
    if kind == "string" and schema.get("maxLength", 0) in range(201, 10**9):
        return f'<textarea {begin} rows="6"></textarea>'
    look = str(schema.get("format", "")) if kind == "string" else kind
    return f"<input {begin} {_INPUTS.get(look, _TEXT)}>"


def _select(begin: str, options: Iterable[tuple[str, str]]) -> str:
    shown = "".join(
        f'<option value="{escape(value)}">{escape(label)}</option>' for value, label in options
    )
    return f'<select {begin}><option value=""></option>{shown}</select>'


def _value(name: str, schema: Mapping[str, Any], text: str) -> Json:
    """What the text stands for; the text itself, where the schema will have to refuse it."""
    kind = _kind(schema)
    if kind in ("object", "array"):
        return parse(text, what=name)
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    try:
        if isinstance(schema.get("enum"), list):
            return parse(text, what=name)
        if kind in ("integer", "number"):
            return int(text) if kind == "integer" else float(text)
    except (BadInput, ValueError):
        return text
    return text


def _properties(form: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = form.get("properties")
    if not isinstance(found, dict):
        return {}
    named = list(found.items())[:_MOST_FIELDS]
    return {name: schema if isinstance(schema, dict) else {} for name, schema in named}


def _required(form: Mapping[str, Any]) -> set[str]:
    found = form.get("required")
    return {str(name) for name in found} if isinstance(found, list) else set()


def _kind(schema: Mapping[str, Any]) -> str:
    """The type of a field; the first that isn't null, where there are several."""
    found = schema.get("type", "string")
    kinds = found if isinstance(found, list) else [found]
    return next((str(kind) for kind in kinds if kind != "null"), "string")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else dump(value).decode()
