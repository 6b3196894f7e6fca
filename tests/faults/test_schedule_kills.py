"""Four schedulers, a hundred due times a second, and everything that can be killed or stopped.

Afterwards every due time of every schedule has exactly one firing, and no attempt of a firing has
started two runs. What was due is counted out by PostgreSQL, from what the schedules say.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from faults.calls import PASSWORD, Api
from fixtures.jobs import package_bytes
from fixtures.server import ServeProcess
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.postmaster import read_postmaster

LOGGING, RUNNING = 300, 4  # schedules that log an event, and that run a job
LOG_SECONDS, RUN_SECONDS = 3, 10
DEADLINE_SECONDS = 150
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

# Each schedule's due times up to its pause, from its own words: so many seconds after one another.
DUE = (
    "WITH due AS (SELECT s.id AS schedule_id, at FROM treadle.schedules s,"
    " generate_series(s.start_at, s.decided_until,"
    " make_interval(secs => s.schedule_expression::int)) AS at WHERE at >= s.created_at),"
    " fired AS (SELECT schedule_id, scheduled_for AS at, count(*) AS times"
    " FROM treadle.firings GROUP BY 1, 2)"
    " SELECT count(*) FILTER (WHERE due.at IS NOT NULL) AS due,"
    " count(*) FILTER (WHERE fired.at IS NULL) AS silent,"
    " count(*) FILTER (WHERE due.at IS NULL) AS not_due,"
    " count(*) FILTER (WHERE fired.times > 1) AS doubled"
    " FROM due FULL JOIN fired USING (schedule_id, at)"
)
# What sessions of the processes do just now, and those that wait in the middle of a tick. A session
# can be at a statement whose process has stopped between two messages of it: nothing goes on there.
BUSY = (
    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend' AND wait_event_type IS DISTINCT FROM 'Client'"
)
DECIDING = (
    "SELECT pid FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE wait_event_type = 'Lock'"
    " AND mode = 'RowShareLock' AND relation = 'treadle.schedules'::regclass"
)

pytestmark = pytest.mark.timeout(400)


class Books:
    """Looks into the database of the processes, whatever has become of its server."""

    def __init__(self, process: ServeProcess) -> None:
        self._server = EmbeddedPostgres(process.data_dir / "postgres")

    @property
    def url(self) -> str:
        """The owner's address of it."""
        return self._server.owner_url

    async def ask(self, query: str) -> Sequence[asyncpg.Record]:
        """The rows; raises one of AWAY while the server is away."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def count(self, query: str) -> int:
        """A single number; -1 while the server is away."""
        with suppress(*AWAY):
            return (await self.ask(query))[0][0]
        return -1

    async def fired(self) -> int:
        return await self.count("SELECT count(*) FROM treadle.firings")

    async def further(self, what: str) -> float:
        """Returns when a few hundred more firings are there than now; the seconds that it took."""
        before = -1
        while before < 0:
            before = await self.fired()

        async def is_further() -> bool:
            return await self.fired() > before + LOGGING

        return await until(is_further, what=what)


async def until(condition: Callable[[], Awaitable[bool]], *, what: str) -> float:
    """Waits until the condition holds, and says for how many seconds; fails after a deadline."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE_SECONDS} seconds: {what}") from None
    return time.monotonic() - begun


async def make_schedules(api: Api, count: int, said: dict[str, Any]) -> None:
    several = asyncio.Semaphore(8)

    async def make(number: int) -> None:
        async with several:
            body = {"name": f"number {number}", "schedule_type": "interval", **said}
            body["overlap_policy"] = "ALLOW_ALL"
            answer = await api.call("POST", "/v1/schedules", json=body)
            assert answer.status_code == 201, answer.text

    await asyncio.gather(*(make(number) for number in range(count)))


async def stop_in_a_tick(chosen: ServeProcess, others: Sequence[ServeProcess], books: Books) -> int:
    """Stops the chosen process where it has locked schedules and is about to write their firings,
    with the others going on; which session of the database it is that will hear nothing more.
    """
    for process in (chosen, *others):
        process.signal(signal.SIGSTOP)

    async def all_are_silent() -> bool:
        return await books.count(BUSY) == 0

    await until(all_are_silent, what="the statements under way are done")
    holding = await asyncpg.connect(books.url)
    try:
        async with holding.transaction():
            await holding.execute("LOCK TABLE treadle.firings IN SHARE MODE")
            chosen.signal(signal.SIGCONT)

            async def is_deciding() -> bool:
                return bool(await books.ask(DECIDING))

            await until(is_deciding, what="it is in the middle of a tick")
            [session] = await books.ask(DECIDING)
            chosen.signal(signal.SIGSTOP)
            for process in others:
                process.signal(signal.SIGCONT)
        return session["pid"]
    finally:
        await holding.close()


async def test_no_due_time_is_lost_or_doubled_whatever_is_killed(
    serve: Callable[..., ServeProcess], capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = {"TREADLE_LOG_LEVEL": "warning", "TREADLE_RATE_LIMIT_PER_MINUTE": "100000"}

    def scheduler() -> ServeProcess:
        return serve("--only", "scheduler", "--port", "0", **quiet)

    server = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD, **quiet)
    await server.ready()
    schedulers = [scheduler() for _ in range(3)]
    for process in schedulers:
        await process.ready()
    killed, stopped, _ = schedulers
    api = await Api.log_in(server)
    books = Books(server)
    job_id = await api.make_job(package_bytes(hello="def main():\n    return 'done'\n"))
    start = datetime.now(UTC).replace(microsecond=0)
    common = {"start_at": start.isoformat(), "tags": ["faults"]}
    logs = {"action_type": "log_event", "action_config": {"what": "a test of faults"}}
    runs = {"action_type": "run_job", "action_config": {"job_id": job_id}}
    await make_schedules(api, RUNNING, {"schedule_expression": str(RUN_SECONDS), **runs, **common})
    await make_schedules(api, LOGGING, {"schedule_expression": str(LOG_SECONDS), **logs, **common})
    recoveries: dict[str, float] = {}
    await books.further("the first firings")

    await killed.kill()
    recoveries["a scheduler's kill"] = await books.further("firings after a kill")
    schedulers[0] = scheduler()

    others = [server, *(process for process in schedulers if process is not stopped)]
    session = await stop_in_a_tick(stopped, others, books)

    async def is_given_up() -> bool:
        alive = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {session}"
        return await books.count(alive) == 0

    recoveries["a stop"] = await until(is_given_up, what="the stopped one's locks are free")
    await books.further("firings while one is stopped")
    stopped.signal(signal.SIGCONT)
    await stopped.ready()

    postmaster = read_postmaster(server.data_dir / "postgres" / "data")
    assert postmaster is not None
    os.kill(postmaster.pid, signal.SIGKILL)
    recoveries["PostgreSQL's kill"] = await books.further("firings after PostgreSQL's kill")

    async def is_run_again() -> bool:
        return await books.count("SELECT count(*) FROM treadle.runs") > RUNNING

    await until(is_run_again, what="a job is due for the second time")

    async def is_paused() -> bool:
        answer = await api.call("POST", "/v1/schedules/pause", json={"tags": ["faults"]})
        assert answer.status_code in {200, 503}, answer.text  # 503: PostgreSQL is not back yet
        return answer.status_code == 200

    async def is_over() -> bool:
        return (
            await books.count("SELECT count(*) FROM treadle.firings WHERE phase IS NOT NULL") == 0
        )

    paused_after = datetime.now(UTC)
    await until(is_paused, what="all are paused")
    await until(is_over, what="what was started has ended")
    behind = f"SELECT count(*) FROM treadle.schedules WHERE decided_until < '{paused_after}'"
    assert await books.count(behind) == 0
    [found] = await books.ask(DUE)
    assert (found["silent"], found["not_due"], found["doubled"]) == (0, 0, 0)
    assert found["due"] > LOGGING * 5
    [started] = await books.ask(
        "SELECT count(*) AS runs, count(DISTINCT origin) AS origins FROM treadle.runs"
    )
    assert started["runs"] == started["origins"] > RUNNING
    strays = (
        "SELECT count(*) FROM treadle.firings f WHERE target_type = 'run'"
        " AND NOT EXISTS (SELECT FROM treadle.runs r WHERE r.id = f.target_id)"
    )
    assert await books.count(strays) == 0
    await api.close()
    with capsys.disabled():
        times = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in recoveries.items())
        print(f"\n[faults] {found['due']} due times; firing went on after {times}")
