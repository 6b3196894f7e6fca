"""SQL of jobs, their files and destinations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from treadle.core.pages import Page, PageRequest
from treadle.db.page_store import Conditions, fetch_page
from treadle.db.rows import row, row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.jobs.model import Destination, FileSummary, Job, JobFile

_JOB = ", ".join(field.name for field in fields(Job))
_FILE = ", ".join(field.name for field in fields(JobFile))
_FILE_SUMMARY = ", ".join(field.name for field in fields(FileSummary))

_JOB_ORDER = {
    "id": ("id",),
    "name": ("lower(name)", "id"),
    "created": ("id",),  # ids grow as jobs are made
    "lastModified": ("last_modified_at", "id"),
}
JOB_SORTS = frozenset(_JOB_ORDER)


@dataclass(frozen=True, slots=True)
class JobRow:
    """The columns of a job that a caller decides."""

    project_id: UUID
    name: str
    description: str
    active: bool
    package_name: str | None
    entry_point: str | None
    log_level: str
    blocking: bool
    timeout_minutes: int
    max_retries: int
    retry_backoff_seconds: int
    network: bool
    destination_id: int
    tags: list[str]
    macro_sets: list[str]

    def values(self) -> list[Any]:
        """The values, in the order of the fields."""
        return [getattr(self, field.name) for field in fields(self)]


_ROW = [field.name for field in fields(JobRow)]


async def insert_job(tx: Transaction, columns: JobRow, *, by: str, now: datetime) -> Job:
    """The new job."""
    places = ", ".join(f"${number}" for number in range(4, 4 + len(_ROW)))
    record = await tx.fetchrow(
        f"INSERT INTO jobs (tenant_id, created_by, last_modified_by, created_at, last_modified_at,"
        f" {', '.join(_ROW)})"
        f" VALUES ($1, $2, $2, $3, $3, {places}) RETURNING {_JOB}",
        tx.tenant,
        by,
        now,
        *columns.values(),
    )
    return row(Job, record)


async def update_job(
    tx: Transaction, job_id: int, columns: JobRow, *, by: str, now: datetime
) -> Job | None:
    """The job with its new columns, or None if it is gone."""
    pairs = ", ".join(f"{name} = ${number}" for number, name in enumerate(_ROW, start=4))
    record = await tx.fetchrow(
        f"UPDATE jobs SET {pairs}, last_modified_by = $2, last_modified_at = $3"
        f" WHERE id = $1 AND deleted_at IS NULL RETURNING {_JOB}",
        job_id,
        by,
        now,
        *columns.values(),
    )
    return row_or_none(Job, record)


async def touch_job(tx: Transaction, job_id: int, *, by: str, now: datetime) -> bool:
    """Notes who changes something that belongs to the job, one caller at a time until commit; False
    if the job is gone.
    """
    done = await tx.execute(
        "UPDATE jobs SET last_modified_by = $2, last_modified_at = $3"
        " WHERE id = $1 AND deleted_at IS NULL",
        job_id,
        by,
        now,
    )
    return done == 1


async def find_job(tx: Transaction, job_id: int, *, lock: bool = False) -> Job | None:
    """The live job. With `lock`, runs of it are admitted one caller at a time until commit."""
    record = await tx.fetchrow(
        f"SELECT {_JOB} FROM jobs WHERE id = $1 AND deleted_at IS NULL"
        + (" FOR UPDATE" if lock else ""),
        job_id,
    )
    return row_or_none(Job, record)


async def lock_job(tx: Transaction, job_id: int) -> None:
    """Waits until no other transaction admits or ends a blocking run of this job."""
    await tx.execute("SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE", job_id)


async def hold_job(tx: Transaction, job_id: int) -> bool:
    """Whether the job is live; until commit nobody deletes it. Others hold it at the same time."""
    return bool(
        await tx.fetchval(
            "SELECT true FROM jobs WHERE id = $1 AND deleted_at IS NULL FOR KEY SHARE", job_id
        )
    )


async def lock_blocking_jobs(tx: Transaction, job_ids: Sequence[int]) -> set[int]:
    """Locks those of the jobs that run one at a time, as `lock_job` does, in the order of ids."""
    records = await tx.fetch(
        "SELECT id FROM jobs WHERE id = ANY($1) AND blocking ORDER BY id FOR UPDATE", list(job_ids)
    )
    return {record["id"] for record in records}


async def hold_jobs(tx: Transaction, job_ids: Sequence[int]) -> list[Job]:
    """The live ones of these jobs; until commit nobody deletes them."""
    records = await tx.fetch(
        f"SELECT {_JOB} FROM jobs WHERE id = ANY($1) AND deleted_at IS NULL ORDER BY id"
        " FOR KEY SHARE",
        list(job_ids),
    )
    return rows(Job, records)


async def list_jobs(
    tx: Transaction,
    page: PageRequest,
    *,
    project_ids: Collection[UUID] | None,
    text: str | None,
    active: bool | None,
    sort: str,
    descending: bool,
) -> Page[Job]:
    """Live jobs of these projects (None: of all), whose name holds `text`; `total` as `fetch_page`
    says.
    """
    conditions = Conditions("deleted_at IS NULL")
    conditions.add("project_id = ANY(?)", None if project_ids is None else list(project_ids))
    conditions.add("position(lower(?) IN lower(name)) > 0", text)
    conditions.add("active = ?", active)
    direction = "DESC" if descending else "ASC"
    return await fetch_page(
        tx,
        Job,
        table="jobs",
        conditions=conditions,
        order=", ".join(f"{column} {direction}" for column in _JOB_ORDER[sort]),
        page=page,
    )


async def delete_job(tx: Transaction, job_id: int, *, by: str, now: datetime) -> None:
    """Hides the job for good and lets go of its files; its runs stay."""
    await tx.execute(
        "UPDATE jobs SET deleted_at = $3, last_modified_by = $2, last_modified_at = $3"
        " WHERE id = $1",
        job_id,
        by,
        now,
    )
    await tx.execute("DELETE FROM job_files WHERE job_id = $1", job_id)


async def put_file(tx: Transaction, file: JobFile) -> None:
    """Adds the file, or replaces the one of this name."""
    await tx.execute(
        "INSERT INTO job_files (tenant_id, job_id, key, size, sha256, package, last_modified)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (tenant_id, job_id, key) DO UPDATE SET size = excluded.size,"
        " sha256 = excluded.sha256, package = excluded.package,"
        " last_modified = excluded.last_modified",
        tx.tenant,
        file.job_id,
        file.key,
        file.size,
        file.sha256,
        file.package,
        file.last_modified,
    )


async def find_file(
    tx: Transaction, job_id: int, key: str, *, keep: bool = False
) -> JobFile | None:
    """The file of this name. With `keep` nobody deletes it before commit, so that the pruner sees
    the file or the run that was made of it.
    """
    record = await tx.fetchrow(
        f"SELECT {_FILE} FROM job_files WHERE job_id = $1 AND key = $2"
        + (" FOR KEY SHARE" if keep else ""),
        job_id,
        key,
    )
    return row_or_none(JobFile, record)


async def hold_files(tx: Transaction, keys: Mapping[int, str]) -> list[JobFile]:
    """The file of this name of each job; until commit nobody deletes them."""
    records = await tx.fetch(
        f"SELECT {_FILE} FROM job_files"
        " JOIN unnest($1::bigint[], $2::text[]) AS wanted (of_job, of_name)"
        " ON job_id = of_job AND key = of_name FOR KEY SHARE OF job_files",
        list(keys),
        list(keys.values()),
    )
    return rows(JobFile, records)


async def list_files(tx: Transaction, job_id: int) -> list[FileSummary]:
    """The job's files by name."""
    records = await tx.fetch(
        f"SELECT {_FILE_SUMMARY} FROM job_files WHERE job_id = $1 ORDER BY key",
        job_id,
    )
    return rows(FileSummary, records)


async def count_files(tx: Transaction, job_id: int) -> int:
    """How many files the job has."""
    return await tx.fetchval("SELECT count(*) FROM job_files WHERE job_id = $1", job_id)


async def copy_files(tx: Transaction, job_id: int, *, to: int, now: datetime) -> None:
    """The job `to`, which has none, gets the files of the other one."""
    await tx.execute(
        "INSERT INTO job_files (tenant_id, job_id, key, size, sha256, package, last_modified)"
        " SELECT tenant_id, $2, key, size, sha256, package, $3 FROM job_files WHERE job_id = $1",
        job_id,
        to,
        now,
    )


async def delete_file(tx: Transaction, job_id: int, key: str) -> bool:
    """Whether there was such a file."""
    done = await tx.execute("DELETE FROM job_files WHERE job_id = $1 AND key = $2", job_id, key)
    return done == 1


async def hold_content(tx: Transaction, sha256: bytes, *, size: int, now: datetime) -> None:
    """Records that this content is stored and locks it: the pruner waits until commit."""
    await tx.execute(
        "INSERT INTO stored_packages (tenant_id, sha256, size, stored_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (tenant_id, sha256) DO UPDATE SET stored_at = excluded.stored_at",
        tx.tenant,
        sha256,
        size,
        now,
    )


async def has_content(tx: Transaction, sha256: bytes) -> bool:
    """Whether the content is stored; it stays so until commit."""
    return bool(
        await tx.fetchval("SELECT 1 FROM stored_packages WHERE sha256 = $1 FOR SHARE", sha256)
    )


_DESTINATION = (
    "SELECT d.id, d.name, count(w.id)::int AS workers,"
    " coalesce(sum(w.capacity), 0)::int AS capacity"
    " FROM destinations d LEFT JOIN workers w"
    " ON w.destination_id = d.id AND w.heartbeat_at > now() - interval '1 minute'"
)


async def list_destinations(tx: Transaction) -> list[Destination]:
    """All pools of workers, the oldest first."""
    return rows(Destination, await tx.fetch(f"{_DESTINATION} GROUP BY d.id ORDER BY d.id"))


async def find_destination(tx: Transaction, destination_id: int) -> Destination | None:
    """The pool with this id."""
    record = await tx.fetchrow(f"{_DESTINATION} WHERE d.id = $1 GROUP BY d.id", destination_id)
    return row_or_none(Destination, record)


async def first_destination(tx: Transaction) -> int | None:
    """The id of the pool that jobs go to which name none."""
    return await tx.fetchval("SELECT min(id) FROM destinations")


async def ensure_destination(tx: Transaction, name: str, *, now: datetime) -> int:
    """The id of the pool of this name, made if it is new. Takes a system transaction."""
    # DO UPDATE rather than DO NOTHING: the row comes back even where another process made it.
    return await tx.fetchval(
        "INSERT INTO destinations (name, created_at) VALUES ($1, $2)"
        " ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
        name,
        now,
    )
