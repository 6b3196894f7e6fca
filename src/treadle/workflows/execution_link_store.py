"""SQL of what an execution was started by, and what it has started."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ParentRow:
    """The execution, and the step of it, that waits for the end of another one."""

    execution_id: UUID
    workflow_id: UUID
    workflow_name: str
    step: str


@dataclass(frozen=True, slots=True)
class BegunRow:
    """An execution or a run that an attempt of a step has begun."""

    id: UUID
    step: str
    attempt: int


async def find_parent(tx: Transaction, execution_id: UUID) -> ParentRow | None:
    """The execution that waits for this one; None where none does, or it is there no more."""
    record = await tx.fetchrow(
        """
        SELECT p.id AS execution_id, p.workflow_id, v.name AS workflow_name, e.parent_step AS step
        FROM executions AS e
        JOIN executions AS p ON p.tenant_id = e.tenant_id AND p.id = e.parent_execution_id
        JOIN workflow_versions AS v ON v.tenant_id = p.tenant_id AND v.id = p.version_id
        WHERE e.tenant_id = $1 AND e.id = $2
        """,
        tx.tenant,
        execution_id,
    )
    return row_or_none(ParentRow, record)


async def children_of(tx: Transaction, execution_id: UUID, *, limit: int) -> list[BegunRow]:
    """The executions that it waits or waited for, the oldest first."""
    records = await tx.fetch(
        "SELECT id, parent_step AS step, parent_attempt AS attempt FROM executions"
        " WHERE tenant_id = $1 AND parent_execution_id = $2 ORDER BY id LIMIT $3",
        tx.tenant,
        execution_id,
        limit,
    )
    return rows(BegunRow, records)


async def runs_under_way(tx: Transaction, execution_id: UUID) -> list[BegunRow]:
    """The runs that it waits for now."""
    records = await tx.fetch(
        "SELECT target_id AS id, step, attempt FROM execution_effects WHERE tenant_id = $1"
        " AND execution_id = $2 AND type = 'job' AND target_id IS NOT NULL ORDER BY step, attempt",
        tx.tenant,
        execution_id,
    )
    return rows(BegunRow, records)
