"""Makes the macros that build lists cost what their elements cost.

The library expands `map` and `filter` to a loop whose every round copies the list made so far: ten
thousand elements take seconds, and while it runs nothing else in the process does. Here a compiled
expression is rewritten so that its lists grow in Python, with one call a round, at which the other
threads have their turn.

The library takes back from Python neither moments nor durations nor types, and makes whole numbers
of unsigned ones. Lists of what is known to be such are built as the library does it, of a thousand
elements at most.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any as Envelope
from google.protobuf.message import DecodeError

from treadle.workflows.cel_values import ExpressionFailed

MAX_COPIED: Final = 1_000
"""Rounds of one evaluation that copy the list made so far: some hundredths of a second."""

BEGIN: Final = "@list_begin"
ADD: Final = "@list_add"
END: Final = "@list_end"
COUNT: Final = "@list_count"
"""Names that nobody can write in an expression."""

_MANY: Final = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
_ONE: Final = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
_KINDS: Final[Mapping[str, Any]] = {
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
}
_MESSAGE: Final = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
_FIELD: Final = re.compile(r"([A-Za-z0-9]+\*?)=(\d+) (\w+)")
_SCHEMA: Final[Mapping[str, str]] = {
    "CheckedExpr": "Reference*=2 references, TypeOf*=3 types, Expr=4 expr",
    "Reference": "int64=1 id",
    "TypeOf": "int64=1 id, Type=2 type",
    "Type": "Empty=1 dyn, int64=2 null, int64=3 primitive, ListType=6 list, MapType=7 map",
    "Empty": "",
    "ListType": "Type=1 element",
    "MapType": "Type=1 key, Type=2 value",
    "Expr": "int64=2 id, Ident=4 ident, Select=5 select, Call=6 call, List=7 list,"
    " Struct=8 struct, Loop=9 loop",
    "Ident": "string=1 name",
    "Select": "Expr=1 operand",
    "Call": "Expr=1 target, string=2 function, Expr*=3 arguments",
    "List": "Expr*=1 elements",
    "Struct": "Entry*=2 entries",
    "Entry": "Expr=3 key, Expr=4 value",
    "Loop": "Expr=2 range, string=3 accu, Expr=4 init, Expr=5 condition, Expr=6 step,"
    " Expr=7 result",
}
"""What is looked at of the messages of https://github.com/google/cel-spec/tree/master/proto/cel/expr
(checked.proto, syntax.proto); what is not named is kept as it is."""

_UNSIGNED: Final = 3
"""The number of the primitive type."""


class Lists(threading.local):
    """The lists that this thread's evaluation has under way."""

    def __init__(self) -> None:
        self._open: list[list[Any]] = []
        self._copied = 0

    @contextmanager
    def evaluation(self) -> Generator[None]:
        """Where an expression is evaluated; one that fails leaves its lists."""
        try:
            yield
        finally:
            self._open.clear()
            self._copied = 0

    def begin(self) -> int:
        """A new list; its place among those that are open."""
        self._open.append([])
        return len(self._open) - 1

    def add(self, place: int, value: Any) -> int:
        """The place again."""
        self._open[place].append(value)
        return place

    def end(self, place: int) -> list[Any]:
        """The list, which is open no longer."""
        return self._open.pop(place)

    def count(self) -> bool:
        """True. Raises ValueError after too many rounds."""
        self._copied += 1
        if self._copied > MAX_COPIED:
            raise ValueError(
                f"lists of moments, durations, types or unsigned numbers are made of at most"
                f" {MAX_COPIED} values"
            )
        return True


LISTS: Final = Lists()


def rewritten(serialized: bytes, *, copying: bool = False) -> bytes | None:
    """The serialized expression with lists that grow in Python; if `copying`, with lists that the
    library copies in counted rounds. None for one that has no macro that builds a list.

    Raises ExpressionFailed for more macros within each other than the form can be read back with,
    some sixteen: the library's budget ends those over lists of two values.
    """
    envelope = Envelope.FromString(serialized)
    try:
        checked = _CHECKED.FromString(envelope.value)
    except DecodeError:
        raise ExpressionFailed("too many macros stand within each other") from None
    work = _Rewriting(checked, copying=copying)
    work.expression(checked.expr)
    if not work.changed:
        return None
    # What was an operator and is one of our functions now no longer refers to its own.
    kept = [each for each in checked.references if each.id not in work.changed]
    del checked.references[:]
    checked.references.extend(kept)
    envelope.value = checked.SerializeToString()
    return envelope.SerializeToString()


class _Rewriting:
    def __init__(self, checked: Any, *, copying: bool) -> None:
        self._types = {each.id: each.type for each in checked.types}
        self._copying = copying
        self.changed: set[int] = set()
        """The ids of the expressions that mean something else now."""

    def expression(self, expr: Any) -> None:
        """Rewrites what is within, and then itself. How deep it goes is bounded by the library."""
        for inner in _within(expr):
            self.expression(inner)
        if expr.HasField("loop"):
            self._loop(expr.loop)

    def _loop(self, loop: Any) -> None:
        round_ = _growing(loop)
        if round_ is None:
            return
        (value,) = round_.call.arguments[1].list.elements
        kind = self._types.get(value.id)
        if self._copying or not (kind is None or _comes_back(kind)):
            self._become(loop.condition, COUNT)
            return
        accu = type(round_)()
        accu.CopyFrom(round_.call.arguments[0])
        self._become(loop.init, BEGIN)
        self._become(round_, ADD, accu, value)
        self._become(loop.result, END, accu)

    def _become(self, expr: Any, function: str, *arguments: Any) -> None:
        made = type(expr)(id=expr.id)
        made.call.function = function
        made.call.arguments.extend(arguments)
        expr.CopyFrom(made)
        self.changed.add(expr.id)


def _within(expr: Any) -> Iterator[Any]:
    if expr.HasField("select"):
        yield expr.select.operand
    if expr.HasField("call"):
        if expr.call.HasField("target"):
            yield expr.call.target
        yield from expr.call.arguments
    yield from expr.list.elements
    for entry in expr.struct.entries:
        if entry.HasField("key"):
            yield entry.key
        yield entry.value
    if expr.HasField("loop"):
        loop = expr.loop
        yield from (loop.range, loop.init, loop.condition, loop.step, loop.result)


def _growing(loop: Any) -> Any:
    """What adds to the list in a round, `accu + [value]`; None if the loop makes something else."""
    if not loop.init.HasField("list") or loop.init.list.elements:
        return None
    step = loop.step
    # A filter adds, or leaves the list as it is.
    if step.call.function == "_?_:_":
        step = step.call.arguments[1]
    if step.call.function != "_+_":
        return None
    accu, added = step.call.arguments
    if accu.ident.name != loop.accu or len(added.list.elements) != 1:
        return None
    return step


def _comes_back(kind: Any) -> bool:
    """Whether values of a type are the same after they were in Python."""
    if kind.HasField("list"):
        return _comes_back(kind.list.element)
    if kind.HasField("map"):
        return _comes_back(kind.map.key) and _comes_back(kind.map.value)
    if kind.HasField("primitive"):
        return kind.primitive != _UNSIGNED
    return kind.HasField("dyn") or kind.HasField("null")


def _message_class() -> Any:
    """The class of CheckedExpr, of what `_SCHEMA` names."""
    file = descriptor_pb2.FileDescriptorProto(name="treadle/checked.proto", package="treadle")
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for kind, number, field in _FIELD.findall(fields):
            message.field.add(
                name=field,
                number=int(number),
                label=_MANY if kind.endswith("*") else _ONE,
                type=_KINDS.get(kind, _MESSAGE),
                type_name=None if kind in _KINDS else f".treadle.{kind.rstrip('*')}",
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("treadle.CheckedExpr"))


_CHECKED: Final = _message_class()
