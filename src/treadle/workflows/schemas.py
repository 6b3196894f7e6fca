"""What a payload looks like: detected from one, and enforced on others.

A schema comes from a tenant, so it is bounded: it may refer only to itself, its regular expressions
run in linear time, and it is neither large nor deep.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
from genson import SchemaBuilder

from treadle.core.json import Json, canonical
from treadle.workflows.faults import Fault, joined

MAX_SCHEMA_BYTES = 200_000
MAX_SCHEMA_DEPTH = 64
MAX_UNFOLDED = 20_000
"""Parts of a schema, each reference counted with all that it stands for."""

MAX_FAULTS = 50
"""Faults that are told of one payload."""


def detect_schema(payload: Json) -> dict[str, Any]:
    """The schema of everything that looks like `payload`: its types, its keys required."""
    builder = SchemaBuilder(schema_uri="https://json-schema.org/draft/2020-12/schema")
    builder.add_object(payload)
    found: dict[str, Any] = builder.to_schema()
    return found


def schema_fault(schema: Json) -> str | None:
    """Why `schema` can't be enforced, or None."""
    if not isinstance(schema, dict):
        return "must be an object"
    if (reason := _refused(schema)) is not None:
        return reason
    text = canonical(schema)
    if len(text) > MAX_SCHEMA_BYTES:
        return f"a schema has at most {MAX_SCHEMA_BYTES} bytes"
    try:
        _validator(text)
    except jsonschema_rs.ValidationError as error:
        return f"is no JSON Schema: {_short(error.message)}"
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        return f"is no JSON Schema: {_short(str(error).splitlines()[0])}"
    return None


def payload_faults(schema: dict[str, Any], payload: Json, *, path: str = "") -> list[Fault]:
    """How `payload` breaks `schema`, each with its path; at most 50 are told.

    The schema is one that `schema_fault` had nothing against.
    """
    found: list[Fault] = []
    for error in _validator(canonical(schema)).iter_errors(payload):
        place = joined(path, [_part(part) for part in error.instance_path])
        found.append(Fault(place, _short(error.message)))
        if len(found) >= MAX_FAULTS:
            break
    return found


@lru_cache(maxsize=500)
def _validator(schema: bytes) -> Any:
    """The compiled schema; an execution a millisecond may be checked by the same one."""
    return jsonschema_rs.validator_for(
        schema.decode(),
        validate_formats=True,
        pattern_options=jsonschema_rs.RegexOptions(size_limit=1_000_000),
        retriever=_refuse_remote,
    )


def _refuse_remote(uri: str) -> Any:
    raise ValueError(f"a schema refers only to itself, not to {uri}")


def _refused(schema: dict[str, Any]) -> str | None:
    """Depth, references and what they unfold to: the schema is anybody's, and so is the payload."""
    try:
        weight = _Weighing(schema).weight(schema, ())
    except _Refused as refusal:
        return str(refusal)
    if weight > MAX_UNFOLDED:
        return f"unfolds to more than {MAX_UNFOLDED} parts"
    return None


class _Refused(Exception):
    """A schema that isn't enforced; the message is the rule."""


class _Weighing:
    """How large a schema is with each reference written out: what one value may cost at most."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._weights: dict[str, int] = {}

    def weight(self, value: Json, open_references: tuple[str, ...], depth: int = 0) -> int:
        if depth > MAX_SCHEMA_DEPTH:
            raise _Refused(f"nests deeper than {MAX_SCHEMA_DEPTH} levels")
        if isinstance(value, list):
            return 1 + sum(self.weight(inner, open_references, depth + 1) for inner in value)
        if not isinstance(value, dict):
            return 1
        total = 1
        for key, inner in value.items():
            if key in _REFERENCES and isinstance(inner, str):
                total += self._referred(key, inner, open_references, depth)
            else:
                total += self.weight(inner, open_references, depth + 1)
        return total

    def _referred(
        self, key: str, reference: str, open_references: tuple[str, ...], depth: int
    ) -> int:
        if key != "$ref" or not reference.startswith("#/"):
            raise _Refused(f"refers only to its own definitions by #/…, not to {_short(reference)}")
        if reference in open_references:
            # Read against a deep payload, a schema within itself branches at every level.
            raise _Refused(f"is not to contain itself, as {_short(reference)} does")
        if reference not in self._weights:
            found = _pointed(self._root, reference)
            inner = (*open_references, reference)
            self._weights[reference] = self.weight(found, inner, depth + 1)
        return self._weights[reference]


_REFERENCES = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})


def _pointed(root: Json, reference: str) -> Json:
    """What a JSON pointer points at."""
    found: Any = root
    for part in unquote(reference[2:]).split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            raise _Refused(f"has nothing at {_short(reference)}")
    return found


def _part(part: Any) -> str | int:
    return part if isinstance(part, int) else str(part)


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"
