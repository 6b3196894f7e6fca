"""Workflows and their versions on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from treadle.api.wire import snake_case
from treadle.api.workflows.fields import (
    ORGANIZATION_ID,
    SUCCESS,
    WORKFLOW_ID,
    WORKSPACE_ID,
    milliseconds,
)
from treadle.identity.model import Actor
from treadle.identity.names import name_of
from treadle.workflows.faults import Fault
from treadle.workflows.versions import (
    ListedVersion,
    TriggerType,
    Version,
    VersionStatus,
    VersionSummary,
    WorkflowDraft,
)

STEPS_EXAMPLE: Final[list[dict[str, Any]]] = [
    {"id": "start", "name": "Order comes in", "type": "request", "config": {}},
    {
        "id": "total",
        "name": "Total of the order",
        "type": "transform",
        "config": {"mode": "merge", "value": {"total": "${payload.price * payload.amount}"}},
    },
]
CONNECTIONS_EXAMPLE: Final[list[dict[str, Any]]] = [{"from": "start", "to": "total"}]
PAYLOAD_EXAMPLE: Final[dict[str, Any]] = {"price": 12, "amount": 3}
_SCHEMA: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"price": {"type": "integer"}, "amount": {"type": "integer"}},
    "required": ["amount", "price"],
}
_SAID: Final = {
    "workflow_name": "Orders",
    "workflow_steps": STEPS_EXAMPLE,
    "workflow_connections": CONNECTIONS_EXAMPLE,
    "workflow_schema": _SCHEMA,
    "workflow_integrations": {},
    "workflow_mock_payload": PAYLOAD_EXAMPLE,
    "workspace_id": WORKSPACE_ID,
}
_STANDING: Final = {
    "workflow_id": WORKFLOW_ID,
    "workflow_version": 1,
    "workflow_name": "Orders",
    "workflow_status": "DRAFT",
    "workflow_status_version": "DRAFT_1",
    "workflow_trigger_type": "REQUEST",
    "latest": "true",
    "organization_id": ORGANIZATION_ID,
    "workspace_id": WORKSPACE_ID,
    "created_on": 1795683600000,
    "created_by": "user:1",
    "modified_on": 1795683600000,
    "modified_by": None,
}
_ITEM: Final = {**_SAID, **_STANDING}
_LISTED: Final = {
    **_STANDING,
    "created_by_name": "ada",
    "modified_by_name": None,
    "active_version": None,
}
_SCHEMA_ITEM: Final = {
    name: _ITEM[name]
    for name in (
        "workflow_id",
        "workflow_version",
        "workflow_schema",
        "workflow_mock_payload",
        "created_on",
        "created_by",
        "modified_on",
        "modified_by",
    )
}
_LAST_KEY: Final = {
    "organization_id": ORGANIZATION_ID,
    "workflow_id": WORKFLOW_ID,
    "workflow_version": 1,
}
_FAULTS: Final = [{"path": "workflow_steps[1].config.value", "message": "bad expression: …"}]


class WorkflowInput(BaseModel):
    """What can be said of a workflow. Further fields, such as those of an item, are let pass."""

    model_config = snake_case(example=_SAID)

    workflow_name: str = Field(description="1 to 200 characters.")
    workflow_steps: list[Any] = Field(description="The trigger first; see the guide to workflows.")
    workflow_connections: list[Any] = Field(description="`[{from, to, when?, label?, on?}]`.")
    workflow_schema: dict[str, Any] | None = Field(
        None, description="JSON Schema of the payload, enforced at every start."
    )
    workflow_integrations: dict[str, Any] = Field(
        {},
        max_length=200,
        description="The names of integrations of the workspace that the workflow may use, beside "
        "those that its steps name. The values are not looked at.",
    )
    workflow_mock_payload: JsonValue = Field(None, description="A payload to try things with.")
    workspace_id: str | None = Field(
        None, description="Left out: the caller's default project. Cannot be changed."
    )

    def draft(self) -> WorkflowDraft:
        """What the request says."""
        return WorkflowDraft(
            name=self.workflow_name,
            steps=self.workflow_steps,
            connections=self.workflow_connections,
            integrations=self.workflow_integrations,
            schema=self.workflow_schema or None,
            mock_payload=self.workflow_mock_payload,
            project=self.workspace_id,
        )


class DetectInput(BaseModel):
    """What a schema is read off."""

    model_config = snake_case(example={"payload": PAYLOAD_EXAMPLE})

    payload: JsonValue = Field(description="Any JSON value; it becomes the mock payload.")


class VersionItem(BaseModel):
    """What every version has."""

    model_config = snake_case(example=_STANDING)

    workflow_id: str
    workflow_version: int
    workflow_name: str
    workflow_status: VersionStatus
    workflow_status_version: str = Field(description="Both in one: `DRAFT_1`.")
    workflow_trigger_type: TriggerType
    latest: Literal["true", "false"]
    organization_id: str
    workspace_id: str
    created_on: int = Field(description="Milliseconds since 1970, as all instants here.")
    created_by: str
    modified_on: int
    modified_by: str | None = Field(description="Null until somebody changes the version.")


class ListedItem(VersionItem):
    """A version as lists show it."""

    model_config = snake_case(example=_LISTED)

    created_by_name: str
    modified_by_name: str | None
    active_version: int | None = Field(
        description="The version that a start without a number takes; null: there is none."
    )


class WorkflowItem(VersionItem):
    """A version, whole."""

    model_config = snake_case(example=_ITEM)

    workflow_steps: list[Any]
    workflow_connections: list[Any]
    workflow_integrations: dict[str, Any] = Field(
        description="By their names: `{integration_id}` of each that the workflow may use."
    )
    workflow_schema: dict[str, Any] = Field(description="Empty where there is none.")
    workflow_mock_payload: JsonValue


class SchemaItem(BaseModel):
    """What a payload of a version looks like."""

    model_config = snake_case(example=_SCHEMA_ITEM)

    workflow_id: str
    workflow_version: int
    workflow_schema: dict[str, Any] = Field(description="Empty where there is none.")
    workflow_mock_payload: JsonValue
    created_on: int
    created_by: str
    modified_on: int
    modified_by: str | None


class WorkflowAnswer(BaseModel):
    """A version."""

    model_config = snake_case(example={"message": SUCCESS, "item": _ITEM})

    message: str = SUCCESS
    item: WorkflowItem


class SchemaAnswer(BaseModel):
    """A version's schema."""

    model_config = snake_case(example={"message": SUCCESS, "item": _SCHEMA_ITEM})

    message: str = SUCCESS
    item: SchemaItem


class VersionLastKey(BaseModel):
    """What to ask for the next page with."""

    model_config = snake_case(example=_LAST_KEY)

    organization_id: str
    workflow_id: str
    workflow_version: int


class VersionList(BaseModel):
    """A page of versions. `lastKey` is there only if another page is."""

    model_config = snake_case(
        example={"message": SUCCESS, "count": 1, "items": [_LISTED], "lastKey": _LAST_KEY}
    )

    message: str = SUCCESS
    count: int = Field(description="Items on this page.")
    items: list[ListedItem]
    lastKey: VersionLastKey | None = None  # noqa: N815 - the contract's name


class FaultBody(BaseModel):
    """One thing that is wrong with a definition."""

    model_config = snake_case(example=_FAULTS[0])

    path: str
    message: str


class ValidationAnswer(BaseModel):
    """What would be refused of a definition."""

    model_config = snake_case(example={"message": SUCCESS, "valid": False, "errors": _FAULTS})

    message: str = SUCCESS
    valid: bool
    errors: list[FaultBody]


def listed_item(
    version: ListedVersion, organization_id: UUID, names: Mapping[str, Actor]
) -> ListedItem:
    """The version as a list shows it."""
    standing = _standing(version, organization_id)
    return ListedItem(
        **standing,
        created_by_name=names[version.created_by].name,
        modified_by_name=name_of(names, standing["modified_by"]),
        active_version=version.active_number,
    )


def workflow_item(version: Version, organization_id: UUID) -> WorkflowItem:
    """The version, whole."""
    return WorkflowItem(
        **_standing(version, organization_id),
        workflow_steps=version.steps,
        workflow_connections=version.connections,
        workflow_integrations={
            name: {"integration_id": id_} for name, id_ in version.integrations.items()
        },
        workflow_schema=version.schema or {},
        workflow_mock_payload=version.mock_payload,
    )


def workflow_answer(version: Version, organization_id: UUID) -> WorkflowAnswer:
    """The version as an answer."""
    return WorkflowAnswer(item=workflow_item(version, organization_id))


def schema_answer(version: Version) -> SchemaAnswer:
    """The version's schema as an answer."""
    return SchemaAnswer(
        item=SchemaItem(
            workflow_id=str(version.workflow_id),
            workflow_version=version.number,
            workflow_schema=version.schema or {},
            workflow_mock_payload=version.mock_payload,
            **_who(version),
        )
    )


def validation_answer(faults: list[Fault]) -> ValidationAnswer:
    """The faults as an answer."""
    return ValidationAnswer(
        valid=not faults,
        errors=[FaultBody(path=fault.path, message=fault.rule) for fault in faults],
    )


def _standing(version: VersionSummary, organization_id: UUID) -> dict[str, Any]:
    return {
        "workflow_id": str(version.workflow_id),
        "workflow_version": version.number,
        "workflow_name": version.name,
        "workflow_status": version.status,
        "workflow_status_version": f"{version.status}_{version.number}",
        "workflow_trigger_type": version.trigger_type,
        "latest": "true" if version.is_latest else "false",
        "organization_id": str(organization_id),
        "workspace_id": str(version.project_id),
        **_who(version),
    }


def _who(version: VersionSummary) -> dict[str, Any]:
    is_changed = version.updated_at > version.created_at
    return {
        "created_on": milliseconds(version.created_at),
        "created_by": version.created_by,
        "modified_on": milliseconds(version.updated_at),
        "modified_by": version.updated_by if is_changed else None,
    }
