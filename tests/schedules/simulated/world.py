"""Years of many schedules in seconds: tickers, users, workers and everything that can befall them.

All that decides is the product's own: the ticker, what advances schedules, the services that edit,
pause, resume, trigger, backfill and delete. In place of the clock, the stores and the jobs stand
this world's. It draws everything from one seed, so that what goes wrong can be played again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from factories import make_principal
from schedules.simulated.actors import Actor, Killed, Violation
from schedules.simulated.audit import Audit
from schedules.simulated.kinds import CALENDARS, Kinds, spelled
from schedules.simulated.memory import Memory, MemoryTransaction, Run, install, substitute
from treadle.core.errors import Conflict, TreadleError
from treadle.core.ids import new_id
from treadle.db.database import Database
from treadle.db.errors import DatabaseUnavailable
from treadle.db.rows import fresh_id
from treadle.db.transaction import Transaction
from treadle.engine.live import LiveHub
from treadle.identity.model import Principal
from treadle.jobs import batches, runs
from treadle.jobs.batches import Order, Refused
from treadle.jobs.context import JobsContext
from treadle.jobs.model import Run as JobRun
from treadle.jobs.states import RunState
from treadle.schedules import (
    advancing,
    control,
    drafts,
    maintenance_windows,
    schedules,
    starting,
    stored_calendars,
    ticker,
)
from treadle.schedules.calendars import Calendar
from treadle.schedules.context import SchedulesContext
from treadle.schedules.decisions import OverlapPolicy
from treadle.schedules.drafts import Action
from treadle.schedules.ending import on_run_end
from treadle.schedules.faults import ExpressionError
from treadle.schedules.maintenance import Openings, Window, WindowPolicy
from treadle.schedules.model import Definition, Schedule
from treadle.schedules.schedules import Draft
from treadle.schedules.ticker import STALLED_SECONDS, ScheduleTicker
from treadle.workflows.context import WorkflowsContext

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
PROJECT = UUID(int=77)
IDLE_SECONDS = 60  # how long a caller's transaction may hold its locks while nobody moves it
SOON = timedelta(milliseconds=3)


@dataclass(frozen=True)
class Size:
    """How much happens."""

    schedules: int
    days: int
    deeds: int  # of users, a schedule
    deaths: float  # chance of each step that the process dies there
    stops: float  # and that it is stopped there for a while


Deed = Callable[[Transaction, Principal, Schedule, datetime], Awaitable[None]]


class Alarm:
    """A log in which nothing may be wrong."""

    def exception(self, event: str, **fields: object) -> None:
        raise Violation(f"{event}: {fields}")

    def info(self, event: str, **fields: object) -> None:
        """What is told of every firing."""


class World:
    """One seed's."""

    def __init__(self, seed: int, size: Size, monkeypatch: pytest.MonkeyPatch) -> None:
        self.random = Random(seed)
        self.now = BEGIN + timedelta(seconds=self.random.randrange(10**7))
        self.size = size
        self.end = self.now + timedelta(days=size.days)
        self.kinds = Kinds(self.random)
        self.audit = Audit(lambda: self.now, self._rule_of)
        self.memory = Memory(self._watch)
        self.steps = 0
        self.deaths = 0
        self._actors: list[Actor] = []
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count(1)
        self._nobody_ticks_until = self.now
        self._windows = [self._some_window() for _ in range(size.days // 15)]
        self._callers = [
            make_principal(UUID(int=tenant), id="1", name="a test") for tenant in (501, 502)
        ]
        jobs = cast(JobsContext, SimpleNamespace(sealer=None, queue_bound=1))
        workflows = cast(WorkflowsContext, SimpleNamespace())
        self.context = SchedulesContext(jobs=jobs, workflows=workflows)
        self._tickers = [
            ScheduleTicker(
                cast(Database, self.memory),
                cast(LiveHub, None),
                self.context,
                batch_size=batch_size,
                at_once=1,  # actors take turns, of which there is one at a time
            )
            for batch_size in (3, 50, 500)
        ]
        self._disturbances = (self._do_something, self._fall_silent, self._lose_the_database)
        self._install(monkeypatch)

    def _install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        install(monkeypatch, self.memory)
        substitute(monkeypatch, new_id, self._new_id)
        substitute(monkeypatch, fresh_id, self._new_id)
        substitute(monkeypatch, drafts.check_action, check_action)
        substitute(monkeypatch, stored_calendars.find_calendars, find_calendars)
        substitute(monkeypatch, stored_calendars.use_calendars, use_calendars)
        substitute(monkeypatch, maintenance_windows.live_windows, self._live_windows)
        monkeypatch.setattr(batches, "submit_runs", self._submit_runs)
        monkeypatch.setattr(runs, "stop_for", self._stop_run)
        for module in (advancing, starting, ticker):
            monkeypatch.setattr(module, "log", Alarm())

    # ------------------------------------------------------------ time goes by

    def play(self) -> None:
        """Everything, up to its end."""
        for _ in range(self.size.schedules):
            self._at(self._some_time(0.3), self._make)
        for _ in range(self.size.schedules * self.size.deeds):
            self._at(self._some_time(1), self._do_something)
        for _ in range(self.size.days // 20):
            self._at(self._some_time(1), self._fall_silent)
            self._at(self._some_time(1), self._lose_the_database)
        self._go_on(self.end)
        self._wind_up()
        self.audit.settle(self.memory, until=self.end)

    def _some_time(self, share: float) -> datetime:
        return self.now + (self.end - self.now) * share * self.random.random()

    def _go_on(self, end: datetime) -> None:
        while True:
            ready = [actor for actor in self._actors if actor.is_ready(self.now)]
            if ready:
                self._move(ready[0] if len(ready) == 1 else self.random.choice(ready))
                continue
            coming = self._next_at()
            if coming is None or coming > end:
                self.now = max(self.now, end)
                return
            self.now = max(self.now, coming)
            while self._agenda and self._agenda[0][0] <= self.now:
                heappop(self._agenda)[2]()
            self._tick_if_due()

    def _next_at(self) -> datetime | None:
        sleeps = [actor.sleeps_until for actor in self._actors]
        times = [until for until in sleeps if until is not None and until > self.now]
        if self._agenda:
            times.append(self._agenda[0][0])
        if (due_at := self._next_tick_at()) is not None:
            times.append(due_at)
        return min(times, default=None)

    def _next_tick_at(self) -> datetime | None:
        work_at = self.memory.next_work_at()
        if work_at is None:
            return None
        late = timedelta(seconds=self.random.random() * 2) if self.random.random() < 0.5 else SOON
        return max(work_at, self.now, self._nobody_ticks_until) + late

    def _tick_if_due(self) -> None:
        work_at = self.memory.next_work_at()
        if work_at is None or work_at > self.now:
            return
        if self.now < self._nobody_ticks_until:
            return
        for _ in range(self.random.choice([1, 1, 1, 1, 1, 1, 2, 4])):
            self._begin("ticker", self._tick())

    def _at(self, at: datetime, do: Callable[[], None]) -> None:
        heappush(self._agenda, (at, next(self._numbers), do))

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._actors.append(Actor(name, work))

    def _move(self, actor: Actor) -> None:
        self.steps += 1
        self.now += timedelta(microseconds=self.random.randrange(1, 3_000))
        self.memory.at_work = actor
        if actor.steps and self.random.random() < self.size.deaths:
            self.deaths += 1
            actor.kill()
        elif actor.steps and self.random.random() < self.size.stops:
            self._stop_for_a_while(actor)
        else:
            actor.move()
        if actor.is_over:
            self._actors.remove(actor)

    def _stop_for_a_while(self, actor: Actor) -> None:
        """As SIGSTOP: it goes on where it was, but the database has given it up meanwhile."""
        actor.sleeps_until = self.now + timedelta(seconds=self.random.choice([0.1, 2, 20, 600]))
        patience = STALLED_SECONDS if actor.name == "ticker" else IDLE_SECONDS
        held = [tx for tx, holder in self.memory.transactions.items() if holder is actor]

        def give_up(tx: MemoryTransaction, until: datetime) -> None:
            if actor.sleeps_until == until:
                self.memory.release(tx)

        for tx in held:
            until = actor.sleeps_until
            at = self.now + timedelta(seconds=patience)
            self._at(at, lambda tx=tx, until=until: give_up(tx, until))

    # ------------------------------------------------------------ tickers

    async def _tick(self) -> None:
        one = self.random.choice(self._tickers)
        try:
            while await one.tick(self.now):
                pass
        except DatabaseUnavailable:
            return

    def _fall_silent(self) -> None:
        """No process ticks for a while."""
        hours = self.random.choice([0.05, 0.5, 5, 50])
        self._nobody_ticks_until = self.now + timedelta(hours=hours)

    def _lose_the_database(self) -> None:
        self.memory.is_away = True
        back_at = self.now + timedelta(seconds=self.random.choice([1, 30, 900]))
        self._nobody_ticks_until = max(self._nobody_ticks_until, back_at)
        for tx in list(self.memory.transactions):
            self.memory.release(tx)
        self._at(back_at, self._find_the_database)

    def _find_the_database(self) -> None:
        self.memory.is_away = False

    def _some_window(self) -> Window:
        start = self.now + timedelta(days=self.size.days * self.random.random())
        end = start + timedelta(hours=self.random.choice([0.1, 2, 30]))
        policy = self.random.choice(list(WindowPolicy))
        return Window("upgrade", "", policy, Openings(start, end))

    async def _live_windows(self, tx: Transaction, *, since: datetime) -> Sequence[Window]:
        return [one for one in self._windows if one.openings.end and one.openings.end > since]

    # ------------------------------------------------------------ users

    def _make(self) -> None:
        caller = self.random.choice(self._callers)
        timing = self.kinds.timing(self.now)
        said = {**timing.said, **self.kinds.settings(), **self.kinds.action()}
        definition = Definition(name="simulated", schedule_type=timing.kind, **said)

        async def make() -> None:
            async with self.memory.tenant(caller.tenant_id) as tx:
                await schedules.create_schedule(
                    tx, self.context, caller, Draft(definition, project=str(PROJECT)), now=self.now
                )

        self._begin("maker", self._asking(make))

    def _do_something(self) -> None:
        """Somebody does something to a schedule; often at the very moment at which it is due."""
        living = [one for one in self.memory.schedules.values() if one.deleted_at is None]
        if not living:
            return
        schedule = self.random.choice(living)
        if schedule.tick_at is not None and self.random.random() < 0.5:
            wait = schedule.tick_at - self.now
            if timedelta(0) < wait < timedelta(days=3):
                jitter = timedelta(seconds=self.random.choice([-1, -0.001, 0, 0, 0.004, 1]))
                self._at(
                    schedule.tick_at + jitter,
                    lambda: self._begin_deed(schedule, self._some_deed()),
                )
                return
        self._begin_deed(schedule, self._some_deed())

    def _some_deed(self) -> Deed:
        deeds = [self._edit, self._pause, self._resume, self._trigger, self._backfill, self._delete]
        return self.random.choices(deeds, [30, 22, 22, 20, 10, 3])[0]

    def _begin_deed(self, schedule: Schedule, deed: Deed) -> None:
        caller = next(one for one in self._callers if one.tenant_id == schedule.tenant_id)

        async def do() -> None:
            now = self.now
            async with self.memory.tenant(caller.tenant_id) as tx:
                await deed(tx, caller, schedule, now)

        self._begin("caller", self._asking(do))

    async def _asking(self, ask: Callable[[], Awaitable[None]]) -> None:
        try:
            await ask()
        except (TreadleError, ExpressionError):
            return  # refused, or the database was away: nothing was done

    async def _edit(
        self, tx: Transaction, by: Principal, schedule: Schedule, now: datetime
    ) -> None:
        changes = self.random.choice([self.kinds.settings, self.kinds.settings, dict])()
        names = self.random.sample(sorted(changes), min(len(changes), 3))
        changes = {name: changes[name] for name in names}
        if self.random.random() < 0.6:
            changes |= self.kinds.timing(now, schedule.schedule_type).said
        await schedules.change_schedule(tx, self.context, by, schedule.id, changes, now=now)

    async def _pause(
        self, tx: Transaction, by: Principal, schedule: Schedule, now: datetime
    ) -> None:
        until = None
        if self.random.random() < 0.5:
            until = now + timedelta(hours=self.random.choice([0.01, 1, 30, 500]))
        await control.pause_schedule(
            tx, self.context, by, schedule.id, reason="a test", until=until, now=now
        )

    async def _resume(
        self, tx: Transaction, by: Principal, schedule: Schedule, now: datetime
    ) -> None:
        await control.resume_schedule(tx, self.context, by, schedule.id, now=now)

    async def _trigger(
        self, tx: Transaction, by: Principal, schedule: Schedule, now: datetime
    ) -> None:
        await control.trigger_schedule(tx, self.context, by, schedule.id, now=now)

    async def _backfill(
        self, tx: Transaction, by: Principal, schedule: Schedule, now: datetime
    ) -> None:
        start = now - timedelta(days=self.random.randint(1, 60))
        await control.backfill_schedule(
            tx,
            self.context,
            by,
            schedule.id,
            start=start,
            end=min(now, start + timedelta(days=3)),
            overlap_policy=self.random.choice([None, OverlapPolicy.BUFFER_ALL]),
            dry_run=self.random.random() < 0.2,
            now=now,
        )

    async def _delete(
        self, tx: Transaction, by: Principal, schedule: Schedule, now: datetime
    ) -> None:
        await schedules.delete_schedule(tx, self.context, by, schedule.id, now=now)

    # ------------------------------------------------------------ runs

    async def _submit_runs(
        self, tx: Transaction, context: JobsContext, orders: Sequence[Order], *, now: datetime
    ) -> list[UUID | Refused]:
        answers: list[UUID | Refused] = []
        new: list[Run] = []
        for order in orders:
            if self.random.random() < 0.02:
                answers.append(Refused("the job 'simulated' is not active"))
                continue
            run = Run(self._new_id(), tx.tenant, order.origin, now)
            new.append(run)
            answers.append(run.id)
        await self.memory.insert_runs(tx, new)
        return answers

    async def _stop_run(
        self,
        tx: Transaction,
        context: JobsContext,
        run_id: UUID,
        *,
        by: str,
        name: str,
        now: datetime,
    ) -> None:
        run = await self.memory.find_run(tx, run_id)
        if run.ended_at is not None:
            raise Conflict("this run has already ended")
        run.asked_at = now
        if self.random.random() < 0.3:  # no worker had it
            run.ended_at = now
            await on_run_end(tx, told_run(run, RunState.CANCELLED))
        await self.memory.insert_runs(tx, [run])

    def _watch(self, memory: Memory, written: Any) -> None:
        self.audit.watch(memory, written)
        for run in written.runs.values():
            if run.ended_at is not None:
                continue
            seconds = self.random.choice([0, 0.05, 5, 200, 200, 4_000, 50_000, 300_000])
            if run.asked_at is not None:
                seconds = min(seconds, 100)
            at = self.now + timedelta(seconds=seconds * self.random.random())
            self._at(at, lambda run_id=run.id: self._begin("worker", self._end_run(run_id)))

    async def _end_run(self, run_id: UUID) -> None:
        now = self.now
        try:
            async with self.memory.tenant(self.memory.runs[run_id].tenant_id) as tx:
                run = await self.memory.find_run(tx, run_id)
                if run.ended_at is not None:
                    return
                run.ended_at = now
                state = self.random.choices(
                    [RunState.FINISHED, RunState.ERROR, RunState.FAILED], [6, 3, 1]
                )[0]
                await on_run_end(tx, told_run(run, state))
                await self.memory.insert_runs(tx, [run])
        except (DatabaseUnavailable, Killed) as error:
            # The worker, or whoever rescues its run, comes again.
            at = self.now + timedelta(seconds=10)
            self._at(at, lambda: self._begin("worker", self._end_run(run_id)))
            if isinstance(error, Killed):
                raise

    # ------------------------------------------------------------ the end

    def _wind_up(self) -> None:
        """Nothing disturbs any more, and all that runs or waits comes to its end."""
        self.size = replace(self.size, deaths=0, stops=0)
        self._agenda = [entry for entry in self._agenda if entry[2] not in self._disturbances]
        heapify(self._agenda)
        self._nobody_ticks_until = self.now
        self._go_on(self.now + timedelta(hours=2))
        self.end = self.now
        for deed in (self._resume, self._pause_for_good):
            for schedule in self.memory.schedules.values():
                if schedule.deleted_at is None:
                    self._begin_deed(schedule, deed)
            self._go_on(self.now + timedelta(minutes=1))
        for _ in range(2_000):
            if not any(self.memory.open.values()):
                return
            self._go_on(self.now + timedelta(hours=1))
        raise Violation("something never comes to an end")

    async def _pause_for_good(
        self, tx: Transaction, by: Principal, schedule: Schedule, now: datetime
    ) -> None:
        await control.pause_schedule(
            tx, self.context, by, schedule.id, reason="a test", until=None, now=now
        )

    # ------------------------------------------------------------ small things

    def _new_id(self) -> UUID:
        return UUID(int=(next(self._numbers) << 64) | self.random.getrandbits(60))

    def _rule_of(self, schedule: Schedule) -> Any:
        return self.kinds.rules[spelled(schedule)]


async def check_action(
    tx: Transaction, caller: Principal, action_type: str, config: Any, *, project: str | None
) -> Action:
    """There is the job, and everybody may run it."""
    return Action(dict(config), PROJECT)


async def find_calendars(tx: Transaction, ids: object) -> Mapping[UUID, Calendar]:
    """All that there are."""
    return CALENDARS


async def use_calendars(tx: Transaction, schedule_id: UUID, ids: object) -> None:
    """They stay in any case."""


def told_run(run: Run, state: RunState) -> JobRun:
    """What the schedules are told of a run that has ended."""
    return cast(
        JobRun,
        SimpleNamespace(
            origin=run.origin,
            state=state,
            stop_requested_at=run.asked_at,
            error_type=None,
            error="boom",
            result=None,
            finished_at=run.ended_at,
            scheduled_at=run.started_at,
        ),
    )
