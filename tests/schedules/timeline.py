"""A schedule's life told in minutes after nine o'clock, for tests of the policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from treadle.schedules.decisions import (
    Decision,
    Due,
    Ended,
    Ending,
    EndStatus,
    Firing,
    OverlapPolicy,
    Settings,
    State,
    Trigger,
    Verdict,
)
from treadle.schedules.policy import decide

NINE = datetime(2026, 5, 4, 9, tzinfo=UTC)


def minute(number: float) -> datetime:
    """So many minutes after nine."""
    return NINE + timedelta(minutes=number)


class Timeline:
    """Feeds `decide` and writes down what it says, one `id outcome` a line in `log`.

    A firing's id is its due time in minutes; `5m` was asked for by hand, `5b` by a backfill.
    """

    def __init__(self, settings: Settings, state: State | None = None) -> None:
        self.settings = settings
        self.state = state or State()
        self.log: list[str] = []
        self.last = Verdict((), (), (), (), "", None, None, self.state)

    def tick(
        self,
        now: float,
        *due: int,
        held: dict[int, str] | None = None,
        record: str = "",
        newest_due: float | None = None,
        next_due: float | None = 10_000,
        more_due: bool = False,
    ) -> Verdict:
        """Due times arrive."""
        firings = [
            Due(Firing(f"{at}{record}", minute(at), record_id=record), (held or {}).get(at, ""))
            for at in due
        ]
        return self._decide(
            now, firings, newest_due=newest_due, next_due=next_due, more_due=more_due
        )

    def trigger(self, now: float) -> Verdict:
        """Somebody asks for a firing now."""
        return self._decide(now, [Due(Firing(f"{now:g}m", minute(now), Trigger.MANUAL))])

    def backfill(self, now: float, *due: int, policy: OverlapPolicy | None = None) -> Verdict:
        """Somebody asks for the due times of the past."""
        firings = [
            Due(Firing(f"{at}b", minute(at), Trigger.BACKFILL, overlap_policy=policy)) for at in due
        ]
        return self._decide(now, firings)

    def end(
        self,
        now: float,
        *ids: str,
        status: EndStatus = EndStatus.SUCCEEDED,
        error: str = "",
        next_due: float | None = 10_000,
    ) -> Verdict:
        """Running firings end; what was told to end has been cancelled."""
        running = {each.firing.id: each for each in self.state.running if each.retry_at is None}
        ended: list[Ended] = []
        for firing_id in ids or running:
            told: Ending | None = running[firing_id].ending
            ended.append(Ended(firing_id, EndStatus.CANCELLED if told else status, error))
        return self._decide(now, [], ended=ended, next_due=next_due)

    def fail(self, now: float, *ids: str, error: str = "boom") -> Verdict:
        """Running firings fail."""
        return self.end(now, *ids, status=EndStatus.FAILED, error=error)

    def pause(self, now: float, reason: str = "by Alice", until: float | None = None) -> Verdict:
        """Somebody pauses the schedule."""
        end = None if until is None else minute(until)
        self.state = self.state.pause(now=minute(now), reason=reason, until=end)
        return self._decide(now, [])

    def resume(self, now: float) -> Verdict:
        """Somebody resumes the schedule."""
        self.state = self.state.resume(now=minute(now))
        return self._decide(now, [])

    def read(self) -> str:
        """What has been decided since the last time, as one line."""
        text = ", ".join(self.log)
        self.log.clear()
        return text

    def _decide(
        self,
        now: float,
        due: list[Due],
        *,
        ended: list[Ended] | None = None,
        newest_due: float | None = None,
        next_due: float | None = 10_000,
        more_due: bool = False,
    ) -> Verdict:
        verdict = decide(
            self.settings,
            self.state,
            now=minute(now),
            due=due,
            ended=ended or [],
            newest_due=None if newest_due is None else minute(newest_due),
            next_due=None if next_due is None else minute(next_due),
            more_due=more_due,
        )
        assert [each.firing.id for each in verdict.decisions] == [each.firing.id for each in due]
        self.log += [_line(each) for each in (*verdict.changes, *verdict.decisions)]
        self.log += [f"({firing_id} told to cancel)" for firing_id in verdict.cancel]
        self.log += [f"({firing_id} told to terminate)" for firing_id in verdict.terminate]
        self.state, self.last = verdict.state, verdict
        return verdict


def _line(decision: Decision) -> str:
    caught_up = decision.firing.trigger is Trigger.CATCHUP
    return f"{decision.firing.id} {decision.outcome}{' late' if caught_up else ''}"
