"""The index finds the same route, with the same parameters, as the routes themselves would."""

import pytest
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Message

from treadle.api.dispatch import RouteIndex


async def receive() -> Message:
    raise AssertionError("nothing is read")


async def send(message: Message) -> None:
    raise AssertionError("nothing is sent")


async def endpoint() -> None:
    """Answers nothing: only its path counts here."""


PATHS = [
    ("GET", "/api/jobs"),
    ("POST", "/api/jobs"),
    ("GET", "/api/jobs/{id}"),
    ("GET", "/api/jobs/stats"),
    ("DELETE", "/api/jobs/{id}"),
    ("GET", "/api/jobs/{job_id}/files/{key}"),
    ("GET", "/api/{kind}/stats/all"),
    ("GET", "/out/{key:path}"),
    ("GET", "/mixed/v{version}"),
    ("GET", "/"),
]
ROUTES = [APIRoute(path, endpoint, methods=[method]) for method, path in PATHS]
INDEX = RouteIndex(ROUTES)
LITERAL = {path for _, path in PATHS if "{" not in path}


def find(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    match, scope = INDEX.matches({"type": "http", "method": method, "path": path})
    return (scope["route"].path, scope["path_params"]) if match is Match.FULL else None


def test_finds_literal_paths_and_parameters() -> None:
    assert find("GET", "/") == ("/", {})
    assert find("POST", "/api/jobs") == ("/api/jobs", {})
    assert find("DELETE", "/api/jobs/7") == ("/api/jobs/{id}", {"id": "7"})
    assert find("GET", "/api/jobs/7/files/a b") == (
        "/api/jobs/{job_id}/files/{key}",
        {"job_id": "7", "key": "a b"},
    )


def test_a_literal_segment_comes_before_a_parameter() -> None:
    assert find("GET", "/api/jobs/stats") == ("/api/jobs/stats", {})


def test_a_literal_that_leads_nowhere_gives_way_to_the_parameter() -> None:
    assert find("GET", "/api/jobs/stats/all") == ("/api/{kind}/stats/all", {"kind": "jobs"})


def test_a_wrong_method_at_a_literal_path_is_none_of_a_parameter() -> None:
    assert find("DELETE", "/api/jobs/stats") == ("/api/jobs/stats", {})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/jobs/"),
        ("GET", "/api/jobs//files/x"),
        ("GET", "/api"),
        ("GET", "/out/a/b"),
        ("GET", "/mixed/v3"),
        ("GET", "api/jobs"),
    ],
)
def test_leaves_everything_else_to_the_routes(method: str, path: str) -> None:
    assert find(method, path) is None


async def test_a_wrong_method_is_told_all_that_there_are() -> None:
    for method, path, allowed in (
        ("PUT", "/api/jobs", "GET, POST"),
        ("PUT", "/api/jobs/7", "DELETE, GET"),
        ("DELETE", "/api/jobs/stats", "GET"),
    ):
        scope = {"type": "http", "method": method, "path": path}
        match, child = INDEX.matches(scope)
        assert match is Match.FULL
        with pytest.raises(HTTPException) as refused:
            await INDEX.handle({**scope, **child}, receive, send)
        assert (refused.value.status_code, refused.value.headers) == (405, {"Allow": allowed})


def test_a_wrong_method_of_a_path_gives_way_to_a_parameter_of_many_segments() -> None:
    index = RouteIndex(
        [
            APIRoute("/files/entrypoints/{key}", endpoint, methods=["GET"]),
            APIRoute("/files/{key:path}", endpoint, methods=["PUT"]),
        ]
    )
    scope = {"type": "http", "method": "PUT", "path": "/files/entrypoints/a", "headers": []}
    assert index.matches(scope)[0] is Match.NONE
    assert index.matches({**scope, "method": "DELETE"})[0] is Match.FULL


def test_leaves_websockets_to_the_routes() -> None:
    assert INDEX.matches({"type": "websocket", "path": "/api/jobs"})[0] is Match.NONE


def test_two_routes_of_one_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="two routes for GET"):
        RouteIndex([*ROUTES, APIRoute("/api/jobs/{other}", endpoint, methods=["GET"])])


segment = st.sampled_from(["", "api", "jobs", "stats", "files", "all", "7", "x"])


@given(st.lists(segment, max_size=6), st.sampled_from(["GET", "POST", "DELETE", "PUT"]))
def test_finds_only_what_a_route_itself_would_match(segments: list[str], method: str) -> None:
    path = "/" + "/".join(segments)
    found = find(method, path)
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    shapes = {route.path for route in ROUTES if route.matches(scope)[0] is not Match.NONE}
    full = {
        route.path: child["path_params"]
        for route in ROUTES
        for match, child in [route.matches(scope)]
        if match is Match.FULL
    }
    plain = {shape: values for shape, values in full.items() if ":" not in shape}
    if found is not None and (method, found[0]) not in PATHS:  # a wrong method, for `handle`
        assert found[0] in shapes
        assert path in LITERAL or not full
    elif found is None:
        assert not plain
    else:
        assert full[found[0]] == found[1]
