"""Work that must not start before its time: a row under an index on the due time, however long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from treadle.core.clock import Clock, utc_now
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.engine.live import CHANNEL, LiveHub, message
from treadle.engine.loops import Loop
from treadle.engine.queue import Entry, submit_entries

TIMERS_TOPIC = "engine/timers"
"""Hints that a timer was set that is due soon."""

SOON = "5 seconds"
"""Every ticker looks for the next due time each second: only earlier ones need a hint."""


@dataclass(frozen=True, slots=True)
class Timer:
    """Puts `payload` into the tenant's `lane` at `due_at`; `key` names it within the lane."""

    tenant_id: UUID
    lane: str
    key: str
    due_at: datetime
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ticked:
    """`moved` timers went to the queue; the next one after now is due at `next_due_at`."""

    moved: int
    next_due_at: datetime | None


async def set_timer(  # noqa: PLR0917 - whose, which, when, what: the order of the table
    tx: Transaction, tenant_id: UUID, lane: str, key: str, due_at: datetime, payload: bytes
) -> None:
    """Sets the timer, or replaces the one of this tenant, lane and key that is still waiting."""
    await set_timers(tx, [Timer(tenant_id, lane, key, due_at, payload)])


async def set_timers(tx: Transaction, timers: Sequence[Timer]) -> None:
    """As `set_timer` for each, in one statement; of several with one key the last counts."""
    last = {(timer.tenant_id, timer.lane, timer.key): timer for timer in timers}
    if not last:
        return
    # In one order everywhere: two that replace the same timers must not wait for each other.
    wanted = [last[key] for key in sorted(last)]
    await tx.execute(
        f"""
        WITH put AS (
            INSERT INTO timers AS timer (tenant_id, lane, key, due_at, payload)
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[])
            ON CONFLICT (tenant_id, lane, key)
                DO UPDATE SET due_at = excluded.due_at, payload = excluded.payload
        )
        SELECT pg_notify($6, $7)
        WHERE (SELECT min(due_at) FROM unnest($4::timestamptz[]) due_at)
              < clock_timestamp() + interval '{SOON}'
        """,  # noqa: S608 - a constant
        [timer.tenant_id for timer in wanted],
        [timer.lane for timer in wanted],
        [timer.key for timer in wanted],
        [timer.due_at for timer in wanted],
        [timer.payload for timer in wanted],
        CHANNEL,
        message(TIMERS_TOPIC),
    )


async def cancel_timer(tx: Transaction, tenant_id: UUID, lane: str, key: str) -> bool:
    """Whether there was such a timer that had not gone to the queue yet; now there is none."""
    deleted = await tx.execute(
        "DELETE FROM timers WHERE tenant_id = $1 AND lane = $2 AND key = $3", tenant_id, lane, key
    )
    return deleted > 0


async def cancel_timers(tx: Transaction, lane: str, keys: Sequence[tuple[UUID, str]]) -> int:
    """As `cancel_timer` for each tenant and key, in one statement; how many there were."""
    if not keys:
        return 0
    wanted = sorted(set(keys))
    return await tx.execute(
        """
        DELETE FROM timers AS t USING unnest($2::uuid[], $3::text[]) AS wanted (tenant_id, key)
        WHERE t.tenant_id = wanted.tenant_id AND t.lane = $1 AND t.key = wanted.key
        """,
        lane,
        [tenant_id for tenant_id, _ in wanted],
        [key for _, key in wanted],
    )


class Ticker:
    """Moves timers that are due to the queue. Any number of processes may run one.

    It wakes at the next due time that it knows, when a timer is set that is due soon, and every
    `poll_seconds`.
    """

    def __init__(
        self,
        database: Database,
        hub: LiveHub,
        *,
        bound: int,
        batch_size: int = 1000,
        poll_seconds: float = 1.0,
        clock: Clock = utc_now,
    ) -> None:
        self.loop = Loop("ticker", self._run, interval_seconds=poll_seconds, clock=clock)
        self._database = database
        self._hub = hub
        self._bound = bound
        self._batch_size = batch_size
        self._clock = clock
        self._unwatch: Callable[[], None] | None = None

    def start(self) -> None:
        """Begins to move timers."""
        self._unwatch = self._hub.watch(TIMERS_TOPIC, self.loop.wake)
        self.loop.start()

    async def stop(self) -> None:
        """Lets the tick under way end."""
        if self._unwatch is not None:
            self._unwatch()
        await self.loop.stop()

    async def tick(self, now: datetime) -> Ticked:
        """Moves a batch of due timers, the earliest first; each goes once, whoever ticks."""
        async with self._database.system() as tx:
            # Where ten are due of a million, only the index finds them in time, whatever a plan
            # remembers of the table's size.
            await tx.execute("SET LOCAL enable_seqscan = off")
            due: list[Any] = await tx.fetch(
                """
                WITH due AS MATERIALIZED (
                    SELECT id FROM timers WHERE due_at <= $1
                    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
                )
                DELETE FROM timers USING due WHERE timers.id = due.id
                RETURNING timers.id, tenant_id, lane, due_at, payload
                """,
                now,
                self._batch_size,
            )
            due.sort(key=lambda record: (record["due_at"], record["id"]))
            entries = [
                Entry(record["lane"], record["tenant_id"], record["payload"]) for record in due
            ]
            await submit_entries(tx, entries, bound=self._bound)
            # Those due by now that are left are another ticker's, or the next batch.
            next_due_at = await tx.fetchval(
                "SELECT due_at FROM timers WHERE due_at > $1 ORDER BY due_at LIMIT 1", now
            )
        return Ticked(moved=len(entries), next_due_at=next_due_at)

    async def _run(self) -> float | None:
        ticked = await self.tick(self._clock())
        if ticked.moved == self._batch_size:
            return 0.0
        if ticked.next_due_at is None:
            return None
        return (ticked.next_due_at - self._clock()).total_seconds()
