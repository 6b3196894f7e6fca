"""Every route of the product, a line for each way to be let in. A new route needs its line.

A line says the right, where it is held, what the request is about (`access_world.MAKERS`), what it
sends, and what it is answered when all is well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any, Final, TypeAlias

from contract.access_world import INTEGRATION, PACKAGE, PACKAGE_NAME, WORKFLOW, Values, World
from factories import PASSWORD
from treadle.core.clock import iso
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


def new_integration(world: World, values: Values) -> Options:
    """An integration in the project."""
    return {"json": {"name": world.new_name(), **INTEGRATION, **values}}


def membership(role: str) -> Send:
    """A role for the key that the thing names."""
    body = {"member_type": "api_key", "role": role}
    return lambda world, values: {"json": {**body, **values}}


def invitation(role: str) -> Send:
    """An invitation into the project that the thing names."""
    body = {"email": "ada@example.com", "role": role}
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


OWN_SCHEDULE: Final = named(type="interval", intervalFrequency=60)
REMOTE_SCHEDULE: Final = named(
    timeZone="UTC", startDate="2026-01-01", enabled=True, crons=["0 9 * * *"]
)


ENTITY: Final[Options] = {"schema": {"type": "object"}, "date_fields": ["due"]}


def new_entity(world: World, values: Values) -> Options:
    """An entity definition in the project."""
    return {"json": {**ENTITY, "name": world.new_name(), "project_id": values["project_id"]}}


def new_record(world: World, values: Values) -> Options:
    """A record with an external id that is new each time."""
    return {"json": {"external_id": world.new_name(), "data": {"due": "2026-12-01"}}}


def new_records(world: World, values: Values) -> Options:
    """Records, all new."""
    return {"json": {"records": [new_record(world, values)["json"] for _ in range(2)]}}


WINDOW: Final[Options] = {"schedule_expression": "0 22 * * *", "duration_minutes": 60}


def new_window(world: World, values: Values) -> Options:
    """A maintenance window of the project."""
    return {"json": {**WINDOW, "name": world.new_name(), "project_id": values["project_id"]}}


def new_schedule(world: World, values: Values) -> Options:
    """A schedule that only writes into the log, in the project."""
    return {"json": {**LOGGED, "name": world.new_name(), **values}}


def schedule_of_job(world: World, values: Values) -> Options:
    """A schedule that runs the job."""
    config = {"job_id": values["id"]}
    body = {**LOGGED, "name": world.new_name(), "action_type": "run_job", "action_config": config}
    return {"json": body}


def new_workflow(world: World, values: Values) -> Options:
    """A workflow in the project."""
    body = {"workflow_name": world.new_name(), **WORKFLOW}
    return {"json": {**body, "workspace_id": values["project_id"]}}


def saved_workflow(world: World, values: Values) -> Options:
    """What a draft is replaced by."""
    return {"json": {"workflow_name": world.new_name(), **WORKFLOW}}


def of_workflow(world: World, values: Values) -> Options:
    """The thing as a query."""
    return {"params": values}


def batch(world: World, values: Values) -> Options:
    """Two payloads for the workflow."""
    return {"json": {**values, "payloads": [{"n": 1}, {"n": 2}]}}


def toggled(world: World, values: Values) -> Options:
    """The workflow, to be paused."""
    return {"json": {**values, "action": "PAUSE"}}


def of_execution(world: World, values: Values) -> Options:
    """The execution as a query."""
    return {
        "params": {
            "workflow_id": values["workflow_id"],
            "workflow_execution_id": values["execution_id"],
        }
    }


def history_of(world: World, values: Values) -> Options:
    """The workflow as a query."""
    return {"params": {"workflow_id": values["workflow_id"]}}


def past_hour(world: World, values: Values) -> Options:
    """A stretch of time that is over."""
    now = world.server.context.clock()
    return {"json": {"start": iso(now - timedelta(hours=1)), "end": iso(now)}}


def next_days(world: World, values: Values) -> Options:
    """Some days from now on, as a query."""
    now = world.server.context.clock()
    return {"params": {"from": iso(now), "to": iso(now + timedelta(days=3))}}


def whole_days(world: World, values: Values) -> Options:
    """Today and tomorrow as a query."""
    today = world.server.context.clock().date()
    days = {"from": str(today), "to": str(today + timedelta(days=2)), "timezone": "Europe/Berlin"}
    return {"params": days}


def at_noon(world: World, values: Values) -> Options:
    """An instant as a query."""
    return {"params": {"at": "2026-06-30T12:00:00Z"}}


LOGGED: Final[Options] = {
    "schedule_type": "cron",
    "schedule_expression": "0 9 * * *",
    "action_type": "log_event",
    "action_config": {},
}
TAGGED: Final = json(tags=["of nobody"])

ACCESS: Final[dict[str, tuple[Line, ...]]] = {
    "GET /health/live": public(),
    "GET /health/ready": public(),
    "GET /metrics": public(),
    "GET /api/product/info": public(),
    "GET /postman/collection.json": public(),
    "GET /postman/environment.json": public(),
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
    "POST /v1/api-keys/reservations": in_tenant(Right.KEYS_WRITE),
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
    "POST /v1/invitations": here(
        Right.PROJECT_MEMBERS_WRITE, "here", ok=201, send=invitation("Member")
    )
    + in_tenant(Right.ROLES_WRITE, ok=201, send=json(email="a@b.example", role="Consumer")),
    "GET /v1/invitations": here(Right.PROJECT_MEMBERS_WRITE, "here", send=of_project)
    + in_tenant(Right.ROLES_WRITE),
    "DELETE /v1/invitations/{id}": here(Right.PROJECT_MEMBERS_WRITE, "invitation", ok=204),
    # With a token that is none; the good ones have tests of their own.
    "POST /v1/invitations/read": public(401, json(token="x")),
    "POST /v1/invitations/accept": public(
        401, json(token="x", username="y", password="a long enough one")
    ),
    "GET /v1/roles": in_tenant(Right.TENANT_READ),
    "GET /v1/audit": in_tenant(Right.AUDIT_READ),
    "GET /v1/audit/export": in_tenant(Right.AUDIT_READ),
    # Everybody learns who they are; who may do nothing learns that.
    "GET /v1/me": own(None, refused=200),
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
    "GET /api/jobconfigs/{id}/schedule": here(Right.SCHEDULES_READ, "own_schedule"),
    "POST /api/jobconfigs/{id}/schedule": here(
        Right.SCHEDULES_WRITE, "job", ok=201, send=OWN_SCHEDULE
    ),
    "PUT /api/jobconfigs/{id}/schedule": here(
        Right.SCHEDULES_WRITE, "own_schedule", send=OWN_SCHEDULE
    ),
    "DELETE /api/jobconfigs/{id}/schedule": here(Right.SCHEDULES_WRITE, "own_schedule", ok=204),
    "GET /api/v1/jobs": here(Right.JOBS_READ),
    "GET /api/v1/jobs/{jobId}": here(Right.JOBS_READ, "remote_job"),
    "POST /api/v1/jobs/{jobId}/run": here(Right.JOBS_RUN, "remote_job", ok=202),
    "GET /api/v1/jobs/{jobId}/schedules": here(Right.SCHEDULES_READ, "remote_schedule"),
    "POST /api/v1/jobs/{jobId}/schedules": here(
        Right.SCHEDULES_WRITE, "remote_job", ok=201, send=REMOTE_SCHEDULE
    ),
    "PUT /api/v1/jobs/{jobId}/schedules": here(
        Right.SCHEDULES_WRITE, "remote_job", ok=201, send=REMOTE_SCHEDULE
    ),
    "DELETE /api/v1/jobs/{jobId}/schedules/{name:path}": here(
        Right.SCHEDULES_WRITE, "remote_schedule", ok=204
    ),
    "GET /api/jobs": here(Right.HISTORY_READ),
    "GET /api/jobstats": here(Right.HISTORY_READ),
    "GET /v1/statistics": here(Right.HISTORY_READ),
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
    "POST /v1/integrations": here(
        Right.INTEGRATIONS_WRITE, "here", ok=201, send=new_integration, blind=422, elsewhere=422
    ),
    "GET /v1/integrations": here(Right.INTEGRATIONS_READ),
    "GET /v1/integrations/{id}": here(Right.INTEGRATIONS_READ, "integration"),
    "PUT /v1/integrations/{id}": here(
        Right.INTEGRATIONS_WRITE, "integration", send=named(**INTEGRATION)
    ),
    "DELETE /v1/integrations/{id}": here(Right.INTEGRATIONS_WRITE, "integration", ok=204),
    "POST /v1/integrations/{id}/test": here(Right.INTEGRATIONS_WRITE, "integration"),
    "GET /api/destinations": in_a_project(Right.JOBS_READ),
    "GET /api/destinations/{id}": in_a_project(Right.JOBS_READ, "destination", is_shared=True),
    "POST /v1/entities": here(
        Right.ENTITIES_WRITE, "here", ok=201, send=new_entity, blind=422, elsewhere=422
    ),
    "GET /v1/entities": here(Right.ENTITIES_READ),
    "GET /v1/entities/{id}": here(Right.ENTITIES_READ, "entity"),
    "PUT /v1/entities/{id}": here(Right.ENTITIES_WRITE, "entity", send=named(**ENTITY)),
    "DELETE /v1/entities/{id}": here(Right.ENTITIES_WRITE, "entity", ok=204),
    "POST /v1/entities/{id}/records": here(Right.RECORDS_WRITE, "entity", ok=201, send=new_record),
    "GET /v1/entities/{id}/records": here(Right.ENTITIES_READ, "record"),
    "GET /v1/entities/{id}/records/{record_id}": here(Right.ENTITIES_READ, "record"),
    "PUT /v1/entities/{id}/records/{record_id}": here(
        Right.RECORDS_WRITE, "record", send=new_record
    ),
    "DELETE /v1/entities/{id}/records/{record_id}": here(Right.RECORDS_WRITE, "record", ok=204),
    "POST /v1/entities/{id}/records/bulk": here(Right.RECORDS_WRITE, "entity", send=new_records),
    "POST /v1/calendars": in_tenant(Right.CALENDARS_WRITE, ok=201, send=named()),
    "GET /v1/calendars": in_a_project(Right.SCHEDULES_READ),
    "GET /v1/calendars/{id}": in_a_project(Right.SCHEDULES_READ, "calendar"),
    "PUT /v1/calendars/{id}": in_tenant(Right.CALENDARS_WRITE, "calendar", send=named()),
    "DELETE /v1/calendars/{id}": in_tenant(Right.CALENDARS_WRITE, "calendar", ok=204),
    "POST /v1/maintenance-windows": here(
        Right.SCHEDULES_WRITE, "here", ok=201, send=new_window, blind=422, elsewhere=422
    )
    + in_tenant(Right.CALENDARS_WRITE, ok=201, send=named(**WINDOW)),
    "GET /v1/maintenance-windows": in_a_project(Right.SCHEDULES_READ),
    "GET /v1/maintenance-windows/{id}": here(
        Right.SCHEDULES_READ, "window", blind=403, elsewhere=404
    )
    + in_a_project(Right.SCHEDULES_READ, "tenant_window"),
    "PUT /v1/maintenance-windows/{id}": here(Right.SCHEDULES_WRITE, "window", send=named(**WINDOW))
    + in_tenant(Right.CALENDARS_WRITE, "tenant_window", send=named(**WINDOW)),
    "DELETE /v1/maintenance-windows/{id}": here(Right.SCHEDULES_WRITE, "window", ok=204)
    + in_tenant(Right.CALENDARS_WRITE, "tenant_window", ok=204),
    "POST /v1/workflows": here(
        Right.WORKFLOWS_WRITE, "here", ok=201, send=new_workflow, blind=400, elsewhere=400
    ),
    "POST /v1/workflows/validate": here(
        Right.WORKFLOWS_WRITE, "here", send=new_workflow, blind=400, elsewhere=400
    ),
    "GET /v1/workflows/getWorkflowById": here(Right.WORKFLOWS_READ, "workflow", send=of_workflow),
    "GET /v1/workflows/getWorkflowSchemaById": here(
        Right.WORKFLOWS_READ, "workflow", send=of_workflow
    ),
    "GET /v1/workflows/step-types": here(Right.WORKFLOWS_READ),
    "GET /v1/workflows/getOrganizationWorkflows": here(Right.WORKFLOWS_READ),
    "GET /v1/workflows/{workflow_id}/versions": here(Right.WORKFLOWS_READ, "workflow"),
    "PUT /v1/workflows/{workflow_id}/{workflow_version}": here(
        Right.WORKFLOWS_WRITE, "workflow", send=saved_workflow
    ),
    "DELETE /v1/workflows/{workflow_id}/{workflow_version}": here(
        Right.WORKFLOWS_WRITE, "workflow", ok=204
    ),
    "POST /v1/workflows/{workflow_id}/{workflow_version}/validate": here(
        Right.WORKFLOWS_WRITE, "workflow"
    ),
    "POST /v1/workflows/{workflow_id}/{workflow_version}/activate": here(
        Right.WORKFLOWS_WRITE, "workflow"
    ),
    "POST /v1/workflows/{workflow_id}/{workflow_version}/archive": here(
        Right.WORKFLOWS_WRITE, "workflow"
    ),
    "POST /v1/workflows/{workflow_id}/{workflow_version}/detectSchema": here(
        Right.WORKFLOWS_WRITE, "workflow", send=json(payload={"n": 1})
    ),
    "POST /v1/workflows/triggerworkflow/batch": here(
        Right.WORKFLOWS_RUN, "active_workflow", send=batch
    ),
    "POST /v1/workflows/triggerworkflow/{workflow_id}": here(
        Right.WORKFLOWS_RUN, "active_workflow"
    ),
    "POST /v1/workflows/triggerworkflow/{workflow_id}/{workflow_version}": here(
        Right.WORKFLOWS_RUN, "active_workflow"
    ),
    "POST /v1/workflows/toggleScheduledWorkflow": here(
        Right.SCHEDULES_WRITE, "scheduled_workflow", send=toggled
    ),
    "POST /v1/workflows/terminateworkflow/{process_id}": here(Right.WORKFLOWS_RUN, "live_process"),
    "POST /v1/workflows/retryworkflow/{execution_id}": here(
        Right.WORKFLOWS_RUN, "ended_execution", send=json(from_step="rest")
    ),
    # Nothing takes executions forward here: this one does not wait for an answer yet.
    "POST /v1/workflows/{action}/{process_id}": here(
        Right.WORKFLOWS_RUN, "resumed_process", ok=409, send=json(source="TEAMS")
    ),
    "GET /v1/workflows/getWorkflowExecutionById": here(
        Right.HISTORY_READ, "execution", send=of_execution
    ),
    "GET /v1/workflows/executions/{id}": here(Right.HISTORY_READ, "followed_execution"),
    "GET /v1/workflows/getWorkflowExecutionHistory": here(
        Right.HISTORY_READ, "active_workflow", send=history_of
    ),
    "GET /v1/workflows/getOrganizationExecutions": here(Right.HISTORY_READ),
    "GET /v1/workflows/executions/{id}/events": here(Right.HISTORY_READ, "followed_execution"),
    "GET /v1/workflows/answers/{token}": (Line(Held.NOWHERE, ok=404, thing="answer_link"),),
    "POST /v1/workflows/answers/{token}": (Line(Held.NOWHERE, ok=404, thing="answer_link"),),
    "POST /v1/schedules": here(
        Right.SCHEDULES_WRITE, "here", ok=201, send=new_schedule, blind=422, elsewhere=422
    )
    + here(
        Right.SCHEDULES_WRITE, "job_file", ok=201, send=schedule_of_job, blind=422, elsewhere=422
    ),
    "GET /v1/schedules": here(Right.SCHEDULES_READ),
    "POST /v1/schedules/preview": here(
        Right.SCHEDULES_READ, send=json(schedule_type="interval", schedule_expression="PT5M")
    ),
    "POST /v1/schedules/pause": here(Right.SCHEDULES_WRITE, send=TAGGED),
    "POST /v1/schedules/resume": here(Right.SCHEDULES_WRITE, send=TAGGED),
    "GET /v1/schedules/occurrences": here(Right.SCHEDULES_READ, send=next_days),
    "GET /v1/schedules/calendar": here(Right.SCHEDULES_READ, send=whole_days),
    "GET /v1/schedules/{schedule_id}": here(Right.SCHEDULES_READ, "schedule"),
    "PUT /v1/schedules/{schedule_id}": here(
        Right.SCHEDULES_WRITE, "schedule", send=json(max_retries=1)
    ),
    "DELETE /v1/schedules/{schedule_id}": here(Right.SCHEDULES_WRITE, "schedule", ok=204),
    "POST /v1/schedules/{schedule_id}/pause": here(Right.SCHEDULES_WRITE, "schedule"),
    "POST /v1/schedules/{schedule_id}/resume": here(Right.SCHEDULES_WRITE, "schedule"),
    "POST /v1/schedules/{schedule_id}/trigger": here(Right.SCHEDULES_WRITE, "schedule"),
    "POST /v1/schedules/{schedule_id}/backfill": here(
        Right.SCHEDULES_WRITE, "schedule", send=past_hour
    ),
    # What a firing came to is the history of a run: its error and its result are told.
    "GET /v1/schedules/{schedule_id}/runs": here(Right.HISTORY_READ, "schedule"),
    "GET /v1/schedules/{schedule_id}/explain": here(Right.HISTORY_READ, "schedule", send=at_noon),
    "GET /v1/schedules/{schedule_id}/upcoming": here(Right.SCHEDULES_READ, "schedule"),
    "GET /v1/schedules/{schedule_id}/versions": here(Right.SCHEDULES_READ, "schedule"),
}
