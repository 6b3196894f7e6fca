"""Who may do what: the one table of rights, and the questions that are asked of it. Pure.

An application role holds in the whole tenant, a project role in its project. An Administrator may
do everything in the tenant. A project is visible to whoever has a role in it; what is not visible
looks exactly like what does not exist.
"""

from __future__ import annotations

from enum import Enum, unique
from typing import Final, Literal, Protocol, TypeAlias, TypeVar
from uuid import UUID

from treadle.core.errors import Forbidden, NotFound
from treadle.identity.model import ApplicationRole, Principal, ProjectRole


@unique
class Right(Enum):
    """Something that a role allows; the value says it in plain words: "you may not …"."""

    # In the tenant
    TENANT_READ = "read the settings of the tenant"
    TENANT_WRITE = "change the settings of the tenant"
    PROJECT_CREATE = "create projects"
    USERS_READ = "read users"
    USERS_WRITE = "change users"
    ROLES_WRITE = "change application roles"
    KEYS_READ = "read API keys"
    KEYS_WRITE = "change API keys"
    MACROS_TENANT_WRITE = "change macros of the tenant"
    CALENDARS_WRITE = "change calendars, and maintenance windows of the tenant"
    AUDIT_READ = "read the audit log"

    # In a project
    PROJECT_READ = "see the project"
    PROJECT_WRITE = "change the project"
    PROJECT_MEMBERS_WRITE = "change the members of the project"
    JOBS_READ = "read jobs"
    JOBS_RUN = "run jobs"
    JOBS_WRITE = "change jobs"
    WORKFLOWS_READ = "read workflows"
    WORKFLOWS_RUN = "run workflows"
    WORKFLOWS_WRITE = "change workflows"
    SCHEDULES_READ = "read schedules"
    SCHEDULES_WRITE = "change schedules"
    INTEGRATIONS_READ = "read integrations"
    INTEGRATIONS_WRITE = "change integrations"
    ENTITIES_READ = "read entities and their records"
    ENTITIES_WRITE = "change entity definitions"
    RECORDS_WRITE = "change records of entities"
    HISTORY_READ = "read the history of runs"


_TENANT_RIGHTS: Final = frozenset(
    {
        Right.TENANT_READ,
        Right.TENANT_WRITE,
        Right.PROJECT_CREATE,
        Right.USERS_READ,
        Right.USERS_WRITE,
        Right.ROLES_WRITE,
        Right.KEYS_READ,
        Right.KEYS_WRITE,
        Right.MACROS_TENANT_WRITE,
        Right.CALENDARS_WRITE,
        Right.AUDIT_READ,
    }
)

_MEMBER: Final = frozenset(
    {
        Right.PROJECT_READ,
        Right.JOBS_READ,
        Right.WORKFLOWS_READ,
        Right.SCHEDULES_READ,
        Right.INTEGRATIONS_READ,
        Right.ENTITIES_READ,
    }
)
_MANAGER: Final = _MEMBER | {
    Right.JOBS_RUN,
    Right.WORKFLOWS_RUN,
    Right.SCHEDULES_WRITE,
    Right.RECORDS_WRITE,
    Right.HISTORY_READ,
}
_CONTRIBUTOR: Final = _MANAGER | {
    Right.JOBS_WRITE,
    Right.WORKFLOWS_WRITE,
    Right.INTEGRATIONS_WRITE,
    Right.ENTITIES_WRITE,
}
_OWNER: Final = _CONTRIBUTOR | {Right.PROJECT_WRITE, Right.PROJECT_MEMBERS_WRITE}

APPLICATION_RIGHTS: Final[dict[ApplicationRole, frozenset[Right]]] = {
    "Administrator": frozenset(Right),
    "Project Creator": frozenset({Right.TENANT_READ, Right.PROJECT_CREATE}),
    "Consumer": frozenset({Right.TENANT_READ}),
}
"""What an application role allows, in the tenant and in every project of it."""

PROJECT_RIGHTS: Final[dict[ProjectRole, frozenset[Right]]] = {
    "Owner": _OWNER,
    "Contributor": _CONTRIBUTOR,
    "Manager": _MANAGER,
    "Member": _MEMBER,
}
"""What a project role allows in its project."""

RIGHTS_OF_ANY_MEMBER: Final = frozenset({Right.TENANT_READ})
"""What any project role allows in the tenant."""


class Everything(Enum):
    """The type of EVERYTHING."""

    EVERYTHING = "everything"


EVERYTHING: Final = Everything.EVERYTHING
"""Every project of the tenant, those included that are made later."""

Reach: TypeAlias = frozenset[UUID] | Literal[Everything.EVERYTHING]
"""The projects that a question is about."""


class InProject(Protocol):
    """What belongs to a project."""

    @property
    def project_id(self) -> UUID: ...


InProjectT = TypeVar("InProjectT", bound=InProject)

MISSING: Final = "There is no such thing, or it is not visible to you."
"""The one text for what is missing and what is invisible."""


def allows(principal: Principal, right: Right, project_id: UUID | None = None) -> bool:
    """Whether the principal has the right: a right in a project needs `project_id`, others none.

    Raises ValueError where a right is asked at the wrong level, which is a bug of the caller.
    """
    _refuse_wrong_level(right, project_id)
    role = principal.application_role
    if role is not None and right in APPLICATION_RIGHTS[role]:
        return True
    if project_id is None:
        return right in RIGHTS_OF_ANY_MEMBER and bool(principal.project_roles)
    project_role = principal.project_roles.get(project_id)
    return project_role is not None and right in PROJECT_RIGHTS[project_role]


def visible_projects(principal: Principal) -> Reach:
    """The projects whose content the principal sees at all."""
    return projects_allowing(principal, Right.PROJECT_READ)


def projects_allowing(principal: Principal, right: Right) -> Reach:
    """The projects in which the principal has the right; raises ValueError for a tenant's right."""
    if right in _TENANT_RIGHTS:
        raise ValueError(f"{right.name} is a right in the tenant")
    role = principal.application_role
    if role is not None and right in APPLICATION_RIGHTS[role]:
        return EVERYTHING
    return frozenset(
        project_id
        for project_id, project_role in principal.project_roles.items()
        if right in PROJECT_RIGHTS[project_role]
    )


def require_a_role(principal: Principal) -> None:
    """Raises Forbidden for a principal that was let into nothing (contract: refused everything).

    Asked before anything is looked up: else 403 and 404 would tell such a caller what exists.
    """
    if principal.has_no_role:
        raise Forbidden("You have no role here.")


def require(
    principal: Principal,
    right: Right,
    project_id: UUID | None = None,
    *,
    missing: str = MISSING,
) -> None:
    """Returns if the principal has the right.

    Raises Forbidden, or NotFound with the text `missing` where the project is invisible: pass the
    text that a missing object has, so that the two can't be told apart. A principal without any
    role is Forbidden everywhere.
    """
    if allows(principal, right, project_id):
        return
    if project_id is not None and not principal.has_no_role and not _sees(principal, project_id):
        raise NotFound(missing)
    raise _forbidden(right)


def require_found(principal: Principal, right: Right, found: InProjectT | None) -> InProjectT:
    """What a look-up has found, if the principal has the right in its project.

    Raises NotFound where it found nothing, with the text of `require` for what is invisible; and
    Forbidden.
    """
    if found is None:
        raise NotFound(MISSING)
    require(principal, right, found.project_id)
    return found


def require_somewhere(principal: Principal, right: Right) -> Reach:
    """The projects in which the principal has the right, for a list over all of them.

    Empty where nothing is visible to the principal. Raises Forbidden where projects are visible and
    the right is held in none of them, and for a principal without any role.
    """
    reach = projects_allowing(principal, right)
    if not reach and (principal.has_no_role or visible_projects(principal)):
        raise _forbidden(right)
    return reach


def projects_among(reach: Reach, project_id: UUID | None = None) -> frozenset[UUID] | None:
    """The projects that a list is of, None for all: those of `reach`, and of them only this one if
    it is given.
    """
    if project_id is None:
        return None if reach is EVERYTHING else reach
    wanted = frozenset({project_id})
    return wanted if reach is EVERYTHING else wanted & reach


def _sees(principal: Principal, project_id: UUID) -> bool:
    return allows(principal, Right.PROJECT_READ, project_id)


def _forbidden(right: Right) -> Forbidden:
    return Forbidden(f"Your role does not allow you to {right.value}.")


def _refuse_wrong_level(right: Right, project_id: UUID | None) -> None:
    if (right in _TENANT_RIGHTS) != (project_id is None):
        level = "the tenant" if right in _TENANT_RIGHTS else "a project"
        raise ValueError(f"{right.name} is a right in {level}")
