"""Putting work into the queue, together with the state change that it belongs to.

PgQueuer's table hands out entries in the order they came, whosever they are. So that a million
entries of one tenant don't stand before another's one, each tenant has only `bound` entries of a
lane in that table (counted in `admissions`); the rest waits, in order, in `backlog`, from where
`treadle.engine.admitter` moves it.

Two transactions that submit for one tenant at the same moment don't see each other's entries and
may together pass the bound by as much as they bring. Nothing is lost or doubled by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries

from treadle.db.queue_schema import QUEUE_SETTINGS
from treadle.db.transaction import Transaction
from treadle.engine.live import CHANNEL, message

BACKLOG_TOPIC = "engine/backlog"
"""Hints that something was put into the backlog."""

_ENVIRONMENT = QueryBuilderEnvironment(QUEUE_SETTINGS)
_QUEUE = QueryQueueBuilder(QUEUE_SETTINGS)
_SCHEDULER = QuerySchedulerBuilder(QUEUE_SETTINGS)


@dataclass(frozen=True, slots=True)
class Entry:
    """A piece of work: which lane hands it out, whose it is, and what its handler needs to know."""

    lane: str
    tenant_id: UUID
    payload: bytes

    def packed(self) -> bytes:
        """The payload as PgQueuer stores it: the tenant's 16 bytes go first."""
        return self.tenant_id.bytes + self.payload


def unpack(lane: str, packed: bytes | None) -> Entry:
    """The entry that was packed; ValueError for what this engine did not put there."""
    if packed is None or len(packed) < 16:
        raise ValueError("this entry names no tenant")
    return Entry(lane=lane, tenant_id=UUID(bytes=packed[:16]), payload=packed[16:])


def lane_topic(lane: str) -> str:
    """Hints that the lane has entries to hand out."""
    return f"lane:{lane}"


def queries_on(connection: asyncpg.Connection) -> Queries:
    """PgQueuer's statements; the builders are shared, as they remember what they have built."""
    return Queries(AsyncpgDriver(connection), qbe=_ENVIRONMENT, qbq=_QUEUE, qbs=_SCHEDULER)


async def submit(
    tx: Transaction, lane: str, tenant_id: UUID, payloads: Sequence[bytes], *, bound: int
) -> None:
    """Hands in work of one tenant, in this order: it is there if, and only if, `tx` commits."""
    await submit_entries(tx, [Entry(lane, tenant_id, payload) for payload in payloads], bound=bound)


async def submit_entries(tx: Transaction, entries: Sequence[Entry], *, bound: int) -> None:
    """As `submit`, for entries of any lanes and tenants; each tenant's keep their order.

    What is over the tenant's bound in a lane, or behind entries of it that wait, waits too.
    """
    if bound < 1:
        raise ValueError("bound must be at least 1")
    if not entries:
        return
    places = await _free_places(tx, {(entry.lane, entry.tenant_id) for entry in entries}, bound)
    admitted: list[Entry] = []
    waiting: list[Entry] = []
    for entry in entries:
        whose = (entry.lane, entry.tenant_id)
        if places[whose] > 0:
            places[whose] -= 1
            admitted.append(entry)
        else:
            waiting.append(entry)
    await admit(tx, admitted)
    await _set_back(tx, waiting)


async def admit(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Puts entries into PgQueuer's table, counts them, and wakes their lanes at the commit."""
    if not entries:
        return
    count = len(entries)
    ids = await queries_on(tx.connection).enqueue(
        [entry.lane for entry in entries],
        [entry.packed() for entry in entries],
        [0] * count,
    )
    await tx.execute(
        """
        WITH admitted AS (
            INSERT INTO admissions (entry_id, tenant_id, lane)
            SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[])
        )
        SELECT pg_notify($4, message) FROM unnest($5::text[]) message
        """,
        ids,
        [entry.tenant_id for entry in entries],
        [entry.lane for entry in entries],
        CHANNEL,
        sorted({message(lane_topic(entry.lane)) for entry in entries}),
    )


async def _free_places(
    tx: Transaction, whose: set[tuple[str, UUID]], bound: int
) -> dict[tuple[str, UUID], int]:
    """How many entries each tenant may still have in PgQueuer's table; none while others wait."""
    pairs = sorted(whose)
    records = await tx.fetch(
        "SELECT lane, tenant_id, free FROM free_places($1, $2, $3)",
        [lane for lane, _ in pairs],
        [tenant_id for _, tenant_id in pairs],
        bound,
    )
    return {(record["lane"], record["tenant_id"]): record["free"] for record in records}


async def _set_back(tx: Transaction, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    await tx.execute(
        """
        WITH waiting AS (
            INSERT INTO backlog (lane, tenant_id, payload)
            SELECT lane, tenant_id, payload
            FROM unnest($1::text[], $2::uuid[], $3::bytea[])
                WITH ORDINALITY entry (lane, tenant_id, payload, position)
            ORDER BY position
        )
        SELECT pg_notify($4, $5)
        """,
        [entry.lane for entry in entries],
        [entry.tenant_id for entry in entries],
        [entry.payload for entry in entries],
        CHANNEL,
        message(BACKLOG_TOPIC),
    )
