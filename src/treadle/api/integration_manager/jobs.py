"""Runs (contract §3): start, watch, stop, repeat. The integration manager calls a run a job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.idempotency import Once
from treadle.api.integration_manager.instants import read_instant
from treadle.api.integration_manager.pages import InProject, Listing, listing
from treadle.api.integration_manager.run_bodies import (
    NEW_RUN_EXAMPLE,
    RunBody,
    RunInput,
    RunList,
    StatisticsBody,
    refs_of,
    run_body,
    statistics_body,
)
from treadle.core.errors import BadInput
from treadle.core.ids import parse_id, parse_number
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.names import names_of
from treadle.identity.rights import Right
from treadle.jobs import runs
from treadle.jobs.model import RunFilter, RunState, RunSummary

router: Final = APIRouter(route_class=EdgeRoute, tags=["Jobs"])

Runner = Annotated[Principal, needs_somewhere(Right.JOBS_RUN)]
Historian = Annotated[Principal, needs_somewhere(Right.HISTORY_READ)]
RUN_SORTS: Final = frozenset({"scheduled"})
ISO: Final = "A date or date-time as of ISO-8601; a date alone is the whole day, of UTC."


@router.post(
    "/api/jobconfigs/{id}/jobs",
    summary="Run a job",
    operation_id="runJobConfig",
    status_code=202,
    response_model=RunBody,
    openapi_extra={
        "responses": {"202": {"content": {"application/json": {"example": NEW_RUN_EXAMPLE}}}}
    },
)
async def run_job_config(
    id: str,  # noqa: A002
    caller: Runner,
    tx: Tx,
    base: Base,
    context: Context,
    once: Once,
    body: RunInput | None = None,
) -> Response:
    """Queues a run and answers at once. 409 if the job is not active."""

    async def work() -> Response:
        request = (body or RunInput()).request()
        run = await runs.submit_run(
            tx, context.jobs, caller, parse_number(id), request, now=context.clock()
        )
        return await _accepted(tx, run, base)

    return await once.once(work)


@router.post(
    "/api/jobs/{id}/retry",
    summary="Repeat a run",
    operation_id="retryJob",
    status_code=202,
    response_model=RunBody,
)
async def retry_job(
    id: str,  # noqa: A002
    caller: Runner,
    tx: Tx,
    base: Base,
    context: Context,
    once: Once,
) -> Response:
    """A new run with the same package, input and macros as one that has ended."""

    async def work() -> Response:
        run = await runs.retry_run(tx, context.jobs, caller, parse_id(id), now=context.clock())
        return await _accepted(tx, run, base)

    return await once.once(work)


@router.get("/api/jobs", summary="List runs", operation_id="listJobs")
async def list_jobs(
    caller: Historian,
    tx: Tx,
    base: Base,
    listed: Annotated[Listing, listing(sorts=RUN_SORTS, default="scheduled", direction="desc")],
    state: Annotated[list[str] | None, Query(description="One or more, or with commas.")] = None,
    jobconfigid: Annotated[str | None, Query(description="Runs of this job.")] = None,
    userid: Annotated[str | None, Query(description="Runs that this user submitted.")] = None,
    startdate: Annotated[str | None, Query(description=f"Scheduled then or later. {ISO}")] = None,
    enddate: Annotated[str | None, Query(description=f"Scheduled before. {ISO}")] = None,
    project: InProject = None,
) -> RunList:
    """The runs that the caller may see, the newest first; `filter` looks in their jobs' names.

    Up to 10,000 are counted. Where there are more, `totalRecords` is at least their number, and
    `links.next` leads on.
    """
    wanted = RunFilter(
        states=_states(state),
        job_id=None if jobconfigid is None else _number(jobconfigid),
        submitted_by=None if userid is None else f"user:{userid}",
        since=read_instant(startdate, field="startdate"),
        until=read_instant(enddate, field="enddate", is_end=True),
        text=listed.text,
    )
    page = await runs.list_runs(
        tx, caller, listed.page, wanted, project=project, descending=listed.descending
    )
    return RunList.of(page, listed, await _bodies(tx, page.items, base))


@router.get("/api/jobs/{id}", summary="Get a run", operation_id="getJob")
async def get_job(id: str, caller: Historian, tx: Tx, base: Base) -> RunBody:  # noqa: A002
    """One run, with its attempts."""
    run = await runs.get_run(tx, caller, parse_id(id))
    attempts = await runs.list_attempts(tx, run)
    return run_body(run, await names_of(tx, refs_of(run)), base, attempts)


@router.delete("/api/jobs/{id}", summary="Stop a run", operation_id="stopJob", status_code=202)
async def stop_job(id: str, caller: Runner, tx: Tx, base: Base, context: Context) -> RunBody:  # noqa: A002
    """Cancels a run that no worker has, stops one that runs. 409 if it has ended."""
    run = await runs.stop_run(tx, context.jobs, caller, parse_id(id), now=context.clock())
    return (await _bodies(tx, [run], base))[0]


@router.get("/api/jobstats", summary="Count runs", operation_id="getJobStatistics")
async def get_statistics(
    caller: Historian, tx: Tx, context: Context, project: InProject = None
) -> StatisticsBody:
    """Runs by state: those that are open, and those of the last 24 hours."""
    counts = await runs.count_runs(tx, caller, project=project, now=context.clock())
    return statistics_body(counts)


async def _accepted(tx: Transaction, run: RunSummary, base: str) -> Response:
    body = (await _bodies(tx, [run], base))[0]
    return Response(
        body.model_dump_json(by_alias=True),
        status_code=202,
        headers={"Location": body.href},
        media_type="application/json",
    )


async def _bodies(tx: Transaction, found: Sequence[RunSummary], base: str) -> list[RunBody]:
    actors = await names_of(tx, {ref for run in found for ref in refs_of(run)})
    return [run_body(run, actors, base) for run in found]


def _states(given: list[str] | None) -> list[str] | None:
    if given is None:
        return None
    states = [word.strip().upper() for text in given for word in text.split(",") if word.strip()]
    for state in states:
        if state not in RunState.__members__:
            raise BadInput(f"state: must be of {', '.join(RunState)}", field="state")
    return states or None


def _number(text: str) -> int:
    """The job's id; 0, which no job has, where none can be meant."""
    return parse_number(text) or 0
