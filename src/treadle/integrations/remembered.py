"""What is worth remembering between calls: access tokens, sessions. In this process only."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Slot(Generic[T]):
    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    value: T | None = field(default=None, repr=False)
    until: datetime | None = None


class Remembered(Generic[T]):
    """Values by key, each until an instant. Those who need one that is not there make it once
    between them. One event loop only.
    """

    def __init__(self, *, most: int = 1_000) -> None:
        self._most = most
        self._slots: OrderedDict[Hashable, _Slot[T]] = OrderedDict()

    async def get(
        self, key: Hashable, make: Callable[[], Awaitable[tuple[T, datetime]]], *, now: datetime
    ) -> T:
        """The value; `make` gives it with the instant from which on it is not to be used."""
        slot = self._slots.setdefault(key, _Slot[T]())
        self._slots.move_to_end(key)
        while len(self._slots) > self._most:
            self._slots.popitem(last=False)
        async with slot.making:
            if slot.value is None or slot.until is None or slot.until <= now:
                slot.value, slot.until = await make()
            return slot.value

    def forget(self, key: Hashable, value: T) -> None:
        """This value is of no use any more; one that another call has made meanwhile stays."""
        slot = self._slots.get(key)
        if slot is not None and slot.value == value:
            slot.value = None
