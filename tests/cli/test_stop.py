"""What a stop does to runs that are under way: time to finish, then back into the queue."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from fixtures.server import SECONDS, ServeProcess, plain_client

Serve = Callable[..., ServeProcess]

PASSWORD = "the one that I chose"
CODE = """
import pathlib, time


def main(release):
    print("begun", flush=True)
    while not pathlib.Path(release).exists():
        time.sleep(0.02)
    return "done"


def short(seconds):
    print("begun", flush=True)
    time.sleep(seconds)
    return "done"
"""


@dataclass(frozen=True)
class Api:
    """An administrator's client."""

    client: httpx.AsyncClient

    async def start(self, entry: str, **given: Any) -> str:
        """Starts a run of the code; its id when its code has begun."""
        config = await self.client.post("/api/jobconfigs", json={"name": "a job"})
        assert config.status_code == 201, config.text
        href = config.json()["href"]
        uploaded = await self.client.post(
            f"{href}/files", data={"key": "code.py"}, files={"file": ("code.py", CODE.encode())}
        )
        assert uploaded.is_success, uploaded.text
        runtime = {"packageName": "code.py", "entryPoint": f"code.{entry}"}
        run = await self.client.post(
            f"{href}/jobs", json={"runtimeConfig": runtime, "input": given}
        )
        assert run.status_code == 202, run.text
        run_id: str = run.json()["id"]
        async with asyncio.timeout(SECONDS):
            while True:
                log = await self.client.get(f"/api/jobs/{run_id}/log")
                if "begun" in log.text:
                    return run_id
                await asyncio.sleep(0.02)

    async def status(self, run_id: str) -> str:
        """The run's state."""
        answer = await self.client.get(f"/api/jobs/{run_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()["status"]

    async def final(self, run_id: str) -> str:
        """The run's state once it has ended."""
        async with asyncio.timeout(SECONDS):
            while True:
                status = await self.status(run_id)
                if status not in ("QUEUED", "INITIALIZING", "RUNNING"):
                    return status
                await asyncio.sleep(0.02)


@asynccontextmanager
async def api_of(process: ServeProcess) -> AsyncGenerator[Api]:
    await process.ready()
    async with plain_client(process.url) as client:
        answer = await client.post("/api/login", json={"username": "admin", "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield Api(client)


async def test_a_run_may_finish_before_the_end(serve: Serve, database_url: str) -> None:
    settings = {"TREADLE_DATABASE_URL": database_url, "TREADLE_ADMIN_PASSWORD": PASSWORD}
    process = serve("--port", "0", TREADLE_SHUTDOWN_SECONDS="60", **settings)
    async with api_of(process) as api:
        run_id = await api.start("short", seconds=1)
        process.signal(signal.SIGTERM)
        await process.until("1 running")
        # HTTP is open until the run has ended; only the readiness says that it is over.
        answer = await api.client.get("/health/ready")
        assert (answer.status_code, answer.json()["failures"]) == (503, {"process": "stopping"})
        assert await api.status(run_id) in ("RUNNING", "FINISHED")
    assert await process.ended() == 0
    again = serve("--only", "api", "--port", "0", **settings)
    async with api_of(again) as api:
        assert await api.status(run_id) == "FINISHED"


async def test_a_run_that_takes_longer_is_handed_back(serve: Serve, database_url: str) -> None:
    settings = {"TREADLE_DATABASE_URL": database_url, "TREADLE_ADMIN_PASSWORD": PASSWORD}
    process = serve("--port", "0", TREADLE_SHUTDOWN_SECONDS="0", **settings)
    async with api_of(process) as api:
        run_id = await api.start("short", seconds=3)
    assert await process.stop() == 0
    looking = serve("--only", "api", "--port", "0", **settings)
    async with api_of(looking) as api:
        assert await api.status(run_id) == "QUEUED"
    again = serve("--port", "0", **settings)
    async with api_of(again) as api:
        status = await api.final(run_id)
        run = await api.client.get(f"/api/jobs/{run_id}")
        assert status == "FINISHED", f"{run.text}\n{again.log}"


async def test_a_server_that_was_held_up_keeps_its_runs(
    serve: Serve, database_url: str, owner: asyncpg.Connection
) -> None:
    """As on a machine that slept: the lease is over by the time the server goes on."""
    settings = {"TREADLE_DATABASE_URL": database_url, "TREADLE_ADMIN_PASSWORD": PASSWORD}
    process = serve("--port", "0", TREADLE_LEASE_SECONDS="4", **settings)
    async with api_of(process) as api:
        run_id = await api.start("short", seconds=8)
        process.signal(signal.SIGSTOP)
        async with asyncio.timeout(SECONDS):
            while not await owner.fetchval("SELECT lease_expires_at < now() FROM treadle.runs"):
                await asyncio.sleep(0.02)
        process.signal(signal.SIGCONT)
        status = await api.final(run_id)
        run = await api.client.get(f"/api/jobs/{run_id}")
        assert (status, len(run.json()["attempts"])) == ("FINISHED", 1), process.log
    assert "rescuer_held_up" in process.log


async def test_a_second_signal_takes_the_rest_of_the_time(
    serve: Serve, database_url: str, tmp_path: Path
) -> None:
    settings = {"TREADLE_DATABASE_URL": database_url, "TREADLE_ADMIN_PASSWORD": PASSWORD}
    process = serve("--port", "0", TREADLE_SHUTDOWN_SECONDS="3600", **settings)
    async with api_of(process) as api:
        run_id = await api.start("main", release=str(tmp_path / "never"))
    process.signal(signal.SIGTERM)
    await process.until("1 running")
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    looking = serve("--only", "api", "--port", "0", **settings)
    async with api_of(looking) as api:
        assert await api.status(run_id) == "QUEUED"
