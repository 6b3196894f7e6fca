"""Fields of data by their names: `due`, or `customer.renewal` for one inside another. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MOST_CHARACTERS: Final = 200
MOST_STEPS: Final = 16
FIELD_RULE: Final = (
    f"must be a field like due or customer.renewal, with at most {MOST_CHARACTERS} characters and "
    f"{MOST_STEPS} names"
)


def is_field(name: str) -> bool:
    """Whether `name` can name a field."""
    steps = steps_of(name)
    return (
        len(name) <= MOST_CHARACTERS
        and len(steps) <= MOST_STEPS
        and all(step and step == step.strip() and step.isprintable() for step in steps)
    )


def steps_of(name: str) -> tuple[str, ...]:
    """The names on the way to the field. A dot always parts two names."""
    return tuple(name.split("."))


def read_field(data: Mapping[str, Any], name: str) -> Any:
    """The field's value, or None where it is null, is not there, or lies within what is no object:
    the three are one.
    """
    value: Any = data
    for step in steps_of(name):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value
