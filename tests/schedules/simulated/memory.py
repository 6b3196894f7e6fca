"""The tables of schedules in memory, with transactions and row locks, in place of the stores.

The promises of the database are kept, no more: what is not committed nobody else sees; what a dead
process wrote is gone; a locked row is skipped or waited for; a due time has one row. Everything
above the stores is the product's own.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from heapq import heappop, heappush
from typing import Any, cast
from uuid import UUID

import pytest

from schedules.simulated.actors import Actor, Violation, step
from treadle.db.errors import DatabaseUnavailable
from treadle.db.transaction import Transaction
from treadle.schedules import firing_store, schedule_store, tick_store
from treadle.schedules.model import AttemptEnd, Definition, FiringRow, Schedule
from treadle.schedules.tick_store import DueSchedule

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_SAID = {*(one.name for one in fields(Definition)), "version", "updated_at", "updated_by"}
_FIXED = {"id", "tenant_id", "project_id", "face", "action_secret", "created_at", "created_by"}
PROGRESS = [
    one.name for one in fields(Schedule) if one.name not in {*_SAID, *_FIXED, "deduplication_key"}
]
_NEVER_CHANGED = (
    "project_id", "schedule_id", "schedule_version", "scheduled_for", "span_until", "span_count",
    "record_id", "record", "overlap_policy", "created_at",
)  # fmt: skip


@dataclass
class Run:
    """What a firing has started."""

    id: UUID
    tenant_id: UUID
    origin: str
    started_at: datetime
    asked_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass
class Written:
    """What one transaction has written so far."""

    schedules: dict[UUID, Schedule] = field(default_factory=dict[UUID, Schedule])
    firings: dict[UUID, FiringRow] = field(default_factory=dict[UUID, FiringRow])
    ends: list[AttemptEnd] = field(default_factory=list[AttemptEnd])
    taken: list[AttemptEnd] = field(default_factory=list[AttemptEnd])
    runs: dict[UUID, Run] = field(default_factory=dict[UUID, Run])


class MemoryTransaction(Transaction):
    """A transaction of one process."""

    __slots__ = ("is_dead", "locked", "written")

    def __init__(self, tenant_id: UUID | None) -> None:
        super().__init__(cast(Any, None), tenant_id=tenant_id)
        self.written = Written()
        self.locked: set[UUID] = set()
        self.is_dead = False

    async def execute(self, query: str, *args: object) -> int:
        """Settings and hints, which mean nothing here."""
        if not query.startswith(("SET LOCAL", "SELECT pg_notify")):
            raise Violation(f"a statement past the stores: {query}")
        return 0


Watcher = Callable[["Memory", Written], None]


class Memory:
    """What is committed. `watch` sees every commit before it is done."""

    def __init__(self, watch: Watcher) -> None:
        self.schedules: dict[UUID, Schedule] = {}
        self.firings: dict[UUID, FiringRow] = {}
        self.open: defaultdict[UUID, dict[UUID, FiringRow]] = defaultdict(dict)
        self.ends: defaultdict[UUID, list[AttemptEnd]] = defaultdict(list)
        self.runs: dict[UUID, Run] = {}
        self.is_away = False
        self.at_work: Actor | None = None
        self.transactions: dict[MemoryTransaction, Actor | None] = {}
        self.locks: dict[UUID, MemoryTransaction] = {}
        self._times: defaultdict[UUID, set[datetime]] = defaultdict(set)
        self._origins: set[str] = set()
        self._due: list[tuple[datetime, UUID]] = []
        self._watch = watch

    # ------------------------------------------------------------ transactions

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID) -> AsyncGenerator[MemoryTransaction]:
        """As Database.tenant."""
        tx = MemoryTransaction(tenant_id)
        self.transactions[tx] = self.at_work
        try:
            await self._call(tx)
            yield tx
            await self._call(tx)
            self._commit(tx)
        finally:
            self.release(tx)
        tx.run_hooks()
        await step()  # dead after the commit is a death of its own

    @asynccontextmanager
    async def system(self) -> AsyncGenerator[MemoryTransaction]:
        """As Database.system."""
        tx = MemoryTransaction(None)
        await self._call(tx)
        yield tx

    def release(self, tx: MemoryTransaction) -> None:
        """Its locks are free; it can do nothing more."""
        tx.is_dead = True
        for row_id in tx.locked:
            del self.locks[row_id]
        tx.locked.clear()
        self.transactions.pop(tx, None)

    async def _call(self, tx: Transaction) -> MemoryTransaction:
        """A statement arrives."""
        await step()
        assert isinstance(tx, MemoryTransaction)
        if self.is_away or tx.is_dead:
            raise DatabaseUnavailable
        return tx

    def _commit(self, tx: MemoryTransaction) -> None:
        written = tx.written
        for row in written.firings.values():
            old = self.firings.get(row.id)
            if old is None and row.trigger != "manual" and row.span_until is None:
                times = self._times[row.schedule_id]
                if row.scheduled_for in times:
                    raise Violation(f"a due time has two firings: {row}")
                times.add(row.scheduled_for)
        for run in written.runs.values():
            if run.id not in self.runs:
                if run.origin in self._origins:
                    raise Violation(f"an attempt has started two runs: {run.origin}")
                self._origins.add(run.origin)
        self._watch(self, written)
        for end in written.taken:
            left = self.ends[end.schedule_id]
            left.remove(end)
            if not left:
                del self.ends[end.schedule_id]
        for end in written.ends:
            self.ends[end.schedule_id].append(end)
        for row in written.firings.values():
            self.firings[row.id] = row
            if row.phase is None:
                self.open[row.schedule_id].pop(row.id, None)
            else:
                self.open[row.schedule_id][row.id] = row
        for schedule in written.schedules.values():
            self.schedules[schedule.id] = schedule
            if schedule.tick_at is not None:
                heappush(self._due, (schedule.tick_at, schedule.id))
        self.runs |= written.runs

    def next_work_at(self) -> datetime | None:
        """When a tick has something to do; the beginning of time if it has now."""
        if self.ends:
            return EARLIEST
        while self._due:
            tick_at, schedule_id = self._due[0]
            if self.schedules[schedule_id].tick_at == tick_at:
                return tick_at
            heappop(self._due)
        return None

    # ------------------------------------------------------------ the stores

    async def due_schedules(
        self, tx: Transaction, *, now: datetime, limit: int
    ) -> list[DueSchedule]:
        await self._call(tx)
        found: list[tuple[datetime, UUID]] = []
        while self._due and self._due[0][0] <= now:
            entry = heappop(self._due)
            if self.schedules[entry[1]].tick_at == entry[0]:
                found.append(entry)
        for entry in found:
            heappush(self._due, entry)
        ids = dict.fromkeys([*(one for _, one in found[:limit]), *list(self.ends)[:limit]])
        return [DueSchedule(one, self.schedules[one].tenant_id) for one in ids]

    async def lock_due(
        self, tx: Transaction, schedule_ids: Collection[UUID], *, now: datetime
    ) -> list[Schedule]:
        mine = await self._call(tx)
        found: list[Schedule] = []
        for schedule_id in sorted(schedule_ids):
            schedule = self.schedules[schedule_id]
            is_due = schedule.tick_at is not None and schedule.tick_at <= now
            if (is_due or schedule_id in self.ends) and schedule_id not in self.locks:
                self._lock(mine, schedule_id)
                found.append(schedule)
        return found

    def _lock(self, tx: MemoryTransaction, row_id: UUID) -> None:
        self.locks[row_id] = tx
        tx.locked.add(row_id)

    async def _wait_for(self, tx: MemoryTransaction, row_id: UUID) -> None:
        if self.locks.get(row_id) is tx:
            return
        while row_id in self.locks:
            await step(lambda: tx.is_dead or row_id not in self.locks)
            if tx.is_dead or self.is_away:
                raise DatabaseUnavailable
        self._lock(tx, row_id)

    async def find_schedule(
        self, tx: Transaction, schedule_id: UUID, *, lock: bool = False
    ) -> Schedule | None:
        mine = await self._call(tx)
        if lock:
            await self._wait_for(mine, schedule_id)
        found = mine.written.schedules.get(schedule_id) or self.schedules.get(schedule_id)
        return None if found is None or found.deleted_at is not None else found

    async def insert_schedule(
        self, tx: Transaction, new: Schedule, *, deduplication_hash: bytes | None, **places: Any
    ) -> Schedule:
        mine = await self._call(tx)
        mine.written.schedules[new.id] = new
        return new

    async def insert_version(
        self, tx: Transaction, schedule: Schedule, definition: dict[str, Any]
    ) -> None:
        await self._call(tx)

    async def redefine(
        self, tx: Transaction, schedule: Schedule, *, job_id: int | None, workflow_id: UUID | None
    ) -> bool:
        await self._change(tx, schedule, sorted(_SAID))
        return True

    async def save(self, tx: Transaction, schedules: Sequence[Schedule]) -> None:
        for schedule in schedules:
            await self._change(tx, schedule, PROGRESS)

    async def _change(self, tx: Transaction, schedule: Schedule, names: Sequence[str]) -> None:
        mine = await self._call(tx)
        old = mine.written.schedules.get(schedule.id) or self.schedules[schedule.id]
        if schedule.id not in mine.locked and schedule.id not in mine.written.schedules:
            raise Violation("a schedule was written without its lock")
        mine.written.schedules[schedule.id] = replace(
            old, **{name: getattr(schedule, name) for name in names}
        )

    async def insert_firings(self, tx: Transaction, new: Sequence[FiringRow]) -> None:
        mine = await self._call(tx)
        mine.written.firings |= {row.id: row for row in new}

    async def update_firings(self, tx: Transaction, moved: Sequence[FiringRow]) -> None:
        mine = await self._call(tx)
        for row in moved:
            old = mine.written.firings.get(row.id) or self.firings[row.id]
            for name in _NEVER_CHANGED:
                if getattr(old, name) != getattr(row, name):
                    raise Violation(f"{name} of a firing is not written, and was changed: {row}")
            mine.written.firings[row.id] = row

    async def open_firings(
        self, tx: Transaction, schedule_ids: Collection[UUID]
    ) -> list[FiringRow]:
        mine = await self._call(tx)
        found = [row for one in schedule_ids for row in self.open.get(one, {}).values()]
        wanted = set(schedule_ids)
        known = {row.id: row for row in found}
        known |= {row.id: row for row in mine.written.firings.values() if row.schedule_id in wanted}
        return sorted(
            (row for row in known.values() if row.phase is not None),
            key=lambda row: (row.schedule_id, row.place),
        )

    async def take_ends(self, tx: Transaction, schedule_ids: Collection[UUID]) -> list[AttemptEnd]:
        mine = await self._call(tx)
        wanted = set(schedule_ids)
        seen = [end for one in schedule_ids for end in self.ends.get(one, ())]
        taken = [end for end in seen if end not in mine.written.taken]
        # What others leave from now on stays: only what was seen is taken.
        mine.written.taken += taken
        taken += [end for end in mine.written.ends if end.schedule_id in wanted]
        mine.written.ends = [end for end in mine.written.ends if end.schedule_id not in wanted]
        return taken

    async def insert_ends(self, tx: Transaction, ends: Sequence[AttemptEnd]) -> None:
        mine = await self._call(tx)
        mine.written.ends.extend(ends)

    async def find_firing(self, tx: Transaction, firing_id: UUID) -> FiringRow | None:
        mine = await self._call(tx)
        return mine.written.firings.get(firing_id) or self.firings.get(firing_id)

    async def decided_times(
        self, tx: Transaction, schedule_id: UUID, *, since: datetime, until: datetime
    ) -> set[datetime]:
        await self._call(tx)
        return {at for at in self._times[schedule_id] if since <= at <= until}

    # ------------------------------------------------------------ runs

    async def insert_runs(self, tx: Transaction, runs: Sequence[Run]) -> None:
        mine = await self._call(tx)
        mine.written.runs |= {run.id: run for run in runs}

    async def find_run(self, tx: Transaction, run_id: UUID) -> Run:
        """The run, locked; to be written back by `insert_runs`."""
        mine = await self._call(tx)
        await self._wait_for(mine, run_id)
        return replace(mine.written.runs.get(run_id) or self.runs[run_id])


_STORES = (
    (tick_store, "due_schedules"), (tick_store, "lock_due"),
    (schedule_store, "find_schedule"), (schedule_store, "insert_schedule"),
    (schedule_store, "insert_version"), (schedule_store, "redefine"), (schedule_store, "save"),
    (firing_store, "insert_firings"), (firing_store, "update_firings"),
    (firing_store, "open_firings"), (firing_store, "take_ends"), (firing_store, "insert_ends"),
    (firing_store, "find_firing"), (firing_store, "decided_times"),
)  # fmt: skip


def install(monkeypatch: pytest.MonkeyPatch, memory: Memory) -> None:
    """The stores' functions are the memory's from now on, wherever they are called."""
    for module, name in _STORES:
        substitute(monkeypatch, getattr(module, name), getattr(memory, name))


def substitute(monkeypatch: pytest.MonkeyPatch, original: object, instead: object) -> None:
    """`instead` stands wherever the modules of schedules name `original`."""
    found = 0
    for name, module in list(sys.modules.items()):
        if name.startswith("treadle.schedules"):
            for attribute, value in list(vars(module).items()):
                if value is original:
                    monkeypatch.setattr(module, attribute, instead)
                    found += 1
    assert found, f"nothing calls {original}"
