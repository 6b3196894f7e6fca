"""Jobs and workflows that a file names: those that it has itself, and others that are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from treadle.cli.finding import workflow_called
from treadle.client import Treadle

Kind = Literal["job", "workflow"]


class Targets:
    """Their ids. `own` are the file's, without an id what is yet to be made."""

    def __init__(self, treadle: Treadle, own: Mapping[tuple[Kind, str], str | None]) -> None:
        self._treadle = treadle
        self._ids = dict(own)

    def find(self, kind: Kind, name: str, *, place: str) -> str | None:
        """The id; None for what the file has and is yet to be made. Raises ValueError with the
        place that names it, where there is none.
        """
        if (kind, name) not in self._ids:
            self._ids[kind, name] = self._look_up(kind, name, place)
        return self._ids[kind, name]

    def made(self, kind: Kind, name: str, *, place: str) -> str:
        """The id, after what the file has before it was made. Raises ValueError."""
        found = self.find(kind, name, place=place)
        if found is None:
            found = self._ids[kind, name] = self._look_up(kind, name, place)
        return found

    def _look_up(self, kind: Kind, name: str, place: str) -> str:
        if kind == "job":
            found = self._treadle.jobs.find(name)
        else:
            found = workflow_called(self._treadle, name)
        if found is None:
            raise ValueError(f"{place}: there is no {kind} {name!r}")
        return found.id


def to_be_made(kind: Kind) -> str:
    """What a plan shows instead of an id."""
    return f"(of the new {kind})"
