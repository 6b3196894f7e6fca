"""Every request of the tutorial, sent as it writes them, gets the tutorial's answer."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime

import httpx
import pytest

from contract import seed5
from factories import PASSWORD, make_tenant
from fixtures.server import Server
from treadle.jobs.installation import ensure_default_destination


@pytest.fixture
async def admin(server: Server) -> httpx.AsyncClient:
    """The administrator of a fresh installation."""
    await make_tenant(server.context.database, name="default", admin_username="admin")
    await ensure_default_destination(server.context.database, now=server.context.clock())
    return await server.log_in("admin")


def sample_package() -> bytes:
    """A package with the module and the function that the tutorial names."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("integrateXYZ.py", "def process():\n    return 'done'\n")
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


async def test_steps_2_to_5_create_upload_update_and_run(
    server: Server, admin: httpx.AsyncClient
) -> None:
    created = await admin.post(
        "/api/jobconfigs",
        json={"active": True, "name": seed5.NAME, "description": seed5.DESCRIPTION},
    )
    assert_shape(created, 201, seed5.JOB_CONFIG)
    assert "runtimeConfig" not in created.json()
    job_id = created.json()["id"]
    assert created.json()["href"] == f"{server.url}/api/jobconfigs/{job_id}"

    package = sample_package()
    uploaded = await admin.post(
        f"/api/jobconfigs/{job_id}/files",
        data={"key": seed5.PACKAGE},
        files={"file": ("C:\\packages\\samplePackage.djar", package)},
    )
    assert_shape(uploaded, 200, seed5.UPLOAD)
    assert uploaded.json()["metadata"]["size"] == len(package)
    assert uploaded.json()["href"] == f"{created.json()['href']}/files/{seed5.PACKAGE}"

    updated = await admin.put(
        f"/api/jobconfigs/{job_id}",
        content=seed5.STEP_4_BODY,
        headers={"Content-Type": "multipart/form-data"},
    )
    assert_shape(updated, 200, seed5.UPDATED_JOB_CONFIG)
    assert updated.json()["runtimeConfig"]["packagePrefix"] == f"configuration\\{job_id}"

    run = await admin.post(
        f"/api/jobconfigs/{job_id}/jobs", headers={"Content-Type": "application/json"}
    )
    assert_shape(run, 202, seed5.RUN)
    assert run.json()["href"] == run.headers["Location"]
    assert run.json()["jobConfig"]["href"] == created.json()["href"]

    read = await admin.get(f"/api/jobs/{run.json()['id']}")
    assert_shape(read, 200, seed5.RUN)


async def test_dates_are_iso_8601_in_utc(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/jobconfigs", json={"name": "dated"})
    created = answer.json()["created"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created)
    assert datetime.fromisoformat(created).tzinfo is not None
