"""A frame in its place: whose graph it is, and in which item of which map it lies."""

from __future__ import annotations

import re
from typing import Any

from treadle.workflows.compiled import CompiledGraph, CompiledStep
from treadle.workflows.state import Frame

_PART = re.compile(r"([A-Za-z0-9_-]+)(?:#(\d{1,9}))?(?:\[(\d{1,9})\])?")


class Scope:
    """A frame under way in one advance."""

    __slots__ = ("dead", "frame", "graph", "index", "map_id", "parent", "prefix", "tokens")

    def __init__(
        self,
        graph: CompiledGraph,
        frame: Frame,
        parent: Scope | None = None,
        map_id: str = "",
        index: int = 0,
    ) -> None:
        self.graph = graph
        self.frame = frame
        self.parent = parent
        self.map_id = map_id
        self.index = index
        self.prefix = f"{item_path(parent, map_id, index)}." if parent is not None else ""
        self.tokens = 0
        """Steps of this frame that wait to be taken in this advance."""
        self.dead = False
        """Ended in this advance: what still waits to be taken is left."""

    @property
    def steps(self) -> dict[str, Any]:
        """What expressions see as `steps`: in a map, the outer steps too. Ids differ everywhere."""
        if self.parent is None:
            return self.frame.outputs
        return {**self.parent.steps, **self.frame.outputs}

    @property
    def outer(self) -> Scope:
        """The scope that an item's map stands in. Raises LookupError for the workflow's own."""
        if self.parent is None:
            raise LookupError("this is no item of a map")
        return self.parent

    def step_at(self, id_: str) -> CompiledStep:
        return self.graph.steps[id_]


def item_path(parent: Scope, map_id: str, index: int) -> str:
    """The path of an item. A map entered again says which time, so that no path comes twice."""
    entered = parent.frame.attempts[map_id]
    time = f"#{entered}" if entered > 1 else ""
    return f"{parent.prefix}{map_id}{time}[{index}]"


def parsed_path(path: str) -> list[tuple[str, int | None, int | None]] | None:
    """The ids of a path, each with which time it was entered and its index; None for no path."""
    parts: list[tuple[str, int | None, int | None]] = []
    for part in path.split("."):
        match = _PART.fullmatch(part)
        if match is None:
            return None
        id_, entered, index = match.groups()
        parts.append((id_, int(entered) if entered else None, int(index) if index else None))
    return parts
