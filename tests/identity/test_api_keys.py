"""API keys as Administrators see and change them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from factories import (
    FAR,
    NOW,
    administrator_of,
    make_key,
    make_principal,
    make_project,
    make_rule,
    make_tenant,
)
from treadle.core.errors import BadInput, Conflict, Forbidden, NotFound
from treadle.core.pages import Window
from treadle.db.database import Database
from treadle.identity.api_keys import (
    KeyDraft,
    add_client_address,
    change_key,
    check_key,
    create_key,
    delete_key,
    get_key,
    list_keys,
    parse_right,
    rotate_key,
)
from treadle.identity.firewall import FirewallRule
from treadle.identity.installation import NewTenant
from treadle.identity.key_texts import read_api_key, read_client_secret
from treadle.identity.model import ApiKey, ApplicationRole, ProjectRole
from treadle.identity.rights import MISSING, Right

OFFICE = make_rule("192.0.2.16", "192.0.2.31", name="Office")
DESK = make_rule("198.51.100.7", name="Desk")


def draft_of(key: ApiKey) -> KeyDraft:
    return KeyDraft(key.description, key.expires_at, key.firewall_rules)


async def read(db: Database, tenant: NewTenant, client_id: UUID) -> ApiKey:
    async with db.tenant(tenant.tenant.id) as tx:
        return await get_key(tx, administrator_of(tenant), client_id)


async def test_a_new_key_is_whole_and_has_no_role(database: Database) -> None:
    tenant = await make_tenant(database)
    root = administrator_of(tenant)
    async with database.tenant(tenant.tenant.id) as tx:
        issued = await create_key(
            tx, root, KeyDraft(" Nightly import ", FAR, (OFFICE, DESK)), now=NOW
        )
    key = issued.key
    assert key == await read(database, tenant, key.client_id)
    assert (key.description, key.expires_at) == ("Nightly import", FAR)
    assert key.firewall_rules == (OFFICE, DESK)
    assert key.roles == ()
    assert (key.created_at, key.created_by) == (NOW, root.ref)
    assert (key.last_used_at, key.last_used_from, key.old_secret_until) == (None, None, None)
    assert key.tenant_id == tenant.tenant.id


async def test_the_two_texts_have_one_secret_of_which_only_a_hash_is_kept(
    database: Database, owner: asyncpg.Connection
) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    secret = read_client_secret(issued.client_secret)
    assert secret is not None
    assert read_api_key(issued.api_key) == (issued.key.client_id, secret)
    for table in ("api_keys", "client_ids", "firewall_rules", "client_tokens", "members"):
        stored = await owner.fetch(f"SELECT t::text AS row FROM treadle.{table} t")
        assert secret not in str([row["row"] for row in stored])
    for text in (repr(issued), str(issued)):
        assert secret not in text


async def test_no_two_keys_have_the_same_secret_or_id(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = [await make_key(database, tenant) for _ in range(5)]
    assert len({one.client_secret for one in issued}) == 5
    assert len({one.key.client_id for one in issued}) == 5


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (KeyDraft("", FAR), "description"),
        (KeyDraft("x" * 501, FAR), "description"),
        (KeyDraft("a\nb", FAR), "description"),
        (KeyDraft("x", NOW), "expires_at"),
        (KeyDraft("x", NOW - timedelta(days=1)), "expires_at"),
        # Not in the future as the wire would show it.
        (KeyDraft("x", NOW + timedelta(microseconds=999)), "expires_at"),
        (KeyDraft("x", FAR, (OFFICE, OFFICE)), "firewall_rules"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(
    database: Database, draft: KeyDraft, field: str
) -> None:
    tenant = await make_tenant(database)
    kept = await make_key(database, tenant)
    async with database.tenant(tenant.tenant.id) as tx:
        with pytest.raises(BadInput) as refused:
            await create_key(tx, administrator_of(tenant), draft, now=NOW)
        assert refused.value.field == field
        with pytest.raises(BadInput):
            await change_key(tx, administrator_of(tenant), kept.key.client_id, draft, now=NOW)
    assert await read(database, tenant, kept.key.client_id) == kept.key


async def test_what_can_be_just_so_is_taken(database: Database) -> None:
    tenant = await make_tenant(database)
    soon = NOW + timedelta(milliseconds=1)
    issued = await make_key(database, tenant, description="x" * 500, expires_at=soon)
    assert issued.key.expires_at == soon
    late = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    issued = await make_key(database, tenant, expires_at=late)
    assert issued.key.expires_at == late.replace(microsecond=999000)


async def test_a_change_sets_everything_and_keeps_id_and_secret(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, firewall_rules=[OFFICE], role="Consumer")
    later = NOW + timedelta(hours=1)
    async with database.tenant(tenant.tenant.id) as tx:
        draft = KeyDraft("Other", FAR + timedelta(days=1), (DESK,))
        changed = await change_key(
            tx, administrator_of(tenant), issued.key.client_id, draft, now=later
        )
    assert changed == replace(
        issued.key,
        description="Other",
        expires_at=FAR + timedelta(days=1),
        firewall_rules=(DESK,),
        last_modified_at=later,
        last_modified_by=administrator_of(tenant).ref,
    )
    async with database.tenant(tenant.tenant.id) as tx:
        draft = replace(draft, firewall_rules=())
        opened = await change_key(tx, administrator_of(tenant), changed.client_id, draft, now=later)
    assert opened.firewall_rules == ()


async def test_an_expired_key_can_be_described_anew_but_not_expire_anew(
    database: Database,
) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, expires_at=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=2)
    client_id, root = issued.key.client_id, administrator_of(tenant)
    async with database.tenant(tenant.tenant.id) as tx:
        draft = replace(draft_of(issued.key), description="was once")
        changed = await change_key(tx, root, client_id, draft, now=later)
        assert changed.description == "was once"
        with pytest.raises(BadInput, match="expires_at"):
            other = replace(draft, expires_at=NOW + timedelta(hours=1, minutes=1))
            await change_key(tx, root, client_id, other, now=later)
        revived = await change_key(tx, root, client_id, replace(draft, expires_at=FAR), now=later)
    assert revived.expires_at == FAR


async def test_a_list_has_the_newest_first_and_its_bounds(database: Database) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    await make_key(database, foreign)
    root = administrator_of(tenant)
    issued = [
        await make_key(
            database,
            tenant,
            firewall_rules=[make_rule(f"192.0.2.{n}")],
            project_roles={tenant.project.id: "Member"} if n % 2 else None,
            now=NOW + timedelta(seconds=n),
        )
        for n in range(5)
    ]
    newest_first = [one.key for one in reversed(issued)]
    async with database.tenant(tenant.tenant.id) as tx:
        whole = await list_keys(tx, root, Window())
        part = await list_keys(tx, root, Window(limit=2, offset=1))
        beyond = await list_keys(tx, root, Window(offset=5))
    assert list(whole.items) == newest_first
    assert (list(part.items), part.total) == (newest_first[1:3], 5)
    assert (beyond.items, beyond.total) == ((), 5)


async def test_roles_are_shown_with_the_key(database: Database) -> None:
    tenant = await make_tenant(database)
    other = await make_project(database, tenant)
    issued = await make_key(
        database,
        tenant,
        role="Consumer",
        project_roles={tenant.project.id: "Manager", other.id: "Owner"},
    )
    assert {(role.project_id, role.role) for role in issued.key.roles} == {
        (None, "Consumer"),
        (tenant.project.id, "Manager"),
        (other.id, "Owner"),
    }


async def test_the_own_address_becomes_a_rule_once(database: Database) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant, firewall_rules=[OFFICE])
    root, client_id = administrator_of(tenant), issued.key.client_id
    own = make_rule("203.0.113.9", name="Client 203.0.113.9")
    async with database.tenant(tenant.tenant.id) as tx:
        added = await add_client_address(tx, root, client_id, address="203.0.113.9", now=NOW)
        assert added.firewall_rules == (OFFICE, own)
        again = await add_client_address(tx, root, client_id, address="::ffff:203.0.113.9", now=NOW)
        assert again == added
        named = await add_client_address(
            tx, root, client_id, address="203.0.113.9", rule_name="Home", now=NOW
        )
        assert named.firewall_rules[-1] == replace(own, rule_name="Home")
        with pytest.raises(Conflict, match="name"):
            await add_client_address(
                tx, root, client_id, address="203.0.113.10", rule_name="OFFICE", now=NOW
            )
        for address in ("2001:db8::1", "unknown"):
            with pytest.raises(BadInput, match="not an IPv4"):
                await add_client_address(tx, root, client_id, address=address, now=NOW)


async def test_the_own_address_is_no_rule_too_many(database: Database) -> None:
    tenant = await make_tenant(database)
    rules = [make_rule(f"192.0.2.{number}") for number in range(100)]
    issued = await make_key(database, tenant, firewall_rules=rules)
    async with database.tenant(tenant.tenant.id) as tx:
        with pytest.raises(Conflict, match="100"):
            await add_client_address(
                tx, administrator_of(tenant), issued.key.client_id, address="10.0.0.1", now=NOW
            )


@pytest.mark.parametrize(
    ("role", "project_role"),
    [
        ("Project Creator", None),
        ("Consumer", None),
        ("Consumer", "Owner"),
        (None, "Owner"),
        (None, "Member"),
        (None, None),
    ],
)
async def test_keys_are_for_administrators_only(
    database: Database, role: ApplicationRole | None, project_role: ProjectRole | None
) -> None:
    tenant = await make_tenant(database)
    issued = await make_key(database, tenant)
    client_id = issued.key.client_id
    caller = make_principal(
        tenant.tenant.id,
        application_role=role,
        project_roles={} if project_role is None else {tenant.project.id: project_role},
    )
    async with database.tenant(tenant.tenant.id) as tx:
        for number in (client_id, uuid4(), None):
            with pytest.raises(Forbidden):
                await get_key(tx, caller, number)
            with pytest.raises(Forbidden):
                await change_key(tx, caller, number, draft_of(issued.key), now=NOW)
            with pytest.raises(Forbidden):
                await rotate_key(tx, caller, number, now=NOW)
            with pytest.raises(Forbidden):
                await delete_key(tx, caller, number, now=NOW)
            with pytest.raises(Forbidden):
                await add_client_address(tx, caller, number, address="10.0.0.1", now=NOW)
            with pytest.raises(Forbidden):
                await check_key(tx, caller, number, address="10.0.0.1", now=NOW)
        with pytest.raises(Forbidden):
            await list_keys(tx, caller, Window())
        with pytest.raises(Forbidden):
            await create_key(tx, caller, draft_of(issued.key), now=NOW)
    assert await read(database, tenant, client_id) == issued.key


async def test_another_tenants_key_is_missing(database: Database) -> None:
    tenant, foreign = await make_tenant(database), await make_tenant(database)
    issued = await make_key(database, foreign)
    root = administrator_of(tenant)
    async with database.tenant(tenant.tenant.id) as tx:
        for number in (issued.key.client_id, uuid4(), None):
            with pytest.raises(NotFound, match=MISSING):
                await get_key(tx, root, number)
            with pytest.raises(NotFound, match=MISSING):
                await delete_key(tx, root, number, now=NOW)
            with pytest.raises(NotFound, match=MISSING):
                await rotate_key(tx, root, number, now=NOW)
            with pytest.raises(NotFound, match=MISSING):
                await change_key(tx, root, number, draft_of(issued.key), now=NOW)
    assert await read(database, foreign, issued.key.client_id) == issued.key


async def test_a_check_asks_what_a_request_would_be_asked(database: Database) -> None:
    tenant = await make_tenant(database)
    hidden = await make_project(database, tenant, name="hidden")
    issued = await make_key(
        database,
        tenant,
        firewall_rules=[OFFICE],
        project_roles={tenant.project.id: "Manager"},
    )

    async def reason(
        address: str, permission: str | None = None, project: str | None = None
    ) -> str:
        async with database.tenant(tenant.tenant.id) as tx:
            verdict = await check_key(
                tx,
                administrator_of(tenant),
                issued.key.client_id,
                address=address,
                permission=permission,
                project=project,
                now=NOW,
            )
        return verdict.reason

    assert await reason("192.0.2.20") == "allowed"
    assert await reason(" ::ffff:192.0.2.20 ", "jobs_run", "default") == "allowed"
    assert await reason("192.0.2.20", "JOBS_RUN", str(tenant.project.id)) == "allowed"
    assert await reason("192.0.2.20", "Jobs_Write", "default") == "right"
    assert await reason("192.0.2.20", None, "hidden") == "invisible"
    assert await reason("192.0.2.20", "jobs_run", str(hidden.id)) == "invisible"
    assert await reason("192.0.2.99") == "firewall"
    for address, permission, project, field in [
        ("nowhere", None, None, "address"),
        ("", None, None, "address"),
        ("192.0.2.0/24", None, None, "address"),
        ("192.0.2.20", "run jobs", None, "permission"),
        ("192.0.2.20", "", None, "permission"),
        ("192.0.2.20", "jobs_run", "missing", "project"),
        ("192.0.2.20", "keys_read", "default", "project"),
    ]:
        with pytest.raises(BadInput) as refused:
            await reason(address, permission, project)
        assert refused.value.field == field


def test_every_right_has_a_name_that_is_read() -> None:
    for right in Right:
        assert parse_right(right.name.lower()) is right


async def test_the_schema_refuses_what_no_key_can_be(
    database: Database, owner: asyncpg.Connection
) -> None:
    tenant = await make_tenant(database)
    await make_key(database, tenant, firewall_rules=[FirewallRule("r", *[DESK.start_ipv4] * 2)])
    for statement in (
        "UPDATE api_keys SET old_secret_until = now()",
        "UPDATE api_keys SET last_used_at = now()",
        "UPDATE api_keys SET secret_hash = 'short'",
        "UPDATE api_keys SET description = ''",
        "UPDATE firewall_rules SET start_ipv4 = '198.51.100.8'",
        "UPDATE firewall_rules SET start_ipv4 = '::1', end_ipv4 = '::1'",
        "UPDATE firewall_rules SET start_ipv4 = '198.51.100.0/24'",
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute(statement.replace("UPDATE ", "UPDATE treadle."))
