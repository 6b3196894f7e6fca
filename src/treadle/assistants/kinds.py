"""What a tool does to the world, as assistants are told before they use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from mcp.types import ToolAnnotations
from pydantic import Field

from treadle.assistants.bounds import TEXT
from treadle.client.models import Answer

READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
STARTS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
"""Code of the tenant runs, which may do whatever it was written to do."""
CHANGES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
ENDS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)

Limit = Annotated[int, Field(ge=1, le=50, description="So many at most.")]
WaitSeconds = Annotated[
    int, Field(ge=0, le=60, description="Seconds to wait for its end; 0 answers at once.")
]
A = TypeVar("A", bound=Answer)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that an assistant may call. Its docstring is what the assistant reads."""

    work: Callable[..., Awaitable[dict[str, Any]]]
    annotations: ToolAnnotations
    text: int = TEXT
    """Characters of the longest text of its answer."""


async def first(found: AsyncIterator[A], limit: int) -> dict[str, Any]:
    """The first objects of a list, as the API answers them, and whether there are more."""
    items: list[Any] = []
    async for each in found:
        if len(items) == limit:
            return {"items": items, "more": True}
        items.append(dict(each.raw))
    return {"items": items, "more": False}
