"""The entries of one process, as the database knows them; ends are written in groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

import asyncpg
import structlog
from pgqueuer.domain.models import Job

from treadle.db.database import Database
from treadle.engine.claims import (
    Finished,
    GiveBack,
    finish_entries,
    give_back_entries,
    keep_entries,
    take_entries,
)
from treadle.engine.groups import GroupCommit
from treadle.engine.live import CHANNEL, message
from treadle.engine.queue import BACKLOG_TOPIC
from treadle.engine.session import Session

log = structlog.get_logger()

OnFreed = Callable[[frozenset[tuple[str, UUID]]], None]
"""Hears of lanes and tenants that have a free place and entries waiting for one: the admitter of
this process. In a process without one, those of other processes are notified."""


class Ledger:
    """Takes, keeps, finishes and gives back entries, as `owner`: this process and no other.

    What fails is logged here and raised; the caller tries again. After an error the outcome is
    unknown, which repeating bears: an entry that is finished already is merely not ours any more.
    """

    def __init__(
        self, database: Database, *, heartbeat_seconds: float, on_freed: OnFreed | None
    ) -> None:
        self.owner = uuid4()
        self.is_closed = False
        self._database = database
        self._heartbeat_seconds = heartbeat_seconds
        self._on_freed = on_freed
        self._takers: dict[str, Session] = {}
        # After a crash of the server an entry may come once more although it was finished, or
        # sooner than it should: handlers bear that anyway.
        self._keeper = Session(database, durable=False)
        self._writer = Session(database, durable=False)
        self._finishing = GroupCommit(self._finish, isolate=_never)
        self._giving_back = GroupCommit(self._give_back, isolate=_never)

    async def take(self, lane: str, *, limit: int) -> list[Job]:
        """Up to `limit` entries of the lane. One caller a lane at a time."""
        session = self._takers.get(lane)
        if session is None:
            # Nothing begins before it is certain whose it is: a crash of the server must not hand
            # to another what is handled here.
            session = self._takers[lane] = Session(self._database, durable=True)

        async def work(connection: asyncpg.Connection) -> list[Job]:
            return await take_entries(
                connection,
                lane,
                owner=self.owner,
                limit=limit,
                heartbeat_seconds=self._heartbeat_seconds,
            )

        return await session.run(work)

    async def keep(self, ids: Sequence[int]) -> frozenset[int]:
        """Says that we live; which of these entries are still ours."""

        async def work(connection: asyncpg.Connection) -> frozenset[int]:
            return await keep_entries(connection, ids, owner=self.owner)

        return await self._keeper.run(work)

    async def finish(self, entry_id: int) -> bool:
        """The entry is done and goes; whether it was still ours."""
        return await self._finishing.submit(entry_id)

    async def give_back(self, gift: GiveBack) -> bool:
        """The entry is handed out again after its delay; whether it was still ours."""
        return await self._giving_back.submit(gift)

    async def close(self) -> None:
        """Ends the connections; what is being written on them is given up."""
        self.is_closed = True
        for session in (self._keeper, self._writer, *self._takers.values()):
            session.close()
        await self._finishing.close()
        await self._giving_back.close()

    async def _finish(self, ids: list[int]) -> list[bool]:
        async def work(connection: asyncpg.Connection) -> Finished:
            finished = await finish_entries(connection, ids, owner=self.owner)
            if finished.freed and self._on_freed is None:
                text = message(BACKLOG_TOPIC)
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, text)
            return finished

        try:
            finished = await self._writer.run(work)
        except Exception as error:
            log.warning("entries_not_finished", entries=len(ids), error=repr(error))
            raise
        if finished.freed and self._on_freed is not None:
            self._on_freed(finished.freed)
        return [entry_id in finished.ours for entry_id in ids]

    async def _give_back(self, gifts: list[GiveBack]) -> list[bool]:
        async def work(connection: asyncpg.Connection) -> frozenset[int]:
            return await give_back_entries(connection, gifts, owner=self.owner)

        try:
            ours = await self._writer.run(work)
        except Exception as error:
            log.warning("entries_not_given_back", entries=len(gifts), error=repr(error))
            raise
        return [gift.job.id in ours for gift in gifts]


def _never(error: Exception) -> bool:
    """No entry is to blame when the database refuses: what fails is tried again with all."""
    return False
