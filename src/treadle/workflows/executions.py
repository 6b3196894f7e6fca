"""Executions for callers: started, and what can be done to one. `history` has what is read.

Whoever starts one waits for no step of it: the lane `workflows/advance` takes it forward. Whoever
answers, ends or retries one does so under the lock of its row, by the machine itself, so that
exactly one answer takes a wait on; the steps that follow are the lane's again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.ids import new_id, parse_id
from treadle.core.json import Json, dump
from treadle.db.transaction import Transaction
from treadle.engine.queue import submit_entries
from treadle.identity.model import Principal
from treadle.identity.rights import Right, require
from treadle.workflows import advance_store, execution_store
from treadle.workflows import definition_store as definitions
from treadle.workflows.advance_store import Turn
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.events import Resumed, TerminateRequested
from treadle.workflows.execution_model import (
    ExecutionRow,
    ExecutionSummary,
    NewExecution,
    Parent,
    StartedBy,
    Status,
)
from treadle.workflows.execution_store import Batch
from treadle.workflows.forward import Going, begin, begin_again, restore
from treadle.workflows.loading import load_versions
from treadle.workflows.queueing import advances
from treadle.workflows.recorded import EditedPayload, recorded_from
from treadle.workflows.telling import Answer
from treadle.workflows.versions import VersionSummary
from treadle.workflows.writing import write_advances

EXECUTION_MISSING: Final = "execution not found"
MAX_PROCESS_ID: Final = 200
MAX_REASON: Final = 2_000
SOURCES: Final = frozenset({"TEAMS", "SAP"})
"""Who may always answer, beside the integrations of the workflow."""


@dataclass(frozen=True, slots=True)
class Start:
    """One execution that is wanted. `parent` and `origin` are of those that no caller asks for;
    what a workflow starts is not `named` by its payload, which is often the payload of the other.
    """

    payload: Json = None
    parent: Parent | None = None
    origin: str | None = None
    named: bool = True
    by: str = field(kw_only=True)

    @property
    def process_id(self) -> str | None:
        """What the payload says the execution is to be known by. Raises BadInput."""
        named = self.payload.get("process_id") if isinstance(self.payload, dict) else None
        if named is None or not self.named:
            return None
        if not isinstance(named, str) or not 0 < len(named) <= MAX_PROCESS_ID or "\0" in named:
            rule = f"must be a text of 1 to {MAX_PROCESS_ID} characters"
            raise BadInput(f"process_id: {rule}", field="process_id")
        return named


def named_already() -> Conflict:
    """The refusal of an execution whose process id names another one."""
    return Conflict("process_id: names another execution that is not over", field="process_id")


def new_execution(start: Start) -> NewExecution:
    """The row of it, with a fresh id. Raises BadInput for its process id."""
    return NewExecution(
        id=new_id(),
        input=dump(start.payload),
        created_by=start.by,
        process_id=start.process_id,
        parent=start.parent,
        origin=start.origin,
    )


async def trigger(
    tx: Transaction,
    context: WorkflowsContext,
    version: VersionSummary,
    starts: Sequence[Start],
    *,
    trigger_type: StartedBy,
    depth: int = 0,
    now: datetime,
) -> list[UUID]:
    """New executions of a version, all or none; their ids in the order of `starts`.

    Whether the version may be started, the caller may start it, and the payloads are as its schema
    says, is decided before. Raises BadInput, and Conflict for a process id that names a live
    execution.
    """
    new = [new_execution(one) for one in starts]
    batch = Batch(
        project_id=version.project_id,
        workflow_id=version.workflow_id,
        version_id=version.id,
        number=version.number,
        trigger_type=trigger_type,
        depth=depth,
    )
    named = [(one.process_id, one.id) for one in new if one.process_id is not None]
    if len(await execution_store.claim_process_ids(tx, named)) < len(named):
        raise named_already()
    await execution_store.insert_executions(tx, batch, new, now=now)
    entries = advances((tx.tenant, one.id) for one in new)
    await submit_entries(tx, entries, bound=context.queue_bound)
    return [one.id for one in new]


# ---------------------------------------------------------------- acting


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something to an execution, from where. `name` is shown in the event log."""

    by: str
    origin: dict[str, Json] = field(default_factory=dict[str, Json])

    @classmethod
    def of(cls, caller: Principal) -> Act:
        """The caller's."""
        origin: dict[str, Json] = {"principal": caller.ref, "name": caller.name}
        if caller.origin.address:
            origin["address"] = caller.origin.address
        return cls(caller.ref, origin)


async def find(
    tx: Transaction, caller: Principal, process_or_execution_id: str, right: Right
) -> ExecutionSummary:
    """The execution that a process id names, or that has this id. Raises NotFound, Forbidden."""
    name = process_or_execution_id
    id_ = None
    if 0 < len(name) <= MAX_PROCESS_ID and "\0" not in name:
        id_ = await execution_store.find_by_process(tx, name)
    id_ = id_ or parse_id(name)
    found = None if id_ is None else await execution_store.find_summary(tx, id_)
    if found is None:
        raise NotFound(EXECUTION_MISSING)
    try:
        require(caller, right, found.project_id)
    except NotFound:
        raise NotFound(EXECUTION_MISSING) from None
    return found


async def resume(
    tx: Transaction,
    context: WorkflowsContext,
    caller: Principal,
    process_or_execution_id: str,
    *,
    source: str,
    body: Json,
    now: datetime,
) -> Answer:
    """Answers what the execution waits for; of many at once exactly one is told RESTARTED.

    Raises NotFound, Forbidden, and BadInput for a source that may not answer.
    """
    found = await find(tx, caller, process_or_execution_id, Right.WORKFLOWS_RUN)
    version = await definitions.find_version(tx, found.workflow_id, found.number)
    known = SOURCES | (version.integrations.keys() if version is not None else set[str]())
    if source not in known:
        rule = f"one of {', '.join(sorted(known))}"
        raise BadInput(f"source: must be {rule}", field="source")
    event = Resumed(source, body, by=Act.of(caller).origin, later=True)
    answer = await tell_answer(tx, context, found.id, event, by=caller.ref, now=now)
    if answer is Answer.SOURCE_REFUSED:
        raise BadInput("source: may not answer what the workflow waits for", field="source")
    return answer


async def tell_answer(
    tx: Transaction,
    context: WorkflowsContext,
    execution_id: UUID,
    event: Resumed,
    *,
    by: str,
    now: datetime,
) -> Answer:
    """What becomes of an answer: decided by the machine, under the lock of the execution."""
    row = await _lock(tx, execution_id)
    if row.state is None:
        # It has not begun, or has come to its good end.
        return Answer.ALREADY_RESTARTED if row.resumed else Answer.NOT_WAITING
    going = await _going(tx, context, row)
    transition = going.tell(event, now)
    if transition.applied:
        await _write(tx, context, going, by=by, now=now)
    return transition.answer or Answer.NOT_WAITING


async def terminate(
    tx: Transaction,
    context: WorkflowsContext,
    caller: Principal,
    process_or_execution_id: str,
    *,
    reason: str = "",
    now: datetime,
) -> ExecutionSummary:
    """Ends the execution and all that is under way in it. Raises NotFound, Forbidden, and Conflict
    for one that is over.
    """
    if len(reason) > MAX_REASON:
        rule = f"must have at most {MAX_REASON} characters"
        raise BadInput(f"termination_reason: {rule}", field="termination_reason")
    found = await find(tx, caller, process_or_execution_id, Right.WORKFLOWS_RUN)
    await terminate_for(tx, context, found.id, reason=reason, act=Act.of(caller), now=now)
    return await _seen(tx, found.id)


async def terminate_for(
    tx: Transaction,
    context: WorkflowsContext,
    execution_id: UUID,
    *,
    reason: str,
    act: Act,
    now: datetime,
) -> None:
    """As `terminate`, for who started it on another's behalf. Raises NotFound, Conflict."""
    row = await _lock(tx, execution_id)
    if row.is_over:
        raise Conflict(f"the execution is over: {row.status}")
    going = await _going(tx, context, row, now=now)
    going.tell(TerminateRequested(reason, act.origin), now)
    await _write(tx, context, going, by=act.by, now=now)


async def retry(
    tx: Transaction,
    context: WorkflowsContext,
    caller: Principal,
    process_or_execution_id: str,
    *,
    from_step: str | None = None,
    edited: EditedPayload | None = None,
    version: VersionSummary | None = None,
    now: datetime,
) -> ExecutionSummary:
    """Takes a failed or terminated execution up again, with the recorded outputs of the steps
    before: from the steps that were stopped, or from one that is named; with another payload; on
    another version of its workflow.

    Raises NotFound, Forbidden, BadInput, and Conflict for one that has nothing to retry, or whose
    process id names another one by now.
    """
    found = await find(tx, caller, process_or_execution_id, Right.WORKFLOWS_RUN)
    row = await _lock(tx, found.id)
    if row.status not in (Status.FAILED, Status.TERMINATED) or row.state is None:
        raise Conflict("only a failed or terminated execution can be retried")
    if version is not None and version.workflow_id != row.workflow_id:
        raise BadInput("workflow_version: is of another workflow", field="workflow_version")
    if row.process_id is not None:
        pair = (row.process_id, row.id)
        if not await execution_store.claim_process_ids(tx, [pair]):
            raise Conflict("its process_id names another execution by now", field="process_id")
    version_id = row.version_id if version is None else version.id
    workflows = await load_versions(tx, context.compiled, {row.version_id, version_id})
    state = restore(workflows[row.version_id], row).state
    recorded = recorded_from(workflows[version_id], state, from_step=from_step, edited=edited)
    going = begin_again(workflows[version_id], row, recorded, now=now)
    number = row.number if version is None else version.number
    await _write(tx, context, going, by=caller.ref, now=now, version=(version_id, number))
    return await _seen(tx, row.id)


async def _lock(tx: Transaction, execution_id: UUID) -> ExecutionRow:
    rows = await advance_store.load(tx, [(tx.tenant, execution_id)], lock=True)
    if not rows:
        raise NotFound(EXECUTION_MISSING)
    return rows[0]


async def _going(
    tx: Transaction, context: WorkflowsContext, row: ExecutionRow, *, now: datetime | None = None
) -> Going:
    """The execution where it stands; one that has not begun begins, if `now` is given."""
    workflows = await load_versions(tx, context.compiled, {row.version_id})
    workflow = workflows[row.version_id]
    if row.state is None and now is not None:
        return begin(workflow, row, later=True, now=now)
    return restore(workflow, row)


async def _write(
    tx: Transaction,
    context: WorkflowsContext,
    going: Going,
    *,
    by: str,
    now: datetime,
    version: tuple[UUID, int] | None = None,
) -> None:
    advanced = going.result(again=going.state.more)
    written = await write_advances(tx, context, [advanced], Turn(now, by, version))
    if going.row.id not in written:
        raise LookupError(f"execution {going.row.id} moved under our lock")


async def _seen(tx: Transaction, execution_id: UUID) -> ExecutionSummary:
    found = await execution_store.find_summary(tx, execution_id)
    if found is None:
        raise NotFound(EXECUTION_MISSING)
    return found
