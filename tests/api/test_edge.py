"""What happens to every request, whichever route it is for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from structlog.testing import capture_logs

from factories import make_tenant
from fixtures.server import Server, make_context, serving
from treadle.api.bodies import EdgeRoute, admit_upload, takes_upload
from treadle.api.context import AppContext
from treadle.api.dependencies import Base, Tx, client_address_of, needs
from treadle.api.integration_manager import sessions
from treadle.core.errors import NotFound
from treadle.db.database import Database
from treadle.db.errors import DatabaseUnavailable
from treadle.identity.model import Principal
from treadle.identity.rights import Right
from treadle.settings import Settings
from treadle.storage.errors import StorageError

router = APIRouter(route_class=EdgeRoute)
MAX_BODY = 4096
MAX_UPLOAD = 100_000


class Echo(BaseModel):
    """Anything."""

    name: str = ""
    value: Any = None


@router.post("/api/test/echo")
async def echo(*, body: Echo) -> Echo:
    return body


@router.post("/api/test/optional")
async def optional(*, body: Echo | None = None) -> dict[str, bool]:
    return {"given": body is not None}


@router.get("/api/test/bug/{id}")
async def bug(*, id: str) -> None:  # noqa: A002
    raise RuntimeError(f"the inside of {id}")


@router.get("/api/test/missing/{id}")
async def missing(*, id: str) -> None:  # noqa: A002
    raise NotFound(f"no {id}")


@router.get("/api/test/database-away")
async def database_away() -> None:
    raise DatabaseUnavailable


@router.get("/api/test/storage-away")
async def storage_away() -> None:
    raise StorageError("s3://the-bucket could not be reached")


@router.get("/api/test/where")
async def where(*, request: Request, base: Base) -> dict[str, str]:
    return {"client": client_address_of(request), "base": base}


@router.get("/api/test/cached")
async def cached() -> Response:
    return Response("hello", headers={"Cache-Control": "max-age=60"})


@router.get("/api/test/cut")
async def cut() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"the first part"
        raise RuntimeError("broken in the middle")

    return StreamingResponse(parts())


@router.post("/api/test/upload")
@takes_upload
async def upload(*, request: Request) -> dict[str, int]:
    admit_upload(request, max_bytes=MAX_UPLOAD)
    return {"size": len(await request.body())}


@router.post("/api/test/write")
async def write(*, caller: Annotated[Principal, needs(Right.USERS_WRITE)], tx: Tx) -> None:
    await tx.execute("UPDATE users SET email = 'written@example.com'")
    raise NotFound("after the write")


@pytest.fixture
def edge_context(database: Database, tmp_path: Any) -> AppContext:
    settings = Settings(data_dir=tmp_path, max_body_bytes=MAX_BODY, trusted_proxies=("127.0.0.1",))
    return make_context(database, tmp_path, settings=settings)


@pytest.fixture
async def edge(edge_context: AppContext) -> AsyncGenerator[Server]:
    async with serving(edge_context, routers=[router]) as running:
        yield running


# ---------------------------------------------------------------- the request's id


async def test_every_answer_has_an_id_of_its_own(edge: Server) -> None:
    answers = [await edge.anonymous.get(path) for path in ("/api/test/where", "/nowhere")]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 2


async def test_the_callers_id_comes_back(edge: Server) -> None:
    answer = await edge.anonymous.get("/nowhere", headers={"X-Request-Id": "from-the-caller/7"})
    assert answer.headers["x-request-id"] == "from-the-caller/7"


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", "tab\there", "Zoë"])
async def test_an_id_that_we_would_not_print_is_replaced(edge: Server, given: str) -> None:
    answer = await edge.anonymous.get(
        "/api/test/where", headers=[(b"X-Request-Id", given.encode("latin-1"))]
    )
    assert answer.status_code == 200
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 36


# ---------------------------------------------------------------- headers


async def test_answers_keep_browsers_careful(edge: Server) -> None:
    for path in ("/api/test/where", "/nowhere", "/api/test/bug/1"):
        headers = (await edge.anonymous.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


async def test_a_route_keeps_a_header_that_it_sets_itself(edge: Server) -> None:
    headers = (await edge.anonymous.get("/api/test/cached")).headers
    assert headers.get_list("cache-control") == ["max-age=60"]


# ---------------------------------------------------------------- who and where


async def test_a_trusted_proxy_is_believed_about_caller_and_address(edge: Server) -> None:
    answer = await edge.anonymous.get(
        "/api/test/where",
        headers={
            "X-Forwarded-For": "198.51.100.1",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "run.example",
        },
    )
    assert answer.json() == {"client": "198.51.100.1", "base": "https://run.example"}


async def test_nobody_else_is_believed(database: Database, tmp_path: Any) -> None:
    async with serving(make_context(database, tmp_path), routers=[router]) as running:
        answer = await running.anonymous.get(
            "/api/test/where",
            headers={
                "X-Forwarded-For": "198.51.100.1",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "run.example",
            },
        )
        assert answer.json() == {"client": "127.0.0.1", "base": running.url}


async def test_a_hostile_host_header_gets_no_link_of_its_making(edge: Server) -> None:
    answer = await edge.anonymous.get("/api/test/where", headers={"Host": 'evil"><script>'})
    assert answer.json()["base"] == edge.url


async def test_a_public_url_starts_every_link(database: Database, tmp_path: Any) -> None:
    settings = Settings(data_dir=tmp_path, public_url="https://run.example/treadle/")
    context = make_context(database, tmp_path, settings=settings)
    async with serving(context, routers=[router]) as running:
        answer = await running.anonymous.get("/api/test/where")
        assert answer.json()["base"] == "https://run.example/treadle"


# ---------------------------------------------------------------- size


def too_large(limit: int) -> dict[str, Any]:
    return {
        "status": 413,
        "error": "Content Too Large",
        "message": f"The request body is over {limit} bytes.",
    }


async def test_a_body_at_the_limit_is_read(edge: Server) -> None:
    body = b'{"name":"' + b"x" * (MAX_BODY - 11) + b'"}'
    assert len(body) == MAX_BODY
    answer = await edge.anonymous.post("/api/test/echo", content=body)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/api/test/echo", "/api/test/optional"])
async def test_a_body_that_says_it_is_too_large_is_refused(edge: Server, path: str) -> None:
    answer = await edge.anonymous.post(path, content=b"x" * (MAX_BODY + 1))
    assert (answer.status_code, answer.json()) == (413, too_large(MAX_BODY))


async def test_a_body_in_chunks_is_counted(edge: Server) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 1024

    answer = await edge.anonymous.post("/api/test/echo", content=chunks())
    assert (answer.status_code, answer.json()) == (413, too_large(MAX_BODY))


async def test_a_route_without_a_body_refuses_a_large_one_before_it_works(edge: Server) -> None:
    answer = await edge.anonymous.request("GET", "/api/test/where", content=b"x" * (MAX_BODY + 1))
    assert (answer.status_code, answer.json()) == (413, too_large(MAX_BODY))


async def test_an_upload_may_be_as_large_as_a_file(edge: Server) -> None:
    answer = await edge.anonymous.post("/api/test/upload", content=b"x" * MAX_UPLOAD)
    assert answer.json() == {"size": MAX_UPLOAD}


async def test_an_upload_has_a_limit_too(edge: Server) -> None:
    limit = MAX_UPLOAD + 64 * 1024
    declared = await edge.anonymous.post("/api/test/upload", content=b"x" * (limit + 1))
    assert (declared.status_code, declared.json()) == (413, too_large(limit))

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(limit // 1024 + 1):
            yield b"x" * 1024

    chunked = await edge.anonymous.post("/api/test/upload", content=chunks())
    assert (chunked.status_code, chunked.json()) == (413, too_large(limit))


# ---------------------------------------------------------------- JSON


def nested(levels: int) -> bytes:
    return b'{"value":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        (b"not json", "not valid JSON"),
        (b'{"name": NaN}', "not valid JSON"),
        (b'{"value": 1e999}', "not valid JSON"),
        (b'{"name": "\\ud800"}', "not valid JSON"),
        (b'{"name": "\xff"}', "not valid JSON"),
        (b'{"name": "a\\u0000b"}', "NUL"),
        (b'{"value": {"deep": ["\\u0000"]}}', "NUL"),
        (b'{"value": {"\\u0000": 1}}', "NUL"),
    ],
)
async def test_json_that_cannot_be_used_is_400(edge: Server, body: bytes, words: str) -> None:
    answer = await edge.anonymous.post("/api/test/echo", content=body)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


@pytest.mark.parametrize("body", [nested(65), b"[" * 2000])
async def test_json_that_nests_too_deep_is_413(edge: Server, body: bytes) -> None:
    answer = await edge.anonymous.post("/api/test/echo", content=body)
    assert answer.status_code == 413
    assert "deeper than 64" in answer.json()["message"]


async def test_json_at_the_bounds_is_read(edge: Server) -> None:
    deep = await edge.anonymous.post("/api/test/echo", content=nested(64))
    assert deep.status_code == 200
    literal = await edge.anonymous.post("/api/test/echo", content=rb'{"name": "\\u0000"}')
    assert literal.json()["name"] == r"\u0000"


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data", "text/plain", "nonsense", ""]
)
async def test_json_is_read_whatever_the_content_type_says(edge: Server, content_type: str) -> None:
    answer = await edge.anonymous.post(
        "/api/test/echo", content=b'{"name":"x"}', headers={"Content-Type": content_type}
    )
    assert answer.json() == {"name": "x", "value": None}


async def test_an_empty_body_is_no_body(edge: Server) -> None:
    assert (await edge.anonymous.post("/api/test/optional")).json() == {"given": False}
    answer = await edge.anonymous.post("/api/test/echo")
    assert (answer.status_code, answer.json()["message"]) == (400, "body: is required")


@pytest.mark.parametrize("path", ["/api/test/missing/a%00b", "/api/test/where?a=%00"])
async def test_a_nul_in_the_address_is_400(edge: Server, path: str) -> None:
    answer = await edge.anonymous.get(path)
    assert answer.status_code == 400
    assert "NUL" in answer.json()["message"]


# ---------------------------------------------------------------- errors


async def test_an_unknown_path_and_method_have_the_same_shape(edge: Server) -> None:
    nowhere = await edge.anonymous.get("/api/nowhere")
    assert (nowhere.status_code, nowhere.json()) == (
        404,
        {"status": 404, "error": "Not Found", "message": "There is nothing at this path."},
    )
    method = await edge.anonymous.delete("/api/test/echo")
    assert method.status_code == 405
    assert method.headers["allow"] == "POST"
    assert method.json()["error"] == "Method Not Allowed"


async def test_a_slash_too_much_is_not_redirected(edge: Server) -> None:
    assert (await edge.anonymous.get("/api/test/where/")).status_code == 404


async def test_a_bug_tells_nothing_but_the_request_id(edge: Server) -> None:
    with capture_logs() as lines:
        answer = await edge.anonymous.get("/api/test/bug/7")
    assert answer.status_code == 500
    assert answer.json() == {
        "status": 500,
        "error": "Internal Server Error",
        "message": "Something went wrong on our side.",
        "requestId": answer.headers["x-request-id"],
    }
    assert "inside" not in answer.text
    (found,) = [line for line in lines if line["event"] == "request_bug"]
    assert found["exc_info"]


async def test_a_fault_of_the_place_is_503_to_be_tried_again(edge: Server) -> None:
    for path in ("/api/test/database-away", "/api/test/storage-away"):
        answer = await edge.anonymous.get(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert "bucket" not in answer.text


async def test_an_answer_that_breaks_in_the_middle_is_cut(edge: Server) -> None:
    with pytest.raises(Exception, match="peer closed connection"):
        await edge.anonymous.get("/api/test/cut", timeout=60)
    assert (await edge.anonymous.get("/api/test/where")).status_code == 200


# ---------------------------------------------------------------- log and metrics


async def test_metrics_and_log_name_the_route_and_never_the_path(edge: Server) -> None:
    with capture_logs() as lines:
        await edge.anonymous.get("/api/test/missing/4711", headers={"X-Request-Id": "one"})
        await edge.anonymous.get("/api/nowhere/4711")
        await edge.anonymous.request("PROPFIND", "/api/test/where")
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("GET", "/api/test/missing/{id}", 404),
        ("GET", "(none)", 404),
        ("OTHER", "/api/test/where", 405),
    ]
    page = edge.context.metrics.page().decode()
    assert (
        'treadle_http_requests_total{method="GET",route="/api/test/missing/{id}",status="404"} 1.0'
        in page
    )
    assert 'route="(none)"' in page
    assert "4711" not in page
    assert "PROPFIND" not in page


async def test_the_log_line_has_no_query(edge: Server) -> None:
    with capture_logs() as lines:
        await edge.anonymous.get("/api/test/where?access_token=abc")
    (line,) = [line for line in lines if line["event"] == "request"]
    assert "abc" not in str(line)
    assert line["client"] == "127.0.0.1"


# ---------------------------------------------------------------- the transaction


async def test_a_refusal_rolls_back_what_was_written(
    edge_context: AppContext, database: Database
) -> None:
    tenant = await make_tenant(database, admin_username="alice")
    async with serving(edge_context, routers=[router, sessions.router]) as running:
        alice = await running.log_in("alice")
        answer = await alice.post("/api/test/write")
    assert (answer.status_code, answer.json()["message"]) == (404, "after the write")
    async with database.tenant(tenant.tenant.id) as tx:
        assert await tx.fetchval("SELECT email FROM users") == ""
