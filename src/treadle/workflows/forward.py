"""Taking one execution forward: from its row and what it is to be told, to what is to be written.

Pure but for the log of the server: a fault of ours in one execution fails that one, and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
import structlog

from treadle.core.json import Json
from treadle.workflows.compiled import Workflow
from treadle.workflows.effects import Effect
from treadle.workflows.error_names import LIMIT
from treadle.workflows.events import (
    Continued,
    Event,
    FailRequested,
    TimerFired,
    event_from_json,
)
from treadle.workflows.execution_model import Advanced, ExecutionRow, Told
from treadle.workflows.machine import Transition, advance, start
from treadle.workflows.recorded import Recorded
from treadle.workflows.run import Entry
from treadle.workflows.state import Failure, State, Status
from treadle.workflows.state_json import StateTooLarge, restored_state, stored_output, stored_state

log = structlog.get_logger()

INTERNAL = "Internal"
"""The failure of an execution that a fault of ours stopped."""


@dataclass(slots=True)
class Going:
    """An execution while it goes forward, event by event."""

    workflow: Workflow
    row: ExecutionRow
    state: State
    log: list[Entry] = field(default_factory=list[Entry])
    effects: list[Effect] = field(default_factory=list[Effect])

    def add(self, transition: Transition) -> Transition:
        """Takes over what an event brought."""
        self.state = transition.state
        self.log += transition.log
        self.effects += transition.effects
        return transition

    def tell(self, event: Event, now: datetime) -> Transition:
        """What an event makes of it."""
        return self.add(advance(self.workflow, self.state, event, now=now))

    def result(self, told: Sequence[Told] = (), *, again: bool = False) -> Advanced:
        """What is to be written; `again`: it has more to do at once. Raises StateTooLarge."""
        stored = output = None
        if self.state.status is Status.COMPLETED:
            # Nothing goes on from a good end; a failure can be retried.
            output = stored_output(self.state)
        else:
            stored = stored_state(self.state)
        ids = [one.id for one in told]
        return Advanced(self.row, self.state, stored, output, self.log, self.effects, ids, again)


def begin(workflow: Workflow, row: ExecutionRow, *, later: bool = False, now: datetime) -> Going:
    """An execution with its first transition behind it; `later`, with all steps still before it."""
    payload: Json = orjson.loads(row.input)
    first = start(workflow, execution=seen_as(row), payload=payload, later=later, now=now)
    going = Going(workflow, row, first.state)
    going.add(first)
    return going


def begin_again(
    workflow: Workflow, row: ExecutionRow, recorded: Recorded, *, now: datetime
) -> Going:
    """An execution that is about to go on from what was recorded of it."""
    payload: Json = orjson.loads(row.input)
    first = start(
        workflow,
        execution=seen_as(row),
        payload=payload,
        now=now,
        recorded=recorded,
        seq=row.seq,
        later=True,
    )
    going = Going(workflow, row, first.state)
    going.add(first)
    return going


def restore(workflow: Workflow, row: ExecutionRow) -> Going:
    """An execution where it stands. It must have begun. Raises UnknownStateFormat."""
    if row.state is None:
        raise LookupError(f"execution {row.id} has no state")
    return Going(workflow, row, restored_state(row.state, orjson.loads(row.input)))


def take_forward(
    workflow: Workflow, row: ExecutionRow, told: Sequence[Told], *, full: bool, now: datetime
) -> Advanced | None:
    """What the execution has become; None if there is nothing to write, as once it is over.
    `full`: its inbox may hold more than was read.

    Raises UnknownStateFormat, for a state that only a newer program understands.
    """
    if row.is_over:
        return None
    before = None if row.state is None else restore(workflow, row)
    try:
        going = before or begin(workflow, row, now=now)
        changed = _tell_all(going, told, now=now) or before is None
        due = going.state.wake_at
        again = full or going.state.more or (due is not None and due <= now)
        return going.result(told, again=again) if changed or told or full else None
    except StateTooLarge as error:
        return _failed(workflow, row, told, Failure(LIMIT, str(error)), now=now)
    except Exception:
        log.exception("execution_not_advanced", execution=str(row.id), revision=row.revision)
        message = "the server could not go on with it; its log says why"
        return _failed(workflow, row, told, Failure(INTERNAL, message), now=now)


def _tell_all(going: Going, told: Sequence[Told], *, now: datetime) -> bool:
    """Tells what came, then what is due. Whether anything changed."""
    changed = False
    if going.state.more:
        changed = going.tell(Continued(), now).applied
    for one in told:
        event = event_from_json(one.type, orjson.loads(one.event))
        changed = going.tell(event, now).applied or changed
    due = going.state.wake_at
    if due is not None and due <= now:
        changed = going.tell(TimerFired(), now).applied or changed
    return changed


def _failed(
    workflow: Workflow,
    row: ExecutionRow,
    told: Sequence[Told],
    failure: Failure,
    *,
    now: datetime,
) -> Advanced:
    """The execution as it was before, failed: what it had become can't be kept."""
    going = _stub(workflow, row, now) if row.state is None else restore(workflow, row)
    going.tell(FailRequested(failure.name, failure.message), now)
    return going.result(told)


def _stub(workflow: Workflow, row: ExecutionRow, now: datetime) -> Going:
    """An execution that could not even begin: without the payload that it began with."""
    first = start(workflow, execution=seen_as(row), payload=None, now=now)
    going = Going(workflow, row, first.state)
    going.add(first)
    return going


def seen_as(row: ExecutionRow) -> dict[str, Json]:
    """What expressions see as `execution`."""
    return {
        "id": str(row.id),
        "workflow_id": str(row.workflow_id),
        "workflow_version": row.number,
        "process_id": row.process_id,
        "trigger_type": row.trigger_type,
    }
