"""Lists by limit and offset: which rows a caller may ask for, and how they look.

async def list_keys(window: ListWindow, …) -> KeyList:
    found = await api_keys.list_keys(tx, caller, window)
    return KeyList.of(found, [key_body(key) for key in found.items])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Generic, Self, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from treadle.core.pages import Slice, Window

ItemT = TypeVar("ItemT", bound=BaseModel)

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
MAX_OFFSET: Final = 1_000_000_000


async def _window(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="At most so many.")] = (
        DEFAULT_LIMIT
    ),
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="After so many.")] = 0,
) -> Window:
    return Window(limit=limit, offset=offset)


ListWindow = Annotated[Window, Depends(_window)]
"""What `limit` and `offset` say."""


class ListBody(BaseModel, Generic[ItemT]):
    """Some rows of a list."""

    items: list[ItemT]
    total: int = Field(description="Rows in the whole list; of a very long one at least so many.")
    limit: int
    offset: int

    @classmethod
    def of(cls, found: Slice[Any], items: Sequence[ItemT]) -> Self:
        """The rows with these items."""
        return cls(
            items=list(items),
            total=found.total,
            limit=found.window.limit,
            offset=found.window.offset,
        )


def list_example(item: dict[str, Any]) -> dict[str, Any]:
    """The example of a list with one item."""
    return {"items": [item], "total": 1, "limit": DEFAULT_LIMIT, "offset": 0}
