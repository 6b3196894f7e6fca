"""YAML as JSON's values: what a file of `treadle apply` may be written in.

Only what JSON has comes out. `on`, `no`, `09:00` and dates are texts, as in YAML 1.2: a connection
of a workflow says `on: error`. What would surprise is refused with its line: a key that is given
twice, which YAML lets the last one win, and tags. Anchors are bounded: a few lines of them can name
more values than any memory holds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 100_000
"""Values of a file, those behind its anchors as often as they are named."""
CHARACTERS: Final = 100
"""A long text counts for one more value for each so many."""

_TAG: Final = "tag:yaml.org,2002:"
_RESOLVED: Final = (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
)
"""What a text without quotes is; the first that matches whole. Everything else stays a text."""


class _Loader(yaml.SafeLoader):
    """Composes nodes, by the rules of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _name, _pattern, _firsts in _RESOLVED:
    for _first in _firsts:
        _Loader.yaml_implicit_resolvers.setdefault(_first.strip("\0"), []).append(
            (f"{_TAG}{_name}", re.compile(f"(?:{_pattern})$"))
        )


def read_yaml(text: str) -> Any:
    """The value that the text is. Raises ValueError that names the line."""
    try:
        _refuse_depth(text)
        node = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _fault(mark, error.problem or "is no YAML") from None
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"is no YAML: {reason}") from None
    if node is None:
        return None
    _measure(node, {})
    return _value(node)


def _refuse_depth(text: str) -> None:
    """Composing goes down by recursion: what is too deep must not come that far."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _fault(event.start_mark, f"is nested deeper than {MAX_DEPTH}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


@dataclass(frozen=True, slots=True)
class _Extent:
    """How much a node is, written out, and how deep."""

    weight: int
    depth: int


def _measure(node: Node, known: dict[int, _Extent | None]) -> _Extent:
    """Each node is looked at once, however often it is named; None marks those that are looked at:
    who meets one again is inside of itself.
    """
    if id(node) in known:
        found = known[id(node)]
        if found is None:
            raise _fault(node.start_mark, "contains itself")
        return found
    known[id(node)] = None
    inner = [_measure(each, known) for each in _inner(node)]
    text = str(node.value) if isinstance(node, ScalarNode) else ""
    weight = 1 + len(text) // CHARACTERS + sum(each.weight for each in inner)
    depth = 1 + max((each.depth for each in inner), default=0)
    if weight > MAX_VALUES:
        raise _fault(node.start_mark, f"its anchors make more than {MAX_VALUES:,} values of it")
    if depth > MAX_DEPTH + 1:
        raise _fault(node.start_mark, f"is nested deeper than {MAX_DEPTH}")
    known[id(node)] = found = _Extent(weight, depth)
    return found


def _inner(node: Node) -> list[Node]:
    if isinstance(node, SequenceNode):
        return cast("list[Node]", node.value)
    if isinstance(node, MappingNode):
        pairs = cast("list[tuple[Node, Node]]", node.value)
        return [each for pair in pairs for each in pair]
    return []


def _value(node: Node) -> Any:
    if isinstance(node, MappingNode):
        _expect(node, "map")
        return _object(node)
    if isinstance(node, SequenceNode):
        _expect(node, "seq")
        return [_value(inner) for inner in _inner(node)]
    return _scalar(cast("ScalarNode", node))


def _object(node: MappingNode) -> dict[str, Any]:
    own: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key, value in cast("list[tuple[Node, Node]]", node.value):
        if key.tag == f"{_TAG}merge":
            for each in reversed(_merged(value)):
                merged.update(each)
            continue
        if not isinstance(key, ScalarNode) or key.tag != f"{_TAG}str":
            raise _fault(key.start_mark, "a key is a text: put it into quotes")
        name = str(key.value)
        if name in own:
            raise _fault(key.start_mark, f"{name} is given twice")
        own[name] = _value(value)
    return {**merged, **own}


def _merged(node: Node) -> list[dict[str, Any]]:
    """What `<<` takes over: an object, or some, of which the first has the say."""
    nodes = _inner(node) if isinstance(node, SequenceNode) else [node]
    found = [each for each in nodes if isinstance(each, MappingNode)]
    if len(found) != len(nodes):
        raise _fault(node.start_mark, "<< takes an object over, or a list of objects")
    return [_object(each) for each in found]


def _scalar(node: ScalarNode) -> Any:
    text = str(node.value)
    kind = node.tag.removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind in ("int", "float"):
        return _number(node, text, kind)
    if kind == "merge":  # as a value it is nothing but a text
        return text
    _expect(node, "str")
    return text


def _number(node: ScalarNode, text: str, kind: str) -> int | float:
    try:
        if kind == "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        number = float(text)
    except ValueError:  # a tag said that it is one, or it has more digits than Python reads
        number = math.inf
    if not math.isfinite(number):
        raise _fault(node.start_mark, "is no number, or one too long")
    return number


def _expect(node: Node, kind: str) -> None:
    if node.tag != f"{_TAG}{kind}":
        raise _fault(node.start_mark, f"the tag {node.tag} is not known here")


def _fault(mark: Any, problem: str) -> ValueError:
    if mark is None:
        return ValueError(problem)
    return ValueError(f"line {mark.line + 1}, column {mark.column + 1}: {problem}")
