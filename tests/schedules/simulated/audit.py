"""What must hold at every commit, and of all that is left at the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from schedules.simulated.actors import Violation
from schedules.simulated.expected import Once, Rule
from schedules.simulated.memory import Memory, Written
from treadle.schedules.decisions import CatchupPolicy, FiringStatus, OverlapPolicy, Trigger
from treadle.schedules.delays import flexible_delay
from treadle.schedules.model import FiringRow, Phase, Schedule, ScheduleStatus

INSTANT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
FINAL = {
    FiringStatus.SUCCEEDED, FiringStatus.FAILED, FiringStatus.SKIPPED, FiringStatus.MISSED,
    FiringStatus.COALESCED, FiringStatus.CANCELLED,
}  # fmt: skip
LET_IN = {Phase.QUEUED, Phase.RUNNING, Phase.RETRYING}


@dataclass
class Reign:
    """A rule answers for the due times in (since, until]."""

    rule: Rule
    since: datetime
    until: datetime | None = None


class Audit:
    """Watches the commits of one world. `rule_of` is what a schedule should be due by."""

    def __init__(self, clock: Callable[[], datetime], rule_of: Callable[[Schedule], Rule]) -> None:
        self.reigns: dict[UUID, list[Reign]] = {}
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._rule_of = rule_of
        self._versions: dict[tuple[UUID, int], Schedule] = {}
        self._starts: defaultdict[UUID, list[datetime]] = defaultdict(list)
        self._flexible: set[UUID] = set()

    # ------------------------------------------------------------ at every commit

    def watch(self, memory: Memory, written: Written) -> None:
        """Raises Violation for a commit that must not be."""
        for schedule in written.schedules.values():
            self._schedule(memory.schedules.get(schedule.id), schedule)
        rows: defaultdict[UUID, list[FiringRow]] = defaultdict(list)
        for row in written.firings.values():
            rows[row.schedule_id].append(row)
        for schedule_id in {*rows, *written.schedules}:
            schedule = written.schedules.get(schedule_id) or memory.schedules[schedule_id]
            before = memory.open.get(schedule_id, {})
            after = {**before, **{row.id: row for row in rows[schedule_id]}}
            open_rows = [row for row in after.values() if row.phase is not None]
            for row in rows[schedule_id]:
                self._firing(memory.schedules.get(schedule_id), memory.firings.get(row.id), row)
            self._overlaps(schedule, before, open_rows, rows[schedule_id])
            self._limits(schedule, memory, rows[schedule_id])
            self._wakes(schedule, open_rows)

    def _schedule(self, old: Schedule | None, new: Schedule) -> None:
        self._versions.setdefault((new.id, new.version), new)
        if new.flexible_window_minutes:
            self._flexible.add(new.id)
        rule = self._rule_of(new)
        if old is None:
            since = new.created_at
            for part in rule.parts:
                if isinstance(part, Once):
                    since = min(since, part.at)
            self.reigns[new.id] = [Reign(rule, since - INSTANT)]
            return
        require(new.decided_until >= old.decided_until, "what was decided is decided again", new)
        reign = self.reigns[new.id][-1]
        if rule is not reign.rule:
            boundary = new.decided_until
            require(new.updated_at <= boundary <= self._clock(), "an edit of another time", new)
            reign.until = boundary
            self.reigns[new.id].append(Reign(rule, boundary))
        if new.deleted_at is not None and old.deleted_at is None:
            self.reigns[new.id][-1].until = max(new.deleted_at, new.decided_until)
        if new.status is ScheduleStatus.ACTIVE and new.deleted_at is None:
            found = rule.times(new.created_at).next_free(new.decided_until)
            require(new.next_run_at == found, f"next_run_at is not {found}", new)
        else:
            require(new.next_run_at is None, "next_run_at of one that is not due", new)
        if new.paused_reason is not None:
            known = new.paused_reason.startswith(("a test", "a firing has", "1", "2", "3"))
            require(known, "paused for no reason of ours", new)

    def _firing(self, schedule: Schedule | None, old: FiringRow | None, new: FiringRow) -> None:
        """`schedule` is as it was when the transaction began."""
        require((new.status in FINAL) is (new.phase is None), "neither open nor over", new)
        require((new.finished_at is None) is (new.phase is not None), "no end", new)
        if old is not None:
            require(old.status not in FINAL or old == new, f"it was over: {old}", new)
            require(new.attempt >= old.attempt, f"an attempt is taken back: {old}", new)
        if new.span_until is not None:
            return
        said = self._versions[new.schedule_id, new.schedule_version]
        ready_at = new.scheduled_for
        if new.trigger in (Trigger.SCHEDULE, Trigger.CATCHUP):
            window = timedelta(minutes=said.flexible_window_minutes)
            ready_at += flexible_delay(str(new.schedule_id), new.scheduled_for, window)
        begins = new.attempt == 1 and (old is None or old.attempt == 0)
        if begins:
            require(new.started_at is not None and new.started_at >= ready_at, "too early", new)
            if new.trigger in (Trigger.SCHEDULE, Trigger.CATCHUP):
                self._not_paused(schedule, new)
                late = new.trigger is Trigger.CATCHUP
                require(not late or said.catchup_policy != "none", "no catch-up", new)
        elif old is not None and new.attempt > old.attempt:
            if old.phase is Phase.RETRYING:
                waited = old.not_before is not None and old.not_before <= self._clock()
            else:
                waited = schedule is not None and schedule.retry_backoff_seconds == 0
            require(waited, f"no attempt was due: {old}", new)
        if new.phase is None and new.status is FiringStatus.MISSED:
            late = (new.finished_at or ready_at) - ready_at
            require(late > MINUTE, f"it was not late: {late}", new)
        if new.status is FiringStatus.COALESCED:
            coalesces = said.catchup_policy is CatchupPolicy.LATEST
            require(coalesces or old is not None, "it is coalesced", new)

    def _not_paused(self, schedule: Schedule | None, row: FiringRow) -> None:
        if schedule is None or schedule.paused_at is None or row.started_at is None:
            return
        over = schedule.paused_until is not None and schedule.paused_until <= row.started_at
        require(over, "it starts in a pause", row)

    def _overlaps(
        self,
        schedule: Schedule,
        before: dict[UUID, FiringRow],
        after: Sequence[FiringRow],
        changed: Sequence[FiringRow],
    ) -> None:
        """Who was let in now found nobody in the way; who was not, somebody."""
        if schedule.deleted_at is not None:
            return
        standing = [row for row in after if row.phase in LET_IN and row.ending != "terminate"]
        buffered = [row for row in after if row.phase is Phase.BUFFERED]
        for row in changed:
            old = before.get(row.id)
            policy = row.overlap_policy or schedule.overlap_policy
            came_in = row.phase in LET_IN and (old is None or old.phase not in LET_IN)
            # One that was buffered before ALLOW_ALL was said may be let in beside others.
            if came_in and policy is not OverlapPolicy.ALLOW_ALL:
                others = [one for one in standing if one.id != row.id]
                newer = [
                    one
                    for one in others
                    if (one.overlap_policy or schedule.overlap_policy) is OverlapPolicy.ALLOW_ALL
                ]
                require(len(others) <= len(newer), f"it overlaps: {others}", row)
            if row.phase is Phase.BUFFERED and (old is None or old.phase is not Phase.BUFFERED):
                require(bool(standing), "it waits for nobody", row)
                if policy is OverlapPolicy.BUFFER_ONE:
                    require(buffered[0].id == row.id or len(buffered) == 1, "two wait", row)
            if row.reason == "an earlier firing has not ended" and row.phase is None:
                require(policy is OverlapPolicy.SKIP, "skipped by another policy", row)
                require(bool(standing or before), "skipped for nobody", row)
        require(len(buffered) <= 1_000, "too many are buffered", schedule)

    def _limits(self, schedule: Schedule, memory: Memory, changed: Sequence[FiringRow]) -> None:
        """At most so many starts in 60 s, from when the limit was set."""
        limit = schedule.rate_limit_per_minute
        starts = self._starts[schedule.id]
        if limit is None:
            starts.clear()
            return
        for row in changed:
            old = memory.firings.get(row.id)
            at = schedule.last_run_at
            if at is not None and row.attempt > (0 if old is None else old.attempt):
                starts[:] = [one for one in starts if abs(one - at) < MINUTE]
                starts.append(at)
                # Before the limit was set, or while it was higher, there may have been more.
                set_at = self._limit_set(schedule)
                since = [one for one in starts if one >= set_at]
                require(len(since) <= limit, f"over {limit} starts a minute: {starts}", schedule)

    def _limit_set(self, schedule: Schedule) -> datetime:
        limit, version = schedule.rate_limit_per_minute, schedule.version
        while version > 1:
            earlier = self._versions[schedule.id, version - 1]
            if earlier.rate_limit_per_minute != limit:
                break
            version -= 1
        return self._versions[schedule.id, version].updated_at

    def _wakes(self, schedule: Schedule, open_rows: Sequence[FiringRow]) -> None:
        """Whatever waits for a time is looked at then; whatever waits for another has one."""
        if schedule.deleted_at is not None:
            require(all(row.phase is Phase.RUNNING for row in open_rows), "it waits", schedule)
            return
        for row in open_rows:
            if row.phase in (Phase.DELAYED, Phase.RETRYING, Phase.QUEUED):
                at = schedule.tick_at
                require(at is not None, f"nobody looks at {row}", schedule)
                # What is queued goes in its turn, and a retry that was due may be queued as well.
                if row.phase is Phase.QUEUED or row.not_before is None:
                    continue
                in_time = at is not None and at <= row.not_before
                require(in_time or row.not_before <= self._clock(), "looked at too late", row)
        if any(row.phase is Phase.BUFFERED for row in open_rows):
            others = [row for row in open_rows if row.phase is not Phase.BUFFERED]
            require(bool(others), "what is buffered waits for nobody", schedule)

    # ------------------------------------------------------------ at the end

    def settle(self, memory: Memory, *, until: datetime) -> None:
        """Every due time has exactly one firing, and every firing of a schedule a due time."""
        rows: defaultdict[UUID, list[FiringRow]] = defaultdict(list)
        for row in memory.firings.values():
            require(row.phase is None, "it never came to an end", row)
            rows[row.schedule_id].append(row)
            self.counts[f"{row.status}"] += 1
        for schedule in memory.schedules.values():
            self._settle(schedule, rows[schedule.id], until)

    def _settle(self, schedule: Schedule, rows: Sequence[FiringRow], until: datetime) -> None:
        expected: list[datetime] = []
        for reign in self.reigns[schedule.id]:
            times = reign.rule.times(schedule.created_at)
            end = reign.until
            if end is None:
                end = until
                if schedule.status is not ScheduleStatus.COMPLETED:
                    end = schedule.decided_until
                    require(end >= until, "it is behind", schedule)
            expected += times.between(reign.since, end)
        self.counts["due"] += len(expected)
        asked = (Trigger.MANUAL, Trigger.BACKFILL)
        spans = [row for row in rows if row.span_until is not None]
        found = [
            row.scheduled_for for row in rows if row.span_until is None and row.trigger not in asked
        ]
        for span in spans:
            last = span.span_until or span.scheduled_for
            inside = [at for at in expected if span.scheduled_for <= at <= last]
            require(len(inside) == span.span_count, f"a span of {len(inside)}", span)
            found += inside
            self.counts["spans"] += 1
            self.counts["in spans"] += len(inside)
        counted = Counter(found)
        twice = [at for at, count in counted.items() if count > 1]
        require(not twice, f"twice: {twice[:5]}", schedule)
        silent = sorted(set(expected) - set(found))
        require(not silent, f"{len(silent)} silent: {silent[:5]}", schedule)
        extra = sorted(set(found) - set(expected))
        require(not extra, f"{len(extra)} that were not due: {extra[:5]}", schedule)
        self._in_order(schedule, rows)
        started = sum(row.attempt > 0 for row in rows)
        require(schedule.run_count == started, f"run_count is not {started}", schedule)

    def _in_order(self, schedule: Schedule, rows: Sequence[FiringRow]) -> None:
        """Due times start in their order, unless a flexible window says otherwise."""
        if schedule.id in self._flexible:
            return
        own = [
            (row.scheduled_for, row.started_at)
            for row in rows
            if row.started_at and row.trigger in (Trigger.SCHEDULE, Trigger.CATCHUP)
        ]
        starts = [started_at for _, started_at in sorted(own)]
        require(starts == sorted(starts), "due times start out of their order", schedule)


def require(holds: bool, what: str, thing: object) -> None:
    """Raises Violation with the thing that is wrong."""
    if not holds:
        raise Violation(f"{what}: {thing}")
