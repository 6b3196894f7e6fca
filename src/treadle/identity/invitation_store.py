"""SQL of invitations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from treadle.core.pages import Slice, Window
from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.identity.model import ApplicationRole, ProjectRole

_COLUMNS = (
    "id, email, role, project_id, letter_id, invited_by, created_at, expires_at, accepted_at,"
    " accepted_by"
)
_OPEN = "FROM invitations WHERE token_hash = $1 AND accepted_at IS NULL AND expires_at > $2"


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """Who was asked to come in, and as what."""

    id: UUID
    email: str
    role: ApplicationRole | ProjectRole
    project_id: UUID | None
    letter_id: UUID
    invited_by: str
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    accepted_by: int | None


async def insert_invitation(
    tx: Transaction,
    invitation_id: UUID,
    *,
    email: str,
    role: ApplicationRole | ProjectRole,
    project_id: UUID | None,
    token_hash: bytes,
    letter_id: UUID,
    invited_by: str,
    expires_at: datetime,
    now: datetime,
) -> None:
    """An invitation that nobody has accepted."""
    await tx.execute(
        "INSERT INTO invitations (id, tenant_id, email, role, project_id, token_hash, letter_id,"
        " invited_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        invitation_id,
        tx.tenant,
        email,
        role,
        project_id,
        token_hash,
        letter_id,
        invited_by,
        now,
        expires_at,
    )


async def count_open(tx: Transaction, *, now: datetime) -> int:
    """How many could be accepted."""
    return await tx.fetchval(
        "SELECT count(*) FROM invitations WHERE accepted_at IS NULL AND expires_at > $1", now
    )


async def find_invitation(tx: Transaction, invitation_id: UUID) -> InvitationRow | None:
    """The invitation with this id."""
    record = await tx.fetchrow(f"SELECT {_COLUMNS} FROM invitations WHERE id = $1", invitation_id)
    return row_or_none(InvitationRow, record)


async def list_invitations(
    tx: Transaction, window: Window, *, project_id: UUID | None
) -> Slice[InvitationRow]:
    """Those into the project, the newest first; without one, those into the tenant."""
    where = "FROM invitations WHERE project_id IS NOT DISTINCT FROM $1"
    total: int = await tx.fetchval(f"SELECT count(*) {where}", project_id)
    records = await tx.fetch(
        f"SELECT {_COLUMNS} {where} ORDER BY id DESC LIMIT $2 OFFSET $3",
        project_id,
        window.limit,
        window.offset,
    )
    return Slice(tuple(rows(InvitationRow, records)), total, window)


async def delete_invitation(tx: Transaction, invitation_id: UUID) -> bool:
    """Whether there was such an invitation that nobody had accepted."""
    deleted = await tx.execute(
        "DELETE FROM invitations WHERE id = $1 AND accepted_at IS NULL", invitation_id
    )
    return deleted == 1


async def tenant_of_token(tx: Transaction, token_hash: bytes) -> UUID | None:
    """Whose invitation has this token."""
    return await tx.fetchval("SELECT tenant_id FROM invitations WHERE token_hash = $1", token_hash)


async def find_open(tx: Transaction, token_hash: bytes, *, now: datetime) -> InvitationRow | None:
    """The invitation with this token, if it can be accepted."""
    record = await tx.fetchrow(f"SELECT {_COLUMNS} {_OPEN}", token_hash, now)
    return row_or_none(InvitationRow, record)


async def lock_open(tx: Transaction, token_hash: bytes, *, now: datetime) -> InvitationRow | None:
    """The invitation with this token, if it can be accepted; nobody else does meanwhile."""
    record = await tx.fetchrow(f"SELECT {_COLUMNS} {_OPEN} FOR UPDATE", token_hash, now)
    return row_or_none(InvitationRow, record)


async def put_accepted(
    tx: Transaction, invitation_id: UUID, *, user_id: int, now: datetime
) -> None:
    """Its token works no more."""
    await tx.execute(
        "UPDATE invitations SET accepted_at = $2, accepted_by = $3 WHERE id = $1",
        invitation_id,
        now,
        user_id,
    )


async def delete_invitations(tx: Transaction, *, before: datetime, most: int) -> int:
    """Deletes what expired before then, accepted or not, and says how many."""
    return await tx.execute(
        "DELETE FROM invitations WHERE id IN (SELECT id FROM invitations WHERE expires_at < $1"
        " LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        most,
    )
