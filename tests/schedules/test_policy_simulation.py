"""A schedule's life, played at random for years: every due time leaves exactly one decision.

The world ticks when something is due, falls silent for hours or days, is paused, edited, triggered
and backfilled; its targets end well, badly or not for long. After every single step the books must
balance. `TREADLE_TEST_EFFORT=20` plays more worlds; a world that fails is played again by its seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

import pytest

from schedules.effort import EFFORT
from schedules.making import expression, utc
from treadle.schedules.calendars import (
    Calendar,
    CalendarMode,
    CalendarUse,
    due_between,
    latest_due,
    next_due,
)
from treadle.schedules.decisions import (
    CatchupPolicy,
    Decision,
    Due,
    Ended,
    Ending,
    EndStatus,
    Firing,
    Outcome,
    OverlapPolicy,
    Settings,
    State,
    Stretch,
    Trigger,
    Verdict,
)
from treadle.schedules.due_times import Expression
from treadle.schedules.policy import MOST_BUFFERED, RATE_STRETCH, decide

BERLIN = "Europe/Berlin"
TEXTS = (
    "0 9 * * *", "30 2 * * *", "0 */6 * * *", "*/20 * * * *", "0 9 * * MON-FRI", "0 0 L * *",
    "cron(15 10 ? * 6L *)", "*/5 8-10 * * 1", "0 0 1,15 * *",
)  # fmt: skip
USES: tuple[tuple[CalendarUse, ...], ...] = (
    (),
    (),
    (CalendarUse(Calendar("Weekend", weekdays=frozenset({0, 6})), CalendarMode.EXCLUDE),),
    (CalendarUse(Calendar("Monday", weekdays=frozenset({1})), CalendarMode.ROLL_FORWARD),),
)
BATCH = 25
STEPS = 250
WAITS = {Outcome.DELAY, Outcome.BUFFER}
RUNS = {Outcome.START, Outcome.RETRY}


@dataclass
class Version:
    """What a schedule was like for a while: it answers for the due times in (since, until]."""

    compiled: Expression
    uses: tuple[CalendarUse, ...]
    since: datetime
    until: datetime | None = None


@dataclass
class World:
    """A schedule, the clock, and the books that are kept of it."""

    random: Random
    now: datetime
    settings: Settings
    versions: list[Version]
    state: State = field(default_factory=State)
    books: dict[str, list[Decision]] = field(default_factory=dict[str, list[Decision]])
    starts: list[datetime] = field(default_factory=list[datetime])
    wake_at: datetime | None = None
    by_hand: int = 0
    overlapping: bool = False  # ALLOW_ALL was in force at some time

    @property
    def version(self) -> Version:
        return self.versions[-1]

    @property
    def cursor(self) -> datetime:
        """Everything up to here has been decided on."""
        return self._cursor

    def __post_init__(self) -> None:
        self._cursor = self.now
        self.overlapping = self.settings.overlap_policy is OverlapPolicy.ALLOW_ALL

    def tick(self) -> None:
        """Decides on all that has come due, in batches."""
        version = self.version
        while True:
            due = due_between(
                version.compiled, version.uses, after=self._cursor, until=self.now, limit=BATCH
            )
            more = len(due) == BATCH
            newest = None
            if more:
                since = self.now - self.settings.catchup_window
                newest = latest_due(version.compiled, version.uses, since=since, until=self.now)
            firings = [
                Due(Firing(f"{each.at:%Y-%m-%dT%H:%M:%S}", each.at), each.reason * each.held)
                for each in due
            ]
            self.decide(firings, newest_due=newest, more_due=more)
            self._cursor = due[-1].at if more else self.now
            if not more:
                return

    def decide(
        self,
        due: list[Due],
        *,
        ended: list[Ended] | None = None,
        newest_due: datetime | None = None,
        more_due: bool = False,
    ) -> None:
        """One call of the real thing, written into the books."""
        paused = self.paused
        verdict = decide(
            self.settings,
            self.state,
            now=self.now,
            due=due,
            ended=ended or [],
            newest_due=newest_due,
            next_due=self.now + timedelta(days=1),
            more_due=more_due,
        )
        assert [each.firing.id for each in verdict.decisions] == [each.firing.id for each in due]
        for decision in verdict.decisions:
            assert decision.firing.id not in self.books, "decided on twice"
            self.books[decision.firing.id] = [decision]
        for change in verdict.changes:
            self._follows(self.books[change.firing.id][-1], change)
            self.books[change.firing.id].append(change)
        self._check(verdict, paused=paused)
        self.state, self.wake_at = verdict.state, verdict.wake_at

    @property
    def paused(self) -> bool:
        return any(
            stretch.since <= self.now and (stretch.until is None or self.now < stretch.until)
            for stretch in self.state.paused
        )

    def _follows(self, before: Decision, after: Decision) -> None:
        if before.outcome in WAITS:
            assert after.outcome not in {Outcome.SUCCEED, Outcome.FAIL, Outcome.RETRY}
            assert after.outcome is not Outcome.START or after.attempt == 1
        else:
            assert before.outcome in RUNS, f"{before} was final, and then {after}"
            assert after.outcome in {*RUNS, Outcome.SUCCEED, Outcome.FAIL, Outcome.CANCEL}
            if after.outcome is Outcome.START:
                assert after.attempt <= self.settings.max_retries + 1 or self.edited
        assert before.firing.due_at == after.firing.due_at

    @property
    def edited(self) -> bool:
        return len(self.versions) > 1

    def _check(self, verdict: Verdict, *, paused: bool) -> None:
        state = verdict.state
        waiting = [*(each.firing for each in state.delayed), *state.buffered, *state.queued]
        running = [each.firing for each in state.running]
        ids = [firing.id for firing in (*waiting, *running)]
        assert len(ids) == len(set(ids))
        open_ids = {
            firing_id
            for firing_id, decisions in self.books.items()
            if decisions[-1].outcome in WAITS | RUNS
        }
        assert open_ids == set(ids)
        assert all(self.books[firing.id][-1].outcome in WAITS for firing in waiting)
        assert all(self.books[firing.id][-1].outcome in RUNS for firing in running)
        assert len(state.buffered) <= MOST_BUFFERED
        if not self.overlapping:
            in_the_way = [each for each in state.running if each.ending is not Ending.TERMINATE]
            assert len(in_the_way) <= 1
        started = [
            each for each in (*verdict.decisions, *verdict.changes) if each.outcome is Outcome.START
        ]
        self.starts = [at for at in self.starts if at > self.now - RATE_STRETCH]
        self.starts += [self.now] * len(started)
        if started and self.settings.rate_limit_per_minute:
            assert len(self.starts) <= self.settings.rate_limit_per_minute
        if paused:
            assert not any(each.firing.by_schedule and each.attempt == 1 for each in started)

    def live(self, span: timedelta) -> None:
        """Lets time go by with a ticker that is awake: it comes within seconds."""
        end = self.now + span
        for _ in range(60):
            coming = next_due(self.version.compiled, self.version.uses, after=self._cursor)
            times = [end, *(at for at in (coming, self.wake_at) if at is not None)]
            self.now = max(self.now, min(times)) + timedelta(seconds=self.random.random() * 3)
            self.tick()
            if self.now >= end:
                return

    def silence(self, span: timedelta) -> None:
        """Nothing ticks for a while."""
        self.now += span + timedelta(seconds=self.random.random())
        self.tick()

    def end_some(self) -> None:
        """Some of the running targets end."""
        statuses = [EndStatus.SUCCEEDED] * 3 + [EndStatus.FAILED] * 2 + [EndStatus.CANCELLED]
        ended = [
            Ended(each.firing.id, self.random.choice(statuses), "boom")
            for each in self.state.running
            if each.retry_at is None and self.random.random() < 0.6
        ]
        self.decide([], ended=ended)

    def pause(self) -> None:
        self.tick()
        until = self.random.choice([None, self.now + timedelta(hours=self.random.randint(1, 90))])
        self.state = self.state.pause(now=self.now, reason="by Alice", until=until)
        self.decide([])

    def resume(self) -> None:
        # What fell into the pause is decided on before it ends, as the pause's.
        self.tick()
        self.state = self.state.resume(now=self.now)
        self.decide([])

    def edit(self) -> None:
        """A new version answers for what is due from now on; the old one for all before."""
        self.tick()
        self.version.until = self.now
        self.settings = some_settings(self.random)
        self.overlapping |= self.settings.overlap_policy is OverlapPolicy.ALLOW_ALL
        text, uses = self.random.choice(TEXTS), self.random.choice(USES)
        self.versions.append(Version(expression(text, BERLIN), uses, self.now))

    def trigger(self) -> None:
        self.by_hand += 1
        self.decide([Due(Firing(f"by hand {self.by_hand}", self.now, Trigger.MANUAL))])

    def backfill(self) -> None:
        """Asks for due times of a past that has no firings."""
        old = utc("2020-01-01 00:00") + timedelta(days=self.random.randint(0, 1_000))
        due = due_between(
            self.version.compiled, (), after=old, until=old + timedelta(days=9), limit=30
        )
        policy = self.random.choice([None, OverlapPolicy.BUFFER_ALL, OverlapPolicy.SKIP])
        firings = [Firing(f"back {each.at}", each.at, Trigger.BACKFILL, "", policy) for each in due]
        self.decide([Due(firing) for firing in firings if firing.id not in self.books])

    def maintain(self) -> None:
        since = self.now + timedelta(hours=self.random.randint(0, 30))
        window = Stretch(since, since + timedelta(hours=self.random.randint(1, 8)), "upgrade")
        self.state = replace(self.state, maintenance=(window,))

    def step(self) -> None:
        """One thing happens."""
        quiet = timedelta(hours=self.random.choice([1, 5, 20, 100, 900]))
        happening = self.random.choices(
            [
                "live",
                "silence",
                "end",
                "pause",
                "resume",
                "edit",
                "trigger",
                "backfill",
                "maintain",
            ],
            [30, 8, 30, 3, 6, 3, 5, 2, 2],
        )[0]
        if happening == "live":
            self.live(quiet)
        elif happening == "silence":
            self.now += quiet + timedelta(seconds=self.random.random())
            self.tick()
        elif happening == "end":
            self.end_some()
        else:
            {
                "pause": self.pause,
                "resume": self.resume,
                "edit": self.edit,
                "trigger": self.trigger,
                "backfill": self.backfill,
                "maintain": self.maintain,
            }[happening]()

    def finish(self) -> None:
        """Everything comes to an end: nothing may be stuck."""
        self.resume()
        self.version.until = self.now
        for _ in range(3_000):
            if not (
                self.state.delayed or self.state.buffered or self.state.queued or self.state.running
            ):
                return
            self.now += timedelta(minutes=1)
            if self.wake_at is not None:
                self.now = max(self.now, self.wake_at)
            ended = [
                Ended(each.firing.id, EndStatus.SUCCEEDED)
                for each in self.state.running
                if each.retry_at is None
            ]
            self.decide([], ended=ended)
        pytest.fail("something never came to an end")

    def audit(self) -> None:
        """Every due time of every version has its decision, and there are no others."""
        decided = [
            decisions[0].firing.due_at
            for decisions in self.books.values()
            if decisions[0].firing.by_schedule
        ]
        expected: list[datetime] = []
        for version in self.versions:
            assert version.until is not None
            expected += [
                each.at
                for each in due_between(
                    version.compiled,
                    version.uses,
                    after=version.since,
                    until=version.until,
                    limit=10**6,
                )
            ]
        assert sorted(decided) == expected
        assert len(expected) > 100


def some_settings(random: Random) -> Settings:
    """Any settings that a schedule may have."""
    return Settings(
        "schedule",
        overlap_policy=random.choice(list(OverlapPolicy)),
        catchup_window=timedelta(minutes=random.choice([0, 1, 10, 600, 1440])),
        catchup_policy=random.choice(list(CatchupPolicy)),
        flexible_window=timedelta(minutes=random.choice([0, 0, 5, 60])),
        rate_limit_per_minute=random.choice([None, None, 1, 3]),
        max_retries=random.choice([0, 1, 3, 10]),
        retry_backoff=timedelta(seconds=random.choice([0, 60, 4000])),
        pause_on_failure_count=random.choice([1, 3, 100]),
    )


@pytest.mark.parametrize("seed", range(8 * EFFORT))
def test_every_due_time_leaves_exactly_one_decision(seed: int):
    random = Random(seed)
    begin = utc("2024-01-01 00:00") + timedelta(seconds=random.randint(0, 10**7))
    text, uses = random.choice(TEXTS), random.choice(USES)
    world = World(
        random, begin, some_settings(random), [Version(expression(text, BERLIN), uses, begin)]
    )
    for _ in range(STEPS):
        world.step()
    world.finish()
    world.audit()
    assert world.now - begin > timedelta(days=365)
