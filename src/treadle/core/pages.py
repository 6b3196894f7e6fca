"""Parts of lists: pages by number and size, or windows by limit and offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is wanted. `number` is zero-based; `size` rows a page."""

    number: int = 0
    size: int = 25

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return self.number * self.size


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, and how many rows there are in all."""

    items: tuple[T, ...]
    total: int
    request: PageRequest

    @property
    def pages(self) -> int:
        """How many pages the whole list has."""
        return -(-self.total // self.request.size)


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows are wanted: at most `limit`, after the first `offset`."""

    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """The rows of one window, and how many there are in all."""

    items: tuple[T, ...]
    total: int
    window: Window
