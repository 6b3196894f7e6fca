"""Users of a tenant: made and changed by its Administrators; never deleted, but deactivated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.pages import Page, PageRequest
from treadle.db.database import Database
from treadle.db.transaction import Transaction
from treadle.identity import audit, session_store
from treadle.identity import user_store as store
from treadle.identity.lockout import LockOut
from treadle.identity.members import keep_an_administrator, set_member
from treadle.identity.model import Origin, Principal, User
from treadle.identity.passwords import Passwords, check_new_password
from treadle.identity.rights import MISSING, Right, require
from treadle.identity.sessions import is_password_of
from treadle.identity.texts import check_email, check_text
from treadle.identity.user_store import USER_SORTS, UserRow
from treadle.identity.usernames import fold_username, tidy_username

MAX_NAME: Final = 100
"""Characters of a first or last name."""


@dataclass(frozen=True, slots=True)
class UserChanges:
    """What to change; None leaves a field as it is. A PUT fills every field."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    active: bool | None = None
    role: str | None = None


async def create_user(
    tx: Transaction,
    principal: Principal,
    *,
    username: str,
    password: str,
    email: str = "",
    first_name: str = "",
    last_name: str = "",
    active: bool = True,
    role: str = "Consumer",
    project_roles: Mapping[UUID, str] | None = None,
    passwords: Passwords,
    now: datetime,
) -> User:
    """A new user with an application role and, where given, roles in projects.

    Raises Forbidden, BadInput, Conflict for a name that is taken, NotFound for an unknown project.
    """
    require(principal, Right.USERS_WRITE)
    user_id = await add_user(
        tx,
        principal,
        username=username,
        password=password,
        row=UserRow(email=email, first_name=first_name, last_name=last_name, active=active),
        passwords=passwords,
        now=now,
    )
    await _set_role(tx, principal, user_id, role, now=now)
    for project_id, project_role in (project_roles or {}).items():
        await set_member(
            tx,
            principal,
            member_type="user",
            member_id=str(user_id),
            role=project_role,
            project_id=project_id,
            now=now,
        )
    return await _find(tx, user_id)


async def add_user(
    tx: Transaction,
    actor: Principal | str,
    *,
    username: str,
    password: str,
    row: UserRow,
    passwords: Passwords,
    origin: Origin | None = None,
    now: datetime,
) -> int:
    """The id of a new user without any role. Whether there may be one was asked before.

    Raises BadInput, Conflict for a name that is taken.
    """
    name = tidy_username(username)
    check_new_password(password, username=name)
    row = _checked(row)
    user_id = await store.insert_user(
        tx,
        tenant_id=tx.tenant,
        username=name,
        username_folded=fold_username(name),
        password_hash=await passwords.hash(password),
        row=row,
        now=now,
    )
    if user_id is None:
        raise Conflict("The user name is taken.", field="username")
    await audit.record(
        tx,
        actor,
        action="user.create",
        target=f"user:{user_id}",
        after={"username": name, "email": row.email, "active": row.active},
        origin=origin,
        now=now,
    )
    return user_id


async def list_users(
    tx: Transaction,
    principal: Principal,
    *,
    page: PageRequest,
    text: str | None = None,
    active: bool | None = None,
    sort: str = "id",
    descending: bool = False,
) -> Page[User]:
    """A page of the tenant's users; `text` is looked for in names and email.

    Raises Forbidden, and BadInput for a `sort` that is not one of USER_SORTS.
    """
    require(principal, Right.USERS_READ)
    if sort not in USER_SORTS:
        raise BadInput(f"sortby must be one of {', '.join(sorted(USER_SORTS))}", field="sortby")
    if text is not None:
        text = check_text(text, field="filter", most=200)
    return await store.list_users(
        tx, page, text=text, active=active, sort=sort, descending=descending
    )


async def get_user(tx: Transaction, principal: Principal, user_id: int) -> User:
    """The user; everybody may read the own one. Raises NotFound, Forbidden."""
    if not _is_self(principal, user_id):
        require(principal, Right.USERS_READ)
    return await _find(tx, user_id)


async def change_user(
    tx: Transaction, principal: Principal, user_id: int, changes: UserChanges, *, now: datetime
) -> User:
    """The changed user. Deactivating ends every session of the user at once.

    Raises Forbidden, NotFound, BadInput, and Conflict for deactivating oneself or leaving the
    tenant without an active Administrator.
    """
    require(principal, Right.USERS_WRITE)
    if changes.active is False and _is_self(principal, user_id):
        raise Conflict("You cannot deactivate yourself.", field="active")
    if changes.active is False or changes.role is not None:
        # Always before the row: two changes that lock in another order would wait for each other.
        await store.lock_administration(tx)
    await store.lock_user(tx, user_id)
    user = await _find(tx, user_id)
    if changes.active is False:
        await keep_an_administrator(tx, user_id)
    row = _checked(
        UserRow(
            email=_or(changes.email, user.email),
            first_name=_or(changes.first_name, user.first_name),
            last_name=_or(changes.last_name, user.last_name),
            active=user.active if changes.active is None else changes.active,
        )
    )
    await store.update_user(tx, user_id, row, now=now)
    await audit.record(
        tx,
        principal,
        action="user.change",
        target=user.ref,
        before=_row_of(user),
        after=row,
        now=now,
    )
    if changes.role is not None and changes.role != user.role:
        await _set_role(tx, principal, user_id, changes.role, now=now)
    if not row.active:
        await session_store.revoke_sessions_of_user(tx, user_id, reason="deactivated", now=now)
    return await _find(tx, user_id)


async def change_password(
    tx: Transaction,
    principal: Principal,
    user_id: int,
    *,
    new_password: str,
    old_password: str | None,
    address: str,
    db: Database,
    passwords: Passwords,
    lockout: LockOut,
    now: datetime,
) -> None:
    """Replaces the password and ends every session of the user at once.

    The own password needs the old one, whatever the role; Administrators set that of others without
    it. A wrong old password counts as a failed login, in a transaction of its own on `db`. Raises
    Forbidden, NotFound, BadInput.
    """
    if not _is_self(principal, user_id):
        require(principal, Right.USERS_WRITE)
    user = await _find(tx, user_id)
    check_new_password(new_password, username=user.username, field="newPassword")
    if _is_self(principal, user_id):
        if not old_password:
            raise BadInput("oldPassword is needed to change your own password", field="oldPassword")
        if not await is_password_of(
            db,
            username=user.username,
            password=old_password,
            address=address,
            passwords=passwords,
            lockout=lockout,
            now=now,
        ):
            raise BadInput("oldPassword is wrong", field="oldPassword")
    password_hash = await passwords.hash(new_password)
    await store.set_password_hash(tx, user_id, password_hash=password_hash, now=now)
    await session_store.revoke_sessions_of_user(tx, user_id, reason="password changed", now=now)
    await audit.record(tx, principal, action="user.password", target=user.ref, now=now)


async def _set_role(
    tx: Transaction, principal: Principal, user_id: int, role: str, *, now: datetime
) -> None:
    await set_member(tx, principal, member_type="user", member_id=str(user_id), role=role, now=now)


async def _find(tx: Transaction, user_id: int) -> User:
    user = await store.find_user(tx, user_id)
    if user is None:
        raise NotFound(MISSING)
    return user


def _row_of(user: User) -> UserRow:
    return UserRow(user.email, user.first_name, user.last_name, user.active)


def _checked(row: UserRow) -> UserRow:
    return UserRow(
        email=check_email(row.email),
        first_name=check_text(row.first_name, field="firstName", most=MAX_NAME),
        last_name=check_text(row.last_name, field="lastName", most=MAX_NAME),
        active=row.active,
    )


def _is_self(principal: Principal, user_id: int) -> bool:
    return principal.kind == "user" and principal.id == str(user_id)


def _or(given: str | None, kept: str) -> str:
    return kept if given is None else given
