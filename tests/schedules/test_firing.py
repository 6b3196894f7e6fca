"""Schedules over the real database: what is due fires, once, and says what became of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from factories import NOW, until_somebody_waits
from fixtures.schedules import Clockwork, at
from treadle.core.errors import Conflict, NotFound, Unprocessable
from treadle.db.errors import DatabaseUnavailable
from treadle.engine.live import LiveHub
from treadle.jobs.states import AttemptOutcome
from treadle.schedules.decisions import (
    CatchupPolicy,
    CompletionAction,
    FiringStatus,
    OverlapPolicy,
    Trigger,
)
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.model import ActionType, Phase, ScheduleStatus
from treadle.schedules.ticker import ScheduleTicker


async def test_what_is_due_starts_a_run_and_ends_with_it(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(now=1)
    assert schedule.next_run_at == at(5)
    await clockwork.tick(4.9)
    assert await clockwork.told(schedule) == []
    await clockwork.tick(5.01)
    [firing] = await clockwork.firings(schedule)
    assert (firing.status, firing.phase) == (FiringStatus.RUNNING, Phase.RUNNING)
    assert (firing.scheduled_for, firing.lateness_ms) == (at(5), 600)
    run = await clockwork.run_of(firing)
    assert run.submitted_by == f"schedule:{schedule.id}"
    await clockwork.end(firing)
    await clockwork.tick(6)
    [firing] = await clockwork.firings(schedule)
    assert (firing.status, firing.result, firing.reason) == (FiringStatus.SUCCEEDED, None, "")
    now = await clockwork.get(schedule)
    assert (now.next_run_at, now.run_count, now.last_run_status) == (at(10), 1, "succeeded")


async def test_a_due_time_while_the_last_run_goes_on_is_skipped_with_the_reason(
    clockwork: Clockwork,
) -> None:
    schedule = await clockwork.make()
    await clockwork.tick(5)
    await clockwork.tick(10)
    first, second, third = await clockwork.firings(schedule)
    assert (first.scheduled_for, first.status) == (NOW, FiringStatus.RUNNING)
    assert second.status is third.status is FiringStatus.SKIPPED
    assert third.reason == "an earlier firing has not ended"


async def test_a_second_tick_of_the_same_moment_does_nothing(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(overlap_policy=OverlapPolicy.ALLOW_ALL)
    await clockwork.tick(0)
    await clockwork.tick(0)
    assert await clockwork.told(schedule) == ["0 running"]


async def test_after_an_outage_each_due_time_has_its_row(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(
        schedule_expression="* * * * *", overlap_policy=OverlapPolicy.BUFFER_ALL
    )
    await clockwork.tick(0)
    await clockwork.end((await clockwork.firings(schedule))[0])
    await clockwork.tick(20.5)
    rows = (await clockwork.firings(schedule))[1:]
    assert [row.status for row in rows] == [
        *[FiringStatus.MISSED] * 10,
        FiringStatus.RUNNING,
        *[FiringStatus.PENDING] * 9,
    ]
    assert rows[10].trigger is Trigger.CATCHUP
    assert rows[-1].trigger is Trigger.SCHEDULE


@pytest.mark.parametrize(
    ("policy", "statuses"),
    [
        (CatchupPolicy.LATEST, ["coalesced"] * 3 + ["running"]),
        (CatchupPolicy.NONE, ["missed"] * 3 + ["running"]),
    ],
)
async def test_the_catch_up_policy_decides_on_late_due_times(
    clockwork: Clockwork, policy: CatchupPolicy, statuses: list[str]
) -> None:
    schedule = await clockwork.make(now=0.5, schedule_expression="* * * * *", catchup_policy=policy)
    await clockwork.tick(4.1)
    assert [row.status for row in await clockwork.firings(schedule)] == statuses


async def test_more_due_times_than_a_tick_takes_are_all_written(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(
        schedule_type=ScheduleType.INTERVAL,
        schedule_expression="1",
        catchup_window_minutes=0,
        action_type=ActionType.LOG_EVENT,
        action_config={},
    )
    await clockwork.tick(20)
    async with clockwork.workshop.database.tenant(schedule.tenant_id) as tx:
        counts = await tx.fetchrow(
            "SELECT count(*) AS rows, count(DISTINCT scheduled_for) AS times,"
            " count(*) FILTER (WHERE status = 'missed') AS missed FROM firings"
        )
    assert counts is not None
    assert (counts["rows"], counts["times"], counts["missed"]) == (1200, 1200, 1139)


@pytest.mark.parametrize("policy", list(OverlapPolicy))
async def test_what_ends_at_once_stands_in_nobodys_way(
    clockwork: Clockwork, policy: OverlapPolicy
) -> None:
    schedule = await clockwork.make(
        action_type=ActionType.LOG_EVENT, action_config={}, overlap_policy=policy, end_at=at(9)
    )
    assert await clockwork.ticker.tick(at(9)) == 1
    assert await clockwork.told(schedule) == ["0 succeeded", "5 succeeded"]
    first, second = await clockwork.firings(schedule)
    assert (first.trigger, second.trigger) == (Trigger.CATCHUP, Trigger.CATCHUP)
    assert (first.attempt, first.started_at, first.finished_at) == (1, at(9), at(9))
    now = await clockwork.get(schedule)
    assert (now.run_count, now.last_run_status) == (2, "succeeded")
    assert now.status is ScheduleStatus.COMPLETED
    assert await clockwork.ticker.tick(at(9)) == 0


async def test_a_failure_is_tried_again_and_then_pauses(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(
        schedule_type=ScheduleType.ONCE,
        schedule_expression=at(1).isoformat(),
        max_retries=1,
        retry_backoff_seconds=60,
        pause_on_failure_count=1,
    )
    await clockwork.tick(1)
    [firing] = await clockwork.firings(schedule)
    first = firing.target_id
    await clockwork.end(firing, AttemptOutcome.ERROR)
    await clockwork.tick(2)
    [firing] = await clockwork.firings(schedule)
    assert (firing.phase, firing.not_before) == (Phase.RETRYING, at(3))
    await clockwork.tick(3)
    [firing] = await clockwork.firings(schedule)
    assert (firing.attempt, firing.status) == (2, FiringStatus.RUNNING)
    assert firing.target_id != first
    await clockwork.end(firing, AttemptOutcome.ERROR)
    await clockwork.tick(4)
    [firing] = await clockwork.firings(schedule)
    assert firing.status is FiringStatus.FAILED
    now = await clockwork.get(schedule)
    assert now.status is ScheduleStatus.PAUSED
    assert now.paused_reason is not None
    assert now.paused_reason.startswith("a firing has failed")


async def test_a_run_that_is_stopped_counts_as_cancelled(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(pause_on_failure_count=1)
    await clockwork.tick(0)
    [firing] = await clockwork.firings(schedule)
    await clockwork.workshop.stop(await clockwork.run_of(firing))
    await clockwork.tick(1)
    assert await clockwork.told(schedule) == ["0 cancelled"]
    assert (await clockwork.get(schedule)).status is ScheduleStatus.ACTIVE


async def test_a_job_that_cannot_be_run_fails_the_firing_with_the_reason(
    clockwork: Clockwork,
) -> None:
    schedule = await clockwork.make()
    job = await clockwork.job()
    async with clockwork.workshop.database.tenant(schedule.tenant_id) as tx:
        await tx.execute("UPDATE jobs SET active = false WHERE id = $1", job.id)
    await clockwork.tick(0)
    [firing] = await clockwork.firings(schedule)
    assert (firing.status, firing.target_id) == (FiringStatus.FAILED, None)
    assert firing.error == "the job 'hello' is not active"


async def test_buffered_firings_run_one_after_another_in_order(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(
        schedule_expression="* * * * *", overlap_policy=OverlapPolicy.BUFFER_ALL
    )
    for minute in range(3):
        await clockwork.tick(minute)
    assert await clockwork.told(schedule) == ["0 running", "1 pending", "2 pending"]
    for number in range(3):
        await clockwork.end((await clockwork.firings(schedule))[number])
        await clockwork.tick(2.1 + number / 10)
    assert await clockwork.told(schedule) == ["0 succeeded", "1 succeeded", "2 succeeded"]


@pytest.mark.parametrize(
    ("policy", "after"),
    [
        (OverlapPolicy.CANCEL_OTHER, "running"),
        (OverlapPolicy.TERMINATE_OTHER, "running"),
    ],
)
async def test_a_later_firing_replaces_an_earlier_one(
    clockwork: Clockwork, policy: OverlapPolicy, after: str
) -> None:
    schedule = await clockwork.make(schedule_expression="* * * * *", overlap_policy=policy)
    await clockwork.tick(0)
    await clockwork.tick(1)
    first, second = await clockwork.firings(schedule)
    assert (first.status, second.status) == (FiringStatus.CANCELLED, after)


async def test_a_pause_leaves_one_row_for_all_its_due_times(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(schedule_expression="* * * * *", now=0.5)
    paused = await clockwork.pause(schedule, now=1.5)
    assert (paused.status, paused.next_run_at) == (ScheduleStatus.PAUSED, None)
    await clockwork.tick(30)
    resumed = await clockwork.resume(schedule, now=60.5)
    assert resumed.next_run_at == at(61)
    _, span = await clockwork.firings(schedule)
    assert (span.scheduled_for, span.span_until, span.span_count) == (at(2), at(60), 59)
    assert (span.status, span.reason) == ("skipped", "59 due times while paused: a test")


async def test_a_pause_with_an_end_ends_by_itself(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(now=0.5)
    await clockwork.pause(schedule, now=1, until=11)
    await clockwork.tick(10)
    assert (await clockwork.get(schedule)).status is ScheduleStatus.PAUSED
    await clockwork.tick(11)
    now = await clockwork.get(schedule)
    assert (now.status, now.next_run_at) == (ScheduleStatus.ACTIVE, at(15))
    [span] = await clockwork.firings(schedule)
    assert (span.scheduled_for, span.span_until, span.span_count) == (at(5), at(10), 2)


async def test_an_edit_is_a_new_version_that_begins_where_the_old_one_ends(
    clockwork: Clockwork,
) -> None:
    schedule = await clockwork.make(now=0.5, overlap_policy=OverlapPolicy.ALLOW_ALL)
    changed = await clockwork.change(schedule, now=7, schedule_expression="*/2 * * * *")
    assert (changed.version, changed.next_run_at) == (2, at(8))
    await clockwork.tick(8)
    rows = await clockwork.firings(schedule)
    assert [(row.scheduled_for, row.schedule_version) for row in rows] == [(at(5), 1), (at(8), 2)]


async def test_a_trigger_starts_at_once_and_moves_nothing(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(now=0.5)
    row = await clockwork.trigger(schedule, now=2)
    assert (row.trigger, row.status, row.attempt) == (Trigger.MANUAL, FiringStatus.RUNNING, 1)
    assert (await clockwork.get(schedule)).next_run_at == at(5)
    again = await clockwork.trigger(schedule, now=3)
    assert (again.status, again.reason) == ("skipped", "an earlier firing has not ended")


async def test_a_paused_schedule_can_be_triggered(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(now=0.5)
    await clockwork.pause(schedule, now=1)
    row = await clockwork.trigger(schedule, now=2)
    assert row.status is FiringStatus.RUNNING
    assert (await clockwork.get(schedule)).status is ScheduleStatus.PAUSED


@pytest.mark.parametrize("action", list(CompletionAction))
async def test_what_is_never_due_again_completes(
    clockwork: Clockwork, action: CompletionAction
) -> None:
    schedule = await clockwork.make(
        schedule_type=ScheduleType.ONCE,
        schedule_expression=at(1).isoformat(),
        action_after_completion=action,
    )
    await clockwork.tick(1)
    assert (await clockwork.get(schedule)).status is ScheduleStatus.ACTIVE
    await clockwork.end((await clockwork.firings(schedule))[0])
    await clockwork.tick(2)
    assert await clockwork.told(schedule) == ["1 succeeded"]
    if action is CompletionAction.NONE:
        assert (await clockwork.get(schedule)).status is ScheduleStatus.COMPLETED
        with pytest.raises(Conflict, match="completed"):
            await clockwork.pause(schedule, now=3)
    else:
        with pytest.raises(NotFound):
            await clockwork.get(schedule)


async def test_a_deleted_schedule_ends_what_it_has_started(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(
        schedule_expression="* * * * *", overlap_policy=OverlapPolicy.BUFFER_ALL
    )
    await clockwork.tick(1)
    await clockwork.delete(schedule, now=1.5)
    first, second = await clockwork.firings(schedule)
    assert (first.status, second.status) == (FiringStatus.RUNNING, FiringStatus.SKIPPED)
    assert second.reason == "the schedule was deleted before it started"
    await clockwork.end(first)
    await clockwork.tick(5)
    assert await clockwork.told(schedule) == ["0 succeeded", "1 skipped"]


async def test_starts_beyond_the_rate_limit_wait_in_order(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(
        schedule_type=ScheduleType.INTERVAL,
        schedule_expression="10",
        rate_limit_per_minute=2,
        overlap_policy=OverlapPolicy.ALLOW_ALL,
    )
    for second in (10, 20, 30, 40):
        await clockwork.tick(second / 60)
    statuses = [row.status for row in await clockwork.firings(schedule)]
    assert statuses == ["running", "running", "pending", "pending"]
    third = (await clockwork.firings(schedule))[2]
    assert third.not_before == NOW + timedelta(seconds=70)
    await clockwork.tick(70 / 60)
    assert (await clockwork.firings(schedule))[2].status is FiringStatus.RUNNING


async def test_a_flexible_window_delays_the_start_and_not_the_due_time(
    clockwork: Clockwork,
) -> None:
    schedule = await clockwork.make(
        now=0.5, schedule_expression="0 * * * *", flexible_window_minutes=60
    )
    await clockwork.tick(60)
    [firing] = await clockwork.firings(schedule)
    if firing.phase is Phase.DELAYED:  # its place is by the schedule's own id
        assert firing.not_before is not None
        assert at(60) < firing.not_before < at(120)
        await clockwork.tick((firing.not_before - NOW) / timedelta(minutes=1))
        firing = (await clockwork.firings(schedule))[0]
    assert (firing.status, firing.scheduled_for) == (FiringStatus.RUNNING, at(60))


async def test_a_schedule_that_cannot_be_decided_on_pauses_alone(clockwork: Clockwork) -> None:
    good = await clockwork.make(name="good")
    bad = await clockwork.make(name="bad")
    async with clockwork.workshop.database.tenant(bad.tenant_id) as tx:
        await tx.execute(
            "UPDATE schedules SET schedule_expression = 'nonsense' WHERE id = $1", bad.id
        )
    await clockwork.tick(0)
    assert await clockwork.told(good) == ["0 running"]
    now = await clockwork.get(bad)
    assert now.status is ScheduleStatus.PAUSED
    assert now.paused_reason == "it could not be decided when it is due: ExpressionError"


async def test_a_job_of_another_tenant_is_no_target(clockwork: Clockwork) -> None:
    with pytest.raises(Unprocessable, match="no such job") as caught:
        await clockwork.make(action_type=ActionType.RUN_JOB, action_config={"job_id": "999999"})
    assert caught.value.field == "action_config.job_id"


async def test_an_edit_that_waited_for_a_tick_makes_nothing_due_again(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(now=0.5, overlap_policy=OverlapPolicy.ALLOW_ALL)
    await clockwork.tick(10)
    # The request came before the tick, and got the schedule's lock after it.
    changed = await clockwork.change(schedule, now=4, schedule_expression="*/2 * * * *")
    assert changed.next_run_at == at(12)
    await clockwork.tick(12)
    due = [(row.scheduled_for, row.schedule_version) for row in await clockwork.firings(schedule)]
    assert due == [(at(5), 1), (at(10), 1), (at(12), 2)]


async def test_a_deleted_schedule_keeps_the_row_of_its_pause(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(now=0.5)
    await clockwork.pause(schedule, now=1)
    await clockwork.delete(schedule, now=12)
    [span] = await clockwork.firings(schedule)
    assert (span.scheduled_for, span.span_until, span.span_count) == (at(5), at(10), 2)


async def test_an_edit_finds_no_schedule_that_has_completed_and_gone(clockwork: Clockwork) -> None:
    schedule = await clockwork.make(
        schedule_type=ScheduleType.ONCE,
        schedule_expression=at(1).isoformat(),
        catchup_window_minutes=0,
        action_after_completion=CompletionAction.DELETE,
    )
    with pytest.raises(NotFound):
        await clockwork.change(schedule, now=5, name="other")


async def test_a_tick_that_is_cut_off_takes_less_the_next_time(
    clockwork: Clockwork, owner: asyncpg.Connection
) -> None:
    """As on a machine so busy that a whole batch takes longer than a stalled tick may."""
    for number in range(50):
        await clockwork.make(name=str(number), action_type=ActionType.LOG_EVENT, action_config={})
    database = clockwork.workshop.database
    ticker = ScheduleTicker(
        database, LiveHub(database), clockwork.context, batch_size=24, at_once=1
    )
    async with owner.transaction(), asyncio.timeout(60):
        await owner.execute("LOCK TABLE treadle.firings IN SHARE MODE")
        ticking = asyncio.create_task(ticker.tick(at(0)))
        await until_somebody_waits(database)
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND pid IN"
            " (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        )
        with pytest.raises(DatabaseUnavailable):
            await ticking
    # Four batches of 12, where there were 24; then of 24 again.
    assert [await ticker.tick(at(0)) for _ in range(3)] == [48, 2, 0]
