"""How a firing hears that what it started is over."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from treadle.core.json import Json, dump
from treadle.db.transaction import Transaction
from treadle.engine.live import publish
from treadle.jobs.model import Run, RunState
from treadle.schedules import firing_store
from treadle.schedules.decisions import EndStatus
from treadle.schedules.model import AttemptEnd, FiringRow
from treadle.workflows.execution_model import ExecutionSummary, Status

DUE_TOPIC: Final = "schedules/due"
"""Hints that a schedule may have something to decide sooner than was known."""
_PREFIX: Final = "firing"
_MOST_RESULT_BYTES: Final = 16_384
"""Larger results stay with what was started; the firing says where that is."""


def origin_of(firing: FiringRow) -> str:
    """What a run is marked with that this attempt of a firing starts."""
    return f"{_PREFIX}:{firing.schedule_id}:{firing.id}:{firing.attempt}"


async def on_run_end(tx: Transaction, run: Run) -> None:
    """Leaves word of the end of a run that a firing has started. Locks nothing."""
    started_by = _started_by(run.origin)
    if started_by is None:
        return
    schedule_id, firing_id, attempt = started_by
    end = AttemptEnd(
        schedule_id=schedule_id,
        firing_id=firing_id,
        attempt=attempt,
        status=_status(run),
        error=_error(run),
        result=_small(run.result),
        final=False,
        ended_at=run.finished_at or run.scheduled_at,
    )
    await leave_word(tx, [end])


async def on_execution_end(tx: Transaction, execution: ExecutionSummary) -> None:
    """Leaves word of the end of an execution that a firing has started. Locks nothing."""
    started_by = _started_by(execution.origin)
    if started_by is None:
        return
    schedule_id, firing_id, attempt = started_by
    end = AttemptEnd(
        schedule_id=schedule_id,
        firing_id=firing_id,
        attempt=attempt,
        status=_EXECUTION_ENDS.get(execution.status, EndStatus.FAILED),
        error=_execution_error(execution),
        result=None,
        final=False,
        ended_at=execution.finished_at or execution.modified_at,
    )
    await leave_word(tx, [end])


_EXECUTION_ENDS: Final = {
    Status.COMPLETED: EndStatus.SUCCEEDED,
    Status.TERMINATED: EndStatus.CANCELLED,
}


def _execution_error(execution: ExecutionSummary) -> str:
    if execution.status is Status.COMPLETED:
        return ""
    parts = [part for part in (execution.error_name, execution.error_message) if part]
    return ": ".join(parts) or f"the execution ended as {execution.status}"


def _started_by(origin: str | None) -> tuple[UUID, UUID, int] | None:
    """Schedule, firing and attempt that an origin names."""
    parts = (origin or "").split(":")
    if parts[0] != _PREFIX:
        return None
    _, schedule_id, firing_id, attempt = parts
    return UUID(schedule_id), UUID(firing_id), int(attempt)


async def leave_word(tx: Transaction, ends: list[AttemptEnd]) -> None:
    """The schedules note these ends with their next tick, which comes at once."""
    if ends:
        await firing_store.insert_ends(tx, ends)
        await publish(tx, DUE_TOPIC, "end")


def _status(run: Run) -> EndStatus:
    if run.state is RunState.FINISHED:
        return EndStatus.SUCCEEDED
    if run.state is RunState.CANCELLED or run.stop_requested_at is not None:
        return EndStatus.CANCELLED
    return EndStatus.FAILED


def _error(run: Run) -> str:
    if run.state is RunState.FINISHED:
        return ""
    parts = [part for part in (run.error_type, run.error) if part]
    return ": ".join(parts) or f"the run ended as {run.state}"


def _small(result: Json) -> Json:
    return result if len(dump(result)) <= _MOST_RESULT_BYTES else None
