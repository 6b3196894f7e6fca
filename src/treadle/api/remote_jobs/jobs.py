"""Remote jobs (contract §4): run a job, and see how its last execution went."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.idempotency import Once
from treadle.api.integration_manager.pages import InProject, Listing, listing
from treadle.api.remote_jobs.job_bodies import (
    RemoteJobBody,
    RemoteJobList,
    RunInput,
    Scheduled,
    job_body,
)
from treadle.core.errors import BadInput, Conflict
from treadle.core.ids import parse_number
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.jobs import definitions, runs
from treadle.jobs.definitions import JOB_SORTS
from treadle.jobs.runs import RunRequest

router: Final = APIRouter(route_class=EdgeRoute, tags=["Remote jobs"])

Reader = Annotated[Principal, needs_somewhere(Right.JOBS_READ)]
Runner = Annotated[Principal, needs_somewhere(Right.JOBS_RUN)]
JobId = Annotated[str, Path(alias="jobId", description="The id of the job.")]


@router.get("/api/v1/jobs", summary="List jobs remotely", operation_id="listRemoteJobs")
async def list_remote_jobs(
    caller: Reader,
    tx: Tx,
    listed: Annotated[Listing, listing(sorts=JOB_SORTS)],
    project: InProject = None,
) -> RemoteJobList:
    """The jobs of the projects that the caller sees, each with its last execution; `filter` looks
    in their names.
    """
    page = await definitions.list_jobs(
        tx,
        caller,
        listed.page,
        project=project,
        text=listed.text,
        sort=listed.sort,
        descending=listed.descending,
    )
    latest = await runs.latest_runs(tx, caller, page.items)
    return RemoteJobList.of(page, listed, [job_body(job, latest) for job in page.items])


@router.get("/api/v1/jobs/{jobId}", summary="Check a job's status", operation_id="getRemoteJob")
async def get_remote_job(job_id: JobId, caller: Reader, tx: Tx) -> RemoteJobBody:
    """One job. `lastExecution` is empty if it never ran: look at that before its `Status`."""
    job = await definitions.get_job(tx, caller, parse_number(job_id))
    return job_body(job, await runs.latest_runs(tx, caller, [job]))


@router.post(
    "/api/v1/jobs/{jobId}/run",
    summary="Run a job remotely",
    operation_id="runRemoteJob",
    status_code=202,
    response_model=Scheduled,
)
async def run_remote_job(
    job_id: JobId,
    caller: Runner,
    tx: Tx,
    base: Base,
    context: Context,
    once: Once,
    body: RunInput | None = None,
) -> Response:
    """Schedules the job to run now and answers at once. 409 if it cannot be run as it is."""

    async def work() -> Response:
        request = RunRequest(input=(body or RunInput()).input)
        try:
            run = await runs.submit_run(
                tx, context.jobs, caller, parse_number(job_id), request, now=context.clock()
            )
        except BadInput as error:
            # The request names no package: what is wrong is the job.
            raise Conflict(error.message.removeprefix(f"{error.field}: ")) from None
        answer = Scheduled(
            success=True,
            message="The job is scheduled to run.",
            job_id=str(run.job_id),
            execution_id=str(run.id),
        )
        return Response(
            answer.model_dump_json(by_alias=True),
            status_code=202,
            headers={"Location": f"{base}/api/jobs/{run.id}"},
            media_type="application/json",
        )

    return await once.once(work)
