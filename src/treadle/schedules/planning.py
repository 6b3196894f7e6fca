"""From a schedule's rows to what is to be written and started: one pure function, `plan`.

The rows hold all that `policy.decide` needs: `plan` reads the state out of them, asks it, and says
which rows are new or different afterwards. A tick that dies before its commit has done nothing;
whoever ticks next finds the same rows and plans the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from treadle.core.frozen import changed
from treadle.schedules.decisions import (
    CompletionAction,
    Decision,
    Due,
    Ended,
    EndStatus,
    Firing,
    FiringStatus,
    Settings,
    Stretch,
    Trigger,
    Verdict,
)
from treadle.schedules.model import (
    AT_ONCE,
    AttemptEnd,
    FiringRow,
    Phase,
    Schedule,
    ScheduleStatus,
)
from treadle.schedules.policy import decide
from treadle.schedules.standings import Standings, state_of
from treadle.schedules.timetables import Timetable

MOST_AT_ONCE = 500
"""Due times of one schedule that one tick decides on."""

_ENDED = {
    EndStatus.SUCCEEDED: FiringStatus.SUCCEEDED,
    EndStatus.FAILED: FiringStatus.FAILED,
    EndStatus.CANCELLED: FiringStatus.CANCELLED,
}

NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Record:
    """What a firing of a relative schedule is about."""

    id: UUID
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """What has come in for a schedule.

    `due` are due times that are not decided on, oldest first, and starts that somebody asked for;
    `records` say what the firings of a relative schedule are about, by firing id. `through` is the
    instant up to which nothing is undecided afterwards, except what `more` says is left behind it
    and, of the due time that follows it, the records after `cursor`.
    """

    through: datetime
    due: tuple[Due, ...] = ()
    ends: tuple[AttemptEnd, ...] = ()
    records: Mapping[str, Record] = field(default_factory=dict[str, Record])
    cursor: UUID | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The schedule as it is afterwards, and its firings that are new or different.

    `starts` are those whose attempt starts now, `stops` those that are to be ended.
    """

    schedule: Schedule
    inserted: tuple[FiringRow, ...] = ()
    updated: tuple[FiringRow, ...] = ()
    starts: tuple[FiringRow, ...] = ()
    stops: tuple[FiringRow, ...] = ()


def due_work(schedule: Schedule, timetable: Timetable, *, now: datetime, new_id: NewId) -> Work:
    """The next due times to decide on, of a schedule that does not look at records."""
    if schedule.status is not ScheduleStatus.ACTIVE or schedule.deleted_at is not None:
        return Work(through=schedule.decided_until)
    times = timetable.due(after=schedule.decided_until, until=now, limit=MOST_AT_ONCE)
    more = len(times) == MOST_AT_ONCE
    return Work(
        through=times[-1].at if more else max(now, schedule.decided_until),
        due=tuple(
            Due(Firing(str(new_id()), time.at), held=time.reason if time.held else "")
            for time in times
        ),
        more=more,
    )


def end_pause(
    schedule: Schedule, timetable: Timetable, *, at: datetime, new_id: NewId
) -> tuple[Schedule, FiringRow | None]:
    """The schedule without its pause from `at` on, and the row of all due times of the pause."""
    span = timetable.span(after=schedule.decided_until, until=at)
    row = None
    if span is not None:
        count = f"{span.count:,} due times" if span.count > 1 else "one due time"
        row = FiringRow(
            id=new_id(),
            project_id=schedule.project_id,
            schedule_id=schedule.id,
            schedule_version=schedule.version,
            scheduled_for=span.first,
            span_until=span.last,
            span_count=span.count,
            trigger=Trigger.SCHEDULE,
            status=FiringStatus.SKIPPED,
            reason=f"{count} while paused: {schedule.paused_reason}",
            created_at=at,
            finished_at=at,
        )
    resumed = changed(
        schedule,
        status=ScheduleStatus.ACTIVE,
        paused_at=None,
        paused_until=None,
        paused_reason=None,
        failures=0,
        decided_until=max(at, schedule.decided_until),
        cursor_record_id=None,
    )
    return resumed, row


def plan(
    schedule: Schedule,
    timetable: Timetable,
    open_firings: Sequence[FiringRow],
    work: Work,
    *,
    maintenance: Sequence[Stretch] = (),
    now: datetime,
) -> Plan:
    """What becomes of the schedule and its firings, as of `now`."""
    if schedule.deleted_at is not None:
        return _wind_up(schedule, open_firings, work.ends, now)
    known = {str(row.id): row for row in open_firings}
    ends = {str(end.firing_id): end for end in work.ends if _is_current(end, known)}
    state = state_of(schedule, open_firings, maintenance)
    newest = timetable.latest(after=work.through, until=now) if work.more else None
    following = timetable.next_to_decide(after=max(now, work.through))
    verdict = decide(
        _settings(schedule),
        state,
        now=now,
        due=work.due,
        ended=[Ended(key, end.status, end.error, final=end.final) for key, end in ends.items()],
        newest_due=newest,
        next_due=following,
        more_due=work.more,
    )
    standings = Standings(open_firings, verdict.state, now)
    inserted = tuple(
        standings.moved(
            _new_row(schedule, decision, work.records.get(decision.firing.id), now), decision
        )
        for decision in verdict.decisions
    )
    changes = {decision.firing.id: decision for decision in verdict.changes}
    after = [standings.moved(row, changes.get(key), ends.get(key)) for key, row in known.items()]
    updated = tuple(new for old, new in zip(open_firings, after, strict=True) if new != old)
    decisions = (*verdict.decisions, *verdict.changes)
    started = {d.firing.id for d in decisions if d.outcome.starts}
    starts = tuple(row for row in (*updated, *inserted) if str(row.id) in started)
    asked = {*verdict.cancel, *verdict.terminate}
    touched = (*updated, *inserted)
    return Plan(
        schedule=_after(schedule, timetable, work, verdict, touched, starts, now=now),
        inserted=inserted,
        updated=updated,
        starts=starts,
        stops=tuple(row for row in updated if str(row.id) in asked),
    )


def _is_current(end: AttemptEnd, known: Mapping[str, FiringRow]) -> bool:
    """Whether the attempt that has ended is the one under way, and not one that was replaced."""
    row = known.get(str(end.firing_id))
    return row is not None and row.phase is Phase.RUNNING and row.attempt == end.attempt


def _settings(schedule: Schedule) -> Settings:
    return Settings(
        schedule_id=str(schedule.id),
        overlap_policy=schedule.overlap_policy,
        catchup_window=timedelta(minutes=schedule.catchup_window_minutes),
        catchup_policy=schedule.catchup_policy,
        flexible_window=timedelta(minutes=schedule.flexible_window_minutes),
        rate_limit_per_minute=schedule.rate_limit_per_minute,
        max_retries=schedule.max_retries,
        retry_backoff=timedelta(seconds=schedule.retry_backoff_seconds),
        pause_on_failure_count=schedule.pause_on_failure_count,
        action_after_completion=schedule.action_after_completion,
        ends_at_once=schedule.action_type in AT_ONCE,
    )


def _new_row(
    schedule: Schedule, decision: Decision, record: Record | None, now: datetime
) -> FiringRow:
    firing = decision.firing
    return FiringRow(
        id=UUID(firing.id),
        project_id=schedule.project_id,
        schedule_id=schedule.id,
        schedule_version=schedule.version,
        scheduled_for=firing.due_at,
        record_id=None if record is None else record.id,
        record=None if record is None else record.data,
        trigger=firing.trigger,
        overlap_policy=firing.overlap_policy,
        status=FiringStatus.PENDING,
        created_at=now,
    )


def _after(  # noqa: PLR0917 - what was, what came in, what came of it
    schedule: Schedule,
    timetable: Timetable,
    work: Work,
    verdict: Verdict,
    touched: Sequence[FiringRow],
    starts: Sequence[FiringRow],
    *,
    now: datetime,
) -> Schedule:
    state = verdict.state
    limited = schedule.rate_limit_per_minute is not None
    # Gathered, for a schedule is made anew as a whole: thousands may be due in one second.
    changes: dict[str, Any] = {
        "decided_until": work.through,
        "cursor_record_id": work.cursor,
        "failures": state.failures,
        "recent_starts": [at.timestamp() for at in state.recent_starts] if limited else [],
        "run_count": schedule.run_count + sum(row.attempt == 1 for row in starts),
        **_last_run(schedule, starts, touched, now),
    }
    if verdict.pause:
        changes |= {
            "status": ScheduleStatus.PAUSED,
            "paused_at": now,
            "paused_until": None,
            "paused_reason": verdict.pause,
        }
    elif verdict.completion is not None:
        changes["status"] = ScheduleStatus.COMPLETED
        if verdict.completion is CompletionAction.DELETE:
            changes["deleted_at"] = now
    times = _next_times(
        changes.get("status", schedule.status) if "deleted_at" not in changes else None,
        timetable,
        after=work.through,
        paused_until=changes.get("paused_until", schedule.paused_until),
        more=work.more,
        wake_at=verdict.wake_at,
        now=now,
    )
    return changed(schedule, **changes, **times)


def _last_run(
    schedule: Schedule, starts: Sequence[FiringRow], touched: Sequence[FiringRow], now: datetime
) -> dict[str, Any]:
    """What the last of its firings came to, so far."""
    if starts:
        last = starts[-1]
        return {"last_run_at": now, "last_run_status": last.status, "last_firing_id": last.id}
    for row in touched:
        if row.id == schedule.last_firing_id:
            return {"last_run_status": row.status}
    return {}


def with_next_times(
    schedule: Schedule,
    timetable: Timetable,
    *,
    wake_at: datetime | None = None,
    now: datetime,
) -> Schedule:
    """The schedule with `next_run_at`, which is nominal, and `tick_at`, when to look again."""
    times = _next_times(
        schedule.status if schedule.deleted_at is None else None,
        timetable,
        after=schedule.decided_until,
        paused_until=schedule.paused_until,
        wake_at=wake_at,
        now=now,
    )
    return changed(schedule, **times)


def _next_times(
    status: ScheduleStatus | None,
    timetable: Timetable,
    *,
    after: datetime,
    paused_until: datetime | None,
    more: bool = False,
    wake_at: datetime | None,
    now: datetime,
) -> dict[str, datetime | None]:
    """`next_run_at` and `tick_at` of a schedule of this status; None: it is deleted."""
    times = [wake_at, paused_until if status is ScheduleStatus.PAUSED else None]
    next_run_at = None
    if status is ScheduleStatus.ACTIVE:
        next_run_at = timetable.next(after=after)
        times.append(now if more else timetable.next_to_decide(after=after))
    return {
        "next_run_at": next_run_at,
        "tick_at": min((at for at in times if at is not None), default=None),
    }


def note_ends(
    schedule: Schedule,
    open_firings: Sequence[FiringRow],
    ends: Sequence[AttemptEnd],
    reason: str,
    *,
    now: datetime,
) -> Plan:
    """The plan for a schedule that cannot be decided on: it pauses for this reason, and attempts
    that have ended are over.
    """
    known = {str(row.id): row for row in open_firings}
    paused = changed(
        schedule,
        status=ScheduleStatus.PAUSED,
        paused_at=schedule.paused_at or now,
        paused_until=None,
        paused_reason=reason,
        next_run_at=None,
        tick_at=None,
    )
    over = (_over(known[str(end.firing_id)], end) for end in ends if _is_current(end, known))
    return Plan(schedule=paused, updated=tuple(over))


def _wind_up(
    schedule: Schedule, open_firings: Sequence[FiringRow], ends: Sequence[AttemptEnd], now: datetime
) -> Plan:
    """Of a schedule that was deleted: what runs ends as it ends, what waits does not start."""
    known = {str(row.id): row for row in open_firings}
    ended = {end.firing_id: end for end in ends if _is_current(end, known)}
    updated: list[FiringRow] = []
    for row in open_firings:
        gone = changed(row, phase=None, not_before=None, place=0, finished_at=now)
        if (end := ended.get(row.id)) is not None:
            updated.append(_over(row, end))
        elif row.phase is Phase.RETRYING:
            reason = "the schedule was deleted before the next attempt"
            updated.append(changed(gone, status=FiringStatus.FAILED, reason=reason))
        elif row.phase is not Phase.RUNNING:
            reason = "the schedule was deleted before it started"
            updated.append(changed(gone, status=FiringStatus.SKIPPED, reason=reason))
    quiet = changed(schedule, next_run_at=None, tick_at=None)
    return Plan(schedule=quiet, updated=tuple(updated))


def _over(row: FiringRow, end: AttemptEnd) -> FiringRow:
    """The firing once its last attempt has ended like this."""
    status = _ENDED[end.status]
    if row.ending is not None and end.status is not EndStatus.SUCCEEDED:
        status = FiringStatus.CANCELLED
    return changed(
        row,
        status=status,
        reason=end.error,
        error=end.error or None,
        result=end.result,
        phase=None,
        not_before=None,
        place=0,
        finished_at=end.ended_at,
    )
