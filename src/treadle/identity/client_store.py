"""SQL of what programs come in with: API keys as they are asked at every request, and the tokens
that they were given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.db.database import Database
from treadle.db.rows import row_or_none
from treadle.db.transaction import Transaction

_CALLER: Final = (
    "k.client_id, k.description, k.tenant_id,"
    " (SELECT array_agg(ARRAY[r.start_ipv4 - inet '0.0.0.0', r.end_ipv4 - inet '0.0.0.0'])"
    " FROM firewall_rules r WHERE r.client_id = k.client_id) AS ranges,"
    " held.project_ids, held.roles"
)
_HELD: Final = (
    " CROSS JOIN LATERAL (SELECT coalesce(array_agg(m.project_id), '{}') AS project_ids,"
    " coalesce(array_agg(m.role), '{}') AS roles FROM members m"
    " WHERE m.tenant_id = k.tenant_id AND m.member_type = 'api_key'"
    " AND m.member_id = k.client_id::text) held"
)
_SECRETS: Final = (
    "k.expires_at, k.secret_number, k.secret_hash, k.old_secret_hash, k.old_secret_until"
)

# One statement each, each table by its key: these are asked at every request.
KEY: Final = f"SELECT {_CALLER}, {_SECRETS} FROM api_keys k{_HELD} WHERE k.client_id = $1"
TOKEN: Final = (
    f"SELECT {_CALLER} FROM client_tokens t JOIN api_keys k ON k.client_id = t.client_id{_HELD}"
    " WHERE t.token_hash = $1 AND t.expires_at > $2 AND k.expires_at > $2"
    " AND (t.secret_number = k.secret_number"
    " OR (t.secret_number = k.secret_number - 1 AND k.old_secret_until > $2))"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that calls: from where it may, and the roles that it holds."""

    client_id: UUID
    description: str
    tenant_id: UUID
    ranges: tuple[tuple[int, int], ...] | None
    project_ids: tuple[UUID | None, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyCaller(Caller):
    """A key that calls with its secret, which has to be compared yet."""

    expires_at: datetime
    secret_number: int
    secret_hash: bytes
    old_secret_hash: bytes | None
    old_secret_until: datetime | None


async def find_caller_by_key(db: Database, client_id: UUID) -> KeyCaller | None:
    """The key with this client id, whether it has expired or not."""
    return row_or_none(KeyCaller, await db.system_fetchrow(KEY, client_id))


async def find_caller_by_token(db: Database, token_hash: bytes, *, now: datetime) -> Caller | None:
    """The key of a live token: key, secret and token have not expired."""
    return row_or_none(Caller, await db.system_fetchrow(TOKEN, token_hash, now))


async def insert_token(
    tx: Transaction,
    token_hash: bytes,
    *,
    client_id: UUID,
    secret_number: int,
    expires_at: datetime,
) -> bool:
    """Stores a token of the key; False if the key is gone meanwhile."""
    added = await tx.execute(
        "INSERT INTO client_tokens (token_hash, tenant_id, client_id, secret_number, expires_at)"
        " SELECT $1, tenant_id, client_id, $3, $4 FROM api_keys WHERE client_id = $2"
        " FOR KEY SHARE",
        token_hash,
        client_id,
        secret_number,
        expires_at,
    )
    return added == 1


async def delete_token(tx: Transaction, token_hash: bytes) -> bool:
    """Whether there was such a token."""
    return await tx.execute("DELETE FROM client_tokens WHERE token_hash = $1", token_hash) == 1


async def delete_client_tokens(tx: Transaction, *, before: datetime, most: int) -> int:
    """Deletes tokens that expired before then, and says how many."""
    return await tx.execute(
        "DELETE FROM client_tokens WHERE token_hash IN (SELECT token_hash FROM client_tokens"
        " WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        most,
    )
