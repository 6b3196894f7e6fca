"""Jobs and their last executions on the wire of remote jobs."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from treadle.api.integration_manager.pages import ListBody
from treadle.api.wire import Camel, camel_case
from treadle.core.clock import iso_or_none
from treadle.jobs.model import Job, RunState, RunSummary

_EXECUTION: Final = "0199f3c1-6504-7b1c-9d52-48dcab1e0f3a"
_EXECUTION_EXAMPLE: Final = {
    "Id": _EXECUTION,
    "Status": "Succeeded",
    "StartedOn": "2026-11-21T09:00:00.300Z",
    "FinishedOn": "2026-11-21T09:00:02.300Z",
    "Message": "",
}
_JOB_EXAMPLE: Final[dict[str, Any]] = {
    "id": "44",
    "name": "Nightly report",
    "description": "What was sold yesterday",
    "active": True,
    "project": "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11",
    "lastExecution": _EXECUTION_EXAMPLE,
}
_STATUSES: Final = {
    RunState.QUEUED: "Queued",
    RunState.WAITING: "Queued",
    RunState.INITIALIZING: "InProgress",
    RunState.RUNNING: "InProgress",
    RunState.FINISHED: "Succeeded",
    RunState.ERROR: "Failed",
    RunState.FAILED: "Failed",
    RunState.CANCELLED: "Cancelled",
}


class RunInput(BaseModel):
    """What a job is started with; the body may be left out."""

    # A field that is not known here may be an input that was meant to be in `input`.
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"input": {"country": "AU"}}]}
    )

    input: dict[str, Any] = Field(
        default={}, description="Keyword arguments of the function, or its `context.input`."
    )


class Scheduled(Camel):
    """The job was scheduled to run; it has not run yet."""

    model_config = camel_case(
        example={
            "success": True,
            "message": "The job is scheduled to run.",
            "jobId": "44",
            "executionId": _EXECUTION,
        }
    )

    success: bool
    message: str
    job_id: str
    execution_id: str


class Execution(BaseModel):
    """How far the last execution of a job is, or how it ended."""

    model_config = ConfigDict(alias_generator=to_pascal, validate_by_name=True)

    id: str
    status: str = Field(description="Queued, InProgress, Succeeded, Failed or Cancelled.")
    started_on: str | None = Field(description="The last try's code began; null before.")
    finished_on: str | None = Field(description="Null before it has ended.")
    message: str = Field(description="Why it did not succeed; empty otherwise.")


class NoExecution(BaseModel):
    """The job has never run."""


class RemoteJobBody(Camel):
    """A job, and its last execution."""

    model_config = camel_case(example=_JOB_EXAMPLE)

    id: str
    name: str
    description: str
    active: bool = Field(description="Only an active job can be run.")
    project: str = Field(description="Id of the project.")
    last_execution: Execution | NoExecution | None = Field(
        None,
        exclude_if=lambda value: value is None,
        description="Empty if the job has never run. Left out for callers who may not read the "
        "history of runs.",
    )


class RemoteJobList(ListBody[RemoteJobBody]):
    """One page of jobs."""

    model_config = camel_case(
        example={
            "totalRecords": 1,
            "totalPages": 1,
            "size": 25,
            "pageNumber": 0,
            "items": [_JOB_EXAMPLE],
            "links": {"prev": None, "next": None},
        }
    )


def job_body(job: Job, latest: dict[int, RunSummary | None]) -> RemoteJobBody:
    """The job on the wire. `latest` has the newest run of each job whose history may be read."""
    execution = None
    if job.id in latest:
        run = latest[job.id]
        execution = NoExecution() if run is None else _execution(run)
    return RemoteJobBody(
        id=str(job.id),
        name=job.name,
        description=job.description,
        active=job.active,
        project=str(job.project_id),
        last_execution=execution,
    )


def _execution(run: RunSummary) -> Execution:
    return Execution(
        id=str(run.id),
        status=_STATUSES[run.state],
        started_on=iso_or_none(run.started_at),
        finished_on=iso_or_none(run.finished_at),
        message=": ".join(part for part in (run.error_type, run.error) if part),
    )
