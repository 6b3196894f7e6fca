"""Workflows and their versions as rows, and what a caller says of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum, unique
from typing import Any
from uuid import UUID

from treadle.core.json import Json


@unique
class VersionStatus(StrEnum):
    """Where a version stands. Only a DRAFT changes, and only an ACTIVE one is started."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    ARCHIVED = "ARCHIVED"


@unique
class TriggerType(StrEnum):
    """What starts a version, by its first step."""

    REQUEST = "REQUEST"
    SCHEDULE = "SCHEDULE"


@dataclass(frozen=True, slots=True)
class WorkflowDraft:
    """What a caller says of a version. The keys of `integrations` name those that the workflow may
    use beside those that its steps name; `project` is a name or an id, None the default one.
    """

    name: str
    steps: Json
    connections: Json
    integrations: Mapping[str, Any] = field(default_factory=dict[str, Any])
    schema: Json = None
    mock_payload: Json = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class StoredWorkflow:
    """A workflow, which is what its versions have in common."""

    id: UUID
    project_id: UUID
    last_number: int


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """A version as lists show it. `integrations`: the ids of the project's by their names."""

    id: UUID
    workflow_id: UUID
    project_id: UUID
    number: int
    name: str
    status: VersionStatus
    trigger_type: TriggerType
    integrations: dict[str, str]
    is_latest: bool
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class ListedVersion(VersionSummary):
    """A version among others: `active_number` is that of the version a start takes, if there is
    one.
    """

    active_number: int | None


@dataclass(frozen=True, slots=True)
class Startable(VersionSummary):
    """A version as a start needs it: without its steps, which may be many."""

    schema: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Version(VersionSummary):
    """A version, whole."""

    steps: list[Any]
    connections: list[Any]
    schema: dict[str, Any] | None
    mock_payload: Json


@dataclass(frozen=True, slots=True)
class VersionKey:
    """The place of a version in a list: lists go down by both."""

    workflow_id: UUID
    number: int


@dataclass(frozen=True, slots=True)
class VersionColumns:
    """What of a version a caller decides, checked."""

    name: str
    trigger_type: TriggerType
    steps: Json
    connections: Json
    integrations: dict[str, str]
    schema: dict[str, Any] | None
    mock_payload: Json
