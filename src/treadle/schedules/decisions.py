"""What `policy` works on: a schedule's settings and state in, decisions with reasons out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class OverlapPolicy(StrEnum):
    """What becomes of a start while an earlier one still runs; Temporal's meanings."""

    SKIP = "SKIP"  # it does not start
    BUFFER_ONE = "BUFFER_ONE"  # the first one waits, later ones do not start
    BUFFER_ALL = "BUFFER_ALL"  # all wait, and start one after another
    CANCEL_OTHER = "CANCEL_OTHER"  # the other is cancelled; it starts when that has ended
    TERMINATE_OTHER = "TERMINATE_OTHER"  # the other is terminated; it starts at once
    ALLOW_ALL = "ALLOW_ALL"  # it starts


class CatchupPolicy(StrEnum):
    """Which of the due times that nothing took in time are still taken."""

    ALL = "all"
    LATEST = "latest"
    NONE = "none"


class CompletionAction(StrEnum):
    """What becomes of a schedule that is never due again."""

    NONE = "NONE"  # its status becomes completed
    DELETE = "DELETE"


class Trigger(StrEnum):
    """Why a firing came about."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    CATCHUP = "catchup"
    BACKFILL = "backfill"


class FiringStatus(StrEnum):
    """Where a firing stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    MISSED = "missed"
    COALESCED = "coalesced"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Settings:
    """The part of a schedule that decides."""

    schedule_id: str
    overlap_policy: OverlapPolicy = OverlapPolicy.SKIP
    catchup_window: timedelta = timedelta(minutes=10)
    catchup_policy: CatchupPolicy = CatchupPolicy.ALL
    flexible_window: timedelta = timedelta(0)
    rate_limit_per_minute: int | None = None
    max_retries: int = 3
    retry_backoff: timedelta = timedelta(seconds=60)
    pause_on_failure_count: int = 5
    action_after_completion: CompletionAction = CompletionAction.NONE
    ends_at_once: bool = False  # what it starts is done with its start, and stands in nobody's way


@dataclass(frozen=True, slots=True)
class Firing:
    """One due time on its way. `id` is unique among the firings of the schedule.

    `record_id` is the record of a relative schedule: its firings overlap only with the same
    record's. `overlap_policy`, where given (a backfill's), goes before the schedule's.
    """

    id: str
    due_at: datetime
    trigger: Trigger = Trigger.SCHEDULE
    record_id: str = ""
    overlap_policy: OverlapPolicy | None = None

    @property
    def by_schedule(self) -> bool:
        """Whether the schedule itself brought it about, not somebody's request."""
        return self.trigger in (Trigger.SCHEDULE, Trigger.CATCHUP)


@dataclass(frozen=True, slots=True)
class Due:
    """A firing to decide on. `held` is a calendar's reason to hold it, or empty."""

    firing: Firing
    held: str = ""


class Ending(StrEnum):
    """What has been asked of a running firing."""

    CANCEL = "cancel"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Running:
    """A started firing whose target has not ended, or that waits for its next attempt."""

    firing: Firing
    attempt: int = 1
    retry_at: datetime | None = None  # between two attempts
    ending: Ending | None = None


class EndStatus(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt of a running firing is over. `final`: another attempt would be no use."""

    firing_id: str
    status: EndStatus
    error: str = ""
    final: bool = False


@dataclass(frozen=True, slots=True)
class Delayed:
    """A firing that its flexible window keeps back."""

    firing: Firing
    ready_at: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time with a reason; `until` None lasts until somebody ends it.

    In one of maintenance nothing starts. What is due in it is held, or with `delays` starts at its
    end.
    """

    since: datetime
    until: datetime | None
    reason: str
    delays: bool = False

    def is_open(self, at: datetime) -> bool:
        """Whether it lasts then; at its end it no longer does."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class State:
    """What is going on with a schedule. The tuples are in order, first come first.

    `delayed` wait for their flexible window, `buffered` for an earlier firing to end, `queued` are
    let in and wait for the rate limit or the end of a maintenance window. `recent_starts` are those
    of the last 60 s, ascending. `failures` counts failed firings in a row. `paused` and
    `maintenance` need to hold only what reaches into the time since the last due time decided on.
    """

    delayed: tuple[Delayed, ...] = ()
    buffered: tuple[Firing, ...] = ()
    queued: tuple[Firing, ...] = ()
    running: tuple[Running, ...] = ()
    recent_starts: tuple[datetime, ...] = ()
    failures: int = 0
    paused: tuple[Stretch, ...] = ()
    maintenance: tuple[Stretch, ...] = ()

    def pause(self, *, now: datetime, reason: str, until: datetime | None = None) -> State:
        """Paused from now on."""
        return replace(self, paused=(*self.paused, Stretch(now, until, reason)))

    def resume(self, *, now: datetime) -> State:
        """No longer paused from now on, with no failures to its name."""
        ended = tuple(
            replace(stretch, until=now) if stretch.until is None or stretch.until > now else stretch
            for stretch in self.paused
        )
        return replace(self, paused=ended, failures=0)


class Outcome(StrEnum):
    """What is decided on a firing."""

    START = "start"  # the attempt starts now
    DO = "do"  # the attempt starts now and is done with it
    DELAY = "delay"  # it starts at `not_before` at the earliest
    BUFFER = "buffer"  # it waits for an earlier firing to end
    SKIP = "skip"
    HOLD = "hold"  # by a calendar or a maintenance window
    PAUSE = "pause"  # due while paused; all of a pause make one row
    MISS = "miss"
    COALESCE = "coalesce"
    RETRY = "retry"  # the attempt failed, the next one starts at `not_before`
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"

    @property
    def starts(self) -> bool:
        """Whether an attempt starts now."""
        return self in (Outcome.START, Outcome.DO)

    @property
    def status(self) -> FiringStatus:
        """The firing's status from then on."""
        return _STATUSES[self]


_STATUSES = {
    Outcome.START: FiringStatus.RUNNING,
    Outcome.DO: FiringStatus.SUCCEEDED,
    Outcome.DELAY: FiringStatus.PENDING,
    Outcome.BUFFER: FiringStatus.PENDING,
    Outcome.SKIP: FiringStatus.SKIPPED,
    Outcome.HOLD: FiringStatus.SKIPPED,
    Outcome.PAUSE: FiringStatus.SKIPPED,
    Outcome.MISS: FiringStatus.MISSED,
    Outcome.COALESCE: FiringStatus.COALESCED,
    Outcome.RETRY: FiringStatus.RUNNING,
    Outcome.SUCCEED: FiringStatus.SUCCEEDED,
    Outcome.FAIL: FiringStatus.FAILED,
    Outcome.CANCEL: FiringStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a firing, and why; `firing.trigger` is as decided (catch-up is found here).

    The reason is empty where nothing but the schedule is the reason.
    """

    firing: Firing
    outcome: Outcome
    reason: str = ""
    not_before: datetime | None = None
    attempt: int = 0  # of START, DO and RETRY: the attempt that starts


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that follows from one call of `decide`.

    `decisions`: exactly one for each due firing that was passed in, in that order. `changes`: at
    most one for a firing of the state. `cancel` and `terminate`: ids of running firings to end.
    `pause`: why the schedule pauses itself, or empty. `completion`: what to do with the schedule,
    now that nothing is left to do, ever. `wake_at`: when to ask again even if nothing happens.
    `state`: as it is afterwards.
    """

    decisions: tuple[Decision, ...]
    changes: tuple[Decision, ...]
    cancel: tuple[str, ...]
    terminate: tuple[str, ...]
    pause: str
    completion: CompletionAction | None
    wake_at: datetime | None
    state: State
