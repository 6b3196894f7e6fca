"""Job configs (contract §3): what can be run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from treadle.api.bodies import EdgeRoute
from treadle.api.context import AppContext
from treadle.api.dependencies import Base, Context, Tx, needs_somewhere
from treadle.api.integration_manager.jobconfig_bodies import (
    JobConfigBody,
    JobConfigInput,
    JobConfigList,
    JobConfigPatch,
    Name,
    draft_of_input,
    job_body,
    patched_draft,
    sent_macros,
)
from treadle.api.integration_manager.pages import InProject, Listing, listing
from treadle.core.ids import parse_number
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.names import names_of
from treadle.identity.rights import Right
from treadle.jobs import definitions, macros
from treadle.jobs.definitions import JOB_SORTS
from treadle.jobs.macros import MacroDraft
from treadle.jobs.model import Job, Place
from treadle.schedules import of_jobs

router: Final = APIRouter(route_class=EdgeRoute, tags=["Job configs"])

Reader = Annotated[Principal, needs_somewhere(Right.JOBS_READ)]
Writer = Annotated[Principal, needs_somewhere(Right.JOBS_WRITE)]


@router.post(
    "/api/jobconfigs", summary="Create a job", operation_id="createJobConfig", status_code=201
)
async def create_job_config(
    body: JobConfigInput, response: Response, caller: Writer, tx: Tx, base: Base, context: Context
) -> JobConfigBody:
    """Makes a definition that can be run once it has a package."""
    now = context.clock()
    job = await definitions.create_job(tx, caller, draft_of_input(body), now=now)
    await _replace_macros(tx, context, caller, job, sent_macros(body))
    created = await job_answer(tx, job, base)
    response.headers["Location"] = created.href
    return created


@router.get("/api/jobconfigs", summary="List jobs", operation_id="listJobConfigs")
async def list_job_configs(
    caller: Reader,
    tx: Tx,
    base: Base,
    listed: Annotated[Listing, listing(sorts=JOB_SORTS)],
    active: Annotated[bool | None, Query(description="Only (in)active ones.")] = None,
    project: InProject = None,
) -> JobConfigList:
    """The jobs of the projects that the caller sees; `filter` looks in their names.

    Up to 10,000 are counted. Where there are more, `totalRecords` is at least their number, and
    `links.next` leads on.
    """
    page = await definitions.list_jobs(
        tx,
        caller,
        listed.page,
        project=project,
        text=listed.text,
        active=active,
        sort=listed.sort,
        descending=listed.descending,
    )
    return JobConfigList.of(page, listed, await job_answers(tx, page.items, base))


@router.get("/api/jobconfigs/{id}", summary="Get a job", operation_id="getJobConfig")
async def get_job_config(id: str, caller: Reader, tx: Tx, base: Base) -> JobConfigBody:  # noqa: A002
    """One job."""
    return await job_answer(tx, await definitions.get_job(tx, caller, parse_number(id)), base)


@router.put("/api/jobconfigs/{id}", summary="Replace a job", operation_id="replaceJobConfig")
async def replace_job_config(
    id: str,  # noqa: A002
    body: JobConfigInput,
    caller: Writer,
    tx: Tx,
    base: Base,
    context: Context,
) -> JobConfigBody:
    """Sets everything; what is left out gets its default. JSON, whatever its Content-Type says.

    409 for another project while schedules run the job.
    """
    draft = draft_of_input(body)
    job = await definitions.replace_job(tx, caller, parse_number(id), draft, now=context.clock())
    await of_jobs.refuse_stray(tx, job)
    await _replace_macros(tx, context, caller, job, sent_macros(body))
    return await job_answer(tx, job, base)


@router.patch("/api/jobconfigs/{id}", summary="Change a job", operation_id="updateJobConfig")
async def update_job_config(
    id: str,  # noqa: A002
    body: JobConfigPatch,
    caller: Writer,
    tx: Tx,
    base: Base,
    context: Context,
) -> JobConfigBody:
    """Sets what is sent and leaves the rest.

    409 for another project while schedules run the job.
    """
    job = await definitions.change_job(
        tx, caller, parse_number(id), lambda draft: patched_draft(draft, body), now=context.clock()
    )
    await of_jobs.refuse_stray(tx, job)
    await _replace_macros(tx, context, caller, job, sent_macros(body))
    return await job_answer(tx, job, base)


@router.delete(
    "/api/jobconfigs/{id}", summary="Delete a job", operation_id="deleteJobConfig", status_code=204
)
async def delete_job_config(id: str, caller: Writer, tx: Tx, context: Context) -> None:  # noqa: A002
    """The job is gone, with its files, macros and schedules; its runs stay readable.

    409 while a run is open, or a schedule of `/v1/schedules` runs the job.
    """
    await of_jobs.delete_job(tx, context.schedules, caller, parse_number(id), now=context.clock())


@router.post(
    "/api/jobconfigs/{id}/clone",
    summary="Copy a job",
    operation_id="cloneJobConfig",
    status_code=201,
)
async def clone_job_config(
    id: str,  # noqa: A002
    response: Response,
    caller: Writer,
    tx: Tx,
    base: Base,
    context: Context,
    name: Annotated[Name | None, Query(description="Of the copy; none: `Copy of …`.")] = None,
) -> JobConfigBody:
    """A new job with the same settings, files and macros, secure ones too. Schedules stay with the
    old one: two jobs at the same times are hardly what a copy is made for.
    """
    copy = await definitions.clone_job(
        tx, context.jobs.sealer, caller, parse_number(id), name=name, now=context.clock()
    )
    created = await job_answer(tx, copy, base)
    response.headers["Location"] = created.href
    return created


async def job_answer(tx: Transaction, job: Job, base: str) -> JobConfigBody:
    """The job on the wire."""
    return (await job_answers(tx, [job], base))[0]


async def job_answers(tx: Transaction, jobs: Sequence[Job], base: str) -> list[JobConfigBody]:
    """Jobs on the wire, with two queries for all of them."""
    refs = {ref for job in jobs for ref in (job.created_by, job.last_modified_by)}
    actors = await names_of(tx, refs)
    places = [Place("job", str(job.id)) for job in jobs]
    of_jobs = await macros.list_of_places(tx, places)
    return [
        job_body(job, of_jobs[place], actors, base) for job, place in zip(jobs, places, strict=True)
    ]


async def _replace_macros(
    tx: Transaction,
    context: AppContext,
    caller: Principal,
    job: Job,
    drafts: list[MacroDraft] | None,
) -> None:
    if drafts is not None:
        place = Place("job", str(job.id))
        await macros.replace_macros(
            tx, context.jobs.sealer, caller, place, drafts, now=context.clock()
        )
