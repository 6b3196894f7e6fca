"""Schedules on the wire: what is sent, what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from treadle.api.lists import ListBody, list_example
from treadle.api.wire import Whole, snake_case
from treadle.core.clock import iso, iso_or_none
from treadle.schedules.action_configs import parse_action_type
from treadle.schedules.decisions import CatchupPolicy, CompletionAction, OverlapPolicy
from treadle.schedules.expressions import parse_schedule_type
from treadle.schedules.forms.moments import parse_moment
from treadle.schedules.model import Definition, Schedule
from treadle.schedules.times.zones import find_zone

_JOB_ACTION: Final = {"job_id": "44", "input": {"country": "AU"}, "macros": []}
SCHEDULE_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Nightly report",
    "schedule_type": "cron",
    "schedule_expression": "0 9 * * 1-5",
    "timezone": "Australia/Sydney",
    "action_type": "run_job",
    "action_config": _JOB_ACTION,
}
_ID: Final = "0199f3c1-6504-7b1c-9d52-48dcab1e0f3a"
_PROJECT: Final = "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11"
SCHEDULE_BODY_EXAMPLE: Final[dict[str, Any]] = {
    **SCHEDULE_EXAMPLE,
    "id": _ID,
    "tenant_id": "34f5c98e-f430-457b-a812-92637d0c6fd0",
    "project_id": _PROJECT,
    "version": 1,
    "status": "active",
    "paused_reason": None,
    "paused_until": None,
    "description": None,
    "customer_id": None,
    "external_id": None,
    "tags": [],
    "crons": [],
    "start_at": None,
    "end_at": None,
    "calendars": [],
    "overlap_policy": "SKIP",
    "catchup_window_minutes": 10,
    "catchup_policy": "all",
    "flexible_window_minutes": 0,
    "rate_limit_per_minute": None,
    "max_retries": 3,
    "retry_backoff_seconds": 60,
    "pause_on_failure_count": 5,
    "action_after_completion": "NONE",
    "deduplication_key": None,
    "relative_entity_definition_id": None,
    "relative_field_name": None,
    "relative_filter": None,
    "relative_offset_days": None,
    "next_run_at": "2026-11-22T22:00:00.000Z",
    "last_run_at": None,
    "last_run_status": None,
    "run_count": 0,
    "failures_in_a_row": 0,
    "created_at": "2026-11-21T09:00:00.000Z",
    "created_by": "user:1",
    "updated_at": "2026-11-21T09:00:00.000Z",
}
_INTEGER: Final = 2_147_483_647


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


AnyCase: Final = BeforeValidator(_lower)
"""Before a value that has lower-case letters only."""
Name = Annotated[str, Field(min_length=1, max_length=200)]
Tag = Annotated[str, Field(min_length=1, max_length=100)]
Overlap = Annotated[OverlapPolicy, BeforeValidator(_upper)]
Catchup = Annotated[CatchupPolicy, AnyCase]
Completion = Annotated[CompletionAction, BeforeValidator(_upper)]
ScheduleTypeText = Annotated[
    str, Field(max_length=50, description="cron, interval, once or relative, in any letter case.")
]
ActionTypeText = Annotated[
    str,
    Field(
        max_length=50,
        description="run_job, run_workflow, send_webhook, notify or log_event.",
    ),
]
ActionConfig = Annotated[
    dict[str, JsonValue],
    Field(
        description="run_job: `job_id`, `input`, `macros`. run_workflow: `workflow_id`, "
        "`workflow_version`, `payload`. send_webhook: `url`, `method`, `headers`, `body`, "
        "`timeout_seconds`, `secret`. notify: `integration` (name or id), `to`, `subject`, "
        "`message`. log_event: any fields."
    ),
]
Expression = Annotated[
    str | None,
    Field(description="At most 256 characters: cron, Quartz, rate(…), at(…), RRULE:… and more."),
]
TimezoneName = Annotated[str, Field(max_length=50, description="An IANA or Windows name.")]
Instant = Annotated[
    str | None,
    Field(
        max_length=64,
        description="ISO-8601. Without an offset it is on the wall clock of `timezone`; a date "
        "alone is 00:00 there, as an end the whole day.",
    ),
]


class CalendarUseBody(BaseModel):
    """A calendar, and what it does to the due times on its days."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"calendar_id": _ID, "mode": "exclude"}]},
    )

    calendar_id: UUID
    mode: Annotated[Literal["exclude", "include", "roll_forward", "roll_back"], AnyCase] = "exclude"

    def plain(self) -> dict[str, str]:
        """As it is stored."""
        return {"calendar_id": str(self.calendar_id), "mode": self.mode}


class _Settable(BaseModel):
    """What both a new schedule and a change may say."""

    model_config = ConfigDict(extra="forbid")

    description: Annotated[str | None, Field(max_length=5_000)] = None
    customer_id: UUID | None = None
    external_id: Annotated[str | None, Field(max_length=255)] = None
    tags: Annotated[list[Tag], Field(max_length=50)] = []
    schedule_expression: Expression = None
    timezone: TimezoneName = "UTC"
    start_at: Instant = None
    end_at: Instant = None
    calendars: Annotated[list[CalendarUseBody], Field(max_length=20)] = []
    overlap_policy: Overlap = OverlapPolicy.SKIP
    catchup_window_minutes: Annotated[Whole, Field(ge=0, le=1440)] = 10
    catchup_policy: Catchup = CatchupPolicy.ALL
    flexible_window_minutes: Annotated[Whole, Field(ge=0, le=60)] = 0
    rate_limit_per_minute: Annotated[Whole | None, Field(ge=1, le=10_000)] = None
    max_retries: Annotated[Whole, Field(ge=0, le=10)] = 3
    retry_backoff_seconds: Annotated[Whole, Field(ge=0, le=_INTEGER)] = 60
    pause_on_failure_count: Annotated[Whole, Field(ge=1, le=100)] = 5
    action_after_completion: Completion = CompletionAction.NONE
    relative_entity_definition_id: Annotated[
        UUID | None, Field(description="Entity definition to query.")
    ] = None
    relative_field_name: Annotated[
        str | None, Field(max_length=200, description="Date field to compute the offset from.")
    ] = None
    relative_filter: Annotated[
        dict[str, JsonValue] | None, Field(description="Conditions on the records.")
    ] = None
    relative_offset_days: Annotated[
        Whole | None,
        Field(ge=-36_500, le=36_500, description="Days before (-) or after (+) the field's date."),
    ] = None


class ScheduleInput(_Settable):
    """A new schedule."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [SCHEDULE_EXAMPLE]})

    name: Name
    schedule_type: ScheduleTypeText
    action_type: ActionTypeText
    action_config: ActionConfig
    deduplication_key: Annotated[str | None, Field(min_length=1, max_length=255)] = None
    project_id: Annotated[
        UUID | None,
        Field(description="Left out: the job's project, or else the caller's default one."),
    ] = None

    def definition(self) -> Definition:
        """What the service takes. Raises Unprocessable."""
        values = {
            name: value
            for name in _Settable.model_fields
            if (value := getattr(self, name)) is not None
        }
        return Definition(
            **_plain(values, self.timezone),
            name=self.name,
            schedule_type=parse_schedule_type(self.schedule_type),
            action_type=parse_action_type(self.action_type),
            action_config=self.action_config,
        )


def _as_changes(schema: dict[str, Any]) -> None:
    """What is left out of a change stays: nothing has a default there."""
    schema["examples"] = [{"schedule_expression": "0 10 * * 1-5", "max_retries": 5}]
    for field in schema["properties"].values():
        field.pop("default", None)


class ScheduleChanges(_Settable):
    """What is to be different; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_as_changes)

    name: Name = ""
    action_config: ActionConfig = {}
    status: Annotated[
        Literal["active", "paused"], AnyCase, Field(description="Resume or pause.")
    ] = "active"

    def changes(self, current_timezone: str) -> dict[str, Any]:
        """The fields that were sent, as the service takes them; `status` is not among them."""
        values = {name: getattr(self, name) for name in self.model_fields_set if name != "status"}
        if "schedule_expression" in values:
            values["crons"] = ()
        return _plain(values, values.get("timezone", current_timezone))


def _plain(values: Mapping[str, Any], timezone: str) -> dict[str, Any]:
    plain = dict(values)
    for name in ("start_at", "end_at"):
        if plain.get(name) is not None:
            plain[name] = parse_moment(
                plain[name], zone=find_zone(timezone), field=name, whole_day=name == "end_at"
            )
    if "calendars" in plain:
        plain["calendars"] = tuple(use.plain() for use in plain["calendars"])
    if "tags" in plain:
        plain["tags"] = tuple(dict.fromkeys(plain["tags"]))
    return plain


class ScheduleBody(BaseModel):
    """A schedule."""

    model_config = snake_case(example=SCHEDULE_BODY_EXAMPLE)

    id: str
    tenant_id: str
    project_id: str
    version: int
    name: str
    description: str | None
    customer_id: str | None
    external_id: str | None
    tags: list[str]
    schedule_type: str
    schedule_expression: str | None
    crons: list[str]
    timezone: str
    start_at: str | None
    end_at: str | None
    calendars: list[CalendarUseBody]
    action_type: str
    action_config: dict[str, Any]
    overlap_policy: str
    catchup_window_minutes: int
    catchup_policy: str
    flexible_window_minutes: int
    rate_limit_per_minute: int | None
    max_retries: int
    retry_backoff_seconds: int
    pause_on_failure_count: int
    action_after_completion: str
    deduplication_key: str | None
    relative_entity_definition_id: str | None
    relative_field_name: str | None
    relative_filter: dict[str, Any] | None
    relative_offset_days: int | None
    status: str
    paused_reason: str | None
    paused_until: str | None
    next_run_at: str | None
    last_run_at: str | None
    last_run_status: str | None
    run_count: int
    failures_in_a_row: int
    created_at: str
    created_by: str
    updated_at: str


class ScheduleList(ListBody[ScheduleBody]):
    """Some of the schedules."""

    model_config = snake_case(example=list_example(SCHEDULE_BODY_EXAMPLE))


def schedule_body(schedule: Schedule) -> ScheduleBody:
    """The schedule as it is shown. Several crons are shown as one expression too."""
    written = schedule.schedule_expression
    return ScheduleBody(
        id=str(schedule.id),
        tenant_id=str(schedule.tenant_id),
        project_id=str(schedule.project_id),
        version=schedule.version,
        name=schedule.name,
        description=schedule.description,
        customer_id=_text(schedule.customer_id),
        external_id=schedule.external_id,
        tags=list(schedule.tags),
        schedule_type=schedule.schedule_type,
        schedule_expression="; ".join(schedule.crons) if schedule.crons else written,
        crons=list(schedule.crons),
        timezone=schedule.timezone,
        start_at=iso_or_none(schedule.start_at),
        end_at=iso_or_none(schedule.end_at),
        calendars=[CalendarUseBody.model_validate(use) for use in schedule.calendars],
        action_type=schedule.action_type,
        action_config=dict(schedule.action_config),
        overlap_policy=schedule.overlap_policy,
        catchup_window_minutes=schedule.catchup_window_minutes,
        catchup_policy=schedule.catchup_policy,
        flexible_window_minutes=schedule.flexible_window_minutes,
        rate_limit_per_minute=schedule.rate_limit_per_minute,
        max_retries=schedule.max_retries,
        retry_backoff_seconds=schedule.retry_backoff_seconds,
        pause_on_failure_count=schedule.pause_on_failure_count,
        action_after_completion=schedule.action_after_completion,
        deduplication_key=schedule.deduplication_key,
        relative_entity_definition_id=_text(schedule.relative_entity_definition_id),
        relative_field_name=schedule.relative_field_name,
        relative_filter=None
        if schedule.relative_filter is None
        else dict(schedule.relative_filter),
        relative_offset_days=schedule.relative_offset_days,
        status=schedule.status,
        paused_reason=schedule.paused_reason,
        paused_until=iso_or_none(schedule.paused_until),
        next_run_at=iso_or_none(schedule.next_run_at),
        last_run_at=iso_or_none(schedule.last_run_at),
        last_run_status=schedule.last_run_status,
        run_count=schedule.run_count,
        failures_in_a_row=schedule.failures,
        created_at=iso(schedule.created_at),
        created_by=schedule.created_by,
        updated_at=iso(schedule.updated_at),
    )


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
