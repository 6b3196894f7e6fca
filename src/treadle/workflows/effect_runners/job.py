"""`job`: a run, begun in the transaction that notes it; its end is told by who ends it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from treadle.core.errors import BadInput
from treadle.core.ids import parse_number
from treadle.db.transaction import Transaction
from treadle.jobs import batches
from treadle.jobs.batches import Order, Refused
from treadle.jobs.macros import MacroDraft
from treadle.jobs.model import Run, RunState
from treadle.workflows.carrying_out import Asked, tell_outcome
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.events import Event, JobEnded
from treadle.workflows.queueing import EffectKey

_PREFIX: Final = "execution"


class JobBeginner:
    """Submits the run of a `job` step."""

    def __init__(self, context: WorkflowsContext) -> None:
        self._context = context

    async def __call__(self, tx: Transaction, asked: Asked) -> UUID | Event:
        """The run's id, or that it was refused."""
        effect, config = asked.effect, asked.config
        job_id = parse_number(str(config["job_id"]))
        if job_id is None:
            raise BadInput("config.job_id: there is no such job", field="config.job_id")
        macros: dict[str, Any] = config.get("macros") or {}
        order = Order(
            job_id=job_id,
            project_id=effect.project_id,
            origin=f"{_PREFIX}:{effect.execution_id}:{effect.attempt}:{effect.step}",
            by=f"workflow:{effect.workflow_id}",
            input=_input(config.get("input")),
            macros=tuple(MacroDraft(name, str(value)) for name, value in macros.items()),
        )
        (answer,) = await batches.submit_runs(tx, self._context.jobs, [order], now=asked.now)
        if isinstance(answer, Refused):
            return JobEnded(effect.step, effect.attempt, "Refused", message=answer.reason)
        return answer


async def on_run_end(tx: Transaction, run: Run, *, bound: int) -> None:
    """Leaves word of the end of a run that an execution has begun. Locks nothing that others hold
    for long.
    """
    origin = (run.origin or "").split(":", 3)
    if origin[0] != _PREFIX:
        return
    key = EffectKey(UUID(origin[1]), origin[3], int(origin[2]))
    event = JobEnded(
        key.step,
        key.attempt,
        _outcome(run),
        result=run.result,
        message=_said(run),
        run_id=str(run.id),
    )
    await tell_outcome(tx, run.tenant_id, key, event, claim=None, bound=bound)


def _input(given: Any) -> dict[str, Any]:
    """What the run's function is called with: the keys of an object, anything else as `input`."""
    if given is None:
        return {}
    return given if isinstance(given, dict) else {"input": given}


def _outcome(run: Run) -> str:
    if run.state is RunState.FINISHED:
        return "Succeeded"
    if run.state is RunState.CANCELLED or run.stop_requested_at is not None:
        return "Cancelled"
    return "Timeout" if run.error_type == "Timeout" else "Failed"


def _said(run: Run) -> str:
    if run.state is RunState.FINISHED:
        return ""
    return ": ".join(part for part in (run.error_type, run.error) if part)
