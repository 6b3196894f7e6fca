"""SQL of the pruner. Takes system transactions: it looks at all tenants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from treadle.db.rows import rows
from treadle.db.transaction import Transaction


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that is over its time."""

    id: UUID
    tenant_id: UUID
    has_files: bool


async def finished_runs(tx: Transaction, *, before: datetime, limit: int) -> list[FinishedRun]:
    """Runs that ended before, locked; another process's pruner skips them."""
    records = await tx.fetch(
        "SELECT r.id, r.tenant_id, EXISTS (SELECT 1 FROM run_files f"
        " WHERE f.tenant_id = r.tenant_id AND f.run_id = r.id) AS has_files"
        " FROM runs r WHERE r.finished_at < $1 ORDER BY r.finished_at LIMIT $2"
        " FOR UPDATE OF r SKIP LOCKED",
        before,
        limit,
    )
    return rows(FinishedRun, records)


async def delete_runs(tx: Transaction, ids: Sequence[UUID]) -> None:
    """The runs are gone, with their logs, attempts and file rows."""
    await tx.execute("DELETE FROM runs WHERE id = ANY($1::uuid[])", list(ids))


@dataclass(frozen=True, slots=True)
class Content:
    """A stored content that nothing uses."""

    tenant_id: UUID
    sha256: bytes


async def delete_unused_contents(tx: Transaction, *, before: datetime, limit: int) -> list[Content]:
    """Forgets contents that no file and no open run uses. The rows stay locked until commit."""
    records = await tx.fetch(
        "DELETE FROM stored_packages s USING ("
        " SELECT c.tenant_id, c.sha256 FROM stored_packages c WHERE c.stored_at < $1"
        " AND NOT EXISTS (SELECT 1 FROM job_files f"
        "  WHERE f.tenant_id = c.tenant_id AND f.sha256 = c.sha256)"
        " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.tenant_id = c.tenant_id"
        "  AND r.state IN ('QUEUED', 'WAITING', 'INITIALIZING', 'RUNNING')"
        "  AND r.package->>'sha256' = encode(c.sha256, 'hex'))"
        " LIMIT $2 FOR UPDATE OF c SKIP LOCKED) unused"
        " WHERE s.tenant_id = unused.tenant_id AND s.sha256 = unused.sha256"
        " RETURNING s.tenant_id, s.sha256",
        before,
        limit,
    )
    return rows(Content, records)
