"""The rules of a run's life: what follows from how an attempt ended. Pure.

                 ┌─────────┐ earlier run ends   ┌────────┐  claimed  ┌──────────────┐
    submitted ──▶│ WAITING │───────────────────▶│ QUEUED │──────────▶│ INITIALIZING │
        │        └────┬────┘                    └─┬────▲─┘           └──────┬───────┘
        │             │ cancelled       cancelled │    │ retry,            │ code begins
        │             ▼                           ▼    │ handed back,      ▼
        │        ┌───────────┐                         │ lost        ┌──────────┐
        │        │ CANCELLED │                         └─────────────│ RUNNING  │
        │        └───────────┘                                       └────┬─────┘
        └─────────────▶ QUEUED                    FINISHED · ERROR · FAILED

A run has at most 1 + max_retries tries that count. A try counts once its code began; what ended
before that (the worker died while it prepared, or handed the run back) is simply done again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from treadle.jobs.model import RunState

LONGEST_BACKOFF = timedelta(days=1)


class AttemptOutcome(StrEnum):
    """How one attempt ended."""

    FINISHED = "finished"  # the code returned
    ERROR = "error"  # the code raised, or could not be prepared
    FAILED = "failed"  # timed out or over a limit
    STOPPED = "stopped"  # by hand
    LOST = "lost"  # its worker went silent
    HANDED_BACK = "handed_back"  # its worker shut down


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the run: a final state, or QUEUED again, perhaps only from an instant on."""

    state: RunState
    failures: int
    not_before: datetime | None = None


_FINAL = {
    AttemptOutcome.FINISHED: RunState.FINISHED,
    AttemptOutcome.ERROR: RunState.ERROR,
    AttemptOutcome.FAILED: RunState.FAILED,
    AttemptOutcome.STOPPED: RunState.FAILED,
    AttemptOutcome.LOST: RunState.FAILED,
    AttemptOutcome.HANDED_BACK: RunState.FAILED,
}


def decide(
    outcome: AttemptOutcome,
    *,
    code_began: bool,
    stop_requested: bool,
    failures: int,
    max_retries: int,
    backoff: timedelta,
    now: datetime,
) -> Decision:
    """What becomes of a run whose attempt ended like this.

    A stop wins over a retry, but not over a result: code that returned has finished.
    """
    if outcome is AttemptOutcome.FINISHED:
        return Decision(RunState.FINISHED, failures)
    if stop_requested or outcome is AttemptOutcome.STOPPED:
        return Decision(RunState.FAILED, failures)
    if outcome is AttemptOutcome.HANDED_BACK or (outcome is AttemptOutcome.LOST and not code_began):
        return Decision(RunState.QUEUED, failures)
    failures += 1
    if failures > max_retries:
        return Decision(_FINAL[outcome], failures)
    return Decision(RunState.QUEUED, failures, now + retry_delay(backoff, failures))


def retry_delay(backoff: timedelta, failures: int) -> timedelta:
    """Wait before the try after failure k: backoff · 2^(k−1), at most a day."""
    seconds = backoff.total_seconds() * 2 ** min(failures - 1, 40)  # 2^40 is past any bound
    return timedelta(seconds=min(seconds, LONGEST_BACKOFF.total_seconds()))


def state_when_stopped(state: RunState, *, attempt: int) -> RunState | None:
    """The state that a request to stop gives at once; None where a worker must stop it first."""
    if state in (RunState.QUEUED, RunState.WAITING):
        return RunState.CANCELLED if attempt == 0 else RunState.FAILED
    return None
