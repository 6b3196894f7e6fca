"""Frozen dataclasses that are filled like dictionaries behave as those that are initialised."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, replace
from typing import Any

import pytest

from treadle.core.frozen import changed, filled


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 2
    name: str | None = None


def test_what_is_filled_is_what_is_initialised() -> None:
    made = filled(Point, {"x": 1, "y": 2, "name": None})
    assert made == Point(1)
    assert hash(made) == hash(Point(1))
    assert repr(made) == repr(Point(1))
    with pytest.raises(FrozenInstanceError):
        made.x = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_what_is_changed_is_what_is_replaced_and_the_first_stays() -> None:
    first = Point(1, 5)
    assert changed(first, x=4, name="a") == replace(first, x=4, name="a") == Point(4, 5, "a")
    assert first == Point(1, 5)
    assert changed(first) is not first


@pytest.mark.parametrize(
    ("values", "named"),
    [({"x": 1, "y": 2}, "name"), ({"x": 1, "y": 2, "name": "a", "z": 3}, "z")],
)
def test_missing_and_surplus_values_are_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(TypeError, match=rf"Point: missing or surplus: {named}$"):
        filled(Point, values)


def test_a_change_of_what_is_no_field_is_named() -> None:
    with pytest.raises(TypeError, match=r"Point: surplus: z$"):
        changed(Point(1), z=1)


@dataclass(frozen=True)
class Checked:
    x: int

    def __post_init__(self) -> None:
        assert self.x > 0


def test_a_class_whose_check_would_not_run_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Checked has a __post_init__"):
        filled(Checked, {"x": -1})
    with pytest.raises(TypeError, match=r"Checked has a __post_init__"):
        changed(Checked(1), x=-1)
