"""Every route, asked by everybody: exactly those get in who should, and the others learn nothing.

The routes are the application's own, what is expected of each stands in `access_table`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from contract.access_strangers import make_strangers
from contract.access_table import ACCESS, Held, Line, Options
from contract.access_world import (
    ELSEWHERE,
    FOREIGN,
    MARKER,
    MISSING,
    Caller,
    Values,
    World,
    make_world,
)
from factories import PASSWORD
from fixtures.server import Server, make_context, make_mail
from treadle.api.context import AppContext
from treadle.api.dependencies import PUBLIC
from treadle.app import ROUTERS
from treadle.db.database import Database
from treadle.identity.model import ProjectRole
from treadle.identity.rights import APPLICATION_RIGHTS, PROJECT_RIGHTS, RIGHTS_OF_ANY_MEMBER
from treadle.settings import Settings

pytestmark = pytest.mark.timeout(600)

ROUTES = {
    f"{method} {route.path}"
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
}


@pytest.fixture
def app_context(database: Database, tmp_path: Path) -> AppContext:
    """Without the limit by address: all the strangers of all routes come from one. With mail, which
    nobody delivers.
    """
    settings = Settings(data_dir=tmp_path, anonymous_rate_limit_per_minute=0)
    return make_context(database, tmp_path, settings=settings, mail=make_mail())


@pytest.fixture
async def world(server: Server) -> World:
    """Two tenants, with a key for each role."""
    return await make_world(server)


def lines() -> Iterator[tuple[str, Line]]:
    for route, of_route in ACCESS.items():
        for line in of_route:
            yield route, line


def address(route: str, values: Values) -> tuple[str, str]:
    method, _, path = route.partition(" ")
    return method, path.replace(":path}", "}").format(**values)


async def call(
    world: World, caller: httpx.AsyncClient, route: str, line: Line, values: Values
) -> httpx.Response:
    method, path = address(route, values)
    options: Options = {} if line.send is None else line.send(world, values)
    return await caller.request(method, path, **options)


async def things(world: World, *held: Held) -> AsyncIterator[tuple[str, Line, Values]]:
    """The lines with a thing for each; things that are only looked at are made once."""
    made: dict[str, Values] = {}
    for route, line in lines():
        if held and line.held not in held:
            continue
        if line.thing is not None and line.thing not in made:
            made[line.thing] = await world.make(line.thing)
        yield route, line, made.get(line.thing or "", {})


def told(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """All that the caller learns, but for what is different each time."""
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("x-request-id", "date")
    }
    return answer.status_code, headers, answer.content


# ---------------------------------------------------------------- the table


def test_every_route_has_its_line() -> None:
    assert ROUTES - set(ACCESS) == set()
    assert set(ACCESS) - ROUTES == set()


def test_what_is_public_is_so_on_purpose() -> None:
    public = {route for route, line in lines() if line.held is Held.NOWHERE}
    assert public == {f"{method} {path}" for method, path in PUBLIC}


# ---------------------------------------------------------------- strangers


async def test_public_routes_ask_for_no_credential(world: World) -> None:
    for route, line, values in [item async for item in things(world, Held.NOWHERE)]:
        answer = await call(world, world.server.anonymous, route, line, values)
        assert answer.status_code == line.ok, route


async def test_no_route_lets_a_stranger_in(world: World) -> None:
    strangers = await make_strangers(world)
    wrong: list[str] = []
    private = [held for held in Held if held is not Held.NOWHERE]
    async for route, line, values in things(world, *private):
        for stranger in strangers:
            client = world.server.anonymous
            method, path = address(route, values)
            options: Options = {} if line.send is None else line.send(world, values)
            answer = await client.request(method, path, headers=stranger.headers, **options)
            problem = refusal_problem(path, answer, stranger.status)
            if problem:
                wrong.append(f"{route} for {stranger.name}: {problem}")
    assert wrong == []


def refusal_problem(path: str, answer: httpx.Response, status: int) -> str | None:
    """What is wrong with the refusal of a stranger; None if nothing is."""
    if path.startswith("/v1/workflows") and status == 401:
        refused = (answer.status_code, answer.json())
        return None if refused == (403, {"message": "Forbidden"}) else answer.text
    if answer.status_code != status:
        return f"{answer.status_code} {answer.text[:200]}"
    if MARKER in answer.text:
        return f"it tells {answer.text[:200]}"
    if status == 401 and "www-authenticate" not in answer.headers:
        return "it does not say how to authenticate"
    return None


# ---------------------------------------------------------------- roles


def is_allowed(line: Line, caller: Caller) -> bool:
    """By the table of rights: whether the caller has the right where it is asked for."""
    right = line.right
    if right is None:
        return False
    if caller.application_role and right in APPLICATION_RIGHTS[caller.application_role]:
        return True
    if line.held is Held.HERE:
        return caller.here is not None and right in PROJECT_RIGHTS[caller.here]
    roles: list[ProjectRole] = [role for role in (caller.here, caller.elsewhere) if role]
    if line.held is Held.IN_A_PROJECT:
        return any(right in PROJECT_RIGHTS[role] for role in roles)
    return bool(roles) and right in RIGHTS_OF_ANY_MEMBER


def expected(line: Line, caller: Caller) -> int:
    """The status that the caller gets."""
    if is_allowed(line, caller):
        return line.ok
    if line.held is not Held.HERE or caller.here is not None:
        return line.refused
    return line.not_here() if caller.elsewhere is not None else line.unseen()


@pytest.mark.parametrize(
    "role",
    [
        "Administrator",
        "Project Creator",
        "Consumer",
        "Owner",
        "Contributor",
        "Manager",
        "Member",
        ELSEWHERE,
    ],
)
async def test_each_role_gets_exactly_what_it_allows(world: World, role: str) -> None:
    caller = world.callers[role]
    wrong: list[str] = []
    for route, line in lines():
        if line.held is Held.NOWHERE:
            continue
        # What is allowed changes things, so that each call has its own.
        values = {} if line.thing is None else await world.make(line.thing)
        answer = await call(world, caller.client, route, line, values)
        if answer.status_code != expected(line, caller):
            wrong.append(
                f"{route}: {expected(line, caller)} expected, got {answer.status_code}"
                f" {answer.text[:200]}"
            )
        if route == "POST /v1/projects" and answer.is_success:
            # Its maker owns it, and would be let into what comes after.
            assert (await world.admin.delete(answer.headers["Location"])).is_success
    assert wrong == []


async def test_what_is_ones_own_is_ones_own(world: World) -> None:
    """A person with no role of note, and another one."""
    wrong: list[str] = []
    for route, line in lines():
        if line.held is not Held.BY_ONESELF:
            continue
        values = await world.make(line.thing or "user")
        shown = (await world.admin.get(f"/api/users/{values['id']}")).json()
        person = await world.server.log_in(shown["username"], PASSWORD)
        if line.thing is not None:
            other = await world.make("user")
            path = f"/api/users/{other['id']}"
            stranger = await world.server.log_in((await world.admin.get(path)).json()["username"])
            refused = await call(world, stranger, route, line, values)
            if refused.status_code != line.refused:
                wrong.append(f"{route} for another one: {refused.status_code} {refused.text}")
        answer = await call(world, person, route, line, values)
        if answer.status_code != line.ok:
            wrong.append(f"{route}: {answer.status_code} {answer.text}")
    assert wrong == []


# ---------------------------------------------------------------- walls


async def test_what_is_anothers_looks_exactly_like_what_is_missing(world: World) -> None:
    """For the administrator of another tenant, and for the owner of another project."""
    wrong: list[str] = []
    async for route, line, values in things(world):
        if line.thing is None or line.is_shared:
            continue
        for name in (FOREIGN, ELSEWHERE):
            if name == ELSEWHERE and line.held is not Held.HERE:
                continue
            caller = world.callers[name].client
            there = told(await call(world, caller, route, line, values))
            missing = told(await call(world, caller, route, line, MISSING[line.thing]))
            status = line.not_here() if line.held is Held.HERE else 404
            if there != missing or there[0] != status:
                wrong.append(f"{route} for {name}: {there} is not {missing}")
    assert wrong == []


SAME_FOR_ALL = {"GET /v1/workflows/step-types"}
"""Lists of what the server itself can do."""


async def test_no_list_tells_of_what_is_anothers(world: World) -> None:
    async for _ in things(world):
        """Everything is made."""
    wrong: list[str] = []
    for route, line in lines():
        if line.thing is not None or not route.startswith("GET") or line.held is Held.NOWHERE:
            continue
        names = [FOREIGN, "Consumer"] if line.held is Held.HERE else [FOREIGN]
        for name in names:
            answer = await call(world, world.callers[name].client, route, line, {})
            if MARKER in answer.text:
                wrong.append(f"{route} tells {name}: {answer.text[:300]}")
        seen = await call(world, world.admin, route, line, {})
        if route not in SAME_FOR_ALL and "items" in seen.text and MARKER not in seen.text:
            wrong.append(f"{route} does not tell the administrator either")
    assert wrong == []
