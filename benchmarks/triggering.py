"""Executions triggered over HTTP, beside the bare request, on the same server.

`python -m benchmarks.triggering`. One process answers, as `treadle serve --only api` does, another
asks with an API key, a durable PostgreSQL stands beside them, all on this machine. A trigger starts
three transforms; where its steps are quick they are behind it when the answer comes, and else are a
scheduler's, which stands beside them while the way to the first step is measured. The bare request
is `GET /api/product/info`. They take turns; of each its best turn counts.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import statistics
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog
import uvloop
from rich.console import Console

from benchmarks.access import BAR, BARE, Connection, Contestant, answering, make_key, rate_of
from benchmarks.engine import Row, fresh_database, open_database, scheduling, table
from benchmarks.executions import THREE, TRIGGER
from treadle.core.clock import utc_now
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.identity.installation import create_tenant
from treadle.identity.model import Principal
from treadle.identity.passwords import Passwords
from treadle.workflows import definitions, history
from treadle.workflows.versions import WorkflowDraft

CONNECTIONS: Final = 64
REQUESTS: Final = 6_400
WARM_UP: Final = 1_280
BATCH: Final = 1_000
BATCHES: Final = 10
BATCH_BAR: Final = 15_000
ROUNDS: Final = 3
PER_SECOND: Final = 100
TICKS: Final = 1_000
PATIENCE: Final = 10.0
TRIGGER_PATH: Final = "/v1/workflows/triggerworkflow"


@dataclass(frozen=True, slots=True)
class Asked:
    """The contestants, and on whose behalf."""

    caller: Principal
    bare: Contestant
    single: Contestant
    batch: Contestant


async def prepare(database: Database) -> Asked:
    """A workflow of three transforms, and a key that may start it."""
    tenant = await create_tenant(
        database,
        name="bench",
        admin_username="admin",
        admin_password="benchmark only",
        passwords=Passwords(),
        now=utc_now(),
    )
    root = Principal(
        "user", str(tenant.administrator_id), "admin", tenant.tenant.id, "Administrator", {}
    )
    key = await make_key(database, tenant, root, rules=1, role="Contributor")
    notes: list[dict[str, Any]] = [TRIGGER, *THREE]
    ways = [{"from": a["id"], "to": b["id"]} for a, b in pairwise(notes)]
    draft = WorkflowDraft(name="bench", steps=notes, connections=ways)
    async with database.tenant(tenant.tenant.id) as tx:
        made = await definitions.create_workflow(
            tx, root, draft, check_schedule=lambda _: (), now=utc_now()
        )
        await definitions.activate_version(
            tx, root, made.workflow_id, made.number, check_schedule=lambda _: (), now=utc_now()
        )
    header = f"X-Api-Key: {key.api_key}\r\n"
    many = {"workflow_id": str(made.workflow_id), "payloads": [{"n": n} for n in range(BATCH)]}
    return Asked(
        root,
        Contestant("GET /api/product/info, bare, 64 connections", BARE),
        Contestant(
            "POST triggerworkflow, 64 connections",
            f"{TRIGGER_PATH}/{made.workflow_id}/1",
            header,
            body=b'{"n": 1}',
        ),
        Contestant(
            "POST triggerworkflow/batch of 1,000",
            f"{TRIGGER_PATH}/batch",
            header,
            body=json.dumps(many).encode(),
        ),
    )


async def rates(port: int, asked: Asked) -> list[Row]:
    """Requests, and executions that are accepted in batches, a second."""
    bare = single = batch = 0.0
    for _ in range(ROUNDS):
        of = {"requests": REQUESTS, "connections": CONNECTIONS}
        bare = max(bare, await rate_of(port, asked.bare, **of))
        single = max(single, await rate_of(port, asked.single, **of))
        batches = await rate_of(port, asked.batch, requests=BATCHES, connections=2)
        batch = max(batch, batches * BATCH)
    share = single / bare
    return [
        Row(asked.bare.name, bare, "/s"),
        Row(
            asked.single.name,
            single,
            "/s",
            f"{share:.2f} × bare",
            f"≥ {BAR} × bare",
            share >= BAR,
        ),
        Row(f"{asked.batch.name}: accepted", batch, "/s", "", f"≥ {BATCH_BAR}", batch >= BATCH_BAR),
    ]


async def waits(port: int, database: Database, asked: Asked) -> list[Row]:
    """At a steady rate: from the request to the first step, by the log, and to the answer."""
    idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await Connection.open(port))
    request = asked.single.request()
    seen: dict[UUID, tuple[float, float]] = {}

    async def one() -> None:
        began = time.time()
        connection = await idle.get()
        answer = json.loads(await connection.ask(asked.single, request))
        seen[UUID(answer["looply_execution_id"])] = (began, time.time())
        idle.put_nowait(connection)

    calls: list[asyncio.Task[None]] = []
    first = time.perf_counter()
    for n in range(TICKS):
        await asyncio.sleep(max(0.0, first + n / PER_SECOND - time.perf_counter()))
        calls.append(asyncio.create_task(one()))
    await asyncio.gather(*calls)
    while not idle.empty():
        idle.get_nowait().close()
    begun = await _first_steps(database, asked, list(seen))
    steps = sorted(begun[id_] - began * 1000 for id_, (began, _) in seen.items())
    answers = sorted((answered - began) * 1000 for began, answered in seen.values())
    late = int(TICKS * 0.99)
    name = f"POST triggerworkflow, {PER_SECOND} a second"
    middle = statistics.median(steps)
    return [
        Row(f"{name}, to the first step, p50", middle, "ms", "", "< 10", middle < 10),
        Row(f"{name}, to the first step, p99", steps[late], "ms", "", "< 40", steps[late] < 40),
        Row(f"{name}, answered, p50", statistics.median(answers), "ms"),
        Row(f"{name}, answered, p99", answers[late], "ms"),
    ]


async def _first_steps(database: Database, asked: Asked, ids: list[UUID]) -> dict[UUID, float]:
    """When each took its first step, in epoch milliseconds; never, if it has not for seconds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        async with database.tenant(asked.caller.tenant_id) as tx:
            logs = await history.events_of(tx, ids)
        if all(len(log) > 1 for log in logs.values()) or time.monotonic() > deadline:
            return {id_: log[1]["at"] if len(log) > 1 else math.inf for id_, log in logs.items()}
        await asyncio.sleep(0.05)


async def measure(owner_url: str, folder: Path) -> list[Row]:
    """The measurements, on one fresh database."""
    async with fresh_database(owner_url, "bench_triggering") as url:
        database = await open_database(url)
        try:
            asked = await prepare(database)
            async with answering(url, folder) as port:
                # Its connections to the database are open then, and know their types.
                await rate_of(port, asked.single, requests=WARM_UP, connections=CONNECTIONS)
                async with scheduling(url, folder):
                    found = await waits(port, database, asked)
                return await rates(port, asked) + found
        finally:
            await database.close()


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
