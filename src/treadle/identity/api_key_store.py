"""SQL of API keys and their firewall rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from typing import Final
from uuid import UUID

from treadle.core.pages import Slice, Window
from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.identity.firewall import FirewallRule
from treadle.identity.model import ApiKey, Member

_COLUMNS: Final = (
    "client_id, tenant_id, description, expires_at, old_secret_until, created_at, created_by,"
    " last_modified_at, last_modified_by, last_used_at, last_used_from"
)
_MEMBER: Final = ", ".join(f"m.{field.name}" for field in fields(Member))


@dataclass(frozen=True, slots=True)
class _KeyRow:
    client_id: UUID
    tenant_id: UUID
    description: str
    expires_at: datetime
    old_secret_until: datetime | None
    created_at: datetime
    created_by: str
    last_modified_at: datetime
    last_modified_by: str
    last_used_at: datetime | None
    last_used_from: str | None


@dataclass(frozen=True, slots=True)
class _RuleRow:
    client_id: UUID
    rule_name: str
    start_ipv4: IPv4Address
    end_ipv4: IPv4Address


@dataclass(frozen=True, slots=True)
class KeyUse:
    """That a key was used."""

    client_id: UUID
    at: datetime
    address: str


async def insert_key(
    tx: Transaction,
    client_id: UUID,
    *,
    description: str,
    expires_at: datetime,
    secret_hash: bytes,
    by: str,
    now: datetime,
) -> bool:
    """A new key without rules; False, and nothing, for a client id that ever was."""
    issued = await tx.execute(
        "INSERT INTO client_ids (client_id, tenant_id, issued_at) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        client_id,
        tx.tenant,
        now,
    )
    if not issued:
        return False
    await tx.execute(
        "INSERT INTO api_keys (client_id, tenant_id, description, expires_at, secret_hash,"
        " created_at, created_by, last_modified_at, last_modified_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $7)",
        client_id,
        tx.tenant,
        description,
        expires_at,
        secret_hash,
        now,
        by,
    )
    return True


async def find_key(tx: Transaction, client_id: UUID) -> ApiKey | None:
    """The key with this client id."""
    record = await tx.fetchrow(f"SELECT {_COLUMNS} FROM api_keys WHERE client_id = $1", client_id)
    found = row_or_none(_KeyRow, record)
    return None if found is None else (await _completed(tx, [found]))[0]


async def lock_key(tx: Transaction, client_id: UUID) -> bool:
    """Waits until no other transaction changes or deletes this key; False if there is none."""
    locked = await tx.fetchval("SELECT 1 FROM api_keys WHERE client_id = $1 FOR UPDATE", client_id)
    return bool(locked)


async def hold_key(tx: Transaction, client_id: UUID) -> bool:
    """Whether there is such a key. While the transaction lasts it is not deleted."""
    held = await tx.fetchval("SELECT 1 FROM api_keys WHERE client_id = $1 FOR KEY SHARE", client_id)
    return bool(held)


async def list_keys(tx: Transaction, window: Window) -> Slice[ApiKey]:
    """The keys of the tenant, the newest first."""
    total: int = await tx.fetchval("SELECT count(*) FROM api_keys")
    records = await tx.fetch(
        f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at DESC, client_id DESC"
        " LIMIT $1 OFFSET $2",
        window.limit,
        window.offset,
    )
    found = await _completed(tx, rows(_KeyRow, records))
    return Slice(tuple(found), total, window)


async def update_key(
    tx: Transaction,
    client_id: UUID,
    *,
    description: str,
    expires_at: datetime,
    by: str,
    now: datetime,
) -> None:
    """Writes what a caller decides. That another expiry comes near, and comes, is told anew."""
    await tx.execute(
        "UPDATE api_keys SET description = $2, expires_at = $3, last_modified_by = $4,"
        " last_modified_at = $5, expiry_announced_at ="
        " CASE WHEN expires_at = $3 THEN expiry_announced_at END, expiry_recorded_at ="
        " CASE WHEN expires_at = $3 THEN expiry_recorded_at END WHERE client_id = $1",
        client_id,
        description,
        expires_at,
        by,
        now,
    )


async def put_rules(tx: Transaction, client_id: UUID, rules: Sequence[FirewallRule]) -> None:
    """The key has these rules and no others."""
    await tx.execute("DELETE FROM firewall_rules WHERE client_id = $1", client_id)
    await tx.execute(
        "INSERT INTO firewall_rules (tenant_id, client_id, position, rule_name, start_ipv4,"
        " end_ipv4) SELECT $1, $2, position - 1, rule_name, start_ipv4, end_ipv4"
        " FROM unnest($3::text[], $4::inet[], $5::inet[])"
        " WITH ORDINALITY AS new (rule_name, start_ipv4, end_ipv4, position)",
        tx.tenant,
        client_id,
        [rule.rule_name for rule in rules],
        [rule.start_ipv4 for rule in rules],
        [rule.end_ipv4 for rule in rules],
    )


async def replace_secret(
    tx: Transaction,
    client_id: UUID,
    *,
    secret_hash: bytes,
    old_until: datetime | None,
    by: str,
    now: datetime,
) -> None:
    """A new secret with the next number. The one before it lives on until then, any older dies."""
    await tx.execute(
        "UPDATE api_keys SET secret_number = secret_number + 1, secret_hash = $2,"
        " old_secret_hash = CASE WHEN $3::timestamptz IS NOT NULL THEN secret_hash END,"
        " old_secret_until = $3, last_modified_by = $4, last_modified_at = $5"
        " WHERE client_id = $1",
        client_id,
        secret_hash,
        old_until,
        by,
        now,
    )


async def delete_key(tx: Transaction, client_id: UUID) -> bool:
    """Whether there was such a key. Its rules and tokens go with it; its client id stays known."""
    return await tx.execute("DELETE FROM api_keys WHERE client_id = $1", client_id) == 1


async def list_descriptions(tx: Transaction, client_ids: Collection[UUID]) -> dict[UUID, str]:
    """The descriptions of those of the keys that exist."""
    records = await tx.fetch(
        "SELECT client_id, description FROM api_keys WHERE client_id = ANY($1::uuid[])",
        list(client_ids),
    )
    return {record["client_id"]: record["description"] for record in records}


async def write_uses(tx: Transaction, uses: Sequence[KeyUse], *, apart: timedelta) -> int:
    """Writes when and from where keys were used last, and says of how many.

    A key whose stored use is less than `apart` before the new one is left alone.
    """
    # Locked in one order: two processes that write the same keys would wait for each other.
    return await tx.execute(
        "WITH due AS (SELECT k.client_id, u.at, u.address"
        " FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS u (client_id, at, address)"
        " JOIN api_keys k ON k.client_id = u.client_id"
        " WHERE k.last_used_at IS NULL OR k.last_used_at <= u.at - $4::interval"
        " ORDER BY k.client_id FOR NO KEY UPDATE OF k)"
        " UPDATE api_keys k SET last_used_at = due.at, last_used_from = due.address"
        " FROM due WHERE k.client_id = due.client_id",
        [use.client_id for use in uses],
        [use.at for use in uses],
        [use.address for use in uses],
        apart,
    )


async def mark_announced(
    tx: Transaction, *, before: datetime, most: int, now: datetime
) -> list[ApiKey]:
    """Keys that expire before then and were not announced, the soonest first; now they are."""
    records = await tx.fetch(
        "UPDATE api_keys SET expiry_announced_at = $1 WHERE client_id IN"
        " (SELECT client_id FROM api_keys WHERE expiry_announced_at IS NULL"
        " AND expires_at > $1 AND expires_at <= $2"
        " ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)"
        f" RETURNING {_COLUMNS}",
        now,
        before,
        most,
    )
    found = await _completed(tx, rows(_KeyRow, records))
    return sorted(found, key=lambda key: (key.expires_at, key.client_id))


async def mark_expired(tx: Transaction, *, most: int, now: datetime) -> list[ApiKey]:
    """Keys that have expired and were not recorded as such, the first ones first; now they are."""
    records = await tx.fetch(
        "UPDATE api_keys SET expiry_recorded_at = $1 WHERE client_id IN"
        " (SELECT client_id FROM api_keys WHERE expiry_recorded_at IS NULL AND expires_at <= $1"
        " ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
        f" RETURNING {_COLUMNS}",
        now,
        most,
    )
    found = await _completed(tx, rows(_KeyRow, records))
    return sorted(found, key=lambda key: (key.expires_at, key.client_id))


async def _completed(tx: Transaction, found: Sequence[_KeyRow]) -> list[ApiKey]:
    """The keys with their rules and roles, by two queries for all of them."""
    if not found:
        return []
    rules: dict[UUID, list[FirewallRule]] = {key.client_id: [] for key in found}
    for rule in await _list_rules(tx, list(rules)):
        rules[rule.client_id].append(FirewallRule(rule.rule_name, rule.start_ipv4, rule.end_ipv4))
    roles: dict[str, list[Member]] = {str(key.client_id): [] for key in found}
    for member in await _list_roles(tx, list(rules)):
        roles[member.member_id].append(member)
    return [
        ApiKey(
            **asdict(key),
            firewall_rules=tuple(rules[key.client_id]),
            roles=tuple(roles[str(key.client_id)]),
        )
        for key in found
    ]


async def _list_rules(tx: Transaction, client_ids: Sequence[UUID]) -> list[_RuleRow]:
    records = await tx.fetch(
        "SELECT client_id, rule_name, start_ipv4, end_ipv4 FROM firewall_rules"
        " WHERE client_id = ANY($1::uuid[]) ORDER BY client_id, position",
        client_ids,
    )
    return rows(_RuleRow, records)


async def _list_roles(tx: Transaction, client_ids: Sequence[UUID]) -> list[Member]:
    records = await tx.fetch(
        f"SELECT {_MEMBER} FROM api_keys k JOIN members m ON m.tenant_id = k.tenant_id"
        " AND m.member_type = 'api_key' AND m.member_id = k.client_id::text"
        " WHERE k.client_id = ANY($1::uuid[]) ORDER BY m.id",
        client_ids,
    )
    return rows(Member, records)
