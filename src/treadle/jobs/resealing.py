"""Seals every secret anew under the newest master key, while everything else goes on.

Small transactions, each guarded: a value that somebody changed meanwhile is left alone, for it has
a new seal already. What was done stays done when this is interrupted; the next time goes on from
there. When nothing is left under an older key, and every process seals with the newest, the older
key can be taken away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from treadle.core.sealing import CannotUnseal, Sealer
from treadle.db.database import Database
from treadle.identity import audit
from treadle.identity.audit_chain import INSTALLATION
from treadle.jobs import reseal_store as store
from treadle.jobs.macros import macro_context, run_macros_context
from treadle.jobs.model import Place
from treadle.jobs.reseal_store import SealedMacro, SealedRun

BATCH: Final = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many values have a new seal, and how many no key here opens."""

    macros: int
    runs: int
    unreadable: int


async def reseal_all(
    db: Database, sealer: Sealer, *, now: datetime, batch: int = BATCH
) -> Resealed:
    """Goes over all that is sealed until a whole round finds nothing that could be sealed anew.

    What no key here opens is logged by its id and counted; it stays as it is.
    """
    macros = runs = 0
    while True:
        more_macros, bad_macros = await _reseal_macros(db, sealer, batch=batch)
        more_runs, bad_runs = await _reseal_runs(db, sealer, batch=batch)
        macros, runs = macros + more_macros, runs + more_runs
        if not more_macros and not more_runs:
            break
    done = Resealed(macros, runs, bad_macros + bad_runs)
    async with db.system() as tx:
        await audit.record(
            tx,
            audit.OPERATOR,
            tenant_id=INSTALLATION,
            action="secrets.rotate",
            target="secrets",
            after=done,
            now=now,
        )
    return done


async def _reseal_macros(db: Database, sealer: Sealer, *, batch: int) -> tuple[int, int]:
    """One round: how many were sealed anew, and how many cannot be."""
    done = unreadable = 0
    after = store.FIRST
    while True:
        async with db.system() as tx:
            found = await store.old_macros(tx, newest=sealer.newest, after=after, limit=batch)
            seals = _seals(sealer, found)
            done += await store.put_macro_seals(tx, seals)
        unreadable += len(found) - len(seals)
        if len(found) < batch:
            return done, unreadable
        after = found[-1].id


async def _reseal_runs(db: Database, sealer: Sealer, *, batch: int) -> tuple[int, int]:
    """As `_reseal_macros`."""
    done = unreadable = 0
    after = store.FIRST
    while True:
        async with db.system() as tx:
            found = await store.old_runs(tx, newest=sealer.newest, after=after, limit=batch)
            seals = _seals(sealer, found)
            done += await store.put_run_seals(tx, seals)
        unreadable += len(found) - len(seals)
        if len(found) < batch:
            return done, unreadable
        after = found[-1].id


def _seals(
    sealer: Sealer, found: Sequence[SealedMacro | SealedRun]
) -> list[tuple[UUID, bytes, bytes]]:
    """Id, old and new seal of what could be opened."""
    seals: list[tuple[UUID, bytes, bytes]] = []
    for one in found:
        context = _context(one)
        try:
            plain = sealer.unseal(one.sealed, context=context)
        except CannotUnseal as error:
            log.warning("cannot_unseal", kind=type(one).__name__, id=str(one.id), error=str(error))
            continue
        seals.append((one.id, one.sealed, sealer.seal(plain, context=context)))
    return seals


def _context(one: SealedMacro | SealedRun) -> str:
    if isinstance(one, SealedRun):
        return run_macros_context(one.tenant_id, one.id)
    return macro_context(one.tenant_id, Place(one.scope, one.scope_id), one.name)
