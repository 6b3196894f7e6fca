"""SQL of members: who holds which role where."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.core.ids import new_id
from treadle.core.pages import Slice, Window
from treadle.db.rows import row, row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.identity.model import ApplicationRole, Member, PrincipalKind, ProjectRole

_MEMBER: Final = ", ".join(field.name for field in fields(Member))


async def put_member(
    tx: Transaction,
    *,
    tenant_id: UUID,
    member_type: PrincipalKind,
    member_id: str,
    project_id: UUID | None,
    role: ApplicationRole | ProjectRole,
    now: datetime,
) -> Member:
    """The member with this role; a role that was held there before is replaced."""
    record = await tx.fetchrow(
        "INSERT INTO members (id, tenant_id, member_type, member_id, project_id, role, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (tenant_id, member_type, member_id, project_id)"
        f" DO UPDATE SET role = excluded.role RETURNING {_MEMBER}",
        new_id(),
        tenant_id,
        member_type,
        member_id,
        project_id,
        role,
        now,
    )
    return row(Member, record)


async def lock_role(
    tx: Transaction, *, member_type: PrincipalKind, member_id: str, project_id: UUID | None
) -> str | None:
    """The role that is held there now; nobody else changes it until the transaction ends."""
    return await tx.fetchval(
        "SELECT role FROM members WHERE tenant_id = $1 AND member_type = $2 AND member_id = $3"
        " AND project_id IS NOT DISTINCT FROM $4 FOR UPDATE",
        tx.tenant,
        member_type,
        member_id,
        project_id,
    )


async def find_member(tx: Transaction, member_row_id: UUID) -> Member | None:
    """The member with this id."""
    record = await tx.fetchrow(
        f"SELECT {_MEMBER} FROM members WHERE id = $1",
        member_row_id,
    )
    return row_or_none(Member, record)


async def list_members(
    tx: Transaction, window: Window, *, project_id: UUID | None
) -> Slice[Member]:
    """Who holds a role in the project, the oldest first; without one, an application role."""
    where = "FROM members WHERE project_id IS NOT DISTINCT FROM $1"
    total: int = await tx.fetchval(f"SELECT count(*) {where}", project_id)
    records = await tx.fetch(
        f"SELECT {_MEMBER} {where} ORDER BY id LIMIT $2 OFFSET $3",
        project_id,
        window.limit,
        window.offset,
    )
    return Slice(tuple(rows(Member, records)), total, window)


async def delete_member(tx: Transaction, member_row_id: UUID) -> bool:
    """Whether there was such a member."""
    return await tx.execute("DELETE FROM members WHERE id = $1", member_row_id) == 1


async def delete_roles(tx: Transaction, *, member_type: PrincipalKind, member_id: str) -> None:
    """Takes every role away from the principal."""
    await tx.execute(
        "DELETE FROM members WHERE tenant_id = $1 AND member_type = $2 AND member_id = $3",
        tx.tenant,
        member_type,
        member_id,
    )
