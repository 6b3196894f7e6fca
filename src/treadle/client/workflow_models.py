"""Workflows and executions as the server answers them. The contract's names are long
(`workflow_execution_id`): here they are short, and `raw` has them as they came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from treadle.client.models import Answer, at

OVER: Final = frozenset({"Completed", "Failed", "Terminated"})
"""The statuses that an execution does not leave, unless it is retried."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a workflow says: see the guide to workflows for its steps and connections."""

    name: str
    steps: Sequence[Mapping[str, Any]]
    connections: Sequence[Mapping[str, Any]] = ()
    schema: Mapping[str, Any] | None = None
    """JSON Schema of the payload."""
    integrations: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """By their names, those that it may use beside those that its steps name."""
    mock_payload: Any = None

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Definition:
        """The definition in JSON as the API has it. Raises ValueError for what is missing."""
        for name in ("workflow_name", "workflow_steps"):
            if name not in found:
                raise ValueError(f"a workflow has {name}")
        return cls(
            name=found["workflow_name"],
            steps=found["workflow_steps"],
            connections=found.get("workflow_connections", ()),
            schema=found.get("workflow_schema") or None,
            integrations=found.get("workflow_integrations") or {},
            mock_payload=found.get("workflow_mock_payload"),
        )

    def as_json(self) -> dict[str, Any]:
        """As the API has it."""
        return {
            "workflow_name": self.name,
            "workflow_steps": [dict(step) for step in self.steps],
            "workflow_connections": [dict(connection) for connection in self.connections],
            "workflow_schema": None if self.schema is None else dict(self.schema),
            "workflow_integrations": dict(self.integrations),
            "workflow_mock_payload": self.mock_payload,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowVersion(Answer):
    """A version of a workflow as lists show it."""

    id: str = field(metadata=at("workflow_id"))
    version: int = field(metadata=at("workflow_version"))
    name: str = field(metadata=at("workflow_name"))
    status: str = field(metadata=at("workflow_status"))
    """DRAFT, ACTIVE, PAUSED or ARCHIVED."""
    trigger_type: str = field(metadata=at("workflow_trigger_type"))
    latest: bool
    """Whether it is the highest version."""
    project: str = field(metadata=at("workspace_id"))
    created: datetime = field(metadata=at("created_on"))
    created_by: str
    modified: datetime = field(metadata=at("modified_on"))
    modified_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow(WorkflowVersion):
    """A version, whole."""

    steps: tuple[Mapping[str, Any], ...] = field(metadata=at("workflow_steps"))
    connections: tuple[Mapping[str, Any], ...] = field(metadata=at("workflow_connections"))
    schema: Mapping[str, Any] = field(metadata=at("workflow_schema"))
    """Empty where there is none."""
    integrations: Mapping[str, Any] = field(metadata=at("workflow_integrations"))
    mock_payload: Any = field(metadata=at("workflow_mock_payload"))

    @property
    def definition(self) -> Definition:
        """What it says, to be changed with `dataclasses.replace` and saved."""
        return Definition.of(self.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Answer):
    """One thing that is wrong with a definition."""

    path: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation(Answer):
    """What would be refused of a definition."""

    valid: bool
    errors: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionError(Answer):
    """Why an execution failed: a name to catch it by, such as `Http.503`, and in which step."""

    name: str
    message: str
    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSummary(Answer):
    """An execution as lists show it."""

    id: str = field(metadata=at("workflow_execution_id"))
    workflow_id: str
    version: int = field(metadata=at("workflow_version"))
    status: str = field(metadata=at("workflow_status"))
    """In Progress, Awaiting Response, Completed, Failed or Terminated."""
    current: str = field(metadata=at("workflow_current_state"))
    """The steps under way, or the last one."""
    trigger_type: str = field(metadata=at("workflow_trigger_type"))
    process_id: str | None = None
    project: str = field(metadata=at("workspace_id"))
    created: datetime = field(metadata=at("created_on"))
    created_by: str
    modified: datetime = field(metadata=at("modified_on"))
    finished: datetime | None = field(metadata=at("finished_on"))
    error: ExecutionError | None = None

    @property
    def workflow_name(self) -> str:
        """What its workflow was called."""
        return str(self.raw.get("workflow_details", {}).get("workflow_name", ""))

    @property
    def has_ended(self) -> bool:
        """Whether it stays in its status, unless somebody retries it."""
        return self.status in OVER

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.status == "Completed"

    @property
    def awaits_response(self) -> bool:
        """Whether it waits for somebody's answer."""
        return self.status == "Awaiting Response"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLog(Answer):
    """What went into a step, and came out."""

    status: str
    input: Any = None
    output: Any = None
    started: datetime | None = field(metadata=at("started_on"))
    finished: datetime | None = field(metadata=at("finished_on"))
    duration_ms: int | None = None
    attempts: int
    error: ExecutionError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEvent(Answer):
    """An entry of the event log, or, with the type `status`, the status that it came to."""

    type: str
    step: str | None = None
    at: datetime | None = None
    seq: int | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution(ExecutionSummary):
    """An execution, whole."""

    input: Any = field(metadata=at("workflow_input_payload"))
    output: Any = field(metadata=at("workflow_output_payload"))
    steps: Mapping[str, StepLog] = field(metadata=at("condensed_logs"))
    """By their ids, in the order in which they began."""
    events: tuple[ExecutionEvent, ...] = field(metadata=at("workflow_event_log", "events"))
