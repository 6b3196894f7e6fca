"""Pages of long tables: what a list reads grows with its page, not with its table."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final, TypeVar

from treadle.core.pages import Page, PageRequest, Slice, Window
from treadle.db.rows import rows
from treadle.db.transaction import Transaction

RowT = TypeVar("RowT")

COUNTED: Final = 10_000
"""Rows of a list that are counted; a longer one is said to have at least so many."""


class Conditions:
    """What a list is to hold. Only what is asked for stands in the statement: a plan that had to do
    for every combination of filters could use the index of none.
    """

    def __init__(self, *always: str) -> None:
        self._texts = list(always)
        self.arguments: list[Any] = []

    def add(self, condition: str, value: Any) -> None:
        """One more, with `?` where the value goes; None asks for nothing. Of a list that has but
        one value, that value is compared: then an index on it keeps the order.
        """
        if value is None:
            return
        if isinstance(value, list) and len(value) == 1:
            condition, value = condition.replace("ANY(?)", "?"), value[0]
        self.arguments.append(value)
        self._texts.append(condition.replace("?", f"${len(self.arguments)}"))

    @property
    def where(self) -> str:
        """The clause."""
        return f"WHERE {' AND '.join(self._texts)}" if self._texts else ""


async def fetch_page(
    tx: Transaction,
    kind: type[RowT],
    *,
    table: str,
    conditions: Conditions,
    order: str,
    page: PageRequest,
) -> Page[RowT]:
    """One page of `table`, as `fetch_slice` reads it."""
    window = Window(limit=page.size, offset=page.offset)
    found = await fetch_slice(
        tx, kind, table=table, conditions=conditions, order=order, window=window
    )
    return Page(found.items, found.total, page)


async def fetch_slice(
    tx: Transaction,
    kind: type[RowT],
    *,
    table: str,
    conditions: Conditions,
    order: str,
    window: Window,
) -> Slice[RowT]:
    """Some rows of `table` in this order, which an index must give and `id` must end.

    Where there are more than COUNTED rows, `total` is at least their number, and always more than
    the window shows if another one follows.
    """
    where, arguments = conditions.where, conditions.arguments
    columns = ", ".join(field.name for field in fields(kind))  # pyright: ignore[reportArgumentType]
    # Only the index is read of the rows before; one row more says whether it is the last.
    records = await tx.fetch(
        f"SELECT {columns} FROM {table} JOIN (SELECT id FROM {table} {where} ORDER BY {order}"
        f" LIMIT ${len(arguments) + 1} OFFSET ${len(arguments) + 2}) AS page USING (id)"
        f" ORDER BY {order}",
        *arguments,
        window.limit + 1,
        window.offset,
    )
    seen = window.offset + len(records)
    total = seen
    is_end = len(records) <= window.limit and (bool(records) or window.offset == 0)
    if not is_end and (seen < COUNTED or not records):
        counted: int = await tx.fetchval(
            f"SELECT count(*) FROM (SELECT FROM {table} {where} LIMIT {COUNTED}) AS counted",
            *arguments,
        )
        total = max(counted, seen) if records else counted
    return Slice(tuple(rows(kind, records[: window.limit])), total, window)
