"""Where the sealed values of jobs and runs stand, for `treadle secrets rotate`."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from treadle.db.resealing import SealedKind, SealedValue
from treadle.db.transaction import Transaction
from treadle.jobs import reseal_store as store
from treadle.jobs.macros import macro_context, run_macros_context
from treadle.jobs.model import Place


async def _old_macros(
    tx: Transaction, *, newest: bytes, after: UUID, limit: int
) -> list[SealedValue]:
    found = await store.old_macros(tx, newest=newest, after=after, limit=limit)
    return [
        SealedValue(
            one.id,
            one.sealed,
            macro_context(one.tenant_id, Place(one.scope, one.scope_id), one.name),
        )
        for one in found
    ]


async def _old_runs(
    tx: Transaction, *, newest: bytes, after: UUID, limit: int
) -> list[SealedValue]:
    found = await store.old_runs(tx, newest=newest, after=after, limit=limit)
    return [
        SealedValue(one.id, one.sealed, run_macros_context(one.tenant_id, one.id)) for one in found
    ]


SEALED: Final = (
    SealedKind("macros", "macros.secret", _old_macros, store.put_macro_seals),
    SealedKind("runs' macros", "runs.macros", _old_runs, store.put_run_seals),
)
