"""SQL of users, and the names that rows show."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.core.pages import Page, PageRequest
from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.identity.model import User

# First half of a two-part advisory lock, see session_store.
_ADMINISTRATION_LOCK = 0x7464_6C02

_USER: Final = (
    "u.id, u.username, u.email, u.first_name, u.last_name, u.active, r.role, u.created_at,"
    " u.last_modified_at"
)
_FROM: Final = (
    " FROM users u LEFT JOIN members r ON r.tenant_id = u.tenant_id AND r.member_type = 'user'"
    " AND r.member_id = u.id::text AND r.project_id IS NULL"
)
_ORDER: Final = {
    "id": "u.id",
    "username": "u.username_folded",
    "firstName": "lower(u.first_name)",
    "lastName": "lower(u.last_name)",
    "email": "lower(u.email)",
    "active": "u.active",
    "created": "u.created_at",
    "lastModified": "u.last_modified_at",
}
USER_SORTS: Final = frozenset(_ORDER)
"""What a list of users can be sorted by."""


@dataclass(frozen=True, slots=True)
class UserRow:
    """The columns of a user that a caller decides after creation."""

    email: str
    first_name: str
    last_name: str
    active: bool


async def insert_user(
    tx: Transaction,
    *,
    tenant_id: UUID,
    username: str,
    username_folded: str,
    password_hash: str,
    row: UserRow,
    now: datetime,
) -> int | None:
    """The new user's id, or None if the name is taken, be it in another tenant."""
    return await tx.fetchval(
        "INSERT INTO users (tenant_id, username, username_folded, password_hash, email, first_name,"
        " last_name, active, created_at, last_modified_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)"
        " ON CONFLICT (username_folded) DO NOTHING RETURNING id",
        tenant_id,
        username,
        username_folded,
        password_hash,
        row.email,
        row.first_name,
        row.last_name,
        row.active,
        now,
    )


async def find_user(tx: Transaction, user_id: int) -> User | None:
    """The user with this id."""
    record = await tx.fetchrow(f"SELECT {_USER}{_FROM} WHERE u.id = $1", user_id)
    return row_or_none(User, record)


async def list_users(
    tx: Transaction,
    page: PageRequest,
    *,
    text: str | None,
    active: bool | None,
    sort: str,
    descending: bool,
) -> Page[User]:
    """Users whose username, names or email hold `text`, whatever its case."""
    where = (
        f"{_FROM} WHERE ($1::text IS NULL OR position(lower($1) IN"
        " lower(concat_ws(' ', u.username, u.first_name, u.last_name, u.email))) > 0)"
        " AND ($2::boolean IS NULL OR u.active = $2)"
    )
    total: int = await tx.fetchval(f"SELECT count(*){where}", text, active)
    direction = "DESC" if descending else "ASC"
    records = await tx.fetch(
        f"SELECT {_USER}{where} ORDER BY {_ORDER[sort]} {direction}, u.id {direction}"
        " LIMIT $3 OFFSET $4",
        text,
        active,
        page.size,
        page.offset,
    )
    return Page(tuple(rows(User, records)), total, page)


async def update_user(tx: Transaction, user_id: int, row: UserRow, *, now: datetime) -> None:
    """Writes the columns that a caller decides."""
    await tx.execute(
        "UPDATE users SET email = $2, first_name = $3, last_name = $4, active = $5,"
        " last_modified_at = $6 WHERE id = $1",
        user_id,
        row.email,
        row.first_name,
        row.last_name,
        row.active,
        now,
    )


async def lock_user(tx: Transaction, user_id: int) -> None:
    """Waits until no other transaction changes this user or opens a session of it."""
    await tx.execute("SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE", user_id)


async def set_password_hash(
    tx: Transaction, user_id: int, *, password_hash: str, now: datetime
) -> None:
    """Replaces the password."""
    await tx.execute(
        "UPDATE users SET password_hash = $2, last_modified_at = $3 WHERE id = $1",
        user_id,
        password_hash,
        now,
    )


async def addresses_for_key(tx: Transaction, *, tenant_id: UUID, created_by: str) -> list[str]:
    """Mail addresses of the tenant's active Administrators and of the active user that made it."""
    records = await tx.fetch(
        "SELECT DISTINCT u.email FROM users u LEFT JOIN members r ON r.tenant_id = u.tenant_id"
        " AND r.member_type = 'user' AND r.member_id = u.id::text AND r.project_id IS NULL"
        " WHERE u.tenant_id = $1 AND u.active AND u.email <> ''"
        " AND (r.role = 'Administrator' OR 'user:' || u.id = $2) ORDER BY u.email",
        tenant_id,
        created_by,
    )
    return [record["email"] for record in records]


async def lock_administration(tx: Transaction) -> None:
    """Waits until no other transaction takes an Administrator away from this tenant."""
    number = int.from_bytes(tx.tenant.bytes[-4:], signed=True)
    await tx.execute("SELECT pg_advisory_xact_lock($1::int, $2::int)", _ADMINISTRATION_LOCK, number)


async def has_other_administrator(tx: Transaction, user_id: int) -> bool:
    """Whether anybody but this user can log in to the tenant who may do everything."""
    return bool(
        await tx.fetchval(
            f"SELECT 1{_FROM} WHERE u.active AND r.role = 'Administrator' AND u.id <> $1 LIMIT 1",
            user_id,
        )
    )


async def list_usernames(tx: Transaction, user_ids: Collection[int]) -> dict[int, str]:
    """The names of those of the users that exist."""
    records = await tx.fetch(
        "SELECT id, username FROM users WHERE id = ANY($1::bigint[])", list(user_ids)
    )
    return {record["id"]: record["username"] for record in records}
