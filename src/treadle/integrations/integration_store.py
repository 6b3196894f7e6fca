"""SQL of integrations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from treadle.core.pages import Slice, Window
from treadle.db.resealing import Seal, columns
from treadle.db.rows import row, row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.integrations.model import Integration, IntegrationType

_INTEGRATION: Final = ", ".join(field.name for field in fields(Integration))
_OF_THESE: Final = (
    "FROM integrations WHERE ($1::uuid[] IS NULL OR project_id = ANY($1))"
    " AND ($2::text IS NULL OR type = $2) AND ($3::text IS NULL OR name = $3)"
)


@dataclass(frozen=True, slots=True)
class IntegrationRow:
    """The columns that a caller decides. `secrets` is sealed for `id`."""

    id: UUID
    project_id: UUID
    name: str
    type: IntegrationType
    config: dict[str, Any]
    secrets: bytes | None
    secret_names: tuple[str, ...]


async def insert_integration(
    tx: Transaction, columns: IntegrationRow, *, by: str, now: datetime
) -> Integration | None:
    """The new integration; None if its project has the name."""
    record = await tx.fetchrow(
        "INSERT INTO integrations (id, tenant_id, project_id, name, type, config, secrets,"
        " secret_names, created_at, created_by, updated_at, updated_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $10)"
        f" ON CONFLICT (tenant_id, project_id, name) DO NOTHING RETURNING {_INTEGRATION}",
        columns.id,
        tx.tenant,
        columns.project_id,
        columns.name,
        columns.type,
        columns.config,
        columns.secrets,
        list(columns.secret_names),
        now,
        by,
    )
    return row_or_none(Integration, record)


async def update_integration(
    tx: Transaction, columns: IntegrationRow, *, by: str, now: datetime
) -> Integration | None:
    """The integration with its new name, configuration and secrets, as its next revision; None if
    its project has another of the name.
    """
    try:
        async with tx.savepoint():
            record = await tx.fetchrow(
                "UPDATE integrations SET name = $2, config = $3, secrets = $4, secret_names = $5,"
                " revision = revision + 1, updated_at = $6, updated_by = $7 WHERE id = $1"
                f" RETURNING {_INTEGRATION}",
                columns.id,
                columns.name,
                columns.config,
                columns.secrets,
                list(columns.secret_names),
                now,
                by,
            )
    except asyncpg.UniqueViolationError:
        return None
    return row(Integration, record)


async def find_integration(
    tx: Transaction, integration_id: UUID, *, for_update: bool = False
) -> Integration | None:
    """The integration with this id; `for_update`, nobody else changes it meanwhile."""
    lock = " FOR UPDATE" if for_update else ""
    record = await tx.fetchrow(
        f"SELECT {_INTEGRATION} FROM integrations WHERE id = $1{lock}", integration_id
    )
    return row_or_none(Integration, record)


async def find_integration_by_name(
    tx: Transaction, project_id: UUID, name: str
) -> Integration | None:
    """The project's integration of exactly this name."""
    record = await tx.fetchrow(
        f"SELECT {_INTEGRATION} FROM integrations WHERE tenant_id = $1 AND project_id = $2"
        " AND name = $3",
        tx.tenant,
        project_id,
        name,
    )
    return row_or_none(Integration, record)


async def list_integrations(
    tx: Transaction,
    window: Window,
    *,
    project_ids: Collection[UUID] | None,
    kind: IntegrationType | None,
    name: str | None,
) -> Slice[Integration]:
    """Integrations of these projects (None: of all), the oldest first."""
    ids = None if project_ids is None else list(project_ids)
    total: int = await tx.fetchval(f"SELECT count(*) {_OF_THESE}", ids, kind, name)
    records = await tx.fetch(
        f"SELECT {_INTEGRATION} {_OF_THESE} ORDER BY id LIMIT $4 OFFSET $5",
        ids,
        kind,
        name,
        window.limit,
        window.offset,
    )
    return Slice(tuple(rows(Integration, records)), total, window)


async def count_integrations(tx: Transaction, project_id: UUID) -> int:
    """How many the project has."""
    return await tx.fetchval("SELECT count(*) FROM integrations WHERE project_id = $1", project_id)


async def delete_integration(tx: Transaction, integration_id: UUID) -> None:
    """The integration is gone."""
    await tx.execute("DELETE FROM integrations WHERE id = $1", integration_id)


# ---------------------------------------------------------------- another master key


@dataclass(frozen=True, slots=True)
class SealedIntegration:
    """The sealed secrets of an integration of whatever tenant."""

    id: UUID
    tenant_id: UUID
    sealed: bytes


async def old_seals(
    tx: Transaction, *, newest: bytes, after: UUID, limit: int
) -> list[SealedIntegration]:
    """The next integrations by id whose seal does not begin like the newest."""
    records = await tx.fetch(
        "SELECT id, tenant_id, secrets AS sealed FROM integrations"
        " WHERE id > $1 AND secrets IS NOT NULL AND substring(secrets FROM 1 FOR $2) <> $3"
        " ORDER BY id LIMIT $4",
        after,
        len(newest),
        newest,
        limit,
    )
    return rows(SealedIntegration, records)


async def put_seals(tx: Transaction, seals: Sequence[Seal]) -> int:
    """Puts new seals where the old ones still are; how many."""
    return await tx.execute(
        "UPDATE integrations i SET secrets = s.new FROM"
        " unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS s(id, old, new)"
        " WHERE i.id = s.id AND i.secrets = s.old",
        *columns(seals),
    )
