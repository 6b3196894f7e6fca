"""The administrator's calls to a server that may be killed at any time."""

from __future__ import annotations

from typing import Any

import httpx

from fixtures.server import ServeProcess

PASSWORD = "admin of the fault tests"


class Api:
    """Calls one process; `log_in` again when it was started anew, for its port is another."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )

    @classmethod
    async def log_in(cls, process: ServeProcess) -> Api:
        async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
            answer = await client.post(
                "/api/login", json={"username": "admin", "password": PASSWORD}
            )
        answer.raise_for_status()
        return cls(process.url, answer.json()["access_token"])

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, whatever its status."""
        return await self._client.request(method, path, **options)

    async def make_job(self, package: bytes, **settings: Any) -> str:
        """The id of a job that runs `hello.main` of the package."""
        created = await self.call("POST", "/api/jobconfigs", json={"name": "fault test"})
        path = f"/api/jobconfigs/{created.json()['id']}"
        uploaded = await self.call(
            "POST",
            f"{path}/files",
            data={"key": "package.zip"},
            files={"file": ("package.zip", package)},
        )
        uploaded.raise_for_status()
        runtime = {"packageName": "package.zip", "entryPoint": "hello.main"}
        body = {"name": "fault test", "runtimeConfig": runtime, **settings}
        (await self.call("PUT", path, json=body)).raise_for_status()
        return created.json()["id"]

    async def run(self, job_id: str) -> str:
        """The id of a new run."""
        answer = await self.call("POST", f"/api/jobconfigs/{job_id}/jobs")
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    async def finished(self) -> int:
        """How many runs have finished; 0 while the server or its database is away."""
        try:
            answer = await self.call("GET", "/api/jobstats")
        except httpx.HTTPError:
            return 0
        return answer.json()["finished"] if answer.status_code == 200 else 0

    async def runs(self, job_id: str) -> list[dict[str, Any]]:
        """All runs of the job."""
        found: list[dict[str, Any]] = []
        page = 0
        while True:
            answer = await self.call(
                "GET", "/api/jobs", params={"jobconfigid": job_id, "offset": page, "size": 200}
            )
            found += answer.json()["items"]
            page += 1
            if page >= answer.json()["totalPages"]:
                return found

    async def close(self) -> None:
        await self._client.aclose()
