"""The console's first page: how much script it needs, and how soon it answers a click.

`python -m benchmarks.console`. A real `treadle serve` and a headless Chromium on this machine. A
page is interactive when its first click has been answered: on the login page a field has taken the
letters that were typed, at Home the palette has opened. The time runs from the address being
entered, and holds what the driver of the browser needs to find and click. Each round has a browser
of its own without anything cached, and comes back to Home in it once more; of the rounds the median
counts.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, expect, sync_playwright
from rich.console import Console

from benchmarks.engine import Row, table

ROUNDS: Final = 7
PASSWORD: Final = "benchmark only"
SCRIPT_KB: Final = 300
SECONDS: Final = 1.0
START_SECONDS: Final = 120
BROWSERS: Final = ("chromium-headless-shell", "chromium", "chromium-browser")
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@contextmanager
def serving(folder: Path) -> Generator[str]:
    """The address of a server with a data directory of its own, until the block ends."""
    treadle = Path(sys.executable).with_name("treadle")
    command = [str(treadle), "serve", "--data-dir", str(folder), "--port", "0"]
    environ = os.environ | {
        "TREADLE_ADMIN_PASSWORD": PASSWORD,
        "TREADLE_LOG_LEVEL": "warning",
        "TREADLE_RATE_LIMIT_PER_MINUTE": "100000",
    }
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) as server:
        try:
            yield _address(server, folder / "server.json")
        finally:
            server.send_signal(signal.SIGTERM)


def _address(server: subprocess.Popen[bytes], place: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while not place.exists():
        if server.poll() is not None or time.monotonic() > until:
            raise SystemExit("the server did not start")
        time.sleep(0.1)
    found: str = json.loads(place.read_text())["url"]
    return found


@contextmanager
def browsing() -> Generator[Browser]:
    """Chromium, as the tests of the console use it."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit("Chromium is missing: make browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


def timed(page: Page, path: str, click: Callable[[Page], None]) -> float:
    """Seconds from entering the address to the answered click."""
    began = time.perf_counter()
    page.goto(path, wait_until="commit")
    click(page)
    return time.perf_counter() - began


def type_name(page: Page) -> None:
    """The first thing that one does on the login page."""
    field = page.get_by_label("User name")
    field.fill("admin")
    expect(field).to_have_value("admin")


def open_palette(page: Page) -> None:
    """The first thing that one may do at Home."""
    page.get_by_role("button", name="Go to").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def script_bytes(browser: Browser, url: str) -> int:
    """What the scripts of the first page weigh on the wire, compressed as the server sends them."""
    page = browser.new_page(base_url=url)
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    scripts: set[str] = set()
    weights: list[float] = []

    def answered(event: dict[str, object]) -> None:
        if event["type"] == "Script":
            scripts.add(str(event["requestId"]))

    def ended(event: dict[str, object]) -> None:
        if event["requestId"] in scripts:
            weights.append(float(str(event["encodedDataLength"])))

    network.on("Network.responseReceived", answered)
    network.on("Network.loadingFinished", ended)
    page.goto("/", wait_until="networkidle")
    page.context.close()
    if not weights:
        raise SystemExit("the first page has no scripts: is the console built?")
    return round(sum(weights))


def measure(browser: Browser, url: str) -> list[Row]:
    """All figures, on a server that is warm."""
    login: list[float] = []
    cold: list[float] = []
    again: list[float] = []
    for _ in range(ROUNDS + 1):
        context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800})
        page = context.new_page()
        login.append(timed(page, "/login", type_name))
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Home").wait_for()
        state = context.storage_state(indexed_db=True)
        again.append(timed(context.new_page(), "/", open_palette))
        context.close()
        # The session comes along, nothing of the cache does.
        context = browser.new_context(base_url=url, storage_state=state)
        cold.append(timed(context.new_page(), "/", open_palette))
        context.close()
    weight = script_bytes(browser, url) / 1000
    return [
        Row(
            "Console: script of the first page",
            weight,
            "kB",
            "",
            f"≤ {SCRIPT_KB} kB",
            weight <= SCRIPT_KB,
        ),
        _row("… login page answers, nothing cached", login),
        _row("… Home answers a click, nothing cached", cold),
        _row("… Home answers a click, cached", again),
    ]


def _row(name: str, seconds: list[float]) -> Row:
    # The first round is the browser's and the server's own first one.
    middle, worst = statistics.median(seconds[1:]), max(seconds[1:])
    slowest = f"slowest of {ROUNDS}: {worst * 1000:.0f} ms"
    return Row(name, middle * 1000, "ms", slowest, f"≤ {SECONDS:.0f} s", middle <= SECONDS)


def rows() -> list[Row]:
    """The measurements, on a server of their own."""
    with (
        tempfile.TemporaryDirectory(prefix="treadle-bench-") as folder,
        serving(Path(folder)) as url,
        browsing() as browser,
    ):
        return measure(browser, url)


if __name__ == "__main__":
    Console().print(table(rows()))
