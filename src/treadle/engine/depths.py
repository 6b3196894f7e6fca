"""How much work stands where, for metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from treadle.db.database import Database

MOST = 100_000
"""Counting stops here, so that asking costs little when it matters most."""


@dataclass(frozen=True, slots=True)
class Depth:
    """One lane: entries that wait to be handed out, that are handled now, that wait over their
    tenant's bound, and timers that are due but have not gone to the queue. Each at most MOST."""

    queued: int = 0
    picked: int = 0
    backlog: int = 0
    timers_due: int = 0


async def queue_depths(database: Database, now: datetime) -> Mapping[str, Depth]:
    """The depth of each lane that has any work."""
    async with database.system() as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        records: list[Any] = await tx.fetch(
            """
            WITH RECURSIVE waiting AS (
                -- One step through the index for each lane: a backlog may have a million rows.
                (SELECT lane FROM backlog ORDER BY lane LIMIT 1)
                UNION ALL
                SELECT next.lane
                FROM waiting CROSS JOIN LATERAL (
                    SELECT lane FROM backlog WHERE lane > waiting.lane ORDER BY lane LIMIT 1
                ) next
            )
            SELECT lane, sum(queued)::int AS queued, sum(picked)::int AS picked,
                   sum(backlog)::int AS backlog, sum(timers_due)::int AS timers_due
            FROM (
                (SELECT entrypoint AS lane, (status = 'queued')::int AS queued,
                        (status = 'picked')::int AS picked, 0 AS backlog, 0 AS timers_due
                 FROM queue.pgqueuer LIMIT $2)
                UNION ALL
                SELECT lane, 0, 0, counted.rows, 0
                FROM waiting CROSS JOIN LATERAL (
                    SELECT count(*)::int AS rows
                    FROM (SELECT FROM backlog WHERE backlog.lane = waiting.lane LIMIT $2) entry
                ) counted
                UNION ALL
                (SELECT lane, 0, 0, 0, 1 FROM timers WHERE due_at <= $1 LIMIT $2)
            ) work
            GROUP BY lane
            """,
            now,
            MOST,
        )
    return {
        record["lane"]: Depth(
            queued=record["queued"],
            picked=record["picked"],
            backlog=record["backlog"],
            timers_due=record["timers_due"],
        )
        for record in records
    }
