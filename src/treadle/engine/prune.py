"""Removing what has served: PgQueuer's notes, and counts of entries that are gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from treadle.db.database import Database

KEEP_LOG = timedelta(minutes=10)
"""PgQueuer notes each step of each entry; nothing of ours reads that."""

BATCH = 5000


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows went."""

    log_rows: int
    admissions: int


async def prune(database: Database, now: datetime) -> Pruned:
    """Deletes in batches of a transaction each, until a batch is not full. Anybody may call it."""
    return Pruned(
        log_rows=await _prune_log(database, now - KEEP_LOG),
        admissions=await _prune_admissions(database),
    )


async def _prune_log(database: Database, before: datetime) -> int:
    total = 0
    while True:
        async with database.system() as tx:
            deleted = await tx.execute(
                """
                WITH old AS MATERIALIZED (
                    SELECT id FROM queue.pgqueuer_log WHERE created < $1
                    ORDER BY created LIMIT $2 FOR UPDATE SKIP LOCKED
                )
                DELETE FROM queue.pgqueuer_log log USING old WHERE log.id = old.id
                """,
                before,
                BATCH,
            )
        total += deleted
        if deleted < BATCH:
            return total


async def _prune_admissions(database: Database) -> int:
    """Entries end together with what counts them; only tools of PgQueuer's leave counts behind.

    Without this a tenant would be short of places for ever.
    """
    async with database.system() as tx:
        return await tx.execute(
            """
            DELETE FROM admissions
            WHERE NOT EXISTS (
                SELECT FROM queue.pgqueuer entry WHERE entry.id = admissions.entry_id)
            """
        )
