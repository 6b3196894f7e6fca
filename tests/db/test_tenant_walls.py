"""Nothing crosses the wall between tenants, in any table that there is.

The tables are read from the catalog: a new one is tested from the day it is migrated, and one
without a tenant must be listed here with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest

from treadle.db.database import Database

ALICE = UUID("0193a000-0000-7000-8000-00000000000a")
STRANGER = UUID("0193a000-0000-7000-8000-00000000000c")

WITHOUT_TENANT = {
    "migrations": "of the program, not of anybody",
    "role_secret": "what the roles' passwords are made of; closed to the application",
    "tenants": "a row is a tenant; its own id is the wall",
    "login_failures": "who fails to log in is of no tenant yet; closed to the application",
    "destinations": "pools of machines are the installation's; read-only to the application",
    "workers": "machines are the installation's; read-only to the application",
}

LOGINS = ("treadle_test_tenant", "treadle_test_system")

# A value of each type, as SQL. Checks and foreign keys are out of the way, so any will do.
VALUES = {
    "uuid": "gen_random_uuid()",
    "json": "'{}'",
    "jsonb": "'{}'",
    "bytea": "decode(md5(random()::text), 'hex')",
}
VALUES_OF_CATEGORY = {
    "A": "'{}'",
    "B": "true",
    "D": "now()",
    "I": "'192.0.2.1'",
    "N": "(random() * 30000)::int",
    "R": "'empty'",
    "S": "md5(random()::text)",
    "T": "'1 second'",
}


@dataclass(frozen=True, slots=True)
class Grants:
    """What the application may do to a table."""

    select: bool
    insert: bool
    update: bool
    delete: bool


async def tables(owner: asyncpg.Connection, *, with_tenant: bool) -> list[str]:
    """Ordinary and partitioned tables, and partitions: each can be named in a statement."""
    rows = await owner.fetch(
        """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'treadle'::regnamespace AND relkind IN ('r', 'p') AND $1 = EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = pg_class.oid AND attname = 'tenant_id' AND NOT attisdropped)
        ORDER BY relname
        """,
        with_tenant,
    )
    return [row["relname"] for row in rows]


async def grants(owner: asyncpg.Connection, table: str) -> Grants:
    row = await owner.fetchrow(
        """
        SELECT has_table_privilege($1, $2::regclass, 'SELECT') AS select,
               has_table_privilege($1, $2::regclass, 'INSERT') AS insert,
               has_any_column_privilege($1, $2::regclass, 'UPDATE') AS update,
               has_table_privilege($1, $2::regclass, 'DELETE') AS delete
        """,
        "treadle_tenant",
        f"treadle.{table}",
    )
    assert row is not None
    return Grants(**row)


async def take_rules_away(owner: asyncpg.Connection) -> None:
    """Leaves nothing but the walls to refuse a row, so that any row can be made in any table."""
    checks = await owner.fetch(
        """
        SELECT conrelid::regclass::text AS name, quote_ident(conname) AS rule FROM pg_constraint
        WHERE connamespace = 'treadle'::regnamespace AND contype = 'c' AND conislocal
          AND conrelid <> 0
        """
    )
    for check in checks:
        await owner.execute(f"ALTER TABLE {check['name']} DROP CONSTRAINT {check['rule']}")
    for table in await tables(owner, with_tenant=True):
        # Foreign keys are triggers too.
        await owner.execute(f"ALTER TABLE treadle.{table} DISABLE TRIGGER ALL")


async def insertion(owner: asyncpg.Connection, table: str) -> str:
    """A statement that inserts a row of the tenant $1."""
    columns = await owner.fetch(
        """
        SELECT quote_ident(attname) AS name, format_type(atttypid, NULL) AS type, typcategory,
               enumlabel
        FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
        LEFT JOIN pg_enum ON enumtypid = atttypid AND enumsortorder = 1
        WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attnotnull
          AND attidentity = '' AND attgenerated = ''
        """,
        f"treadle.{table}",
    )
    names: list[str] = []
    values: list[str] = []
    for column in columns:
        names.append(column["name"])
        category = column["typcategory"].decode()
        if column["name"] == "tenant_id":
            values.append("$1")
        elif column["enumlabel"] is not None:
            values.append(f"'{column['enumlabel']}'")
        else:
            value = VALUES.get(column["type"]) or VALUES_OF_CATEGORY.get(category)
            assert value, f"teach this test a value of the type {column['type']}"
            values.append(value)
    return f"INSERT INTO treadle.{table} ({', '.join(names)}) VALUES ({', '.join(values)})"


async def fill(owner: asyncpg.Connection) -> list[str]:
    """One row of Alice's in each table with a tenant."""
    await take_rules_away(owner)
    found = await tables(owner, with_tenant=True)
    for table in found:
        await owner.execute(await insertion(owner, table), ALICE)
    return found


async def test_tables_without_tenant_are_known(owner: asyncpg.Connection) -> None:
    assert set(await tables(owner, with_tenant=False)) == set(WITHOUT_TENANT)


async def test_tenant_is_never_missing(owner: asyncpg.Connection) -> None:
    loose = await owner.fetch(
        """
        SELECT attrelid::regclass::text AS name FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
        WHERE relnamespace = 'treadle'::regnamespace AND attname = 'tenant_id'
          AND (NOT attnotnull OR atttypid <> 'uuid'::regtype)
        """
    )
    assert [row["name"] for row in loose] == []


async def test_every_table_has_its_walls(owner: asyncpg.Connection) -> None:
    own = "(tenant_id = treadle.current_tenant())"
    await owner.execute("SET search_path = ''")  # so that the catalog spells names in full
    for table in await tables(owner, with_tenant=True):
        enabled = await owner.fetchval(
            "SELECT relrowsecurity FROM pg_class WHERE oid = $1::regclass", f"treadle.{table}"
        )
        assert enabled, f"{table}: row-level security is off"
        policies = await owner.fetch(
            """
            SELECT permissive, roles::text[] AS roles, cmd, qual, with_check FROM pg_policies
            WHERE schemaname = 'treadle' AND tablename = $1
            """,
            table,
        )
        # Permissive policies add up: one more for the application, or for everybody, would open
        # what these two close.
        open_to = [tuple(policy["roles"]) for policy in policies]
        assert sorted(open_to) == [("treadle_system",), ("treadle_tenant",)], table
        wall = next(policy for policy in policies if policy["roles"] == ["treadle_tenant"])
        assert wall["cmd"] == "ALL", table
        assert wall["qual"] == own, table
        assert wall["with_check"] in (own, None), table  # none given: the same as qual


async def test_tenants_own_row_is_the_wall_of_tenants(database: Database) -> None:
    async with database.system() as tx:
        for name, tenant in (("alice", ALICE), ("stranger", STRANGER)):
            await tx.execute("INSERT INTO tenants VALUES ($1, $2, now())", tenant, name)
    async with database.tenant(STRANGER) as tx:
        assert await tx.fetch("SELECT name FROM tenants") == [("stranger",)]


async def test_logins_cannot_bypass_the_walls(owner: asyncpg.Connection) -> None:
    for login in (*LOGINS, "treadle_tenant", "treadle_system"):
        role = await owner.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = $1", login
        )
        assert role is not None
        assert not any(role.values()), login
        owned = await owner.fetch(
            """
            SELECT relname FROM pg_class WHERE relnamespace = 'treadle'::regnamespace
              AND pg_has_role($1, relowner, 'MEMBER')
            """,
            login,
        )
        assert owned == [], f"{login} owns tables, and an owner is not held by policies"


async def test_application_cannot_truncate(owner: asyncpg.Connection) -> None:
    """TRUNCATE and references don't ask policies."""
    for table in await tables(owner, with_tenant=True):
        for login in LOGINS:
            for privilege in ("TRUNCATE", "REFERENCES", "TRIGGER"):
                allowed = await owner.fetchval(
                    "SELECT has_table_privilege($1, $2::regclass, $3)",
                    login,
                    f"treadle.{table}",
                    privilege,
                )
                assert not allowed, f"{login} has {privilege} on {table}"


async def test_views_and_functions_of_the_owner_open_no_door(owner: asyncpg.Connection) -> None:
    """Both run with their owner's rights, which no policy holds, unless they are told not to."""
    doors = await owner.fetch(
        """
        SELECT relname AS name FROM pg_class
        WHERE relnamespace = 'treadle'::regnamespace AND relkind IN ('v', 'm')
          AND NOT coalesce(reloptions::text[] && ARRAY['security_invoker=true',
                                                       'security_invoker=on'], false)
        UNION ALL
        SELECT proname FROM pg_proc
        WHERE pronamespace = 'treadle'::regnamespace AND prosecdef
        """
    )
    # A trigger's function cannot be called; this one touches only the entry that was inserted and
    # the head of that entry's tenant.
    assert [row["name"] for row in doors] == ["chain_audit_entry"]


async def test_stranger_sees_and_changes_nothing(
    database: Database, owner: asyncpg.Connection
) -> None:
    for table in await fill(owner):
        may = await grants(owner, table)
        async with database.tenant(STRANGER) as tx:
            if may.select:
                assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0, table
            if may.update:
                assert await tx.execute(f"UPDATE {table} SET tenant_id = tenant_id") == 0, table
            if may.delete:
                assert await tx.execute(f"DELETE FROM {table}") == 0, table
        assert await owner.fetchval(f"SELECT count(*) FROM treadle.{table}") == 1, table


async def test_owner_of_the_row_sees_it(database: Database, owner: asyncpg.Connection) -> None:
    """Else the test above would be content with tables that nobody can use."""
    for table in await fill(owner):
        may = await grants(owner, table)
        assert may.select, table
        async with database.tenant(ALICE) as tx:
            assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 1, table
        async with database.system() as tx:
            assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 1, table


async def test_stranger_cannot_write_for_another_tenant(
    database: Database, owner: asyncpg.Connection
) -> None:
    for table in await fill(owner):
        insert = await insertion(owner, table)
        may = await grants(owner, table)
        if may.insert:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                async with database.tenant(STRANGER) as tx:
                    await tx.execute(insert, ALICE)
        if may.insert and may.update:
            # Its own row cannot be pushed over the wall either.
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                async with database.tenant(STRANGER) as tx:
                    await tx.execute(insert, STRANGER)
                    await tx.execute(f"UPDATE {table} SET tenant_id = $1", ALICE)
        assert await owner.fetchval(f"SELECT count(*) FROM treadle.{table}") == 1, table


async def test_forgotten_tenant_sees_nothing(database: Database, owner: asyncpg.Connection) -> None:
    """Never set and set back to nothing are two cases: PostgreSQL leaves an empty text behind."""
    found = await fill(owner)
    async with database.tenant(ALICE) as tx:
        for forget in ("SET LOCAL treadle.tenant_id = ''", "RESET treadle.tenant_id"):
            await tx.execute(forget)
            for table in found:
                if (await grants(owner, table)).select:
                    assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_bad_tenant_is_an_error_not_everything(database: Database) -> None:
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        async with database.tenant(ALICE) as tx:
            await tx.execute("SET LOCAL treadle.tenant_id = '*'")
            await tx.execute("SELECT count(*) FROM users")
