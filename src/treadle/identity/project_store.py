"""SQL of tenants and projects."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from treadle.core.ids import new_id
from treadle.core.pages import Slice, Window
from treadle.db.rows import row, row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.identity.model import Project, Tenant

# First half of a two-part advisory lock, see session_store.
_INSTALLATION_LOCK = 0x7464_6C03

_PROJECT: Final = ", ".join(field.name for field in fields(Project))
_OF_THESE: Final = "FROM projects WHERE ($1::uuid[] IS NULL OR id = ANY($1))"
_DEFAULT_FIRST: Final = "name <> 'default', id"


async def lock_installation(tx: Transaction) -> None:
    """Waits until no other process makes the first tenant."""
    await tx.execute("SELECT pg_advisory_xact_lock($1::int, 0)", _INSTALLATION_LOCK)


async def has_tenants(tx: Transaction) -> bool:
    """Whether the installation has any tenant."""
    return bool(await tx.fetchval("SELECT 1 FROM tenants LIMIT 1"))


async def insert_tenant(tx: Transaction, *, name: str, now: datetime) -> Tenant | None:
    """The new tenant, or None if the name is taken."""
    record = await tx.fetchrow(
        "INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (name) DO NOTHING RETURNING id, name, created_at",
        new_id(),
        name,
        now,
    )
    return row_or_none(Tenant, record)


async def find_tenant(tx: Transaction, tenant_id: UUID) -> Tenant | None:
    """The tenant with this id."""
    record = await tx.fetchrow("SELECT id, name, created_at FROM tenants WHERE id = $1", tenant_id)
    return row_or_none(Tenant, record)


async def list_tenants(tx: Transaction) -> list[Tenant]:
    """All tenants, the oldest first."""
    records = await tx.fetch("SELECT id, name, created_at FROM tenants ORDER BY created_at, id")
    return rows(Tenant, records)


async def insert_project(
    tx: Transaction, *, tenant_id: UUID, name: str, description: str, now: datetime
) -> Project | None:
    """The new project, or None if the tenant has one of this name."""
    record = await tx.fetchrow(
        "INSERT INTO projects (id, tenant_id, name, description, created_at)"
        " VALUES ($1, $2, $3, $4, $5)"
        f" ON CONFLICT (tenant_id, name) DO NOTHING RETURNING {_PROJECT}",
        new_id(),
        tenant_id,
        name,
        description,
        now,
    )
    return row_or_none(Project, record)


async def find_project(tx: Transaction, project_id: UUID) -> Project | None:
    """The project with this id."""
    record = await tx.fetchrow(
        f"SELECT {_PROJECT} FROM projects WHERE id = $1",
        project_id,
    )
    return row_or_none(Project, record)


async def hold_project(tx: Transaction, project_id: UUID) -> bool:
    """Whether there is such a project. While the transaction lasts it is not deleted."""
    held = await tx.fetchval("SELECT 1 FROM projects WHERE id = $1 FOR KEY SHARE", project_id)
    return bool(held)


async def update_project(
    tx: Transaction, project_id: UUID, *, name: str, description: str
) -> Project | None:
    """The project as it is now, or None if another one has the name. LookupError for none."""
    try:
        async with tx.savepoint():
            record = await tx.fetchrow(
                f"UPDATE projects SET name = $2, description = $3 WHERE id = $1"
                f" RETURNING {_PROJECT}",
                project_id,
                name,
                description,
            )
    except asyncpg.UniqueViolationError:
        return None
    return row(Project, record)


async def delete_project(tx: Transaction, project_id: UUID) -> bool:
    """Deletes the project with its members; False if anything else still belongs to it.

    What belongs to a project says so by a foreign key; so whatever there will be is asked too.
    """
    try:
        async with tx.savepoint():
            await tx.execute("DELETE FROM projects WHERE id = $1", project_id)
    except asyncpg.ForeignKeyViolationError:
        return False
    return True


async def find_project_by_name(tx: Transaction, name: str) -> Project | None:
    """The project of exactly this name."""
    record = await tx.fetchrow(
        f"SELECT {_PROJECT} FROM projects WHERE name = $1",
        name,
    )
    return row_or_none(Project, record)


async def first_project(tx: Transaction, *, project_ids: Collection[UUID] | None) -> Project | None:
    """Of these projects (None: all) the one named `default`, else the oldest."""
    record = await tx.fetchrow(
        f"SELECT {_PROJECT} {_OF_THESE} ORDER BY {_DEFAULT_FIRST} LIMIT 1",
        None if project_ids is None else list(project_ids),
    )
    return row_or_none(Project, record)


async def list_projects(
    tx: Transaction, window: Window, *, project_ids: Collection[UUID] | None
) -> Slice[Project]:
    """These projects (None: all), oldest first but the one named `default` before them."""
    ids = None if project_ids is None else list(project_ids)
    total: int = await tx.fetchval(f"SELECT count(*) {_OF_THESE}", ids)
    records = await tx.fetch(
        f"SELECT {_PROJECT} {_OF_THESE} ORDER BY {_DEFAULT_FIRST} LIMIT $2 OFFSET $3",
        ids,
        window.limit,
        window.offset,
    )
    return Slice(tuple(rows(Project, records)), total, window)
