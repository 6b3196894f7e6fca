"""The audit log against a real database: its chain, its walls, and what never stands in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg
import pytest
from pydantic import SecretStr

from factories import NOW, PASSWORD, administrator_of, make_tenant, make_user
from treadle.core.errors import Forbidden
from treadle.core.ids import new_id
from treadle.db.database import Database
from treadle.identity import audit
from treadle.identity.audit import Verified
from treadle.identity.audit_chain import INSTALLATION, ChainedEntry, redacted
from treadle.identity.audit_store import AuditFilter
from treadle.identity.installation import NewTenant
from treadle.identity.model import Origin, Principal
from treadle.identity.refusals import KeyClaim, NameClaim, Refusal, Refusals

HOME = Origin("192.0.2.7", "bearer:0123456789ab", "request-1")


async def verified(database: Database, tenant: NewTenant) -> Verified:
    # A small batch, so that the walk has seams.
    found = [one async for one in audit.verify(database, batch=3)]
    return next(one for one in found if one.tenant_id == tenant.tenant.id)


async def entries_of(
    database: Database, caller: Principal, wanted: AuditFilter | None = None
) -> list[ChainedEntry]:
    async with database.tenant(caller.tenant_id) as tx:
        return await audit.list_entries(tx, caller, wanted or AuditFilter(), limit=1000)


async def fill(database: Database, tenant: NewTenant, count: int) -> None:
    admin = administrator_of(tenant)
    for number in range(count):
        async with database.tenant(tenant.tenant.id) as tx:
            await audit.record(
                tx,
                admin,
                action="thing.change",
                target=f"thing:{number}",
                before={"size": number},
                after={"size": number + 1},
                origin=HOME,
                now=NOW,
            )


async def test_a_new_tenant_begins_a_chain_that_is_whole(database: Database) -> None:
    tenant = await make_tenant(database)
    await make_user(database, tenant, username="ada")
    found = await verified(database, tenant)
    assert found.broken is None
    entries = await entries_of(database, administrator_of(tenant))
    assert found.head.number == len(entries)
    assert [entry.entry.action for entry in entries] == [
        "role.give",
        "user.create",
        "tenant.create",
    ]
    assert entries[1].entry.after == {"username": "ada", "email": "", "active": True}


async def test_an_entry_says_who_what_when_from_where_and_with_what(database: Database) -> None:
    tenant = await make_tenant(database)
    await fill(database, tenant, 1)
    entry = (await entries_of(database, administrator_of(tenant)))[0].entry
    assert entry.actor == administrator_of(tenant).ref
    assert (entry.action, entry.target, entry.outcome) == ("thing.change", "thing:0", "allowed")
    assert (entry.address, entry.credential, entry.request_id) == (
        "192.0.2.7",
        "bearer:0123456789ab",
        "request-1",
    )
    assert (entry.at, entry.before, entry.after) == (NOW, {"size": 0}, {"size": 1})


CHANGES: Mapping[str, str] = {
    "id": "gen_random_uuid()",
    "tenant_id": "gen_random_uuid()",
    "at": "at + interval '1 microsecond'",
    "actor": "'user:99'",
    "action": "'other'",
    "target": "'other'",
    "outcome": "'refused'",
    "address": "'192.0.2.8'",
    "credential": "credential || 'x'",
    "request_id": "request_id || 'x'",
    "times": "times + 1",
    "before": "'{\"other\": 1}'",
    "after": "'{}'",
    "digest": "sha256('x')",
    "number": "number + 1000",
    "hash": "sha256('x')",
}


async def test_every_column_is_tried(owner: asyncpg.Connection) -> None:
    columns = await owner.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'treadle.audit_log'::regclass"
        " AND attnum > 0 AND NOT attisdropped"
    )
    assert {column["attname"] for column in columns} == set(CHANGES)


@pytest.mark.parametrize("column", CHANGES)
async def test_a_change_of_any_column_of_any_entry_is_found(
    database: Database, owner: asyncpg.Connection, column: str
) -> None:
    tenant = await make_tenant(database)
    await fill(database, tenant, 4)
    for number in range(1, 6):
        await owner.execute(
            f"UPDATE treadle.audit_log SET {column} = {CHANGES[column]}"
            " WHERE tenant_id = $1 AND number = $2",
            tenant.tenant.id,
            number,
        )
        broken = (await verified(database, tenant)).broken
        assert broken is not None
        assert broken.number == number
        await owner.execute(
            "DELETE FROM treadle.audit_log; DELETE FROM treadle.audit_heads",
        )
        await fill(database, tenant, 5)


async def test_a_deleted_entry_is_missed_wherever_it_stood(
    database: Database, owner: asyncpg.Connection
) -> None:
    for number in range(1, 6):
        tenant = await make_tenant(database)
        await fill(database, tenant, 4)
        await owner.execute(
            "DELETE FROM treadle.audit_log WHERE tenant_id = $1 AND number = $2",
            tenant.tenant.id,
            number,
        )
        broken = (await verified(database, tenant)).broken
        assert broken is not None
        assert (broken.number, broken.reason) == (number, f"entry {number} is missing")


async def test_a_chain_that_was_deleted_whole_is_missed(
    database: Database, owner: asyncpg.Connection
) -> None:
    tenant = await make_tenant(database)
    await owner.execute("DELETE FROM treadle.audit_log WHERE tenant_id = $1", tenant.tenant.id)
    assert (await verified(database, tenant)).broken is not None


async def test_a_lost_or_other_head_is_found(database: Database, owner: asyncpg.Connection) -> None:
    for change in ("DELETE FROM", "UPDATE"):
        tenant = await make_tenant(database)
        what = " SET hash = sha256('x')" if change == "UPDATE" else ""
        await owner.execute(
            f"{change} treadle.audit_heads{what} WHERE tenant_id = $1", tenant.tenant.id
        )
        assert (await verified(database, tenant)).broken is not None


async def test_two_entries_that_change_places_are_found(
    database: Database, owner: asyncpg.Connection
) -> None:
    tenant = await make_tenant(database)
    await fill(database, tenant, 4)
    await owner.execute(
        "UPDATE treadle.audit_log SET number = -number + 1000 WHERE number IN (2, 3)"
    )
    await owner.execute(
        "UPDATE treadle.audit_log SET number = number - 995 WHERE number IN (997, 998)"
    )
    broken = (await verified(database, tenant)).broken
    assert broken is not None
    assert broken.number == 2


async def test_an_entry_that_went_around_the_trigger_is_found(
    database: Database, owner: asyncpg.Connection
) -> None:
    tenant = await make_tenant(database)
    await owner.execute("ALTER TABLE treadle.audit_log DISABLE TRIGGER chain")
    await fill(database, tenant, 1)
    await owner.execute("ALTER TABLE treadle.audit_log ENABLE TRIGGER chain")
    broken = (await verified(database, tenant)).broken
    assert broken is not None
    assert broken.reason == "it has no place in the chain"


async def test_nobody_but_the_owner_changes_an_entry(database: Database) -> None:
    tenant = await make_tenant(database)
    statements = (
        "UPDATE audit_log SET actor = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE audit_heads SET number = 1",
        "DELETE FROM audit_heads",
        "INSERT INTO audit_heads VALUES (gen_random_uuid(), 1, sha256('x'))",
        "INSERT INTO audit_log (id, number) VALUES (gen_random_uuid(), 7)",
    )
    for statement in statements:
        for opened in (database.tenant(tenant.tenant.id), database.system()):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with opened as tx:
                    await tx.execute(statement)
    assert (await verified(database, tenant)).broken is None


async def test_two_hundred_writers_at_once_make_one_unbroken_chain(database: Database) -> None:
    tenant = await make_tenant(database)
    await asyncio.gather(*(fill(database, tenant, 1) for _ in range(200)))
    found = await verified(database, tenant)
    assert (found.broken, found.head.number) == (None, 201)


async def test_what_is_rolled_back_leaves_no_entry_and_no_gap(database: Database) -> None:
    tenant = await make_tenant(database)
    with pytest.raises(LookupError):
        async with database.tenant(tenant.tenant.id) as tx:
            await audit.record(tx, "operator", action="a", target="b", now=NOW)
            raise LookupError
    await fill(database, tenant, 1)
    found = await verified(database, tenant)
    assert (found.broken, found.head.number) == (None, 2)


async def test_another_tenant_sees_nothing(database: Database) -> None:
    ours, theirs = await make_tenant(database), await make_tenant(database)
    await fill(database, ours, 3)
    seen = await entries_of(database, administrator_of(theirs))
    assert {entry.entry.tenant_id for entry in seen} == {theirs.tenant.id}


async def test_only_who_may_read_it_reads_it(database: Database) -> None:
    tenant = await make_tenant(database)
    user = await make_user(database, tenant)
    member = Principal("user", str(user.id), "u", tenant.tenant.id, "Consumer", {})
    with pytest.raises(Forbidden):
        await entries_of(database, member)
    with pytest.raises(Forbidden):
        async for _ in audit.export_entries(database, member, AuditFilter()):
            pass


async def test_the_export_has_everything_in_order(database: Database) -> None:
    tenant = await make_tenant(database)
    await fill(database, tenant, 6)
    admin = administrator_of(tenant)
    numbers = [
        entry.number
        async for found in audit.export_entries(database, admin, AuditFilter(), batch=2)
        for entry in found
    ]
    assert numbers == list(range(1, 8))


@dataclass(frozen=True)
class Thing:
    name: str
    hidden: str = field(repr=False)


def test_secrets_are_struck_out() -> None:
    said = redacted(
        {
            "password": "hunter2",
            "old_secret_hash": b"hunter2",
            "nested": [{"Api-Key": "hunter2", "raw": b"hunter2", "box": SecretStr("hunter2")}],
            "thing": Thing("shown", "hunter2"),
            "note": "it was tdl_at_hunter2hunter2, I think",
            "name": "kept",
        }
    )
    assert "hunter2" not in str(said)
    assert said["name"] == "kept"
    assert said["thing"]["name"] == "shown"


def test_what_a_database_refuses_is_tidied() -> None:
    said = redacted({"a\0": "\0\ud800", "big": 2**70, "long": "x" * 10_000, "many": (1, 2)})
    assert said["big"] == str(2**70)
    assert len(said["long"]) == 500
    assert "\0" not in str(said)


async def test_no_password_reaches_the_log(database: Database, owner: asyncpg.Connection) -> None:
    tenant = await make_tenant(database)
    await make_user(database, tenant, username="ada")
    rows = await owner.fetch("SELECT audit_log::text AS text FROM treadle.audit_log")
    assert rows
    assert not [row for row in rows if PASSWORD in row["text"] or "argon2" in row["text"]]


def refusal(*, credential: str = "", path: str = "/api/users") -> Refusal:
    return Refusal(
        action="GET /api/users",
        target=path,
        status=401,
        reason="no",
        origin=Origin("192.0.2.9", credential, "r"),
    )


async def test_alike_refusals_become_one_entry_of_the_installation(database: Database) -> None:
    refusals = Refusals()
    for number in range(50):
        refusals.note(refusal(path=f"/{number}"), now=NOW)
    assert await refusals.write(database, now=NOW) == 1
    assert await refusals.write(database, now=NOW) == 0
    async with database.system() as tx:
        row = await tx.fetchrow("SELECT tenant_id, times, target FROM audit_log")
    assert row == (INSTALLATION, 50, "/0")


async def test_a_refusal_goes_to_the_tenant_whose_name_or_key_was_tried(database: Database) -> None:
    tenant = await make_tenant(database, admin_username="boss")
    refusals = Refusals()
    for claim in (NameClaim("boss"), NameClaim("nobody"), NameClaim("no one"), KeyClaim(new_id())):
        made = refusal(credential="bearer:x")
        refusals.note(
            Refusal(made.action, made.target, 401, "no", made.origin, claim=claim), now=NOW
        )
    # What is nobody's looks alike, whatever was tried.
    assert await refusals.write(database, now=NOW) == 2
    entry = (await entries_of(database, administrator_of(tenant)))[0].entry
    assert (entry.actor, entry.outcome) == ("anonymous", "refused")
    assert entry.after == {
        "status": 401,
        "reason": "no",
        "claimed": f"user:{tenant.administrator_id}",
    }


async def test_too_many_different_refusals_are_counted(database: Database) -> None:
    refusals = Refusals(most=3)
    for number in range(10):
        refusals.note(refusal(credential=str(number)), now=NOW)
    assert await refusals.write(database, now=NOW) == 4
    async with database.system() as tx:
        times = await tx.fetchval("SELECT times FROM audit_log WHERE action = 'audit.overflow'")
    assert times == 7


async def test_refusals_that_cannot_be_written_stay(
    database: Database, owner: asyncpg.Connection
) -> None:
    refusals = Refusals()
    refusals.note(refusal(), now=NOW)
    await owner.execute("REVOKE INSERT ON treadle.audit_log FROM treadle_system")
    await owner.execute("REVOKE ALL ON treadle.audit_log FROM treadle_system")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await refusals.write(database, now=NOW)
    await owner.execute("GRANT INSERT, SELECT ON treadle.audit_log TO treadle_system")
    assert await refusals.write(database, now=NOW) == 1
