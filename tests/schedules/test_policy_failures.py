"""What `decide` makes of failures, and how a schedule ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from schedules.timeline import Timeline, minute
from treadle.schedules.decisions import (
    CompletionAction,
    Decision,
    Ended,
    EndStatus,
    Outcome,
    OverlapPolicy,
    Settings,
)
from treadle.schedules.delays import retry_delay
from treadle.schedules.policy import decide

SKIP = Settings("s")
ALL = Settings("s", overlap_policy=OverlapPolicy.BUFFER_ALL)
ALLOW = Settings("s", overlap_policy=OverlapPolicy.ALLOW_ALL)


def only(decisions: tuple[Decision, ...]) -> Decision:
    """The one decision that there is."""
    [decision] = decisions
    return decision


# Retries and failures


def test_a_failed_attempt_is_tried_again_with_a_growing_wait():
    line = Timeline(replace(SKIP, max_retries=2))
    line.tick(0, 0)
    line.fail(1, "0")
    decision = only(line.last.changes)
    assert decision.outcome is Outcome.RETRY
    assert (decision.not_before, decision.attempt) == (minute(2), 2)
    assert decision.reason == "attempt 1 failed: boom"
    assert line.last.wake_at == minute(2)
    line.tick(2)
    assert only(line.last.changes).attempt == 2
    line.fail(3, "0")
    assert only(line.last.changes).not_before == minute(5)
    line.tick(5)
    line.fail(6, "0")
    decision = only(line.last.changes)
    assert (decision.outcome, decision.reason) == (Outcome.FAIL, "boom")
    assert line.state.failures == 1
    assert line.state.running == ()


def test_a_firing_that_waits_for_its_next_attempt_is_still_running():
    line = Timeline(SKIP)
    line.tick(0, 0)
    line.fail(0.5, "0")
    line.tick(1, 1)
    assert line.read() == "0 start, 0 retry, 1 skip"


def test_a_backoff_of_nothing_tries_again_at_once():
    line = Timeline(replace(SKIP, retry_backoff=timedelta(0), max_retries=1))
    line.tick(0, 0)
    line.fail(1, "0")
    assert line.read() == "0 start, 0 start"
    line.fail(2, "0")
    assert line.read() == "0 fail"


def test_a_final_failure_is_not_tried_again():
    line = Timeline(SKIP)
    line.tick(0, 0)
    verdict = decide(
        SKIP,
        line.state,
        now=minute(1),
        ended=[Ended("0", EndStatus.FAILED, "the job is gone", final=True)],
        next_due=minute(5),
    )
    assert only(verdict.changes).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("seconds", "attempt", "expected"),
    [(60, 1, 60), (60, 2, 120), (60, 11, 61_440), (60, 12, 86_400), (60, 500, 86_400), (0, 9, 0),
     (10**9, 1, 86_400)],
)  # fmt: skip
def test_the_wait_doubles_up_to_a_day(seconds: int, attempt: int, expected: int):
    assert retry_delay(timedelta(seconds=seconds), attempt) == timedelta(seconds=expected)


def test_so_many_failures_in_a_row_pause_the_schedule():
    line = Timeline(replace(ALL, max_retries=0, pause_on_failure_count=2))
    for at in (0, 1, 2, 3):
        line.tick(at, at)
    line.read()
    line.fail(4, "0")
    assert line.last.pause == ""
    line.fail(5, "1", error="again")
    assert line.last.pause == "2 firings in a row have failed: again"
    assert line.read() == "0 fail, 1 start, 1 fail, 2 skip, 3 skip"
    line.tick(6, 6)
    assert line.read() == "6 pause"
    assert line.last.completion is None
    line.resume(7)
    assert line.state.failures == 0
    line.tick(8, 8)
    assert line.read() == "8 start"


def test_success_resets_the_count_and_a_cancelled_firing_leaves_it():
    line = Timeline(replace(ALLOW, max_retries=0, pause_on_failure_count=2))
    line.tick(0, 0)
    line.fail(0.5)
    line.tick(1, 1)
    line.end(1.5, status=EndStatus.CANCELLED)
    assert line.state.failures == 1
    line.tick(2, 2)
    line.end(2.5)
    assert line.state.failures == 0
    line.tick(3, 3)
    line.fail(3.5)
    assert line.last.pause == ""


def test_a_paused_schedule_is_not_paused_again_by_failures():
    line = Timeline(replace(ALLOW, max_retries=0, pause_on_failure_count=1))
    line.tick(0, 0)
    line.tick(1, 1)
    line.fail(2, "0")
    assert line.last.pause == "a firing has failed: boom"
    line.fail(3, "1")
    assert line.last.pause == ""
    assert len(line.state.paused) == 1


def test_an_end_that_is_told_twice_changes_nothing():
    line = Timeline(SKIP)
    line.tick(0, 0)
    line.end(1, "0")
    before = line.state
    verdict = decide(
        SKIP,
        line.state,
        now=minute(2),
        ended=[Ended("0", EndStatus.FAILED)],
        next_due=minute(5),
    )
    assert verdict.changes == ()
    assert replace(verdict.state, recent_starts=()) == replace(before, recent_starts=())


# The end of a schedule


@pytest.mark.parametrize("action", CompletionAction)
def test_a_schedule_is_complete_when_its_last_firing_has_ended(action: CompletionAction):
    line = Timeline(replace(SKIP, action_after_completion=action))
    line.tick(0, 0, next_due=None)
    assert line.last.completion is None
    verdict = line.end(1, "0", next_due=None)
    assert verdict.completion is action


def test_a_paused_schedule_is_not_complete_until_it_is_resumed():
    line = Timeline(SKIP)
    line.pause(0)
    line.tick(1, 1, next_due=None)
    assert line.read() == "1 pause"
    assert line.last.completion is None
    line.state = line.state.resume(now=minute(2))
    line.tick(2, next_due=None)
    assert line.last.completion is CompletionAction.NONE


def test_an_idle_schedule_needs_no_waking():
    line = Timeline(SKIP)
    line.tick(0, 0)
    line.end(1, "0")
    assert line.last.wake_at is None
    assert line.last.completion is None
