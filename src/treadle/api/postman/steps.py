"""A request of the collection, as the script tells it: what the OpenAPI document cannot know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

DOCUMENTED: Final = object()
"""The body is the example of the document."""


class Auth(StrEnum):
    """What a request comes in with."""

    TOKEN = "token"  # noqa: S105 - the token of the first request
    KEY = "key"
    SESSION = "session"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Step:
    """One request. What is left out follows from the operation.

    `path` and `query` are texts in which `{{Variable}}` stands for one. `keeps` names the variables
    that are set from the answer, each with the place in it (`items.0.id`). `statuses` are what may
    be answered where all is well: the first success of the document, if none is named.
    """

    operation: str
    name: str = ""
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Any = DOCUMENTED
    content_type: str | None = None
    keeps: Mapping[str, str] = field(default_factory=dict[str, str])
    statuses: tuple[int, ...] = ()
    again_on: int | None = None
    """Sent again as long as this is the answer: what it needs is under way."""
    auth: Auth | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the collection. `auth` is what its requests come in with, unless they say."""

    name: str
    description: str
    steps: tuple[Step, ...]
    auth: Auth | None = None
