"""Rows for tests: a function a table, every field optional, always consistent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import count
from uuid import UUID

from argon2 import Parameters, Type

from treadle.db.database import Database
from treadle.identity import sessions
from treadle.identity.api_keys import KeyDraft, create_key, get_key
from treadle.identity.firewall import FirewallRule
from treadle.identity.installation import NewTenant, create_tenant
from treadle.identity.lockout import LockOut
from treadle.identity.members import set_member
from treadle.identity.model import (
    ApplicationRole,
    IssuedKey,
    Principal,
    PrincipalKind,
    Project,
    ProjectRole,
    Tokens,
    User,
)
from treadle.identity.passwords import Passwords
from treadle.identity.projects import create_project
from treadle.identity.users import create_user

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
_numbers = count(1)

# ---------------------------------------------------------------- identity

PASSWORD = "correct horse battery"
ADDRESS = "192.0.2.1"
CHEAP = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
)
"""The cheapest argon2id there is: for tests only."""


def cheap_passwords() -> Passwords:
    """The real thing at next to no cost. One for each event loop."""
    return Passwords(CHEAP)


def make_lockout() -> LockOut:
    """A lock-out whose subjects are the same in all tests. One for each event loop."""
    return LockOut(b"lock-out key for tests, 32 bytes")


async def make_tenant(
    db: Database,
    *,
    name: str | None = None,
    admin_username: str | None = None,
    admin_password: str = PASSWORD,
    now: datetime = NOW,
) -> NewTenant:
    """A tenant with the project `default` and an Administrator, see `administrator_of`."""
    number = next(_numbers)
    return await create_tenant(
        db,
        name=f"tenant {number}" if name is None else name,
        admin_username=f"admin{number}" if admin_username is None else admin_username,
        admin_password=admin_password,
        passwords=cheap_passwords(),
        now=now,
    )


async def make_project(
    db: Database, tenant: NewTenant, *, name: str | None = None, now: datetime = NOW
) -> Project:
    """A project of the tenant, owned by its Administrator."""
    async with db.tenant(tenant.tenant.id) as tx:
        return await create_project(
            tx,
            administrator_of(tenant),
            name=f"project {next(_numbers)}" if name is None else name,
            now=now,
        )


async def make_user(
    db: Database,
    tenant: NewTenant,
    *,
    username: str | None = None,
    password: str = PASSWORD,
    email: str = "",
    first_name: str = "",
    last_name: str = "",
    active: bool = True,
    role: ApplicationRole = "Consumer",
    project_roles: Mapping[UUID, ProjectRole] | None = None,
    now: datetime = NOW,
) -> User:
    """A user who can log in with PASSWORD; without more, one who was let into nothing yet."""
    async with db.tenant(tenant.tenant.id) as tx:
        return await create_user(
            tx,
            administrator_of(tenant),
            username=f"user{next(_numbers)}" if username is None else username,
            password=password,
            email=email,
            first_name=first_name,
            last_name=last_name,
            active=active,
            role=role,
            project_roles=project_roles,
            passwords=cheap_passwords(),
            now=now,
        )


def administrator_of(tenant: NewTenant) -> Principal:
    """The tenant's first Administrator, as authentication would give it."""
    return make_principal(tenant.tenant.id, id=str(tenant.administrator_id), name="administrator")


def principal_of(
    user: User, tenant: NewTenant, project_roles: Mapping[UUID, ProjectRole] | None = None
) -> Principal:
    """The user as a principal, without logging in; the roles in projects are the caller's word."""
    return make_principal(
        tenant.tenant.id,
        id=str(user.id),
        name=user.username,
        application_role=user.role,
        project_roles=project_roles,
    )


def make_principal(
    tenant_id: UUID,
    *,
    kind: PrincipalKind = "user",
    id: str = "1",  # noqa: A002 - the field's name
    name: str = "alice",
    application_role: ApplicationRole | None = "Administrator",
    project_roles: Mapping[UUID, ProjectRole] | None = None,
) -> Principal:
    """A principal that need not stand in the database; an Administrator unless told otherwise."""
    return Principal(kind, id, name, tenant_id, application_role, dict(project_roles or {}))


async def log_in(
    db: Database,
    username: str,
    *,
    password: str = PASSWORD,
    address: str = ADDRESS,
    now: datetime = NOW,
) -> Tokens:
    """A session of the user."""
    return await sessions.log_in(
        db,
        username=username,
        password=password,
        address=address,
        passwords=cheap_passwords(),
        lockout=make_lockout(),
        now=now,
    )


# ---------------------------------------------------------------- api keys

FAR = NOW + timedelta(days=3650)
"""When a key of the tests expires unless told otherwise: by any clock, not yet."""


async def make_key(
    db: Database,
    tenant: NewTenant,
    *,
    description: str = "a key of the tests",
    expires_at: datetime = FAR,
    firewall_rules: Sequence[FirewallRule] = (),
    role: ApplicationRole | None = None,
    project_roles: Mapping[UUID, ProjectRole] | None = None,
    now: datetime = NOW,
) -> IssuedKey:
    """A key with these roles; without more, one that is refused everything."""
    root = administrator_of(tenant)
    async with db.tenant(tenant.tenant.id) as tx:
        issued = await create_key(
            tx, root, KeyDraft(description, expires_at, tuple(firewall_rules)), now=now
        )
        roles: list[tuple[UUID | None, str]] = [*(project_roles or {}).items()]
        if role is not None:
            roles.append((None, role))
        for project_id, held in roles:
            await set_member(
                tx,
                root,
                member_type="api_key",
                member_id=str(issued.key.client_id),
                role=held,
                project_id=project_id,
                now=now,
            )
        key = await get_key(tx, root, issued.key.client_id)
    return replace(issued, key=key)


def make_rule(start: str, end: str | None = None, *, name: str | None = None) -> FirewallRule:
    """A range of addresses; of one address without an end."""
    return FirewallRule(
        rule_name=f"{start} to {end or start}" if name is None else name,
        start_ipv4=IPv4Address(start),
        end_ipv4=IPv4Address(end or start),
    )


# ---------------------------------------------------------------- waiting


async def until_somebody_waits(db: Database) -> None:
    """Returns when a connection of this database waits for another one's lock. Under a timeout."""
    waiting = 0
    while not waiting:
        async with db.system() as tx:
            waiting = await tx.fetchval(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN"
                " (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
            )
