"""SQL of workflows and their versions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.core.ids import new_id
from treadle.db.page_store import Conditions
from treadle.db.rows import row, row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.workflows.versions import (
    ListedVersion,
    Startable,
    StoredWorkflow,
    Version,
    VersionColumns,
    VersionKey,
    VersionStatus,
    VersionSummary,
)

_COMPUTED: Final = {
    "project_id": "w.project_id",
    "is_latest": (
        "NOT EXISTS (SELECT FROM workflow_versions AS later WHERE later.tenant_id = v.tenant_id"
        " AND later.workflow_id = v.workflow_id AND later.number > v.number) AS is_latest"
    ),
    "active_number": (
        "(SELECT max(active.number) FROM workflow_versions AS active"
        " WHERE active.tenant_id = v.tenant_id AND active.workflow_id = v.workflow_id"
        " AND active.status = 'ACTIVE') AS active_number"
    ),
}


def _selected(kind: type) -> str:
    names = (field.name for field in fields(kind))
    columns = ", ".join(_COMPUTED.get(name, f"v.{name}") for name in names)
    return (
        f"SELECT {columns} FROM workflow_versions AS v"
        " JOIN workflows AS w ON w.tenant_id = v.tenant_id AND w.id = v.workflow_id"
    )


_VERSION: Final = _selected(Version)
_LISTED: Final = _selected(ListedVersion)
_STARTABLE: Final = _selected(Startable)
_WORKFLOW: Final = "SELECT id, project_id, last_number FROM workflows WHERE tenant_id = $1"


async def insert_workflow(
    tx: Transaction, project_id: UUID, *, by: str, now: datetime
) -> StoredWorkflow:
    """A new workflow, whose first version is about to be inserted."""
    record = await tx.fetchrow(
        "INSERT INTO workflows (id, tenant_id, project_id, last_number, created_at, created_by,"
        " updated_at, updated_by) VALUES ($1, $2, $3, 1, $4, $5, $4, $5)"
        " RETURNING id, project_id, last_number",
        new_id(),
        tx.tenant,
        project_id,
        now,
        by,
    )
    return row(StoredWorkflow, record)


async def find_workflow(
    tx: Transaction, workflow_id: UUID, *, lock: bool = False
) -> StoredWorkflow | None:
    """The workflow with this id; with `lock`, nobody else changes its versions meanwhile."""
    record = await tx.fetchrow(
        f"{_WORKFLOW} AND id = $2" + (" FOR UPDATE" if lock else ""), tx.tenant, workflow_id
    )
    return row_or_none(StoredWorkflow, record)


async def take_number(tx: Transaction, workflow_id: UUID, *, by: str, now: datetime) -> int:
    """The number of the workflow's next version."""
    return await tx.fetchval(
        "UPDATE workflows SET last_number = last_number + 1, updated_at = $3, updated_by = $4"
        " WHERE tenant_id = $1 AND id = $2 RETURNING last_number",
        tx.tenant,
        workflow_id,
        now,
        by,
    )


async def insert_version(
    tx: Transaction,
    workflow_id: UUID,
    number: int,
    columns: VersionColumns,
    *,
    by: str,
    now: datetime,
) -> None:
    """A new DRAFT of the workflow."""
    await tx.execute(
        "INSERT INTO workflow_versions (id, tenant_id, workflow_id, number, name, status,"
        " trigger_type, steps, connections, integrations, schema, mock_payload, created_at,"
        " created_by, updated_at, updated_by)"
        " VALUES ($1, $2, $3, $4, $5, 'DRAFT', $6, $7, $8, $9, $10, $11, $12, $13, $12, $13)",
        new_id(),
        tx.tenant,
        workflow_id,
        number,
        columns.name,
        columns.trigger_type,
        columns.steps,
        columns.connections,
        columns.integrations,
        columns.schema,
        columns.mock_payload,
        now,
        by,
    )


async def update_draft(
    tx: Transaction, version_id: UUID, columns: VersionColumns, *, by: str, now: datetime
) -> None:
    """The draft says something else from now on."""
    await tx.execute(
        "UPDATE workflow_versions SET name = $2, trigger_type = $3, steps = $4, connections = $5,"
        " integrations = $6, schema = $7, mock_payload = $8, updated_at = $9, updated_by = $10"
        " WHERE id = $1 AND status = 'DRAFT'",
        version_id,
        columns.name,
        columns.trigger_type,
        columns.steps,
        columns.connections,
        columns.integrations,
        columns.schema,
        columns.mock_payload,
        now,
        by,
    )


async def set_status(
    tx: Transaction, version_id: UUID, status: VersionStatus, *, by: str, now: datetime
) -> None:
    """The version stands somewhere else from now on."""
    await tx.execute(
        "UPDATE workflow_versions SET status = $2, updated_at = $3, updated_by = $4 WHERE id = $1",
        version_id,
        status,
        now,
        by,
    )


async def delete_version(tx: Transaction, version: VersionSummary) -> None:
    """The version is gone, and with the last one the workflow. It must be locked and unused."""
    await tx.execute("DELETE FROM workflow_versions WHERE id = $1", version.id)
    await tx.execute(
        "DELETE FROM workflows WHERE tenant_id = $1 AND id = $2 AND NOT EXISTS"
        " (SELECT FROM workflow_versions WHERE tenant_id = $1 AND workflow_id = $2)",
        tx.tenant,
        version.workflow_id,
    )


async def find_version(tx: Transaction, workflow_id: UUID, number: int) -> Version | None:
    """The version of the workflow with this number."""
    record = await tx.fetchrow(
        f"{_VERSION} WHERE v.tenant_id = $1 AND v.workflow_id = $2 AND v.number = $3",
        tx.tenant,
        workflow_id,
        number,
    )
    return row_or_none(Version, record)


async def find_startable(
    tx: Transaction, workflow_id: UUID, number: int | None
) -> Startable | None:
    """The version of this number, whatever its status; without one the highest ACTIVE one."""
    which = "v.status = 'ACTIVE'" if number is None else "v.number = $3"
    record = await tx.fetchrow(
        f"{_STARTABLE} WHERE v.tenant_id = $1 AND v.workflow_id = $2 AND {which}"
        " ORDER BY v.number DESC LIMIT 1",
        tx.tenant,
        workflow_id,
        *([] if number is None else [number]),
    )
    return row_or_none(Startable, record)


async def find_latest_scheduled(tx: Transaction, workflow_id: UUID) -> Version | None:
    """The version in force, or paused, with the highest number of those that a schedule starts."""
    record = await tx.fetchrow(
        f"{_VERSION} WHERE v.tenant_id = $1 AND v.workflow_id = $2"
        " AND v.status IN ('ACTIVE', 'PAUSED') AND v.trigger_type = 'SCHEDULE'"
        " ORDER BY v.number DESC LIMIT 1",
        tx.tenant,
        workflow_id,
    )
    return row_or_none(Version, record)


async def versions_by_id(tx: Transaction, version_ids: Collection[UUID]) -> list[Version]:
    """These versions, of whatever tenant the transaction sees."""
    records = await tx.fetch(f"{_VERSION} WHERE v.id = ANY($1)", list(version_ids))
    return rows(Version, records)


async def list_versions(
    tx: Transaction,
    *,
    project_ids: Collection[UUID] | None,
    workflow_id: UUID | None = None,
    status: VersionStatus | None = None,
    latest: bool | None = None,
    name_part: str | None = None,
    before: VersionKey | None = None,
    limit: int,
) -> list[ListedVersion]:
    """Versions of these projects' workflows (None: of all), the newest workflow first, and of each
    the highest number first. `name_part` stands in their names, whatever its case.
    """
    conditions = Conditions()
    conditions.add("v.tenant_id = ?", tx.tenant)
    conditions.add("w.project_id = ANY(?)", None if project_ids is None else list(project_ids))
    conditions.add("v.workflow_id = ?", workflow_id)
    conditions.add("v.status = ?", status)
    conditions.add(f"({_COMPUTED['is_latest'].removesuffix(' AS is_latest')}) = ?", latest)
    conditions.add("strpos(lower(v.name), lower(?)) > 0", name_part)
    if before is not None:
        # Both ways of saying it: the first is a range of the index, the second exact.
        conditions.add("v.workflow_id <= ?", before.workflow_id)
        place = f"(v.workflow_id, v.number) < (${len(conditions.arguments)}, ?)"
        conditions.add(place, before.number)
    records = await tx.fetch(
        f"{_LISTED} {conditions.where} ORDER BY v.workflow_id DESC, v.number DESC"
        f" LIMIT ${len(conditions.arguments) + 1}",
        *conditions.arguments,
        limit,
    )
    return rows(ListedVersion, records)
