"""Entries that a process has taken from PgQueuer's table: taking, keeping, finishing, giving back.

PgQueuer's own statements finish and retry an entry by its id alone. A process that was suspended
for a while would so end an entry that another has taken over, and if that one dies, nobody has it
any more. So whatever ends a claim here says whose it is (`owner`), and does nothing to others'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pgqueuer.domain.models import Job
from pgqueuer.domain.types import JobId, QueueEntrypoint, QueueManagerId
from pgqueuer.ports.repository import EntrypointExecutionParameter

from treadle.engine.live import CHANNEL, message
from treadle.engine.queue import lane_topic, queries_on

_NO_LIMIT = EntrypointExecutionParameter(concurrency_limit=0)
"""A lane's concurrency is each process's own; PgQueuer's limits count over all processes."""


@dataclass(frozen=True, slots=True)
class GiveBack:
    """An entry that shall be handed out again, `delay_seconds` from now."""

    job: Job
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """`ours`: the entries that were finished; the others are not ours any more.

    `freed`: lanes and tenants that have a free place now and entries that wait for one.
    """

    ours: frozenset[int]
    freed: frozenset[tuple[str, UUID]]


async def take_entries(
    connection: asyncpg.Connection,
    lane: str,
    *,
    owner: UUID,
    limit: int,
    heartbeat_seconds: float,
) -> list[Job]:
    """Up to `limit` entries that are due, the oldest first; they are `owner`'s now.

    Entries whose owner did not say for `heartbeat_seconds` that it lives are taken over.
    """
    return await queries_on(connection).dequeue(
        batch_size=limit,
        entrypoints={QueueEntrypoint(lane): _NO_LIMIT},
        queue_manager_id=QueueManagerId(owner),
        global_concurrency_limit=None,
        heartbeat_timeout=timedelta(seconds=heartbeat_seconds),
    )


async def keep_entries(
    connection: asyncpg.Connection, ids: Sequence[int], *, owner: UUID
) -> frozenset[int]:
    """Says that `owner` lives; those of `ids` that are still its own."""
    records: list[Any] = await connection.fetch(
        """
        SELECT id FROM queue.pgqueuer
        WHERE id = ANY($1::bigint[]) AND queue_manager_id = $2 AND status = 'picked'
        """,
        ids,
        owner,
    )
    ours = [record["id"] for record in records]
    if ours:
        await queries_on(connection).update_heartbeat([JobId(id_) for id_ in ours])
    return frozenset(ours)


async def finish_entries(
    connection: asyncpg.Connection, ids: Sequence[int], *, owner: UUID
) -> Finished:
    """Removes entries that are done, and what counted them against their tenants' bounds."""
    record: Any = await connection.fetchrow(
        """
        WITH done AS (
            DELETE FROM queue.pgqueuer
            WHERE id = ANY($1::bigint[]) AND queue_manager_id = $2 AND status = 'picked'
            RETURNING id
        ), freed AS (
            DELETE FROM admissions USING done WHERE entry_id = done.id
            RETURNING lane, tenant_id
        ), waited_for AS (
            SELECT lane, tenant_id
            FROM (SELECT DISTINCT lane, tenant_id FROM freed) place
            CROSS JOIN LATERAL (
                SELECT FROM backlog
                WHERE backlog.lane = place.lane AND backlog.tenant_id = place.tenant_id
                LIMIT 1
            ) entry
        )
        SELECT array(SELECT id FROM done) AS ids,
               array(SELECT lane FROM waited_for ORDER BY lane, tenant_id) AS lanes,
               array(SELECT tenant_id FROM waited_for ORDER BY lane, tenant_id) AS tenants
        """,
        ids,
        owner,
    )
    return Finished(
        ours=frozenset(record["ids"]),
        freed=frozenset(zip(record["lanes"], record["tenants"], strict=True)),
    )


async def give_back_entries(
    connection: asyncpg.Connection, gifts: Sequence[GiveBack], *, owner: UUID
) -> frozenset[int]:
    """Queues entries again, each after its delay; those that were still `owner`'s.

    PgQueuer tells nobody of entries that come back, so lanes are woken here.
    """
    queries = queries_on(connection)
    async with connection.transaction():
        records: list[Any] = await connection.fetch(
            """
            SELECT id FROM queue.pgqueuer
            WHERE id = ANY($1::bigint[]) AND queue_manager_id = $2 AND status = 'picked'
            ORDER BY id FOR UPDATE
            """,
            [gift.job.id for gift in gifts],
            owner,
        )
        ours = frozenset(record["id"] for record in records)
        for gift in gifts:
            if gift.job.id in ours:
                await queries.retry_job(gift.job, timedelta(seconds=gift.delay_seconds), None)
        await connection.execute(
            "SELECT pg_notify($1, message) FROM unnest($2::text[]) message",
            CHANNEL,
            sorted({message(lane_topic(gift.job.entrypoint)) for gift in gifts}),
        )
    return ours
