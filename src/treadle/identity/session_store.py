"""SQL of sessions, tokens and failed logins. All of it is asked of the system, since nobody is
known yet, but for `revoke_sessions_of_user`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from treadle.db.database import Database
from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction

# First half of a two-part advisory lock: another space than the locks with one number.
_LOGIN_LOCK = 0x7464_6C01

RevokeReason = Literal["logout", "refresh token used twice", "password changed", "deactivated"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login is judged by."""

    user_id: int
    tenant_id: UUID
    password_hash: str
    active: bool


@dataclass(frozen=True, slots=True)
class Family:
    """A session and the refresh token that was presented for it."""

    session_id: UUID
    tenant_id: UUID
    user_id: int
    session_expires_at: datetime
    session_revoked_at: datetime | None
    user_active: bool
    token_expires_at: datetime
    token_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of an access token, and the roles held."""

    token_hash: bytes
    expires_at: datetime
    user_id: int
    username: str
    tenant_id: UUID
    project_ids: tuple[UUID | None, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token as it is stored."""

    token_hash: bytes
    kind: Literal["access", "refresh"]
    expires_at: datetime


async def lock_subject(tx: Transaction, subject: bytes) -> None:
    """Waits until no other transaction, in any process, judges a login of this subject."""
    number = int.from_bytes(subject[:4], signed=True)
    await tx.execute("SELECT pg_advisory_xact_lock($1::int, $2::int)", _LOGIN_LOCK, number)


async def count_failures(tx: Transaction, subject: bytes, *, since: datetime) -> int:
    """How many failed logins of this subject are younger than `since`."""
    return await tx.fetchval(
        "SELECT count(*) FROM login_failures WHERE subject = $1 AND at > $2", subject, since
    )


async def add_failure(tx: Transaction, subject: bytes, *, now: datetime) -> None:
    """Records a failed login."""
    await tx.execute("INSERT INTO login_failures (subject, at) VALUES ($1, $2)", subject, now)


async def clear_failures(tx: Transaction, subject: bytes) -> None:
    """Forgets the failed logins of this subject."""
    await tx.execute("DELETE FROM login_failures WHERE subject = $1", subject)


async def find_credentials(tx: Transaction, folded: str) -> Credentials | None:
    """The user of this folded name, in whichever tenant."""
    record = await tx.fetchrow(
        "SELECT id AS user_id, tenant_id, password_hash, active FROM users"
        " WHERE username_folded = $1",
        folded,
    )
    return row_or_none(Credentials, record)


async def hold_credentials(tx: Transaction, judged: Credentials) -> bool:
    """Whether the user is still as judged. If so, deactivating and a new password wait for this
    transaction, and then also revoke the session that it makes."""
    return bool(
        await tx.fetchval(
            "SELECT 1 FROM users WHERE id = $1 AND active AND password_hash = $2 FOR SHARE",
            judged.user_id,
            judged.password_hash,
        )
    )


async def replace_password_hash(
    tx: Transaction, judged: Credentials, *, password_hash: str
) -> bool:
    """Stores the same password at another cost; False if the user is not as judged any more."""
    changed = await tx.execute(
        "UPDATE users SET password_hash = $3 WHERE id = $1 AND active AND password_hash = $2",
        judged.user_id,
        judged.password_hash,
        password_hash,
    )
    return changed == 1


async def insert_session(
    tx: Transaction,
    session_id: UUID,
    *,
    tenant_id: UUID,
    user_id: int,
    expires_at: datetime,
    now: datetime,
) -> None:
    """A new session without tokens."""
    await tx.execute(
        "INSERT INTO sessions (id, tenant_id, user_id, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        session_id,
        tenant_id,
        user_id,
        now,
        expires_at,
    )


async def insert_tokens(
    tx: Transaction, tokens: list[NewToken], *, tenant_id: UUID, session_id: UUID
) -> None:
    """Adds tokens to a session."""
    await tx.execute(
        "INSERT INTO tokens (token_hash, tenant_id, session_id, kind, expires_at)"
        " SELECT token_hash, $4, $5, kind, expires_at"
        " FROM unnest($1::bytea[], $2::text[], $3::timestamptz[])"
        " AS new (token_hash, kind, expires_at)",
        [token.token_hash for token in tokens],
        [token.kind for token in tokens],
        [token.expires_at for token in tokens],
        tenant_id,
        session_id,
    )


async def lock_family(tx: Transaction, refresh_hash: bytes) -> Family | None:
    """The session of a refresh token; whoever else rotates, ends or prunes it waits.

    The session is locked first and the token read afterwards, by a second statement: one statement
    would still show the token as it was before the wait.
    """
    session_id = await tx.fetchval(
        "SELECT id FROM sessions WHERE id ="
        " (SELECT session_id FROM tokens WHERE token_hash = $1 AND kind = 'refresh') FOR UPDATE",
        refresh_hash,
    )
    if session_id is None:
        return None
    record = await tx.fetchrow(
        "SELECT s.id AS session_id, s.tenant_id, s.user_id, s.expires_at AS session_expires_at,"
        " s.revoked_at AS session_revoked_at, u.active AS user_active,"
        " t.expires_at AS token_expires_at, t.used_at AS token_used_at"
        " FROM tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id"
        " WHERE t.token_hash = $1",
        refresh_hash,
    )
    return row_or_none(Family, record)


async def rotate_session(
    tx: Transaction, session_id: UUID, *, refresh_hash: bytes, expires_at: datetime, now: datetime
) -> None:
    """Marks the refresh token as used and lets its session live on until `expires_at`."""
    await tx.execute("UPDATE tokens SET used_at = $2 WHERE token_hash = $1", refresh_hash, now)
    await tx.execute("UPDATE sessions SET expires_at = $2 WHERE id = $1", session_id, expires_at)


async def revoke_session(
    tx: Transaction, session_id: UUID, *, reason: RevokeReason, now: datetime
) -> None:
    """Ends the session, and with it every token of it, for every process."""
    await tx.execute(
        "UPDATE sessions SET revoked_at = $2, revoked_reason = $3"
        " WHERE id = $1 AND revoked_at IS NULL",
        session_id,
        now,
        reason,
    )


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that was ended, and whose it was."""

    session_id: UUID
    tenant_id: UUID
    user_id: int


async def revoke_session_of_token(
    tx: Transaction, token_hash: bytes, *, now: datetime
) -> Ended | None:
    """Logs out; None if the token belongs to no live session."""
    record = await tx.fetchrow(
        "UPDATE sessions SET revoked_at = $2, revoked_reason = 'logout'"
        " WHERE id = (SELECT session_id FROM tokens WHERE token_hash = $1)"
        " AND revoked_at IS NULL AND expires_at > $2"
        " RETURNING id AS session_id, tenant_id, user_id",
        token_hash,
        now,
    )
    return row_or_none(Ended, record)


async def revoke_sessions_of_user(
    tx: Transaction, user_id: int, *, reason: RevokeReason, now: datetime
) -> None:
    """Ends every live session of a user of the transaction's tenant."""
    await tx.execute(
        "UPDATE sessions SET revoked_at = $3, revoked_reason = $4"
        " WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL",
        tx.tenant,
        user_id,
        now,
        reason,
    )


# Asked at every request, for all that are under way together: each table by its key, and nothing of
# the time, which is the asker's own.
CALLERS = (
    "SELECT t.token_hash, t.expires_at, u.id AS user_id, u.username, u.tenant_id,"
    " held.project_ids, held.roles"
    " FROM tokens t"
    " JOIN sessions s ON s.id = t.session_id"
    " JOIN users u ON u.id = s.user_id"
    " CROSS JOIN LATERAL (SELECT coalesce(array_agg(m.project_id), '{}') AS project_ids,"
    " coalesce(array_agg(m.role), '{}') AS roles FROM members m"
    " WHERE m.tenant_id = u.tenant_id AND m.member_type = 'user'"
    " AND m.member_id = u.id::text) held"
    " WHERE t.token_hash = ANY($1::bytea[]) AND t.kind = 'access'"
    " AND s.revoked_at IS NULL AND u.active"
)


async def find_callers(db: Database, access_hashes: Sequence[bytes]) -> dict[bytes, Caller]:
    """The users of those of the access tokens that were not revoked, be they expired."""
    found = rows(Caller, await db.system_fetch(CALLERS, access_hashes))
    return {caller.token_hash: caller for caller in found}


async def delete_access_tokens(tx: Transaction, *, before: datetime, most: int) -> int:
    """Deletes access tokens that expired before then, and says how many."""
    return await tx.execute(
        "DELETE FROM tokens WHERE token_hash IN (SELECT token_hash FROM tokens"
        " WHERE kind = 'access' AND expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        most,
    )


async def delete_sessions(tx: Transaction, *, before: datetime, most: int) -> int:
    """Deletes sessions that expired before then, with their tokens, and says how many."""
    return await tx.execute(
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions"
        " WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        most,
    )


async def delete_failures(tx: Transaction, *, before: datetime, most: int) -> int:
    """Deletes failed logins older than then, and says how many."""
    return await tx.execute(
        "DELETE FROM login_failures WHERE id IN (SELECT id FROM login_failures"
        " WHERE at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        most,
    )
