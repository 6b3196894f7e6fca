"""Removes firings that were over long ago."""

from __future__ import annotations

from datetime import datetime, timedelta

from treadle.db.database import Database
from treadle.schedules.firing_store import delete_finished

BATCH = 5_000


async def prune_firings(database: Database, *, keep: timedelta, now: datetime) -> int:
    """Removes the firings that were over `keep` ago, batch by batch: how many."""
    removed = 0
    while True:
        async with database.system() as tx:
            batch = await delete_finished(tx, before=now - keep, limit=BATCH)
        removed += batch
        if batch < BATCH:
            return removed
