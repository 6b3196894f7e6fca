"""The one schedule of a job config's own (contract §3)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Response
from pydantic import BeforeValidator, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.integration_manager.jobconfig_bodies import Name
from treadle.api.schedule_faults import told_as
from treadle.api.wire import Camel, Whole, camel_case
from treadle.core.clock import iso_or_none
from treadle.core.errors import BadInput
from treadle.core.ids import parse_number
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.schedules import of_jobs
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.forms.intervals import LONGEST_INTERVAL, read_interval
from treadle.schedules.model import Schedule

router: Final = APIRouter(route_class=EdgeRoute, tags=["Job configs"])

Reader = Annotated[Principal, needs_somewhere(Right.SCHEDULES_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.SCHEDULES_WRITE)]
FIELDS: Final = {
    "timezone": "timeZone.id",
    "schedule_type": "type",
    "action_config.job_id": "id",
}

_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Every morning",
    "type": "cron",
    "cronSchedule": "0 30 6 ? * MON-FRI",
    "intervalFrequency": None,
    "timeZone": {"id": "Europe/Berlin"},
}
_MINUTE: Final = 60


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class TimeZoneBody(Camel):
    """A time zone."""

    model_config = camel_case(example={"id": "Europe/Berlin"})

    id: Annotated[str, Field(max_length=50, description="An IANA or Windows name.")]


class ConfigScheduleInput(Camel):
    """When a job config is run by itself."""

    model_config = camel_case(example=_EXAMPLE)

    name: Name
    type: Annotated[Literal["cron", "interval"], BeforeValidator(_lower)]
    cron_schedule: Annotated[str | None, Field(max_length=256)] = Field(
        None, description="For cron: five fields, or six or seven of Quartz."
    )
    interval_frequency: Annotated[Whole, Field(ge=1, le=LONGEST_INTERVAL // _MINUTE)] | None = (
        Field(None, description="For interval: minutes, counted from when the schedule was made.")
    )
    time_zone: TimeZoneBody = TimeZoneBody(id="UTC")

    def kind(self) -> ScheduleType:
        """Cron or interval."""
        return ScheduleType(self.type)

    def timing(self) -> dict[str, Any]:
        """The fields of a schedule that say when. Raises BadInput."""
        fields = {"cron": "cronSchedule", "interval": "intervalFrequency"}
        values = {"cron": self.cron_schedule, "interval": self.interval_frequency}
        for kind, field in fields.items():
            if (values[kind] is not None) != (kind == self.type):
                rule = "is required for" if kind == self.type else "does not go with"
                raise BadInput(f"{field}: {rule} type {self.type}", field=field)
        return {
            "schedule_expression": self.cron_schedule
            if self.type == "cron"
            else f"rate({self.interval_frequency} minutes)",
            "crons": (),
            "timezone": self.time_zone.id,
        }

    def names(self) -> dict[str, str]:
        """What this contract calls the fields of a schedule."""
        is_cron = self.type == "cron"
        return {
            **FIELDS,
            "schedule_expression": "cronSchedule" if is_cron else "intervalFrequency",
        }


class ConfigScheduleBody(Camel):
    """When a job config is run by itself."""

    model_config = camel_case(
        example={
            **_EXAMPLE,
            "id": "0199f3c1-6504-7b1c-9d52-48dcab1e0f3a",
            "href": "https://treadle.example/api/jobconfigs/44/schedule",
            "status": "active",
            "nextFireTime": "2026-11-23T05:30:00.000Z",
        }
    )

    name: str
    type: str
    cron_schedule: str | None
    interval_frequency: int | None = Field(
        description="Minutes. Null where another contract made it something else."
    )
    time_zone: TimeZoneBody
    id: str = Field(description="Of the same schedule at `/v1/schedules/{id}`.")
    href: str
    status: str = Field(description="active, paused or completed.")
    next_fire_time: str | None


@router.get(
    "/api/jobconfigs/{id}/schedule",
    summary="Get a job's own schedule",
    operation_id="getJobConfigSchedule",
)
async def get_schedule(id: str, caller: Reader, tx: Tx, base: Base) -> ConfigScheduleBody:  # noqa: A002
    """When the job is run by itself. 404 if it has no schedule of its own."""
    return _body(await of_jobs.get_own(tx, caller, parse_number(id)), id, base)


@router.post(
    "/api/jobconfigs/{id}/schedule",
    summary="Create a job's own schedule",
    operation_id="createJobConfigSchedule",
    status_code=201,
)
async def create_schedule(
    id: str,  # noqa: A002
    body: ConfigScheduleInput,
    response: Response,
    caller: Writer,
    tx: Tx,
    base: Base,
    context: Context,
) -> ConfigScheduleBody:
    """Runs the job by itself from now on. 409 if it has a schedule of its own."""
    with told_as(body.names()):
        made = await of_jobs.make_own(
            tx,
            context.schedules,
            caller,
            parse_number(id),
            name=body.name,
            schedule_type=body.kind(),
            timing=body.timing(),
            now=context.clock(),
        )
    created = _body(made, id, base)
    response.headers["Location"] = created.href
    return created


@router.put(
    "/api/jobconfigs/{id}/schedule",
    summary="Replace a job's own schedule",
    operation_id="replaceJobConfigSchedule",
)
async def replace_schedule(
    id: str,  # noqa: A002
    body: ConfigScheduleInput,
    caller: Writer,
    tx: Tx,
    base: Base,
    context: Context,
) -> ConfigScheduleBody:
    """What was due by now stays decided as it was. 404 if the job has no schedule of its own."""
    with told_as(body.names()):
        changed = await of_jobs.change_own(
            tx,
            context.schedules,
            caller,
            parse_number(id),
            name=body.name,
            schedule_type=body.kind(),
            timing=body.timing(),
            now=context.clock(),
        )
    return _body(changed, id, base)


@router.delete(
    "/api/jobconfigs/{id}/schedule",
    summary="Delete a job's own schedule",
    operation_id="deleteJobConfigSchedule",
    status_code=204,
)
async def delete_schedule(id: str, caller: Writer, tx: Tx, context: Context) -> None:  # noqa: A002
    """The job is not run by itself any more; what the schedule has started goes on."""
    await of_jobs.delete_own(tx, context.schedules, caller, parse_number(id), now=context.clock())


def _body(schedule: Schedule, job_id: str, base: str) -> ConfigScheduleBody:
    is_cron = schedule.schedule_type is ScheduleType.CRON
    written = schedule.schedule_expression or ""
    minutes, seconds = (0, 1) if is_cron else divmod(read_interval(written), _MINUTE)
    return ConfigScheduleBody(
        name=schedule.name,
        type=schedule.schedule_type,
        cron_schedule=written if is_cron else None,
        interval_frequency=minutes if seconds == 0 else None,
        time_zone=TimeZoneBody(id=schedule.timezone),
        id=str(schedule.id),
        href=f"{base}/api/jobconfigs/{job_id}/schedule",
        status=schedule.status,
        next_fire_time=iso_or_none(schedule.next_run_at),
    )
