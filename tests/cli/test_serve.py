"""The server as a process: how it starts, what it says, how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from fixtures.server import ServeProcess, plain_client

Serve = Callable[..., ServeProcess]


@asynccontextmanager
async def logged_in(process: ServeProcess, password: str) -> AsyncGenerator[httpx.AsyncClient]:
    async with plain_client(process.url) as client:
        answer = await client.post("/api/login", json={"username": "admin", "password": password})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


async def test_the_first_start_makes_everything_and_the_second_finds_it(serve: Serve) -> None:
    first = serve("--port", "0")
    await first.ready()
    password = first.admin_password
    data = first.data_dir
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "secret.key").stat().st_mode) == 0o600
    listed = json.loads((data / "server.json").read_text())
    assert (listed["url"], listed["pid"]) == (first.url, first.pid)
    async with logged_in(first, password) as admin:
        created = await admin.post(
            "/api/users", json={"username": "ada", "password": "a long enough one"}
        )
        assert created.status_code == 201
    assert await first.stop() == 0
    assert "Stopped" in first.said
    assert password not in first.log
    assert not (data / "server.json").exists()

    second = serve("--port", "0")
    await second.ready()
    assert "password" not in second.said
    async with logged_in(second, password) as admin:
        users = (await admin.get("/api/users?sortby=username")).json()
    assert [user["username"] for user in users["items"]] == ["ada", "admin"]
    assert await second.stop() == 0


async def test_a_kill_leaves_nothing_that_the_next_start_stumbles_over(serve: Serve) -> None:
    first = serve("--port", "0", TREADLE_ADMIN_PASSWORD="the one that I chose")
    await first.ready()
    assert "password" not in first.said
    left = first.data_dir / "runs"
    assert list(left.iterdir())
    await first.kill()
    assert (first.data_dir / "server.json").exists()

    second = serve("--port", "0")
    await second.ready()
    assert json.loads((first.data_dir / "server.json").read_text())["pid"] == second.pid
    async with logged_in(second, "the one that I chose") as admin:
        assert (await admin.get("/api/user")).json()["admin"] is True
    assert await second.stop() == 0
    assert list(left.iterdir()) == []


async def test_roles_run_apart_on_one_database(serve: Serve, database_url: str) -> None:
    shared = {"TREADLE_DATABASE_URL": database_url, "TREADLE_ADMIN_PASSWORD": "the one I chose"}
    api = serve("--only", "api", "--port", "0", **shared)
    await api.ready()
    scheduler = serve("--only", "scheduler", **shared)
    worker = serve("--only", "worker", "--destination", "etl", "--port", "0", **shared)
    await scheduler.until("is ready (scheduler)")
    await worker.ready()
    assert "http" not in scheduler.said
    async with plain_client(worker.url) as client:
        # A worker answers for itself, and is no API.
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("/api/product/info")).status_code == 404
    for process in (worker, scheduler, api):
        assert await process.stop() == 0, process.log
    assert not (api.data_dir / "postgres").exists()


async def test_a_request_under_way_is_answered_before_the_end(
    serve: Serve, database_url: str
) -> None:
    process = serve("--only", "api", "--port", "0", TREADLE_DATABASE_URL=database_url)
    await process.ready()
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(process.url).port or 0)
    body = b'{"username":"nobody","password":"long enough"}'
    head = (
        f"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    writer.write(head.encode())
    # The application has begun to read: it asks for the body.
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    process.signal(signal.SIGTERM)
    await process.until("Stopping")
    writer.write(body)
    assert b"401 Unauthorized" in await reader.readline()
    writer.close()
    assert await process.ended() == 0


async def test_the_settings_of_a_proxy_reach_the_edge(serve: Serve, database_url: str) -> None:
    process = serve(
        "--only",
        "api",
        "--port",
        "0",
        TREADLE_DATABASE_URL=database_url,
        TREADLE_TRUSTED_PROXIES="10.0.0.0/8, 127.0.0.1",
    )
    await process.ready()
    async with plain_client(process.url) as client:
        await client.get("/api/product/info", headers={"X-Forwarded-For": "198.51.100.7"})
    await process.stop()
    assert '"client":"198.51.100.7"' in process.log


async def test_ctrl_c_is_an_orderly_end_too(serve: Serve, database_url: str) -> None:
    process = serve("--only", "scheduler", TREADLE_DATABASE_URL=database_url)
    await process.until("is ready")
    process.signal(signal.SIGINT)
    assert await process.ended() == 0
    assert "Traceback" not in process.log


async def test_an_end_that_is_asked_for_during_the_start_is_an_end(serve: Serve) -> None:
    process = serve("--port", "0")
    await process.until("Making a PostgreSQL")
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0
    assert "is ready" not in process.said
    again = serve("--port", "0")
    await again.ready()
    assert await again.stop() == 0


# ---------------------------------------------------------------- what an operator gets wrong


async def refused(process: ServeProcess) -> str:
    """The one line with which it ended."""
    assert await process.ended() == 1, process.said
    assert "Traceback" not in process.log
    (line,) = [line for line in process.log.splitlines() if line.startswith("treadle: ")]
    return line.removeprefix("treadle: ")


async def test_a_port_that_is_taken_is_said_before_anything_is_made(serve: Serve) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = serve("--port", str(port))
        assert (
            await refused(process) == f"cannot listen on 127.0.0.1:{port}: Address already in use"
        )
    assert not process.data_dir.exists()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TREADLE_PORT": "many"}, "TREADLE_PORT: "),
        ({"TREADLE_PORT": "70000"}, "TREADLE_PORT: "),
        ({"TREADLE_WORKER_CONCURRENCY": "0"}, "TREADLE_WORKER_CONCURRENCY: "),
        ({"TREADLE_LOG_LEVEL": "loud"}, "TREADLE_LOG_LEVEL: "),
        ({"TREADLE_SECRET_KEY": "short"}, "TREADLE_SECRET_KEY: each key needs at least 32"),
        ({"TREADLE_STORAGE_URL": "ftp://x"}, "TREADLE_STORAGE_URL: "),
        ({"TREADLE_PUBLIC_URL": "treadle.example"}, "TREADLE_PUBLIC_URL: must be like"),
        ({"TREADLE_TRUSTED_PROXIES": "10.0.0.0/8, x"}, "TREADLE_TRUSTED_PROXIES: 'x' is neither"),
        ({"TREADLE_OUTBOUND_ALLOWED": "sap, 10.0.0.0/33"}, "TREADLE_OUTBOUND_ALLOWED: '10.0.0.0/"),
        ({"TREADLE_ADMIN_PASSWORD": "short"}, "TREADLE_ADMIN_PASSWORD: password must have 8"),
    ],
)
async def test_a_setting_that_cannot_be_used_is_named(
    serve: Serve, database_url: str, variables: dict[str, str], words: str
) -> None:
    process = serve(
        "--only", "api", TREADLE_DATABASE_URL=database_url, **{"TREADLE_PORT": "0", **variables}
    )
    assert (await refused(process)).startswith(words)


async def test_a_database_that_is_not_there_is_said(serve: Serve) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = nobody.getsockname()[1]
        url = f"postgresql://owner:secret-word@127.0.0.1:{port}/treadle"
        process = serve("--only", "scheduler", TREADLE_DATABASE_URL=url)
        line = await refused(process)
    assert line.startswith(f"the database on 127.0.0.1:{port} cannot be reached: ")
    assert "Waiting for the database" in process.said
    assert "secret-word" not in process.said + process.log


async def test_a_database_url_that_is_none_is_said(serve: Serve) -> None:
    process = serve("--only", "scheduler", TREADLE_DATABASE_URL="mysql://owner@host/treadle")
    assert "TREADLE_DATABASE_URL" in await refused(process)


async def test_a_worker_without_bubblewrap_does_not_start(serve: Serve, tmp_path: Path) -> None:
    process = serve("--only", "worker", PATH=str(tmp_path))
    assert "bwrap" in await refused(process)


async def test_a_misspelt_variable_is_noticed(serve: Serve, database_url: str) -> None:
    process = serve(
        "--only", "scheduler", TREADLE_DATABASE_URL=database_url, TREADLE_WORKER_CONCURENCY="8"
    )
    await process.until("is ready")
    assert "TREADLE_WORKER_CONCURENCY is not a setting" in process.log
    assert await process.stop() == 0
