"""SQL of taking executions forward: many at a time, of any tenants that the transaction sees.

The fence is `revision`: a write that comes after another one's finds no row, and what belongs to it
is not written either.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from treadle.db.columns import spread
from treadle.db.rows import rows
from treadle.db.transaction import Transaction
from treadle.workflows.execution_model import ExecutionRow, Key, Told

_ROW: Final = ", ".join(f"e.{field.name}" for field in fields(ExecutionRow))
_TOLD: Final = ", ".join(field.name for field in fields(Told))

# The tables are empty now and full a second later: a plan that a session remembers from the empty
# table would compare each row with each of the batch. Planning anew costs half a millisecond.
_PLAN_ANEW: Final = "SET LOCAL plan_cache_mode = force_custom_plan"
# Not for the statements of foreign keys, which would be planned for every row. What follows a write
# looks rows up by their keys: its plans, which are remembered, must not read a table end to end.
_PLAN_AS_USUAL: Final = "SET LOCAL plan_cache_mode = auto; SET LOCAL enable_seqscan = off"


class Moved(NamedTuple):
    """The columns of an execution after an advance, and the entries that it appends to its log."""

    id: UUID
    tenant_id: UUID
    revision: int
    status: str
    current: str
    seq: int
    wake_at: datetime | None
    state: bytes | None
    output: bytes | None
    error_name: str | None
    error_message: str | None
    error_step: str | None
    resumed: int
    entries: bytes | None


MOVED_TYPES: Final = {
    "id": "uuid",
    "tenant_id": "uuid",
    "revision": "int",
    "status": "text",
    "current": "text",
    "seq": "int",
    "wake_at": "timestamptz",
    "state": "bytea",
    "output": "bytea",
    "error_name": "text",
    "error_message": "text",
    "error_step": "text",
    "resumed": "int",
    "entries": "bytea",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What executions that are written together have in common: when; on whose behalf, if it is
    somebody's; and the version that they go on on, if that is another one.
    """

    now: datetime
    by: str | None = None
    version: tuple[UUID, int] | None = None


async def plan_anew(tx: Transaction) -> None:
    """The statements of this transaction, which should only read."""
    await tx.execute(_PLAN_ANEW)


async def load(tx: Transaction, keys: Collection[Key], *, lock: bool = False) -> list[ExecutionRow]:
    """These executions as they are now; with `lock`, nobody takes them forward meanwhile."""
    records = await tx.fetch(
        f"SELECT {_ROW} FROM executions AS e"
        " JOIN unnest($1::uuid[], $2::uuid[]) AS wanted (tenant_id, id)"
        " ON e.tenant_id = wanted.tenant_id AND e.id = wanted.id" + (" FOR UPDATE OF e" * lock),
        [tenant_id for tenant_id, _ in keys],
        [execution_id for _, execution_id in keys],
    )
    # Thousands a second: the columns are the fields, in their order.
    return [ExecutionRow(*record) for record in records]


async def load_inbox(tx: Transaction, keys: Collection[Key], *, limit: int) -> list[Told]:
    """What is to be told to these executions, in the order it came: at most so much for each."""
    records = await tx.fetch(
        f"""
        SELECT told.* FROM unnest($1::uuid[], $2::uuid[]) AS wanted (tenant_id, execution_id)
        CROSS JOIN LATERAL (
            SELECT {_TOLD} FROM execution_inbox AS i
            WHERE i.tenant_id = wanted.tenant_id AND i.execution_id = wanted.execution_id
            ORDER BY i.tenant_id, i.execution_id, i.id LIMIT $3
        ) AS told
        """,
        [tenant_id for tenant_id, _ in keys],
        [execution_id for _, execution_id in keys],
        limit,
    )
    return rows(Told, records)


async def write(tx: Transaction, moved: Sequence[Moved], turn: Turn) -> set[UUID]:
    """Writes rows and logs of those that nobody else took forward since; their ids."""
    columns = dict(zip(Moved._fields, zip(*moved, strict=True), strict=True))
    sent = spread(MOVED_TYPES, columns, first=5)
    version_id, number = turn.version or (None, None)
    await tx.execute(_PLAN_ANEW)
    records: list[Any] = await tx.fetch(
        f"""
        WITH given AS MATERIALIZED (
            SELECT {sent.named} FROM {sent.rows}
        ), moved AS (
            UPDATE executions AS e
            SET revision = e.revision + 1, status = g.status, current = g.current, seq = g.seq,
                wake_at = g.wake_at, state = g.state, output = g.output,
                error_name = g.error_name, error_message = g.error_message,
                error_step = g.error_step, resumed = g.resumed, modified_at = $1::timestamptz,
                finished_at = CASE WHEN g.status IN ('Completed', 'Failed', 'Terminated')
                                   THEN $1 END,
                modified_by = coalesce($2, e.modified_by),
                version_id = coalesce($3, e.version_id), number = coalesce($4, e.number)
            FROM given AS g
            WHERE e.tenant_id = g.tenant_id AND e.id = g.id AND e.revision = g.revision
            RETURNING e.tenant_id, e.id
        ), logged AS (
            INSERT INTO execution_events (tenant_id, execution_id, seq, entries)
            SELECT tenant_id, id, seq, entries FROM given JOIN moved USING (tenant_id, id)
            WHERE entries IS NOT NULL
        )
        SELECT id FROM moved
        """,
        turn.now,
        turn.by,
        version_id,
        number,
        *sent.arguments,
    )
    await tx.execute(_PLAN_AS_USUAL)
    return {record["id"] for record in records}


async def forget_told(tx: Transaction, ids: Sequence[int]) -> None:
    """These events were told."""
    if ids:
        await tx.execute("DELETE FROM execution_inbox WHERE id = ANY($1::bigint[])", list(ids))


async def tell(tx: Transaction, told: Sequence[tuple[Key, str, bytes]]) -> None:
    """Puts events into inboxes, those of executions that are gone left out; their executions have
    to be taken forward then.
    """
    if not told:
        return
    await tx.execute(
        """
        INSERT INTO execution_inbox (tenant_id, execution_id, type, event)
        SELECT told.tenant_id, told.execution_id, told.type, told.event
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[])
            WITH ORDINALITY AS told (tenant_id, execution_id, type, event, position)
        WHERE EXISTS (SELECT FROM executions AS e
                      WHERE e.tenant_id = told.tenant_id AND e.id = told.execution_id)
        ORDER BY position
        """,
        [key[0] for key, _, _ in told],
        [key[1] for key, _, _ in told],
        [kind for _, kind, _ in told],
        [event for _, _, event in told],
    )


async def release_process_ids(tx: Transaction, keys: Sequence[Key]) -> None:
    """The process ids of these executions may name others."""
    if keys:
        await tx.execute(
            """
            DELETE FROM live_processes AS p USING unnest($1::uuid[], $2::uuid[]) AS k (t, e)
            WHERE p.tenant_id = k.t AND p.execution_id = k.e
            """,
            [key[0] for key in keys],
            [key[1] for key in keys],
        )
