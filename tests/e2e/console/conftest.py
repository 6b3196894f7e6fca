"""A real `treadle serve` and a real Chromium, one of each in a process of the tests.

Tests share the server: each makes what it needs under names of its own, and looks only at that.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from fixtures.database import Administrator, with_database
from fixtures.mail import Postbox, open_postbox
from fixtures.server import ServeProcess
from treadle.console.built import read_built

PASSWORD = "correct horse battery"
SECONDS = 60
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

FAR = 4_000_000_000_000
"""An expiry in the year 2096, in milliseconds."""
SESSION = """([mode, tokens]) => new Promise((resolve, reject) => {
  const opening = indexedDB.open("treadle", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("session");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const transaction = opening.result.transaction("session", mode);
    const store = transaction.objectStore("session");
    const request = mode === "readonly" ? store.get("tokens")
      : tokens === null ? store.delete("tokens") : store.put(tokens, "tokens");
    transaction.oncomplete = () => { opening.result.close(); resolve(request.result); };
  };
})"""

# All as long: in a row's text the next cell follows at once, and 15 with a 0 behind it is no 150.
_numbers = count(1_001)


def new_name(what: str) -> str:
    """A name that nothing on the server has yet, in this process or in another one."""
    return f"{what} {os.getpid()}-{next(_numbers)}"


@dataclass(frozen=True)
class Treadle:
    """The server, and its administrator's client to prepare things with."""

    url: str
    admin: httpx.Client
    database_url: str
    tokens: dict[str, Any]
    """The administrator's."""
    postbox: Postbox
    """Where its mail arrives."""

    def sql(self, *statements: str) -> None:
        """Changes the database by hand, for what would take the API too long to make."""

        async def execute() -> None:
            connection = await asyncpg.connect(self.database_url)
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        # Playwright keeps an event loop in this thread; another one needs another thread.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, execute()).result()

    def post(self, path: str, **options: Any) -> dict[str, Any]:
        """What the administrator's request made."""
        answer = self.admin.post(path, **options)
        assert answer.is_success, answer.text
        return answer.json()

    def job(self, source: str = "", *, name: str | None = None, **fields: Any) -> dict[str, Any]:
        """A job; with a source, one that can be run: its function `main`."""
        body = {"name": name or new_name("job"), **fields}
        if source:
            body["runtimeConfig"] = {"packageName": "work.py", "entryPoint": "work.main"}
        job = self.post("/api/jobconfigs", json=body)
        if source:
            self.post(f"/api/jobconfigs/{job['id']}/files", files={"file": ("work.py", source)})
        return job

    def run(self, job: dict[str, Any], **body: Any) -> dict[str, Any]:
        """A run of the job."""
        return self.post(f"/api/jobconfigs/{job['id']}/jobs", json=body)

    def user(self, *, admin: bool = False) -> dict[str, Any]:
        """A person with PASSWORD."""
        body = {"username": f"u{os.getpid()}x{next(_numbers)}", "password": PASSWORD}
        return self.post("/api/users", json={**body, "admin": admin})

    def project(self) -> dict[str, Any]:
        """An empty project."""
        return self.post("/v1/projects", json={"name": new_name("project")})

    def give(self, user: dict[str, Any], role: str, project: dict[str, Any]) -> None:
        """Lets the person into the project."""
        body = {"member_type": "user", "member_id": user["id"], "role": role}
        self.post("/v1/members", json={**body, "project_id": project["id"]})

    def key(self, **fields: Any) -> dict[str, Any]:
        """An API key, with its secrets."""
        body = {"description": new_name("key"), "expires_at": "2036-06-30", **fields}
        return self.post("/v1/api-keys", json=body)


SCHEMA: Final = {
    "type": "object",
    "required": ["due"],
    "properties": {"due": {"type": "string", "format": "date"}, "n": {"type": "number"}},
}


def entity_of(treadle: Treadle, **fields: Any) -> dict[str, Any]:
    """An entity definition with the date `due`."""
    body = {"name": new_name("entity"), "schema": SCHEMA, "date_fields": ["due"], **fields}
    return treadle.post("/v1/entities", json=body)


def schedule_of(
    treadle: Treadle, *, expression: str = "0 9 * * *", **fields: Any
) -> dict[str, Any]:
    """A schedule of a line in the log, unless the fields say other things."""
    body = {
        "name": new_name("schedule"),
        "schedule_type": "cron",
        "schedule_expression": expression,
        "action_type": "log_event",
        "action_config": {"note": "x"},
    }
    return treadle.post("/v1/schedules", json={**body, **fields})


STEPS: Final[list[dict[str, Any]]] = [
    {"id": "start", "name": "An order comes in", "type": "request"},
    {
        "id": "sum",
        "name": "Sum of the order",
        "type": "transform",
        "config": {"mode": "merge", "value": {"total": "${payload.price * payload.amount}"}},
    },
]
"""A definition that runs, with the connection from the first to the second."""


def workflow_of(treadle: Treadle, *, active: bool = False, **fields: Any) -> dict[str, Any]:
    """A workflow's first version: a draft, or in force."""
    body: dict[str, Any] = {
        "workflow_name": new_name("workflow"),
        "workflow_steps": STEPS,
        "workflow_connections": [{"from": "start", "to": "sum"}],
        "workflow_mock_payload": {"price": 12, "amount": 3},
        **fields,
    }
    item = treadle.post("/v1/workflows", json=body)["item"]
    if active:
        item = treadle.post(f"/v1/workflows/{item['workflow_id']}/1/activate")["item"]
    return item


@dataclass
class Visit:
    """What a page did that it should not: requests to other hosts, errors, refused styles."""

    url: str
    faults: list[str] = field(default_factory=list[str])

    def watch(self, context: BrowserContext) -> None:
        """From now on everything is noted."""
        context.on("request", lambda request: self._request(request.url))
        context.on("console", self._message)
        context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))

    def _request(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "data:", f"blob:{self.url}/")):
            self.faults.append(f"request to {url}")

    def _message(self, message: ConsoleMessage) -> None:
        # A status that the page shows is no fault of the page.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.faults.append(f"{message.type}: {message.text}")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser: without what draws windows, where that is to be had."""
    found = [path for name in BROWSERS if (path := shutil.which(name)) is not None]
    if not found:
        raise FileNotFoundError(
            "Chromium is missing. `make test` installs it for root on Debian and Ubuntu; else:"
            " sudo apt-get install chromium-headless-shell"
        )
    return Path(found[0])


@pytest.fixture(scope="session")
def treadle(
    administrator: Administrator, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Treadle]:
    """The server, on a database of its own of the tests' PostgreSQL."""
    assert read_built() is not None, "the console is not built: make install"
    database = f"console_{os.getpid()}"
    asyncio.run(administrator.execute(f"CREATE DATABASE {database}"))
    url = with_database(administrator.url, database)
    postbox = Postbox()
    mail = open_postbox(postbox)
    environ = {
        "TREADLE_ADMIN_PASSWORD": PASSWORD,
        "TREADLE_DATABASE_URL": url,
        "TREADLE_SMTP_URL": f"smtp://127.0.0.1:{postbox.port}",
        "TREADLE_MAIL_FROM": "treadle@example.com",
        "TREADLE_PUBLIC_URL": "https://treadle.example",
    }
    process = ServeProcess(tmp_path_factory.mktemp("console"), "--port", "0", environ=environ)
    try:
        asyncio.run(process.ready())
        with httpx.Client(base_url=process.url, timeout=SECONDS) as admin:
            login = {"username": "admin", "password": PASSWORD}
            answer = admin.post("/api/login", json=login)
            assert answer.status_code == 200, answer.text
            tokens = answer.json()
            admin.headers["Authorization"] = f"Bearer {tokens['access_token']}"
            yield Treadle(process.url, admin, url, tokens, postbox)
    finally:
        process.clear_away()
        mail.stop()


@pytest.fixture(scope="module")
def browser(treadle: Treadle, chromium: Path) -> Iterator[Browser]:
    """Chromium. It starts after the server and ends with the module: Playwright keeps an event loop
    running in this thread, beside which no other one runs, not that of another module's tests.
    """
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=str(chromium), args=list(CHROMIUM_FLAGS)
        )
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser, treadle: Treadle) -> Iterator[BrowserContext]:
    """A browser that was never here before. Afterwards it has done nothing that it should not."""
    context = browser.new_context(base_url=treadle.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(SECONDS * 1000)
    expect.set_options(timeout=SECONDS * 1000)
    visit = Visit(treadle.url)
    visit.watch(context)
    yield context
    context.close()
    assert visit.faults == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty page."""
    return context.new_page()


@pytest.fixture
def admin_page(context: BrowserContext, treadle: Treadle) -> Page:
    """A page on which the administrator is logged in."""
    return open_with(context, treadle.tokens)


def log_in(context: BrowserContext, treadle: Treadle, username: str, path: str = "/") -> Page:
    """A page of this person's. The login form has tests of its own."""
    answer = httpx.post(
        f"{treadle.url}/api/login",
        json={"username": username, "password": PASSWORD},
        timeout=SECONDS,
    )
    assert answer.status_code == 200, answer.text
    return open_with(context, answer.json(), path)


def keep_session(page: Page, session: dict[str, Any] | None) -> None:
    """Puts these tokens where the console keeps them; None takes them away."""
    page.evaluate(SESSION, ["readwrite", session])


def session_of(page: Page) -> dict[str, Any]:
    """The tokens that the console has."""
    return page.evaluate(SESSION, ["readonly", None])


def open_with(context: BrowserContext, tokens: dict[str, Any], path: str = "/") -> Page:
    """A page with a session that there is already."""
    page = context.new_page()
    page.goto("/favicon.svg")
    issued = {"access": tokens["access_token"], "refresh": tokens["refresh_token"]}
    keep_session(page, {**issued, "expiresAt": FAR})
    page.goto(path)
    return page
