"""SQL of what programs come in with: API keys as they are asked at every request, and the tokens
that they were given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.db.database import Database
from treadle.db.rows import rows
from treadle.db.transaction import Transaction

_CALLER: Final = (
    "k.client_id, k.description, k.tenant_id, k.expires_at, k.secret_number, k.old_secret_until,"
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
# Asked at every request, for all that are under way together: each table by its key, and nothing of
# the time, which is the asker's own.
KEYS: Final = (
    f"SELECT {_CALLER}, k.secret_hash, k.old_secret_hash FROM api_keys k{_HELD}"
    " WHERE k.client_id = ANY($1::uuid[])"
)
TOKENS: Final = (
    f"SELECT {_CALLER}, t.token_hash, t.expires_at AS token_expires_at,"
    " t.secret_number AS token_secret_number"
    f" FROM client_tokens t JOIN api_keys k ON k.client_id = t.client_id{_HELD}"
    " WHERE t.token_hash = ANY($1::bytea[])"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that calls: until when, from where it may, and the roles that it holds."""

    client_id: UUID
    description: str
    tenant_id: UUID
    expires_at: datetime
    secret_number: int
    old_secret_until: datetime | None
    ranges: tuple[tuple[int, int], ...] | None
    project_ids: tuple[UUID | None, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyCaller(Caller):
    """A key that calls with its secret, which has to be compared yet."""

    secret_hash: bytes
    old_secret_hash: bytes | None


@dataclass(frozen=True, slots=True)
class TokenCaller(Caller):
    """A key that calls with a token, and with which of its secrets that was asked for."""

    token_hash: bytes
    token_expires_at: datetime
    token_secret_number: int


async def find_callers_by_key(db: Database, client_ids: Sequence[UUID]) -> dict[UUID, KeyCaller]:
    """Those of the keys that there are, be they expired."""
    found = rows(KeyCaller, await db.system_fetch(KEYS, client_ids))
    return {caller.client_id: caller for caller in found}


async def find_callers_by_token(
    db: Database, token_hashes: Sequence[bytes]
) -> dict[bytes, TokenCaller]:
    """The keys of those of the tokens that there are, be they expired."""
    found = rows(TokenCaller, await db.system_fetch(TOKENS, token_hashes))
    return {caller.token_hash: caller for caller in found}


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
