"""Who is there for the tests of the integration manager, and what they have.

In the project `default`: Clara contributes, Max manages, Mia is a member. Alice administers the
tenant, Connie was let into nothing, Oscar owns another project of it. Mallory administers another
tenant.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from factories import PASSWORD, administrator_of, make_project, make_tenant, make_user
from fixtures.jobs import Workshop, package_bytes
from fixtures.server import Server, plain_client
from treadle.core.ids import parse_id
from treadle.identity.installation import NewTenant
from treadle.identity.model import Project, ProjectRole
from treadle.jobs import runs
from treadle.jobs.installation import ensure_default_destination
from treadle.jobs.model import Run

MISSING = {
    "status": 404,
    "error": "Not Found",
    "message": "There is no such thing, or it is not visible to you.",
}
HELLO = "def main(**given):\n    print('hello')\n    return given\n\ndef other():\n    return 2\n"


@dataclass(frozen=True)
class House:
    """The people, each with a session."""

    server: Server
    tenant: NewTenant
    other_project: Project
    alice: httpx.AsyncClient
    clara: httpx.AsyncClient
    max: httpx.AsyncClient
    mia: httpx.AsyncClient
    connie: httpx.AsyncClient
    oscar: httpx.AsyncClient
    mallory: httpx.AsyncClient

    @property
    def anonymous(self) -> httpx.AsyncClient:
        """Nobody."""
        return self.server.anonymous

    def workshop(self) -> Workshop:
        """What stands behind the API, for what workers do."""
        context = self.server.context
        caller = administrator_of(self.tenant)
        return Workshop(context.database, context.jobs, caller, context.settings.data_dir)

    async def stored(self, body: dict[str, Any]) -> Run:
        """The run that an answer shows, as the database has it."""
        run_id = parse_id(body["id"])
        workshop = self.workshop()
        async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
            return await runs.get_run(tx, workshop.caller, run_id)

    async def job(self, client: httpx.AsyncClient | None = None, **fields: Any) -> dict[str, Any]:
        """A new job, Clara's if nobody else makes it."""
        answer = await (client or self.clara).post("/api/jobconfigs", json={"name": "j", **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def packaged(
        self, source: str = HELLO, *, client: httpx.AsyncClient | None = None, **fields: Any
    ) -> dict[str, Any]:
        """A new job that can be run: `hello.main` of `package.zip`."""
        runtime = {"packageName": "package.zip", "entryPoint": "hello.main"}
        job = await self.job(client, runtimeConfig=runtime, **fields)
        await self.upload(job, package_bytes(hello=source), client=client)
        return job

    async def upload(
        self,
        job: dict[str, Any],
        content: bytes,
        *,
        key: str = "package.zip",
        client: httpx.AsyncClient | None = None,
    ) -> httpx.Response:
        """Uploads a file, which must succeed."""
        answer = await send_file(client or self.clara, job["id"], content, key=key)
        assert answer.status_code == 200, answer.text
        return answer

    async def run(
        self, job: dict[str, Any], body: Any = None, *, client: httpx.AsyncClient | None = None
    ) -> dict[str, Any]:
        """A new run, Max's if nobody else starts it."""
        answer = await (client or self.max).post(f"/api/jobconfigs/{job['id']}/jobs", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()


async def send_file(
    client: httpx.AsyncClient,
    job_id: str,
    content: bytes,
    *,
    key: str | None = None,
    filename: str = "upload.bin",
) -> httpx.Response:
    """An upload as the tutorial sends it; without `key`, by the file's own name."""
    return await client.post(
        f"/api/jobconfigs/{job_id}/files",
        data={} if key is None else {"key": key},
        files={"file": (filename, content)},
    )


@asynccontextmanager
async def open_house(server: Server) -> AsyncGenerator[House]:
    """The people over a running server, until the block ends."""
    database = server.context.database
    tenant = await make_tenant(database, admin_username="alice")
    await ensure_default_destination(database, now=server.context.clock())
    other_project = await make_project(database, tenant, name="other")
    people: tuple[tuple[str, Project, ProjectRole], ...] = (
        ("clara", tenant.project, "Contributor"),
        ("max", tenant.project, "Manager"),
        ("mia", tenant.project, "Member"),
        ("oscar", other_project, "Owner"),
    )
    for username, project, role in people:
        await make_user(database, tenant, username=username, project_roles={project.id: role})
    await make_user(database, tenant, username="connie")
    await make_tenant(database, admin_username="mallory")
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(await _session(server, name))
            for name in ("alice", "clara", "max", "mia", "connie", "oscar", "mallory")
        }
        yield House(server=server, tenant=tenant, other_project=other_project, **clients)


async def _session(server: Server, username: str) -> httpx.AsyncClient:
    answer = await server.anonymous.post(
        "/api/login", json={"username": username, "password": PASSWORD}
    )
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return plain_client(server.url, headers=bearer)
