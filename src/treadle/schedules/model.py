"""Schedules and their firings as rows, and what callers say of a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from treadle.core.json import Json
from treadle.schedules.decisions import (
    CatchupPolicy,
    CompletionAction,
    EndStatus,
    FiringStatus,
    OverlapPolicy,
    Trigger,
)
from treadle.schedules.due_times import ScheduleType


class Face(StrEnum):
    """The contract that a schedule was made by; each shows those of the others that it can."""

    SCHEDULES = "schedules"
    REMOTE_JOBS = "remote_jobs"
    JOB_CONFIG = "job_config"
    WORKFLOW = "workflow"


class ScheduleStatus(StrEnum):
    """Whether a schedule is due again."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"


class ActionType(StrEnum):
    """What a schedule starts."""

    RUN_JOB = "run_job"
    RUN_WORKFLOW = "run_workflow"
    SEND_WEBHOOK = "send_webhook"
    NOTIFY = "notify"
    LOG_EVENT = "log_event"


AT_ONCE: Final = frozenset({ActionType.LOG_EVENT})
"""Actions that are done as soon as they are started, in the same transaction."""


@dataclass(frozen=True)  # no slots: see treadle.core.frozen
class Definition:
    """What a caller says of a schedule; a version of it. The names are the wire's and the table's.

    `crons`, where there are any, stand in place of `schedule_expression`: due at the union of them.
    """

    name: str
    schedule_type: ScheduleType
    action_type: ActionType
    action_config: Mapping[str, Any]
    schedule_expression: str | None = None
    description: str | None = None
    customer_id: UUID | None = None
    external_id: str | None = None
    tags: tuple[str, ...] = ()
    crons: tuple[str, ...] = ()
    timezone: str = "UTC"
    start_at: datetime | None = None
    end_at: datetime | None = None
    calendars: tuple[Mapping[str, Any], ...] = ()
    overlap_policy: OverlapPolicy = OverlapPolicy.SKIP
    catchup_window_minutes: int = 10
    catchup_policy: CatchupPolicy = CatchupPolicy.ALL
    flexible_window_minutes: int = 0
    rate_limit_per_minute: int | None = None
    max_retries: int = 3
    retry_backoff_seconds: int = 60
    pause_on_failure_count: int = 5
    action_after_completion: CompletionAction = CompletionAction.NONE
    relative_entity_definition_id: UUID | None = None
    relative_field_name: str | None = None
    relative_filter: Mapping[str, Any] | None = None
    relative_offset_days: int | None = None


DEFINITION_FIELDS = tuple(field.name for field in fields(Definition))


@dataclass(frozen=True)
class Schedule(Definition):
    """A schedule, and where it stands; see the table."""

    id: UUID = field(kw_only=True)
    tenant_id: UUID = field(kw_only=True)
    project_id: UUID = field(kw_only=True)
    face: Face = field(kw_only=True)
    version: int = field(kw_only=True)
    action_secret: bytes | None = field(kw_only=True, repr=False)
    deduplication_key: str | None = field(kw_only=True)
    status: ScheduleStatus = field(kw_only=True)
    paused_at: datetime | None = field(kw_only=True)
    paused_until: datetime | None = field(kw_only=True)
    paused_reason: str | None = field(kw_only=True)
    decided_until: datetime = field(kw_only=True)
    cursor_record_id: UUID | None = field(kw_only=True)
    next_run_at: datetime | None = field(kw_only=True)
    tick_at: datetime | None = field(kw_only=True)
    failures: int = field(kw_only=True)
    recent_starts: list[float] = field(kw_only=True)
    run_count: int = field(kw_only=True)
    last_run_at: datetime | None = field(kw_only=True)
    last_run_status: str | None = field(kw_only=True)
    last_firing_id: UUID | None = field(kw_only=True)
    created_at: datetime = field(kw_only=True)
    created_by: str = field(kw_only=True)
    updated_at: datetime = field(kw_only=True)
    updated_by: str = field(kw_only=True)
    deleted_at: datetime | None = field(kw_only=True)

    @property
    def definition(self) -> Definition:
        """What callers say of it."""
        return Definition(**{name: getattr(self, name) for name in DEFINITION_FIELDS})


class Phase(StrEnum):
    """What an open firing waits for."""

    DELAYED = "delayed"  # its place in the flexible window
    BUFFERED = "buffered"  # the end of an earlier firing
    QUEUED = "queued"  # the rate limit, or the end of a maintenance window
    RUNNING = "running"  # the end of what it started
    RETRYING = "retrying"  # its next attempt


@dataclass(frozen=True)  # no slots: see treadle.core.frozen
class FiringRow:
    """A due time and what became of it, or a start that somebody asked for.

    `span_until` and `span_count` are set in the one row of a pause: it stands for so many due times
    from `scheduled_for` on.
    """

    id: UUID
    project_id: UUID
    schedule_id: UUID
    schedule_version: int
    scheduled_for: datetime
    trigger: Trigger
    status: FiringStatus
    created_at: datetime
    reason: str = ""
    span_until: datetime | None = None
    span_count: int | None = None
    record_id: UUID | None = None
    record: Mapping[str, Any] | None = None
    phase: Phase | None = None
    place: int = 0
    not_before: datetime | None = None
    overlap_policy: OverlapPolicy | None = None
    ending: str | None = None
    attempt: int = 0
    target_type: str | None = None
    target_id: UUID | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    lateness_ms: int | None = None
    error: str | None = None
    result: Json = None


@dataclass(frozen=True, slots=True)
class Lateness:
    """How long after their due times some firings started, in milliseconds: half of them at most
    `p50_ms`, 95 % at most `p95_ms`, all at most `max_ms`. None where none started.
    """

    started: int = 0
    p50_ms: int | None = None
    p95_ms: int | None = None
    max_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DayTally:
    """The firings of a schedule on the day of this number that came to the same: `count` due times
    from `first` to `last` in `firings` rows, as the one row of a pause stands for many.
    """

    day: int
    schedule_id: UUID
    status: str
    first: datetime
    last: datetime
    count: int
    firings: int


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """An attempt of a firing is over. `final`: another attempt would be no use."""

    schedule_id: UUID
    firing_id: UUID
    attempt: int
    status: EndStatus
    error: str
    result: Json
    final: bool
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class ScheduleVersion:
    """What callers said of a schedule at some time."""

    version: int
    definition: dict[str, Any]
    created_at: datetime
    created_by: str
