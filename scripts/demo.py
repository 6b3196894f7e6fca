"""The first run: starts Treadle; packages, configures, runs, watches and schedules a job over HTTP.

    make demo                     or .venv/bin/python scripts/demo.py

`docs/guides/integration-manager.md` and `docs/guides/schedules.md` show the requests with curl. The
schedule ends after a week. The server is left running. A second call uses the server that the first
one left.

Exit status: 0 the run FINISHED · 1 it did not, or the demo could not go on · 130 interrupted
"""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import httpx
from demo_server import (
    DemoFailed,
    Password,
    Server,
    admin_password,
    find_server,
    only_one,
    start_server,
    wait_until_ready,
)
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from treadle.settings import Settings

ROOT: Final = Path(__file__).resolve().parent.parent
EXAMPLE: Final = ROOT / "examples" / "airports"
PACKAGE: Final = "airports.djar"
JOB: Final = {
    "active": True,
    "name": "Airports of a country",
    "description": "A report on a public data set; examples/airports",
}
RUN: Final = {"input": {"country": "AU"}}
ZONE: Final = "Australia/Sydney"
SCHEDULE: Final = {
    "name": "Airports on weekdays",
    "schedule_type": "cron",
    "schedule_expression": "0 9 * * MON-FRI",
    "timezone": ZONE,
    "action_type": "run_job",
}
SCHEDULED_FOR: Final = timedelta(days=7)
SILENCE_SECONDS: Final = 60.0
"""The server says something every 15 seconds; longer silence is a connection that is dead."""

# Lines are as long as they are: a terminal wraps them, a file keeps them whole.
console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """The whole demo; the exit status."""
    server: Server | None = None
    try:
        settings = Settings()
        data_dir = settings.data_dir.resolve()
        with only_one(data_dir):
            password = admin_password(data_dir)
            server = _server(settings.model_copy(update={"data_dir": data_dir}), password)
        with Client(server.url) as client:
            finished = _show_steps(client, password)
    except DemoFailed as error:
        return _fail(str(error), server)
    except ValidationError as error:
        return _fail(f"A TREADLE_… variable does not fit: {error}", server)
    except httpx.TransportError as error:
        return _fail(f"The server does not answer any more: {error}", server)
    except KeyboardInterrupt:
        _fail("it was interrupted.", server)
        return 130
    _say_goodbye(server, password)
    return 0 if finished else 1


def _server(settings: Settings, password: Password) -> Server:
    """The server of this data directory, ready."""
    with _progress() as progress:
        task = progress.add_task("Starting the server")
        server = find_server(settings.data_dir)
        if server is None:
            server = start_server(settings, password, progress.console.print)
            said = "Started the server"
        else:
            said = "Found a running server"
        progress.update(task, description="Waiting until the server is ready")
        wait_until_ready(server, settings.data_dir)
    console.print(f"{said}: [bold]{server.url}[/] (process {server.pid})")
    return server


class Client(httpx.Client):
    """An HTTP client that shows each request and what it was answered."""

    def __init__(self, url: str) -> None:
        # Without the proxies of the environment: the server is on this machine.
        super().__init__(base_url=url, timeout=30, trust_env=False)

    def step(self, number: int, title: str, method: str, path: str, **options: Any) -> Any:
        """One request as one line; its JSON. Raises DemoFailed for anything but success."""
        answer = self.request(method, path, **options)
        good = answer.is_success
        status = f"[{'green' if good else 'red'}]{answer.status_code} {answer.reason_phrase}[/]"
        console.print(f"{number}  {title:<22}{escape(f'{method} {path}'):<34}{status}")
        if not good:
            raise DemoFailed(f"{method} {path} was refused: {answer.text}")
        return answer.json()


def _show_steps(client: Client, password: Password) -> bool:
    """Whether the run FINISHED."""
    console.print()
    login = {"username": "admin", "password": password.text}
    try:
        tokens = client.step(1, "Log in", "POST", "/api/login", json=login)
    except DemoFailed as error:
        raise DemoFailed(
            f"{error}\nThe password tried is that of {password.source}. This installation may"
            " have been set up with another one: set TREADLE_ADMIN_PASSWORD."
        ) from None
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    job = client.step(2, "Create a job", "POST", "/api/jobconfigs", json=JOB)
    place = f"/api/jobconfigs/{job['id']}"
    client.step(
        3,
        "Upload its package",
        "POST",
        f"{place}/files",
        data={"key": PACKAGE},
        files={"file": (PACKAGE, pack(EXAMPLE))},
    )
    runtime = {"packageName": PACKAGE, "entryPoint": "airports.report"}
    client.step(4, "Say what to run", "PUT", place, json={**JOB, "runtimeConfig": runtime})
    run = client.step(5, "Run it", "POST", f"{place}/jobs", json=RUN)
    console.print()
    status = _watch(client, run["id"])
    _show_outcome(client, run["id"], status)
    _schedule(client, job["id"])
    return status == "FINISHED"


def _schedule(client: Client, job_id: str) -> None:
    """Lets the job run on weekdays from now on, for a week."""
    console.print()
    body = {
        **SCHEDULE,
        "action_config": {"job_id": job_id, **RUN},
        "end_at": (datetime.now(UTC) + SCHEDULED_FOR).isoformat(),
    }
    schedule = client.step(6, "Schedule it", "POST", "/v1/schedules", json=body)
    path = f"/v1/schedules/{schedule['id']}/upcoming"
    upcoming = client.get(path, params={"n": 3}).raise_for_status().json()
    console.print(f"   {upcoming['description']} in {upcoming['timezone']}, for a week; next:")
    for due in upcoming["next"]:
        local = datetime.fromisoformat(due).astimezone(ZoneInfo(ZONE))
        console.print(f"   {local:%a %Y-%m-%d %H:%M} there, {due} in UTC")


def pack(folder: Path) -> bytes:
    """The files of the folder as a zip archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                file.write(path, path.relative_to(folder))
    return archive.getvalue()


@dataclass(slots=True)
class Event:
    """A server-sent event."""

    name: str = "message"
    data: list[str] = field(default_factory=list[str])
    id: str | None = None


def events_of(lines: Generator[str]) -> Generator[Event]:
    """The events in the lines of an answer, as the standard says they are to be read."""
    event = Event()
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "" if not line:
                if event.data:
                    yield event
                event = Event()
            case "event":
                event.name = value
            case "data":
                event.data.append(value)
            case "id":
                event.id = value
            case _:  # a comment, or a field that we don't know
                continue


def _watch(client: Client, run_id: str) -> str:
    """Prints the run's log as it comes; the final status. Goes on where a connection was cut."""
    path = f"/api/jobs/{run_id}/log"
    console.print(f"   Its log, live         GET {path}?follow=true")
    last: str | None = None
    with _progress() as progress:
        task = progress.add_task("QUEUED")
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            with client.stream(
                "GET", path, params={"follow": "true"}, headers=headers, timeout=SILENCE_SECONDS
            ) as answer:
                if not answer.is_success:
                    raise DemoFailed(f"the log was refused: {answer.read().decode()}")
                for event in events_of(cast("Generator[str]", answer.iter_lines())):
                    last = event.id or last
                    data = json.loads("\n".join(event.data))
                    if event.name == "log":
                        _print_log(progress.console, data["text"])
                    elif event.name == "state":
                        progress.update(task, description=data["status"])
                    elif event.name == "end":
                        return data["status"]


def _print_log(out: Console, text: str) -> None:
    for line in text.splitlines():
        out.print(f"   [dim]│[/] {escape(line)}")


def _show_outcome(client: Client, run_id: str, status: str) -> None:
    run = client.get(f"/api/jobs/{run_id}").raise_for_status().json()
    left = client.get(f"/api/jobs/{run_id}/out").raise_for_status().json()
    color = "green" if status == "FINISHED" else "red"
    took = f" after {run['duration'] / 1000:.1f} s" if "duration" in run else ""
    console.print(f"\n[bold {color}]{status}[/]{took}")
    if run.get("error"):
        console.print(f"  {run.get('errorType', 'error')}: {escape(run['error'])}")
    if left["result"] is not None:
        console.print("\nResult")
        for line in json.dumps(left["result"], indent=2, ensure_ascii=False).splitlines():
            console.print(f"  {escape(line)}")
    if left["files"]:
        console.print("\nFiles (with the header Authorization: Bearer <access token>)")
        for file in left["files"]:
            console.print(f"  {file['href']}  {file['size']:,} bytes")


def _say_goodbye(server: Server, password: Password) -> None:
    console.print(
        f"\nThe server goes on at [bold]{server.url}[/]\n"
        f"  log in   as admin; the password is in {password.source}\n"
        "  look     the same address in a browser: jobs, runs, schedules\n"
        "  go on    docs/guides/integration-manager.md shows the same steps with curl\n"
        f"  stop it  kill {server.pid}"
    )


def _fail(message: str, server: Server | None) -> int:
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    complaints.print(f"\n[bold red]The demo stopped:[/] {escape(message)}\n")
    if server is not None:
        complaints.print(f"The server goes on at {server.url}; `kill {server.pid}` stops it.\n")
    return 1


def _progress() -> Progress:
    """A line that shows what is waited for, on a terminal; nothing elsewhere."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
