"""SQL of what schedules have sealed: the signing secrets of webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from treadle.db.resealing import Seal, columns
from treadle.db.rows import rows
from treadle.db.transaction import Transaction


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A secret under an older key. `id` is the row's."""

    id: UUID
    tenant_id: UUID
    schedule_id: UUID
    sealed: bytes


async def old_secrets(
    tx: Transaction, *, newest: bytes, after: UUID, limit: int
) -> list[SealedSecret]:
    """The next schedules by id whose seal does not begin like the newest."""
    records = await tx.fetch(
        "SELECT id, tenant_id, id AS schedule_id, action_secret AS sealed FROM schedules"
        " WHERE id > $1 AND action_secret IS NOT NULL"
        " AND substring(action_secret FROM 1 FOR $2) <> $3 ORDER BY id LIMIT $4",
        after,
        len(newest),
        newest,
        limit,
    )
    return rows(SealedSecret, records)


async def old_versions(
    tx: Transaction, *, newest: bytes, after: UUID, limit: int
) -> list[SealedSecret]:
    """The next versions of schedules by id whose seal does not begin like the newest."""
    records = await tx.fetch(
        "SELECT id, tenant_id, schedule_id, action_secret AS sealed FROM schedule_versions"
        " WHERE id > $1 AND action_secret IS NOT NULL"
        " AND substring(action_secret FROM 1 FOR $2) <> $3 ORDER BY id LIMIT $4",
        after,
        len(newest),
        newest,
        limit,
    )
    return rows(SealedSecret, records)


async def put_secrets(tx: Transaction, seals: Sequence[Seal]) -> int:
    """The new seals, where the old ones still stand. How many."""
    return await tx.execute(
        "UPDATE schedules SET action_secret = fresh.seal"
        " FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS fresh (id, old, seal)"
        " WHERE schedules.id = fresh.id AND schedules.action_secret = fresh.old",
        *columns(seals),
    )


async def put_versions(tx: Transaction, seals: Sequence[Seal]) -> int:
    """As `put_secrets`, for the versions of schedules."""
    return await tx.execute(
        "UPDATE schedule_versions AS kept SET action_secret = fresh.seal"
        " FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS fresh (id, old, seal)"
        " WHERE kept.id = fresh.id AND kept.action_secret = fresh.old",
        *columns(seals),
    )
