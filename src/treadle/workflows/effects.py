"""What the machine asks the world to do. Each is asked once for a step's attempt.

`step` is the path of the step (`fetch`, or `each[3].fetch` in the fourth item of a map). What comes
back names the same path and attempt, else it is not listened to. `key` is for the other side: the
same for each delivery of one attempt, another for each attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from treadle.core.json import Json
from treadle.workflows.state import Failure


@dataclass(frozen=True, slots=True)
class StartStep:
    """Do an `http` or `function` step; tell StepSucceeded or StepFailed."""

    step: str
    attempt: int
    key: str
    type: str
    config: dict[str, Any]
    """The step's config, its expressions evaluated."""
    timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class StartJob:
    """Begin a run of a job; tell JobEnded."""

    step: str
    attempt: int
    key: str
    config: dict[str, Any]
    """`job_id`, `input`, `macros`."""


@dataclass(frozen=True, slots=True)
class StartWorkflow:
    """Begin an execution of another workflow; tell ChildEnded.

    Without `wait`, tell StepSucceeded with the execution's id as soon as it is begun.
    """

    step: str
    attempt: int
    key: str
    config: dict[str, Any]
    """`workflow_id`, `workflow_version`, `payload`."""
    wait: bool = True


@dataclass(frozen=True, slots=True)
class AwaitResponse:
    """Ask for an answer, if `send` says how; tell StepFailed if that can't be done."""

    step: str
    attempt: int
    key: str
    sources: list[str] | None
    send: dict[str, Any] | None
    form: dict[str, Any] | None
    due: int | None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody waits for this attempt any more: stop it if that can be done."""

    step: str
    attempt: int
    type: str


@dataclass(frozen=True, slots=True)
class Complete:
    """The execution has come to its end."""

    output: Json


@dataclass(frozen=True, slots=True)
class Fail:
    """The execution has failed, at `step` if it was a step's failure."""

    failure: Failure
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Terminate:
    """The execution was ended by hand."""

    reason: str


Effect: TypeAlias = (
    StartStep | StartJob | StartWorkflow | AwaitResponse | Cancel | Complete | Fail | Terminate
)
