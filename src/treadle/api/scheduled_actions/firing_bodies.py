"""Firings and what is told about due times, on the wire. A firing is a schedule's *run* there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from treadle.api.lists import ListBody
from treadle.api.scheduled_actions.schedule_bodies import (
    CalendarUseBody,
    Expression,
    Instant,
    Overlap,
    ScheduleTypeText,
    Tag,
    TimezoneName,
)
from treadle.api.wire import Flag, Whole, snake_case
from treadle.core.clock import iso, iso_or_none
from treadle.core.json import Json
from treadle.identity.model import Actor
from treadle.schedules.decisions import OverlapPolicy
from treadle.schedules.expressions import parse_schedule_type
from treadle.schedules.forms.moments import parse_moment
from treadle.schedules.model import ActionType, Definition, FiringRow
from treadle.schedules.reading import (
    MOST_PREVIEWED,
    Explanation,
    Occurrence,
    Preview,
    VersionChanges,
)
from treadle.schedules.times.zones import find_zone

_ID: Final = "0199f3c1-6504-7b1c-9d52-48dcab1e0f3a"
FIRING_EXAMPLE: Final[dict[str, Any]] = {
    "id": _ID,
    "schedule_id": "0199f3c1-1111-7b1c-9d52-48dcab1e0f3a",
    "schedule_version": 1,
    "scheduled_for": "2026-11-22T22:00:00.000Z",
    "trigger": "schedule",
    "status": "succeeded",
    "reason": "",
    "attempt": 1,
    "not_before": None,
    "target": {"type": "run", "id": "0199f3c1-2222-7b1c-9d52-48dcab1e0f3a"},
    "started_at": "2026-11-22T22:00:00.012Z",
    "finished_at": "2026-11-22T22:00:03.120Z",
    "lateness_ms": 12,
    "error": None,
    "result": {"rows": 12},
    "record_id": None,
    "until": None,
    "count": 1,
}


class TargetBody(BaseModel):
    """What a firing started: a run has its state under `/api/jobs/{id}`."""

    type: str
    id: str


class FiringBody(BaseModel):
    """A due time and what became of it. Of a pause there is one for all its due times: `count` of
    them, from `scheduled_for` to `until`.
    """

    model_config = snake_case(example=FIRING_EXAMPLE)

    id: str
    schedule_id: str
    schedule_version: int
    scheduled_for: str
    trigger: str
    status: str
    reason: str
    attempt: int
    not_before: str | None
    target: TargetBody | None
    started_at: str | None
    finished_at: str | None
    lateness_ms: int | None
    error: str | None
    result: Json
    record_id: str | None
    until: str | None
    count: int


class FiringList(ListBody[FiringBody]):
    """Some of the firings."""

    model_config = snake_case(
        example={"items": [FIRING_EXAMPLE], "total": 1, "limit": 20, "offset": 0}
    )


def firing_body(row: FiringRow) -> FiringBody:
    """The firing as it is shown."""
    target = None
    if row.target_type is not None and row.target_id is not None:
        target = TargetBody(type=row.target_type, id=str(row.target_id))
    return FiringBody(
        id=str(row.id),
        schedule_id=str(row.schedule_id),
        schedule_version=row.schedule_version,
        scheduled_for=iso(row.scheduled_for),
        trigger=row.trigger,
        status=row.status,
        reason=row.reason,
        attempt=row.attempt,
        not_before=iso_or_none(row.not_before),
        target=target,
        started_at=iso_or_none(row.started_at),
        finished_at=iso_or_none(row.finished_at),
        lateness_ms=row.lateness_ms,
        error=row.error,
        result=row.result,
        record_id=None if row.record_id is None else str(row.record_id),
        until=iso_or_none(row.span_until),
        count=1 if row.span_count is None else row.span_count,
    )


class PauseInput(BaseModel):
    """Why, and until when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "The warehouse is being moved"}]},
    )

    reason: Annotated[str | None, Field(max_length=500)] = None
    until: Annotated[str | None, Field(max_length=64, description="Resumes by itself then.")] = None

    def end(self) -> datetime | None:
        """When the pause ends by itself; without an offset it is UTC."""
        return None if self.until is None else read_instant(self.until, field="until")


class BulkInput(BaseModel):
    """Which schedules are meant: all that is said must hold."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"tags": ["warehouse"]}]}
    )

    customer_id: UUID | None = None
    external_id: Annotated[str | None, Field(max_length=255)] = None
    tags: Annotated[list[Tag], Field(max_length=50)] = []


class BulkPauseInput(BulkInput, PauseInput):
    """Which schedules are meant, why, and until when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"tags": ["warehouse"], "reason": "Stocktaking"}]},
    )


class BulkBody(BaseModel):
    """What a request in bulk has done."""

    model_config = snake_case(example={"changed": 12})

    changed: int = Field(description="At most 500 at a time; ask again until it is 0.")


class BackfillInput(BaseModel):
    """A stretch of time whose due times are to be filled in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "start": "2026-11-01T00:00:00Z",
                    "end": "2026-11-07T00:00:00Z",
                    "overlap_policy": "BUFFER_ALL",
                    "dry_run": True,
                }
            ]
        },
    )

    start: Annotated[str, Field(max_length=64)]
    end: Annotated[str, Field(max_length=64)]
    overlap_policy: Overlap | None = None
    dry_run: Flag = False

    def stretch(self) -> tuple[datetime, datetime]:
        """From when to when; without an offset it is UTC."""
        return read_instant(self.start, field="start"), read_instant(self.end, field="end")

    def policy(self) -> OverlapPolicy | None:
        """What goes before the schedule's own."""
        return self.overlap_policy


class BackfillBody(BaseModel):
    """What a backfill fires, or would."""

    model_config = snake_case(
        example={
            "count": 6,
            "first": "2026-11-01T09:00:00.000Z",
            "last": "2026-11-06T09:00:00.000Z",
            "dry_run": True,
        }
    )

    count: int
    first: str | None
    last: str | None
    dry_run: bool


class PreviewInput(BaseModel):
    """A schedule that nobody has made yet."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "schedule_type": "cron",
                    "schedule_expression": "0 9 * * 5L",
                    "timezone": "Australia/Sydney",
                    "count": 3,
                }
            ]
        },
    )

    schedule_type: ScheduleTypeText
    schedule_expression: Expression = None
    timezone: TimezoneName = "UTC"
    start_at: Instant = None
    end_at: Instant = None
    calendars: Annotated[list[CalendarUseBody], Field(max_length=20)] = []
    after: Annotated[str | None, Field(max_length=64)] = None
    count: Annotated[Whole, Field(ge=1, le=MOST_PREVIEWED)] = 10

    def definition(self) -> Definition:
        """What the service takes. Raises Unprocessable."""
        zone = find_zone(self.timezone)

        def moment(text: str | None, field: str, *, end: bool = False) -> datetime | None:
            if text is None:
                return None
            return parse_moment(text, zone=zone, field=field, whole_day=end)

        return Definition(
            name="preview",
            schedule_type=parse_schedule_type(self.schedule_type),
            schedule_expression=self.schedule_expression,
            timezone=self.timezone,
            start_at=moment(self.start_at, "start_at"),
            end_at=moment(self.end_at, "end_at", end=True),
            calendars=tuple(use.plain() for use in self.calendars),
            action_type=ActionType.LOG_EVENT,
            action_config={},
        )

    def since(self) -> datetime | None:
        """After when; without an offset it is on the wall clock of the zone."""
        if self.after is None:
            return None
        return parse_moment(self.after, zone=find_zone(self.timezone), field="after")


class PreviewBody(BaseModel):
    """When it would be due."""

    model_config = snake_case(
        example={
            "next": ["2026-11-26T22:00:00.000Z"],
            "description": "At 09:00 on the last Friday of each month",
            "timezone": "Australia/Sydney",
        }
    )

    next: list[str]
    description: str
    timezone: str


def preview_body(found: Preview) -> PreviewBody:
    """The preview as it is shown."""
    return PreviewBody(
        next=[iso(at) for at in found.next], description=found.description, timezone=found.timezone
    )


class ExplanationBody(BaseModel):
    """Why a due time ran or did not."""

    model_config = snake_case(
        example={
            "at": "2026-11-22T22:00:00.000Z",
            "due": True,
            "outcome": "skipped",
            "reason": "an earlier firing has not ended",
            "schedule_version": 1,
            "firings": [],
            "before": "2026-11-19T22:00:00.000Z",
            "after": "2026-11-23T22:00:00.000Z",
        }
    )

    at: str
    due: bool
    outcome: str = Field(
        description="A firing's status, or upcoming, pending (the next tick decides), held (by a "
        "calendar), paused, not_due."
    )
    reason: str
    schedule_version: int | None = Field(description="The version that decided.")
    firings: list[FiringBody]
    before: str | None = Field(description="The due time before.")
    after: str | None = Field(description="The due time after.")


def explanation_body(found: Explanation) -> ExplanationBody:
    """The explanation as it is shown."""
    return ExplanationBody(
        at=iso(found.at),
        due=found.due,
        outcome=found.outcome,
        reason=found.reason,
        schedule_version=found.firings[0].schedule_version if found.firings else None,
        firings=[firing_body(row) for row in found.firings],
        before=iso_or_none(found.before),
        after=iso_or_none(found.after),
    )


class OccurrenceBody(BaseModel):
    """A due time on a calendar."""

    schedule_id: str
    name: str
    at: str
    status: str = Field(description="A firing's status, or upcoming.")
    reason: str
    firing_id: str | None
    count: int


class OccurrencesBody(BaseModel):
    """The due times of a stretch of time, in order."""

    model_config = snake_case(
        example={
            "items": [
                {
                    "schedule_id": _ID,
                    "name": "Nightly report",
                    "at": "2026-11-22T22:00:00.000Z",
                    "status": "upcoming",
                    "reason": "",
                    "firing_id": None,
                    "count": 1,
                }
            ],
            "more": False,
        }
    )

    items: list[OccurrenceBody]
    more: bool = Field(description="Whether there are others that did not fit.")


def occurrence_body(found: Occurrence, name: str) -> OccurrenceBody:
    """The occurrence as it is shown."""
    row = found.firing
    return OccurrenceBody(
        schedule_id=str(found.schedule_id),
        name=name,
        at=iso(found.at),
        status="upcoming" if row is None else row.status,
        reason="" if row is None else row.reason,
        firing_id=None if row is None else str(row.id),
        count=1 if row is None or row.span_count is None else row.span_count,
    )


class ChangeBody(BaseModel):
    """A field that is not what it was."""

    field: str
    before: Json
    after: Json


class VersionBody(BaseModel):
    """A version of a schedule, and what it changed."""

    version: int
    created_at: str
    created_by: str
    created_by_name: str
    definition: dict[str, Any]
    changes: list[ChangeBody]


class VersionsBody(BaseModel):
    """The versions of a schedule, the newest first; at most 100."""

    model_config = snake_case(
        example={
            "items": [
                {
                    "version": 2,
                    "created_at": "2026-11-21T10:00:00.000Z",
                    "created_by": "user:1",
                    "created_by_name": "ada",
                    "definition": {"name": "Nightly report", "max_retries": 5},
                    "changes": [{"field": "max_retries", "before": 3, "after": 5}],
                }
            ]
        }
    )

    items: list[VersionBody]


def version_body(found: VersionChanges, by: Actor) -> VersionBody:
    """The version as it is shown."""
    version = found.version
    return VersionBody(
        version=version.version,
        created_at=iso(version.created_at),
        created_by=version.created_by,
        created_by_name=by.name,
        definition=version.definition,
        changes=[
            ChangeBody(field=change.field, before=change.before, after=change.after)
            for change in found.changes
        ],
    )


def read_instant(text: str, *, field: str) -> datetime:
    """The instant of an ISO date-time; without an offset it is UTC. Raises Unprocessable."""
    return parse_moment(text, zone=find_zone("UTC"), field=field)
