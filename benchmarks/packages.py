"""Package runs through the whole product, beside the bare cost of bubblewrap and Python.

`python benchmarks/packages.py`. A no-op run is queued, claimed, executed in its sandbox and ended
in a durable database; the bare cost is `bwrap … python -I -S -c pass`, as many at a time. Both take
turns on the same machine in one run; of each its best turn counts.
"""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from uv import find_uv_bin

from benchmarks.engine import SECRET, Row, fresh_database, open_database, table
from benchmarks.sandbox import bare, seconds_each
from treadle.core.clock import utc_now
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.engine.live import LiveHub
from treadle.engine.supervisor import Supervisor
from treadle.identity.installation import ensure_installation
from treadle.identity.model import Principal
from treadle.identity.passwords import Passwords
from treadle.jobs import definitions, files, runs
from treadle.jobs.context import JobsContext
from treadle.jobs.definitions import JobDraft
from treadle.jobs.execution import Executor
from treadle.jobs.installation import ensure_default_destination
from treadle.jobs.runs import RunRequest
from treadle.jobs.worker import Worker, WorkerSettings
from treadle.packages.cache import PackageCache
from treadle.packages.environments import Environments
from treadle.packages.limits import ArchiveLimits
from treadle.packages.uv_command import current_interpreter
from treadle.sandbox import Limits
from treadle.storage.storage import open_storage

RUNS: Final = 150
AT_ONCE: Final = 4
ROUNDS: Final = 3
BAR_RATIO: Final = 2.0
BAR_RATE: Final = 50.0


async def prepare(database: Database, context: JobsContext, folder: Path) -> tuple[Principal, int]:
    """An administrator and the id of his job, which does nothing."""
    await ensure_installation(
        database, admin_password="benchmark only", passwords=Passwords(), now=utc_now()
    )
    await ensure_default_destination(database, now=utc_now())
    async with database.system() as tx:
        tenant_id = await tx.fetchval("SELECT id FROM tenants")
        user_id = await tx.fetchval("SELECT id FROM users")
    caller = Principal("user", str(user_id), "admin", tenant_id, "Administrator", {})
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("noop.py", "def main():\n    return {}\n")
    path = folder / "noop.zip"
    path.write_bytes(content.getvalue())
    upload = await files.check_upload(context, path, "noop.zip")
    draft = JobDraft("noop", package_name="noop.zip", entry_point="noop.main")
    await files.store_upload(database, context, tenant_id, upload, now=utc_now())
    async with database.tenant(tenant_id) as tx:
        job = await definitions.create_job(tx, caller, draft, now=utc_now())
        await files.keep_upload(tx, caller, job.id, upload, now=utc_now())
    return caller, job.id


def make_worker(database: Database, context: JobsContext, hub: LiveHub, folder: Path) -> Worker:
    """As `treadle serve` makes it."""
    cache = folder / "cache"
    executor = Executor(
        storage=context.storage,
        packages=PackageCache(cache=cache, limits=context.archive_limits),
        environments=Environments(
            cache=cache,
            uv=Path(find_uv_bin()),
            interpreter=current_interpreter(),
            environ=os.environ,
            timeout=timedelta(minutes=5),
        ),
        limits=Limits(),
        folder=folder / "work",
    )
    settings = WorkerSettings(
        destination="default", concurrency=AT_ONCE, lease_seconds=8, log_bytes=1_048_576
    )
    return Worker(database=database, context=context, executor=executor, hub=hub, settings=settings)


async def submit(
    database: Database, context: JobsContext, caller: Principal, job_id: int, count: int
) -> None:
    """Queues so many runs."""
    async with database.tenant(caller.tenant_id) as tx:
        for _ in range(count):
            await runs.submit_run(tx, context, caller, job_id, RunRequest(), now=utc_now())


async def seconds_a_run(database: Database, hub: LiveHub, worker: Worker, *, count: int) -> float:
    """From the moment a worker begins to take `count` queued runs until all have ended."""
    supervisor = Supervisor(database, hub, [await worker.start()])
    started = time.perf_counter()
    supervisor.start()
    while await open_runs(database):  # noqa: ASYNC110 - the database is what tells
        await asyncio.sleep(0.01)
    taken = (time.perf_counter() - started) / count
    await supervisor.stop(grace_seconds=5)
    await worker.stop()
    return taken


async def open_runs(database: Database) -> int:
    """How many runs have not ended."""
    async with database.system() as tx:
        return await tx.fetchval("SELECT count(*) FROM runs WHERE finished_at IS NULL")


async def measure(folder: Path, owner_url: str) -> list[Row]:
    """Rows of warm runs and of the bare cost."""
    async with fresh_database(owner_url, "packages") as url:
        database = await open_database(url)
        context = JobsContext(
            sealer=Sealer([SECRET]),
            storage=open_storage(str(folder / "files")),
            queue_bound=10_000,
            archive_limits=ArchiveLimits(),
        )
        caller, job_id = await prepare(database, context, folder)
        hub = LiveHub(database)
        hub.start()
        ours: list[float] = []
        bares: list[float] = []
        for turn in range(ROUNDS + 1):  # the first fills the caches
            await submit(database, context, caller, job_id, RUNS)
            taken = await seconds_a_run(
                database, hub, make_worker(database, context, hub, folder), count=RUNS
            )
            _, bare_seconds = await seconds_each(
                lambda: bare("-I", "-S"), runs=RUNS, at_once=AT_ONCE
            )
            if turn:
                ours.append(taken)
                bares.append(bare_seconds)
        async with database.system() as tx:
            bad = await tx.fetchval("SELECT count(*) FROM runs WHERE state <> 'FINISHED'")
        if bad:
            raise SystemExit(f"{bad} runs did not finish")
        await hub.stop()
        await database.close()
    ratio = min(ours) / min(bares)
    rate = 1 / min(ours)
    return [
        Row("bare bwrap + python, 4 at a time", 1 / min(bares), "/s"),
        Row(
            "package runs, warm, 4 at a time",
            rate,
            "/s",
            ratio=f"{ratio:.2f} × the bare cost",
            bar=f"≤ {BAR_RATIO:g} × and ≥ {BAR_RATE:g}/s",
            is_met=ratio <= BAR_RATIO and rate >= BAR_RATE,
        ),
    ]


def rows() -> list[Row]:
    """The measurements, on an embedded PostgreSQL of their own."""
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as place:
        folder = Path(place)
        server = EmbeddedPostgres(folder / "postgres")
        url = server.start()
        try:
            return uvloop.run(measure(folder, url))
        finally:
            server.stop()


if __name__ == "__main__":
    Console().print(table(rows()))
