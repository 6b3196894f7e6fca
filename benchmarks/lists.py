"""The first and the thousandth page of long lists, beside the same pages of short ones.

`python -m benchmarks.lists`, `make bench ARGS=lists`. One process answers over HTTP, as in
`benchmarks.triggering`, on a durable PostgreSQL. An execution and a run are made by the product and
copied, with their logs, to SHORT rows and then to LONG (or to as many as the variable LISTS says).
Pages have ten rows, so the thousandth is the last one of the short list.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import structlog
import uvloop
from rich.console import Console

from benchmarks.access import Connection, Contestant, answering
from benchmarks.engine import Row, fresh_database, open_database, table
from benchmarks.triggering import prepare
from treadle.core.clock import utc_now
from treadle.db.embedded import EmbeddedPostgres
from treadle.jobs.installation import ensure_default_destination

SHORT: Final = 10_000
LONG: Final = int(os.environ.get("LISTS", "1000000"))
PAGE: Final = 10
PAGES: Final = SHORT // PAGE
TIMES: Final = 200
WARM_UP: Final = 20
BAR: Final = 2.0
_CHUNK: Final = 100_000
_CODE: Final = b"def main():\n    return 1\n"
_FORM: Final = "Content-Type: multipart/form-data; boundary=part\r\n"
_FINISHED: Final = {
    "state": "'FINISHED'",
    "finished_at": "now()",
    "scheduled_at": "clock_timestamp()",
}


@dataclass(frozen=True, slots=True)
class Asker:
    """One connection with a key."""

    connection: Connection
    header: str

    async def ask(
        self, path: str, *, body: bytes | None = None, header: str = "", status: int = 200
    ) -> Any:
        """The answer's JSON."""
        contestant = Contestant(path, path, self.header + header, status, body)
        return json.loads(await self.connection.ask(contestant, contestant.request()))

    async def milliseconds(self, path: str) -> float:
        """The median over TIMES requests."""
        contestant = Contestant(path, path, self.header)
        request = contestant.request()
        took: list[float] = []
        for _ in range(WARM_UP + TIMES):
            began = time.perf_counter()
            await self.connection.ask(contestant, request)
            took.append((time.perf_counter() - began) * 1000)
        return statistics.median(took[WARM_UP:])


async def make_run(asker: Asker) -> None:
    """A run of a small job; there is no worker, so it waits."""
    made = await asker.ask("/api/jobconfigs", body=b'{"name": "bench"}', status=201)
    path = f"/api/jobconfigs/{made['id']}"
    parts = (
        b'--part\r\nContent-Disposition: form-data; name="key"\r\n\r\ncode.py\r\n'
        b'--part\r\nContent-Disposition: form-data; name="file"; filename="code.py"\r\n\r\n'
        + _CODE
        + b"\r\n--part--\r\n"
    )
    await asker.ask(f"{path}/files", body=parts, header=_FORM)
    runtime = {"runtimeConfig": {"packageName": "code.py", "entryPoint": "code.main"}}
    await asker.ask(f"{path}/jobs", body=json.dumps(runtime).encode(), status=202)


async def copy(
    owner: asyncpg.Connection, name: str, *, rows: int, changes: Mapping[str, str]
) -> None:
    """`name` with at least so many rows: copies of its oldest, with newer ids."""
    columns = [
        record["column_name"]
        for record in await owner.fetch(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'treadle' AND table_name = $1",
            name,
        )
    ]
    values = ", ".join(changes.get(column, column) for column in columns)
    missing = rows - (await owner.fetchval(f"SELECT count(*) FROM treadle.{name}") or 0)
    for begun in range(0, missing, _CHUNK):
        await owner.execute(
            f"INSERT INTO treadle.{name} ({', '.join(columns)})"
            f" SELECT {values} FROM (SELECT * FROM treadle.{name} ORDER BY id LIMIT 1) AS o,"
            f" generate_series(1, {min(_CHUNK, missing - begun)})"
        )


async def fill(owner: asyncpg.Connection, rows: int) -> None:
    """Executions with their logs, and runs; vacuumed, as a server does when it has the time."""
    await copy(owner, "executions", rows=rows, changes={"id": "uuidv7()"})
    await owner.execute(
        "INSERT INTO treadle.execution_events (tenant_id, execution_id, seq, entries)"
        " SELECT e.tenant_id, e.id, v.seq, v.entries FROM treadle.executions AS e,"
        " (SELECT * FROM treadle.execution_events WHERE execution_id ="
        " (SELECT id FROM treadle.executions ORDER BY id LIMIT 1)) AS v ON CONFLICT DO NOTHING"
    )
    await copy(owner, "runs", rows=rows, changes={"id": "uuidv7()", **_FINISHED})
    for name in ("executions", "execution_events", "runs"):
        await owner.execute(f"VACUUM ANALYZE treadle.{name}")


async def pages(asker: Asker, owner: asyncpg.Connection) -> dict[str, float]:
    """Milliseconds for each page."""
    place = await owner.fetchrow(
        "SELECT workflow_id, id FROM treadle.executions ORDER BY id DESC OFFSET $1 LIMIT 1",
        (PAGES - 1) * PAGE,
    )
    if place is None:
        raise SystemExit("the list is too short")
    executions = f"/v1/workflows/getOrganizationExecutions?limit={PAGE}"
    beyond = f"&workflow_id={place['workflow_id']}&workflow_execution_id={place['id']}"
    runs = f"/api/jobs?size={PAGE}&offset="
    paths = {
        "executions, first page": executions,
        "executions, thousandth page": executions + beyond,
        "runs, first page": f"{runs}0",
        "runs, thousandth page": f"{runs}{PAGES - 1}",
    }
    return {name: await asker.milliseconds(path) for name, path in paths.items()}


async def measure(owner_url: str, folder: Path) -> list[Row]:
    """Every page of the short lists, then of the long ones."""
    async with fresh_database(owner_url, "bench_lists") as url:
        database = await open_database(url)
        asked = await prepare(database)
        await ensure_default_destination(database, now=utc_now())
        await database.close()
        owner = await asyncpg.connect(url)
        async with answering(url, folder) as port:
            asker = Asker(await Connection.open(port), asked.single.header)
            await asker.ask(asked.single.path, body=asked.single.body)
            await make_run(asker)
            await fill(owner, SHORT)
            short = await pages(asker, owner)
            await fill(owner, LONG)
            long = await pages(asker, owner)
        await owner.close()
    return [
        Row(
            f"list of {LONG:,} {name}",
            took,
            "ms",
            f"{took / short[name]:.2f} × of {SHORT:,}",
            f"≤ {BAR:g} ×",
            took <= BAR * short[name],
        )
        for name, took in long.items()
    ]


def rows() -> list[Row]:
    """The measurements, on an embedded PostgreSQL of their own."""
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as place:
        folder = Path(place)
        server = EmbeddedPostgres(folder / "postgres")
        url = server.start()
        try:
            return uvloop.run(measure(url, folder))
        finally:
            server.stop()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    Console().print(table(rows()))
