"""A server beside the tests, in a thread of its own, for what speaks to it without `await`.

Whatever an operation is about is made before it is called, by the makers of the access test, and
made anew when a call may have changed it. Each operation is called by a person of its own, an
Administrator: one who is logged out, or loses the role, takes nobody else along.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from contract.access_table import ACCESS
from contract.access_world import Values, World, make_world
from factories import make_user
from fixtures.database import PREFIX, SECRET, Administrator, cloned
from fixtures.server import make_context, make_mail, serving
from treadle.db.database import Database
from treadle.settings import Settings

T = TypeVar("T")
LINES = {name.replace(":path}", "}"): lines for name, lines in ACCESS.items()}
"""By the names that operations have in the OpenAPI document."""
SECONDS = 60.0


class FuzzedWorld:
    """The world of the access test, for a thread that waits for each answer."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop) -> None:
        self._world = world
        self._loop = loop
        self.url = world.server.url

    def credential(self) -> dict[str, str]:
        """The header of a new Administrator's session."""
        return self._wait(self._log_in())

    def thing_of(self, operation: str) -> Values:
        """A fresh thing that `GET /v1/…` may be about: what fills its path and its query."""
        thing = next((line.thing for line in LINES[operation] if line.thing is not None), None)
        return {} if thing is None else self._wait(self._world.make(thing))

    async def _log_in(self) -> dict[str, str]:
        world = self._world
        name = world.new_name()
        await make_user(world.database, world.tenant, username=name, role="Administrator")
        client = await world.server.log_in(name)
        return {"Authorization": client.headers["Authorization"]}

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)


@contextmanager
def fuzzed_world(
    administrator: Administrator, template: str, folder: Path
) -> Generator[FuzzedWorld]:
    """A server with two tenants on a database of its own, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="fuzzed server")
    thread.start()
    try:
        context = _world(administrator, template, folder)
        world = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(SECONDS)
        try:
            yield FuzzedWorld(world, loop)
        finally:
            ending = context.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(ending, loop).result(SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()


@asynccontextmanager
async def _world(
    administrator: Administrator, template: str, folder: Path
) -> AsyncGenerator[World]:
    # Who is refused for being too fast says nothing about the rest.
    settings = Settings(data_dir=folder, anonymous_rate_limit_per_minute=0)
    async with cloned(administrator, template) as url:
        database = await Database.connect(url, SECRET, prefix=PREFIX, min_size=0, max_size=16)
        try:
            context = make_context(database, folder, settings=settings, mail=make_mail())
            async with serving(context) as server:
                yield await make_world(server)
        finally:
            await database.close()
