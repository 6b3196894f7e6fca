"""A run's log as it grows."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from treadle.db.database import Database
from treadle.engine.live import LiveHub
from treadle.jobs import run_store
from treadle.jobs.model import LogChunk, Run, RunState
from treadle.jobs.queueing import topic_of


@dataclass(frozen=True, slots=True)
class News:
    """Either a piece of the log or the state that the run has now."""

    chunk: LogChunk | None = None
    state: RunState | None = None


async def follow_log(
    database: Database, hub: LiveHub, run: Run, *, after: int = 0
) -> AsyncGenerator[News, None]:
    """The log from this offset on, and each new state; ends with a final state.

    What is missed while nobody could listen is read again: news are hints, the tables decide.
    """
    known: RunState | None = None
    async with hub.subscribe(topic_of(run.id)) as changes:
        while True:
            changes.clear()
            async with database.tenant(run.tenant_id) as tx:
                # The state first: a log that is read after a final state is the whole log.
                state = await run_store.find_state(tx, run.id)
                chunks = await run_store.read_log(tx, run.id, after=after)
            if state is None:  # pruned while somebody followed it
                return
            for chunk in chunks:
                yield News(chunk=chunk)
                after = chunk.end
            if chunks:
                continue
            if state is not known:
                known = state
                yield News(state=state)
                if state.is_final:
                    return
            await changes.wait()
