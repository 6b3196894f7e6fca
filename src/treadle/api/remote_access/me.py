"""Who the caller is and what the caller may do: what a face offers, and what it leaves out."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from treadle.api.bodies import EdgeRoute
from treadle.api.dependencies import Caller, Tx, client_address_of
from treadle.api.wire import snake_case
from treadle.identity import projects
from treadle.identity.key_check import is_of_a_project
from treadle.identity.model import Principal
from treadle.identity.rights import (
    APPLICATION_RIGHTS,
    PROJECT_RIGHTS,
    RIGHTS_OF_ANY_MEMBER,
    Right,
)

router: Final = APIRouter(route_class=EdgeRoute, tags=["Members"])

_TENANT_EXAMPLE: Final = {"id": "0198f0a0-0000-7cc3-9d3f-3b1f0c5e2a11", "name": "default"}
_PROJECT_EXAMPLE: Final = {
    "project_id": "0198f0a0-1111-7cc3-9d3f-3b1f0c5e2a11",
    "role": "Member",
    "rights": ["project_read", "jobs_read"],
}


class TenantBody(BaseModel):
    """The tenant that somebody is of."""

    model_config = snake_case(example=_TENANT_EXAMPLE)

    id: str
    name: str


class ProjectRightsBody(BaseModel):
    """A role in a project, and what it allows there."""

    model_config = snake_case(example=_PROJECT_EXAMPLE)

    project_id: str
    role: str
    rights: list[str]


class MeBody(BaseModel):
    """The caller."""

    model_config = snake_case(
        example={
            "kind": "user",
            "id": "7",
            "name": "ada",
            "tenant": _TENANT_EXAMPLE,
            "application_role": "Consumer",
            "rights": ["tenant_read"],
            "rights_in_every_project": [],
            "projects": [_PROJECT_EXAMPLE],
            "client_address": "192.0.2.20",
        }
    )

    kind: str = Field(description="`user` or `api_key`.")
    id: str
    name: str = Field(description="The user name, or the key's description.")
    tenant: TenantBody
    application_role: str | None
    rights: list[str] = Field(description="Held in the tenant; `GET /v1/roles` says what they mean")
    rights_in_every_project: list[str]
    projects: list[ProjectRightsBody] = Field(description="Roles that are held in one project.")
    client_address: str = Field(
        description="Where this request comes from, as firewall rules see it."
    )


@router.get("/v1/me", summary="Who am I, and what may I do?", operation_id="getCaller")
async def get_caller(caller: Caller, tx: Tx, request: Request) -> MeBody:
    """The caller with the rights of this moment. Whoever has no role has no right."""
    tenant = await projects.get_tenant(tx, caller)
    everywhere = _application_rights(caller)
    return MeBody(
        kind=caller.kind,
        id=caller.id,
        name=caller.name,
        tenant=TenantBody(id=str(tenant.id), name=tenant.name),
        application_role=caller.application_role,
        rights=_names(
            {right for right in everywhere if not is_of_a_project(right)}
            | (RIGHTS_OF_ANY_MEMBER if caller.project_roles else set())
        ),
        rights_in_every_project=_names({right for right in everywhere if is_of_a_project(right)}),
        projects=[
            ProjectRightsBody(
                project_id=str(project_id), role=role, rights=_names(PROJECT_RIGHTS[role])
            )
            for project_id, role in caller.project_roles.items()
        ],
        client_address=client_address_of(request),
    )


def _application_rights(caller: Principal) -> Set[Right]:
    role = caller.application_role
    return frozenset() if role is None else APPLICATION_RIGHTS[role]


def _names(rights: Set[Right]) -> list[str]:
    return [right.name.lower() for right in Right if right in rights]
