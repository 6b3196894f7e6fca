"""Runs on the wire; the integration manager calls them jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import quote

from pydantic import Field

from treadle.api.integration_manager.actors import ACTOR_EXAMPLE, ActorBody, actor_body
from treadle.api.integration_manager.jobconfig_bodies import MAX_SETS, LogLevel, MacroInput, Tag
from treadle.api.integration_manager.pages import ListBody
from treadle.api.wire import Camel, camel_case
from treadle.core.clock import iso, iso_or_none
from treadle.core.json import Json
from treadle.identity.model import Actor
from treadle.jobs.model import Attempt, Run, RunCounts, RunFile, RunSummary
from treadle.jobs.runs import RunRequest

_RUN_ID: Final = "0199f3c1-6504-7b1c-9d52-48dcab1e0f3a"
_HREF: Final = f"https://treadle.example/api/jobs/{_RUN_ID}"
_JOB_EXAMPLE: Final = {
    "id": "44",
    "name": "sample config",
    "href": "https://treadle.example/api/jobconfigs/44",
}
NEW_RUN_EXAMPLE: Final[dict[str, Any]] = {
    "href": _HREF,
    "id": _RUN_ID,
    "scheduled": "2026-11-21T09:00:00.000Z",
    "status": "QUEUED",
    "finalDestinationId": "1",
    "jobConfig": _JOB_EXAMPLE,
    "submittedByUser": ACTOR_EXAMPLE,
    "packageName": "samplePackage.djar",
    "entryPoint": "integrateXYZ.process",
    "attempt": 0,
    "tags": [],
    "jobLog": {"href": f"{_HREF}/log"},
}
RUN_EXAMPLE: Final[dict[str, Any]] = {
    **NEW_RUN_EXAMPLE,
    "status": "FINISHED",
    "received": "2026-11-21T09:00:00.100Z",
    "started": "2026-11-21T09:00:00.300Z",
    "finished": "2026-11-21T09:00:02.300Z",
    "duration": 2000,
    "attempt": 1,
    "returnCode": 0,
    "attempts": [
        {
            "attempt": 1,
            "received": "2026-11-21T09:00:00.100Z",
            "started": "2026-11-21T09:00:00.300Z",
            "finished": "2026-11-21T09:00:02.300Z",
            "outcome": "finished",
            "returnCode": 0,
        }
    ],
}


def _is_none(value: object) -> bool:
    return value is None


class RunRuntimeInput(Camel):
    """What this run takes instead of what the job says."""

    package_name: str | None = Field(default=None, max_length=255)
    entry_point: str | None = Field(default=None, max_length=500)
    log_level: LogLevel | None = None
    macros: Annotated[list[MacroInput], Field(max_length=200)] = []


class RunInput(Camel):
    """How to start a run; everything may be left out."""

    model_config = camel_case(example={"input": {"country": "AU"}, "macros": []})

    input: dict[str, Any] = Field(
        default={}, description="Keyword arguments of the function, or its `context.input`."
    )
    runtime_config: RunRuntimeInput | None = None
    macros: Annotated[list[MacroInput], Field(max_length=200)] = []
    macrosets: Annotated[list[Tag], Field(max_length=MAX_SETS)] = []
    tags: Annotated[list[Tag], Field(max_length=50)] = []

    def request(self) -> RunRequest:
        """What the service takes."""
        runtime = self.runtime_config or RunRuntimeInput()
        drafts = [macro.draft() for macro in [*runtime.macros, *self.macros]]
        return RunRequest(
            input=self.input,
            package_name=runtime.package_name or None,
            entry_point=runtime.entry_point or None,
            log_level=runtime.log_level,
            macros=tuple({draft.name: draft for draft in drafts}.values()),  # later wins
            macro_sets=tuple(self.macrosets),
            tags=tuple(self.tags),
        )


class JobReference(Camel):
    """The job that a run is of."""

    id: str
    name: str
    href: str


class LogReference(Camel):
    """Where the log is."""

    href: str


class AttemptBody(Camel):
    """One try of a run."""

    attempt: int
    received: str
    started: str | None = Field(None, exclude_if=_is_none)
    finished: str | None = Field(None, exclude_if=_is_none)
    outcome: str | None = Field(
        None,
        exclude_if=_is_none,
        description="finished, error, failed, stopped, lost or handed_back.",
    )
    error_type: str | None = Field(None, exclude_if=_is_none)
    error: str | None = Field(None, exclude_if=_is_none)
    return_code: int | None = Field(None, exclude_if=_is_none)


class RunBody(Camel):
    """A run. Fields that say nothing yet are left out."""

    model_config = camel_case(example=RUN_EXAMPLE)

    href: str
    id: str
    scheduled: str
    status: str = Field(
        description="QUEUED, WAITING, INITIALIZING, RUNNING; FINISHED, ERROR, FAILED, CANCELLED."
    )
    final_destination_id: str
    job_config: JobReference
    submitted_by_user: ActorBody
    package_name: str
    entry_point: str
    attempt: int = Field(description="Tries that began.")
    tags: list[str]
    job_log: LogReference
    received: str | None = Field(None, exclude_if=_is_none, description="A worker had it first.")
    started: str | None = Field(None, exclude_if=_is_none, description="The last try's code began.")
    finished: str | None = Field(None, exclude_if=_is_none)
    duration: int | None = Field(None, exclude_if=_is_none, description="Milliseconds.")
    next_attempt: str | None = Field(
        None, exclude_if=_is_none, description="When it is tried again."
    )
    return_code: int | None = Field(None, exclude_if=_is_none)
    error_type: str | None = Field(None, exclude_if=_is_none)
    error: str | None = Field(None, exclude_if=_is_none)
    stopped_by_user: ActorBody | None = Field(None, exclude_if=_is_none)
    retry_of: str | None = Field(None, exclude_if=_is_none, description="The run it repeats.")
    attempts: list[AttemptBody] | None = Field(None, exclude_if=_is_none)


class RunList(ListBody[RunBody]):
    """One page of runs."""

    model_config = camel_case(
        example={
            "totalRecords": 1,
            "totalPages": 1,
            "size": 25,
            "pageNumber": 0,
            "items": [RUN_EXAMPLE],
            "links": {"prev": None, "next": None},
        }
    )


class OutputFileBody(Camel):
    """A file that the run left in its output folder."""

    model_config = camel_case(
        example={"name": "report.md", "href": f"{_HREF}/out/files/report.md", "size": 812}
    )

    name: str
    href: str
    size: int = Field(description="Bytes.")


class OutputBody(Camel):
    """What a run left: what its function returned, and its files."""

    model_config = camel_case(
        example={
            "result": {"airports": 614},
            "files": [{"name": "report.md", "href": f"{_HREF}/out/files/report.md", "size": 812}],
        }
    )

    result: Json
    files: list[OutputFileBody]


class StatisticsBody(Camel):
    """Runs by state: the open ones, and those scheduled within the window."""

    model_config = camel_case(
        example={
            "queued": 2,
            "waiting": 0,
            "initializing": 1,
            "running": 3,
            "finished": 120,
            "error": 2,
            "failed": 1,
            "cancelled": 0,
            "totalJobs": 129,
            "totalDuration": 86400,
            "window": "24h",
        }
    )

    queued: int
    waiting: int
    initializing: int
    running: int
    finished: int
    error: int
    failed: int
    cancelled: int
    total_jobs: int
    total_duration: int = Field(description="Milliseconds that ended runs took.")
    window: str


def refs_of(run: RunSummary) -> set[str]:
    """The principals that the run names."""
    return {run.submitted_by, *([run.stop_requested_by] if run.stop_requested_by else [])}


def run_body(
    run: RunSummary, actors: dict[str, Actor], base: str, attempts: list[Attempt] | None = None
) -> RunBody:
    """The run on the wire. `actors` holds whoever the run names."""
    href = f"{base}/api/jobs/{run.id}"
    stopper = run.stop_requested_by
    return RunBody(
        href=href,
        id=str(run.id),
        scheduled=iso(run.scheduled_at),
        status=run.state.value,
        final_destination_id=str(run.destination_id),
        job_config=JobReference(
            id=str(run.job_id), name=run.job_name, href=f"{base}/api/jobconfigs/{run.job_id}"
        ),
        submitted_by_user=actor_body(actors[run.submitted_by], base),
        package_name=run.package["key"],
        entry_point=run.package["entry_point"],
        attempt=run.attempt,
        tags=run.tags,
        job_log=LogReference(href=f"{href}/log"),
        received=iso_or_none(run.received_at),
        started=iso_or_none(run.started_at),
        finished=iso_or_none(run.finished_at),
        duration=_milliseconds(run.started_at, run.finished_at),
        next_attempt=iso_or_none(run.not_before),
        return_code=run.return_code,
        error_type=run.error_type,
        error=run.error,
        stopped_by_user=actor_body(actors[stopper], base) if stopper else None,
        retry_of=None if run.retry_of is None else str(run.retry_of),
        attempts=None if attempts is None else [_attempt_body(attempt) for attempt in attempts],
    )


def output_file_body(run: Run, file: RunFile, base: str) -> OutputFileBody:
    """The file on the wire."""
    href = f"{base}/api/jobs/{run.id}/out/files/{quote(file.path)}"
    return OutputFileBody(name=file.path, href=href, size=file.size)


def statistics_body(counts: RunCounts) -> StatisticsBody:
    """The counts on the wire."""
    states = counts.states
    return StatisticsBody(
        queued=states.get("QUEUED", 0),
        waiting=states.get("WAITING", 0),
        initializing=states.get("INITIALIZING", 0),
        running=states.get("RUNNING", 0),
        finished=states.get("FINISHED", 0),
        error=states.get("ERROR", 0),
        failed=states.get("FAILED", 0),
        cancelled=states.get("CANCELLED", 0),
        total_jobs=sum(states.values()),
        total_duration=round(counts.duration_seconds * 1000),
        window="24h",
    )


def _attempt_body(attempt: Attempt) -> AttemptBody:
    return AttemptBody(
        attempt=attempt.attempt,
        received=iso(attempt.received_at),
        started=iso_or_none(attempt.started_at),
        finished=iso_or_none(attempt.finished_at),
        outcome=attempt.outcome,
        error_type=attempt.error_type,
        error=attempt.error,
        return_code=attempt.return_code,
    )


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return round((end - start).total_seconds() * 1000)
