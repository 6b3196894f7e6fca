"""The engine beside PgQueuer alone and beside the bare database, in one run on the same server.

`python benchmarks/engine.py`. Every figure is of one process that shares the machine with its
PostgreSQL, whose commits are durable. What counts are the ratios: the parts take turns, each on a
fresh database, and of each its best turn counts, so that what else the machine does weighs little.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import uvloop
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job
from pgqueuer.domain.types import Channel
from rich.console import Console
from rich.table import Table

from treadle.core.ids import new_id
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.queue_schema import QUEUE_SETTINGS, queue_queries
from treadle.db.role_secret import role_secret
from treadle.engine.admitter import Admitter
from treadle.engine.lanes import Lane
from treadle.engine.live import LiveHub
from treadle.engine.queue import Entry, submit
from treadle.engine.supervisor import Supervisor
from treadle.foundation import prepare_in_time

ENTRIES = 10_000
ROUNDS = 2
SUBMIT_AT_ONCE = 1000
TAKE_AT_ONCE = 100
CONCURRENCY = 200
SAMPLES = 200
SECRET = b"a secret for the benchmark only!"
PAYLOAD = b"0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement. `bar`: the least (or, with a unit of time, the most) it should be."""

    name: str
    value: float
    unit: str
    ratio: str = ""
    bar: str = ""
    is_met: bool | None = None


@asynccontextmanager
async def fresh_database(owner_url: str, name: str) -> AsyncGenerator[str]:
    """The owner's URL of a new database with our schema."""
    connection = await asyncpg.connect(owner_url)
    await connection.execute(f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(owner_url)._replace(path=f"/{name}"))
    await prepare_in_time(url, Sealer([SECRET]), report=lambda _: None)
    yield url
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def open_database(url: str) -> Database:
    """The pools on a database of ours, as the product's processes open them."""
    return await Database.connect(url, await role_secret(url, Sealer([SECRET])))


@asynccontextmanager
async def scheduling(url: str, folder: Path) -> AsyncGenerator[None]:
    """A scheduler of the product beside us, from when it is ready until the block ends."""
    scheduler = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("treadle"), "serve", "--only", "scheduler"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={
            "PATH": os.environ["PATH"],
            "TREADLE_DATA_DIR": str(folder / "scheduler"),
            "TREADLE_DATABASE_URL": url,
            "TREADLE_SECRET_KEY": SECRET.decode(),
            "TREADLE_STORAGE_URL": str(folder / "files"),
        },
    )
    try:
        if scheduler.stdout is None:
            raise SystemExit("the scheduler has no output")
        async for line in scheduler.stdout:
            if b"is ready" in line:
                break
        else:
            raise SystemExit("the scheduler did not start")
        yield
    finally:
        if scheduler.returncode is None:
            scheduler.terminate()
        await scheduler.communicate()


async def timed(work: Awaitable[object]) -> float:
    """Seconds that `work` takes."""
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


# ---------------------------------------------------------------- the bare database


async def measure_bare(url: str) -> float:
    """Claims and completes rows in batches with SKIP LOCKED: what PostgreSQL can do here at all."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TABLE work (id bigint PRIMARY KEY, state text NOT NULL, payload bytea NOT NULL);"
        "CREATE INDEX ON work (id) WHERE state = 'queued'"
    )
    await connection.execute(
        "INSERT INTO work SELECT number, 'queued', $1 FROM generate_series(1, $2::bigint) number",
        PAYLOAD,
        ENTRIES,
    )
    await connection.execute("ANALYZE work")

    async def drain() -> None:
        while ids := [
            record["id"]
            for record in await connection.fetch(
                "UPDATE work SET state = 'picked' WHERE id IN (SELECT id FROM work "
                "WHERE state = 'queued' ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id",
                TAKE_AT_ONCE,
            )
        ]:
            await connection.execute("DELETE FROM work WHERE id = ANY($1)", ids)

    rate = ENTRIES / await timed(drain())
    await connection.close()
    return rate


# ---------------------------------------------------------------- PgQueuer alone


@dataclass(frozen=True, slots=True)
class Rates:
    """Entries a second."""

    submitted: float
    handled: float

    def or_better(self, other: Rates) -> Rates:
        """The better of each."""
        return Rates(max(self.submitted, other.submitted), max(self.handled, other.handled))


async def measure_pgqueuer(url: str) -> Rates:
    """PgQueuer with its own QueueManager and a handler that does nothing."""
    pool = await asyncpg.create_pool(url, min_size=4, max_size=4)
    queries = queue_queries(AsyncpgPoolDriver(pool))

    async def enqueue() -> None:
        for _ in range(0, ENTRIES, SUBMIT_AT_ONCE):
            await queries.enqueue(
                ["work"] * SUBMIT_AT_ONCE, [PAYLOAD] * SUBMIT_AT_ONCE, [0] * SUBMIT_AT_ONCE
            )

    submitted = ENTRIES / await timed(enqueue())
    await analyze(url)
    queue = QueueManager(queries, channel=Channel(QUEUE_SETTINGS.channel))
    handled = 0

    @queue.entrypoint("work")
    async def handle(job: Job) -> None:
        nonlocal handled
        handled += 1
        if handled == ENTRIES:
            queue.shutdown.set()

    took = await timed(
        queue.run(
            batch_size=TAKE_AT_ONCE,
            max_concurrent_tasks=CONCURRENCY,
            dequeue_timeout=timedelta(seconds=1),
        )
    )
    await pool.close()
    return Rates(submitted=submitted, handled=ENTRIES / took)


# ---------------------------------------------------------------- ours


@asynccontextmanager
async def engine(
    url: str, handler: Callable[[Entry], Awaitable[None]], *, bound: int
) -> AsyncGenerator[tuple[Database, Callable[[], None]]]:
    """The whole engine; it takes nothing before the function is called that is handed out."""
    database = await open_database(url)
    hub = LiveHub(database)
    admitter = Admitter(database, hub, bound=bound)
    lane = Lane("work", handler, concurrency=CONCURRENCY, batch_size=TAKE_AT_ONCE)
    supervisor = Supervisor(database, hub, [lane], on_freed=admitter.freed)
    hub.start()

    def start() -> None:
        admitter.start()
        supervisor.start()

    yield database, start
    await supervisor.stop(grace_seconds=5)
    await admitter.stop()
    await hub.stop()
    await database.close()


async def add_tenant(url: str) -> UUID:
    """A tenant of its own for the entries."""
    connection = await asyncpg.connect(url)
    tenant_id = new_id()
    await connection.execute("INSERT INTO treadle.tenants VALUES ($1, 'bench', now())", tenant_id)
    await connection.close()
    return tenant_id


async def analyze(url: str) -> None:
    """What autovacuum would do a moment later."""
    connection = await asyncpg.connect(url)
    await connection.execute("ANALYZE")
    await connection.close()


async def is_empty(url: str) -> None:
    """Returns when no entry is left."""
    connection = await asyncpg.connect(url)
    query = "SELECT EXISTS (SELECT FROM queue.pgqueuer)"
    while await connection.fetchval(query):  # noqa: ASYNC110 - the database sets no event of ours
        await asyncio.sleep(0.005)
    await connection.close()


async def measure_engine(url: str, *, bound: int) -> Rates:
    """Submit and lane, with one tenant; everything over `bound` goes through the backlog."""
    handled = 0
    all_handled = asyncio.Event()

    async def handle(entry: Entry) -> None:
        nonlocal handled
        handled += 1
        if handled == ENTRIES:
            all_handled.set()

    tenant_id = await add_tenant(url)
    async with engine(url, handle, bound=bound) as (database, start):

        async def submit_all() -> None:
            for _ in range(0, ENTRIES, SUBMIT_AT_ONCE):
                async with database.tenant(tenant_id) as tx:
                    await submit(tx, "work", tenant_id, [PAYLOAD] * SUBMIT_AT_ONCE, bound=bound)

        async def handle_all() -> None:
            start()
            await all_handled.wait()
            await is_empty(url)

        submitted = ENTRIES / await timed(submit_all())
        await analyze(url)
        handled_rate = ENTRIES / await timed(handle_all())
    return Rates(submitted=submitted, handled=handled_rate)


async def measure_latency(url: str) -> Sequence[float]:
    """Milliseconds from the beginning of a transaction that submits to the handler, one by one."""
    handled = asyncio.Event()

    async def handle(entry: Entry) -> None:
        handled.set()

    tenant_id = await add_tenant(url)
    found: list[float] = []
    async with engine(url, handle, bound=1000) as (database, start):
        start()
        for _ in range(SAMPLES):
            handled.clear()
            began = time.perf_counter()
            async with database.tenant(tenant_id) as tx:
                await submit(tx, "work", tenant_id, [PAYLOAD], bound=1000)
            await handled.wait()
            found.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.003)  # the lane is idle again
    return found


# ---------------------------------------------------------------- together


async def measure(owner_url: str) -> list[Row]:
    """All measurements, one after the other; each on a database of its own."""
    bare = 0.0
    alone = ours = fair = Rates(submitted=0.0, handled=0.0)
    for _ in range(ROUNDS):
        async with fresh_database(owner_url, "bench_bare") as url:
            bare = max(bare, await measure_bare(url))
        async with fresh_database(owner_url, "bench_pgqueuer") as url:
            alone = alone.or_better(await measure_pgqueuer(url))
        async with fresh_database(owner_url, "bench_engine") as url:
            ours = ours.or_better(await measure_engine(url, bound=ENTRIES))
        async with fresh_database(owner_url, "bench_fair") as url:
            fair = fair.or_better(await measure_engine(url, bound=200))
    async with fresh_database(owner_url, "bench_latency") as url:
        latencies = await measure_latency(url)

    def beside(rate: float, other: float, whose: str) -> str:
        return f"{rate / other:.2f} × {whose}"

    p50 = statistics.median(latencies)
    p99 = statistics.quantiles(latencies, n=100)[98]
    share = ours.handled / alone.handled
    return [
        Row("bare SKIP LOCKED, claim + complete", bare, "/s"),
        Row("PgQueuer alone, enqueue", alone.submitted, "/s"),
        Row(
            "PgQueuer alone, no-op",
            alone.handled,
            "/s",
            beside(alone.handled, bare, "bare"),
        ),
        Row(
            "engine, submit",
            ours.submitted,
            "/s",
            beside(ours.submitted, alone.submitted, "PgQueuer"),
        ),
        Row(
            "engine, no-op",
            ours.handled,
            "/s",
            beside(ours.handled, alone.handled, "PgQueuer"),
            "≥ 0.70 × PgQueuer",
            share >= 0.7,
        ),
        Row(
            "engine, no-op, one tenant through its bound of 200",
            fair.handled,
            "/s",
            beside(fair.handled, ours.handled, "without"),
        ),
        Row("engine, submit to handler, p50", p50, "ms", "", "< 10 ms", p50 < 10),
        Row("engine, submit to handler, p99", p99, "ms", "", "< 40 ms", p99 < 40),
    ]


def rows() -> list[Row]:
    """Starts a PostgreSQL of its own with the settings of production, and measures on it."""
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as folder:
        server = EmbeddedPostgres(Path(folder))
        server.start()
        try:
            return uvloop.run(measure(server.owner_url))
        finally:
            server.stop()


def table(measured: Sequence[Row]) -> Table:
    """For people."""
    found = Table("engine", "measured", "ratio", "bar")
    for row in measured:
        figure = (
            f"{row.value:,.0f} {row.unit}" if row.unit == "/s" else f"{row.value:.1f} {row.unit}"
        )
        verdict = "" if row.is_met is None else (" ✓" if row.is_met else " missed")
        found.add_row(row.name, figure, row.ratio, row.bar + verdict)
    return found


if __name__ == "__main__":
    Console().print(table(rows()))
