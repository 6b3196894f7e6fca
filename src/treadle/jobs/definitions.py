"""Jobs: what can be run. Who may see one needs a role in its project; the others find nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.pages import Page, PageRequest
from treadle.core.sealing import Sealer
from treadle.db.transaction import Transaction
from treadle.identity import projects
from treadle.identity.model import Principal
from treadle.identity.rights import (
    EVERYTHING,
    MISSING,
    Reach,
    Right,
    require,
    require_somewhere,
    visible_projects,
)
from treadle.jobs import definition_store as store
from treadle.jobs import macro_store, macros, run_store
from treadle.jobs.model import Destination, Job, Place

LOG_LEVELS = ("SEVERE", "WARNING", "INFO", "DEBUG")
MAX_TAGS = 50
JOB_SORTS = store.JOB_SORTS
"""What a list of jobs can be sorted by."""


@dataclass(frozen=True, slots=True)
class JobDraft:
    """What a caller says of a job. None takes the default: project, destination."""

    name: str
    description: str = ""
    active: bool = True
    package_name: str | None = None
    entry_point: str | None = None
    log_level: str = "INFO"
    blocking: bool = False
    timeout_minutes: int = 0
    max_retries: int = 0
    retry_backoff_seconds: int = 60
    network: bool = False
    destination_id: int | None = None
    tags: tuple[str, ...] = ()
    macro_sets: tuple[str, ...] = ()
    project: str | None = None


async def create_job(tx: Transaction, caller: Principal, draft: JobDraft, *, now: datetime) -> Job:
    """The new job, in the project that the draft names or the caller's default one."""
    project_id = await _project(tx, caller, draft.project)
    require(caller, Right.JOBS_WRITE, project_id)
    row = await _row(tx, draft, project_id)
    return await store.insert_job(tx, row, by=caller.ref, now=now)


async def get_job(tx: Transaction, caller: Principal, job_id: int | None) -> Job:
    """The job, if the caller may see it."""
    return await _job(tx, caller, job_id, Right.JOBS_READ)


async def get_job_for(tx: Transaction, caller: Principal, job_id: int | None, right: Right) -> Job:
    """The job, if the caller has this right on it. Raises NotFound, Forbidden."""
    return await _job(tx, caller, job_id, right)


async def list_jobs(
    tx: Transaction,
    caller: Principal,
    page: PageRequest,
    *,
    text: str | None = None,
    active: bool | None = None,
    sort: str = "id",
    descending: bool = False,
) -> Page[Job]:
    """The jobs that the caller may see."""
    if sort not in JOB_SORTS:
        raise BadInput(f"sortby: one of {', '.join(sorted(JOB_SORTS))}", field="sortby")
    return await store.list_jobs(
        tx,
        page,
        project_ids=ids_of(require_somewhere(caller, Right.JOBS_READ)),
        text=text,
        active=active,
        sort=sort,
        descending=descending,
    )


async def replace_job(
    tx: Transaction, caller: Principal, job_id: int | None, draft: JobDraft, *, now: datetime
) -> Job:
    """The job with everything as the draft says. A draft without a project leaves it there."""
    job = await _job(tx, caller, job_id, Right.JOBS_WRITE)
    project_id = job.project_id
    if draft.project is not None:
        project_id = await _project(tx, caller, draft.project)
        require(caller, Right.JOBS_WRITE, project_id)
    row = await _row(tx, draft, project_id)
    updated = await store.update_job(tx, job.id, row, by=caller.ref, now=now)
    if updated is None:  # deleted by another caller since we looked
        raise NotFound(MISSING)
    return updated


async def clone_job(
    tx: Transaction,
    sealer: Sealer,
    caller: Principal,
    job_id: int | None,
    *,
    name: str | None,
    now: datetime,
) -> Job:
    """A new job like this one: same files, same macros (secure ones too, never shown)."""
    job = await _job(tx, caller, job_id, Right.JOBS_WRITE)
    draft = replace(draft_of(job), name=name or f"Copy of {job.name}"[:200])
    row = await _row(tx, draft, job.project_id)
    copy = await store.insert_job(tx, row, by=caller.ref, now=now)
    for file in await store.list_files(tx, job.id):
        await store.put_file(tx, replace(file, job_id=copy.id, last_modified=now))
    await macros.copy_macros(
        tx, sealer, caller, Place("job", str(job.id)), Place("job", str(copy.id)), now=now
    )
    return copy


async def delete_job(
    tx: Transaction, caller: Principal, job_id: int | None, *, now: datetime
) -> None:
    """The job is gone, its runs stay readable. Raises Conflict while one of them is open."""
    job = await _job(tx, caller, job_id, Right.JOBS_WRITE)
    await store.lock_job(tx, job.id)
    if await run_store.has_open_run(tx, job.id):
        raise Conflict("this job has runs that have not ended; stop them first")
    await macro_store.delete_macros(tx, Place("job", str(job.id)))
    await store.delete_job(tx, job.id, by=caller.ref, now=now)


def draft_of(job: Job) -> JobDraft:
    """The draft that would make this job again, in the same place."""
    return JobDraft(
        name=job.name,
        description=job.description,
        active=job.active,
        package_name=job.package_name,
        entry_point=job.entry_point,
        log_level=job.log_level,
        blocking=job.blocking,
        timeout_minutes=job.timeout_minutes,
        max_retries=job.max_retries,
        retry_backoff_seconds=job.retry_backoff_seconds,
        network=job.network,
        destination_id=job.destination_id,
        tags=tuple(job.tags),
        macro_sets=tuple(job.macro_sets),
    )


def ids_of(reach: Reach) -> frozenset[UUID] | None:
    """The project ids for a store's filter; None filters nothing."""
    return None if reach is EVERYTHING else reach


async def list_destinations(tx: Transaction) -> list[Destination]:
    """The pools of workers that a job can name."""
    return await store.list_destinations(tx)


async def _job(tx: Transaction, caller: Principal, job_id: int | None, right: Right) -> Job:
    job = None if job_id is None else await store.find_job(tx, job_id)
    if job is None:
        raise NotFound(MISSING)
    require(caller, right, job.project_id)
    return job


async def _project(tx: Transaction, caller: Principal, name_or_id: str | None) -> UUID:
    if name_or_id is None:
        return (await projects.default_project(tx, caller)).id
    project = await projects.find_project(tx, name_or_id)
    visible = visible_projects(caller)
    if project is None or (visible is not EVERYTHING and project.id not in visible):
        raise BadInput("project: there is no such project", field="project")
    return project.id


async def _row(tx: Transaction, draft: JobDraft, project_id: UUID) -> store.JobRow:
    """The draft's columns, once what they point to is known to be there."""
    if draft.log_level not in LOG_LEVELS:
        raise BadInput(
            f"runtimeConfig.logLevel: one of {', '.join(LOG_LEVELS)}",
            field="runtimeConfig.logLevel",
        )
    if len(draft.tags) > MAX_TAGS:
        raise BadInput(f"tags: at most {MAX_TAGS}", field="tags")
    missing = await macro_store.missing_sets(tx, draft.macro_sets)
    if missing:
        raise BadInput(f"macrosets: there is no macro set {missing[0]!r}", field="macrosets")
    destination_id = await _destination(tx, draft.destination_id)
    return store.JobRow(
        project_id=project_id,
        name=draft.name,
        description=draft.description,
        active=draft.active,
        package_name=draft.package_name,
        entry_point=draft.entry_point,
        log_level=draft.log_level,
        blocking=draft.blocking,
        timeout_minutes=draft.timeout_minutes,
        max_retries=draft.max_retries,
        retry_backoff_seconds=draft.retry_backoff_seconds,
        network=draft.network,
        destination_id=destination_id,
        tags=list(draft.tags),
        macro_sets=list(draft.macro_sets),
    )


async def _destination(tx: Transaction, wanted: int | None) -> int:
    if wanted is None:
        first = await store.first_destination(tx)
        if first is None:
            raise Conflict("this installation has no destination yet: start a worker")
        return first
    if await store.find_destination(tx, wanted) is None:
        raise BadInput("destinationId: there is no such destination", field="destinationId")
    return wanted
