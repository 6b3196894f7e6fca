"""The newcomer's first command, as he runs it: a real server, a real run, a real dependency."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 100.0


@dataclass(frozen=True, slots=True)
class Demo:
    """A folder in which the demo is run."""

    folder: Path

    @property
    def data_dir(self) -> Path:
        return self.folder / "treadle-data"

    def run(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs it to its end. It has none of our `TREADLE_…` variables, and no terminal."""
        kept = {name: value for name, value in os.environ.items() if "TREADLE_" not in name}
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / "demo.py"],
            cwd=self.folder,
            env={**kept, "TREADLE_PORT": "0", **variables},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def server(self) -> dict[str, Any]:
        """What the running server says of itself."""
        return json.loads((self.data_dir / "server.json").read_text())

    def stop(self) -> None:
        """Ends the server that was left running, as the demo says how, and sees it gone."""
        with suppress(FileNotFoundError, ProcessLookupError):
            pid = self.server()["pid"]
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + SECONDS
            while Path(f"/proc/{pid}").exists():
                assert time.monotonic() < deadline, f"the server {pid} does not end"
                time.sleep(0.05)


@pytest.fixture
def demo(tmp_path: Path) -> Generator[Demo]:
    found = Demo(tmp_path)
    yield found
    found.stop()


@contextmanager
def logged_in(demo: Demo) -> Generator[httpx.Client]:
    """A client with a session of `admin`, whose password the demo left in a file."""
    password = (demo.data_dir / "admin-password").read_text().strip()
    with httpx.Client(base_url=demo.server()["url"], trust_env=False, timeout=SECONDS) as client:
        answer = client.post("/api/login", json={"username": "admin", "password": password})
        token = answer.raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_it_runs_the_job_and_leaves_the_server_running(demo: Demo) -> None:
    done = demo.run()

    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b" not in done.stdout  # no terminal, no colours
    with logged_in(demo) as client:
        (run,) = client.get("/api/jobs").raise_for_status().json()["items"]
        assert run["status"] == "FINISHED"
        left = client.get(f"/api/jobs/{run['id']}/out").raise_for_status().json()
        assert left["result"]["country"] == "AU"
        assert left["result"]["airports"] > 1000
        assert {file["name"] for file in left["files"]} == {"report.md", "airports.csv"}
        for file in left["files"]:
            assert file["href"] in done.stdout
        report = client.get(f"/api/jobs/{run['id']}/out/files/report.md").raise_for_status()
        assert report.text.startswith("# Airports of AU\n")
        assert "Lord Howe Island Airport" in report.text
        log = client.get(f"/api/jobs/{run['id']}/log").raise_for_status().text
        for line in log.splitlines():
            assert line in done.stdout
        (schedule,) = client.get("/v1/schedules").raise_for_status().json()["items"]
        assert schedule["status"] == "active"
        assert schedule["action_config"]["job_id"] == run["jobConfig"]["id"]
        assert f"{schedule['next_run_at']} in UTC" in done.stdout
    server = demo.server()
    assert f"kill {server['pid']}" in done.stdout
    assert (demo.data_dir / "admin-password").stat().st_mode & 0o077 == 0

    again = demo.run()

    assert again.returncode == 0, again.stdout + again.stderr
    assert demo.server() == server
    with logged_in(demo) as client:
        runs = client.get("/api/jobs").raise_for_status().json()["items"]
        assert [found["status"] for found in runs] == ["FINISHED", "FINISHED"]


def test_it_says_why_a_run_did_not_finish_on_a_port_that_it_found(demo: Demo) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        # An installer that may not call its index cannot install the example's dependency.
        done = demo.run(TREADLE_PORT=str(port), UV_OFFLINE="1")

    assert done.returncode == 1, done.stdout + done.stderr
    assert f"Port {port} is taken" in done.stdout
    assert "ERROR" in done.stdout
    assert "the dependencies cannot be installed" in done.stdout
    assert not demo.server()["url"].endswith(f":{port}")


def test_it_asks_for_a_password_that_it_cannot_know(demo: Demo) -> None:
    demo.data_dir.mkdir()
    (demo.data_dir / "secret.key").write_text("somebody set this installation up before")

    done = demo.run()

    assert done.returncode == 1
    assert "TREADLE_ADMIN_PASSWORD" in done.stderr
    assert not (demo.data_dir / "server.json").exists()


def test_it_names_a_variable_that_does_not_fit(demo: Demo) -> None:
    done = demo.run(TREADLE_PORT="many")

    assert done.returncode == 1
    assert "port" in done.stderr
    assert "Traceback" not in done.stderr
