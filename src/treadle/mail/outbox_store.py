"""SQL of the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from treadle.db.resealing import Seal, columns
from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction


@dataclass(frozen=True, slots=True)
class DueLetter:
    """A letter that is to be sent now. `attempts` counts this one."""

    id: UUID
    tenant_id: UUID
    to_address: str
    subject: str
    sealed: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class SealedLetter:
    """The text of a letter under an older key."""

    id: UUID
    tenant_id: UUID
    sealed: bytes


async def insert_letter(
    tx: Transaction,
    letter_id: UUID,
    *,
    tenant_id: UUID,
    to: str,
    subject: str,
    sealed: bytes,
    now: datetime,
) -> None:
    """A letter that is due at once."""
    await tx.execute(
        "INSERT INTO letters (id, tenant_id, to_address, subject, sealed, created_at, due_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6)",
        letter_id,
        tenant_id,
        to,
        subject,
        sealed,
        now,
    )


async def claim_letter(tx: Transaction, *, now: datetime) -> DueLetter | None:
    """The letter that is due for longest and that nobody else takes now, with one more attempt."""
    record = await tx.fetchrow(
        "UPDATE letters SET attempts = attempts + 1 WHERE id ="
        " (SELECT id FROM letters WHERE failed_at IS NULL AND due_at <= $1"
        " ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING id, tenant_id, to_address, subject, sealed, attempts",
        now,
    )
    return row_or_none(DueLetter, record)


async def put_due(tx: Transaction, letter_id: UUID, *, at: datetime) -> None:
    """When it is tried again, unless it is gone by then."""
    await tx.execute("UPDATE letters SET due_at = $2 WHERE id = $1", letter_id, at)


async def put_fault(
    tx: Transaction, letter_id: UUID, fault: str, *, failed_at: datetime | None
) -> None:
    """Why it was not sent, and whether that was the last attempt."""
    await tx.execute(
        "UPDATE letters SET fault = $2, failed_at = $3 WHERE id = $1",
        letter_id,
        fault.replace("\0", "\ufffd"),
        failed_at,
    )


async def delete_letter(tx: Transaction, letter_id: UUID) -> None:
    """Nothing is left of it."""
    await tx.execute("DELETE FROM letters WHERE id = $1", letter_id)


async def kept_letters(tx: Transaction, letter_ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Those of the letters that are still here, and whether they were given up."""
    records = await tx.fetch(
        "SELECT id, failed_at IS NOT NULL AS failed FROM letters WHERE id = ANY($1::uuid[])",
        list(letter_ids),
    )
    return {record["id"]: record["failed"] for record in records}


async def old_letters(
    tx: Transaction, *, newest: bytes, after: UUID, limit: int
) -> list[SealedLetter]:
    """The next letters by id whose seal does not begin like the newest."""
    records = await tx.fetch(
        "SELECT id, tenant_id, sealed FROM letters"
        " WHERE id > $1 AND substring(sealed FROM 1 FOR $2) <> $3 ORDER BY id LIMIT $4",
        after,
        len(newest),
        newest,
        limit,
    )
    return rows(SealedLetter, records)


async def put_letter_seals(tx: Transaction, seals: Sequence[Seal]) -> int:
    """For each id, old and new seal: the new one, where the old one still stands. How many."""
    return await tx.execute(
        "UPDATE letters SET sealed = fresh.seal"
        " FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS fresh(id, old, seal)"
        " WHERE letters.id = fresh.id AND letters.sealed = fresh.old",
        *columns(seals),
    )
