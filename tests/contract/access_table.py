"""Every route of the product, a line for each way to be let in. A new route needs its line.

A line says the right, where it is held, what the request is about (`access_world.MAKERS`), what it
sends, and what it is answered when all is well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, TypeAlias

from contract.access_world import PACKAGE, PACKAGE_NAME, Values, World
from factories import PASSWORD
from treadle.identity.rights import Right

Options: TypeAlias = dict[str, Any]
"""Arguments of httpx: json, data, files, params."""
Send: TypeAlias = Callable[[World, Values], Options]


class Held(Enum):
    """Where the right of a line must be held."""

    NOWHERE = auto()
    """Anybody may call, without a credential."""
    BY_ONESELF = auto()
    """The person whose own thing it is may; others need the right in the tenant."""
    IN_TENANT = auto()
    HERE = auto()
    """In the project of the thing; without a thing, it is a list of what the caller sees."""
    IN_A_PROJECT = auto()
    """In any project: the thing is of the tenant."""


@dataclass(frozen=True, slots=True)
class Line:
    """One way to call a route."""

    held: Held
    right: Right | None = None
    ok: int = 200
    thing: str | None = None
    send: Send | None = None
    refused: int = 403
    """For those who see the thing, but have not the right."""
    blind: int | None = None
    """For those who see no project at all. Left out: 404 for a thing, else `ok`."""
    elsewhere: int | None = None
    """For the owner of another project. Left out: the same."""
    is_shared: bool = False
    """Whether the thing is of the whole installation."""

    def unseen(self) -> int:
        """What a thing that is not seen is answered with."""
        if self.blind is not None:
            return self.blind
        return self.ok if self.thing is None else 404

    def not_here(self) -> int:
        """What somebody is answered who works in another project."""
        return self.unseen() if self.elsewhere is None else self.elsewhere


def public(ok: int = 200, send: Send | None = None) -> tuple[Line, ...]:
    """Anybody may call."""
    return (Line(Held.NOWHERE, ok=ok, send=send),)


def own(right: Right | None, thing: str | None = None, **more: Any) -> tuple[Line, ...]:
    """For the person itself, and for whoever has the right in the tenant."""
    return (Line(Held.BY_ONESELF, right, thing=thing, **more),)


def in_tenant(right: Right, thing: str | None = None, **more: Any) -> tuple[Line, ...]:
    """For whoever has the right in the tenant."""
    return (Line(Held.IN_TENANT, right, thing=thing, **more),)


def here(right: Right, thing: str | None = None, **more: Any) -> tuple[Line, ...]:
    """For whoever has the right in the project of the thing."""
    return (Line(Held.HERE, right, thing=thing, **more),)


def in_a_project(right: Right, thing: str | None = None, **more: Any) -> tuple[Line, ...]:
    """For whoever has the right in any project."""
    return (Line(Held.IN_A_PROJECT, right, thing=thing, **more),)


def json(**body: Any) -> Send:
    """This body, always the same."""
    return lambda world, values: {"json": body}


def named(**body: Any) -> Send:
    """This body with a name that is new each time, and with what the thing says."""
    return lambda world, values: {"json": {"name": world.new_name(), **body}}


def upload(world: World, values: Values) -> Options:
    """A package."""
    return {"files": {"file": (PACKAGE_NAME, PACKAGE)}}


MACRO: Final = json(key="NAME", value="x")
KEY: Final[Options] = {
    "description": "x",
    "expires_at": "2036-06-30T18:00:00Z",
    "firewall_rules": [],
}
NEW_PASSWORD: Final[Options] = {
    "oldPassword": PASSWORD,
    "newPassword": "another long one",
    "confirmNewPassword": "another long one",
}


def new_user(world: World, values: Values) -> Options:
    """A person."""
    return {"json": {"username": world.new_name(), "password": PASSWORD}}


def new_job(world: World, values: Values) -> Options:
    """A job in the project."""
    return {"json": {"name": world.new_name(), "project": values["project_id"]}}


def membership(role: str) -> Send:
    """A role for the key that the thing names."""
    body = {"member_type": "api_key", "role": role}
    return lambda world, values: {"json": {**body, **values}}


def of_project(world: World, values: Values) -> Options:
    """The project as a query."""
    return {"params": values}


def log_in(world: World, values: Values) -> Options:
    """The administrator's name and password."""
    return {"json": {"username": "alice", "password": PASSWORD}}


def grant(world: World, values: Values) -> Options:
    """The grant without a client."""
    return {"data": {"grant_type": "client_credentials"}}


def exported(world: World, values: Values) -> Options:
    """The archive of a job."""
    return {"files": {"file": ("job.zip", world.exported)}}


ACCESS: Final[dict[str, tuple[Line, ...]]] = {
    "GET /health/live": public(),
    "GET /health/ready": public(),
    "GET /metrics": public(),
    "GET /api/product/info": public(),
    "POST /api/login": public(send=log_in),
    # Without a good token or client these two refuse in their own words, see their own tests.
    "POST /api/login/refresh": public(401, json(refresh_token="x")),
    "POST /connect/token": public(401, grant),
    "POST /api/logout": own(None, ok=204, refused=400),
    "GET /api/user": own(None, refused=404),
    "GET /api/users": in_tenant(Right.USERS_READ),
    "POST /api/users": in_tenant(Right.USERS_WRITE, ok=201, send=new_user),
    "GET /api/users/{id}": own(Right.USERS_READ, "user"),
    "PUT /api/users/{id}": in_tenant(
        Right.USERS_WRITE, "user", send=json(active=True, admin=False)
    ),
    "PATCH /api/users/{id}": in_tenant(Right.USERS_WRITE, "user", send=json(email="a@b.example")),
    "POST /api/users/{id}/password": own(
        Right.USERS_WRITE, "user", ok=204, send=json(**NEW_PASSWORD)
    ),
    "GET /api/users/{id}/macros": own(Right.MACROS_TENANT_WRITE, "user_macro", refused=404),
    "PUT /api/users/{id}/macros/{name}": own(
        Right.MACROS_TENANT_WRITE, "user_macro", refused=404, send=MACRO
    ),
    "DELETE /api/users/{id}/macros/{name}": own(
        Right.MACROS_TENANT_WRITE, "user_macro", ok=204, refused=404
    ),
    "POST /v1/api-keys": in_tenant(Right.KEYS_WRITE, ok=201, send=json(**KEY)),
    "GET /v1/api-keys": in_tenant(Right.KEYS_READ),
    "GET /v1/api-keys/{id}": in_tenant(Right.KEYS_READ, "key"),
    "PUT /v1/api-keys/{id}": in_tenant(Right.KEYS_WRITE, "key", send=json(**KEY)),
    "DELETE /v1/api-keys/{id}": in_tenant(Right.KEYS_WRITE, "key", ok=204),
    "POST /v1/api-keys/{id}/rotate": in_tenant(Right.KEYS_WRITE, "key"),
    "POST /v1/api-keys/{id}/client-address": in_tenant(Right.KEYS_WRITE, "key"),
    "POST /v1/api-keys/{id}/check": in_tenant(
        Right.KEYS_READ, "key", send=json(address="192.0.2.1")
    ),
    "POST /v1/members": here(
        Right.PROJECT_MEMBERS_WRITE, "membership", ok=201, send=membership("Member")
    )
    + in_tenant(Right.ROLES_WRITE, "tenant_membership", ok=201, send=membership("Consumer")),
    "GET /v1/members": here(Right.PROJECT_READ, "here", send=of_project)
    + in_tenant(Right.USERS_READ),
    "DELETE /v1/members/{id}": here(Right.PROJECT_MEMBERS_WRITE, "member", ok=204),
    "GET /v1/roles": in_tenant(Right.TENANT_READ),
    "POST /v1/projects": in_tenant(Right.PROJECT_CREATE, ok=201, send=named()),
    "GET /v1/projects": here(Right.PROJECT_READ),
    "GET /v1/projects/{id}": here(Right.PROJECT_READ, "project"),
    "PUT /v1/projects/{id}": here(Right.PROJECT_WRITE, "project", send=named()),
    "DELETE /v1/projects/{id}": here(Right.PROJECT_WRITE, "project", ok=204),
    "POST /api/jobconfigs": here(
        Right.JOBS_WRITE, "here", ok=201, send=new_job, blind=400, elsewhere=400
    ),
    "GET /api/jobconfigs": here(Right.JOBS_READ),
    "GET /api/jobconfigs/{id}": here(Right.JOBS_READ, "job"),
    "PUT /api/jobconfigs/{id}": here(Right.JOBS_WRITE, "job", send=named()),
    "PATCH /api/jobconfigs/{id}": here(Right.JOBS_WRITE, "job", send=json(active=False)),
    "DELETE /api/jobconfigs/{id}": here(Right.JOBS_WRITE, "job", ok=204),
    "POST /api/jobconfigs/{id}/clone": here(Right.JOBS_WRITE, "job", ok=201),
    "POST /api/jobconfigs/{id}/export": here(Right.JOBS_WRITE, "job_file"),
    # Into the caller's own first project; who is a member of none has nowhere to put it.
    "POST /api/jobconfigs/import": here(
        Right.JOBS_WRITE,
        ok=201,
        send=exported,
        blind=403,
        elsewhere=201,
    ),
    "POST /api/jobconfigs/{id}/files": here(Right.JOBS_WRITE, "job", send=upload),
    "GET /api/jobconfigs/{id}/files": here(Right.JOBS_READ, "job_file"),
    "GET /api/jobconfigs/{id}/files/{key}": here(Right.JOBS_READ, "job_file"),
    "PUT /api/jobconfigs/{id}/files/{key}": here(Right.JOBS_WRITE, "job_file", send=upload),
    "DELETE /api/jobconfigs/{id}/files/{key}": here(Right.JOBS_WRITE, "job_file", ok=204),
    "GET /api/jobconfigs/{id}/files/entrypoints/{key}": here(Right.JOBS_READ, "job_file"),
    "POST /api/jobconfigs/{id}/jobs": here(Right.JOBS_RUN, "job_file", ok=202),
    "GET /api/jobconfigs/{id}/macros": here(Right.JOBS_READ, "job_macro"),
    "POST /api/jobconfigs/{id}/macros": here(Right.JOBS_WRITE, "job", ok=201, send=MACRO),
    "PUT /api/jobconfigs/{id}/macros/{name}": here(Right.JOBS_WRITE, "job_macro", send=MACRO),
    "DELETE /api/jobconfigs/{id}/macros/{name}": here(Right.JOBS_WRITE, "job_macro", ok=204),
    "GET /api/jobs": here(Right.HISTORY_READ),
    "GET /api/jobstats": here(Right.HISTORY_READ),
    "GET /api/jobs/{id}": here(Right.HISTORY_READ, "run"),
    "DELETE /api/jobs/{id}": here(Right.JOBS_RUN, "run", ok=202),
    "POST /api/jobs/{id}/retry": here(Right.JOBS_RUN, "ended_run", ok=202),
    "GET /api/jobs/{id}/log": here(Right.HISTORY_READ, "ended_run"),
    "GET /api/jobs/{id}/out": here(Right.HISTORY_READ, "run_file"),
    "GET /api/jobs/{id}/out/files": here(Right.HISTORY_READ, "run_file"),
    "GET /api/jobs/{id}/out/files/{key:path}": here(Right.HISTORY_READ, "run_file"),
    "GET /api/macros": in_a_project(Right.JOBS_READ),
    # Sets the one of this name, or a new one: there is nothing to be found.
    "PUT /api/macros/{name}": in_tenant(
        Right.MACROS_TENANT_WRITE, "tenant_macro", send=MACRO, is_shared=True
    ),
    "DELETE /api/macros/{name}": in_tenant(Right.MACROS_TENANT_WRITE, "tenant_macro", ok=204),
    "GET /api/macrosets": in_a_project(Right.JOBS_READ),
    "POST /api/macrosets": in_tenant(Right.MACROS_TENANT_WRITE, ok=201, send=named()),
    "DELETE /api/macrosets/{set}": in_tenant(Right.MACROS_TENANT_WRITE, "macro_set", ok=204),
    "GET /api/macrosets/{set}/macros": in_a_project(Right.JOBS_READ, "set_macro"),
    "PUT /api/macrosets/{set}/macros/{name}": in_tenant(
        Right.MACROS_TENANT_WRITE, "set_macro", send=MACRO
    ),
    "DELETE /api/macrosets/{set}/macros/{name}": in_tenant(
        Right.MACROS_TENANT_WRITE, "set_macro", ok=204
    ),
    "GET /api/destinations": in_a_project(Right.JOBS_READ),
    "GET /api/destinations/{id}": in_a_project(Right.JOBS_READ, "destination", is_shared=True),
}
