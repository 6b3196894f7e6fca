"""What follows from the end of an execution, or of a step, in other domains: at least once each."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from treadle.core.clock import Clock, utc_now
from treadle.core.errors import Conflict
from treadle.db.database import Database
from treadle.engine.lanes import Lane
from treadle.engine.queue import Entry
from treadle.jobs import runs
from treadle.workflows import execution_store
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.queueing import ERRANDS, Errand

AT_ONCE: Final = 10


class Errands:
    """Does them. Any number of processes may."""

    def __init__(
        self, database: Database, context: WorkflowsContext, *, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._context = context
        self._clock = clock

    def lane(self) -> Lane:
        """The lane that brings them."""
        return Lane(ERRANDS, self.handle, concurrency=AT_ONCE)

    async def handle(self, entry: Entry) -> None:
        """Does one; what is gone since needs nothing done."""
        errand, id_ = Errand(entry.payload[:1]), UUID(bytes=entry.payload[1:])
        match errand:
            case Errand.TELL_ORIGIN:
                async with self._database.tenant(entry.tenant_id) as tx:
                    found = await execution_store.find_summary(tx, id_)
                    # One that was retried meanwhile tells of its end when it comes to it again.
                    if found is not None and found.status.over:
                        await self._context.on_end(tx, found)
            case Errand.STOP_RUN:
                await self._stop(entry.tenant_id, id_)

    async def _stop(self, tenant_id: UUID, run_id: UUID) -> None:
        try:
            async with self._database.tenant(tenant_id) as tx:
                await runs.stop_for(
                    tx,
                    self._context.jobs,
                    run_id,
                    by="workflow",
                    name="its workflow, which waits for it no more",
                    now=self._clock(),
                )
        except Conflict:
            return  # it has ended
