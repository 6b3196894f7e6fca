"""Seals what is sealed anew under the newest master key, while everything else goes on.

Each domain says where its sealed values stand (a `SealedKind`). Small transactions, each guarded: a
value that somebody changed meanwhile is left alone, for it has a new seal already. What was done
stays done when this is interrupted; the next time goes on from there. When nothing is left under an
older key, and every process seals with the newest, the older key can be taken away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias
from uuid import UUID

import structlog

from treadle.core.sealing import CannotUnseal, Sealer
from treadle.db.database import Database
from treadle.db.transaction import Transaction

BATCH: Final = 200
FIRST: Final = UUID(int=0)
"""Before every id."""

Seal: TypeAlias = tuple[UUID, bytes, bytes]
"""Id of a row, its old and its new seal."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A value under an older key, and the context that it was sealed with."""

    id: UUID
    sealed: bytes
    context: str


class FindOld(Protocol):
    """The next values by id whose seal does not begin like the newest."""

    def __call__(
        self, tx: Transaction, *, newest: bytes, after: UUID, limit: int
    ) -> Awaitable[list[SealedValue]]: ...


@dataclass(frozen=True, slots=True)
class SealedKind:
    """One place where sealed values stand: `column` is `table.column`. `put` writes new seals where
    the old ones still are, and says how many.
    """

    name: str
    column: str
    find: FindOld
    put: Callable[[Transaction, Sequence[Seal]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many values of each kind have a new seal, and how many no key here opens."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    unreadable: int = 0


async def reseal_all(
    db: Database, sealer: Sealer, kinds: Sequence[SealedKind], *, batch: int = BATCH
) -> Resealed:
    """Goes over all that is sealed until a whole round finds nothing that could be sealed anew.

    What no key here opens is logged by its id and counted; it stays as it is.
    """
    counts = {kind.name: 0 for kind in kinds}
    while True:
        rounds = [await _round(db, sealer, kind, batch=batch) for kind in kinds]
        for kind, (done, _) in zip(kinds, rounds, strict=True):
            counts[kind.name] += done
        if not any(done for done, _ in rounds):
            return Resealed(counts, sum(unreadable for _, unreadable in rounds))


async def _round(db: Database, sealer: Sealer, kind: SealedKind, *, batch: int) -> tuple[int, int]:
    """How many were sealed anew, and how many cannot be."""
    done = unreadable = 0
    after = FIRST
    while True:
        async with db.system() as tx:
            found = await kind.find(tx, newest=sealer.newest, after=after, limit=batch)
            seals = _seals(sealer, kind, found)
            done += await kind.put(tx, seals)
        unreadable += len(found) - len(seals)
        if len(found) < batch:
            return done, unreadable
        after = found[-1].id


def _seals(sealer: Sealer, kind: SealedKind, found: Sequence[SealedValue]) -> list[Seal]:
    """Id, old and new seal of what could be opened."""
    seals: list[Seal] = []
    for one in found:
        try:
            plain = sealer.unseal(one.sealed, context=one.context)
        except CannotUnseal as error:
            log.warning("cannot_unseal", kind=kind.name, id=str(one.id), error=str(error))
            continue
        seals.append((one.id, one.sealed, sealer.seal(plain, context=one.context)))
    return seals


def columns(seals: Sequence[Seal]) -> tuple[list[UUID], list[bytes], list[bytes]]:
    """The seals as three arrays for `unnest`."""
    return (
        [seal[0] for seal in seals],
        [seal[1] for seal in seals],
        [seal[2] for seal in seals],
    )
