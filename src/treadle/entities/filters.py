"""Which records are meant: the filter of a relative schedule, as a pure function of the data.

    {"status": "open", "amount": {"gte": 100, "lt": 500}, "customer.country": {"in": ["DE", "AT"]}}

All conditions must hold. A value stands for `{"eq": value}`; an object is always operators. A field
that is not there is the same as one that is null.

    eq, ne           the same JSON value, at any depth; 1 is 1.0, and true is not 1
    gt, gte, lt, lte numbers with numbers, texts with texts (by code point: ISO dates in order);
                     anything else does not hold
    in, not_in       eq with one of the values, with none of them
    exists           true: there and not null; false: the other way round
    contains         a text with this text in it, or a list with this value
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from treadle.core.errors import Faulty, FieldFault
from treadle.core.json import dump
from treadle.entities.fields import FIELD_RULE, is_field, read_field

MOST_BYTES: Final = 16 * 1024
MOST_CONDITIONS: Final = 50
MOST_VALUES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one field."""

    field: str
    operator: str
    operand: Any


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold; none hold always."""

    conditions: tuple[Condition, ...] = ()


def parse_filter(value: object) -> Filter:
    """The filter that the JSON value spells; None and {} let everything through.

    Raises Faulty with all that is wrong; a fault's place is the way within the filter.
    """
    if value is None:
        return Filter()
    if not isinstance(value, dict):
        raise Faulty([FieldFault((), "must be an object of fields")])
    entries = cast("dict[str, Any]", value)
    if len(entries) > MOST_CONDITIONS:
        raise Faulty([FieldFault((), f"must have at most {MOST_CONDITIONS} fields")])
    if len(dump(entries)) > MOST_BYTES:
        raise Faulty([FieldFault((), f"must have at most {MOST_BYTES} bytes as JSON")])
    faults: list[FieldFault] = []
    conditions: list[Condition] = []
    for field, rule in entries.items():
        if not is_field(field):
            faults.append(FieldFault((field,), FIELD_RULE))
            continue
        for name, operand in _operators(rule).items():
            problem = _problem(name, operand)
            if problem:
                faults.append(FieldFault((field, name) if name else (field,), problem))
            conditions.append(Condition(field, name, operand))
    if faults:
        raise Faulty(faults)
    return Filter(tuple(conditions))


def matches(filter_: Filter, data: Mapping[str, Any]) -> bool:
    """Whether the data passes; never raises, whatever the data is."""
    return all(
        _HOLDS[condition.operator](read_field(data, condition.field), condition.operand)
        for condition in filter_.conditions
    )


def _operators(rule: Any) -> dict[str, Any]:
    if isinstance(rule, dict):
        return cast("dict[str, Any]", rule) or {"": rule}
    return {"eq": rule}


def _problem(name: str, operand: Any) -> str:
    """What is wrong with an operator or with what it compares with, or nothing."""
    if name not in _HOLDS:
        return f'operators are {", ".join(_HOLDS)}; write {{"eq": …}} to compare with an object'
    rule = ""
    if name in _ORDERS and (
        isinstance(operand, bool) or not isinstance(operand, int | float | str)
    ):
        rule = "must be a number or a text"
    elif name in ("in", "not_in"):
        is_list = isinstance(operand, list) and len(cast("list[Any]", operand)) <= MOST_VALUES
        rule = "" if is_list else f"must be a list of at most {MOST_VALUES} values"
    elif name == "exists" and not isinstance(operand, bool):
        rule = "must be true or false"
    elif name == "contains" and (operand is None or isinstance(operand, dict | list)):
        rule = "must be a text, a number, true or false"
    return rule


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal. Python's own idea of it takes true for 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        mine, theirs = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        return mine.keys() == theirs.keys() and all(_same(mine[k], theirs[k]) for k in mine)
    if isinstance(one, list) and isinstance(other, list):
        ours, others = cast("list[Any]", one), cast("list[Any]", other)
        return len(ours) == len(others) and all(map(_same, ours, others))
    return bool(one == other)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(value: Any, operand: Any) -> bool:
        if isinstance(value, bool):
            return False
        if isinstance(operand, str):
            return isinstance(value, str) and compare(value, operand)
        return isinstance(value, int | float) and compare(value, operand)

    return holds


def _in(value: Any, operand: Any) -> bool:
    return any(_same(value, each) for each in operand)


def _contains(value: Any, operand: Any) -> bool:
    if isinstance(value, str):
        return isinstance(operand, str) and operand in value
    return isinstance(value, list) and _in(operand, value)


_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": _ordered(operator.gt),
    "gte": _ordered(operator.ge),
    "lt": _ordered(operator.lt),
    "lte": _ordered(operator.le),
}
_HOLDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": _same,
    "ne": lambda value, operand: not _same(value, operand),
    **_ORDERS,
    "in": _in,
    "not_in": lambda value, operand: not _in(value, operand),
    "exists": lambda value, operand: (value is not None) == operand,
    "contains": _contains,
}
