"""SQL for sealing anew: what is sealed under an older key, and the new seal in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from treadle.db.resealing import Seal, columns
from treadle.db.rows import rows
from treadle.db.transaction import Transaction
from treadle.jobs.model import Scope


@dataclass(frozen=True, slots=True)
class SealedMacro:
    """A secure macro under an older key."""

    id: UUID
    tenant_id: UUID
    scope: Scope
    scope_id: str
    name: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class SealedRun:
    """The own macros of a run, under an older key."""

    id: UUID
    tenant_id: UUID
    sealed: bytes


async def old_macros(
    tx: Transaction, *, newest: bytes, after: UUID, limit: int
) -> list[SealedMacro]:
    """The next secure macros by id whose seal does not begin like the newest."""
    records = await tx.fetch(
        "SELECT id, tenant_id, scope, scope_id, name, secret AS sealed FROM macros"
        " WHERE id > $1 AND secret IS NOT NULL AND substring(secret FROM 1 FOR $2) <> $3"
        " ORDER BY id LIMIT $4",
        after,
        len(newest),
        newest,
        limit,
    )
    return rows(SealedMacro, records)


async def old_runs(tx: Transaction, *, newest: bytes, after: UUID, limit: int) -> list[SealedRun]:
    """The next runs by id whose own macros have a seal that does not begin like the newest."""
    records = await tx.fetch(
        "SELECT id, tenant_id, macros AS sealed FROM runs"
        " WHERE id > $1 AND macros IS NOT NULL AND substring(macros FROM 1 FOR $2) <> $3"
        " ORDER BY id LIMIT $4",
        after,
        len(newest),
        newest,
        limit,
    )
    return rows(SealedRun, records)


async def put_macro_seals(tx: Transaction, seals: Sequence[Seal]) -> int:
    """For each id, old and new seal: the new one, where the old one still stands. How many."""
    return await tx.execute(
        "UPDATE macros SET secret = fresh.seal"
        " FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS fresh(id, old, seal)"
        " WHERE macros.id = fresh.id AND macros.secret = fresh.old",
        *columns(seals),
    )


async def put_run_seals(tx: Transaction, seals: Sequence[Seal]) -> int:
    """As `put_macro_seals`, for the own macros of runs."""
    return await tx.execute(
        "UPDATE runs SET macros = fresh.seal"
        " FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS fresh(id, old, seal)"
        " WHERE runs.id = fresh.id AND runs.macros = fresh.old",
        *columns(seals),
    )
