"""An execution's event log as it grows."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from treadle.db.database import Database
from treadle.engine.live import LiveHub
from treadle.workflows import execution_store, history
from treadle.workflows.execution_model import ExecutionSummary, Status
from treadle.workflows.queueing import topic_of
from treadle.workflows.run import Entry


@dataclass(frozen=True, slots=True)
class News:
    """Either an entry of the log or the status that the execution has now."""

    entry: Entry | None = None
    status: Status | None = None


async def follow_events(
    database: Database, hub: LiveHub, execution: ExecutionSummary, *, after: int = 0
) -> AsyncGenerator[News, None]:
    """The log from after this entry on, and each new status; ends when the execution is over.

    What is missed while nobody could listen is read again: news are hints, the tables decide.
    """
    known: Status | None = None
    async with hub.subscribe(topic_of(execution.id)) as changes:
        while True:
            changes.clear()
            async with database.tenant(execution.tenant_id) as tx:
                # The status first: a log that is read after the end is the whole log.
                found = await execution_store.find_summary(tx, execution.id)
                entries = await history.events_after(tx, execution.id, after)
            if found is None:  # pruned while somebody followed it
                return
            for entry in entries:
                yield News(entry=entry)
                after = entry["seq"]
            if found.status is not known:
                known = found.status
                yield News(status=known)
                if known.over:
                    return
            await changes.wait()
