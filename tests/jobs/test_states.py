"""What follows from how an attempt ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from treadle.jobs.model import RunState
from treadle.jobs.states import AttemptOutcome, Decision, decide, retry_delay, state_when_stopped

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
O = AttemptOutcome  # noqa: E741
S = RunState


@pytest.mark.parametrize(
    ("outcome", "began", "stop", "failures", "retries", "state", "failures_after"),
    [
        (O.FINISHED, True, False, 0, 0, S.FINISHED, 0),
        (O.FINISHED, True, True, 0, 3, S.FINISHED, 0),  # it was faster than the stop
        (O.ERROR, True, False, 0, 0, S.ERROR, 1),
        (O.ERROR, True, False, 0, 1, S.QUEUED, 1),
        (O.ERROR, True, False, 1, 1, S.ERROR, 2),
        (O.ERROR, False, False, 0, 0, S.ERROR, 1),  # could not be prepared
        (O.ERROR, True, True, 0, 3, S.FAILED, 0),  # a stop forbids the retry
        (O.FAILED, True, False, 0, 0, S.FAILED, 1),
        (O.FAILED, True, False, 0, 2, S.QUEUED, 1),
        (O.STOPPED, True, True, 0, 5, S.FAILED, 0),
        (O.STOPPED, False, True, 0, 5, S.FAILED, 0),
        (O.LOST, False, False, 0, 0, S.QUEUED, 0),  # its code had not begun
        (O.LOST, True, False, 0, 0, S.FAILED, 1),  # it may have had effects
        (O.LOST, True, False, 0, 1, S.QUEUED, 1),
        (O.LOST, True, True, 0, 1, S.FAILED, 0),
        (O.HANDED_BACK, True, False, 2, 2, S.QUEUED, 2),
        (O.HANDED_BACK, True, True, 0, 0, S.FAILED, 0),
    ],
)
def test_decide(
    outcome: AttemptOutcome,
    began: bool,
    stop: bool,
    failures: int,
    retries: int,
    state: RunState,
    failures_after: int,
) -> None:
    decision = decide(
        outcome,
        code_began=began,
        stop_requested=stop,
        failures=failures,
        max_retries=retries,
        backoff=timedelta(seconds=0),
        now=NOW,
    )
    assert (decision.state, decision.failures) == (state, failures_after)


def test_decide_waits_longer_after_each_failure() -> None:
    waits = [
        decide(
            O.ERROR,
            code_began=True,
            stop_requested=False,
            failures=failures,
            max_retries=10,
            backoff=timedelta(seconds=60),
            now=NOW,
        )
        for failures in range(3)
    ]
    assert waits == [
        Decision(S.QUEUED, 1, NOW + timedelta(seconds=60)),
        Decision(S.QUEUED, 2, NOW + timedelta(seconds=120)),
        Decision(S.QUEUED, 3, NOW + timedelta(seconds=240)),
    ]


def test_decide_hands_back_without_a_wait() -> None:
    decision = decide(
        O.HANDED_BACK,
        code_began=True,
        stop_requested=False,
        failures=0,
        max_retries=0,
        backoff=timedelta(hours=1),
        now=NOW,
    )
    assert decision.not_before is None


def test_retry_delay_is_at_most_a_day() -> None:
    assert retry_delay(timedelta(seconds=60), 11) == timedelta(seconds=60 * 1024)
    assert retry_delay(timedelta(seconds=60), 12) == timedelta(days=1)
    assert retry_delay(timedelta(days=9_999), 10_000) == timedelta(days=1)
    assert retry_delay(timedelta(0), 10_000) == timedelta(0)


@pytest.mark.parametrize(
    ("state", "attempt", "expected"),
    [
        (S.QUEUED, 0, S.CANCELLED),
        (S.WAITING, 0, S.CANCELLED),
        (S.QUEUED, 1, S.FAILED),  # between two attempts: a worker has had it
        (S.INITIALIZING, 1, None),
        (S.RUNNING, 2, None),
    ],
)
def test_state_when_stopped(state: RunState, attempt: int, expected: RunState | None) -> None:
    assert state_when_stopped(state, attempt=attempt) is expected
