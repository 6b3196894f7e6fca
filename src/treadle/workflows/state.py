"""The state of an execution: all that the machine needs to go on, and nothing else.

It is one JSON value in one row. What is over leaves only its output (`outputs`, which is what
expressions see as `steps`); what is under way stands in `active`. Times are epoch milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from treadle.core.json import Json

STATE_FORMAT = 1


class Status(StrEnum):
    """How an execution stands, in the words of the workflow API."""

    IN_PROGRESS = "In Progress"
    AWAITING_RESPONSE = "Awaiting Response"
    COMPLETED = "Completed"
    FAILED = "Failed"
    TERMINATED = "Terminated"

    over: bool

    def __init__(self, text: str) -> None:
        # Said once, for it is asked at every turn.
        self.over = text in ("Completed", "Failed", "Terminated")


class Phase(StrEnum):
    """What an active step is doing."""

    RUNNING = "running"
    """Somebody outside works on it."""
    RETRYING = "retrying"
    """It failed and will be tried again when it is due."""
    WAITING = "waiting"
    """It goes on when it is due."""
    ANSWER = "answer"
    """It goes on when somebody answers."""
    MAPPING = "mapping"
    """Its items are under way."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step or an execution failed."""

    name: str
    message: str = ""

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "message": self.message}


@dataclass(slots=True)
class Active:
    """A step under way."""

    attempt: int
    """Counts all starts of the step in this execution: with its path, the fence of what is told."""
    tries: int
    """Counts the attempts since the step was last entered: what a retry's limit counts."""
    phase: Phase
    due: int | None = None
    """When its timeout, its next try or its wait is due."""
    sources: list[str] | None = None
    """Who may answer; None is anybody."""
    items: Items | None = None


@dataclass(slots=True)
class Items:
    """The items of a map under way."""

    items: list[Json]
    outputs: list[Json]
    following: int = 0
    """The first item that has not begun."""
    frames: dict[int, Frame] = field(default_factory=dict)
    """Items under way with inline steps."""
    children: list[int] = field(default_factory=list)
    """Items under way as executions of another workflow."""
    failures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def running(self) -> int:
        return len(self.frames) + len(self.children)


@dataclass(slots=True)
class Frame:
    """One graph under way: the workflow's own, or that of one item of a map."""

    payload: Json
    outputs: dict[str, dict[str, Json]] = field(default_factory=dict)
    active: dict[str, Active] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    ready: list[tuple[str, str]] = field(default_factory=list)
    """Steps to take, each with the step before it: what an advance had no budget left for."""
    queued: dict[str, int] = field(default_factory=dict)
    """How many times more to take a step that is active now."""
    arrived: dict[str, dict[str, int]] = field(default_factory=dict)
    """At each join, from which step how many came."""
    owed: dict[str, list[str]] = field(default_factory=dict)
    """At each `any` join that went on, from which steps one more may come, to be left aside."""
    stopped: list[str] = field(default_factory=list)
    """The steps that a failure ended, itself first: where a retry begins."""
    item: Json = None
    index: int | None = None


@dataclass(slots=True)
class State:
    """The state of one execution."""

    execution: dict[str, Json]
    """What expressions see as `execution`; its `id` is in it."""
    input: Json
    frame: Frame
    status: Status = Status.IN_PROGRESS
    seq: int = 0
    """The number of the last entry in the event log."""
    at: int = 0
    """When it last moved: time never runs backwards here, whatever the clocks of processes say."""
    deadline: int | None = None
    visits: int = 0
    """Steps taken in all."""
    more: bool = False
    """Whether the last advance stopped at its budget, with steps still to take."""
    resumed: int = 0
    """How many times somebody's answer took it on."""
    error: dict[str, str] | None = None
    output: Json = None

    @property
    def id(self) -> str:
        return str(self.execution["id"])

    @property
    def wake_at(self) -> datetime | None:
        """When the next timer is due; None if only somebody outside can take it on."""
        due = self.due
        return None if due is None else datetime.fromtimestamp(due / 1000, UTC)

    @property
    def due(self) -> int | None:
        """`wake_at` in epoch milliseconds."""
        if self.status.over:
            return None
        times = [active.due for active in all_active(self.frame) if active.due is not None]
        if self.deadline is not None:
            times.append(self.deadline)
        return min(times, default=None)

    @property
    def current(self) -> str:
        """The steps under way, for people; the last words of an execution that is over."""
        if self.status.over:
            return self.status.value
        return ", ".join(self.frame.active) or "ready"

    def copy(self) -> State:
        """One that can be changed without touching this one; JSON values are shared."""
        return replace(self, frame=_copied(self.frame))


def all_active(frame: Frame) -> Iterator[Active]:
    """Every active step of a frame and of the items under way in it."""
    for active in frame.active.values():
        yield active
        if active.items is not None:
            for inner in active.items.frames.values():
                yield from all_active(inner)


def _copied(frame: Frame) -> Frame:
    return replace(
        frame,
        outputs=dict(frame.outputs),
        active={id_: _copied_active(active) for id_, active in frame.active.items()},
        attempts=dict(frame.attempts),
        ready=list(frame.ready),
        queued=dict(frame.queued),
        arrived={join: dict(counts) for join, counts in frame.arrived.items()},
        owed={join: list(sources) for join, sources in frame.owed.items()},
        stopped=list(frame.stopped),
    )


def _copied_active(active: Active) -> Active:
    items = active.items
    if items is None:
        return replace(active)
    copied = replace(
        items,
        outputs=list(items.outputs),
        frames={index: _copied(frame) for index, frame in items.frames.items()},
        children=list(items.children),
        failures=list(items.failures),
    )
    return replace(active, items=copied)
