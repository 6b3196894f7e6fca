"""What is wrong with a definition: where, and by which rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule that is broken at one path, such as `workflow_steps[3].config.url`."""

    path: str
    rule: str

    def __str__(self) -> str:
        return f"{self.path}: {self.rule}"


def joined(path: str, parts: Sequence[str | int]) -> str:
    """`path` with further keys and indexes after it."""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else f"{path}.{part}" if path else part
    return path


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Each fault once, ordered by path as a reader of the document meets them."""
    return sorted(dict.fromkeys(faults), key=lambda fault: (_place(fault.path), fault.rule))


def _place(path: str) -> list[tuple[int, int | str]]:
    """What to sort by: keys as texts, indexes as numbers; steps stand before connections."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", path)
    place: list[tuple[int, int | str]] = [(0, int(n)) if n else (1, key) for n, key in parts]
    if parts and "steps" in parts[0][1]:
        place[0] = (0, 0)
    return place
