"""SQL of the audit log. There is no statement here that changes an entry, and no role may."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from treadle.db.rows import row_or_none
from treadle.db.transaction import Transaction
from treadle.identity.audit_chain import AuditEntry, ChainedEntry, Head, Outcome, digest_of

_NAMES: Final = [field.name for field in fields(AuditEntry)]
_ENTRY: Final = ", ".join(_NAMES)
_CHAINED: Final = f"{_ENTRY}, number, digest, hash"
_PARAMETERS: Final = ", ".join(f"${number}" for number in range(1, len(_NAMES) + 2))


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted; None asks nothing. Times: `since` included, `until` not."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whose a credential or user name is that was presented."""

    tenant_id: UUID
    ref: str


async def insert_entries(tx: Transaction, entries: Iterable[AuditEntry]) -> None:
    """Adds the entries; they get their places in the chain when the transaction commits."""
    await tx.executemany(
        f"INSERT INTO audit_log ({_ENTRY}, digest) VALUES ({_PARAMETERS})",
        [(*(getattr(entry, name) for name in _NAMES), digest_of(entry)) for entry in entries],
    )


async def list_entries(
    tx: Transaction,
    wanted: AuditFilter,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[ChainedEntry]:
    """The entries of this tenant below the number `before`, the newest first; or those above
    `after`, the oldest first.
    """
    order = "DESC" if after is None else "ASC"
    # A condition only where something is asked: the planner chooses the index by what it sees.
    conditions, values = _conditions(wanted, before=before, after=after)
    records = await tx.fetch(
        f"SELECT {_CHAINED} FROM audit_log WHERE tenant_id = $1 AND number IS NOT NULL"
        f"{conditions} ORDER BY number {order} LIMIT $2",
        tx.tenant,
        limit,
        *values,
    )
    return [_chained(record) for record in records]


async def fix_snapshot(tx: Transaction) -> None:
    """From now on the transaction sees one moment. The first statement of it."""
    await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


async def chained_tenants(tx: Transaction) -> list[UUID]:
    """All tenants that have an entry or a head."""
    records = await tx.fetch(
        "SELECT tenant_id FROM audit_heads UNION SELECT tenant_id FROM audit_log ORDER BY 1"
    )
    return [record["tenant_id"] for record in records]


async def find_head(tx: Transaction, tenant_id: UUID) -> Head | None:
    """Where the chain of the tenant ends, as it was recorded."""
    record = await tx.fetchrow(
        "SELECT number, hash FROM audit_heads WHERE tenant_id = $1", tenant_id
    )
    return row_or_none(Head, record)


async def find_unchained(tx: Transaction, tenant_id: UUID) -> UUID | None:
    """An entry that never got its place, which cannot be: somebody went around the trigger."""
    return await tx.fetchval(
        "SELECT id FROM audit_log WHERE tenant_id = $1 AND (number IS NULL OR hash IS NULL)"
        " LIMIT 1",
        tenant_id,
    )


async def read_chain(
    tx: Transaction, tenant_id: UUID, *, after: int, limit: int
) -> list[ChainedEntry]:
    """The next entries of the chain, for whoever sees all tenants."""
    records = await tx.fetch(
        f"SELECT {_CHAINED} FROM audit_log WHERE tenant_id = $1 AND number > $2"
        " ORDER BY number LIMIT $3",
        tenant_id,
        after,
        limit,
    )
    return [_chained(record) for record in records]


async def owners_of_keys(tx: Transaction, client_ids: Sequence[UUID]) -> dict[UUID, Claimed]:
    """The tenants of client ids, those of deleted keys too."""
    records = await tx.fetch(
        "SELECT client_id, tenant_id FROM client_ids WHERE client_id = ANY($1::uuid[])",
        list(client_ids),
    )
    return {
        record["client_id"]: Claimed(record["tenant_id"], f"api_key:{record['client_id']}")
        for record in records
    }


async def owners_of_tokens(tx: Transaction, hashes: Sequence[bytes]) -> dict[bytes, Claimed]:
    """Whose tokens these are, expired and revoked ones too as long as they are kept."""
    records = await tx.fetch(
        "SELECT t.token_hash, t.tenant_id, 'user:' || s.user_id AS ref"
        " FROM tokens t JOIN sessions s ON s.id = t.session_id"
        " WHERE t.token_hash = ANY($1::bytea[])"
        " UNION ALL SELECT token_hash, tenant_id, 'api_key:' || client_id"
        " FROM client_tokens WHERE token_hash = ANY($1::bytea[])",
        list(hashes),
    )
    return {record["token_hash"]: Claimed(record["tenant_id"], record["ref"]) for record in records}


async def owners_of_usernames(tx: Transaction, folded: Sequence[str]) -> dict[str, Claimed]:
    """The users of these folded names, active or not."""
    records = await tx.fetch(
        "SELECT username_folded, tenant_id, 'user:' || id AS ref FROM users"
        " WHERE username_folded = ANY($1::text[])",
        list(folded),
    )
    return {
        record["username_folded"]: Claimed(record["tenant_id"], record["ref"]) for record in records
    }


def _conditions(
    wanted: AuditFilter, *, before: int | None, after: int | None
) -> tuple[str, list[object]]:
    asked: tuple[tuple[str, object], ...] = (
        ("actor =", wanted.actor),
        ("action =", wanted.action),
        ("target =", wanted.target),
        ("outcome =", wanted.outcome),
        ("at >=", wanted.since),
        ("at <", wanted.until),
        ("number <", before),
        ("number >", after),
    )
    given = [(rule, value) for rule, value in asked if value is not None]
    text = "".join(f" AND {rule} ${number}" for number, (rule, _) in enumerate(given, start=3))
    return text, [value for _, value in given]


def _chained(record: asyncpg.Record) -> ChainedEntry:
    values: dict[str, Any] = dict(record)
    number, digest, hash_ = values.pop("number"), values.pop("digest"), values.pop("hash")
    return ChainedEntry(AuditEntry(**values), number, digest, hash_ or b"")
