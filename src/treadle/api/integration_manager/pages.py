"""Lists of the integration manager: what a caller may ask, and how a page looks.

async def list_users(listing: Annotated[Listing, listing(sorts=USER_SORTS)], …) -> UserList:
    page = await users.list_users(tx, caller, page=listing.page, sort=listing.sort, …)
    return UserList.of(page, listing, [user_body(user, base) for user in page.items])
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Self, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from treadle.api.dependencies import base
from treadle.api.wire import Camel
from treadle.core.errors import BadInput
from treadle.core.pages import MAX_PAGE_SIZE, Page, PageRequest

ItemT = TypeVar("ItemT", bound=BaseModel)

DEFAULT_SIZE: Final = 25

InProject = Annotated[
    str | None, Query(description="Only what is in the project of this id.", max_length=100)
]
MAX_PAGE_NUMBER: Final = 1_000_000_000
"""Rows are counted in 63 bits; this many pages of any size fit."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Which page of a list is wanted, how it is sorted, and what it is to hold."""

    page: PageRequest
    sort: str
    descending: bool
    text: str | None
    """What `filter` says; None for everything."""
    url: str
    parameters: tuple[tuple[str, str], ...]
    """What the request's address says besides the page, for the links."""

    def link(self, number: int) -> str:
        """The address of another page of the same list."""
        query = [*self.parameters, ("offset", str(number)), ("size", str(self.page.size))]
        return f"{self.url}?{urlencode(query)}"


class PageLinks(Camel):
    """Where the neighbouring pages are."""

    prev: str | None = Field(description="The page before, null on the first.")
    next: str | None = Field(description="The page after, null on the last.")


class ListBody(Camel, Generic[ItemT]):
    """One page of a list."""

    total_records: int = Field(description="Rows in the whole list.")
    total_pages: int
    size: int = Field(description="Rows that were asked for.")
    page_number: int = Field(description="Zero-based.")
    items: list[ItemT]
    links: PageLinks

    @classmethod
    def of(cls, page: Page[Any], listing: Listing, items: Sequence[ItemT]) -> Self:
        """The page with these items, and links that keep every parameter but the page."""
        number = page.request.number
        return cls(
            total_records=page.total,
            total_pages=page.pages,
            size=page.request.size,
            page_number=number,
            items=list(items),
            links=PageLinks(
                prev=listing.link(min(number, page.pages) - 1) if number and page.pages else None,
                next=listing.link(number + 1) if number + 1 < page.pages else None,
            ),
        )


def listing(*, sorts: Collection[str], default: str = "id", direction: str = "asc") -> Any:
    """The dependency that reads `offset`, `size`, `sortby`, `direction` and `filter`."""
    names = ", ".join(sorted(sorts))
    default_direction = direction

    async def read(
        *,
        request: Request,
        offset: Annotated[
            int, Query(ge=0, le=MAX_PAGE_NUMBER, description="Page number, zero-based.")
        ] = 0,
        size: Annotated[
            int, Query(ge=1, le=MAX_PAGE_SIZE, description="Rows a page.")
        ] = DEFAULT_SIZE,
        # Not Annotated: annotations are texts here, and a text cannot name a local variable.
        sortby: str = Query(default, description=f"One of {names}."),
        direction: Annotated[str, Query(description="`asc` or `desc`.")] = default_direction,
        filter: Annotated[  # noqa: A002 - the wire's word
            str | None, Query(max_length=200, description="Text that the rows shall contain.")
        ] = None,
    ) -> Listing:
        if sortby not in sorts:
            raise BadInput(f"sortby: must be one of {names}", field="sortby")
        if direction.lower() not in ("asc", "desc"):
            raise BadInput("direction: must be asc or desc", field="direction")
        kept = [
            (k, v) for k, v in request.query_params.multi_items() if k not in ("offset", "size")
        ]
        return Listing(
            page=PageRequest(number=offset, size=size),
            sort=sortby,
            descending=direction.lower() == "desc",
            text=filter or None,
            url=f"{await base(request)}{request.url.path}",
            parameters=tuple(kept),
        )

    return Depends(read)
