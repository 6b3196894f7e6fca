"""Members: giving roles to users and API keys, in the tenant or in a project, and taking them."""

from __future__ import annotations

from datetime import datetime
from typing import TypeGuard
from uuid import UUID

from treadle.core.errors import BadInput, Conflict, NotFound
from treadle.core.ids import parse_id, parse_number
from treadle.core.pages import Slice, Window
from treadle.db.transaction import Transaction
from treadle.identity import api_key_store, audit, project_store, user_store
from treadle.identity import member_store as store
from treadle.identity.model import (
    APPLICATION_ROLES,
    PRINCIPAL_KINDS,
    PROJECT_ROLES,
    ApplicationRole,
    Member,
    Origin,
    Principal,
    PrincipalKind,
    ProjectRole,
)
from treadle.identity.rights import MISSING, Right, allows, require


async def set_member(
    tx: Transaction,
    principal: Principal,
    *,
    member_type: str,
    member_id: str,
    role: str,
    project_id: UUID | None = None,
    now: datetime,
) -> Member:
    """Gives the role in the project, or in the tenant without one, in place of the one held there.

    Raises BadInput for a role or type that does not exist there, NotFound for an unknown member or
    project, Forbidden, and Conflict where the tenant would be left without an Administrator.
    """
    require_to_give(principal, project_id)
    if not _is_kind(member_type):
        raise BadInput(_one_of("member_type", PRINCIPAL_KINDS), field="member_type")
    if not is_role(role, project_id):
        raise BadInput(role_rule(project_id), field="role")
    if project_id is not None and not await project_store.hold_project(tx, project_id):
        raise NotFound(MISSING)
    if not await _exists(tx, member_type, member_id):
        raise NotFound(MISSING)
    if project_id is None and member_type == "user" and role != "Administrator":
        await keep_an_administrator(tx, int(member_id))
    return await give_role(
        tx,
        principal,
        member_type=member_type,
        member_id=member_id,
        role=role,
        project_id=project_id,
        now=now,
    )


async def give_role(
    tx: Transaction,
    actor: Principal | str,
    *,
    member_type: PrincipalKind,
    member_id: str,
    role: ApplicationRole | ProjectRole,
    project_id: UUID | None,
    origin: Origin | None = None,
    now: datetime,
) -> Member:
    """The role is held, in place of another one. Whether it may be given was asked before."""
    held = await store.lock_role(
        tx, member_type=member_type, member_id=member_id, project_id=project_id
    )
    member = await store.put_member(
        tx,
        tenant_id=tx.tenant,
        member_type=member_type,
        member_id=member_id,
        project_id=project_id,
        role=role,
        now=now,
    )
    await audit.record(
        tx,
        actor,
        action="role.give",
        target=f"{member_type}:{member_id}",
        before={"role": held, "project_id": project_id} if held else None,
        after={"role": role, "project_id": project_id},
        origin=origin,
        now=now,
    )
    return member


async def list_members(
    tx: Transaction, principal: Principal, window: Window, *, project_id: UUID | None = None
) -> Slice[Member]:
    """Who holds a role in the project; without one, who holds an application role.

    Raises NotFound where the project is invisible, Forbidden.
    """
    require(principal, Right.USERS_READ if project_id is None else Right.PROJECT_READ, project_id)
    if project_id is not None and await project_store.find_project(tx, project_id) is None:
        raise NotFound(MISSING)
    return await store.list_members(tx, window, project_id=project_id)


async def remove_member(
    tx: Transaction, principal: Principal, member_row_id: UUID, *, now: datetime
) -> None:
    """Takes the role away. Raises NotFound, Forbidden, and Conflict as `set_member` does."""
    member = await store.find_member(tx, member_row_id)
    if member is None:
        raise NotFound(MISSING)
    if member.project_id is None and not allows(principal, Right.USERS_READ):
        raise NotFound(MISSING)
    require_to_give(principal, member.project_id)
    if member.project_id is None and member.member_type == "user":
        await keep_an_administrator(tx, int(member.member_id))
    if not await store.delete_member(tx, member_row_id):
        raise NotFound(MISSING)
    await audit.record(
        tx,
        principal,
        action="role.take",
        target=f"{member.member_type}:{member.member_id}",
        before={"role": member.role, "project_id": member.project_id},
        now=now,
    )


async def keep_an_administrator(tx: Transaction, user_id: int) -> None:
    """Raises Conflict if this user is the last active Administrator of the tenant.

    Asked before the user loses the role or is deactivated. Until the transaction ends nobody else
    can take another one away: two at a time would each see the other.
    """
    await user_store.lock_administration(tx)
    user = await user_store.find_user(tx, user_id)
    if user is None or not (user.active and user.is_administrator):
        return
    if not await user_store.has_other_administrator(tx, user_id):
        raise Conflict("This user is the last active Administrator.")


async def _exists(tx: Transaction, member_type: PrincipalKind, member_id: str) -> bool:
    """Whether the tenant has this principal. A key is held: it can't be deleted until the
    transaction ends, so that no role is given to what is gone.
    """
    if member_type == "api_key":
        client_id = parse_id(member_id)
        # A UUID can be spelled in many ways; the role is looked for under one.
        if client_id is None or str(client_id) != member_id:
            return False
        return await api_key_store.hold_key(tx, client_id)
    number = parse_number(member_id)
    return number is not None and await user_store.find_user(tx, number) is not None


def _is_kind(text: str) -> TypeGuard[PrincipalKind]:
    return text in PRINCIPAL_KINDS


def is_role(text: str, project_id: UUID | None) -> TypeGuard[ApplicationRole | ProjectRole]:
    """Whether this is a role in a project, or, without one, in the tenant."""
    return text in (APPLICATION_ROLES if project_id is None else PROJECT_ROLES)


def role_rule(project_id: UUID | None) -> str:
    """Which roles there are in a project, or, without one, in the tenant."""
    return _one_of("role", APPLICATION_ROLES if project_id is None else PROJECT_ROLES)


def require_to_give(principal: Principal, project_id: UUID | None) -> None:
    """Returns if the principal may give roles in the project, or, without one, in the tenant.

    Raises NotFound where the project is invisible, Forbidden.
    """
    right = Right.ROLES_WRITE if project_id is None else Right.PROJECT_MEMBERS_WRITE
    require(principal, right, project_id)


def _one_of(field: str, allowed: tuple[str, ...]) -> str:
    return f"{field} must be one of {', '.join(allowed)}"
