"""What the jobs domain speaks of, as frozen rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias
from uuid import UUID

from treadle.core.json import Json


class RunState(StrEnum):
    """Where a run stands; the words of the integration manager."""

    QUEUED = "QUEUED"  # ready for a worker, or between two attempts
    WAITING = "WAITING"  # blocked by an earlier run of its job
    INITIALIZING = "INITIALIZING"  # a worker prepares it
    RUNNING = "RUNNING"  # its code runs
    FINISHED = "FINISHED"  # the code returned
    ERROR = "ERROR"  # the code raised
    FAILED = "FAILED"  # stopped by hand, timed out, over a limit, or its worker was lost
    CANCELLED = "CANCELLED"  # ended before a worker had it

    @property
    def is_final(self) -> bool:
        """Whether nothing happens to the run any more."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({RunState.FINISHED, RunState.ERROR, RunState.FAILED, RunState.CANCELLED})
HELD_STATES = frozenset({RunState.INITIALIZING, RunState.RUNNING})
"""The states in which a worker has the run under a lease."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A named pool of workers: how many are alive now, and how many runs they take at a time."""

    id: int
    name: str
    workers: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Job:
    """A definition that can be run."""

    id: int
    tenant_id: UUID
    project_id: UUID
    name: str
    description: str
    active: bool
    package_name: str | None
    entry_point: str | None
    log_level: str
    blocking: bool
    timeout_minutes: int
    max_retries: int
    retry_backoff_seconds: int
    network: bool
    destination_id: int
    tags: list[str]
    macro_sets: list[str]
    created_at: datetime
    created_by: str
    last_modified_at: datetime
    last_modified_by: str


@dataclass(frozen=True, slots=True)
class FileSummary:
    """A file of a job as lists show it."""

    job_id: int
    key: str
    size: int
    sha256: bytes
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class JobFile(FileSummary):
    """A file that was uploaded to a job. `package` is what its inspection found, which may be
    large, and None for what is not a package.
    """

    package: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Macro:
    """A variable of the code. A secure one has no readable value."""

    name: str
    value: str | None
    secret: bytes | None
    description: str
    modified_at: datetime

    @property
    def secure(self) -> bool:
        """Whether the value is never readable again."""
        return self.secret is not None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as lists show it: without what may be large. `attempt` counts the tries that workers
    began.
    """

    id: UUID
    tenant_id: UUID
    project_id: UUID
    job_id: int
    job_name: str
    state: RunState
    attempt: int
    destination_id: int
    package: dict[str, Any]
    tags: list[str]
    submitted_by: str
    scheduled_at: datetime
    not_before: datetime | None
    received_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    stop_requested_at: datetime | None
    stop_requested_by: str | None
    error_type: str | None
    error: str | None
    return_code: int | None
    retry_of: UUID | None


@dataclass(frozen=True, slots=True)
class Run(RunSummary):
    """One execution of a job."""

    failures: int
    max_retries: int
    retry_backoff_seconds: int
    timeout_seconds: int
    blocking: bool
    network: bool
    log_level: str
    input: dict[str, Any]
    macros: bytes | None
    macro_sets: list[str]
    worker_id: UUID | None
    lease_expires_at: datetime | None
    result: Json
    log_bytes: int
    origin: str | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a run, and what became of it."""

    attempt: int
    worker_id: UUID
    received_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    outcome: str | None
    error_type: str | None
    error: str | None
    return_code: int | None


@dataclass(frozen=True, slots=True)
class LogChunk:
    """A piece of a run's log; `position` is the offset of its first byte in the whole log."""

    position: int
    attempt: int
    at: datetime
    content: str

    @property
    def end(self) -> int:
        """Offset of the first byte after this chunk."""
        return self.position + len(self.content.encode())


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file that a run left in its output folder; `number` is its place in the storage."""

    path: str
    attempt: int
    number: int
    size: int


Scope: TypeAlias = Literal["tenant", "user", "job", "set"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a macro stands: in the tenant (no id), with a user, a job, or in a set by its name."""

    scope: Scope
    id: str = ""


@dataclass(frozen=True, slots=True)
class MacroSet:
    """A named group of macros that jobs and runs can take together."""

    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list wants; None leaves a condition out. Times bound `scheduled_at`."""

    project_ids: Collection[UUID] | None = None
    states: Sequence[str] | None = None
    job_id: int | None = None
    submitted_by: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class RunCounts:
    """How many runs are in each state, and the summed duration of the finished ones in seconds."""

    states: dict[str, int]
    duration_seconds: float
