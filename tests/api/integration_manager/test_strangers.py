"""Every route of jobs and runs, called by those who may not, and for what is not there.

What is invisible looks byte for byte like what does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from api.integration_manager.house import MISSING, House
from treadle.api.dependencies import right_of
from treadle.api.integration_manager import (
    destinations,
    exchange,
    job_output,
    jobconfig_files,
    jobconfig_schedule,
    jobconfigs,
    jobs,
    macros,
)
from treadle.identity.model import ProjectRole
from treadle.identity.rights import PROJECT_RIGHTS, Right

ROUTERS: tuple[APIRouter, ...] = (
    exchange.router,
    jobconfigs.router,
    jobconfig_files.router,
    jobconfig_schedule.router,
    jobs.router,
    job_output.router,
    macros.router,
    destinations.router,
)
SCHEDULE: dict[str, Any] = {"name": "x", "type": "interval", "intervalFrequency": 60}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/jobconfigs"): {"json": {"name": "x"}},
    ("PUT", "/api/jobconfigs/{id}"): {"json": {"name": "taken over"}},
    ("PATCH", "/api/jobconfigs/{id}"): {"json": {"name": "taken over"}},
    ("POST", "/api/jobconfigs/{id}/files"): {"files": {"file": ("x.txt", b"x")}},
    ("PUT", "/api/jobconfigs/{id}/files/{key}"): {"content": b"x"},
    ("POST", "/api/jobconfigs/import"): {"files": {"file": ("x.zip", b"x")}},
    ("POST", "/api/jobconfigs/{id}/macros"): {"json": {"name": "A", "value": "1"}},
    ("POST", "/api/macrosets"): {"json": {"name": "x"}},
    ("POST", "/api/jobconfigs/{id}/schedule"): {"json": SCHEDULE},
    ("PUT", "/api/jobconfigs/{id}/schedule"): {"json": SCHEDULE},
    **{
        ("PUT", path): {"json": {"value": "1"}}
        for path in (
            "/api/macros/{name}",
            "/api/users/{id}/macros/{name}",
            "/api/jobconfigs/{id}/macros/{name}",
            "/api/macrosets/{set}/macros/{name}",
        )
    },
}
NO_NUMBERS = ("abc", "0", "-1", "01", "1e3", "+1", "%20", "1%0A", str(2**63), "9" * 5000, "%D9%A1")
NO_IDS = ("abc", "0", "-1", "0198f0a0", "0198f0a0-5b7e-7cc3-9d3f-3b1f0c5e2a1g", "x" * 36, "f" * 33)
NOBODYS_RUN = "0198f0a0-5b7e-7cc3-9d3f-3b1f0c5e2a11"


@dataclass(frozen=True)
class Operation:
    """One route with one method."""

    method: str
    route: APIRoute

    @property
    def path(self) -> str:
        """The route's pattern as the contract writes it."""
        return self.route.path_format

    @property
    def right(self) -> Right | None:
        """The right that it takes in a project, or in the tenant."""
        return right_of(self.route)

    @property
    def kind(self) -> str:
        """What stands in its path: job, run, user, destination, set, or nothing."""
        kinds = {"jobconfigs": "job", "jobs": "run", "users": "user", "destinations": "destination"}
        if "{set}" in self.path:
            return "set"
        return kinds[self.path.split("/")[2]] if "{id}" in self.path else "nothing"

    async def call(self, client: httpx.AsyncClient, **places: str) -> httpx.Response:
        """The answer, with these values in the path."""
        path = self.path.replace("{key}", places.get("key", "package.zip"))
        path = path.replace("{name}", places.get("name", "A")).replace("{id}", places.get("id", ""))
        path = path.replace("{set}", places.get("set", ""))
        body = BODIES.get((self.method, self.path), {})
        return await client.request(self.method, path, **body)


def operations() -> Iterator[Operation]:
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods or ()):
                yield Operation(method, route)


OPERATIONS = list(operations())
OF_PROJECTS = [operation for operation in OPERATIONS if operation.kind in ("job", "run")]


@pytest.fixture
async def things(house: House) -> dict[str, dict[str, str]]:
    """A job with everything and a run of it, in the path's words."""
    job = await house.packaged()
    await house.clara.put(f"{job['href']}/macros/A", json={"value": "1"})
    run = await house.run(job)
    return {"job": {"id": job["id"]}, "run": {"id": run["id"]}}


async def test_nobody_comes_in_without_a_credential(house: House) -> None:
    for operation in OPERATIONS:
        for places in ({"id": "1", "set": "x"}, {"id": "abc", "set": "%20"}):
            answer = await operation.call(house.anonymous, **places)
            assert answer.status_code == 401, operation
            assert answer.json()["error"] == "Unauthorized"
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_role_that_is_too_low_is_403(
    house: House, things: dict[str, dict[str, str]]
) -> None:
    asked = 0
    callers: tuple[tuple[httpx.AsyncClient, ProjectRole], ...] = (
        (house.mia, "Member"),
        (house.max, "Manager"),
    )
    for client, role in callers:
        for operation in OPERATIONS:
            right = operation.right
            if right is None or right in PROJECT_RIGHTS[role]:
                continue
            answer = await operation.call(client, **things.get(operation.kind, {"set": "x"}))
            assert answer.status_code == 403, (role, operation)
            assert answer.json() == {
                "status": 403,
                "error": "Forbidden",
                "message": f"Your role does not allow you to {right.value}.",
            }
            asked += 1
    assert asked > 40
    await assert_untouched(house, things)


async def test_what_is_invisible_looks_like_what_is_missing(
    house: House, things: dict[str, dict[str, str]]
) -> None:
    missing = {"job": {"id": "999999"}, "run": {"id": NOBODYS_RUN}}
    for client in (house.oscar, house.mallory, house.connie):
        for operation in OF_PROJECTS:
            seen = await operation.call(client, **things[operation.kind])
            absent = await operation.call(client, **missing[operation.kind])
            assert seen.status_code == 404, operation
            assert seen.json() == MISSING
            assert seen.content == absent.content
            assert headers_of(seen) == headers_of(absent)
    await assert_untouched(house, things)


async def test_an_id_that_is_none_is_missing(
    house: House, things: dict[str, dict[str, str]]
) -> None:
    for operation in OPERATIONS:
        if operation.kind == "nothing":
            continue
        wrong = {"run": NO_IDS, "set": ("%20", "no such", "x" * 3000, "%22")}
        for text in wrong.get(operation.kind, NO_NUMBERS):
            answer = await operation.call(house.alice, id=text, set=text)
            assert answer.status_code == 404, (operation, text[:50])
            assert answer.json() == MISSING
    await assert_untouched(house, things)


async def test_another_tenants_sets_and_macros_are_not_there(house: House) -> None:
    await house.alice.post("/api/macrosets", json={"name": "warehouse"})
    await house.alice.put("/api/macros/A", json={"value": "1"})
    assert (await house.mallory.get("/api/macrosets")).json() == []
    assert (await house.mallory.get("/api/macros")).json() == []
    assert (await house.mallory.delete("/api/macros/A")).json() == MISSING
    for operation in OPERATIONS:
        if operation.kind == "set":
            answer = await operation.call(house.mallory, set="warehouse")
            assert (answer.status_code, answer.json()) == (404, MISSING)
    refused = await house.mallory.post(
        "/api/jobconfigs", json={"name": "x", "macrosets": ["warehouse"]}
    )
    assert refused.status_code == 400
    assert (await house.alice.get("/api/macros")).json()[0]["value"] == "1"


async def test_every_route_names_what_its_caller_must_be_allowed(house: House) -> None:
    own = {operation.path for operation in OPERATIONS if operation.right is None}
    assert own == {"/api/users/{id}/macros", "/api/users/{id}/macros/{name}"}


async def assert_untouched(house: House, things: dict[str, dict[str, str]]) -> None:
    job = (await house.alice.get(f"/api/jobconfigs/{things['job']['id']}")).json()
    assert job["name"] == "j"
    assert [macro["value"] for macro in job["runtimeConfig"]["macros"]] == ["1"]
    files = (await house.alice.get(f"{job['href']}/files")).json()
    assert [file["name"] for file in files] == ["package.zip"]
    runs = (await house.alice.get("/api/jobs")).json()
    assert [(run["id"], run["status"]) for run in runs["items"]] == [
        (things["run"]["id"], "QUEUED")
    ]
    assert (await house.alice.get("/api/jobconfigs")).json()["totalRecords"] == 1
    assert (await house.alice.get("/api/macros")).json() == []


def headers_of(answer: httpx.Response) -> dict[str, str]:
    """The headers that say something of the thing."""
    changing = {"x-request-id", "date"}
    return {name: value for name, value in answer.headers.items() if name not in changing}
