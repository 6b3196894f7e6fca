"""Lets go of executions that are over for long, with their logs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from treadle.db.database import Database
from treadle.workflows import execution_prune_store as store

BATCH: Final = 500


async def prune_executions(database: Database, *, keep: timedelta, now: datetime) -> int:
    """Removes those that ended before, in batches of a transaction each; how many. Any number of
    processes may do so at once.
    """
    total = 0
    while True:
        async with database.system() as tx:
            over = await store.finished_executions(tx, before=now - keep, limit=BATCH)
            await store.delete_executions(tx, over)
        total += len(over)
        if len(over) < BATCH:
            return total
