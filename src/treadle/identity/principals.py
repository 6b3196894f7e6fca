"""From the roles that a statement found to the principal that holds them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from treadle.identity.model import (
    ApiKey,
    ApplicationRole,
    Principal,
    PrincipalKind,
    ProjectRole,
)


@dataclass(frozen=True, slots=True)
class Held:
    """Roles side by side with where they are held; None for a project is the tenant."""

    project_ids: Sequence[UUID | None]
    roles: Sequence[str]


def principal_with(
    held: Held,
    *,
    kind: PrincipalKind,
    id: str,  # noqa: A002 - the field's name
    name: str,
    tenant_id: UUID,
) -> Principal:
    """The principal with exactly these roles. The table allows no others than those there are."""
    application: str | None = None
    projects: dict[UUID, str] = {}
    for project_id, role in zip(held.project_ids, held.roles, strict=True):
        if project_id is None:
            application = role
        else:
            projects[project_id] = role
    return Principal(
        kind=kind,
        id=id,
        name=name,
        tenant_id=tenant_id,
        application_role=cast("ApplicationRole | None", application),
        project_roles=cast("dict[UUID, ProjectRole]", projects),
    )


def principal_of_key(key: ApiKey) -> Principal:
    """The key as a caller."""
    return principal_with(
        Held([member.project_id for member in key.roles], [member.role for member in key.roles]),
        kind="api_key",
        id=str(key.client_id),
        name=key.description,
        tenant_id=key.tenant_id,
    )
