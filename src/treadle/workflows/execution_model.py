"""Executions as rows, and what starts one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, unique
from typing import TypeAlias
from uuid import UUID

from treadle.workflows.effects import Effect
from treadle.workflows.run import Entry
from treadle.workflows.state import State, Status

__all__ = [
    "Advanced",
    "EffectRow",
    "Execution",
    "ExecutionRow",
    "ExecutionSummary",
    "Key",
    "LogChunk",
    "NewExecution",
    "Parent",
    "StartedBy",
    "Status",
    "Told",
]


@unique
class StartedBy(StrEnum):
    """What started an execution: its `workflow_trigger_type`."""

    REQUEST = "REQUEST"
    SCHEDULE = "SCHEDULE"
    WORKFLOW = "WORKFLOW"
    MANUAL = "MANUAL"


Key: TypeAlias = tuple[UUID, UUID]
"""Tenant and execution."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The step, or the item of a map, of another execution that waits for the end of this one."""

    execution_id: UUID
    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class NewExecution:
    """What of an execution differs from the others that are started with it."""

    id: UUID
    input: bytes
    created_by: str
    process_id: str | None = None
    parent: Parent | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """An execution as lists show it. `current` are the steps under way; `seq` counts the entries
    of its event log. `modified_by` is who last resumed, ended or retried it.
    """

    id: UUID
    tenant_id: UUID
    project_id: UUID
    workflow_id: UUID
    workflow_name: str
    version_id: UUID
    number: int
    process_id: str | None
    trigger_type: StartedBy
    status: Status
    current: str
    seq: int
    wake_at: datetime | None
    error_name: str | None
    error_message: str | None
    error_step: str | None
    parent_execution_id: UUID | None
    origin: str | None
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Execution(ExecutionSummary):
    """An execution, whole; `input` and `output` are JSON."""

    input: bytes
    output: bytes | None


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """What taking an execution forward needs of its row."""

    tenant_id: UUID
    id: UUID
    project_id: UUID
    workflow_id: UUID
    version_id: UUID
    number: int
    process_id: str | None
    trigger_type: str
    status: str
    revision: int
    seq: int
    resumed: int
    wake_at: datetime | None
    input: bytes
    state: bytes | None
    parent_execution_id: UUID | None
    parent_step: str | None
    parent_attempt: int | None
    origin: str | None

    @property
    def key(self) -> Key:
        return self.tenant_id, self.id

    @property
    def is_over(self) -> bool:
        """Whether nothing happens to it any more, unless it is retried."""
        return Status(self.status).over


@dataclass(frozen=True, slots=True)
class Told:
    """An event that waits in an execution's inbox."""

    id: int
    tenant_id: UUID
    execution_id: UUID
    type: str
    event: bytes


@dataclass(frozen=True, slots=True)
class Advanced:
    """An execution that was taken forward: what is to be written, if nobody else was faster.

    `told`: the events of its inbox that are done with. `again`: it has more to do at once.
    """

    row: ExecutionRow
    state: State
    stored: bytes | None
    output: bytes | None
    log: list[Entry] = field(default_factory=list[Entry])
    effects: list[Effect] = field(default_factory=list[Effect])
    told: list[int] = field(default_factory=list[int])
    again: bool = False


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Entries of an event log; `seq` is the last one's."""

    execution_id: UUID
    seq: int
    entries: bytes


@dataclass(frozen=True, slots=True)
class EffectRow:
    """What an execution asked of the world, claimed by whoever carries it out now. `integrations`
    are those of the version, ids by their names.
    """

    tenant_id: UUID
    execution_id: UUID
    step: str
    attempt: int
    type: str
    request: bytes
    claim: int
    target_id: UUID | None
    project_id: UUID
    workflow_id: UUID
    depth: int
    integrations: dict[str, str]
