"""Schedules of a restored installation: what was due since the backup is not fired."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.db.database import Database
from treadle.schedules import restore_store
from treadle.schedules.context import SchedulesContext
from treadle.schedules.control import go_on_from

REASON: Final = "restored from a backup"
_BATCH: Final = 500


async def skip_the_past(database: Database, context: SchedulesContext, *, now: datetime) -> int:
    """Every schedule goes on from `now`. What was due since the backup, and what waited to start in
    it, leaves its row with the reason. How many schedules went on. May be repeated.
    """
    after, count = UUID(int=0), 0
    while True:
        async with database.system() as tx:
            found = await restore_store.going_on(tx, now=now, after=after, limit=_BATCH)
        if not found:
            return count
        for one in found:
            async with database.tenant(one.tenant_id) as tx:
                await go_on_from(tx, context, one.id, reason=REASON, now=now)
        after, count = found[-1].id, count + len(found)
