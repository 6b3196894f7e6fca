"""Executions that callers ask for one at a time: those that are asked for at the same moment share
a transaction, and most of them have taken their first steps when it commits.

    asked ─▶ a group of one tenant: versions, rights, payloads, for each its own refusal
                │
                ├── the machine, in a thread    where steps are quick, an execution goes as far as
                │                               it can, and is written as it stands then
                └── one transaction             the others are written as they begin, with an
                                                entry of the lane `workflows/advance`

What is quick is told by looks (no macro, a payload that is not large) and by what a version's first
steps took before: whoever asks for an execution must not wait for somebody's costly ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from treadle.core.clock import Clock, utc_now
from treadle.core.errors import TreadleError
from treadle.core.json import Json
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.engine.groups import GroupCommit
from treadle.engine.loops import OUTAGE
from treadle.identity.model import Principal
from treadle.workflows import execution_store
from treadle.workflows.checking import faulty
from treadle.workflows.compiled import Workflow
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.definitions import version_for_caller
from treadle.workflows.execution_model import Advanced, ExecutionRow, NewExecution, Status
from treadle.workflows.execution_store import Batch
from treadle.workflows.executions import Start, named_already, new_execution
from treadle.workflows.forward import take_forward
from treadle.workflows.loading import load_versions
from treadle.workflows.slow_versions import SlowVersions
from treadle.workflows.starting import faults_of, meant, started_by
from treadle.workflows.versions import Startable
from treadle.workflows.writing import follow, moved

TOGETHER: Final = 200
"""Executions of a group."""
LONGEST_INPUT: Final = 16_384
"""Bytes of a payload with which an execution takes its first steps before it is written."""
SLOW_SECONDS: Final = 0.02
"""CPU time of first steps that leaves those of the version to the lane from then on."""
FORGOTTEN: Final = timedelta(minutes=1)
"""How long it does."""
GROUP_SECONDS: Final = 0.05
"""CPU time of a group's first steps; those of who comes later in it are left to the lane."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An execution that a caller asks for: of the version that he names, else of the latest ACTIVE
    one.
    """

    caller: Principal
    workflow_id: UUID | None
    number: int | None
    is_named: bool
    payload: Json


Outcome = UUID | TreadleError
"""The id of the execution, or why there is none."""


@dataclass(slots=True)
class _Lot:
    """Executions of one version that one caller asks for."""

    batch: Batch
    new: list[NewExecution] = field(default_factory=list[NewExecution])


@dataclass(slots=True)
class _Group:
    commit: GroupCommit[Wanted, Outcome]
    callers: int = 0


class Triggers:
    """Starts executions for callers. Any number of processes may have one. `cpu_time` says how
    many seconds of CPU the calling thread has used.
    """

    def __init__(
        self,
        database: Database,
        context: WorkflowsContext,
        *,
        clock: Clock = utc_now,
        cpu_time: Callable[[], float] = time.thread_time,
    ) -> None:
        self._database = database
        self._context = context
        self._clock = clock
        self._cpu_time = cpu_time
        self._groups: dict[UUID, _Group] = {}
        self._slow = SlowVersions(SLOW_SECONDS, forgotten=FORGOTTEN)

    async def start(self, wanted: Wanted) -> UUID:
        """The id of the execution, once it is committed. Raises NotFound, Forbidden, Conflict,
        BadInput and Faulty as `starting.start_for_caller`, and DatabaseUnavailable.
        """
        tenant_id = wanted.caller.tenant_id
        group = self._groups.get(tenant_id)
        if group is None:
            group = self._groups[tenant_id] = _Group(
                GroupCommit(
                    partial(self._start_group, tenant_id),
                    max_batch=TOGETHER,
                    isolate=lambda error: not isinstance(error, OUTAGE),
                )
            )
        group.callers += 1
        try:
            return _answered(await group.commit.submit(wanted))
        finally:
            group.callers -= 1
            if not group.callers:
                self._groups.pop(tenant_id, None)

    async def start_in(self, tx: Transaction, wanted: Wanted) -> UUID:
        """As `start`, in a transaction of the caller's tenant that holds more than this."""
        (outcome,) = await self._start_each(tx, [wanted])
        return _answered(outcome)

    async def _start_group(self, tenant_id: UUID, wanted: list[Wanted]) -> Sequence[Outcome]:
        async with self._database.tenant(tenant_id) as tx:
            return await self._start_each(tx, wanted)

    async def _start_each(self, tx: Transaction, wanted: Sequence[Wanted]) -> Sequence[Outcome]:
        """For each what became of it: nobody's refusal is another's."""
        now = self._clock()
        outcomes, lots = await _sorted_out(tx, wanted)
        await _claim_names(tx, outcomes, lots)
        versions = {lot.batch.version_id for lot in lots}
        workflows = await load_versions(tx, self._context.compiled, versions)
        slow = self._slow.ids(now)
        begin = partial(_begin, tenant_id=tx.tenant, slow=slow, now=now, cpu_time=self._cpu_time)
        begun, seconds = await asyncio.to_thread(begin, lots, workflows)
        self._slow.note(seconds, now)
        for lot in lots:
            await _insert(tx, lot, begun, now)
        later = [(tx.tenant, new.id) for lot in lots for new in lot.new if new.id not in begun]
        await follow(tx, self._context, list(begun.values()), forward=later, now=now)
        return outcomes


def _answered(outcome: Outcome) -> UUID:
    if isinstance(outcome, TreadleError):
        raise outcome
    return outcome


async def _sorted_out(
    tx: Transaction, wanted: Sequence[Wanted]
) -> tuple[list[Outcome], list[_Lot]]:
    """What is to be inserted; and for each that is wanted its id, or why it is refused."""
    seen: dict[tuple[UUID, int | None], Startable] = {}
    outcomes: list[Outcome] = []
    lots: dict[UUID, _Lot] = {}
    for one in wanted:
        number = meant(one.number, is_named=one.is_named)
        try:
            version = await version_for_caller(tx, one.caller, one.workflow_id, number, seen=seen)
            if faults := faults_of(version, one.payload):
                raise faulty(faults)
            new = new_execution(Start(one.payload, by=one.caller.ref))
        except TreadleError as error:
            outcomes.append(error)
            continue
        outcomes.append(new.id)
        lot = lots.setdefault(version.id, _Lot(_batch(version)))
        lot.new.append(new)
    return outcomes, list(lots.values())


async def _claim_names(tx: Transaction, outcomes: list[Outcome], lots: Sequence[_Lot]) -> None:
    """Refuses those whose process id names another execution."""
    named = [(new.process_id, new.id) for lot in lots for new in lot.new if new.process_id]
    claimed = await execution_store.claim_process_ids(tx, named)
    refused = {id_ for _, id_ in named}.difference(claimed)
    if not refused:
        return
    for lot in lots:
        lot.new = [new for new in lot.new if new.id not in refused]
    for place, outcome in enumerate(outcomes):
        if outcome in refused:
            outcomes[place] = named_already()


def _batch(version: Startable) -> Batch:
    return Batch(
        project_id=version.project_id,
        workflow_id=version.workflow_id,
        version_id=version.id,
        number=version.number,
        trigger_type=started_by(version),
    )


def _begin(
    lots: Sequence[_Lot],
    workflows: Mapping[UUID, Workflow],
    *,
    tenant_id: UUID,
    slow: frozenset[UUID],
    now: datetime,
    cpu_time: Callable[[], float],
) -> tuple[dict[UUID, Advanced], dict[UUID, float]]:
    """In a thread: the executions that have taken their first steps, and the CPU time of each
    version's slowest.
    """
    begun: dict[UUID, Advanced] = {}
    seconds: dict[UUID, float] = {}
    first = cpu_time()
    for lot in lots:
        version_id = lot.batch.version_id
        workflow = workflows[version_id]
        if version_id in slow or workflow.graph.repeats:
            continue
        for new in lot.new:
            began = cpu_time()
            if began - first > GROUP_SECONDS or len(new.input) > LONGEST_INPUT:
                continue
            one = take_forward(workflow, _row(lot, new, tenant_id), (), full=False, now=now)
            if one is not None:
                begun[new.id] = one
            took = cpu_time() - began
            seconds[version_id] = max(took, seconds.get(version_id, 0.0))
    return begun, seconds


def _row(lot: _Lot, new: NewExecution, tenant_id: UUID) -> ExecutionRow:
    """The execution as it would stand if it were inserted before its first step."""
    batch = lot.batch
    return ExecutionRow(
        tenant_id=tenant_id,
        id=new.id,
        project_id=batch.project_id,
        workflow_id=batch.workflow_id,
        version_id=batch.version_id,
        number=batch.number,
        process_id=new.process_id,
        trigger_type=batch.trigger_type,
        status=Status.IN_PROGRESS,
        revision=0,
        seq=0,
        resumed=0,
        wake_at=None,
        input=new.input,
        state=None,
        parent_execution_id=None,
        parent_step=None,
        parent_attempt=None,
        origin=None,
    )


async def _insert(
    tx: Transaction, lot: _Lot, begun: Mapping[UUID, Advanced], now: datetime
) -> None:
    first = [new for new in lot.new if new.id in begun]
    columns = [moved(begun[new.id]) for new in first]
    await execution_store.insert_begun(tx, lot.batch, first, columns, now=now)
    later = [new for new in lot.new if new.id not in begun]
    await execution_store.insert_executions(tx, lot.batch, later, now=now)
