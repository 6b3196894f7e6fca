"""The rules of `decide`, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.effort import examples
from schedules.timeline import Timeline, minute
from treadle.schedules.decisions import (
    CatchupPolicy,
    Decision,
    Due,
    Ended,
    EndStatus,
    Firing,
    FiringStatus,
    Outcome,
    OverlapPolicy,
    Settings,
    State,
    Stretch,
    Trigger,
)
from treadle.schedules.delays import flexible_delay
from treadle.schedules.policy import MOST_BUFFERED, decide

SKIP = Settings("s")
ALL = Settings("s", overlap_policy=OverlapPolicy.BUFFER_ALL)
ALLOW = Settings("s", overlap_policy=OverlapPolicy.ALLOW_ALL)


def only(decisions: tuple[Decision, ...]) -> Decision:
    """The one decision that there is."""
    [decision] = decisions
    return decision


# Catch-up


def test_a_due_time_is_on_time_for_a_minute_and_taken_however_small_the_window():
    line = Timeline(replace(ALLOW, catchup_window=timedelta(0)))
    line.tick(1, 0)
    assert only(line.last.decisions).firing.trigger is Trigger.SCHEDULE
    line.tick(11.02, 10)
    decision = only(line.last.decisions)
    assert decision.outcome is Outcome.MISS
    assert decision.outcome.status is FiringStatus.MISSED
    assert decision.reason == "not taken within the catch-up window of 0 minutes"


def test_the_catch_up_window_is_inclusive():
    line = Timeline(ALLOW)
    line.tick(10, 0)
    assert only(line.last.decisions).firing.trigger is Trigger.CATCHUP
    line.tick(20.001, 10)
    assert only(line.last.decisions).outcome is Outcome.MISS


def test_the_latest_is_taken_though_it_is_late_itself():
    line = Timeline(replace(ALLOW, catchup_policy=CatchupPolicy.LATEST))
    line.tick(10, 1, 3, 5)
    assert line.read() == "1 coalesce, 3 coalesce, 5 start late"
    assert line.last.decisions[0].reason.endswith("takes only the latest, of 2026-05-04T09:05:00Z")


def test_a_batch_knows_of_the_newest_due_time_to_come():
    line = Timeline(replace(ALLOW, catchup_policy=CatchupPolicy.LATEST))
    line.tick(10, 1, 3, newest_due=5, more_due=True, next_due=None)
    assert line.last.completion is None
    line.tick(10, 5, next_due=None)
    assert line.read() == "1 coalesce, 3 coalesce, 5 start late"


def test_a_held_time_is_not_the_latest():
    line = Timeline(replace(ALLOW, catchup_policy=CatchupPolicy.LATEST))
    line.tick(10, 1, 3, 5, held={5: "2026-05-04 is excluded by calendar 'Holidays'"})
    assert line.read() == "1 coalesce, 3 start late, 5 hold"


# Overlap


def test_what_overlaps_is_skipped_with_its_reason():
    line = Timeline(SKIP)
    line.tick(0, 0)
    line.tick(5, 5)
    decision = only(line.last.decisions)
    assert decision.outcome.status is FiringStatus.SKIPPED
    assert decision.reason == "an earlier firing has not ended"


def test_at_most_a_thousand_are_buffered():
    line = Timeline(ALL)
    line.tick(0, 0)
    line.backfill(1, *range(-2 * MOST_BUFFERED, 0))
    outcomes = [decision.outcome for decision in line.last.decisions]
    assert outcomes == [Outcome.BUFFER] * MOST_BUFFERED + [Outcome.SKIP] * MOST_BUFFERED
    assert line.last.decisions[-1].reason == "1,000 firings are buffered already"
    line.end(2, "0")
    assert len(line.state.buffered) == MOST_BUFFERED - 1


def test_the_buffer_goes_before_what_is_due_later():
    line = Timeline(ALL)
    line.tick(0, 0)
    line.tick(5, 5)
    line.read()
    verdict = decide(
        ALL,
        line.state,
        now=minute(6),
        due=[Due(Firing("6", minute(6)))],
        ended=[Ended("0", EndStatus.SUCCEEDED)],
        next_due=minute(10),
    )
    assert [each.firing.id for each in verdict.state.running] == ["5"]
    assert [each.id for each in verdict.state.buffered] == ["6"]


def test_cancelling_waits_for_the_end_and_asks_once():
    line = Timeline(replace(SKIP, overlap_policy=OverlapPolicy.CANCEL_OTHER))
    line.tick(0, 0)
    line.tick(5, 5)
    line.tick(6, 6)
    line.read()
    line.end(7, "0")
    assert line.read() == "0 cancel, 6 start"
    assert line.state.failures == 0


def test_what_was_told_to_end_and_failed_was_cancelled():
    line = Timeline(replace(SKIP, overlap_policy=OverlapPolicy.TERMINATE_OTHER))
    line.tick(0, 0)
    line.tick(5, 5)
    line.read()
    verdict = decide(
        line.settings,
        line.state,
        now=minute(6),
        ended=[Ended("0", EndStatus.FAILED, "killed")],
        next_due=minute(10),
    )
    assert only(verdict.changes).outcome is Outcome.CANCEL
    assert verdict.state.failures == 0


def test_a_firing_between_two_attempts_is_cancelled_without_asking():
    line = Timeline(replace(SKIP, overlap_policy=OverlapPolicy.CANCEL_OTHER))
    line.tick(0, 0)
    line.fail(1, "0")
    line.read()
    line.tick(1.5, 1)
    assert line.read() == "0 cancel, 1 start"
    assert line.last.cancel == ()


def test_records_of_a_relative_schedule_do_not_stand_in_each_others_way():
    line = Timeline(SKIP)
    line.tick(0, 0, record="a")
    line.tick(0, 0, record="b")
    line.tick(5, 5, record="a")
    assert line.read() == "0a start, 0b start, 5a skip"


def test_a_backfill_may_have_its_own_overlap_policy():
    line = Timeline(SKIP)
    line.backfill(100, 1, 2, 3, policy=OverlapPolicy.BUFFER_ALL)
    assert line.read() == "1b start, 2b buffer, 3b buffer"
    line.tick(101, 101)
    assert line.read() == "101 skip"
    line.end(102, "1b")
    assert line.read() == "1b succeed, 2b start"
    line.backfill(103, 4)
    assert line.read() == "4b skip"


def test_an_edit_of_the_policy_holds_for_what_comes_then():
    line = Timeline(ALL)
    line.tick(0, 0)
    line.tick(5, 5)
    line.settings = SKIP
    line.tick(6, 6)
    line.end(7, "0")
    line.end(8, "5")
    assert line.read() == "0 start, 5 buffer, 6 skip, 0 succeed, 5 start, 5 succeed"


# By hand


def test_a_trigger_by_hand_works_while_paused_and_obeys_the_overlap_policy():
    line = Timeline(SKIP)
    line.pause(0)
    line.trigger(1)
    line.trigger(2)
    assert line.read() == "1m start, 2m skip"
    assert line.last.completion is None


def test_pausing_leaves_what_was_asked_for_by_hand():
    line = Timeline(ALL)
    line.tick(0, 0)
    line.tick(1, 1)
    line.trigger(2)
    line.read()
    line.pause(3)
    assert line.read() == "1 skip"
    line.end(4, "0")
    assert line.read() == "0 succeed, 2m start"


# Pauses and maintenance


def test_due_times_of_a_pause_are_told_apart_from_those_around_it():
    line = Timeline(ALLOW)
    line.pause(5, until=8)
    line.tick(9, 5, 6, 8, 9)
    assert line.read() == "5 start late, 6 pause, 8 pause, 9 start"
    assert line.last.decisions[1].reason == "due while paused: by Alice"


def test_what_was_due_before_a_pause_and_not_taken_is_skipped_during_it():
    line = Timeline(ALLOW)
    line.pause(5)
    line.tick(6, 4, 5, 6)
    assert line.read() == "4 skip, 5 skip, 6 pause"
    assert line.last.decisions[0].reason == "paused before it started: by Alice"


def test_a_running_firing_runs_on_through_a_pause_with_its_retries():
    line = Timeline(SKIP)
    line.tick(0, 0)
    line.pause(1)
    line.fail(2, "0")
    line.tick(3)
    assert line.read() == "0 start, 0 retry, 0 start"


MAINTENANCE = State(maintenance=(Stretch(minute(10), minute(20), "upgrade"),))


def test_a_maintenance_window_holds_what_is_due_in_it():
    line = Timeline(ALLOW, MAINTENANCE)
    line.tick(9, 9)
    line.tick(10, 10)
    line.tick(19, 19)
    line.tick(20, 20)
    assert line.read() == "9 start, 10 hold, 19 hold, 20 start"


def test_nothing_but_what_was_asked_for_by_hand_starts_within_maintenance():
    line = Timeline(ALL, MAINTENANCE)
    line.tick(0, 0)
    line.tick(9, 9)
    line.end(11, "0")
    assert line.read() == "0 start, 9 buffer, 0 succeed, 9 delay"
    change = line.last.changes[-1]
    assert change.reason == "waits for the maintenance window: upgrade"
    assert change.not_before == line.last.wake_at == minute(20)
    line.settings = ALLOW
    line.trigger(12)
    assert line.read() == "12m start"
    line.tick(20, 20)
    assert line.read() == "9 start, 20 start"


# The flexible window


def test_the_flexible_window_delays_the_start_and_not_the_due_time():
    window = timedelta(minutes=30)
    line = Timeline(replace(SKIP, flexible_window=window))
    delay = flexible_delay("s", minute(0), window)
    assert timedelta(minutes=1) < delay < timedelta(minutes=29)
    line.tick(0, 0)
    decision = only(line.last.decisions)
    assert decision.outcome is Outcome.DELAY
    assert decision.not_before == line.last.wake_at == minute(0) + delay
    minutes = delay / timedelta(minutes=1)
    line.tick(minutes - 0.1)
    assert line.read() == "0 delay"
    line.tick(minutes)
    assert line.read() == "0 start"
    assert line.last.changes[0].firing.due_at == minute(0)


def test_lateness_counts_from_the_place_in_the_flexible_window():
    window = timedelta(minutes=30)
    line = Timeline(replace(ALLOW, flexible_window=window))
    ready = flexible_delay("s", minute(0), window) / timedelta(minutes=1)
    line.tick(ready + 9, 0)
    assert line.read() == "0 start late"
    line.tick(0, 0)
    line.read()
    line.tick(ready + 11)
    assert line.read() == "0 miss"


@given(st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)), st.integers(0, 60))  # noqa: DTZ001
@examples(200)
def test_the_place_in_the_window_is_within_it_and_the_same_everywhere(at: datetime, minutes: int):
    due_at = at.replace(microsecond=0, tzinfo=minute(0).tzinfo)
    window = timedelta(minutes=minutes)
    delay = flexible_delay("s", due_at, window)
    assert timedelta(0) <= delay <= max(window - timedelta(seconds=1), timedelta(0))
    assert delay == flexible_delay("s", due_at, window)


def test_places_in_the_window_are_spread():
    window = timedelta(minutes=10)
    delays = [flexible_delay("s", minute(n), window).total_seconds() for n in range(2_000)]
    assert len(set(delays)) > 500
    assert 280 < sum(delays) / len(delays) < 320
    assert flexible_delay("s", minute(0), window) == timedelta(seconds=delays[0])
    assert flexible_delay("t", minute(0), window) != flexible_delay("s", minute(0), window)


# The rate limit


def test_the_rate_limit_delays_in_order_and_drops_nothing():
    line = Timeline(replace(ALLOW, rate_limit_per_minute=2))
    line.backfill(0, 1, 2, 3, 4, 5)
    assert line.read() == "1b start, 2b start, 3b delay, 4b delay, 5b delay"
    assert [d.not_before for d in line.last.decisions[2:]] == [minute(1), minute(1), minute(2)]
    assert line.last.decisions[2].reason == "waits for the rate limit of 2 a minute"
    assert line.last.wake_at == minute(1)
    line.tick(0.5)
    assert line.read() == ""
    line.tick(1)
    assert line.read() == "3b start, 4b start"
    line.trigger(1.5)
    assert line.read() == "1.5m delay"
    line.tick(2)
    assert line.read() == "5b start, 1.5m start"


def test_what_waits_for_the_rate_limit_is_what_the_next_one_overlaps_with():
    line = Timeline(replace(SKIP, rate_limit_per_minute=1))
    line.tick(0, 0)
    line.end(0.2, "0")
    line.trigger(0.4)
    line.trigger(0.6)
    assert line.read() == "0 start, 0 succeed, 0.4m delay, 0.6m skip"


@pytest.mark.parametrize("policy", [OverlapPolicy.CANCEL_OTHER, OverlapPolicy.TERMINATE_OTHER])
def test_what_waits_for_the_rate_limit_gives_way_at_once(policy: OverlapPolicy):
    line = Timeline(replace(SKIP, overlap_policy=policy, rate_limit_per_minute=1))
    line.tick(0, 0)
    line.end(0.1, "0")
    line.trigger(0.2)
    line.trigger(0.3)
    assert line.read() == "0 start, 0 succeed, 0.2m delay, 0.2m skip, 0.3m delay"
    assert line.last.changes[0].reason == "replaced by the firing of 2026-05-04T09:00:18Z"
    line.tick(1)
    assert line.read() == "0.3m start"


def test_attempts_count_for_the_rate_limit():
    settings = replace(ALLOW, rate_limit_per_minute=1, retry_backoff=timedelta(seconds=30))
    line = Timeline(settings)
    line.tick(0, 0)
    line.fail(0.1, "0")
    assert line.last.wake_at == minute(0.6)
    line.tick(0.6)
    assert line.read() == "0 start, 0 retry"
    assert line.last.wake_at == minute(1)
    line.tick(1)
    assert line.read() == "0 start"
