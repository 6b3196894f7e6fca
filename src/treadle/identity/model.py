"""The words of identity as frozen values: tenants, projects, users, keys, members, principals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias, get_args
from uuid import UUID

from treadle.identity.firewall import FirewallRule

PrincipalKind: TypeAlias = Literal["user", "api_key"]
ApplicationRole: TypeAlias = Literal["Administrator", "Project Creator", "Consumer"]
ProjectRole: TypeAlias = Literal["Owner", "Contributor", "Manager", "Member"]

PRINCIPAL_KINDS: tuple[PrincipalKind, ...] = get_args(PrincipalKind)
APPLICATION_ROLES: tuple[ApplicationRole, ...] = get_args(ApplicationRole)
PROJECT_ROLES: tuple[ProjectRole, ...] = get_args(ProjectRole)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit log. Empty: from inside, or by the operator."""

    address: str = ""
    credential: str = ""
    """With what the caller came in, by a name that gives nothing away: `api_key:<client id>`, or
    the beginning of a token's SHA-256."""
    request_id: str = ""


INSIDE = Origin()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, with the roles held at this moment. `name` is for people to read."""

    kind: PrincipalKind
    id: str
    name: str
    tenant_id: UUID
    application_role: ApplicationRole | None
    # A mapping has no hash; equality still compares it.
    project_roles: Mapping[UUID, ProjectRole] = field(hash=False)
    origin: Origin = field(default=INSIDE, compare=False)

    @property
    def ref(self) -> str:
        """How rows name this principal: `user:1`, `api_key:<client id>`."""
        return f"{self.kind}:{self.id}"

    @property
    def has_no_role(self) -> bool:
        """Whether this principal is known, but was let into nothing."""
        return self.application_role is None and not self.project_roles


@dataclass(frozen=True, slots=True)
class Actor:
    """A principal as an answer shows it. `name` is the id where nobody knows better any more."""

    kind: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer of the installation: the wall that nothing crosses."""

    id: UUID
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Project:
    """A folder of resources inside a tenant, with its own roles."""

    id: UUID
    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """A person who logs in. `role` is the application role, None where there is none."""

    id: int
    username: str
    email: str
    first_name: str
    last_name: str
    active: bool
    role: ApplicationRole | None
    created_at: datetime
    last_modified_at: datetime

    @property
    def is_administrator(self) -> bool:
        """What the integration manager's wire calls `admin`."""
        return self.role == "Administrator"

    @property
    def ref(self) -> str:
        """How rows name this user as a principal."""
        return f"user:{self.id}"


@dataclass(frozen=True, slots=True)
class Member:
    """A role that a principal holds in a project, or in the whole tenant without one."""

    id: UUID
    member_type: PrincipalKind
    member_id: str
    project_id: UUID | None
    role: ApplicationRole | ProjectRole
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a program, without its secret. The client id is its name for ever."""

    client_id: UUID
    tenant_id: UUID
    description: str
    expires_at: datetime
    """From this instant on the key is dead."""
    firewall_rules: tuple[FirewallRule, ...]
    roles: tuple[Member, ...]
    old_secret_until: datetime | None
    """Until when the secret before the last rotation is taken; None if it never is."""
    created_at: datetime
    created_by: str
    last_modified_at: datetime
    last_modified_by: str
    last_used_at: datetime | None
    """To the minute."""
    last_used_from: str | None

    @property
    def ref(self) -> str:
        """How rows name this key as a principal."""
        return f"api_key:{self.client_id}"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key with a fresh secret. Its two texts exist here only; a hash is stored."""

    key: ApiKey
    client_secret: str = field(repr=False)
    """For `/connect/token`."""
    api_key: str = field(repr=False)
    """For `X-Api-Key`."""


@dataclass(frozen=True, slots=True)
class ClientToken:
    """What a key gets at `/connect/token`. The text exists here only; a hash is stored."""

    client_id: UUID
    access_token: str = field(repr=False)
    expires_in: int
    """Seconds that the token lives, if its key does."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login or a refresh answers with. The texts exist here only; hashes are stored."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    """Seconds that the access token lives."""
