"""Where the sealed values of integrations stand, for `treadle secrets rotate`."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from treadle.db.resealing import SealedKind, SealedValue
from treadle.db.transaction import Transaction
from treadle.integrations import integration_store as store
from treadle.integrations.integrations import secrets_context


async def _old_secrets(
    tx: Transaction, *, newest: bytes, after: UUID, limit: int
) -> list[SealedValue]:
    found = await store.old_seals(tx, newest=newest, after=after, limit=limit)
    return [
        SealedValue(one.id, one.sealed, secrets_context(one.tenant_id, one.id)) for one in found
    ]


SEALED: Final = SealedKind("integrations", "integrations.secrets", _old_secrets, store.put_seals)
