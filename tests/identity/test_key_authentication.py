"""Keys that call: with what, until when, from where, and as whom."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg
import pytest

from factories import (
    ADDRESS,
    FAR,
    NOW,
    administrator_of,
    make_key,
    make_project,
    make_rule,
    make_tenant,
)
from treadle.core.errors import Unauthenticated
from treadle.core.ids import new_id
from treadle.db.database import Database
from treadle.identity import client_store, member_store
from treadle.identity.api_keys import KeyDraft, change_key, delete_key, rotate_key
from treadle.identity.installation import NewTenant
from treadle.identity.key_authentication import (
    KEY_REFUSED,
    AddressRefused,
    authenticate_key,
)
from treadle.identity.key_texts import api_key_text, read_api_key
from treadle.identity.lookups import Lookups
from treadle.identity.model import IssuedKey, PrincipalKind

INSTANT = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)


async def is_taken(
    db: Database, api_key: str, *, address: str = ADDRESS, now: datetime = NOW
) -> bool:
    """Whether the key lets anybody in; the refusal of a wrong one has one text."""
    try:
        await authenticate_key(Lookups(db), api_key=api_key, address=address, now=now)
    except Unauthenticated as error:
        assert error.message == KEY_REFUSED
        return False
    return True


async def rotate(
    db: Database, tenant: NewTenant, issued: IssuedKey, *, overlap: timedelta, now: datetime = NOW
) -> IssuedKey:
    async with db.tenant(tenant.tenant.id) as tx:
        return await rotate_key(
            tx, administrator_of(tenant), issued.key.client_id, overlap=overlap, now=now
        )


async def test_a_key_calls_with_exactly_its_roles(database: Database) -> None:
    tenant = await make_tenant(database)
    other = await make_project(database, tenant)
    issued = await make_key(
        database,
        tenant,
        description="Nightly import",
        role="Project Creator",
        project_roles={tenant.project.id: "Manager", other.id: "Member"},
    )

    caller = await authenticate_key(
        Lookups(database), api_key=issued.api_key, address=ADDRESS, now=NOW
    )

    assert (caller.kind, caller.id) == ("api_key", str(issued.key.client_id))
    assert caller.ref == issued.key.ref
    assert caller.name == "Nightly import"
    assert caller.tenant_id == tenant.tenant.id
    assert caller.application_role == "Project Creator"
    assert caller.project_roles == {tenant.project.id: "Manager", other.id: "Member"}


async def test_a_key_without_a_role_is_known_and_has_none(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    caller = await authenticate_key(
        Lookups(database), api_key=issued.api_key, address=ADDRESS, now=NOW
    )
    assert caller.has_no_role
    assert caller.application_role is None


async def test_roles_of_another_tenant_or_kind_with_the_same_id_are_not_taken(
    database: Database,
) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    issued = await make_key(database, tenant)
    async with database.system() as tx:
        cases: list[tuple[NewTenant, PrincipalKind]] = [(foreign, "api_key"), (tenant, "user")]
        for where, kind in cases:
            await member_store.put_member(
                tx,
                tenant_id=where.tenant.id,
                member_type=kind,
                member_id=str(issued.key.client_id),
                project_id=None,
                role="Administrator",
                now=NOW,
            )
    caller = await authenticate_key(
        Lookups(database), api_key=issued.api_key, address=ADDRESS, now=NOW
    )
    assert caller.has_no_role


async def test_what_is_nearly_the_key_is_refused(database: Database) -> None:
    tenant = await make_tenant(database)
    issued, other = await make_key(database, tenant), await make_key(database, tenant)
    read, read_other = read_api_key(issued.api_key), read_api_key(other.api_key)
    assert read is not None
    assert read_other is not None

    for text in (
        "",
        issued.api_key[:-1],
        issued.api_key + "0",
        f" {issued.api_key}",
        issued.api_key.upper(),
        issued.client_secret,
        str(issued.key.client_id),
        # Well spelled, and still wrong: another key's secret, and nobody's key.
        api_key_text(read[0], read_other[1]),
        api_key_text(new_id(), read[1]),
        "tdl_key_" + "x" * 100_000,
        "tdl_key_\ud800",
    ):
        assert not await is_taken(database, text), text
    assert await is_taken(database, issued.api_key)


async def test_a_mistyped_key_does_not_ask_the_database(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    await database.close()
    last = "0" if issued.api_key[-1] != "0" else "1"
    assert not await is_taken(database, issued.api_key[:-1] + last)
    with pytest.raises(asyncpg.InterfaceError):
        await is_taken(database, issued.api_key)


async def test_a_key_is_dead_from_the_instant_of_its_expiry(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, expires_at=NOW + HOUR)
    assert await is_taken(database, issued.api_key, now=NOW + HOUR - INSTANT)
    assert not await is_taken(database, issued.api_key, now=NOW + HOUR)


async def test_a_deleted_key_is_nobody(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    async with database.tenant(tenant.tenant.id) as tx:
        await delete_key(tx, administrator_of(tenant), issued.key.client_id, now=NOW)
    assert not await is_taken(database, issued.api_key)


async def test_another_expiry_or_firewall_holds_at_once(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)

    async def change(draft: KeyDraft) -> None:
        async with database.tenant(tenant.tenant.id) as tx:
            await change_key(tx, administrator_of(tenant), issued.key.client_id, draft, now=NOW)

    await change(KeyDraft("shorter", NOW + INSTANT))
    assert not await is_taken(database, issued.api_key, now=NOW + INSTANT)
    await change(KeyDraft("fenced", FAR, (make_rule("10.0.0.1"),)))
    with pytest.raises(AddressRefused):
        await is_taken(database, issued.api_key)
    assert await is_taken(database, issued.api_key, address="10.0.0.1")


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.16", True),
        ("192.0.2.31", True),
        ("198.51.100.7", True),
        ("::ffff:192.0.2.16", True),
        ("192.0.2.15", False),
        ("192.0.2.32", False),
        ("2001:db8::1", False),
        ("unknown", False),
    ],
)
async def test_a_key_with_rules_is_for_callers_inside_of_one(
    database: Database, address: str, inside: bool
) -> None:
    tenant = await make_tenant(database)
    rules = [make_rule("192.0.2.16", "192.0.2.31"), make_rule("198.51.100.7")]
    issued = await make_key(database, tenant, firewall_rules=rules)
    if inside:
        assert await is_taken(database, issued.api_key, address=address)
    else:
        with pytest.raises(AddressRefused) as refused:
            await is_taken(database, issued.api_key, address=address)
        assert refused.value.status == 403


async def test_the_ends_of_the_address_space_are_addresses(database: Database) -> None:
    tenant = await make_tenant(database)
    rules = [make_rule("0.0.0.0"), make_rule("255.255.255.255")]
    issued = await make_key(database, tenant, firewall_rules=rules)
    for address in ("0.0.0.0", "255.255.255.255"):
        assert await is_taken(database, issued.api_key, address=address)
    with pytest.raises(AddressRefused):
        await is_taken(database, issued.api_key, address="0.0.0.1")


async def test_a_wrong_secret_learns_nothing_of_the_firewall(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, firewall_rules=[make_rule("10.0.0.1")])
    renewed = await rotate(database, tenant, issued, overlap=timedelta(0))
    assert not await is_taken(database, issued.api_key)
    with pytest.raises(AddressRefused):
        await is_taken(database, renewed.api_key)


async def test_a_rotated_secret_is_dead_at_once(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    renewed = await rotate(database, tenant, issued, overlap=timedelta(0))
    assert not await is_taken(database, issued.api_key)
    assert await is_taken(database, renewed.api_key)


async def test_an_overlap_lets_both_secrets_in_until_it_ends(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, expires_at=NOW + 3 * HOUR)
    renewed = await rotate(database, tenant, issued, overlap=HOUR)
    for api_key, now, taken in [
        (issued.api_key, NOW + HOUR - INSTANT, True),
        (issued.api_key, NOW + HOUR, False),
        (renewed.api_key, NOW, True),
        (renewed.api_key, NOW + 3 * HOUR - INSTANT, True),
        (renewed.api_key, NOW + 3 * HOUR, False),
    ]:
        assert await is_taken(database, api_key, now=now) == taken


async def test_a_second_rotation_ends_the_first_ones_overlap(database: Database) -> None:
    tenant = await make_tenant(database)
    first = await make_key(database, tenant)
    second = await rotate(database, tenant, first, overlap=HOUR)
    third = await rotate(database, tenant, second, overlap=HOUR)
    taken = [await is_taken(database, one.api_key) for one in (first, second, third)]
    assert taken == [False, True, True]
    fourth = await rotate(database, tenant, third, overlap=timedelta(0))
    taken = [await is_taken(database, one.api_key) for one in (first, second, third, fourth)]
    assert taken == [False, False, False, True]


async def test_an_overlap_does_not_outlive_the_key(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, expires_at=NOW + HOUR)
    await rotate(database, tenant, issued, overlap=2 * HOUR)
    assert not await is_taken(database, issued.api_key, now=NOW + HOUR)


async def test_authentication_reads_each_table_by_its_index(
    database: Database, owner: asyncpg.Connection
) -> None:
    await make_tenant(database)
    await owner.execute(
        """
        SET search_path = treadle;
        CREATE TEMPORARY TABLE keys AS
            SELECT n, gen_random_uuid() AS id FROM generate_series(1, 3000) AS n;
        INSERT INTO client_ids SELECT k.id, t.id, now() FROM keys k, tenants t;
        INSERT INTO api_keys (client_id, tenant_id, description, expires_at, secret_hash,
                              created_at, created_by, last_modified_at, last_modified_by)
            SELECT k.id, t.id, 'x', now(), sha256('x'), now(), '', now(), ''
            FROM keys k, tenants t;
        INSERT INTO firewall_rules
            SELECT t.id, k.id, 0, 'x', '10.0.0.1', '10.0.0.1' FROM keys k, tenants t;
        INSERT INTO members (id, tenant_id, member_type, member_id, role, created_at)
            SELECT gen_random_uuid(), t.id, 'api_key', k.id, 'Consumer', now()
            FROM keys k, tenants t;
        INSERT INTO client_tokens
            SELECT sha256(k.n::text::bytea), t.id, k.id, 1, now() FROM keys k, tenants t;
        ANALYZE api_keys, firewall_rules, members, client_tokens;
        """
    )
    async with database.system() as tx:
        by_key = await tx.fetch(f"EXPLAIN {client_store.KEYS}", [new_id(), new_id()])
        by_token = await tx.fetch(f"EXPLAIN {client_store.TOKENS}", [b"hash", b"more"])
    for plan, indexes in (
        (by_key, ("api_keys_pkey", "firewall_rules_", "members_tenant_id_member_type")),
        (
            by_token,
            ("client_tokens_pkey", "api_keys_pkey", "firewall_rules_", "members_tenant_id_member"),
        ),
    ):
        text = "\n".join(row[0] for row in plan)
        assert "Seq Scan" not in text
        for index in indexes:
            assert index in text
