"""What is done at the machine: the first start on an empty database, tenants, lost passwords.

No caller of the API reaches past its tenant; these are for the operator.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from treadle.core.errors import Conflict, NotFound
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity import audit, member_store, project_store, session_store, user_store
from treadle.identity.model import Project, Tenant
from treadle.identity.passwords import Passwords, check_new_password
from treadle.identity.texts import check_text
from treadle.identity.user_store import UserRow
from treadle.identity.usernames import fold_username, tidy_username

FIRST_NAME: Final = "default"
"""Of the first tenant, and of the first project of every tenant."""
FIRST_USER: Final = "admin"
MAX_TENANT_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What a start found. `password_generated` is to be printed once; it is stored nowhere."""

    created: bool
    password_generated: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A tenant as it begins: with one project and one Administrator."""

    tenant: Tenant
    project: Project
    administrator_id: int


def random_password() -> str:
    """A password that nobody can guess, for somebody to copy once."""
    return secrets.token_urlsafe(18)


async def ensure_installation(
    db: Database, *, admin_password: str | None, passwords: Passwords, now: datetime
) -> FirstStart:
    """After this there is a tenant. On an empty database: tenant `default`, its project `default`
    and its Administrator `admin`, with the given password or a random one.

    Of several processes that start at once, one makes them. Later `admin_password` means nothing.
    Raises BadInput for a first password that nobody may take.
    """
    async with db.system() as tx:
        await project_store.lock_installation(tx)
        if await project_store.has_tenants(tx):
            return FirstStart(created=False)
        generated = None
        if admin_password is None:
            admin_password = generated = random_password()
        await _create(
            tx,
            name=FIRST_NAME,
            username=FIRST_USER,
            password=admin_password,
            passwords=passwords,
            now=now,
        )
    return FirstStart(created=True, password_generated=generated)


async def create_tenant(
    db: Database,
    *,
    name: str,
    admin_username: str,
    admin_password: str,
    passwords: Passwords,
    now: datetime,
) -> NewTenant:
    """A tenant with the project `default` and an Administrator, in a transaction of its own.

    Raises BadInput, and Conflict where the tenant's or the user's name is taken.
    """
    async with db.system() as tx:
        return await _create(
            tx,
            name=name,
            username=admin_username,
            password=admin_password,
            passwords=passwords,
            now=now,
        )


async def list_tenants(db: Database) -> list[Tenant]:
    """All tenants, the oldest first."""
    async with db.system() as tx:
        return await project_store.list_tenants(tx)


async def replace_password(
    db: Database, *, username: str, password: str, passwords: Passwords, now: datetime
) -> bool:
    """Gives the user another password and ends every session of theirs, for who cannot come in.

    Whether the user is active: who is not still cannot. Raises BadInput, and NotFound where no
    tenant has a user of this name.
    """
    username = tidy_username(username)
    check_new_password(password, username=username)
    password_hash = await passwords.hash(password)
    async with db.system() as tx:
        found = await session_store.find_credentials(tx, fold_username(username))
    if found is None:
        raise NotFound(f"There is no user {username}.")
    user = found.user_id
    async with db.tenant(found.tenant_id) as tx:
        await user_store.set_password_hash(tx, user, password_hash=password_hash, now=now)
        await session_store.revoke_sessions_of_user(tx, user, reason="password changed", now=now)
        await audit.record(
            tx, audit.OPERATOR, action="user.password", target=f"user:{user}", now=now
        )
    return found.active


async def _create(
    tx: Transaction,
    *,
    name: str,
    username: str,
    password: str,
    passwords: Passwords,
    now: datetime,
) -> NewTenant:
    username = tidy_username(username)
    check_new_password(password, username=username)
    tenant = await project_store.insert_tenant(
        tx, name=check_text(name, field="name", least=1, most=MAX_TENANT_NAME), now=now
    )
    if tenant is None:
        raise Conflict("There is a tenant of this name.", field="name")
    project = await project_store.insert_project(
        tx, tenant_id=tenant.id, name=FIRST_NAME, description="", now=now
    )
    if project is None:
        raise LookupError("a new tenant has a project already")
    user_id = await user_store.insert_user(
        tx,
        tenant_id=tenant.id,
        username=username,
        username_folded=fold_username(username),
        password_hash=await passwords.hash(password),
        row=UserRow(email="", first_name="", last_name="", active=True),
        now=now,
    )
    if user_id is None:
        raise Conflict("The user name is taken.", field="username")
    await member_store.put_member(
        tx,
        tenant_id=tenant.id,
        member_type="user",
        member_id=str(user_id),
        project_id=None,
        role="Administrator",
        now=now,
    )
    await audit.record(
        tx,
        audit.OPERATOR,
        tenant_id=tenant.id,
        action="tenant.create",
        target=f"tenant:{tenant.id}",
        after={"name": tenant.name, "administrator": f"user:{user_id}"},
        now=now,
    )
    return NewTenant(tenant, project, user_id)
