"""The examples do what their page says, and a program finds what the guide to packages promises."""

from __future__ import annotations

import asyncio
import io
import re
import zipfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.server import ServeProcess

ROOT = Path(__file__).parents[2]
PASSWORD = "the admin of the examples"
SECONDS = 60.0
FINAL = ("FINISHED", "ERROR", "FAILED", "CANCELLED")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The address of a real server, one for all examples."""
    running = ServeProcess(
        tmp_path_factory.mktemp("examples"),
        *("--port", "0"),
        environ={"TREADLE_ADMIN_PASSWORD": PASSWORD},
    )
    try:
        asyncio.run(running.ready())
        yield running.url
    finally:
        running.clear_away()


@pytest.fixture
async def client(url: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A session of `admin`."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as session:
        login = {"username": "admin", "password": PASSWORD}
        answer = (await session.post("/api/login", json=login)).raise_for_status()
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield session


async def run_to_its_end(
    client: httpx.AsyncClient,
    *,
    key: str,
    content: bytes,
    runtime: dict[str, Any] | None = None,
    run: dict[str, Any] | None = None,
    **job: Any,
) -> dict[str, Any]:
    """The run as it ended, with its result and its log."""
    draft = {"name": key, **job}
    created = (await client.post("/api/jobconfigs", json=draft)).raise_for_status().json()
    place = f"/api/jobconfigs/{created['id']}"
    uploaded = await client.post(
        f"{place}/files", data={"key": key}, files={"file": (key, content)}
    )
    uploaded.raise_for_status()
    runtime = {"packageName": key, **(runtime or {})}
    put = await client.put(place, json={**draft, "runtimeConfig": runtime})
    put.raise_for_status()
    started = (await client.post(f"{place}/jobs", json=run or {})).raise_for_status().json()
    path = f"/api/jobs/{started['id']}"
    async with asyncio.timeout(SECONDS):
        while True:
            found = (await client.get(path)).raise_for_status().json()
            if found["status"] in FINAL:
                break
            await asyncio.sleep(0.05)
    out = (await client.get(f"{path}/out")).raise_for_status().json()
    log = (await client.get(f"{path}/log")).raise_for_status().text
    return {**found, "result": out["result"], "log": log}


def archive_of(folder: Path) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        for path in sorted(folder.glob("*.*")):
            archive.write(path, path.name)
    return into.getvalue()


def promised_variables() -> set[str]:
    """The variables of a run: those in the first column of the guide's tables."""
    page = (ROOT / "docs" / "guides" / "packages.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\|([^|]*)\|", page, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(TREADLE_[A-Z_]+)`", cell)}


async def test_hello_greets(client: httpx.AsyncClient) -> None:
    content = (ROOT / "examples" / "hello.py").read_bytes()

    named = await run_to_its_end(
        client,
        key="hello.py",
        content=content,
        runtime={"entryPoint": "hello.greet"},
        run={"input": {"name": "Ada"}},
    )
    assert named["status"] == "FINISHED", named
    assert named["result"] == {"greeting": "Hello, Ada!"}
    assert named["log"] == "Hello, Ada!\n"

    as_program = await run_to_its_end(client, key="hello.py", content=content)
    assert as_program["status"] == "FINISHED", as_program
    assert as_program["log"] == "Hello, world!\n"


async def test_flaky_succeeds_at_its_third_attempt(client: httpx.AsyncClient) -> None:
    content = archive_of(ROOT / "examples" / "flaky")

    found = await run_to_its_end(
        client, key="flaky.djar", content=content, maxRetries=3, retryBackoffSeconds=0
    )

    assert found["status"] == "FINISHED", found
    assert found["result"] == {"attempt": 3}
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["error", "error", "finished"]
    assert found["attempts"][0]["errorType"] == "ConnectionError"
    for number in (1, 2, 3):
        assert f"Attempt {number} of run {found['id']}" in found["log"]

    once = await run_to_its_end(client, key="flaky.djar", content=content)
    assert once["status"] == "ERROR"
    assert once["attempt"] == 1


async def test_a_program_finds_what_the_guide_promises(client: httpx.AsyncClient) -> None:
    content = (
        b'#!/bin/sh\nenv | grep -o \'^TREADLE_[A-Z_]*\'\ncp "$TREADLE_INPUT" "$TREADLE_RESULT"\n'
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("run.sh", content)

    found = await run_to_its_end(
        client,
        key="program.zip",
        content=archive.getvalue(),
        runtime={"entryPoint": "run.sh"},
        run={"input": {"country": "NZ"}},
    )

    assert found["status"] == "FINISHED", found
    assert found["result"] == {"country": "NZ"}
    assert set(found["log"].split()) == promised_variables()
