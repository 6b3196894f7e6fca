"""SQL of entity definitions and their date fields."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from treadle.core.ids import new_id
from treadle.core.pages import Slice, Window
from treadle.db.rows import row, row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.entities.model import Definition

_DEFINITION: Final = (
    "d.id, d.project_id, d.name, d.description, d.data_schema, ARRAY(SELECT f.field"
    " FROM entity_date_fields f WHERE f.definition_id = d.id ORDER BY f.position) AS date_fields,"
    " d.created_at, d.created_by, d.updated_at, d.updated_by"
)
_OF_THESE: Final = (
    "FROM entity_definitions d WHERE ($1::uuid[] IS NULL OR d.project_id = ANY($1))"
    " AND ($2::text IS NULL OR d.name = $2)"
)


@dataclass(frozen=True, slots=True)
class DefinitionRow:
    """The columns of a definition that a caller decides."""

    project_id: UUID
    name: str
    description: str
    data_schema: dict[str, Any]


async def insert_definition(
    tx: Transaction, columns: DefinitionRow, *, by: str, now: datetime
) -> UUID | None:
    """The id of the new definition, without date fields; None if its project has the name."""
    return await tx.fetchval(
        "INSERT INTO entity_definitions (id, tenant_id, project_id, name, description, data_schema,"
        " created_at, created_by, updated_at, updated_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7, $8)"
        " ON CONFLICT (tenant_id, project_id, name) DO NOTHING RETURNING id",
        new_id(),
        tx.tenant,
        columns.project_id,
        columns.name,
        columns.description,
        columns.data_schema,
        now,
        by,
    )


async def update_definition(
    tx: Transaction, definition_id: UUID, columns: DefinitionRow, *, by: str, now: datetime
) -> bool:
    """Whether the definition has its new columns: its project may have another of the name."""
    try:
        async with tx.savepoint():
            await tx.execute(
                "UPDATE entity_definitions SET project_id = $2, name = $3, description = $4,"
                " data_schema = $5, updated_at = $6, updated_by = $7 WHERE id = $1",
                definition_id,
                columns.project_id,
                columns.name,
                columns.description,
                columns.data_schema,
                now,
                by,
            )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def put_date_fields(tx: Transaction, definition_id: UUID, fields: Sequence[str]) -> None:
    """These fields are dates, in this order, besides those that were."""
    await tx.execute(
        "INSERT INTO entity_date_fields (tenant_id, definition_id, field, position)"
        " SELECT $1, $2, field, number - 1 FROM unnest($3::text[]) WITH ORDINALITY AS f"
        " (field, number) ON CONFLICT (tenant_id, definition_id, field)"
        " DO UPDATE SET position = excluded.position",
        tx.tenant,
        definition_id,
        list(fields),
    )


async def delete_date_fields(tx: Transaction, definition_id: UUID, fields: Sequence[str]) -> bool:
    """These fields are no dates any more, and the dates of the records in them are forgotten; False
    if something counts on one of them.
    """
    try:
        async with tx.savepoint():
            await tx.execute(
                "DELETE FROM entity_date_fields WHERE definition_id = $1 AND field = ANY($2)",
                definition_id,
                list(fields),
            )
    except asyncpg.ForeignKeyViolationError:
        return False
    return True


async def find_definition(tx: Transaction, definition_id: UUID) -> Definition | None:
    """The definition with this id."""
    record = await tx.fetchrow(
        f"SELECT {_DEFINITION} FROM entity_definitions d WHERE d.id = $1", definition_id
    )
    return row_or_none(Definition, record)


async def lock_definition(tx: Transaction, definition_id: UUID) -> Definition | None:
    """The definition, whose records nobody else writes before this transaction ends: two writers
    would else wait for one another's records, each for one that the other has.
    """
    held = await tx.fetchval(
        "SELECT 1 FROM entity_definitions WHERE id = $1 FOR NO KEY UPDATE", definition_id
    )
    # Read only now: what the last writer has changed is to be seen.
    return await find_definition(tx, definition_id) if held else None


async def get_definition(tx: Transaction, definition_id: UUID) -> Definition:
    """The definition that is known to be there. LookupError for none."""
    record = await tx.fetchrow(
        f"SELECT {_DEFINITION} FROM entity_definitions d WHERE d.id = $1", definition_id
    )
    return row(Definition, record)


async def list_definitions(
    tx: Transaction, window: Window, *, project_ids: Collection[UUID] | None, name: str | None
) -> Slice[Definition]:
    """Definitions of these projects (None: of all), the oldest first; with `name` only those."""
    ids = None if project_ids is None else list(project_ids)
    total: int = await tx.fetchval(f"SELECT count(*) {_OF_THESE}", ids, name)
    records = await tx.fetch(
        f"SELECT {_DEFINITION} {_OF_THESE} ORDER BY d.id LIMIT $3 OFFSET $4",
        ids,
        name,
        window.limit,
        window.offset,
    )
    return Slice(tuple(rows(Definition, records)), total, window)


async def delete_definition(tx: Transaction, definition_id: UUID) -> bool:
    """Deletes the definition with its records; False if something else counts on it."""
    try:
        async with tx.savepoint():
            await tx.execute("DELETE FROM entity_definitions WHERE id = $1", definition_id)
    except asyncpg.ForeignKeyViolationError:
        return False
    return True


async def put_field_use(tx: Transaction, *, used_by: UUID, definition_id: UUID, field: str) -> bool:
    """From now on `used_by` counts on this date field and on no other; False for no such field."""
    try:
        async with tx.savepoint():
            await tx.execute(
                "INSERT INTO entity_field_uses (tenant_id, used_by, definition_id, field)"
                " VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, used_by)"
                " DO UPDATE SET definition_id = excluded.definition_id, field = excluded.field",
                tx.tenant,
                used_by,
                definition_id,
                field,
            )
    except asyncpg.ForeignKeyViolationError:
        return False
    return True


async def delete_field_use(tx: Transaction, *, used_by: UUID) -> None:
    """`used_by` counts on no date field any more."""
    await tx.execute("DELETE FROM entity_field_uses WHERE used_by = $1", used_by)
