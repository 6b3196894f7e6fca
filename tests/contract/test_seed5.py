"""Every request of the tutorial, sent as it writes them, gets the tutorial's answer."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from contract import seed5
from factories import PASSWORD, make_principal, make_tenant
from fixtures.jobs import Workshop
from fixtures.server import Server
from fixtures.workers import working
from treadle.jobs.installation import ensure_default_destination


@pytest.fixture
async def admin(server: Server) -> httpx.AsyncClient:
    """The administrator of a fresh installation."""
    await make_tenant(server.context.database, name="default", admin_username="admin")
    await ensure_default_destination(server.context.database, now=server.context.clock())
    return await server.log_in("admin")


SOURCE = """
import os, pathlib

def process():
    print("integrating XYZ")
    output = pathlib.Path(os.environ["TREADLE_OUTPUT_DIR"])
    (output / "what was done.txt").write_text("everything")
    return {"records": 3}
"""


def sample_package() -> bytes:
    """A package with the module and the function that the tutorial names."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("integrateXYZ.py", SOURCE)
    return content.getvalue()


def assert_shape(answer: httpx.Response, status: int, shape: dict[str, object]) -> None:
    assert answer.status_code == status, answer.text
    assert seed5.differences(answer.json(), shape) == []


async def test_step_1_retrieves_an_access_token(server: Server, admin: httpx.AsyncClient) -> None:
    answer = await server.anonymous.post(
        "/api/login", json={"username": "admin", "password": PASSWORD}
    )
    assert_shape(answer, 200, seed5.LOGIN)
    assert set(answer.json()) == set(seed5.LOGIN)


async def create(admin: httpx.AsyncClient) -> httpx.Response:
    """Step 2."""
    return await admin.post(
        "/api/jobconfigs",
        json={"active": True, "name": seed5.NAME, "description": seed5.DESCRIPTION},
    )


async def upload(admin: httpx.AsyncClient, job_id: str, package: bytes) -> httpx.Response:
    """Step 3."""
    return await admin.post(
        f"/api/jobconfigs/{job_id}/files",
        data={"key": seed5.PACKAGE},
        files={"file": ("C:\\packages\\samplePackage.djar", package)},
    )


async def update(admin: httpx.AsyncClient, job_id: str) -> httpx.Response:
    """Step 4."""
    return await admin.put(
        f"/api/jobconfigs/{job_id}",
        content=seed5.STEP_4_BODY,
        headers={"Content-Type": "multipart/form-data"},
    )


async def start(admin: httpx.AsyncClient, job_id: str) -> httpx.Response:
    """Step 5."""
    return await admin.post(
        f"/api/jobconfigs/{job_id}/jobs", headers={"Content-Type": "application/json"}
    )


async def test_step_2_creates_a_job_config(server: Server, admin: httpx.AsyncClient) -> None:
    answer = await create(admin)
    assert_shape(answer, 201, seed5.JOB_CONFIG)
    body = answer.json()
    assert "runtimeConfig" not in body
    assert body["href"] == f"{server.url}/api/jobconfigs/{body['id']}"
    me = (await admin.get("/api/user")).json()
    actor = {"id": me["id"], "name": "admin", "href": me["href"]}
    assert (body["user"], body["createdByUser"], body["lastModifiedByUser"]) == (actor,) * 3
    read = await admin.get(body["href"])
    assert_shape(read, 200, seed5.JOB_CONFIG)


async def test_step_3_uploads_a_package(admin: httpx.AsyncClient) -> None:
    job = (await create(admin)).json()
    package = sample_package()
    answer = await upload(admin, job["id"], package)
    assert_shape(answer, 200, seed5.UPLOAD)
    body = answer.json()
    assert set(body) == set(seed5.UPLOAD)
    assert set(body["metadata"]) == set(seed5.UPLOAD["metadata"])
    assert body["metadata"]["size"] == len(package)
    assert body["href"] == f"{job['href']}/files/{seed5.PACKAGE}"
    assert (await admin.get(body["href"])).content == package


async def test_step_4_updates_the_job_config(admin: httpx.AsyncClient) -> None:
    job = (await create(admin)).json()
    await upload(admin, job["id"], sample_package())
    answer = await update(admin, job["id"])
    assert_shape(answer, 200, seed5.UPDATED_JOB_CONFIG)
    body = answer.json()
    assert body["runtimeConfig"]["packagePrefix"] == f"configuration\\{job['id']}"
    assert (body["id"], body["href"], body["created"]) == (job["id"], job["href"], job["created"])
    assert body["lastModified"] >= job["lastModified"]


async def test_step_5_runs_the_job_config(server: Server, admin: httpx.AsyncClient) -> None:
    job = (await create(admin)).json()
    await upload(admin, job["id"], sample_package())
    await update(admin, job["id"])
    answer = await start(admin, job["id"])
    assert_shape(answer, 202, seed5.RUN)
    body = answer.json()
    assert body["href"] == answer.headers["Location"] == f"{server.url}/api/jobs/{body['id']}"
    assert body["jobConfig"] == {"id": job["id"], "name": seed5.NAME, "href": job["href"]}
    assert body["submittedByUser"] == job["user"]
    pools = (await admin.get("/api/destinations")).json()
    assert body["finalDestinationId"] in [pool["id"] for pool in pools]
    assert_shape(await admin.get(body["href"]), 200, seed5.RUN)


async def test_the_five_steps_lead_to_a_finished_run(
    server: Server, admin: httpx.AsyncClient, tmp_path: Path, package_cache: Path
) -> None:
    job = (await create(admin)).json()
    await upload(admin, job["id"], sample_package())
    await update(admin, job["id"])
    context = server.context
    tenant = await tenant_of(server)
    workshop = Workshop(context.database, context.jobs, make_principal(tenant), tmp_path)
    async with working(workshop, tmp_path, package_cache):
        run = (await start(admin, job["id"])).json()
        # The last event comes when the run has ended.
        followed = await admin.get(f"{run['href']}/log?follow=true", timeout=60)
    assert followed.text.endswith('event: end\ndata: {"status":"FINISHED"}\n\n')
    ended = (await admin.get(run["href"])).json()
    assert (ended["status"], ended["attempt"], ended["returnCode"]) == ("FINISHED", 1, 0)
    assert ended["scheduled"] <= ended["received"] <= ended["started"] <= ended["finished"]
    assert (await admin.get(f"{run['href']}/log")).text == "integrating XYZ\n"
    out = (await admin.get(f"{run['href']}/out")).json()
    (file,) = out["files"]
    assert (out["result"], file["name"], file["size"]) == ({"records": 3}, "what was done.txt", 10)
    assert (await admin.get(file["href"])).text == "everything"
    assert (await admin.get("/api/jobstats")).json()["finished"] == 1


async def tenant_of(server: Server) -> UUID:
    async with server.context.database.system() as tx:
        return await tx.fetchval("SELECT id FROM tenants WHERE name = 'default'")


async def test_dates_are_iso_8601_in_utc(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/jobconfigs", json={"name": "dated"})
    created = answer.json()["created"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created)
    assert datetime.fromisoformat(created).tzinfo is not None
