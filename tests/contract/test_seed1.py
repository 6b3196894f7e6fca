"""The five requests of the remote jobs' guide, sent by a script with an API key as the guide says.

The script is a program of its own (`httpx` without any of our code but the server's): it gets its
token, runs a job, waits for it, and looks after the job's schedules.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest

from factories import make_key, make_principal, make_tenant
from fixtures.jobs import Workshop
from fixtures.server import Server, plain_client
from fixtures.workers import working
from treadle.engine.live import LiveHub
from treadle.identity.installation import NewTenant
from treadle.identity.model import ProjectRole
from treadle.jobs.installation import ensure_default_destination
from treadle.schedules.ticker import ScheduleTicker

EXAMPLE_BODY = """{ "name": "My Schedule", "timezone": "AUS Eastern Standard Time", \
"startDate": "2023-09-04", "endDate": null, "enabled": true, "crons": [ "0 10 * * *" ] }"""
"""The guide's example, word for word, with the straight quotes that JSON has."""
SOURCE = b"def main(country='AU'):\n    return {'country': country}\n"


@pytest.fixture
async def tenant(server: Server) -> NewTenant:
    database = server.context.database
    await ensure_default_destination(database, now=server.context.clock())
    return await make_tenant(database, name="default", admin_username="admin")


@pytest.fixture
async def job_id(server: Server, tenant: NewTenant) -> str:
    """The id of a job that somebody has made."""
    admin = await server.log_in("admin")
    body = {"name": "Nightly", "runtimeConfig": {"packageName": "n.py", "entryPoint": "n.main"}}
    job = (await admin.post("/api/jobconfigs", json=body)).json()
    uploaded = await admin.post(f"{job['href']}/files", files={"file": ("n.py", SOURCE)})
    assert uploaded.status_code == 200
    return job["id"]


@pytest.fixture
async def script(
    server: Server, tenant: NewTenant, job_id: str
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client with the token of a key that is a Manager of the job's project."""
    roles: dict[UUID, ProjectRole] = {tenant.project.id: "Manager"}
    key = await make_key(server.context.database, tenant, project_roles=roles)
    form = {
        "grant_type": "client_credentials",
        "client_id": str(key.key.client_id),
        "client_secret": key.client_secret,
        "scope": "webApi",
    }
    async with plain_client(server.url) as client:
        token = (await client.post("/connect/token", data=form)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


async def test_run_a_job_returns_at_once_and_tells_only_that_it_was_scheduled(
    script: httpx.AsyncClient, job_id: str
) -> None:
    answer = await script.post(f"/api/v1/jobs/{job_id}/run")
    body = answer.json()
    assert answer.status_code == 202
    assert set(body) == {"success", "message", "jobId", "executionId"}
    assert (body["success"], body["jobId"]) == (True, job_id)
    # No worker is there: it cannot have run.
    status = (await script.get(f"/api/v1/jobs/{job_id}")).json()["lastExecution"]["Status"]
    assert status == "Queued"


async def test_check_the_status_of_a_job(
    server: Server, tenant: NewTenant, script: httpx.AsyncClient, job_id: str,
    tmp_path: Path, package_cache: Path,
) -> None:  # fmt: skip
    never = (await script.get(f"/api/v1/jobs/{job_id}")).json()
    assert never["lastExecution"] == {}
    context = server.context
    caller = make_principal(tenant.tenant.id)
    workshop = Workshop(context.database, context.jobs, caller, tmp_path)
    async with working(workshop, tmp_path, package_cache):
        started = (
            await script.post(f"/api/v1/jobs/{job_id}/run", json={"input": {"country": "NZ"}})
        ).json()
        # A script looks now and then; here the log tells when it has ended.
        log = f"/api/jobs/{started['executionId']}/log?follow=true"
        assert "event: end" in (await script.get(log, timeout=60)).text
    last = (await script.get(f"/api/v1/jobs/{job_id}")).json()["lastExecution"]
    assert set(last) == {"Id", "Status", "StartedOn", "FinishedOn", "Message"}
    assert (last["Id"], last["Status"]) == (started["executionId"], "Succeeded")
    assert last["StartedOn"] <= last["FinishedOn"]
    out = (await script.get(f"/api/jobs/{last['Id']}/out")).json()
    assert out["result"] == {"country": "NZ"}


async def test_add_update_list_and_delete_a_schedule(
    script: httpx.AsyncClient, job_id: str
) -> None:
    path = f"/api/v1/jobs/{job_id}/schedules"
    assert (await script.get(path)).json() == []
    added = await script.post(path, content=EXAMPLE_BODY)
    assert added.status_code == 201, added.text
    [schedule] = (await script.get(path)).json()
    assert schedule == added.json()
    said = {
        "name": "My Schedule",
        "timeZone": "AUS Eastern Standard Time",
        "startDate": "2023-09-04",
        "endDate": None,
        "enabled": True,
        "crons": ["0 10 * * *"],
    }
    assert {name: schedule[name] for name in said} == said
    updated = await script.put(path, json={**said, "crons": ["0 10 * * *", "0 16 * * 5"]})
    assert updated.status_code == 200
    [schedule] = (await script.get(path)).json()
    assert schedule["crons"] == ["0 10 * * *", "0 16 * * 5"]
    gone = await script.delete(f"{path}/My Schedule")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await script.get(path)).json() == []
    assert (await script.delete(f"{path}/My Schedule")).status_code == 404


async def test_the_examples_schedule_fires_at_ten_in_sydney(
    server: Server, script: httpx.AsyncClient, job_id: str
) -> None:
    path = f"/api/v1/jobs/{job_id}/schedules"
    schedule = (await script.put(path, content=EXAMPLE_BODY)).json()
    due = datetime.fromisoformat(schedule["nextFireTime"])
    local = due.astimezone(ZoneInfo("Australia/Sydney"))
    assert (local.hour, local.minute, local.second) == (10, 0, 0)
    context = server.context
    ticker = ScheduleTicker(context.database, LiveHub(context.database), context.schedules)
    await ticker.tick(due - timedelta(seconds=1))
    assert (await script.get(f"/api/v1/jobs/{job_id}")).json()["lastExecution"] == {}
    await ticker.tick(due + timedelta(seconds=1))
    last = (await script.get(f"/api/v1/jobs/{job_id}")).json()["lastExecution"]
    assert last["Status"] == "Queued"


async def test_what_a_key_may_depends_on_its_role(
    server: Server, tenant: NewTenant, job_id: str
) -> None:
    roles: dict[UUID, ProjectRole] = {tenant.project.id: "Member"}
    key = await make_key(server.context.database, tenant, project_roles=roles)
    member = await server.client(headers={"X-Api-Key": key.api_key})
    path = f"/api/v1/jobs/{job_id}"
    assert (await member.get(path)).status_code == 200
    assert (await member.get(f"{path}/schedules")).status_code == 200
    refused = await member.post(f"{path}/run")
    assert (refused.status_code, refused.json()) == (
        403,
        {
            "status": 403,
            "error": "Forbidden",
            "message": "Your role does not allow you to run jobs.",
        },
    )
    assert (await member.put(f"{path}/schedules", content=EXAMPLE_BODY)).status_code == 403
    nobody = await server.anonymous.post(f"{path}/run")
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")


async def test_every_job_of_the_caller_is_listed(script: httpx.AsyncClient, job_id: str) -> None:
    body = (await script.get("/api/v1/jobs")).json()
    assert [(job["id"], job["name"], job["lastExecution"]) for job in body["items"]] == [
        (job_id, "Nightly", {})
    ]
