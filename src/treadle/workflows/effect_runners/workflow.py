"""`workflow`, and a map's items that are executions: begun in the transaction that notes it; the
end is told by the advance that comes to it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from treadle.core.errors import BadInput
from treadle.core.ids import parse_id
from treadle.db.transaction import Transaction
from treadle.workflows.carrying_out import Asked
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.definitions import version_to_start
from treadle.workflows.events import Event, StepSucceeded
from treadle.workflows.execution_model import Parent, StartedBy
from treadle.workflows.executions import Start, trigger
from treadle.workflows.limits import MAX_DEPTH
from treadle.workflows.schemas import payload_faults


class WorkflowBeginner:
    """Starts the other execution."""

    def __init__(self, context: WorkflowsContext) -> None:
        self._context = context

    async def __call__(self, tx: Transaction, asked: Asked) -> UUID | Event:
        """The execution's id; as the outcome, where nobody waits for its end."""
        effect, config = asked.effect, asked.config
        depth = effect.depth + 1
        if depth > MAX_DEPTH:
            raise BadInput(f"executions start each other at most {MAX_DEPTH} deep")
        version = await version_to_start(
            tx,
            parse_id(str(config["workflow_id"])),
            config.get("workflow_version"),
            project_id=effect.project_id,
        )
        payload: Any = config.get("payload")
        if version.schema is not None and (faults := payload_faults(version.schema, payload)):
            raise BadInput("; ".join(str(fault) for fault in faults))
        waits: bool = asked.request["wait"]
        parent = Parent(effect.execution_id, effect.step, effect.attempt) if waits else None
        (child,) = await trigger(
            tx,
            self._context,
            version,
            [Start(payload, parent, named=False, by=f"workflow:{effect.workflow_id}")],
            trigger_type=StartedBy.WORKFLOW,
            depth=depth,
            now=asked.now,
        )
        return child if waits else StepSucceeded(effect.step, effect.attempt, str(child))
