"""What the world tells the machine. Each is written to the event log whole, so that telling them
again in order gives the same state; see `replay`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeAlias

from treadle.core.json import Json
from treadle.workflows.limits import MAX_ERROR_MESSAGE_LENGTH, MAX_ERROR_NAME_LENGTH
from treadle.workflows.state import Failure


@dataclass(frozen=True, slots=True)
class StepSucceeded:
    """An attempt of a step gave its output."""

    type: ClassVar[str] = "step_succeeded"
    step: str
    attempt: int
    output: Json = None


@dataclass(frozen=True, slots=True)
class StepFailed:
    """An attempt of a step failed, by a name such as `Http.503`."""

    type: ClassVar[str] = "step_failed"
    step: str
    attempt: int
    name: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The run of a `job` step ended: `outcome` is `Succeeded`, or the rest of `Job.<outcome>`."""

    type: ClassVar[str] = "job_ended"
    step: str
    attempt: int
    outcome: str
    result: Json = None
    message: str = ""
    run_id: str = ""
    """For the log: which run it was. Empty for one that was refused."""


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """The execution of a `workflow` step, or of a map's item, ended: `Completed`, or the rest of
    `Workflow.<outcome>`, such as `Failed` or `Terminated`."""

    type: ClassVar[str] = "child_ended"
    step: str
    attempt: int
    outcome: str
    output: Json = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The state's `wake_at` has come: everything due is due."""

    type: ClassVar[str] = "timer_fired"


@dataclass(frozen=True, slots=True)
class Resumed:
    """Somebody answers. Without `step`, the wait that began first is answered."""

    type: ClassVar[str] = "resumed"
    source: str
    body: Json = None
    step: str | None = None
    attempt: int | None = None
    """Of an answer link, which belongs to one wait."""
    by: dict[str, Json] = field(default_factory=dict)
    """Who, from where: for the log."""
    later: bool = False
    """Whether the steps behind the wait are left to the advance that comes next: whoever answers
    waits for no step."""


@dataclass(frozen=True, slots=True)
class TerminateRequested:
    """Somebody ends the execution."""

    type: ClassVar[str] = "terminate_requested"
    reason: str = ""
    by: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailRequested:
    """Whoever runs the execution can't go on with it, as when its state is over its bound."""

    type: ClassVar[str] = "fail_requested"
    name: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Continued:
    """The advance before this one stopped at its budget; its Transition said `more`."""

    type: ClassVar[str] = "continued"


Event: TypeAlias = (
    StepSucceeded
    | StepFailed
    | JobEnded
    | ChildEnded
    | TimerFired
    | Resumed
    | TerminateRequested
    | FailRequested
    | Continued
)

EVENTS: dict[str, type[Event]] = {
    event.type: event
    for event in (
        StepSucceeded,
        StepFailed,
        JobEnded,
        ChildEnded,
        TimerFired,
        Resumed,
        TerminateRequested,
        FailRequested,
        Continued,
    )
}


def event_to_json(event: Event) -> dict[str, Any]:
    """The fields of an event, but for those that say nothing."""
    return {
        one.name: value
        for one in fields(event)
        if (value := getattr(event, one.name)) != one.default and value != {}
    }


def event_from_json(kind: str, value: dict[str, Any]) -> Event:
    """The event of a type, from its fields; what else is in `value` is not looked at."""
    made = EVENTS[kind]
    return made(**{one.name: value[one.name] for one in fields(made) if one.name in value})


def failure(name: str, message: str) -> Failure:
    """A failure from outside, bounded: its texts may be anything."""
    return Failure(name[:MAX_ERROR_NAME_LENGTH], message[:MAX_ERROR_MESSAGE_LENGTH])
