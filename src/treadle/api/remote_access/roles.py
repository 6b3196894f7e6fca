"""The table of roles and rights, for whoever shows or explains it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import needs
from treadle.api.wire import snake_case
from treadle.identity.key_check import is_of_a_project
from treadle.identity.model import Principal
from treadle.identity.rights import APPLICATION_RIGHTS, PROJECT_RIGHTS, Right

router: Final = APIRouter(route_class=EdgeRoute, tags=["Members"])

_ROLE_EXAMPLE: Final = {"role": "Member", "rights": ["project_read", "jobs_read"]}
_RIGHT_EXAMPLE: Final = {"right": "jobs_run", "meaning": "run jobs", "level": "project"}


class RightBody(BaseModel):
    """Something that a role may allow."""

    model_config = snake_case(example=_RIGHT_EXAMPLE)

    right: str
    meaning: str = Field(description="As in: this role allows you to …")
    level: str = Field(description="`tenant` or `project`: where it is held.")


class RoleBody(BaseModel):
    """A role and what it allows."""

    model_config = snake_case(example=_ROLE_EXAMPLE)

    role: str
    rights: list[str]


class RolesBody(BaseModel):
    """All roles and all rights."""

    model_config = snake_case(
        example={
            "application_roles": [{"role": "Consumer", "rights": ["tenant_read"]}],
            "project_roles": [_ROLE_EXAMPLE],
            "rights": [_RIGHT_EXAMPLE],
        }
    )

    application_roles: list[RoleBody] = Field(description="Held in the tenant.")
    project_roles: list[RoleBody] = Field(description="Held in a project.")
    rights: list[RightBody]


@router.get("/v1/roles", summary="List roles and their rights", operation_id="listRoles")
async def list_roles(caller: Annotated[Principal, needs(Right.TENANT_READ)]) -> RolesBody:
    """Which role allows what. An application role's rights of the level `project` hold in every
    project.
    """
    return _ROLES


def _bodies(table: Mapping[str, Set[Right]]) -> list[RoleBody]:
    return [
        RoleBody(role=role, rights=[_name(right) for right in Right if right in rights])
        for role, rights in table.items()
    ]


def _name(right: Right) -> str:
    return right.name.lower()


_ROLES: Final = RolesBody(
    application_roles=_bodies({**APPLICATION_RIGHTS}),
    project_roles=_bodies({**PROJECT_RIGHTS}),
    rights=[
        RightBody(
            right=_name(right),
            meaning=right.value,
            level="project" if is_of_a_project(right) else "tenant",
        )
        for right in Right
    ],
)
