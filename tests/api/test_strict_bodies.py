"""Flags and numbers of bodies are taken as they are documented: 0 is not false, "5" is not 5."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from treadle.app import ROUTERS

WRONG: dict[str, Any] = {"boolean": 0, "integer": "5"}
"""By the documented type, what pydantic would take for it by itself."""


def types_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The types of bodies in it, and those that they are made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from types_in(field.annotation)
    for inner in get_args(annotation):
        yield from types_in(inner)


def taken() -> dict[str, type[BaseModel]]:
    """Every type that a request may send, by its name."""
    return {
        found.__qualname__: found
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.body_field is not None
        for found in types_in(route.body_field.field_info.annotation)
    }


TYPES = taken()


def wrong_fields(body: type[BaseModel]) -> dict[str, Any]:
    """What is wrong for the fields that have one of the types, and no other."""
    properties = body.model_json_schema()["properties"]
    kinds = {
        name: {each.get("type") for each in (field, *field.get("anyOf", ()))} - {None, "null"}
        for name, field in properties.items()
    }
    return {
        name: WRONG[next(iter(kind))]
        for name, kind in kinds.items()
        if len(kind) == 1 and kind <= set(WRONG)
    }


def test_types_of_bodies_are_found() -> None:
    assert {"ScheduleInput", "JobConfigInput", "MacroInput"} <= set(TYPES), sorted(TYPES)
    assert sum(len(wrong_fields(body)) for body in TYPES.values()) > 15


@pytest.mark.parametrize("name", sorted(TYPES))
def test_what_is_not_of_the_type_is_refused(name: str) -> None:
    for field, value in wrong_fields(TYPES[name]).items():
        with pytest.raises(ValidationError) as refused:
            TYPES[name].model_validate({field: value})
        assert (field,) in {error["loc"][:1] for error in refused.value.errors()}, field
