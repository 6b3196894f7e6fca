"""Who calls in the access test, and what is there to be called for.

Two tenants. In the first, *here* is a project in which things are made, and *elsewhere* another
one. Each role is held by an API key of its own. Everything that a stranger could find says MARKER.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, TypeAlias
from uuid import UUID

import httpx

from factories import PASSWORD, make_key, make_project, make_rule, make_tenant, make_user
from fixtures.server import Server
from treadle.db.database import Database
from treadle.identity.client_tokens import issue_token
from treadle.identity.installation import NewTenant
from treadle.identity.model import ApplicationRole, IssuedKey, Project, ProjectRole
from treadle.jobs.files import output_key
from treadle.jobs.installation import ensure_default_destination

Values: TypeAlias = dict[str, str]
"""What a request's path and body are filled in with."""

MARKER: Final = "of-tenant-one"
NOBODY: Final = "3f2b7c1e-9a54-4d0c-8f6e-5b1a2c3d4e5f"
PACKAGE_NAME: Final = "hello.py"
PACKAGE: Final = b"def main():\n    return 'done'\n"
ELSEWHERE: Final = "Owner elsewhere"
FOREIGN: Final = "Administrator of another tenant"

MISSING: Final[dict[str, Values]] = {
    "user": {"id": "999999999"},
    "user_macro": {"id": "999999999", "name": "NAME"},
    "key": {"id": NOBODY},
    "member": {"id": NOBODY},
    "project": {"id": NOBODY},
    "here": {"project_id": NOBODY},
    "membership": {"project_id": NOBODY, "member_id": NOBODY},
    "tenant_membership": {"member_id": NOBODY},
    "job": {"id": "999999999"},
    "job_file": {"id": "999999999", "key": PACKAGE_NAME},
    "job_macro": {"id": "999999999", "name": "NAME"},
    "run": {"id": NOBODY},
    "ended_run": {"id": NOBODY},
    "run_file": {"id": NOBODY, "key": "report.txt"},
    "tenant_macro": {"name": "MISSING"},
    "macro_set": {"set": "missing"},
    "set_macro": {"set": "missing", "name": "NAME"},
    "destination": {"id": "999999999"},
}
"""Of each kind of thing one that nobody has."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An API key that calls, with the roles that it holds."""

    name: str
    client: httpx.AsyncClient
    application_role: ApplicationRole | None = None
    here: ProjectRole | None = None
    elsewhere: ProjectRole | None = None


@dataclass(frozen=True, slots=True)
class Stranger:
    """A credential that lets nobody in, and what it is refused with."""

    name: str
    headers: dict[str, str]
    status: int


@dataclass(frozen=True)
class World:
    """Everything that the tests ask of."""

    server: Server
    tenant: NewTenant
    elsewhere: Project
    admin: httpx.AsyncClient
    callers: dict[str, Caller] = field(default_factory=dict[str, Caller])
    holders: dict[str, ProjectRole] = field(default_factory=dict[str, ProjectRole])
    """Client ids of the keys with a role here."""
    exported: bytes = b""
    numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def database(self) -> Database:
        """The database."""
        return self.server.context.database

    @property
    def here(self) -> UUID:
        """The project in which things are made."""
        return self.tenant.project.id

    def new_name(self) -> str:
        """A name that nothing has yet."""
        return f"{MARKER} {next(self.numbers)}"

    async def make(self, thing: str) -> Values:
        """A fresh thing of this kind, in this tenant and, if it can, here."""
        return await MAKERS[thing](self)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        """What the administrator's request made."""
        answer = await self.admin.post(path, **options)
        assert answer.is_success, answer.text
        return answer

    async def put(self, path: str, body: object) -> None:
        """The administrator's request succeeds."""
        answer = await self.admin.put(path, json=body)
        assert answer.is_success, answer.text


async def make_world(server: Server) -> World:
    """Two tenants, and a key for each role in the first."""
    database = server.context.database
    await ensure_default_destination(database, now=server.context.clock())
    tenant = await make_tenant(database, name="one", admin_username="alice")
    other = await make_tenant(database, name="two", admin_username="mallory")
    world = World(
        server=server,
        tenant=tenant,
        elsewhere=await make_project(database, tenant, name=f"elsewhere {MARKER}"),
        admin=await server.log_in("alice"),
    )
    application: tuple[ApplicationRole, ...] = ("Administrator", "Project Creator", "Consumer")
    for role in application:
        key = await make_key(database, tenant, description=world.new_name(), role=role)
        world.callers[role] = Caller(role, await client_of(server, key), application_role=role)
    project: tuple[ProjectRole, ...] = ("Owner", "Contributor", "Manager", "Member")
    for role in project:
        key = await make_key(database, tenant, project_roles={world.here: role})
        world.holders[str(key.key.client_id)] = role
        world.callers[role] = Caller(role, await client_of(server, key), here=role)
    key = await make_key(database, tenant, project_roles={world.elsewhere.id: "Owner"})
    world.callers[ELSEWHERE] = Caller(ELSEWHERE, await client_of(server, key), elsewhere="Owner")
    key = await make_key(database, other, role="Administrator")
    world.callers[FOREIGN] = Caller(
        FOREIGN, await client_of(server, key), application_role="Administrator"
    )
    job = await world.make("job_file")
    exported = await world.post(f"/api/jobconfigs/{job['id']}/export")
    return replace(world, exported=exported.content)


async def client_of(server: Server, key: IssuedKey) -> httpx.AsyncClient:
    """A client that sends the key."""
    return await server.client(headers={"X-Api-Key": key.api_key})


# ---------------------------------------------------------------- strangers


async def make_strangers(world: World) -> list[Stranger]:
    """Every credential that must not let anybody in any more, or anywhere. Each of them belongs to
    somebody who might do everything, were it not for this.
    """
    db, tenant, now = world.database, world.tenant, world.server.context.clock()

    async def key(**options: Any) -> IssuedKey:
        return await make_key(db, tenant, role="Administrator", **options)

    def both(name: str, issued: IssuedKey, token: str, status: int) -> list[Stranger]:
        return [
            Stranger(name, {"X-Api-Key": issued.api_key}, status),
            Stranger(f"token of {name}", {"Authorization": f"Bearer {token}"}, status),
        ]

    then = now - timedelta(minutes=10)
    expired = await key(expires_at=now - timedelta(minutes=1), now=then)
    expired_token = await token_of(db, expired, now=then)
    deleted, rotated = await key(), await key()
    deleted_token = await token_of(db, deleted, now=now)
    rotated_token = await token_of(db, rotated, now=now)
    fenced = await key(firewall_rules=[make_rule("192.0.2.1")])
    fenced_token = await token_of(db, fenced, address="192.0.2.1", now=now)
    bare = await make_key(db, tenant)
    assert (await world.admin.delete(f"/v1/api-keys/{deleted.key.client_id}")).is_success
    await world.post(f"/v1/api-keys/{rotated.key.client_id}/rotate")
    return [
        Stranger("nobody", {}, 401),
        Stranger("an unknown token", {"Authorization": f"Bearer tdl_at_{'x' * 43}"}, 401),
        Stranger("an unknown client token", {"Authorization": f"Bearer tdl_ct_{'x' * 43}"}, 401),
        Stranger("a basic credential", {"Authorization": "Basic YWxpY2U6eA=="}, 401),
        Stranger("a mistyped key", {"X-Api-Key": bare.api_key[:-1]}, 401),
        Stranger("a client secret", {"X-Api-Key": bare.client_secret}, 401),
        *await people_who_left(world),
        *both("an expired key", expired, expired_token, 401),
        *both("a deleted key", deleted, deleted_token, 401),
        *both("a rotated key", rotated, rotated_token, 401),
        *both("a key used elsewhere", fenced, fenced_token, 403),
        *both("a key without a role", bare, await token_of(db, bare, now=now), 403),
    ]


async def people_who_left(world: World) -> list[Stranger]:
    """Sessions of administrators that have ended in one way or another."""
    names = ("logged out", "deactivated", "deleted", "refreshing")
    tokens: dict[str, str] = {}
    for name in names:
        user = await make_user(world.database, world.tenant, username=name, role="Administrator")
        answer = await world.server.anonymous.post(
            "/api/login", json={"username": name, "password": PASSWORD}
        )
        kind = "refresh_token" if name == "refreshing" else "access_token"
        tokens[name] = f"Bearer {answer.json()[kind]}"
        if name == "logged out":
            await world.server.anonymous.post(
                "/api/logout", headers={"Authorization": tokens[name]}
            )
        elif name == "deactivated":
            left = await world.admin.patch(f"/api/users/{user.id}", json={"active": False})
            assert left.is_success
        elif name == "deleted":
            async with world.database.system() as tx:
                await tx.execute("DELETE FROM users WHERE id = $1", user.id)
    return [Stranger(f"somebody {name}", {"Authorization": tokens[name]}, 401) for name in names]


async def token_of(
    db: Database, key: IssuedKey, *, address: str = "127.0.0.1", now: datetime
) -> str:
    """A token of the key."""
    issued = await issue_token(
        db,
        client_id=str(key.key.client_id),
        client_secret=key.client_secret,
        address=address,
        now=now,
    )
    return issued.access_token


# ---------------------------------------------------------------- things


async def make_user_thing(world: World) -> Values:
    """A person with no role of note."""
    user = await make_user(world.database, world.tenant, username=world.new_name())
    return {"id": str(user.id)}


async def make_user_macro(world: World) -> Values:
    """A variable of a person."""
    values = {**await make_user_thing(world), "name": "NAME"}
    await world.put(f"/api/users/{values['id']}/macros/NAME", {"key": "NAME", "value": MARKER})
    return values


async def make_key_thing(world: World) -> Values:
    """An API key."""
    key = await make_key(world.database, world.tenant, description=world.new_name())
    return {"id": str(key.key.client_id)}


async def make_member(world: World) -> Values:
    """A key with a role here."""
    body = {"member_type": "api_key", "role": "Member", **await make_membership(world)}
    return {"id": (await world.post("/v1/members", json=body)).json()["id"]}


async def make_membership(world: World) -> Values:
    """A key that could be given a role here."""
    key = await make_key_thing(world)
    return {"project_id": str(world.here), "member_id": key["id"]}


async def make_tenant_membership(world: World) -> Values:
    """A key that could be given a role in the tenant."""
    return {"member_id": (await make_key_thing(world))["id"]}


async def make_project_thing(world: World) -> Values:
    """An empty project, in which everybody holds the role that is held here."""
    project = await make_project(world.database, world.tenant, name=world.new_name())
    for client_id, role in world.holders.items():
        body = {"member_type": "api_key", "member_id": client_id, "role": role}
        await world.post("/v1/members", json={**body, "project_id": str(project.id)})
    return {"id": str(project.id)}


async def make_here(world: World) -> Values:
    """The project itself."""
    return {"project_id": str(world.here)}


async def make_job(world: World) -> Values:
    """A job without a package."""
    body = {"name": world.new_name(), "project": str(world.here)}
    return {"id": (await world.post("/api/jobconfigs", json=body)).json()["id"]}


async def make_job_file(world: World) -> Values:
    """A job that can be run, and its package."""
    values = {**await make_job(world), "key": PACKAGE_NAME}
    path = f"/api/jobconfigs/{values['id']}"
    await world.post(f"{path}/files", files={"file": (PACKAGE_NAME, PACKAGE)})
    runtime = {"packageName": PACKAGE_NAME, "entryPoint": "hello.main"}
    answer = await world.admin.patch(path, json={"runtimeConfig": runtime})
    assert answer.is_success, answer.text
    return values


async def make_job_macro(world: World) -> Values:
    """A variable of a job."""
    values = {**await make_job(world), "name": "NAME"}
    path = f"/api/jobconfigs/{values['id']}/macros/NAME"
    await world.put(path, {"key": "NAME", "value": MARKER})
    return values


async def make_run(world: World) -> Values:
    """A run that waits for a worker."""
    job = await make_job_file(world)
    return {"id": (await world.post(f"/api/jobconfigs/{job['id']}/jobs")).json()["id"]}


async def make_ended_run(world: World) -> Values:
    """A run that was cancelled."""
    values = await make_run(world)
    assert (await world.admin.delete(f"/api/jobs/{values['id']}")).is_success
    return values


async def make_run_file(world: World) -> Values:
    """A file that a run has left, as a worker would have stored it."""
    values = {**await make_ended_run(world), "key": "report.txt"}
    run_id, tenant_id = UUID(values["id"]), world.tenant.tenant.id
    storage = world.server.context.storage
    await storage.put_bytes(output_key(tenant_id, run_id, attempt=1, number=0), MARKER.encode())
    async with world.database.tenant(tenant_id) as tx:
        await tx.execute(
            "INSERT INTO run_files (tenant_id, run_id, path, attempt, number, size)"
            " VALUES ($1, $2, $3, 1, 0, $4)",
            tenant_id,
            run_id,
            values["key"],
            len(MARKER),
        )
    return values


async def make_tenant_macro(world: World) -> Values:
    """A variable of the tenant."""
    name = f"NAME_{next(world.numbers)}"
    await world.put(f"/api/macros/{name}", {"key": name, "value": MARKER})
    return {"name": name}


async def make_macro_set(world: World) -> Values:
    """A set without macros."""
    name = world.new_name()
    await world.post("/api/macrosets", json={"name": name})
    return {"set": name}


async def make_set_macro(world: World) -> Values:
    """A variable in a set."""
    values = {**await make_macro_set(world), "name": "NAME"}
    path = f"/api/macrosets/{values['set']}/macros/NAME"
    await world.put(path, {"key": "NAME", "value": MARKER})
    return values


async def find_destination(world: World) -> Values:
    """The pool of workers that is always there."""
    found = (await world.admin.get("/api/destinations")).json()
    return {"id": found[0]["id"]}


MAKERS: Final[dict[str, Callable[[World], Awaitable[Values]]]] = {
    "user": make_user_thing,
    "user_macro": make_user_macro,
    "key": make_key_thing,
    "member": make_member,
    "project": make_project_thing,
    "here": make_here,
    "membership": make_membership,
    "tenant_membership": make_tenant_membership,
    "job": make_job,
    "job_file": make_job_file,
    "job_macro": make_job_macro,
    "run": make_run,
    "ended_run": make_ended_run,
    "run_file": make_run_file,
    "tenant_macro": make_tenant_macro,
    "macro_set": make_macro_set,
    "set_macro": make_set_macro,
    "destination": find_destination,
}
"""How each kind of thing is made."""
