"""Schedules on the wire of remote jobs. What is answered can be sent back as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, cast

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from treadle.api.wire import Camel, Flag, camel_case
from treadle.core.clock import iso, iso_or_none
from treadle.schedules.faults import ExpressionError
from treadle.schedules.forms.moments import parse_moment
from treadle.schedules.model import Schedule, ScheduleStatus
from treadle.schedules.of_jobs import Timing
from treadle.schedules.times.zones import Zone, find_zone

MOST_CRONS: Final = 20
FIELDS: Final = {
    "timezone": "timeZone",
    "start_at": "startDate",
    "end_at": "endDate",
    "schedule_expression": "crons[0]",
    "schedule_type": "type",
    "action_config.job_id": "jobId",
}
"""What this contract calls the fields of a schedule."""

_EXAMPLE: Final[dict[str, Any]] = {
    "name": "My Schedule",
    "timeZone": "AUS Eastern Standard Time",
    "startDate": "2023-09-04",
    "endDate": None,
    "enabled": True,
    "crons": ["0 10 * * *"],
}


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Cron = Annotated[str, StringConstraints(max_length=256), AfterValidator(_not_blank)]
DateText = Annotated[str, StringConstraints(max_length=64)]


class RemoteScheduleInput(Camel):
    """A schedule as it is to be, found by its name. Several crons are one schedule, which is due
    at the union of their times.
    """

    model_config = camel_case(example=_EXAMPLE)

    name: Name = Field(description="Exactly as it is here: letter case and blanks count.")
    time_zone: Annotated[str, StringConstraints(max_length=50)] = Field(
        description="An IANA or Windows name. Also read as `timezone`."
    )
    start_date: DateText = Field(
        description="ISO-8601, in the time zone if it says no other; a date is its 00:00."
    )
    end_date: DateText | None = Field(
        None, description="As startDate; a date is the whole day. Null: for ever."
    )
    enabled: Flag = Field(description="Whether it is due at all.")
    crons: Annotated[list[Cron], Field(min_length=1, max_length=MOST_CRONS)]

    @model_validator(mode="before")
    @classmethod
    def _one_time_zone(cls, sent: object) -> object:
        if not isinstance(sent, dict):
            return sent
        fields = dict(cast("dict[str, object]", sent))
        other = fields.pop("timezone", None)
        if other is not None:
            zone = fields.get("timeZone")
            if zone is not None and zone != other:
                raise ValueError("timeZone and timezone must say the same, where both are sent")
            fields["timeZone"] = other
        return fields

    def timing(self) -> Timing:
        """What the service takes. Raises Unprocessable."""
        zone = find_zone(self.time_zone)
        return Timing(
            timezone=self.time_zone,
            crons=tuple(self.crons),
            start_at=parse_moment(self.start_date, zone=zone, field="start_at"),
            end_at=None
            if self.end_date is None
            else parse_moment(self.end_date, zone=zone, field="end_at", whole_day=True),
        )


class RemoteScheduleBody(Camel):
    """A schedule of a job."""

    model_config = camel_case(
        example={
            **_EXAMPLE,
            "id": "0199f3c1-6504-7b1c-9d52-48dcab1e0f3a",
            "nextFireTime": "2026-11-21T23:00:00.000Z",
        }
    )

    name: str
    time_zone: str
    start_date: str = Field(
        description="A date if it is 00:00 there, else a date-time on the schedule's wall clock; "
        "in UTC, with a Z, where that would not be clear."
    )
    end_date: str | None
    enabled: bool = Field(description="False also where it will never be due again.")
    crons: list[str]
    id: str = Field(description="Of the same schedule at `/v1/schedules/{id}`.")
    next_fire_time: str | None


def schedule_body(schedule: Schedule) -> RemoteScheduleBody:
    """The schedule on the wire."""
    zone = find_zone(schedule.timezone)
    written = schedule.schedule_expression
    crons = list(schedule.crons) or ([] if written is None else [written])
    # A schedule of another contract may have no start: nothing is due before it is made.
    start = schedule.start_at or schedule.created_at
    end = schedule.end_at
    return RemoteScheduleBody(
        name=schedule.name,
        time_zone=schedule.timezone,
        start_date=moment_text(start, zone),
        end_date=None if end is None else moment_text(end, zone, whole_day=True),
        enabled=schedule.status is ScheduleStatus.ACTIVE,
        crons=crons,
        id=str(schedule.id),
        next_fire_time=iso_or_none(schedule.next_run_at),
    )


def moment_text(moment: datetime, zone: Zone, *, whole_day: bool = False) -> str:
    """The shortest text that is read as this instant again."""
    local = moment.astimezone(zone.info).replace(tzinfo=None)
    for text in (local.date().isoformat(), local.isoformat()):
        if _is_read_as(text, moment, zone, whole_day=whole_day):
            return text
    return iso(moment) if moment.microsecond % 1000 == 0 else moment.isoformat()


def _is_read_as(text: str, moment: datetime, zone: Zone, *, whole_day: bool) -> bool:
    try:
        return parse_moment(text, zone=zone, field="", whole_day=whole_day) == moment
    except ExpressionError:  # a wall clock may still show the year before the first one
        return False
