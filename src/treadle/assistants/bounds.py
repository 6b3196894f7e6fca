"""Answers that fit into an assistant's context: long texts and lists are cut, and say so. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

ANSWER: Final = 30_000
"""Characters of a whole answer, roughly."""
TEXT: Final = 4_000
"""Characters of one text within it."""
ITEMS: Final = 50
"""Items of one list within it."""


def bounded(value: Any, *, text: int = TEXT) -> Any:
    """The value, cut where it is too long; what is left out is counted."""
    return _Cutter(ANSWER, text).cut(value)


def tail(text: str, *, characters: int) -> dict[str, Any]:
    """The end of a text, and how much stands before it."""
    if len(text) <= characters:
        return {"text": text, "left_out_before": 0}
    return {"text": text[-characters:], "left_out_before": len(text) - characters}


class _Cutter:
    """Counts down what may still be said."""

    def __init__(self, left: int, longest: int) -> None:
        self._left = left
        self._longest = longest

    def cut(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return self._object(cast("Mapping[str, Any]", value))
        if isinstance(value, list | tuple):
            return self._list(cast("list[Any]", value))
        self._left -= 8
        return value

    def _text(self, text: str) -> str:
        kept = text[: max(0, min(self._longest, self._left))]
        self._left -= len(kept)
        more = len(text) - len(kept)
        return f"{kept}… ({more} more characters)" if more else text

    def _object(self, found: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, inner in found.items():
            if self._left <= 0:
                kept["…"] = f"{len(found) - len(kept)} more fields"
                break
            self._left -= len(name) + 4
            kept[name] = self.cut(inner)
        return kept

    def _list(self, found: list[Any]) -> list[Any]:
        kept: list[Any] = []
        for each in found[:ITEMS]:
            if self._left <= 0:
                break
            kept.append(self.cut(each))
        more = len(found) - len(kept)
        return [*kept, f"… ({more} more)"] if more else kept
