"""The rules from a schedule's due times to what becomes of them: one pure function, `decide`.

A firing goes through these gates, each of which can end its way, with the reason:

1. *Held*: by a calendar, by a pause, by a maintenance window over its due time (unless that only
   delays).
2. *Flexible window*: it is ready at its due time plus hash(schedule, due time) within the window.
3. *Catch-up*: ready for more than a minute and not taken, it is late. Late beyond the catch-up
   window it is missed; within it the catch-up policy takes all, the latest or none.
4. *Overlap*: one of the six policies, if an earlier firing has not ended.
5. *Rate limit* and an open maintenance window: let in, it waits its turn.

An action that ends at once is done before the next firing comes to gate 4, and never in its way.

Firings that somebody asked for (manual, backfill) begin at gate 4. Where several arrive together
they go in the order in which they were ready, oldest first; what was buffered goes before them.

A paused schedule starts nothing more by itself: what waits is skipped, what runs runs on, retries
included. An attempt that fails is tried again after backoff · 2^(k−1), at most a day; when all have
failed the firing has failed, and so many in a row pause the schedule. An attempt that was asked to
end (CANCEL_OTHER, TERMINATE_OTHER) counts as cancelled unless it succeeded.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from treadle.schedules.decisions import (
    CatchupPolicy,
    Decision,
    Delayed,
    Due,
    Ended,
    Ending,
    EndStatus,
    Firing,
    Outcome,
    OverlapPolicy,
    Running,
    Settings,
    State,
    Stretch,
    Trigger,
    Verdict,
)
from treadle.schedules.delays import flexible_delay, retry_delay

MOST_BUFFERED = 1_000
ON_TIME = timedelta(minutes=1)
"""A firing taken within this of being ready is not late: ticks and hand-overs take seconds."""

RATE_STRETCH = timedelta(seconds=60)


def decide(
    settings: Settings,
    state: State,
    *,
    now: datetime,
    due: Sequence[Due] = (),
    ended: Sequence[Ended] = (),
    newest_due: datetime | None = None,
    next_due: datetime | None = None,
    more_due: bool = False,
) -> Verdict:
    """What becomes of the due firings and of those under way, as of `now`.

    `due` are the schedule's due times up to `now` that nothing has decided on, oldest first, and
    whatever was asked for by hand. If they are only a part, `more_due` says so and `newest_due` is
    the newest up to `now` that no calendar holds. `next_due` is the first after `now`; None means
    that none will ever come. Every firing that comes in or is in the state is in the state that
    comes out, unless a decision ends it.
    """
    desk = _Desk(settings, state, now)
    for end in ended:
        desk.close(end)
    desk.clear_if_paused()
    desk.release()
    for firing in desk.arrivals(due, newest_due):
        desk.admit(firing)
        desk.do_at_once()
    desk.start()
    return desk.verdict(due, last=next_due is None and not more_due)


class _Desk:
    """One call of `decide` under way: the state as it changes, and what has been decided."""

    def __init__(self, settings: Settings, state: State, now: datetime) -> None:
        self._settings = settings
        self._now = now
        self._delayed = list(state.delayed)
        self._buffered = list(state.buffered)
        self._queued = list(state.queued)
        self._running = {running.firing.id: running for running in state.running}
        self._starts = [start for start in state.recent_starts if start > now - RATE_STRETCH]
        self._failures = state.failures
        self._paused = state.paused
        self._maintenance = state.maintenance
        self._decided: dict[str, Decision] = {}
        self._endings: dict[Ending, list[str]] = {ending: [] for ending in Ending}
        self._pause_reason = ""
        self._let_in_now: set[str] = set()
        self._begun: set[str] = set()
        self._wake_ups: list[datetime] = []
        # Per record, what runs or is let in: what a new arrival overlaps with.
        self._occupied: defaultdict[str, int] = defaultdict(int)
        for running in state.running:
            if running.ending is not Ending.TERMINATE:
                self._occupied[running.firing.record_id] += 1
        for firing in state.queued:
            self._occupied[firing.record_id] += 1

    def close(self, end: Ended) -> None:
        """Gives a firing whose attempt is over its end or its next attempt."""
        running = self._running.get(end.firing_id)
        if running is None:
            return  # told twice, or of a firing that was ended between two attempts
        failed = end.status is EndStatus.FAILED and running.ending is None
        if failed and not end.final and running.attempt <= self._settings.max_retries:
            delay = retry_delay(self._settings.retry_backoff, running.attempt)
            running = replace(running, retry_at=self._now + delay)
            self._running[end.firing_id] = running
            reason = f"attempt {running.attempt} failed: {end.error}".rstrip(": ")
            self._note(running.firing, Outcome.RETRY, reason, running.retry_at, running.attempt + 1)
            return
        self._remove(running)
        if end.status is EndStatus.SUCCEEDED:
            self._failures = 0
            self._note(running.firing, Outcome.SUCCEED)
        elif failed:
            self._failures += 1
            self._note(running.firing, Outcome.FAIL, end.error)
            self._pause_after_failures(end.error)
        else:
            self._note(running.firing, Outcome.CANCEL, end.error)

    def _pause_after_failures(self, error: str) -> None:
        if self._failures < self._settings.pause_on_failure_count or self._pause_now():
            return
        count = self._failures
        what = "a firing has failed" if count == 1 else f"{count} firings in a row have failed"
        self._pause_reason = f"{what}: {error}".rstrip(": ")
        self._paused = (*self._paused, Stretch(self._now, None, self._pause_reason))

    def clear_if_paused(self) -> None:
        """Skips what the schedule itself has waiting, when it is paused."""
        pause = self._pause_now()
        if pause is None:
            return
        waiting = [*(delayed.firing for delayed in self._delayed), *self._buffered, *self._queued]
        for firing in waiting:
            if firing.by_schedule:
                self._drop(firing, f"paused before it started: {pause.reason}")

    def do_at_once(self) -> None:
        """Starts what has just been let in, if that ends at once and nothing waits before it."""
        if self._settings.ends_at_once and len(self._queued) == 1:
            self.start()

    def release(self) -> None:
        """Lets in the first buffered firing of each record that has become free."""
        for firing in list(self._buffered):
            if self._occupied[firing.record_id] == 0:
                self._buffered.remove(firing)
                self._let_in(firing)

    def arrivals(self, due: Sequence[Due], newest_due: datetime | None) -> list[Firing]:
        """The firings that are to start now, oldest first; the others are decided on here."""
        ready: list[Delayed] = []
        for delayed in [d for d in self._delayed if d.ready_at <= self._now]:
            self._delayed.remove(delayed)
            if not self._holds_for_maintenance(delayed.firing, delayed.ready_at):
                ready.append(delayed)
        for item in due:
            if not item.firing.by_schedule:
                ready.append(Delayed(item.firing, self._now))
            elif not self._holds(item):
                self._wait_for_window(item.firing, ready)
        times = [d.firing.due_at for d in [*ready, *self._delayed] if d.firing.by_schedule]
        if newest_due is not None:
            times.append(newest_due)
        newest = max(times, default=self._now)
        ready.sort(key=lambda delayed: delayed.ready_at)
        taken = (self._caught_up(arrival, newest) for arrival in ready)
        return [firing for firing in taken if firing is not None]

    def _holds(self, item: Due) -> bool:
        """Gate 1: whether a due time is held, with the reason noted."""
        firing = item.firing
        if item.held:
            self._note(firing, Outcome.HOLD, item.held)
        elif (pause := self._pause_over(firing.due_at)) is not None:
            self._note(firing, Outcome.PAUSE, f"due while paused: {pause.reason}")
        elif (pause := self._pause_now()) is not None:
            self._note(firing, Outcome.SKIP, f"paused before it started: {pause.reason}")
        else:
            return self._holds_for_maintenance(firing, firing.due_at)
        return True

    def _holds_for_maintenance(self, firing: Firing, at: datetime) -> bool:
        stretch = _open_at([each for each in self._maintenance if not each.delays], at)
        if stretch is not None and firing.by_schedule:
            self._note(firing, Outcome.HOLD, f"in maintenance window: {stretch.reason}")
            return True
        return False

    def _wait_for_window(self, firing: Firing, ready: list[Delayed]) -> None:
        """Gate 2: to `ready`, or to wait for its place in the flexible window."""
        window = self._settings.flexible_window
        delay = flexible_delay(self._settings.schedule_id, firing.due_at, window)
        delayed = Delayed(firing, firing.due_at + delay)
        if delayed.ready_at > self._now:
            self._delayed.append(delayed)
            self._note(firing, Outcome.DELAY, "in its flexible window", delayed.ready_at)
        elif not self._holds_for_maintenance(firing, delayed.ready_at):
            ready.append(delayed)

    def _caught_up(self, arrival: Delayed, newest: datetime) -> Firing | None:
        """Gate 3: the firing, marked as caught up if it is late, unless it is too late."""
        firing, settings = arrival.firing, self._settings
        lateness = self._now - arrival.ready_at
        if not firing.by_schedule or lateness <= ON_TIME:
            return firing
        if lateness > settings.catchup_window:
            minutes = int(settings.catchup_window.total_seconds() // 60)
            reason = f"not taken within the catch-up window of {minutes} minutes"
            self._note(firing, Outcome.MISS, reason)
        elif settings.catchup_policy is CatchupPolicy.NONE:
            self._note(firing, Outcome.MISS, "late, and the catch-up policy takes none")
        elif settings.catchup_policy is CatchupPolicy.LATEST and firing.due_at < newest:
            reason = f"late, and the catch-up policy takes only the latest, of {_text(newest)}"
            self._note(firing, Outcome.COALESCE, reason)
        else:
            return replace(firing, trigger=Trigger.CATCHUP)
        return None

    def admit(self, firing: Firing) -> None:
        """Gate 4: passes an arrival through the overlap policy."""
        policy = firing.overlap_policy or self._settings.overlap_policy
        waits = any(other.record_id == firing.record_id for other in self._buffered)
        free = self._occupied[firing.record_id] == 0 and not waits
        if free or policy is OverlapPolicy.ALLOW_ALL:
            self._let_in(firing)
        elif policy is OverlapPolicy.SKIP:
            self._note(firing, Outcome.SKIP, "an earlier firing has not ended")
        elif policy is OverlapPolicy.BUFFER_ONE and waits:
            self._note(firing, Outcome.SKIP, "one firing is buffered already")
        elif policy in (OverlapPolicy.BUFFER_ONE, OverlapPolicy.BUFFER_ALL):
            self._buffer(firing)
        else:
            self._replace_others(firing, policy)

    def _buffer(self, firing: Firing) -> None:
        if len(self._buffered) >= MOST_BUFFERED:
            self._note(firing, Outcome.SKIP, f"{MOST_BUFFERED:,} firings are buffered already")
            return
        self._buffered.append(firing)
        self._note(firing, Outcome.BUFFER, "an earlier firing has not ended")

    def _replace_others(self, firing: Firing, policy: OverlapPolicy) -> None:
        """CANCEL_OTHER and TERMINATE_OTHER: what runs is ended, what waits gives way."""
        reason = f"replaced by the firing of {_text(firing.due_at)}"
        for other in [*self._buffered, *self._queued]:
            if other.record_id == firing.record_id:
                self._drop(other, reason)
        terminate = policy is OverlapPolicy.TERMINATE_OTHER
        for running in list(self._running.values()):
            if running.firing.record_id == firing.record_id:
                self._end(running, Ending.TERMINATE if terminate else Ending.CANCEL, reason)
        if self._occupied[firing.record_id] == 0:
            self._let_in(firing)
        else:
            self._buffer(firing)

    def _end(self, running: Running, ending: Ending, reason: str) -> None:
        """Asks a running firing to end; one between two attempts has nothing to ask, and ends."""
        if running.ending in (ending, Ending.TERMINATE):
            return
        if running.retry_at is not None:
            self._remove(running)
            self._note(running.firing, Outcome.CANCEL, reason)
            return
        if ending is Ending.TERMINATE:
            self._occupied[running.firing.record_id] -= 1  # it stands in nobody's way any more
        self._running[running.firing.id] = replace(running, ending=ending)
        self._endings[ending].append(running.firing.id)

    def start(self) -> None:
        """Gate 5: starts what is let in and the attempts due again, as far as the limits allow;
        and what has waited for the end of one that ends at once.
        """
        self._start_ready()
        ended = 0
        while self._settings.ends_at_once and ended < len(self._begun):
            ended = len(self._begun)
            self.release()
            self._start_ready()

    def _start_ready(self) -> None:
        again = [r for r in self._running.values() if r.retry_at and r.retry_at <= self._now]
        again.sort(key=lambda running: (running.retry_at or self._now, running.firing.due_at))
        planned = list(self._starts)
        for running in [*again, *(Running(firing, attempt=0) for firing in self._queued)]:
            firing, attempt = running.firing, running.attempt + 1
            slot, reason = self._slot(firing, planned)
            insort(planned, slot)
            if slot <= self._now:
                self._begin(firing, attempt)
            else:
                self._wake_ups.append(slot)
                if firing.id in self._let_in_now:
                    self._note(firing, Outcome.DELAY, reason, slot)
        self._queued = [firing for firing in self._queued if firing.id not in self._begun]

    def _begin(self, firing: Firing, attempt: int) -> None:
        self._starts.append(self._now)
        self._begun.add(firing.id)
        if self._settings.ends_at_once:
            self._running.pop(firing.id, None)
            self._occupied[firing.record_id] -= 1
            self._failures = 0
            self._note(firing, Outcome.DO, attempt=attempt)
        else:
            self._running[firing.id] = Running(firing, attempt)
            self._note(firing, Outcome.START, attempt=attempt)

    def _slot(self, firing: Firing, planned: list[datetime]) -> tuple[datetime, str]:
        """When the firing may start at the earliest, after what is planned, and why not now."""
        slot, reason = self._now, ""
        stretch = self._maintenance_at(self._now)
        if stretch is not None and stretch.until and firing.trigger is not Trigger.MANUAL:
            slot, reason = stretch.until, f"waits for the maintenance window: {stretch.reason}"
        limit = self._settings.rate_limit_per_minute
        if limit and len(planned) >= limit and planned[-limit] + RATE_STRETCH > slot:
            slot = planned[-limit] + RATE_STRETCH
            reason = f"waits for the rate limit of {limit} a minute"
        return slot, reason

    def verdict(self, due: Sequence[Due], *, last: bool) -> Verdict:
        """All that has been decided, and the state as it is now."""
        new = {item.firing.id: self._decided[item.firing.id] for item in due}
        under_way = self._delayed or self._buffered or self._queued or self._running
        complete = last and not under_way and self._pause_now() is None
        retries = [running.retry_at for running in self._running.values() if running.retry_at]
        wake_ups = [
            *(delayed.ready_at for delayed in self._delayed),
            *(retry_at for retry_at in retries if retry_at > self._now),
            *self._wake_ups,
        ]
        return Verdict(
            decisions=tuple(new.values()),
            changes=tuple(d for firing_id, d in self._decided.items() if firing_id not in new),
            cancel=tuple(self._endings[Ending.CANCEL]),
            terminate=tuple(self._endings[Ending.TERMINATE]),
            pause=self._pause_reason,
            completion=self._settings.action_after_completion if complete else None,
            wake_at=min(wake_ups, default=None),
            state=State(
                delayed=tuple(self._delayed),
                buffered=tuple(self._buffered),
                queued=tuple(self._queued),
                running=tuple(self._running.values()),
                recent_starts=tuple(self._starts),
                failures=self._failures,
                paused=self._paused,
                maintenance=self._maintenance,
            ),
        )

    def _let_in(self, firing: Firing) -> None:
        self._queued.append(firing)
        self._occupied[firing.record_id] += 1
        self._let_in_now.add(firing.id)

    def _remove(self, running: Running) -> None:
        del self._running[running.firing.id]
        if running.ending is not Ending.TERMINATE:
            self._occupied[running.firing.record_id] -= 1

    def _drop(self, firing: Firing, reason: str) -> None:
        """Skips a firing that waits."""
        if firing in self._queued:
            self._queued.remove(firing)
            self._occupied[firing.record_id] -= 1
        elif firing in self._buffered:
            self._buffered.remove(firing)
        else:
            self._delayed = [delayed for delayed in self._delayed if delayed.firing != firing]
        self._note(firing, Outcome.SKIP, reason)

    def _pause_now(self) -> Stretch | None:
        """The pause that lasts now; at its end it no longer does."""
        return _open_at(self._paused, self._now)

    def _pause_over(self, due_at: datetime) -> Stretch | None:
        """The pause that a due time fell into: after it began, and up to its end."""
        for stretch in self._paused:
            if stretch.since < due_at and (stretch.until is None or due_at <= stretch.until):
                return stretch
        return None

    def _maintenance_at(self, at: datetime) -> Stretch | None:
        return _open_at(self._maintenance, at)

    def _note(
        self,
        firing: Firing,
        outcome: Outcome,
        reason: str = "",
        not_before: datetime | None = None,
        attempt: int = 0,
    ) -> None:
        self._decided[firing.id] = Decision(firing, outcome, reason, not_before, attempt)


def _open_at(stretches: Sequence[Stretch], at: datetime) -> Stretch | None:
    return next((stretch for stretch in stretches if stretch.is_open(at)), None)


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
