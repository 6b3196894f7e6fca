"""Who calls in the access test, and what is there to be called for.

Two tenants. In the first, *here* is a project in which things are made, and *elsewhere* another
one. Each role is held by an API key of its own. Everything that a stranger could find says MARKER.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final, TypeAlias
from uuid import UUID

import httpx

from factories import make_key, make_project, make_tenant, make_user
from fixtures.server import Server
from treadle.db.database import Database
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

INTEGRATION: Final[dict[str, Any]] = {
    "type": "http",
    "config": {"base_url": "http://127.0.0.1:1/"},
}
"""One that leads nowhere: its test is refused."""

MISSING: Final[dict[str, Values]] = {
    "user": {"id": "999999999"},
    "user_macro": {"id": "999999999", "name": "NAME"},
    "key": {"id": NOBODY},
    "member": {"id": NOBODY},
    "invitation": {"id": NOBODY},
    "project": {"id": NOBODY},
    "here": {"project_id": NOBODY},
    "membership": {"project_id": NOBODY, "member_id": NOBODY},
    "tenant_membership": {"member_id": NOBODY},
    "job": {"id": "999999999"},
    "job_file": {"id": "999999999", "key": PACKAGE_NAME},
    "job_macro": {"id": "999999999", "name": "NAME"},
    "own_schedule": {"id": "999999999"},
    "remote_job": {"jobId": "999999999"},
    "remote_schedule": {"jobId": "999999999", "name": MARKER},
    "run": {"id": NOBODY},
    "ended_run": {"id": NOBODY},
    "run_file": {"id": NOBODY, "key": "report.txt"},
    "tenant_macro": {"name": "MISSING"},
    "macro_set": {"set": "missing"},
    "set_macro": {"set": "missing", "name": "NAME"},
    "destination": {"id": "999999999"},
    "integration": {"id": NOBODY},
    "entity": {"id": NOBODY},
    "calendar": {"id": NOBODY},
    "window": {"id": NOBODY},
    "tenant_window": {"id": NOBODY},
    "record": {"id": NOBODY, "record_id": NOBODY},
    "schedule": {"schedule_id": NOBODY},
    "workflow": {"workflow_id": NOBODY, "workflow_version": "1"},
    "active_workflow": {"workflow_id": NOBODY, "workflow_version": "1"},
    "scheduled_workflow": {"workflow_id": NOBODY, "workflow_version": "1"},
    "execution": {"workflow_id": NOBODY, "execution_id": NOBODY},
    "ended_execution": {"execution_id": NOBODY},
    "followed_execution": {"id": NOBODY},
    "answer_link": {"token": NOBODY},
    "live_process": {"process_id": NOBODY},
    "resumed_process": {"action": "resumeworkflow", "process_id": NOBODY},
}
"""Of each kind of thing one that nobody has."""


WORKFLOW: Final[dict[str, Any]] = {
    "workflow_steps": [{"id": "start", "type": "request"}],
    "workflow_connections": [],
}
"""One that ends where it begins."""
WAITING: Final[dict[str, Any]] = {
    "workflow_steps": [
        {"id": "start", "type": "request"},
        {"id": "rest", "type": "wait", "config": {"seconds": 3600}},
    ],
    "workflow_connections": [{"from": "start", "to": "rest"}],
}
"""One that is not over soon."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An API key that calls, with the roles that it holds."""

    name: str
    client: httpx.AsyncClient
    application_role: ApplicationRole | None = None
    here: ProjectRole | None = None
    elsewhere: ProjectRole | None = None


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


async def make_invitation(world: World) -> Values:
    """Somebody who was asked to come in here, and somebody who was asked into the tenant."""
    somebody = {"email": f"{MARKER}@example.com"}
    await world.post("/v1/invitations", json={**somebody, "role": "Consumer"})
    body = {**somebody, "role": "Member", "project_id": str(world.here)}
    return {"id": (await world.post("/v1/invitations", json=body)).json()["id"]}


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


async def make_own_schedule(world: World) -> Values:
    """A job config with a schedule of its own."""
    values = await make_job(world)
    body = {"name": MARKER, "type": "interval", "intervalFrequency": 60}
    await world.post(f"/api/jobconfigs/{values['id']}/schedule", json=body)
    return values


async def make_remote_job(world: World) -> Values:
    """A job that can be run, by its name for scripts."""
    return {"jobId": (await make_job_file(world))["id"]}


async def make_remote_schedule(world: World) -> Values:
    """A schedule of a job, by its name."""
    values = {**await make_remote_job(world), "name": MARKER}
    times = {"timeZone": "UTC", "startDate": "2026-01-01", "crons": ["0 9 * * *"]}
    body = {"name": MARKER, "enabled": True, **times}
    await world.post(f"/api/v1/jobs/{values['jobId']}/schedules", json=body)
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


async def make_integration(world: World) -> Values:
    """A connection to nowhere."""
    body = {"name": world.new_name(), **INTEGRATION, "project_id": str(world.here)}
    return {"id": (await world.post("/v1/integrations", json=body)).json()["id"]}


async def find_destination(world: World) -> Values:
    """The pool of workers that is always there."""
    found = (await world.admin.get("/api/destinations")).json()
    return {"id": found[0]["id"]}


async def make_entity(world: World) -> Values:
    """An entity definition without records."""
    body = {
        "name": world.new_name(),
        "schema": {},
        "date_fields": ["due"],
        "project_id": str(world.here),
    }
    return {"id": (await world.post("/v1/entities", json=body)).json()["id"]}


async def make_record(world: World) -> Values:
    """A record of an entity definition of its own."""
    values = await make_entity(world)
    body = {"external_id": world.new_name(), "data": {"due": "2026-12-01"}}
    record = await world.post(f"/v1/entities/{values['id']}/records", json=body)
    return {**values, "record_id": record.json()["id"]}


async def make_calendar(world: World) -> Values:
    """A calendar that no schedule uses."""
    answer = await world.post("/v1/calendars", json={"name": world.new_name()})
    return {"id": answer.json()["id"]}


async def make_window(world: World, *, project_id: str | None = None) -> Values:
    """A maintenance window of the tenant, or of a project."""
    times = {"start_at": "2036-01-01T00:00:00Z", "end_at": "2036-01-02T00:00:00Z"}
    body = {"name": world.new_name(), "reason": MARKER, "project_id": project_id, **times}
    return {"id": (await world.post("/v1/maintenance-windows", json=body)).json()["id"]}


async def make_project_window(world: World) -> Values:
    """A maintenance window of the project."""
    return await make_window(world, project_id=str(world.here))


async def make_schedule(world: World) -> Values:
    """A schedule that only writes into the log."""
    body = {
        "name": world.new_name(),
        "project_id": str(world.here),
        "schedule_type": "cron",
        "schedule_expression": "0 9 * * *",
        "action_type": "log_event",
        "action_config": {"said": MARKER},
    }
    return {"schedule_id": (await world.post("/v1/schedules", json=body)).json()["id"]}


async def make_workflow(world: World) -> Values:
    """A draft of a workflow."""
    body = {"workflow_name": world.new_name(), **WORKFLOW, "workspace_id": str(world.here)}
    item = (await world.post("/v1/workflows", json=body)).json()["item"]
    return {"workflow_id": item["workflow_id"], "workflow_version": "1"}


async def make_active_workflow(world: World, **more: Any) -> Values:
    """A workflow that can be started."""
    body = {"workflow_name": world.new_name(), **WORKFLOW, "workspace_id": str(world.here)}
    item = (await world.post("/v1/workflows", json={**body, **more})).json()["item"]
    await world.post(f"/v1/workflows/{item['workflow_id']}/1/activate")
    return {"workflow_id": item["workflow_id"], "workflow_version": "1"}


async def make_scheduled_workflow(world: World) -> Values:
    """A workflow that starts itself."""
    trigger = {"id": "start", "type": "schedule", "config": {"schedule_expression": "@daily"}}
    return await make_active_workflow(world, workflow_steps=[trigger])


async def make_execution(world: World) -> Values:
    """An execution that nobody has taken forward yet."""
    workflow = await make_active_workflow(world, **WAITING)
    answer = await world.post(
        f"/v1/workflows/triggerworkflow/{workflow['workflow_id']}", json={"said": MARKER}
    )
    return {
        "workflow_id": workflow["workflow_id"],
        "execution_id": answer.json()["looply_execution_id"],
    }


async def make_ended_execution(world: World) -> Values:
    """An execution that was ended."""
    execution_id = (await make_execution(world))["execution_id"]
    await world.post(f"/v1/workflows/terminateworkflow/{execution_id}")
    return {"execution_id": execution_id}


async def make_followed_execution(world: World) -> Values:
    """An execution that is over, so that whoever follows it comes to an end."""
    return {"id": (await make_ended_execution(world))["execution_id"]}


async def make_live_process(world: World) -> Values:
    """An execution by its process id, which is its own id here."""
    return {"process_id": (await make_execution(world))["execution_id"]}


async def make_resumed_process(world: World) -> Values:
    """The same, with what is done to it."""
    return {"action": "resumeworkflow", **await make_live_process(world)}


async def make_answer_link(world: World) -> Values:
    """A link that is nobody's; the good ones have tests of their own."""
    return {"token": "x"}


MAKERS: Final[dict[str, Callable[[World], Awaitable[Values]]]] = {
    "user": make_user_thing,
    "user_macro": make_user_macro,
    "key": make_key_thing,
    "member": make_member,
    "invitation": make_invitation,
    "project": make_project_thing,
    "here": make_here,
    "membership": make_membership,
    "tenant_membership": make_tenant_membership,
    "job": make_job,
    "job_file": make_job_file,
    "job_macro": make_job_macro,
    "own_schedule": make_own_schedule,
    "remote_job": make_remote_job,
    "remote_schedule": make_remote_schedule,
    "run": make_run,
    "ended_run": make_ended_run,
    "run_file": make_run_file,
    "tenant_macro": make_tenant_macro,
    "macro_set": make_macro_set,
    "set_macro": make_set_macro,
    "destination": find_destination,
    "integration": make_integration,
    "entity": make_entity,
    "calendar": make_calendar,
    "window": make_project_window,
    "tenant_window": make_window,
    "record": make_record,
    "schedule": make_schedule,
    "workflow": make_workflow,
    "active_workflow": make_active_workflow,
    "scheduled_workflow": make_scheduled_workflow,
    "execution": make_execution,
    "ended_execution": make_ended_execution,
    "answer_link": make_answer_link,
    "followed_execution": make_followed_execution,
    "live_process": make_live_process,
    "resumed_process": make_resumed_process,
}
"""How each kind of thing is made."""
