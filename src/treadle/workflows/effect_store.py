"""SQL of what executions ask of the world: written with the advance that asks it, claimed by who
carries it out, gone with its outcome or when nobody waits for it any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from treadle.db.rows import row_or_none, rows
from treadle.db.transaction import Transaction
from treadle.workflows.execution_model import EffectRow, Key
from treadle.workflows.queueing import EffectKey

_OF_EXECUTION: Final = ("project_id", "workflow_id", "depth")
_COLUMNS: Final = ", ".join(
    "v.integrations"
    if field.name == "integrations"
    else f"{'e' if field.name in _OF_EXECUTION else 'f'}.{field.name}"
    for field in fields(EffectRow)
)


@dataclass(frozen=True, slots=True)
class NewEffect:
    """Something that is asked of the world."""

    tenant_id: UUID
    execution_id: UUID
    step: str
    attempt: int
    type: str
    request: bytes


@dataclass(frozen=True, slots=True)
class GoneEffect:
    """Something that nobody waits for any more, and what had been begun for it."""

    tenant_id: UUID
    execution_id: UUID
    type: str
    claim: int
    target_id: UUID | None


async def insert_effects(tx: Transaction, new: Sequence[NewEffect], *, now: datetime) -> None:
    """These are asked from now on."""
    if not new:
        return
    await tx.execute(
        """
        INSERT INTO execution_effects (tenant_id, execution_id, step, attempt, type, request,
                                       created_at)
        SELECT new.*, $7 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[],
                                     $6::bytea[]) AS new
        """,
        [one.tenant_id for one in new],
        [one.execution_id for one in new],
        [one.step for one in new],
        [one.attempt for one in new],
        [one.type for one in new],
        [one.request for one in new],
        now,
    )


async def delete_effects(tx: Transaction, gone: Sequence[tuple[Key, str, int]]) -> list[GoneEffect]:
    """Nobody waits for these any more; what they were, but for those that were gone already."""
    if not gone:
        return []
    records = await tx.fetch(
        """
        DELETE FROM execution_effects AS f
        USING unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[]) AS gone (t, e, step, attempt)
        WHERE f.tenant_id = gone.t AND f.execution_id = gone.e AND f.step = gone.step
          AND f.attempt = gone.attempt
        RETURNING f.tenant_id, f.execution_id, f.type, f.claim, f.target_id
        """,
        [key[0] for key, _, _ in gone],
        [key[1] for key, _, _ in gone],
        [step for _, step, _ in gone],
        [attempt for _, _, attempt in gone],
    )
    return rows(GoneEffect, records)


async def claim_effect(tx: Transaction, key: EffectKey) -> EffectRow | None:
    """The effect, under a new claim, if it is still asked and nothing was begun for it yet."""
    record = await tx.fetchrow(
        f"""
        UPDATE execution_effects AS f SET claim = f.claim + 1
        FROM executions AS e, workflow_versions AS v
        WHERE f.tenant_id = $1 AND f.execution_id = $2 AND f.step = $3 AND f.attempt = $4
          AND f.target_id IS NULL AND e.tenant_id = f.tenant_id AND e.id = f.execution_id
          AND v.tenant_id = e.tenant_id AND v.id = e.version_id
        RETURNING {_COLUMNS}
        """,
        tx.tenant,
        key.execution_id,
        key.step,
        key.attempt,
    )
    return row_or_none(EffectRow, record)


async def set_target(tx: Transaction, effect: EffectRow, target_id: UUID) -> bool:
    """Notes what was begun; whether the effect is still asked, and ours."""
    changed = await tx.execute(
        "UPDATE execution_effects SET target_id = $6 WHERE tenant_id = $1 AND execution_id = $2"
        " AND step = $3 AND attempt = $4 AND claim = $5 AND target_id IS NULL",
        effect.tenant_id,
        effect.execution_id,
        effect.step,
        effect.attempt,
        effect.claim,
        target_id,
    )
    return changed > 0


async def end_effect(
    tx: Transaction, tenant_id: UUID, key: EffectKey, *, claim: int | None
) -> bool:
    """The effect has its outcome; whether it was still asked, and `claim` the last one. None is for
    what was begun elsewhere, which ends once.
    """
    deleted = await tx.execute(
        "DELETE FROM execution_effects WHERE tenant_id = $1 AND execution_id = $2 AND step = $3"
        " AND attempt = $4 AND ($5::int IS NULL OR claim = $5)",
        tenant_id,
        key.execution_id,
        key.step,
        key.attempt,
        claim,
    )
    return deleted > 0


async def still_asked(
    tx: Transaction, held: Sequence[tuple[Key, str, int, int]]
) -> set[tuple[UUID, str, int]]:
    """Of these effects, each with its claim, those that are still asked and not claimed anew."""
    records: list[Any] = await tx.fetch(
        """
        SELECT f.execution_id, f.step, f.attempt FROM execution_effects AS f
        JOIN unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::int[])
            AS held (t, e, step, attempt, claim)
        ON f.tenant_id = held.t AND f.execution_id = held.e AND f.step = held.step
           AND f.attempt = held.attempt AND f.claim = held.claim
        """,
        [key[0] for key, _, _, _ in held],
        [key[1] for key, _, _, _ in held],
        [step for _, step, _, _ in held],
        [attempt for _, _, attempt, _ in held],
        [claim for _, _, _, claim in held],
    )
    return {(record["execution_id"], record["step"], record["attempt"]) for record in records}
