"""SQL of executions as callers see them: started, read, listed. Advances: `advance_store`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from treadle.core.buckets import Buckets, Ends
from treadle.db.bucket_store import fetch_buckets
from treadle.db.columns import spread
from treadle.db.page_store import Conditions
from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.workflows.advance_store import MOVED_TYPES, Moved
from treadle.workflows.execution_model import (
    Execution,
    ExecutionSummary,
    LogChunk,
    NewExecution,
    StartedBy,
    Status,
)


def _selected(kind: type) -> str:
    names = (field.name for field in fields(kind))
    columns = ", ".join("v.name" if name == "workflow_name" else f"e.{name}" for name in names)
    columns = columns.replace("v.name", "v.name AS workflow_name")
    return (
        f"SELECT {columns} FROM executions AS e"
        " JOIN workflow_versions AS v ON v.tenant_id = e.tenant_id AND v.id = e.version_id"
    )


_EXECUTION: Final = _selected(Execution)
_SUMMARY: Final = _selected(ExecutionSummary)


@dataclass(frozen=True, slots=True)
class Batch:
    """What executions that are started together have in common."""

    project_id: UUID
    workflow_id: UUID
    version_id: UUID
    number: int
    trigger_type: StartedBy
    depth: int = 0


_SAME: Final = (
    "tenant_id, project_id, workflow_id, version_id, number, trigger_type, created_at, modified_at,"
    " depth"
)
_NEW_TYPES: Final = {
    "id": "uuid",
    "created_by": "text",
    "process_id": "text",
    "input": "bytea",
    "parent_execution_id": "uuid",
    "parent_step": "text",
    "parent_attempt": "int",
    "origin": "text",
}
_BEGUN: Final = (
    "status",
    "current",
    "seq",
    "wake_at",
    "state",
    "output",
    "error_name",
    "error_message",
    "error_step",
)


async def insert_executions(
    tx: Transaction, batch: Batch, new: Sequence[NewExecution], *, now: datetime
) -> None:
    """New executions of one version, in one statement."""
    if not new:
        return
    sent = spread(_NEW_TYPES, _columns(new), first=9)
    await tx.execute(
        f"""
        INSERT INTO executions ({_SAME}, {", ".join(_NEW_TYPES)})
        SELECT $1, $2, $3, $4, $5, $6, $7, $7, $8, {sent.places} FROM {sent.rows}
        """,
        *_same(tx, batch, now),
        *sent.arguments,
    )


async def insert_begun(
    tx: Transaction,
    batch: Batch,
    new: Sequence[NewExecution],
    moved: Sequence[Moved],
    *,
    now: datetime,
) -> None:
    """As `insert_executions`, for executions that have moved before they are inserted, each as its
    `moved` says, with the entries of their logs.
    """
    if not new:
        return
    more = {name: [getattr(one, name) for one in moved] for name in (*_BEGUN, "entries")}
    types = {**_NEW_TYPES, **MOVED_TYPES}
    sent = spread(types, {**_columns(new), **more}, first=9)
    names = ", ".join((*_NEW_TYPES, *_BEGUN))
    await tx.execute(
        f"""
        WITH given AS MATERIALIZED (SELECT {sent.named} FROM {sent.rows}), logged AS (
            INSERT INTO execution_events (tenant_id, execution_id, seq, entries)
            SELECT $1, id, seq, entries FROM given
        )
        INSERT INTO executions ({_SAME}, finished_at, {names})
        SELECT $1, $2, $3, $4, $5, $6, $7, $7, $8,
               CASE WHEN status IN ('Completed', 'Failed', 'Terminated') THEN $7::timestamptz END,
               {names}
        FROM given
        """,
        *_same(tx, batch, now),
        *sent.arguments,
    )


def _same(tx: Transaction, batch: Batch, now: datetime) -> tuple[object, ...]:
    return (
        tx.tenant,
        batch.project_id,
        batch.workflow_id,
        batch.version_id,
        batch.number,
        batch.trigger_type,
        now,
        batch.depth,
    )


def _columns(new: Sequence[NewExecution]) -> dict[str, list[Any]]:
    parents = [one.parent for one in new]
    return {
        "id": [one.id for one in new],
        "created_by": [one.created_by for one in new],
        "process_id": [one.process_id for one in new],
        "input": [one.input for one in new],
        "parent_execution_id": [one and one.execution_id for one in parents],
        "parent_step": [one and one.step for one in parents],
        "parent_attempt": [one and one.attempt for one in parents],
        "origin": [one.origin for one in new],
    }


async def claim_process_ids(tx: Transaction, wanted: Sequence[tuple[str, UUID]]) -> set[UUID]:
    """Makes these process ids name these executions, which are inserted after that; the executions
    whose names were free. Whoever claims the same one at the same moment waits for our end.
    """
    if not wanted:
        return set()
    pairs = sorted(wanted)  # in one order everywhere: two batches must not wait for each other
    records: list[Any] = await tx.fetch(
        """
        INSERT INTO live_processes (tenant_id, process_id, execution_id)
        SELECT $1, wanted.* FROM unnest($2::text[], $3::uuid[]) AS wanted
        ON CONFLICT (tenant_id, process_id) DO NOTHING RETURNING execution_id
        """,
        tx.tenant,
        [process_id for process_id, _ in pairs],
        [execution_id for _, execution_id in pairs],
    )
    return {record["execution_id"] for record in records}


async def read_log_ends(tx: Transaction, after: Mapping[UUID, int]) -> list[LogChunk]:
    """The ends of these executions' event logs: each from the chunk on that holds what follows its
    entry.
    """
    records = await tx.fetch(
        "SELECT l.execution_id, l.seq, l.entries FROM unnest($2::uuid[], $3::int[])"
        " AS wanted (id, after) JOIN execution_events AS l ON l.tenant_id = $1"
        " AND l.execution_id = wanted.id AND l.seq > wanted.after ORDER BY l.execution_id, l.seq",
        tx.tenant,
        list(after),
        list(after.values()),
    )
    return rows(LogChunk, records)


async def find_execution(tx: Transaction, execution_id: UUID) -> Execution | None:
    """The execution with this id."""
    record = await tx.fetchrow(
        f"{_EXECUTION} WHERE e.tenant_id = $1 AND e.id = $2", tx.tenant, execution_id
    )
    return row_or_none(Execution, record)


async def find_summary(tx: Transaction, execution_id: UUID) -> ExecutionSummary | None:
    """The execution with this id, without its payloads."""
    record = await tx.fetchrow(
        f"{_SUMMARY} WHERE e.tenant_id = $1 AND e.id = $2", tx.tenant, execution_id
    )
    return row_or_none(ExecutionSummary, record)


async def find_by_process(tx: Transaction, process_id: str) -> UUID | None:
    """The execution that a process id names: the live one, else the last one that it named."""
    live: UUID | None = await tx.fetchval(
        "SELECT execution_id FROM live_processes WHERE tenant_id = $1 AND process_id = $2",
        tx.tenant,
        process_id,
    )
    if live is not None:
        return live
    return await tx.fetchval(
        "SELECT id FROM executions WHERE tenant_id = $1 AND process_id = $2"
        " ORDER BY id DESC LIMIT 1",
        tx.tenant,
        process_id,
    )


async def list_executions(
    tx: Transaction,
    *,
    project_ids: Collection[UUID] | None,
    workflow_id: UUID | None = None,
    status: Status | None = None,
    beyond: UUID | None = None,
    oldest_first: bool = False,
    limit: int,
) -> list[ExecutionSummary]:
    """Executions of these projects (None: of all), the newest or the oldest first, from after
    `beyond` on.
    """
    conditions = Conditions()
    conditions.add("e.tenant_id = ?", tx.tenant)
    conditions.add("e.project_id = ANY(?)", None if project_ids is None else list(project_ids))
    conditions.add("e.workflow_id = ?", workflow_id)
    conditions.add("e.status = ?", status)
    conditions.add("e.id > ?" if oldest_first else "e.id < ?", beyond)
    order = "ASC" if oldest_first else "DESC"
    records = await tx.fetch(
        f"{_SUMMARY} {conditions.where} ORDER BY e.id {order}"
        f" LIMIT ${len(conditions.arguments) + 1}",
        *conditions.arguments,
        limit,
    )
    return rows(ExecutionSummary, records)


async def count_ends(
    tx: Transaction, *, project_ids: Collection[UUID] | None, buckets: Buckets
) -> dict[datetime, Ends]:
    """How executions of these projects (None: of all) ended, by the start of the bucket they ended
    in. Buckets in which none did are left out.
    """
    records = await fetch_buckets(
        tx,
        columns="count(*) FILTER (WHERE status = 'Completed') AS succeeded,"
        " count(*) FILTER (WHERE status = 'Failed') AS failed,"
        " count(*) FILTER (WHERE status = 'Terminated') AS cancelled",
        table="executions",
        instant="finished_at",
        project_ids=project_ids,
        buckets=buckets,
    )
    return {
        record["at"]: Ends(record["succeeded"], record["failed"], record["cancelled"])
        for record in records
    }


async def read_log(
    tx: Transaction, execution_ids: Sequence[UUID], *, after: int = 0
) -> list[LogChunk]:
    """The event logs of these executions, in order, from the chunk on that holds what follows the
    entry `after`.
    """
    records = await tx.fetch(
        "SELECT execution_id, seq, entries FROM execution_events"
        " WHERE tenant_id = $1 AND execution_id = ANY($2::uuid[]) AND seq > $3"
        " ORDER BY execution_id, seq",
        tx.tenant,
        list(execution_ids),
        after,
    )
    return rows(LogChunk, records)


async def find_wait(tx: Transaction, execution_id: UUID, step: str, attempt: int) -> bytes | None:
    """What the wait asks for, as its request says it; None for one that is over."""
    return await tx.fetchval(
        "SELECT request FROM execution_effects WHERE tenant_id = $1 AND execution_id = $2"
        " AND step = $3 AND attempt = $4 AND type = 'wait_for_response'",
        tx.tenant,
        execution_id,
        step,
        attempt,
    )
