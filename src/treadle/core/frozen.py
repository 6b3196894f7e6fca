"""Frozen dataclasses with dozens of fields, made as fast as a dictionary is copied.

`__init__` of such a class sets one field after the other, which tells where rows come by thousands.
The classes that this is for have no `slots`, and no `__post_init__`: it would not run.
"""

from __future__ import annotations

from collections.abc import KeysView, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def filled(kind: type[T], values: Mapping[str, Any]) -> T:
    """One with these values; TypeError unless they are all of its fields and nothing else."""
    if values.keys() != _names(kind):
        differing = sorted(values.keys() ^ _names(kind))
        raise TypeError(f"{kind.__name__}: missing or surplus: {', '.join(differing)}")
    made = object.__new__(kind)
    made.__dict__.update(values)
    return made


def changed(one: T, **changes: Any) -> T:
    """As `dataclasses.replace`; TypeError for what is not a field."""
    if not changes.keys() <= _names(type(one)):
        surplus = sorted(changes.keys() - _names(type(one)))
        raise TypeError(f"{type(one).__name__}: surplus: {', '.join(surplus)}")
    made = object.__new__(type(one))
    made.__dict__.update(one.__dict__)
    made.__dict__.update(changes)
    return made


@cache
def _names(kind: type[Any]) -> KeysView[str]:
    if hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind.__name__} has a __post_init__, which would not run")
    return dict.fromkeys(field.name for field in fields(kind)).keys()
