"""Rows counted by when something happened to them, in buckets of time."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from treadle.core.buckets import Buckets
from treadle.db.transaction import Transaction


async def fetch_buckets(
    tx: Transaction,
    *,
    columns: str,
    table: str,
    instant: str,
    conditions: str = "true",
    project_ids: Collection[UUID] | None,
    buckets: Buckets,
) -> list[Any]:
    """The aggregates `columns` of the tenant's rows in these projects (None: in all), and `at`: the
    start of the bucket that their `instant` is in. Buckets without any rows are left out.
    """
    return await tx.fetch(
        f"SELECT date_bin($4, {instant}, $2) AS at, {columns} FROM {table}"
        f" WHERE tenant_id = $1 AND {instant} >= $2 AND {instant} < $3 AND {conditions}"
        " AND ($5::uuid[] IS NULL OR project_id = ANY($5)) GROUP BY 1",
        tx.tenant,
        buckets.since,
        buckets.until,
        buckets.step.length,
        None if project_ids is None else list(project_ids),
    )
