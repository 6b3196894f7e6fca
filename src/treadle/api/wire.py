"""What all wire types have in common: camelCase outside, snake_case inside.

Every type carries an example (`examples=`); the OpenAPI document builds the examples of all
requests and answers from them.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Strict
from pydantic.alias_generators import to_camel

# What is not of the documented type is refused: by itself pydantic takes 0 for false, "5" for 5.
Flag: TypeAlias = Annotated[bool, Strict()]
"""True or false in a body that comes in."""
Whole: TypeAlias = Annotated[int, Strict()]
"""A whole number in a body that comes in."""


def camel_case(*, example: dict[str, Any] | None = None) -> ConfigDict:
    """The configuration of a type whose names are camelCase on the wire.

    Unknown fields are let pass: a client may send back all that it was given, links and dates too.
    """
    return ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="ignore",
        json_schema_extra=None if example is None else {"examples": [example]},
    )


def snake_case(*, example: dict[str, Any]) -> ConfigDict:
    """The configuration of a type whose names are the same on the wire; else as `camel_case`."""
    return ConfigDict(extra="ignore", json_schema_extra={"examples": [example]})


def exact(*, example: dict[str, Any]) -> ConfigDict:
    """As `snake_case`, for a request in which unknown fields are refused."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class Camel(BaseModel):
    """A wire type with camelCase names; give it an example by `model_config = camel_case(…)`."""

    model_config = camel_case()
