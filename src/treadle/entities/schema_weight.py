"""What a JSON Schema costs to check, found before it is ever used. Pure.

A schema is somebody's program that runs in our process. Two rules keep it small: it is all in one
piece (a `$ref` leads to a place within it), and it is finite when all references are written out
(no reference leads back to where it came from). Then checking data is no more work than what the
written-out schema has, times what the data has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import unquote

from treadle.core.errors import FieldFault
from treadle.core.json import dump

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MOST_BYTES: Final = 64 * 1024
MOST_NODES: Final = 4_000
MOST_DEPTH: Final = 128
"""Levels of the written-out schema."""
MOST_PATTERN_CHARACTERS: Final = 500
PATTERN_BYTES: Final = 64 * 1024
"""Of a compiled pattern: as many states as matching may have to follow for each character."""

_MOST_STATES: Final = 2_000  # what PATTERN_BYTES leaves room for
_ONE_SCHEMA: Final = frozenset(
    {"additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"}
    | {"propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"}
)
_SCHEMA_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMA_MAPS: Final = frozenset({"dependentSchemas", "patternProperties", "properties"})
_NOT_CHECKED: Final = frozenset(
    {"$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated", "description"}
    | {"examples", "readOnly", "title", "writeOnly"}
)
_ELSEWHERE: Final = frozenset(
    {"$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"}
    | {"$vocabulary"}
)
_REPETITION: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}")


@dataclass(frozen=True, slots=True)
class Weight:
    """How much a schema has: `nodes` of what is checked, and `states` of all its patterns."""

    nodes: int
    states: int


class TooHeavy(Exception):
    """Raised by `weigh`; `fault` says what is wrong, its place is within the schema."""

    def __init__(self, message: str, *place: str | int) -> None:
        super().__init__(message)
        self.fault = FieldFault(place, message)


def weigh(schema: dict[str, Any]) -> Weight:
    """What the written-out schema has. Raises TooHeavy for one that breaks the rules above, has too
    much, or has what would make its references mean something else.
    """
    size = len(dump(schema))
    if size > MOST_BYTES:
        raise TooHeavy(f"must have at most {MOST_BYTES} bytes as JSON, and has {size}")
    dialect = schema.get("$schema", DIALECT)
    if not isinstance(dialect, str) or dialect.rstrip("#") != DIALECT:
        raise TooHeavy(f"must be {DIALECT}", "$schema")
    _refuse_other_places(schema)
    scales = _Scales(schema)
    scales.put(schema, ())
    return Weight(scales.nodes, scales.states)


def _refuse_other_places(schema: dict[str, Any]) -> None:
    """Raises for what would name parts of the schema other than by the way to them."""
    waiting: list[tuple[Any, tuple[str | int, ...]]] = [(schema, ())]
    while waiting:
        node, place = waiting.pop()
        for step, value in _children(node):
            if step in _ELSEWHERE or (place and step in ("$id", "$schema")):
                raise TooHeavy("is not taken here: refer with $ref to #/$defs/…", *place, step)
            waiting.append((value, (*place, step)))


def _children(node: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(node, dict):
        yield from cast("dict[str, Any]", node).items()
    elif isinstance(node, list):
        yield from enumerate(cast("list[Any]", node))


class _Scales:
    """One weighing under way."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.nodes = 0
        self.states = 0
        self._root = root
        self._within: list[str] = []
        self._depth = 0

    def put(self, schema: Any, place: tuple[str | int, ...]) -> None:
        """Adds a schema with all that it applies."""
        self._count(1)
        if not isinstance(schema, dict):
            return
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise TooHeavy(f"nests deeper than {MOST_DEPTH} levels with its references", *place)
        for keyword, value in cast("dict[str, Any]", schema).items():
            self._put_keyword(keyword, value, (*place, keyword))
        self._depth -= 1

    def _put_keyword(self, keyword: str, value: Any, place: tuple[str | int, ...]) -> None:
        if keyword == "$ref":
            self._follow(value, place)
        elif keyword in _ONE_SCHEMA:
            self.put(value, place)
        elif keyword in _SCHEMA_LISTS and isinstance(value, list):
            for number, each in enumerate(cast("list[Any]", value)):
                self.put(each, (*place, number))
        elif keyword in _SCHEMA_MAPS and isinstance(value, dict):
            for name, each in cast("dict[str, Any]", value).items():
                if keyword == "patternProperties":
                    self._put_pattern(name, place)
                self.put(each, (*place, name))
        elif keyword == "pattern":
            self._put_pattern(value, place)
        elif keyword not in _NOT_CHECKED:
            self._count(_size(value))

    def _follow(self, reference: Any, place: tuple[str | int, ...]) -> None:
        if not isinstance(reference, str) or not re.match(r"#(/|$)", reference):
            raise TooHeavy("must lead to a place in this schema: #/$defs/…", *place)
        if reference in self._within:
            raise TooHeavy("leads back to where it comes from: the schema has no end", *place)
        self._within.append(reference)
        self.put(_target(self._root, reference, place), place)
        self._within.pop()

    def _put_pattern(self, pattern: Any, place: tuple[str | int, ...]) -> None:
        if not isinstance(pattern, str):
            return  # the meta-schema says it better
        if len(pattern) > MOST_PATTERN_CHARACTERS:
            raise TooHeavy(f"must have at most {MOST_PATTERN_CHARACTERS} characters", *place)
        self._count(1)
        self.states += states_of(pattern)

    def _count(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            raise TooHeavy(f"has more than {MOST_NODES} parts when its references are written out")


def states_of(pattern: str) -> int:
    """No fewer states than matching follows at a time, within what a compiled pattern may have."""
    states = len(pattern)
    for found in _REPETITION.finditer(pattern):
        states *= max(int(found[1]), int(found[2] or 0), 1)
    if "\\p" in pattern.lower():
        states = _MOST_STATES
    return min(states, _MOST_STATES)


def _size(value: Any) -> int:
    """Values of what is not a schema itself: an enum, the names of required fields."""
    count = 0
    waiting: list[Any] = [value]
    while waiting:
        count += 1
        waiting.extend(child for _, child in _children(waiting.pop()))
    return count


def _target(root: Mapping[str, Any], reference: str, place: tuple[str | int, ...]) -> Any:
    """What a JSON Pointer (RFC 6901) as a URI fragment leads to."""
    node: Any = root
    for step in unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and name in node:
            node = cast("dict[str, Any]", node)[name]
        elif isinstance(node, list) and name.isdecimal() and int(name) < len(node):
            node = cast("list[Any]", node)[int(name)]
        else:
            raise TooHeavy("leads nowhere in this schema", *place)
    return node
