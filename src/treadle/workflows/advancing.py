"""The lane that takes executions forward: many at a time, read together and written together.

    entries ─▶ a group: rows and inboxes read ─▶ the machine, one after the other ─▶ one transaction
                        outside of any             without a database                that all share

An entry names executions and nothing else; what is to be done stands in their rows and inboxes. So
an entry that comes twice or late does no harm, and of two processes that have the same execution
the slower one writes nothing and looks again. While one group waits for the database another one
computes.

The machine has threads of its own: a costly definition holds up neither heartbeats nor requests of
the process. Nor the executions of others: once a version was slow, its executions wait for each
other, one at a time, until one of them is quick again.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from treadle.core.clock import Clock, utc_now
from treadle.db.database import Database
from treadle.engine.groups import GroupCommit
from treadle.engine.lanes import Again, Lane
from treadle.engine.loops import OUTAGE
from treadle.engine.queue import Entry
from treadle.engine.timers import set_timers
from treadle.workflows import advance_store
from treadle.workflows.advance_store import Turn
from treadle.workflows.compiled import Workflow
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.execution_model import Advanced, ExecutionRow, Key, Told
from treadle.workflows.forward import take_forward
from treadle.workflows.loading import load_versions
from treadle.workflows.queueing import ADVANCE, executions_in
from treadle.workflows.slow_versions import SlowVersions
from treadle.workflows.state_json import UnknownStateFormat
from treadle.workflows.writing import timer_of, write_advances

log = structlog.get_logger()

TOGETHER: Final = 400
"""Executions of a group: their rows lie in memory together."""
GROUPS: Final = 2
ENTRIES: Final = 64
"""Entries that a process has at a time."""
TOLD_AT_ONCE: Final = 200
"""Events that one execution is told in one go, before others have their turn."""
NEWER_SECONDS: Final = 30.0
"""When a state that only a newer program understands is looked at again."""
SLOW_SECONDS: Final = 0.1
"""CPU time of one advance that makes its version a slow one."""
SLOW_ENTRIES: Final = 8
"""Entries with slow executions that a process has at a time; others come back later."""
SLOW_AGAIN_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Claim:
    """Executions of one tenant that an entry names; `slow`, if some are of slow versions."""

    tenant_id: UUID
    execution_ids: tuple[UUID, ...]
    slow: bool = False

    @property
    def keys(self) -> list[Key]:
        return [(self.tenant_id, id_) for id_ in self.execution_ids]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a group reads before it computes."""

    rows: Sequence[ExecutionRow]
    inbox: Mapping[Key, list[Told]]
    workflows: Mapping[UUID, Workflow]


@dataclass(slots=True)
class _Computed:
    """What came of a group: what is to be written, what is left to the slow ones, and whether there
    was a state that only a newer program understands. `seconds`: the CPU time of each version's
    slowest.
    """

    advanced: list[Advanced] = field(default_factory=list[Advanced])
    deferred: set[UUID] = field(default_factory=set[UUID])
    unknown: bool = False
    seconds: dict[UUID, float] = field(default_factory=dict[UUID, float])


class Advancer:
    """Takes executions forward. Any number of processes may have one."""

    def __init__(
        self, database: Database, context: WorkflowsContext, *, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._context = context
        self._clock = clock
        self._threads = ThreadPoolExecutor(GROUPS + 1, thread_name_prefix="machine")
        self._slow = SlowVersions(SLOW_SECONDS)
        self._groups = [self._group(TOGETHER) for _ in range(GROUPS)]
        self._slow_group = self._group(1)
        self._slow_entries = 0

    def _group(self, most: int) -> GroupCommit[_Claim, _Claim]:
        return GroupCommit(
            self._advance_slow if most == 1 else self._advance_quick,
            max_batch=most,
            weigh=lambda claim: len(claim.execution_ids),
            isolate=lambda error: not isinstance(error, OUTAGE),
        )

    def lane(self) -> Lane:
        """The lane that brings them."""
        return Lane(ADVANCE, self.handle, concurrency=ENTRIES)

    async def handle(self, entry: Entry) -> None:
        """Takes the executions of an entry forward, until none of them was somebody else's."""
        left = _Claim(entry.tenant_id, executions_in(entry))
        # The same execution goes to the same group: within a process nobody is slower.
        group = self._groups[left.execution_ids[0].bytes[-1] % GROUPS]
        while left.execution_ids:
            if left.slow:
                await self._one_by_one(left)
                return
            left = await group.submit(left)

    async def _one_by_one(self, claim: _Claim) -> None:
        """Takes executions forward behind all others of slow versions. Raises Again where there are
        many: they must not take all places of the lane.
        """
        if self._slow_entries >= SLOW_ENTRIES:
            raise Again(SLOW_AGAIN_SECONDS)
        self._slow_entries += 1
        try:
            for id_ in claim.execution_ids:
                left = _Claim(claim.tenant_id, (id_,))
                while left.execution_ids:
                    left = await self._slow_group.submit(left)
        finally:
            self._slow_entries -= 1

    async def _advance_quick(self, claims: list[_Claim]) -> list[_Claim]:
        return await self._advance(claims, defers=True)

    async def _advance_slow(self, claims: list[_Claim]) -> list[_Claim]:
        return await self._advance(claims, defers=False)

    async def _advance(self, claims: list[_Claim], *, defers: bool) -> list[_Claim]:
        """Takes a group forward, but for slow ones if it `defers` those; of each claim, what has to
        be looked at again.
        """
        keys = sorted({key for claim in claims for key in claim.keys})
        now = self._clock()
        slow = self._slow.ids(now) if defers else frozenset[UUID]()
        loaded = await self._load(keys)
        loop = asyncio.get_running_loop()
        computed = await loop.run_in_executor(self._threads, _compute, loaded, slow, now)
        self._slow.note(computed.seconds, now)
        if computed.unknown and len(claims) > 1:
            raise UnknownStateFormat  # the group is taken apart: one claim alone says so
        written = await self._write(loaded, computed, now)
        if computed.unknown:
            raise Again(NEWER_SECONDS)
        if len(written) == len(computed.advanced) and not computed.deferred:
            return [_Claim(claim.tenant_id, ()) for claim in claims]
        missed = {one.row.id for one in computed.advanced}.difference(written)
        return [_left(claim, missed, computed.deferred) for claim in claims]

    async def _load(self, keys: Sequence[Key]) -> _Loaded:
        async with self._database.system() as tx:
            await advance_store.plan_anew(tx)
            # The rows first: what comes into an inbox later than that has an entry of its own.
            rows = await advance_store.load(tx, keys)
            # Two processes that write the same executions take their locks in one order.
            rows.sort(key=lambda row: row.key)
            inbox: defaultdict[Key, list[Told]] = defaultdict(list)
            for told in await advance_store.load_inbox(tx, keys, limit=TOLD_AT_ONCE):
                inbox[told.tenant_id, told.execution_id].append(told)
            versions = {row.version_id for row in rows}
            workflows = await load_versions(tx, self._context.compiled, versions)
        return _Loaded(rows, inbox, workflows)

    async def _write(self, loaded: _Loaded, computed: _Computed, now: datetime) -> set[UUID]:
        advanced = computed.advanced
        moved = {one.row.id for one in advanced}.union(computed.deferred)
        still: Sequence[ExecutionRow] = ()
        if len(moved) < len(loaded.rows):
            still = [row for row in loaded.rows if row.id not in moved]
        over = [told.id for row in still for told in loaded.inbox.get(row.key, ())]
        # Its timer has brought it, a little early by our clock: it has none any more.
        early = [
            timer_of(row.key, row.wake_at)
            for row in still
            if row.wake_at is not None and not row.is_over
        ]
        if not advanced and not over and not early:
            return set()
        async with self._database.system() as tx:
            await advance_store.forget_told(tx, over)
            await set_timers(tx, early)
            if not advanced:
                return set()
            return await write_advances(tx, self._context, advanced, Turn(now))


def _left(claim: _Claim, missed: set[UUID], deferred: set[UUID]) -> _Claim:
    """What of a claim has to be looked at again."""
    ids = tuple(id_ for id_ in claim.execution_ids if id_ in missed or id_ in deferred)
    return _Claim(claim.tenant_id, ids, slow=not deferred.isdisjoint(ids))


def _compute(loaded: _Loaded, slow: frozenset[UUID], now: datetime) -> _Computed:
    """The machine's part, in a thread: nothing here is anybody else's."""
    computed = _Computed()
    slow_here = set(slow)
    for row in loaded.rows:
        if row.version_id in slow_here:
            computed.deferred.add(row.id)
            continue
        told = loaded.inbox.get(row.key, ())
        full = len(told) == TOLD_AT_ONCE
        began = time.thread_time()
        try:
            one = take_forward(loaded.workflows[row.version_id], row, told, full=full, now=now)
        except UnknownStateFormat:
            computed.unknown = True
            continue
        took = time.thread_time() - began
        computed.seconds[row.version_id] = max(took, computed.seconds.get(row.version_id, 0.0))
        if took > SLOW_SECONDS:
            slow_here.add(row.version_id)
        if one is not None:
            computed.advanced.append(one)
    return computed
