"""Executions on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, BeforeValidator, Field, JsonValue, WithJsonSchema

from treadle.api.wire import snake_case
from treadle.api.workflows.definition_bodies import (
    CONNECTIONS_EXAMPLE,
    PAYLOAD_EXAMPLE,
    STEPS_EXAMPLE,
)
from treadle.api.workflows.fields import (
    ORGANIZATION_ID,
    SUCCESS,
    WORKFLOW_ID,
    WORKSPACE_ID,
    milliseconds,
)
from treadle.core.json import Json
from treadle.identity.model import Actor
from treadle.identity.names import name_of
from treadle.workflows.condensed import condensed_logs
from treadle.workflows.execution_links import Links
from treadle.workflows.execution_model import Execution, ExecutionSummary, StartedBy, Status
from treadle.workflows.run import Entry
from treadle.workflows.versions import Version

EXECUTION_ID: Final = "0199f3c1-6504-7b1c-9d52-48dcab1e0f3a"
MAX_BATCH: Final = 1_000

EVENTS_EXAMPLE: Final[list[dict[str, Any]]] = [
    {
        "seq": 1,
        "at": 1795683600000,
        "type": "execution_started",
        "step": "start",
        "input": PAYLOAD_EXAMPLE,
    },
]
_SUMMARY: Final[dict[str, Any]] = {
    "workflow_id": WORKFLOW_ID,
    "workflow_execution_id": EXECUTION_ID,
    "workflow_version": 1,
    "workflow_current_state": "total",
    "workflow_status": "In Progress",
    "workflow_trigger_type": "REQUEST",
    "workflow_event_log": {"events": EVENTS_EXAMPLE},
    "workflow_details": {"workflow_name": "Orders"},
    "process_id": None,
    "organization_id": ORGANIZATION_ID,
    "workspace_id": WORKSPACE_ID,
    "created_on": 1795683600000,
    "created_by": "api_key:3f2b7c1e-9a54-4d0c-8f6e-5b1a2c3d4e5f",
    "modified_on": 1795683600250,
    "modified_by": None,
    "finished_on": None,
    "error": None,
}
_ITEM: Final[dict[str, Any]] = {
    **_SUMMARY,
    "created_by_name": "The shop",
    "modified_by_name": None,
    "workflow_input_payload": PAYLOAD_EXAMPLE,
    "workflow_output_payload": None,
    "condensed_logs": {
        "start": {
            "input": None,
            "output": PAYLOAD_EXAMPLE,
            "status": "succeeded",
            "started_on": 1795683600000,
            "finished_on": 1795683600000,
            "duration_ms": 0,
            "attempts": 1,
        }
    },
    "workflow_details": {
        "workflow_name": "Orders",
        "workflow_steps": STEPS_EXAMPLE,
        "workflow_connections": CONNECTIONS_EXAMPLE,
    },
    "parent": None,
    "started": [],
}
_BEGUN: Final = {
    "type": "run",
    "id": "0199f3c1-7004-7b1c-9d52-48dcab1e0f3a",
    "step": "load",
    "attempt": 1,
}
_PARENT: Final = {
    "workflow_id": WORKFLOW_ID,
    "workflow_execution_id": EXECUTION_ID,
    "workflow_name": "Orders",
    "step": "ship",
}
_LAST_KEY: Final = {"workflow_id": WORKFLOW_ID, "workflow_execution_id": EXECUTION_ID}


class Started(BaseModel):
    """An execution was started."""

    model_config = snake_case(
        example={"message": SUCCESS, "looply_execution_id": EXECUTION_ID},
    )

    message: str = SUCCESS
    looply_execution_id: str = Field(description="What to ask for the execution with.")


def _as_text(value: object) -> object:
    """Numbers as texts: a version is either on this wire."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


VersionText = Annotated[
    str,
    BeforeValidator(_as_text),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}]}),
]


class BatchInput(BaseModel):
    """Many executions of one version."""

    model_config = snake_case(
        example={
            "workflow_id": WORKFLOW_ID,
            "workflow_version": 1,
            "payloads": [PAYLOAD_EXAMPLE, {"price": 7, "amount": 1}],
        }
    )

    workflow_id: str
    workflow_version: VersionText | None = Field(
        None, description="Left out: the latest ACTIVE one."
    )
    payloads: list[JsonValue] = Field(
        min_length=1, max_length=MAX_BATCH, description="One execution each."
    )


class StartedBatch(BaseModel):
    """Executions were started, in the order of their payloads."""

    model_config = snake_case(
        example={"message": SUCCESS, "looply_execution_ids": [EXECUTION_ID]},
    )

    message: str = SUCCESS
    looply_execution_ids: list[str]


class Message(BaseModel):
    """What became of it."""

    model_config = snake_case(example={"message": "restarted"})

    message: str


class TerminateInput(BaseModel):
    """Why an execution is ended."""

    model_config = snake_case(example={"termination_reason": "ordered twice"})

    termination_reason: str = Field("", max_length=2_000)


class RetryInput(BaseModel):
    """Where and with what to go on."""

    model_config = snake_case(example={"from_step": "total"})

    from_step: str | None = Field(
        default=None, description="Left out: from the steps that failed or were stopped."
    )
    workflow_version: VersionText | None = Field(
        default=None, description="Another version of the workflow to go on with."
    )
    payload: JsonValue = Field(
        default=None, description="The payload to go on with; left out: the one that it has."
    )


class EventLog(BaseModel):
    """What happened, in order; it only grows."""

    model_config = snake_case(example={"events": EVENTS_EXAMPLE})

    events: list[dict[str, Any]]


class ErrorBody(BaseModel):
    """Why an execution failed."""

    model_config = snake_case(
        example={"name": "Http.503", "message": "warehouse.example answered 503", "step": "stock"}
    )

    name: str
    message: str
    step: str | None


class ExecutionItem(BaseModel):
    """An execution as lists show it."""

    model_config = snake_case(example=_SUMMARY)

    workflow_id: str
    workflow_execution_id: str
    workflow_version: int
    workflow_current_state: str = Field(description="The steps under way, or the last one.")
    workflow_status: Status
    workflow_trigger_type: StartedBy
    workflow_event_log: EventLog
    workflow_details: dict[str, Any]
    process_id: str | None
    organization_id: str
    workspace_id: str
    created_on: int = Field(description="Milliseconds since 1970, as all instants here.")
    created_by: str
    modified_on: int
    modified_by: str | None = Field(description="Who last resumed, ended or retried it.")
    finished_on: int | None
    error: ErrorBody | None


class ParentBody(BaseModel):
    """The execution, and the step of it, that waits for the end of this one."""

    model_config = snake_case(example=_PARENT)

    workflow_id: str
    workflow_execution_id: str
    workflow_name: str
    step: str


class BegunBody(BaseModel):
    """What an attempt of a step has started: another execution, or the run of a job."""

    model_config = snake_case(example=_BEGUN)

    type: Literal["execution", "run"]
    id: str
    step: str
    attempt: int


class WholeExecutionItem(ExecutionItem):
    """An execution, whole."""

    model_config = snake_case(example=_ITEM)

    created_by_name: str
    modified_by_name: str | None
    workflow_input_payload: JsonValue
    workflow_output_payload: JsonValue
    condensed_logs: dict[str, Any] = Field(description="What went into each step, and came out.")
    parent: ParentBody | None
    started: list[BegunBody] = Field(
        description="Runs of its `job` steps, and the executions that it waits or waited for."
    )


class ExecutionAnswer(BaseModel):
    """An execution."""

    model_config = snake_case(example={"message": SUCCESS, "item": _ITEM})

    message: str = SUCCESS
    item: WholeExecutionItem


class ExecutionLastKey(BaseModel):
    """What to ask for the next page with."""

    model_config = snake_case(example=_LAST_KEY)

    workflow_id: str
    workflow_execution_id: str


class ExecutionList(BaseModel):
    """A page of executions. `lastKey` is there only if another page is."""

    model_config = snake_case(
        example={"message": SUCCESS, "count": 1, "items": [_SUMMARY], "lastKey": _LAST_KEY}
    )

    message: str = SUCCESS
    count: int = Field(description="Items on this page.")
    items: list[ExecutionItem]
    lastKey: ExecutionLastKey | None = None  # noqa: N815 - the contract's name


def execution_item(
    execution: ExecutionSummary, events: Sequence[Entry], organization_id: UUID
) -> ExecutionItem:
    """The execution as a list shows it."""
    details = {"workflow_name": execution.workflow_name}
    return ExecutionItem(**_told(execution, events, organization_id), workflow_details=details)


def execution_answer(
    execution: Execution,
    events: Sequence[Entry],
    version: Version,
    links: Links,
    names: Mapping[str, Actor],
    organization_id: UUID,
) -> ExecutionAnswer:
    """The execution, whole, with the version that it is of."""
    item = WholeExecutionItem(
        **_told(execution, events, organization_id),
        created_by_name=names[execution.created_by].name,
        modified_by_name=name_of(names, execution.modified_by),
        workflow_details={
            "workflow_name": version.name,
            "workflow_steps": version.steps,
            "workflow_connections": version.connections,
        },
        workflow_input_payload=_payload(execution.input),
        workflow_output_payload=_payload(execution.output),
        condensed_logs=condensed_logs(events),
        parent=_parent(links),
        started=[
            BegunBody(type=one.type, id=one.id, step=one.step, attempt=one.attempt)
            for one in links.begun
        ],
    )
    return ExecutionAnswer(item=item)


def _parent(links: Links) -> ParentBody | None:
    found = links.parent
    if found is None:
        return None
    return ParentBody(
        workflow_id=str(found.workflow_id),
        workflow_execution_id=str(found.execution_id),
        workflow_name=found.workflow_name,
        step=found.step,
    )


def _told(
    execution: ExecutionSummary, events: Sequence[Entry], organization_id: UUID
) -> dict[str, Any]:
    error = None
    if execution.error_name is not None:
        error = ErrorBody(
            name=execution.error_name,
            message=execution.error_message or "",
            step=execution.error_step,
        )
    finished = execution.finished_at
    return {
        "workflow_id": str(execution.workflow_id),
        "workflow_execution_id": str(execution.id),
        "workflow_version": execution.number,
        "workflow_current_state": execution.current,
        "workflow_status": execution.status,
        "workflow_trigger_type": execution.trigger_type,
        "workflow_event_log": EventLog(events=list(events)),
        "process_id": execution.process_id,
        "organization_id": str(organization_id),
        "workspace_id": str(execution.project_id),
        "created_on": milliseconds(execution.created_at),
        "created_by": execution.created_by,
        "modified_on": milliseconds(execution.modified_at),
        "modified_by": execution.modified_by,
        "finished_on": None if finished is None else milliseconds(finished),
        "error": error,
    }


def _payload(stored: bytes | None) -> Json:
    return None if stored is None else orjson.loads(stored)
