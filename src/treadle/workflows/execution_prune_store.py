"""SQL of the pruner of executions. Takes system transactions: it looks at all tenants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from treadle.db.transaction import Transaction
from treadle.workflows.execution_model import Key


async def finished_executions(tx: Transaction, *, before: datetime, limit: int) -> list[Key]:
    """Executions that ended before, locked; another process's pruner skips them."""
    records: list[Any] = await tx.fetch(
        "SELECT tenant_id, id FROM executions WHERE finished_at < $1 ORDER BY finished_at LIMIT $2"
        " FOR UPDATE SKIP LOCKED",
        before,
        limit,
    )
    return [(record["tenant_id"], record["id"]) for record in records]


async def delete_executions(tx: Transaction, keys: Sequence[Key]) -> None:
    """The executions are gone, with their logs and all that belongs to them."""
    tenants, ids = [key[0] for key in keys], [key[1] for key in keys]
    wanted = "unnest($1::uuid[], $2::uuid[]) AS gone (tenant_id, id)"
    await tx.execute(
        f"DELETE FROM execution_events AS v USING {wanted}"
        " WHERE v.tenant_id = gone.tenant_id AND v.execution_id = gone.id",
        tenants,
        ids,
    )
    await tx.execute(
        f"DELETE FROM executions AS e USING {wanted}"
        " WHERE e.tenant_id = gone.tenant_id AND e.id = gone.id",
        tenants,
        ids,
    )
