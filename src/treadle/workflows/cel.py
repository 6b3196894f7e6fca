"""The one file that knows the expression library (Google's CEL): all that is untyped is here.

The language is standard CEL with its macros, and beyond it: arithmetic of whole and decimal numbers
together, because JSON does not tell 1 from 1.0; the `math` functions; and the functions on texts
below. All are pure: no clock, no chance, nothing outside. The library itself ends an evaluation
after 10,000 iterations, bounds the depth of an expression, and matches regular expressions in
linear time; `reads` bounds what each iteration may touch.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_math

from treadle.core.json import Json
from treadle.workflows.cel_lists import ADD, BEGIN, COUNT, END, LISTS, rewritten
from treadle.workflows.cel_messages import in_words
from treadle.workflows.cel_values import ExpressionFailed, to_json
from treadle.workflows.limits import MAX_EXPRESSION_LENGTH, MAX_VALUE_TEXT

_NOT_TAKEN_BACK = "Non-CEL value type for 'Python function"

VARIABLES = ("input", "payload", "steps", "item", "index", "execution")

_TYPE = cel.Type

_TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_TO_UPPER = str.maketrans(ascii_lowercase, ascii_uppercase)


class Program:
    """One compiled expression. Any number of threads may run it."""

    __slots__ = ("_copying", "_expression")

    def __init__(self, text: str) -> None:
        """Raises ExpressionFailed with what is wrong with the text, and where."""
        if len(text) > MAX_EXPRESSION_LENGTH:
            raise ExpressionFailed(f"an expression has at most {MAX_EXPRESSION_LENGTH} characters")
        try:
            self._expression = _ENVIRONMENT.compile(text)
        except (RuntimeError, ValueError, TypeError) as error:
            raise ExpressionFailed(_compile_message(str(error))) from None
        self._copying = None
        # Else there is no macro that builds a list.
        if "map" in text or "filter" in text:
            self._grow_lists()

    def _grow_lists(self) -> None:
        serialized = self._expression.serialize()
        growing = rewritten(serialized)
        if growing is not None:
            self._expression = _ENVIRONMENT.deserialize(growing)
            self._copying = _ENVIRONMENT.deserialize(rewritten(serialized, copying=True))

    def run(self, data: Mapping[str, Any]) -> Json:
        """The value as JSON. Raises ExpressionFailed, whatever goes wrong inside."""
        if self._copying is None:
            return _run(self._expression, data)
        with LISTS.evaluation():
            try:
                return _run(self._expression, data)
            except _NotTakenBackError:
                pass  # only now is it known what the list holds
        with LISTS.evaluation():
            return _run(self._copying, data)


class _NotTakenBackError(ExpressionFailed):
    """A list that grew in Python holds what the library does not take back."""


def _run(expression: Any, data: Mapping[str, Any]) -> Json:
    try:
        result = expression.eval(data=data)
        value = result.plain_value()
        if type(value) is int or type(value) is bool:
            return value  # no error is one
        kind = result.type().name()
    # The library tells of its budgets by RuntimeError, of memory by MemoryError, and of texts
    # that are not UTF-8 by either of the two others.
    except (RuntimeError, MemoryError, ValueError, TypeError) as error:
        failed = _NotTakenBackError if _NOT_TAKEN_BACK in str(error) else ExpressionFailed
        raise failed(_run_message(str(error))) from None
    if kind == "ERROR":
        raise ExpressionFailed(_run_message(str(value)))
    return to_json(value)


def _compile_message(text: str) -> str:
    """The library's first complaint with its column, without its drawing of the place."""
    for line in text.splitlines():
        _, mark, rest = line.partition("ERROR: <input>:")
        if mark:
            position, _, message = rest.partition(": ")
            column = position.rpartition(":")[2]
            message = message.removesuffix(" [INVALID_ARGUMENT]").replace(" (in container '')", "")
            message = in_words(message)
            return f"{message} (at character {column})" if column.isdigit() else message
    return _run_message(text)


def _run_message(text: str) -> str:
    """The message without the library's status words around it."""
    code, mark, rest = text.partition(": ")
    message = rest if mark and code.isupper() else text
    if message.endswith("]") and " [" in message:
        message = message.rpartition(" [")[0]
    return in_words(message)


def _overload(name: str, types: Sequence[Any], gives: Any, work: Callable[..., Any]) -> Any:
    member = name.startswith(("text_", "list_"))
    return cel.Overload(
        name, return_type=gives, parameters=list(types), is_member=member, impl=work
    )


def _mixed(sign: str, name: str, work: Callable[[float, float], float]) -> Any:
    """One sign of arithmetic for a whole number beside a decimal one."""

    def counted(left: float, right: float) -> float:
        return work(float(left), float(right))

    return cel.FunctionDecl(
        sign,
        [
            _overload(f"{name}_{a}_{b}", [left, right], _TYPE.DOUBLE, counted)
            for a, left, b, right in (
                ("int", _TYPE.INT, "double", _TYPE.DOUBLE),
                ("double", _TYPE.DOUBLE, "int", _TYPE.INT),
            )
        ],
    )


def _divided(left: float, right: float) -> float:
    if right == 0:
        raise ValueError("divide by zero")
    return left / right


def _lower(text: str) -> str:
    return text.translate(_TO_LOWER)


def _upper(text: str) -> str:
    return text.translate(_TO_UPPER)


def _replace(text: str, old: str, new: str) -> str:
    # Counted first: replacing by a long text could fill the memory before it is refused.
    grown = len(text) + text.count(old) * (len(new) - len(old))
    if grown > MAX_VALUE_TEXT:
        raise ValueError(f"a text has at most {MAX_VALUE_TEXT} characters")
    return text.replace(old, new)


def _join(texts: Sequence[Any], separator: str = "") -> str:
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("join needs a list of texts")
    grown = sum(len(text) for text in texts) + len(separator) * max(len(texts) - 1, 0)
    if grown > MAX_VALUE_TEXT:
        raise ValueError(f"a text has at most {MAX_VALUE_TEXT} characters")
    return separator.join(texts)


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else list(text)


def _substring(text: str, begin: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    if not 0 <= begin <= end <= len(text):
        raise ValueError("substring is out of range")
    return text[begin:end]


def _texts() -> list[Any]:
    """Functions on texts, by the names and meanings of CEL's strings extension."""
    text, whole, texts = _TYPE.STRING, _TYPE.INT, _TYPE.List(_TYPE.STRING)
    listed = _TYPE.List(_TYPE.DYN)

    def method(name: str, *overloads: tuple[str, Sequence[Any], Any, Callable[..., Any]]) -> Any:
        return cel.FunctionDecl(name, [_overload(*overload) for overload in overloads])

    return [
        method("lowerAscii", ("text_lower", [text], text, _lower)),
        method("upperAscii", ("text_upper", [text], text, _upper)),
        method("trim", ("text_trim", [text], text, str.strip)),
        method("indexOf", ("text_index_of", [text, text], whole, str.find)),
        method("replace", ("text_replace", [text, text, text], text, _replace)),
        method("split", ("text_split", [text, text], texts, _split)),
        method(
            "substring",
            ("text_substring_from", [text, whole], text, _substring),
            ("text_substring", [text, whole, whole], text, _substring),
        ),
        method(
            "join",
            ("list_join", [listed], text, _join),
            ("list_join_by", [listed, text], text, _join),
        ),
    ]


def _lists() -> list[Any]:
    """What rewritten expressions call."""
    dyn = _TYPE.DYN
    return [
        cel.FunctionDecl(name, [_overload(name, takes, gives, work)])
        for name, takes, gives, work in (
            (BEGIN, [], dyn, LISTS.begin),
            (ADD, [dyn, dyn], dyn, LISTS.add),
            (END, [dyn], dyn, LISTS.end),
            (COUNT, [], _TYPE.BOOL, LISTS.count),
        )
    ]


def _environment() -> Any:
    arithmetic = [
        _mixed("_+_", "add", operator.add),
        _mixed("_-_", "subtract", operator.sub),
        _mixed("_*_", "multiply", operator.mul),
        _mixed("_/_", "divide", _divided),
    ]
    return cel.NewEnv(
        variables=dict.fromkeys(VARIABLES, _TYPE.DYN),
        extensions=[
            ext_math.ExtMath(),
            cel.CelExtension("treadle.numbers", arithmetic),
            cel.CelExtension("treadle.texts", _texts()),
            cel.CelExtension("treadle.lists", _lists()),
        ],
    )


# Made once a process; compiling and running are safe in many threads at a time.
_ENVIRONMENT = _environment()
