"""Jobs: what can be run. Who may see one needs a role in its project; the others find nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.ids import parse_id
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
    projects_among,
    require,
    require_found,
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
    row = await _new_row(tx, caller, draft)
    return await store.insert_job(tx, row, by=caller.ref, now=now)


async def check_new_job(tx: Transaction, caller: Principal, draft: JobDraft) -> None:
    """Returns if `create_job` would make it; raises what that would raise."""
    await _new_row(tx, caller, draft)


async def project_to_write(tx: Transaction, caller: Principal, name_or_id: str | None) -> UUID:
    """Where a new job goes of which this is said. Raises BadInput, NotFound, Forbidden."""
    project_id = await chosen_project(tx, caller, name_or_id)
    require(caller, Right.JOBS_WRITE, project_id)
    return project_id


async def chosen_project(tx: Transaction, caller: Principal, name_or_id: str | None) -> UUID:
    """The project that is meant, None: the caller's default one. It is not deleted while the
    transaction lasts. Raises BadInput where there is none such that the caller sees.
    """
    if name_or_id is None:
        project = await projects.default_project(tx, caller)
    else:
        project = await projects.find_project(tx, name_or_id)
    visible = visible_projects(caller)
    if (
        project is None
        or (visible is not EVERYTHING and project.id not in visible)
        or not await projects.hold_project(tx, project.id)
    ):
        raise BadInput("project: there is no such project", field="project")
    return project.id


async def get_job(tx: Transaction, caller: Principal, job_id: int | None) -> Job:
    """The job, if the caller may see it."""
    return await _job(tx, caller, job_id, Right.JOBS_READ)


async def get_job_for(tx: Transaction, caller: Principal, job_id: int | None, right: Right) -> Job:
    """The job, if the caller has this right on it. Raises NotFound, Forbidden."""
    return await _job(tx, caller, job_id, right)


async def hold_job_for(tx: Transaction, caller: Principal, job_id: int | None, right: Right) -> Job:
    """As `get_job_for`; until the transaction ends the job is neither deleted nor moved to another
    project. Others hold it at the same time.
    """
    held = [] if job_id is None else await store.hold_jobs(tx, [job_id])
    if not held:
        raise NotFound(MISSING)
    require(caller, right, held[0].project_id)
    return held[0]


async def list_jobs(
    tx: Transaction,
    caller: Principal,
    page: PageRequest,
    *,
    project: str | None = None,
    text: str | None = None,
    active: bool | None = None,
    sort: str = "id",
    descending: bool = False,
) -> Page[Job]:
    """The jobs that the caller may see, in all projects or in the one of this id."""
    if sort not in JOB_SORTS:
        raise BadInput(f"sortby: one of {', '.join(sorted(JOB_SORTS))}", field="sortby")
    return await store.list_jobs(
        tx,
        page,
        project_ids=ids_of(require_somewhere(caller, Right.JOBS_READ), project),
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
        project_id = await chosen_project(tx, caller, draft.project)
        require(caller, Right.JOBS_WRITE, project_id)
    if project_id != job.project_id:
        await store.lock_job(tx, job.id)  # who holds it relies on its project
    row = await _row(tx, draft, project_id)
    updated = await store.update_job(tx, job.id, row, by=caller.ref, now=now)
    if updated is None:  # deleted by another caller since we looked
        raise NotFound(MISSING)
    return updated


async def change_job(
    tx: Transaction,
    caller: Principal,
    job_id: int | None,
    change: Callable[[JobDraft], JobDraft],
    *,
    now: datetime,
) -> Job:
    """The job as `change` makes it of what it is. Callers who change different things at the same
    time all get theirs: each sees what the others made of it.
    """
    seen = await _job(tx, caller, job_id, Right.JOBS_WRITE)
    job = await store.find_job(tx, seen.id, lock=True)
    if job is None:
        raise NotFound(MISSING)
    return await replace_job(tx, caller, job.id, change(draft_of(job)), now=now)


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
    await store.copy_files(tx, job.id, to=copy.id, now=now)
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
    await macros.delete_all(tx, caller, Place("job", str(job.id)), now=now)
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


def ids_of(reach: Reach, project: str | None = None) -> frozenset[UUID] | None:
    """The project ids for a store's filter; None filters nothing. With the id of a project only
    that one, if the reach has it; an id that is none finds nothing.
    """
    if project is None:
        return projects_among(reach)
    project_id = parse_id(project)
    return frozenset() if project_id is None else projects_among(reach, project_id)


async def list_destinations(tx: Transaction) -> list[Destination]:
    """The pools of workers that a job can name."""
    return await store.list_destinations(tx)


async def get_destination(tx: Transaction, destination_id: int | None) -> Destination:
    """One of them. Raises NotFound."""
    found = None if destination_id is None else await store.find_destination(tx, destination_id)
    if found is None:
        raise NotFound(MISSING)
    return found


async def _job(tx: Transaction, caller: Principal, job_id: int | None, right: Right) -> Job:
    job = None if job_id is None else await store.find_job(tx, job_id)
    return require_found(caller, right, job)


async def _new_row(tx: Transaction, caller: Principal, draft: JobDraft) -> store.JobRow:
    return await _row(tx, draft, await project_to_write(tx, caller, draft.project))


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
