"""The plain case, decided the short way, is what the rules say of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from treadle.schedules.calendars import Calendar
from treadle.schedules.decisions import CatchupPolicy, CompletionAction, OverlapPolicy
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.model import ActionType, Face, Schedule, ScheduleStatus
from treadle.schedules.plain import plain_plan
from treadle.schedules.planning import due_work, plan
from treadle.schedules.timetables import compile_timetable

CREATED = datetime(2026, 3, 1, tzinfo=UTC)
FIRING_ID = UUID("019a2000-0000-7000-8000-000000000001")
SUNDAYS = UUID("019a2000-0000-7000-8000-000000000002")
CALENDARS = {SUNDAYS: Calendar("Sundays", weekdays=frozenset({0}))}
EXPRESSIONS = (
    (ScheduleType.CRON, "*/5 * * * *"),
    (ScheduleType.CRON, "30 2 * * *"),
    (ScheduleType.CRON, "0 0 29 * *"),
    (ScheduleType.INTERVAL, "60"),
    (ScheduleType.INTERVAL, "90"),
    (ScheduleType.INTERVAL, "86400"),
    (ScheduleType.ONCE, "2026-03-29T02:30:00"),
)
LATE_SECONDS = (0.25, 0.0, 59.999999, 60.0, 60.5, 3_600.0)
ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe")


def schedule(**said: Any) -> Schedule:
    """An active schedule, decided on up to a moment before it was made."""
    values: dict[str, Any] = {
        "name": "plain",
        "schedule_type": ScheduleType.CRON,
        "schedule_expression": "*/5 * * * *",
        "action_type": ActionType.LOG_EVENT,
        "action_config": {},
        "id": UUID(int=1),
        "tenant_id": UUID(int=2),
        "project_id": UUID(int=3),
        "face": Face.SCHEDULES,
        "version": 4,
        "action_secret": None,
        "deduplication_key": None,
        "status": ScheduleStatus.ACTIVE,
        "paused_at": None,
        "paused_until": None,
        "paused_reason": None,
        "decided_until": CREATED - timedelta(microseconds=1),
        "cursor_record_id": None,
        "next_run_at": None,
        "tick_at": None,
        "failures": 0,
        "recent_starts": [],
        "run_count": 7,
        "last_run_at": None,
        "last_run_status": None,
        "last_firing_id": None,
        "created_at": CREATED,
        "created_by": "user:1",
        "updated_at": CREATED,
        "updated_by": "user:1",
        "deleted_at": None,
    }
    return Schedule(**values | said)


def standings() -> st.SearchStrategy[dict[str, Any]]:
    """Active, paused or completed; deleted or not."""
    paused: dict[str, Any] = {
        "status": ScheduleStatus.PAUSED,
        "paused_at": CREATED + timedelta(days=1),
        "paused_reason": "the summer",
    }
    return st.sampled_from(
        ({}, paused, {"status": ScheduleStatus.COMPLETED}, {"deleted_at": CREATED})
    )


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Schedules of all kinds; half of them have nothing that needs the rules."""
    plain = draw(st.booleans())
    kind, text = draw(st.sampled_from(EXPRESSIONS))
    lived = draw(st.one_of(st.just(0), st.integers(0, 40 * 86_400)))
    use = {"calendar_id": str(SUNDAYS), "mode": "exclude"}
    said: dict[str, Any] = {
        "schedule_type": kind,
        "schedule_expression": text,
        "timezone": draw(st.sampled_from(ZONES)),
        "action_type": draw(st.sampled_from((ActionType.LOG_EVENT, ActionType.RUN_JOB))),
        "calendars": () if plain else draw(st.sampled_from(((), (use,)))),
        "overlap_policy": draw(st.sampled_from(OverlapPolicy)),
        "catchup_policy": draw(st.sampled_from(CatchupPolicy)),
        "catchup_window_minutes": draw(st.sampled_from((0, 1, 10))),
        "flexible_window_minutes": 0 if plain else draw(st.sampled_from((0, 3))),
        "rate_limit_per_minute": None if plain else draw(st.sampled_from((None, 1))),
        "action_after_completion": draw(st.sampled_from(CompletionAction)),
        "end_at": draw(st.sampled_from((None, None, CREATED + timedelta(days=29)))),
        "decided_until": CREATED + timedelta(seconds=lived, microseconds=-1),
        "failures": draw(st.integers(0, 2)),
        "recent_starts": draw(st.sampled_from(([], [CREATED.timestamp()]))),
        "cursor_record_id": draw(st.sampled_from((None, UUID(int=9)))),
    }
    return schedule(**said if plain else said | draw(standings()))


@settings(max_examples=1_500, deadline=None)
@given(
    schedules(), st.integers(-1, 2), st.sampled_from((0.0, 0.25, 59.999999, 60.0, 60.5, 3_600.0))
)
def test_it_says_what_the_rules_say_or_nothing(
    wanted: Schedule, further: int, late_seconds: float
) -> None:
    timetable = compile_timetable(wanted, CALENDARS, created_at=wanted.created_at)
    due_at = wanted.decided_until
    for _ in range(further):
        due_at = timetable.next_to_decide(after=due_at) or due_at
    now = max(wanted.decided_until, due_at + timedelta(seconds=late_seconds))
    found = plain_plan(wanted, timetable, now=now, new_id=lambda: FIRING_ID)
    event("left to the rules" if found is None else "plain")
    if found is not None:
        work = due_work(wanted, timetable, now=now, new_id=lambda: FIRING_ID)
        assert found == plan(wanted, timetable, (), work, now=now)


@pytest.mark.parametrize("action", [ActionType.LOG_EVENT, ActionType.RUN_JOB])
@pytest.mark.parametrize(("kind", "text"), EXPRESSIONS[:2] + EXPRESSIONS[3:6])
def test_it_decides_what_is_due_once_and_taken_in_time(
    kind: ScheduleType, text: str, action: ActionType
) -> None:
    wanted = schedule(schedule_type=kind, schedule_expression=text, action_type=action)
    timetable = compile_timetable(wanted, {}, created_at=CREATED)
    due_at = timetable.next_to_decide(after=wanted.decided_until)
    assert due_at is not None
    now = due_at + timedelta(seconds=2)
    found = plain_plan(wanted, timetable, now=now, new_id=lambda: FIRING_ID)
    assert found is not None
    assert [(row.scheduled_for, row.lateness_ms) for row in found.starts] == [(due_at, 2_000)]
    assert found.schedule.tick_at == timetable.next_to_decide(after=now)
