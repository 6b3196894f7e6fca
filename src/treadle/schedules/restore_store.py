"""SQL of a restored installation: which schedules go on, over all tenants."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from treadle.db.rows import rows
from treadle.db.transaction import Transaction
from treadle.schedules.tick_store import DueSchedule


async def going_on(tx: Transaction, *, now: datetime, after: UUID, limit: int) -> list[DueSchedule]:
    """Those that are active or whose pause is over by `now`, by their ids."""
    records = await tx.fetch(
        "SELECT id, tenant_id FROM schedules WHERE deleted_at IS NULL AND id > $2"
        " AND (status = 'active' OR (status = 'paused' AND paused_until <= $1))"
        " ORDER BY id LIMIT $3",
        now,
        after,
        limit,
    )
    return rows(DueSchedule, records)
