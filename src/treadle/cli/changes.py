"""What `treadle apply` does to one thing, and how what there is compares to what shall be. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that changes."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to one job, workflow or schedule. `next` are its due times as they become."""

    verb: Literal["create", "change", "keep"]
    kind: Literal["job", "workflow", "schedule"]
    name: str
    differences: tuple[Difference, ...]
    next: tuple[datetime, ...]
    work: Callable[[], None]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """The fields of `after` that are otherwise in `before`, or not there."""
    return [
        Difference(name, before.get(name), value)
        for name, value in after.items()
        if name not in before or canonical(before[name]) != canonical(value)
    ]


def canonical(value: Any) -> Any:
    """What is compared: instants as instants, lists and tuples alike."""
    if isinstance(value, str) and len(value) > 18 and value[4:5] == "-":
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo is not None else value
    if isinstance(value, Mapping):
        return {name: canonical(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(inner) for inner in value]
    return value


def changes_something(plan: Iterable[Change]) -> bool:
    """Whether carrying it out changes anything."""
    return any(change.verb != "keep" for change in plan)
