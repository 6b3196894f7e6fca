"""A definition as values: steps, connections, and the graph of the two."""

from __future__ import annotations

from dataclasses import dataclass, field

from treadle.workflows.step_configs.shape import StepConfig


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a step that failed is tried again, and when."""

    max_attempts: int
    """Tries in all, the first one included."""
    interval_seconds: float = 1.0
    backoff_rate: float = 2.0
    max_interval_seconds: float = 3600.0
    jitter: bool = False
    errors: tuple[str, ...] = ("*",)


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a step's output goes in the payload, beside `steps.<id>.output`."""

    mode: str
    """`merge` or `replace`."""
    at: str = ""
    """Keys joined by dots; empty is the whole payload."""

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.at.split(".")) if self.at else ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a definition."""

    id: str
    name: str
    type: str
    config: StepConfig
    retry: Retry | None = None
    timeout_seconds: float | None = None
    """For one attempt; on the trigger, for the whole execution."""
    result: Placing | None = None
    inner: Graph | None = None
    """What a map does with each item, where it says so itself."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The way from one step to another, and when it is taken."""

    source: str
    target: str
    when: str | None = None
    label: str | None = None
    on_error: bool = False
    errors: tuple[str, ...] = ()
    """The failures that an error connection catches; empty means all."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Steps and connections; the first step is where it begins."""

    steps: tuple[Step, ...]
    connections: tuple[Connection, ...] = field(default=())


Definition = Graph
"""The graph of a whole workflow: its first step is the trigger."""
