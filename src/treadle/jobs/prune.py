"""Lets go of what is over its time: finished runs, and contents that nothing uses any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from treadle.db.database import Database
from treadle.jobs import prune_store as store
from treadle.jobs.context import JobsContext
from treadle.jobs.files import content_key, output_prefix

BATCH = 200
CONTENT_GRACE = timedelta(days=1)
"""A content that nothing uses stays this long: uploads are often followed by another edit."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many of each went."""

    runs: int
    contents: int


async def prune(
    database: Database, context: JobsContext, *, keep_runs: timedelta, now: datetime
) -> Pruned:
    """Removes what is over its time, in batches; any number of processes may do so at once."""
    runs = contents = 0
    while count := await _prune_runs(database, context, before=now - keep_runs):
        runs += count
    while count := await _prune_contents(database, context, before=now - CONTENT_GRACE):
        contents += count
    return Pruned(runs, contents)


async def _prune_runs(database: Database, context: JobsContext, *, before: datetime) -> int:
    """Objects first: what is left when this process dies in between is found again by its row."""
    async with database.system() as tx:
        finished = await store.finished_runs(tx, before=before, limit=BATCH)
        for run in finished:
            if run.has_files:
                await context.storage.delete_prefix(output_prefix(run.tenant_id, run.id))
        await store.delete_runs(tx, [run.id for run in finished])
    return len(finished)


async def _prune_contents(database: Database, context: JobsContext, *, before: datetime) -> int:
    async with database.system() as tx:
        unused = await store.delete_unused_contents(tx, before=before, limit=BATCH)
        # The rows are locked until commit: an upload of the same content waits and then puts it
        # again, so that it never finds its object gone.
        for content in unused:
            await context.storage.delete(content_key(content.tenant_id, content.sha256))
    return len(unused)
