"""What the console's route answers, and what it leaves to the API."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from treadle.console.built import Built, read_built
from treadle.console.route import ConsoleRoute, best_encoding

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE = '<meta property="csp-nonce" nonce="__CSP_NONCE__"><div id="root"></div>'


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """A small console, as the build leaves one."""
    files = {
        "index.html": PAGE,
        "docs.html": "<div id=reference></div>",
        "favicon.svg": "<svg/>",
        "assets/index-Bg_fx6vb.js": "plain",
        "assets/index-Bg_fx6vb.js.br": "brotli",
        "assets/index-Bg_fx6vb.js.gz": "gzip",
        "stamp.txt": "x",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = read_built(tmp_path)
    assert found is not None
    return found


async def jobs(request: Request) -> PlainTextResponse:
    """A route of the API."""
    return PlainTextResponse("jobs")


def client(built: Built | None) -> httpx.AsyncClient:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.routes.append(Route("/api/jobs", jobs))
    paths = ["/api/jobs/{id}", "/v1/me", "/metrics", "/openapi.json"]
    app.router.routes.append(ConsoleRoute(built, api_paths=paths))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://treadle")


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/4?tab=macros", "/no/such/page", "/apix"])
async def test_an_address_of_the_console_is_its_page(built: Built, path: str) -> None:
    answer = await client(built).get(path, headers=HTML)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    nonce = re.search(r'nonce="([^"]+)"', answer.text)
    assert nonce is not None
    assert f"'nonce-{nonce[1]}'" in answer.headers["content-security-policy"]


async def test_the_entrances_are_open_to_programs_too(built: Built) -> None:
    for path, text in (("/", "root"), ("/docs", "reference")):
        answer = await client(built).get(path)
        assert (answer.status_code, text in answer.text) == (200, True)
        assert (await client(built).head(path)).status_code == 200
        assert (await client(built).post(path)).status_code == 404


async def test_no_nonce_comes_twice(built: Built) -> None:
    answers = [await client(built).get("/", headers=HTML) for _ in range(2)]
    assert answers[0].text != answers[1].text


@pytest.mark.parametrize("path", ["/api", "/api/nothing", "/v1/nothing", "/metrics/x"])
async def test_what_is_missing_in_the_api_stays_missing(built: Built, path: str) -> None:
    assert (await client(built).get(path, headers=HTML)).status_code == 404


async def test_programs_get_no_page(built: Built) -> None:
    assert (await client(built).get("/jobs")).status_code == 404
    assert (await client(built).post("/jobs", headers=HTML)).status_code == 404
    assert (await client(built).get("/api/jobs", headers=HTML)).text == "jobs"


async def test_files_are_sent_in_the_best_form_and_for_ever(built: Built) -> None:
    path = "/assets/index-Bg_fx6vb.js"
    for accepted, text in (("br, gzip", "brotli"), ("gzip", "gzip"), ("identity", "plain")):
        async with client(built).stream(
            "GET", path, headers={"Accept-Encoding": accepted}
        ) as answer:
            assert b"".join([part async for part in answer.aiter_raw()]) == text.encode()
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    icon = await client(built).get("/favicon.svg")
    assert (icon.status_code, icon.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "path", ["/assets/gone-Bg_fx6vb.js", "/assets/../index.html", "/assets/%2e%2e/stamp.txt"]
)
async def test_a_file_that_is_not_there_is_missing(built: Built, path: str) -> None:
    answer = await client(built).get(path, headers=HTML)
    assert answer.status_code == 404 or "root" in answer.text


async def test_the_reference_has_a_page_and_a_policy_of_its_own(built: Built) -> None:
    answer = await client(built).get("/docs", headers=HTML)
    assert "reference" in answer.text
    assert "script-src 'self';" in answer.headers["content-security-policy"]


async def test_without_a_build_the_page_says_what_to_run() -> None:
    answer = await client(None).get("/jobs", headers=HTML)
    assert answer.status_code == 503
    assert "make install" in answer.text
    assert (await client(None).get("/api/nothing", headers=HTML)).status_code == 404


def test_nothing_is_read_of_a_folder_without_a_build(tmp_path: Path) -> None:
    assert read_built(tmp_path) is None


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0", "gzip"),
        ("br;q=0.000", None),
        ("", None),
        ("brotli", None),
    ],
)
def test_the_best_encoding_is_one_that_is_accepted(accepted: str, expected: str | None) -> None:
    assert best_encoding(accepted, {"br", "gzip"}) == expected
