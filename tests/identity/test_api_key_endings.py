"""How the secret of an API key ends, and the key itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from factories import (
    FAR,
    NOW,
    administrator_of,
    make_key,
    make_rule,
    make_tenant,
    until_somebody_waits,
)
from treadle.core.errors import BadInput, NotFound
from treadle.db.database import Database
from treadle.identity import api_key_store as store
from treadle.identity.api_keys import (
    KeyDraft,
    change_key,
    delete_key,
    get_key,
    rotate_key,
)
from treadle.identity.installation import NewTenant
from treadle.identity.members import set_member
from treadle.identity.model import ApiKey
from treadle.identity.rights import MISSING

OFFICE = make_rule("192.0.2.16", "192.0.2.31", name="Office")


def draft_of(key: ApiKey) -> KeyDraft:
    return KeyDraft(key.description, key.expires_at, key.firewall_rules)


async def read(db: Database, tenant: NewTenant, client_id: UUID) -> ApiKey:
    async with db.tenant(tenant.tenant.id) as tx:
        return await get_key(tx, administrator_of(tenant), client_id)


async def test_a_rotation_gives_another_secret_and_remembers_one(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    later = NOW + timedelta(hours=1)
    root, client_id = administrator_of(tenant), issued.key.client_id
    async with database.tenant(tenant.tenant.id) as tx:
        at_once = await rotate_key(tx, root, client_id, now=later)
        slowly = await rotate_key(tx, root, client_id, overlap=timedelta(days=7), now=later)
    assert len({issued.client_secret, at_once.client_secret, slowly.client_secret}) == 3
    assert at_once.key == replace(issued.key, last_modified_at=later, last_modified_by=root.ref)
    assert slowly.key.old_secret_until == later + timedelta(days=7)


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=7, seconds=1)])
async def test_an_overlap_has_its_bounds(database: Database, overlap: timedelta) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    async with database.tenant(tenant.tenant.id) as tx:
        with pytest.raises(BadInput, match="0 to 604800"):
            await rotate_key(
                tx, administrator_of(tenant), issued.key.client_id, overlap=overlap, now=NOW
            )


async def test_a_deleted_key_leaves_nothing_but_its_client_id(
    database: Database, owner: asyncpg.Connection
) -> None:
    tenant = await make_tenant(database)
    bystander = await make_key(database, tenant, role="Consumer", firewall_rules=[OFFICE])
    issued = await make_key(
        database,
        tenant,
        role="Consumer",
        project_roles={tenant.project.id: "Owner"},
        firewall_rules=[OFFICE],
    )
    client_id, root = issued.key.client_id, administrator_of(tenant)
    async with database.tenant(tenant.tenant.id) as tx:
        await delete_key(tx, root, client_id, now=NOW)
        with pytest.raises(NotFound, match=MISSING):
            await get_key(tx, root, client_id)
        with pytest.raises(NotFound, match=MISSING):
            await delete_key(tx, root, client_id, now=NOW)
        with pytest.raises(NotFound, match=MISSING):
            await rotate_key(tx, root, client_id, now=NOW)
        with pytest.raises(NotFound, match=MISSING):
            await change_key(tx, root, client_id, draft_of(issued.key), now=NOW)
    for table, column in (
        ("api_keys", "client_id"),
        ("firewall_rules", "client_id"),
        ("members", "member_id"),
    ):
        left = await owner.fetchval(
            f"SELECT count(*) FROM treadle.{table} WHERE {column}::text = $1", str(client_id)
        )
        assert left == 0, table
    assert await read(database, tenant, bystander.key.client_id) == bystander.key


async def test_a_client_id_never_comes_back(database: Database, owner: asyncpg.Connection) -> None:
    """Not even if the program wanted it to."""
    tenant, other = await make_tenant(database), await make_tenant(database)
    issued = await make_key(database, tenant)
    client_id = issued.key.client_id
    async with database.tenant(tenant.tenant.id) as tx:
        await delete_key(tx, administrator_of(tenant), client_id, now=NOW)
    for whose in (tenant, other):
        async with database.tenant(whose.tenant.id) as tx:
            assert not await store.insert_key(
                tx,
                client_id,
                description="back",
                expires_at=FAR,
                secret_hash=bytes(32),
                by="user:1",
                now=NOW,
            )
    for open_transaction in (database.system, lambda: database.tenant(tenant.tenant.id)):
        for statement in (
            "DELETE FROM client_ids",
            "UPDATE client_ids SET client_id = gen_random_uuid()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with open_transaction() as tx:
                    await tx.execute(statement)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await owner.execute(
            "INSERT INTO treadle.api_keys (client_id, tenant_id, description, expires_at,"
            " secret_hash, created_at, created_by, last_modified_at, last_modified_by)"
            " VALUES ($1, $2, 'never issued', now(), $3, now(), '', now(), '')",
            uuid4(),
            tenant.tenant.id,
            bytes(32),
        )


async def test_a_role_that_is_given_while_the_key_is_deleted_goes_with_it(
    database: Database, owner: asyncpg.Connection
) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    client_id, root = issued.key.client_id, administrator_of(tenant)

    async def delete() -> None:
        async with database.tenant(tenant.tenant.id) as tx:
            await delete_key(tx, root, client_id, now=NOW)

    async with asyncio.timeout(60):
        async with database.tenant(tenant.tenant.id) as tx:
            await set_member(
                tx, root, member_type="api_key", member_id=str(client_id), role="Consumer", now=NOW
            )
            deleting = asyncio.ensure_future(delete())
            await until_somebody_waits(database)
        await deleting
    assert await owner.fetchval("SELECT count(*) FROM treadle.api_keys") == 0
    left = await owner.fetch("SELECT member_type FROM treadle.members")
    assert [row["member_type"] for row in left].count("api_key") == 0


async def test_two_rotations_at_once_come_one_after_the_other(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)

    async def rotate() -> None:
        async with database.tenant(tenant.tenant.id) as tx:
            await rotate_key(
                tx,
                administrator_of(tenant),
                issued.key.client_id,
                overlap=timedelta(hours=1),
                now=NOW,
            )

    async with asyncio.timeout(60):
        await asyncio.gather(*(rotate() for _ in range(4)))
    async with database.system() as tx:
        assert await tx.fetchval("SELECT secret_number FROM api_keys") == 5
