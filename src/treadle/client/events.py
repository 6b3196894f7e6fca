"""Server-sent events, read line by line. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `id` is what a client names to go on after it."""

    name: str
    data: Any
    id: str | None


@dataclass(slots=True)
class EventReader:
    """Takes lines, and gives an event where one is whole."""

    _name: str = "message"
    _data: list[str] = field(default_factory=list[str])
    _id: str | None = None

    def take(self, line: str) -> Event | None:
        """The event that ends with this line."""
        if not line:
            return self._whole()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
        return None

    def _whole(self) -> Event | None:
        name, data, self._name, self._data = self._name, self._data, "message", []
        return Event(name, json.loads("\n".join(data)), self._id) if data else None
