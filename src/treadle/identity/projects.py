"""Projects: making them, and finding the one that a request means."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from treadle.core.errors import Conflict, Forbidden, NotFound
from treadle.core.ids import parse_id
from treadle.core.pages import Slice, Window
from treadle.db.transaction import Transaction
from treadle.identity import audit, member_store
from treadle.identity import project_store as store
from treadle.identity.model import Principal, Project, Tenant
from treadle.identity.rights import (
    MISSING,
    Right,
    projects_among,
    require,
    require_a_role,
    visible_projects,
)
from treadle.identity.texts import check_text

MAX_PROJECT_NAME: Final = 100
MAX_DESCRIPTION: Final = 2000
NAME_TAKEN: Final = "There is a project of this name."


async def create_project(
    tx: Transaction, principal: Principal, *, name: str, description: str = "", now: datetime
) -> Project:
    """A new project, whose Owner is its maker. Raises Forbidden, BadInput, Conflict."""
    require(principal, Right.PROJECT_CREATE)
    project = await store.insert_project(
        tx,
        tenant_id=principal.tenant_id,
        name=check_text(name, field="name", least=1, most=MAX_PROJECT_NAME),
        description=check_text(description, field="description", most=MAX_DESCRIPTION),
        now=now,
    )
    if project is None:
        raise Conflict(NAME_TAKEN, field="name")
    await member_store.put_member(
        tx,
        tenant_id=principal.tenant_id,
        member_type=principal.kind,
        member_id=principal.id,
        project_id=project.id,
        role="Owner",
        now=now,
    )
    await audit.record(
        tx,
        principal,
        action="project.create",
        target=f"project:{project.id}",
        after={"name": project.name, "owner": principal.ref},
        now=now,
    )
    return project


async def change_project(
    tx: Transaction,
    principal: Principal,
    project_id: UUID,
    *,
    name: str,
    description: str,
    now: datetime,
) -> Project:
    """The project with another name and description. Raises NotFound, Forbidden, BadInput, and
    Conflict for a name that is taken.
    """
    project = await _require_write(tx, principal, project_id)
    changed = await store.update_project(
        tx,
        project_id,
        name=check_text(name, field="name", least=1, most=MAX_PROJECT_NAME),
        description=check_text(description, field="description", most=MAX_DESCRIPTION),
    )
    if changed is None:
        raise Conflict(NAME_TAKEN, field="name")
    await audit.record(
        tx,
        principal,
        action="project.change",
        target=f"project:{project_id}",
        before=project,
        after=changed,
        now=now,
    )
    return changed


async def delete_project(
    tx: Transaction, principal: Principal, project_id: UUID, *, now: datetime
) -> None:
    """The project is gone, with the roles that were held in it. Raises NotFound, Forbidden, and
    Conflict while anything belongs to it, be it the history of jobs that were deleted.
    """
    project = await _require_write(tx, principal, project_id)
    if not await store.delete_project(tx, project_id):
        raise Conflict("The project is not empty: something in it, or its history, is still there.")
    await audit.record(
        tx,
        principal,
        action="project.delete",
        target=f"project:{project_id}",
        before=project,
        now=now,
    )


async def list_projects(tx: Transaction, principal: Principal, window: Window) -> Slice[Project]:
    """The projects that the principal sees; `default` first, then the oldest first."""
    require_a_role(principal)
    return await store.list_projects(tx, window, project_ids=_ids(principal))


async def default_project(tx: Transaction, principal: Principal) -> Project:
    """Where a thing goes that names no project: the one named `default` if the principal sees it,
    else the oldest that it sees. Raises Forbidden where it sees none.
    """
    require_a_role(principal)
    found = await store.first_project(tx, project_ids=_ids(principal))
    if found is None:
        raise Forbidden("You are not a member of any project.")
    return found


async def find_project(tx: Transaction, name_or_id: str) -> Project | None:
    """The tenant's project with this id or exactly this name, visible or not; an id goes first."""
    project_id = parse_id(name_or_id)
    found = None if project_id is None else await store.find_project(tx, project_id)
    if found is None and "\0" not in name_or_id:
        found = await store.find_project_by_name(tx, name_or_id)
    return found


async def get_project(tx: Transaction, principal: Principal, name_or_id: str) -> Project:
    """As `find_project`. Raises NotFound where it is missing or invisible to the principal."""
    require_a_role(principal)
    project = await find_project(tx, name_or_id)
    if project is None:
        raise NotFound(MISSING)
    require(principal, Right.PROJECT_READ, project.id)
    return project


async def get_tenant(tx: Transaction, principal: Principal) -> Tenant:
    """The tenant that the principal is of. Raises NotFound if it is gone."""
    found = await store.find_tenant(tx, principal.tenant_id)
    if found is None:
        raise NotFound(MISSING)
    return found


async def names_of_place(tx: Transaction, project_id: UUID | None) -> tuple[str, str | None]:
    """What the transaction's tenant is called, and the project of it, for who is no member yet."""
    tenant = await store.find_tenant(tx, tx.tenant)
    if tenant is None:
        raise RuntimeError("the tenant of a transaction is missing")
    project = None if project_id is None else await store.find_project(tx, project_id)
    return tenant.name, None if project is None else project.name


async def hold_project(tx: Transaction, project_id: UUID) -> bool:
    """Whether there is such a project. While the transaction lasts it is not deleted: whoever puts
    something into a project asks first.
    """
    return await store.hold_project(tx, project_id)


async def _require_write(tx: Transaction, principal: Principal, project_id: UUID) -> Project:
    require_a_role(principal)
    project = await store.find_project(tx, project_id)
    if project is None:
        raise NotFound(MISSING)
    require(principal, Right.PROJECT_WRITE, project_id)
    return project


def _ids(principal: Principal) -> frozenset[UUID] | None:
    return projects_among(visible_projects(principal))
