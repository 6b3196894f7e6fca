"""The plain case of `planning.plan`, at a fifth of its cost: pure.

Nearly every firing is this: an active schedule with nothing under way has one due time, taken in
time, that nothing delays. Thousands of them in one second are late by what each of them costs. What
comes out is what `plan` says, which the tests hold it to; all else is left to `plan`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from treadle.core.frozen import changed
from treadle.schedules.decisions import FiringStatus, Trigger
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.model import AT_ONCE, FiringRow, Phase, Schedule, ScheduleStatus
from treadle.schedules.planning import NewId, Plan
from treadle.schedules.policy import ON_TIME
from treadle.schedules.timetables import Timetable


def plain_plan(
    schedule: Schedule, timetable: Timetable, *, now: datetime, new_id: NewId
) -> Plan | None:
    """The plan for a schedule with no open firing, no end to note and no maintenance since what was
    decided last, of which nobody has asked anything; None where it takes more than this.
    """
    if not _is_plain(schedule):
        return None
    due_at = timetable.next_to_decide(after=schedule.decided_until)
    if due_at is None or not due_at <= now <= due_at + ON_TIME:
        return None
    following = timetable.next_to_decide(after=due_at)
    if following is None or following <= now:
        return None
    row = _started(schedule, due_at, new_id(), now)
    after = changed(
        schedule,
        decided_until=now,
        cursor_record_id=None,
        failures=0 if row.phase is None else schedule.failures,
        recent_starts=[],
        run_count=schedule.run_count + 1,
        last_run_at=now,
        last_run_status=row.status,
        last_firing_id=row.id,
        next_run_at=following,
        tick_at=following,
    )
    return Plan(schedule=after, inserted=(row,), starts=(row,))


def _is_plain(schedule: Schedule) -> bool:
    return (
        schedule.status is ScheduleStatus.ACTIVE
        and schedule.deleted_at is None
        and schedule.paused_at is None
        and schedule.schedule_type is not ScheduleType.RELATIVE
        and not schedule.calendars
        and not schedule.flexible_window_minutes
        and schedule.rate_limit_per_minute is None
    )


def _started(schedule: Schedule, due_at: datetime, firing_id: UUID, now: datetime) -> FiringRow:
    """The row of a firing whose first attempt starts now, and is over if its action is at once."""
    return changed(
        _DONE if schedule.action_type in AT_ONCE else _RUNNING,
        id=firing_id,
        project_id=schedule.project_id,
        schedule_id=schedule.id,
        schedule_version=schedule.version,
        scheduled_for=due_at,
        created_at=now,
        started_at=now,
        finished_at=now if schedule.action_type in AT_ONCE else None,
        lateness_ms=round((now - due_at).total_seconds() * 1000),
    )


_NOBODY: Final = UUID(int=0)
_SOME_TIME: Final = datetime.fromtimestamp(0, UTC)
_RUNNING: Final = FiringRow(
    id=_NOBODY,
    project_id=_NOBODY,
    schedule_id=_NOBODY,
    schedule_version=0,
    scheduled_for=_SOME_TIME,
    trigger=Trigger.SCHEDULE,
    status=FiringStatus.RUNNING,
    created_at=_SOME_TIME,
    phase=Phase.RUNNING,
    place=1,
    attempt=1,
)
"""What all these rows have in common, and the other fields whatever."""
_DONE: Final = changed(_RUNNING, status=FiringStatus.SUCCEEDED, phase=None, place=0)
