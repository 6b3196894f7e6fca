"""What becomes of an API key stands in the audit log, from its making to its end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from factories import NOW, administrator_of, make_key, make_rule, make_tenant
from treadle.db.database import Database
from treadle.identity import audit
from treadle.identity.api_keys import KeyDraft, change_key, delete_key, rotate_key
from treadle.identity.audit_chain import AuditEntry
from treadle.identity.audit_store import AuditFilter
from treadle.identity.client_tokens import issue_token
from treadle.identity.expiring_keys import announce_expiring_keys, record_expired_keys
from treadle.identity.installation import NewTenant
from treadle.identity.key_authentication import InvalidClient

DAY = timedelta(days=1)


async def entries(database: Database, tenant: NewTenant, target: str) -> list[AuditEntry]:
    """The oldest first."""
    root = administrator_of(tenant)
    async with database.tenant(tenant.tenant.id) as tx:
        found = await audit.list_entries(tx, root, AuditFilter(target=target), limit=200)
    return [chained.entry for chained in reversed(found)]


async def test_its_life_is_told_without_its_secret(database: Database) -> None:
    tenant = await make_tenant(database)
    root = administrator_of(tenant)
    issued = await make_key(database, tenant, role="Consumer", expires_at=NOW + DAY)
    client_id = issued.key.client_id
    token = await issue_token(
        database,
        client_id=str(client_id),
        client_secret=issued.client_secret,
        address="192.0.2.1",
        request_id="request-1",
        now=NOW,
    )
    async with database.tenant(tenant.tenant.id) as tx:
        draft = KeyDraft("renamed", NOW + 2 * DAY, (make_rule("192.0.2.1", name="home"),))
        await change_key(tx, root, client_id, draft, now=NOW)
        rotated = await rotate_key(tx, root, client_id, overlap=timedelta(hours=1), now=NOW)
        await delete_key(tx, root, client_id, now=NOW)
    found = await entries(database, tenant, issued.key.ref)
    assert [(entry.action, entry.actor) for entry in found] == [
        ("key.create", root.ref),
        ("role.give", root.ref),
        ("token.issue", issued.key.ref),
        ("key.change", root.ref),
        ("key.rotate", root.ref),
        ("key.delete", root.ref),
    ]
    made, _, given, changed, turned, gone = found
    assert made.after is not None
    assert made.after["description"] == issued.key.description
    assert (given.address, given.credential, given.request_id) == (
        "192.0.2.1",
        issued.key.ref,
        "request-1",
    )
    rule = {"rule_name": "home", "start_ipv4": "192.0.2.1", "end_ipv4": "192.0.2.1"}
    assert changed.before is not None
    assert changed.before["firewall_rules"] == []
    assert changed.after == {
        "description": "renamed",
        "expires_at": "2026-11-23T09:00:00.000000+00:00",
        "firewall_rules": [rule],
    }
    assert turned.after == {"old_one_lives_until": "2026-11-21T10:00:00.000000+00:00"}
    assert gone.before is not None
    assert gone.before["roles"] == [{"role": "Consumer", "project_id": None}]
    for secret in (
        issued.client_secret,
        issued.api_key,
        rotated.client_secret,
        token.access_token,
    ):
        assert secret not in str(found)


async def test_a_token_that_is_refused_is_no_token_that_was_given(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    with pytest.raises(InvalidClient):
        await issue_token(
            database,
            client_id=str(issued.key.client_id),
            client_secret=(await make_key(database, tenant)).client_secret,
            address="192.0.2.1",
            now=NOW,
        )
    assert [e.action for e in await entries(database, tenant, issued.key.ref)] == ["key.create"]


async def test_an_expiry_is_told_before_and_after_once_by_many(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, expires_at=NOW + DAY)
    await make_key(database, tenant)
    for now in (NOW, NOW + DAY):
        await asyncio.gather(*(announce_expiring_keys(database, now=now) for _ in range(3)))
        counts = await asyncio.gather(*(record_expired_keys(database, now=now) for _ in range(3)))
        assert sum(counts) == (1 if now > NOW else 0)
    found = await entries(database, tenant, issued.key.ref)
    assert [(entry.action, entry.actor, entry.at) for entry in found[1:]] == [
        ("key.expires_soon", audit.ITSELF, NOW),
        ("key.expire", audit.ITSELF, NOW + DAY),
    ]


async def test_a_key_that_lives_again_expires_again(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, expires_at=NOW + DAY)
    assert await record_expired_keys(database, now=NOW + DAY) == 1
    async with database.tenant(tenant.tenant.id) as tx:
        draft = KeyDraft("longer", NOW + 3 * DAY)
        await change_key(
            tx, administrator_of(tenant), issued.key.client_id, draft, now=NOW + 2 * DAY
        )
    assert await record_expired_keys(database, now=NOW + 2 * DAY) == 0
    assert await record_expired_keys(database, now=NOW + 3 * DAY) == 1
    assert await record_expired_keys(database, now=NOW + 3 * DAY) == 0


async def test_many_expired_keys_are_recorded_in_batches(database: Database) -> None:
    for tenant in (await make_tenant(database), await make_tenant(database)):
        for _ in range(3):
            await make_key(database, tenant, expires_at=NOW + DAY)
    assert await record_expired_keys(database, now=NOW + DAY, batch=2) == 6
