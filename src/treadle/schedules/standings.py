"""Between the rows of a schedule's firings and the state that `policy.decide` works on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from treadle.core.frozen import changed
from treadle.schedules.decisions import (
    Decision,
    Delayed,
    Ending,
    Firing,
    Outcome,
    Running,
    State,
    Stretch,
    Trigger,
)
from treadle.schedules.model import AttemptEnd, FiringRow, Phase, Schedule


def state_of(
    schedule: Schedule, open_firings: Iterable[FiringRow], maintenance: Sequence[Stretch]
) -> State:
    """What is going on with the schedule, as its rows say."""
    in_phase: dict[Phase, list[FiringRow]] = {phase: [] for phase in Phase}
    for row in sorted(open_firings, key=lambda row: row.place):
        if row.phase is not None:
            in_phase[row.phase].append(row)
    running = [_running(row) for row in (*in_phase[Phase.RUNNING], *in_phase[Phase.RETRYING])]
    paused: tuple[Stretch, ...] = ()
    if schedule.paused_at is not None:
        reason = schedule.paused_reason or ""
        paused = (Stretch(schedule.paused_at, schedule.paused_until, reason),)
    return State(
        delayed=tuple(
            Delayed(_firing(row), row.not_before or row.scheduled_for)
            for row in in_phase[Phase.DELAYED]
        ),
        buffered=tuple(_firing(row) for row in in_phase[Phase.BUFFERED]),
        queued=tuple(_firing(row) for row in in_phase[Phase.QUEUED]),
        running=tuple(running),
        recent_starts=tuple(datetime.fromtimestamp(at, UTC) for at in schedule.recent_starts),
        failures=schedule.failures,
        paused=paused,
        maintenance=tuple(maintenance),
    )


def _firing(row: FiringRow) -> Firing:
    return Firing(
        id=str(row.id),
        due_at=row.scheduled_for,
        trigger=row.trigger,
        record_id="" if row.record_id is None else str(row.record_id),
        overlap_policy=row.overlap_policy,
    )


def _running(row: FiringRow) -> Running:
    return Running(
        _firing(row),
        attempt=row.attempt,
        retry_at=row.not_before if row.phase is Phase.RETRYING else None,
        ending=None if row.ending is None else Ending(row.ending),
    )


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where an open firing stands after a verdict."""

    phase: Phase
    attempt: int = 0
    not_before: datetime | None = None
    ending: str | None = None


class Standings:
    """Where every open firing stands after a verdict; gives the rows their columns for it.

    Those that come into a phase get places behind all that are in one, in the order of the state.
    """

    def __init__(self, before: Sequence[FiringRow], after: State, now: datetime) -> None:
        self._now = now
        self._standings = _standings(after)
        self._places: dict[str, int] = {}
        old = {str(row.id): (row.phase, row.place) for row in before}
        last = max((row.place for row in before), default=0)
        for firing_id, standing in self._standings.items():
            phase, place = old.get(firing_id, (None, 0))
            if phase is not standing.phase:
                last += 1
                place = last
            self._places[firing_id] = place

    def moved(
        self, row: FiringRow, decision: Decision | None, end: AttemptEnd | None = None
    ) -> FiringRow:
        """The row as the decision on it, the end of its attempt and its standing make it."""
        # Gathered, for a row is made anew as a whole: thousands may be due in one second.
        changes: dict[str, Any] = {}
        if end is not None and decision is not None:
            changes |= {"error": end.error or None, "result": end.result}
        if decision is not None:
            changes |= self._decided(row, decision)
        standing = self._standings.get(str(row.id))
        if standing is None:
            over_at = self._now if end is None else end.ended_at
            changes |= {"phase": None, "not_before": None, "finished_at": over_at, "place": 0}
        else:
            changes |= self._standing(row, standing, changes.get("not_before", row.not_before))
        if all(getattr(row, name) == value for name, value in changes.items()):
            return row  # as most do where hundreds are buffered
        return changed(row, **changes)

    def _standing(
        self, row: FiringRow, standing: _Standing, not_before: datetime | None
    ) -> dict[str, Any]:
        if standing.phase is Phase.RUNNING:
            not_before = None
        elif standing.not_before is not None:
            not_before = standing.not_before
        return {
            "phase": standing.phase,
            "not_before": not_before,
            "attempt": standing.attempt,
            "ending": standing.ending,
            "place": self._places[str(row.id)],
        }

    def _decided(self, row: FiringRow, decision: Decision) -> dict[str, Any]:
        trigger = decision.firing.trigger
        changes: dict[str, Any] = {
            "trigger": trigger,
            "status": decision.outcome.status,
            "reason": decision.reason,
            "not_before": decision.not_before,
        }
        if decision.outcome is Outcome.DO:
            changes["attempt"] = decision.attempt
        if decision.outcome.starts:
            changes |= {"target_type": None, "target_id": None, "error": None}
            if row.started_at is None:
                late = None if trigger is Trigger.MANUAL else self._now - row.scheduled_for
                changes["started_at"] = self._now
                changes["lateness_ms"] = (
                    None if late is None else max(0, round(late.total_seconds() * 1000))
                )
        return changes


def _standings(state: State) -> dict[str, _Standing]:
    standings: dict[str, _Standing] = {}
    for delayed in state.delayed:
        standings[delayed.firing.id] = _Standing(Phase.DELAYED, not_before=delayed.ready_at)
    for firing in state.buffered:
        standings[firing.id] = _Standing(Phase.BUFFERED)
    for firing in state.queued:
        standings[firing.id] = _Standing(Phase.QUEUED)
    for running in state.running:
        standings[running.firing.id] = _Standing(
            Phase.RUNNING if running.retry_at is None else Phase.RETRYING,
            attempt=running.attempt,
            not_before=running.retry_at,
            ending=running.ending,
        )
    return standings
