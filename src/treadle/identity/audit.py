"""The audit log: what was done to users, roles, keys and secrets, and what was refused.

Whoever changes something records it in the transaction of the change, so that both are there or
neither. What is refused is rolled back: `treadle.identity.refusals` writes it on its own. The order
of entries, and the chain of hashes over them, is made by the database while it commits.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.core.ids import new_id
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity import audit_store as store
from treadle.identity.audit_chain import (
    AuditEntry,
    Break,
    ChainedEntry,
    Head,
    Outcome,
    changed,
    redacted,
    tidy,
    walk,
)
from treadle.identity.audit_store import AuditFilter
from treadle.identity.model import INSIDE, Origin, Principal
from treadle.identity.rights import Right, require

OPERATOR: Final = "operator"
"""The actor of what is done at the machine, without a caller."""
ITSELF: Final = "treadle"
"""The actor of what the installation does by itself."""
BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of a tenant's chain: its head, and the first break if there is one."""

    tenant_id: UUID
    head: Head
    broken: Break | None


async def record(
    tx: Transaction,
    actor: Principal | str,
    *,
    action: str,
    target: str,
    before: object = None,
    after: object = None,
    outcome: Outcome = "allowed",
    tenant_id: UUID | None = None,
    origin: Origin | None = None,
    now: datetime,
) -> None:
    """Adds an entry, which becomes part of the tenant's chain with the commit.

    `before` and `after` are mappings or dataclasses; secrets are struck out of them, and of two
    only what differs is kept. A principal says itself where it comes from; an actor that is only
    named does not. Without `tenant_id` the entry is of the tenant of the transaction or actor.
    """
    entry = make_entry(
        actor,
        tenant_id=tenant_id or _tenant(tx, actor),
        action=action,
        target=target,
        before=before,
        after=after,
        outcome=outcome,
        origin=origin,
        now=now,
    )
    await store.insert_entries(tx, [entry])


def make_entry(
    actor: Principal | str,
    *,
    tenant_id: UUID,
    action: str,
    target: str,
    before: object = None,
    after: object = None,
    outcome: Outcome,
    origin: Origin | None,
    times: int = 1,
    now: datetime,
) -> AuditEntry:
    """The entry as it is stored."""
    old = None if before is None else redacted(before)
    new = None if after is None else redacted(after)
    if old is not None and new is not None:
        old, new = changed(old, new)
    if origin is None:
        origin = actor.origin if isinstance(actor, Principal) else INSIDE
    return AuditEntry(
        id=new_id(),
        tenant_id=tenant_id,
        at=now,
        actor=actor.ref if isinstance(actor, Principal) else tidy(actor),
        action=action,
        target=tidy(target),
        outcome=outcome,
        address=tidy(origin.address),
        credential=tidy(origin.credential),
        request_id=tidy(origin.request_id),
        times=times,
        before=old,
        after=new,
    )


async def list_entries(
    tx: Transaction,
    caller: Principal,
    wanted: AuditFilter,
    *,
    before: int | None = None,
    limit: int,
) -> list[ChainedEntry]:
    """The tenant's entries, the newest first, below the number `before`. Raises Forbidden."""
    require(caller, Right.AUDIT_READ)
    return await store.list_entries(tx, wanted, before=before, limit=limit)


async def export_entries(
    db: Database, caller: Principal, wanted: AuditFilter, *, batch: int = BATCH
) -> AsyncGenerator[list[ChainedEntry]]:
    """All of the tenant's entries that are wanted, the oldest first, in batches. Each batch has a
    transaction of its own: a slow reader holds nobody up. Raises Forbidden.
    """
    require(caller, Right.AUDIT_READ)
    after = 0
    while True:
        async with db.tenant(caller.tenant_id) as tx:
            found = await store.list_entries(tx, wanted, after=after, limit=batch)
        if found:
            yield found
        if len(found) < batch:
            return
        after = found[-1].number


async def verify(db: Database, *, batch: int = BATCH) -> AsyncGenerator[Verified]:
    """Walks the chain of every tenant, each in one snapshot: entries may be added meanwhile."""
    async with db.system() as tx:
        tenants = await store.chained_tenants(tx)
    for tenant_id in tenants:
        async with db.system() as tx:
            await store.fix_snapshot(tx)
            verified = await _verify_tenant(tx, tenant_id, batch=batch)
        yield verified


async def _verify_tenant(tx: Transaction, tenant_id: UUID, *, batch: int) -> Verified:
    recorded = await store.find_head(tx, tenant_id) or Head()
    unchained = await store.find_unchained(tx, tenant_id)
    head = Head()
    while True:
        found = await store.read_chain(tx, tenant_id, after=head.number, limit=batch)
        reached = walk(tenant_id, head, found)
        if isinstance(reached, Break):
            return Verified(tenant_id, recorded, reached)
        head = reached
        if len(found) < batch:
            break
    if unchained is not None:
        broken = Break(tenant_id, head.number + 1, unchained, "it has no place in the chain")
        return Verified(tenant_id, recorded, broken)
    if head.number < recorded.number:
        reason = f"entry {head.number + 1} is missing"
        return Verified(tenant_id, recorded, Break(tenant_id, head.number + 1, None, reason))
    if head != recorded:
        reason = "the recorded end of the chain is another one"
        return Verified(tenant_id, recorded, Break(tenant_id, head.number, None, reason))
    return Verified(tenant_id, recorded, None)


def _tenant(tx: Transaction, actor: Principal | str) -> UUID:
    return actor.tenant_id if isinstance(actor, Principal) else tx.tenant
