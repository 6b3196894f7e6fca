"""Where the sealed values of schedules stand, for `treadle secrets rotate`."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from treadle.db.resealing import SealedKind, SealedValue
from treadle.db.transaction import Transaction
from treadle.schedules import reseal_store as store
from treadle.schedules.drafts import secret_context


async def _old_secrets(
    tx: Transaction, *, newest: bytes, after: UUID, limit: int
) -> list[SealedValue]:
    found = await store.old_secrets(tx, newest=newest, after=after, limit=limit)
    return [_value(one) for one in found]


async def _old_versions(
    tx: Transaction, *, newest: bytes, after: UUID, limit: int
) -> list[SealedValue]:
    found = await store.old_versions(tx, newest=newest, after=after, limit=limit)
    return [_value(one) for one in found]


def _value(one: store.SealedSecret) -> SealedValue:
    return SealedValue(one.id, one.sealed, secret_context(one.tenant_id, one.schedule_id))


# The versions after the schedules: an edit under way writes its schedule's old seal into a new one.
SEALED: Final = (
    SealedKind("schedules", "schedules.action_secret", _old_secrets, store.put_secrets),
    SealedKind(
        "schedules' versions", "schedule_versions.action_secret", _old_versions, store.put_versions
    ),
)
