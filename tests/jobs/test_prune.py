"""What is over its time goes, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from factories import NOW
from fixtures.jobs import Workshop, package_bytes
from treadle.jobs import attempts, files
from treadle.jobs.attempt_store import Ending
from treadle.jobs.files import content_key, output_key
from treadle.jobs.model import Run, RunFile
from treadle.jobs.prune import Pruned, prune
from treadle.jobs.states import AttemptOutcome

KEEP = timedelta(days=90)


async def end_with_file(workshop: Workshop, run: Run) -> None:
    key = output_key(run.tenant_id, run.id, attempt=run.attempt, number=0)
    await workshop.context.storage.put_bytes(key, b"report")
    await attempts.end(
        workshop.database,
        workshop.context,
        run,
        Ending(AttemptOutcome.FINISHED),
        log_tail="done\n",
        files=[RunFile("report.md", run.attempt, 0, 6)],
        now=NOW,
    )


async def test_finished_runs_go_after_their_time_with_what_they_left(
    workshop: Workshop, owner: asyncpg.Connection
) -> None:
    job = await workshop.make_job()
    old = await workshop.begin(await workshop.submit(job))
    await end_with_file(workshop, old)
    still_open = await workshop.submit(job)
    nothing = await prune(workshop.database, workshop.context, keep_runs=KEEP, now=NOW + KEEP)
    assert nothing.runs == 0
    later = NOW + KEEP + timedelta(seconds=1)
    gone = await prune(workshop.database, workshop.context, keep_runs=KEEP, now=later)
    assert gone.runs == 1
    assert [row["id"] for row in await owner.fetch("SELECT id FROM treadle.runs")] == [
        still_open.id
    ]
    for table in ("run_logs", "run_files", "run_attempts"):
        assert await owner.fetchval(f"SELECT count(*) FROM treadle.{table}") == 0
    key = output_key(old.tenant_id, old.id, attempt=1, number=0)
    assert not await workshop.context.storage.exists(key)


async def test_contents_go_when_no_file_and_no_open_run_uses_them(workshop: Workshop) -> None:
    job = await workshop.make_job()
    run = await workshop.submit(job)
    key = content_key(run.tenant_id, bytes.fromhex(run.package["sha256"]))
    later = NOW + timedelta(days=2)

    async def contents() -> int:
        found = await prune(workshop.database, workshop.context, keep_runs=KEEP, now=later)
        return found.contents

    assert await contents() == 0  # the file uses it
    await workshop.upload(job, "package.zip", package_bytes(hello="def main(): ...\n"))
    async with workshop.database.tenant(run.tenant_id) as tx:
        await files.delete_file(tx, workshop.caller, job.id, "package.zip", now=NOW)
    assert await contents() == 1  # the second upload's, which nothing uses
    assert await workshop.context.storage.exists(key)  # the open run's
    await workshop.end(await workshop.begin(run))
    assert await contents() == 1
    assert not await workshop.context.storage.exists(key)
    assert await prune(workshop.database, workshop.context, keep_runs=KEEP, now=later) == Pruned(
        0, 0
    )
