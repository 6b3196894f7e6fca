"""Files of a job: uploaded once, checked before anything is kept, stored by their content.

An object in the storage is named by the SHA-256 of what it holds, a tenant at a time. Its row in
`stored_packages` is committed before the object is put, and the pruner leaves alone what was held
in the last day (`treadle.jobs.prune`): they never disagree about whether it is there, and no
transaction is open while the storage works.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity.model import Principal
from treadle.identity.rights import MISSING, Right
from treadle.jobs import definition_store as store
from treadle.jobs import definitions
from treadle.jobs.context import JobsContext
from treadle.jobs.model import FileSummary, Job, JobFile, Run, RunFile
from treadle.packages.archives import PackageInfo, inspect_package

MAX_FILES: Final = 100
"""Of one job."""
_LISTED_ENTRY_POINTS = 1_000  # a package with more lists only so many; then none is refused here


def content_key(tenant_id: UUID, sha256: bytes) -> str:
    """Where the content of an upload is stored."""
    return f"tenants/{tenant_id}/packages/{sha256.hex()}"


def output_prefix(tenant_id: UUID, run_id: UUID) -> str:
    """Below this stands what a run's attempts left."""
    return f"tenants/{tenant_id}/runs/{run_id}"


def output_key(tenant_id: UUID, run_id: UUID, *, attempt: int, number: int) -> str:
    """Where the n-th output file of an attempt is stored. Its path is in the database alone: what
    code may name a file is more than what every storage takes for a key.
    """
    return f"{output_prefix(tenant_id, run_id)}/{attempt}/{number}"


@dataclass(frozen=True, slots=True)
class CheckedUpload:
    """A file that has passed every check and waits to be kept."""

    path: Path
    info: PackageInfo


async def check_upload(context: JobsContext, path: Path, key: str) -> CheckedUpload:
    """Looks at the whole file. Raises TooLarge, and BadInput with the reason for a refusal."""
    info = await asyncio.to_thread(inspect_package, path, key, context.archive_limits)
    return CheckedUpload(path, info)


async def require_room(
    tx: Transaction, caller: Principal, job_id: int | None, upload: CheckedUpload
) -> None:
    """Raises NotFound, Forbidden, and Conflict where the job has no room for this file."""
    job = await definitions.get_job_for(tx, caller, job_id, Right.JOBS_WRITE)
    if await store.find_file(tx, job.id, upload.info.name) is None:
        _refuse_many(await store.count_files(tx, job.id) + 1)


async def store_upload(
    database: Database,
    context: JobsContext,
    tenant_id: UUID,
    upload: CheckedUpload,
    *,
    now: datetime,
) -> None:
    """Stores the content. What no file names a day later is pruned again."""
    sha256 = bytes.fromhex(upload.info.sha256)
    async with database.tenant(tenant_id) as tx:
        await store.hold_content(tx, sha256, size=upload.info.size, now=now)
    await context.storage.put_file(content_key(tenant_id, sha256), upload.path)


async def keep_upload(
    tx: Transaction,
    caller: Principal,
    job_id: int | None,
    upload: CheckedUpload,
    *,
    now: datetime,
) -> JobFile:
    """Adds the file, whose content is stored, to the job, or replaces the one so named.

    Raises NotFound, Forbidden, and Conflict for a file too many.
    """
    job = await definitions.get_job_for(tx, caller, job_id, Right.JOBS_WRITE)
    if not await store.touch_job(tx, job.id, by=caller.ref, now=now):
        raise NotFound(MISSING)
    info = upload.info
    file = JobFile(
        job_id=job.id,
        key=info.name,
        size=info.size,
        sha256=bytes.fromhex(info.sha256),
        package=None if info.kind == "file" else asdict(info),
        last_modified=now,
    )
    await store.put_file(tx, file)
    _refuse_many(await store.count_files(tx, job.id))
    return file


async def list_files(tx: Transaction, caller: Principal, job_id: int | None) -> list[FileSummary]:
    """The files of a job that the caller may see."""
    job = await definitions.get_job(tx, caller, job_id)
    return await store.list_files(tx, job.id)


async def get_file(tx: Transaction, caller: Principal, job_id: int | None, key: str) -> JobFile:
    """One file of a job that the caller may see. Raises NotFound."""
    job = await definitions.get_job(tx, caller, job_id)
    return await _file(tx, job, key)


async def delete_file(
    tx: Transaction, caller: Principal, job_id: int | None, key: str, *, now: datetime
) -> None:
    """The file is gone from the job; runs that were submitted with it still have it."""
    job = await definitions.get_job_for(tx, caller, job_id, Right.JOBS_WRITE)
    if not await store.delete_file(tx, job.id, key):
        raise NotFound(MISSING)
    await store.touch_job(tx, job.id, by=caller.ref, now=now)


def read_content(context: JobsContext, tenant_id: UUID, file: JobFile) -> AsyncIterator[bytes]:
    """The bytes of a file."""
    return context.storage.stream(content_key(tenant_id, file.sha256))


def read_output(context: JobsContext, run: Run, file: RunFile) -> AsyncIterator[bytes]:
    """The bytes of a file that a run left."""
    key = output_key(run.tenant_id, run.id, attempt=file.attempt, number=file.number)
    return context.storage.stream(key)


def entry_points(file: JobFile) -> list[str]:
    """What of the file a job can name as its entry point. BadInput for what is no package."""
    return list(_package(file)["entry_points"])


def runnable(file: JobFile, entry_point: str | None) -> dict[str, Any]:
    """What a run keeps of its package: the content, what it depends on, and where it begins.

    Raises BadInput for a file that is no package, or has no such entry point.
    """
    package = _package(file)
    known: list[str] = package["entry_points"]
    chosen = entry_point or package["default_entry_point"]
    if chosen is None:
        raise BadInput(
            f"runtimeConfig.entryPoint: {file.key} names none itself; {_choice(known)}",
            field="runtimeConfig.entryPoint",
        )
    is_known = chosen.replace(":", ".") in known or chosen in package["files"]
    if entry_point is not None and not is_known and len(known) < _LISTED_ENTRY_POINTS:
        raise BadInput(
            f"runtimeConfig.entryPoint: {file.key} has no {entry_point!r}; {_choice(known)}",
            field="runtimeConfig.entryPoint",
        )
    return {
        "key": file.key,
        "sha256": file.sha256.hex(),
        "entry_point": chosen,
        "dependencies": package["dependencies"],
        "requires_python": package["requires_python"],
    }


def _choice(known: list[str]) -> str:
    if not known:
        return "and there is no function or script in it"
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""
    return f"it has {', '.join(known[:10])}{more}"


def _package(file: JobFile) -> dict[str, Any]:
    if file.package is None:
        raise BadInput(f"{file.key} is not a package", field="runtimeConfig.packageName")
    return file.package


def _refuse_many(count: int) -> None:
    if count > MAX_FILES:
        raise Conflict(f"a job has at most {MAX_FILES} files; delete one first")


async def _file(tx: Transaction, job: Job, key: str) -> JobFile:
    file = await store.find_file(tx, job.id, key)
    if file is None:
        raise NotFound(MISSING)
    return file
