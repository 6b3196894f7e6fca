"""Executions on the engine and a durable PostgreSQL, all on this machine, beside DBOS and
Prefect.

`python -m benchmarks.executions`. One process has all lanes of workflows, as `treadle serve` does;
once more a scheduler helps it, as on the second processor of a machine: `treadle serve --only
scheduler`. Beside the wall time stands the CPU time of it and of PostgreSQL together, which what
else the machine does leaves alone. DBOS and Prefect are installed for the occasion, if a package
index can be reached.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog
import uvloop
from rich.console import Console

from benchmarks.engine import SECRET, Row, fresh_database, open_database, scheduling, table
from benchmarks.rival import measure_dbos, measure_prefect
from treadle.core.clock import utc_now
from treadle.core.json import Json
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.db.postmaster import read_postmaster
from treadle.engine.admitter import Admitter
from treadle.engine.live import LiveHub
from treadle.engine.supervisor import Supervisor
from treadle.engine.timers import Ticker
from treadle.identity.installation import create_tenant
from treadle.identity.model import Principal
from treadle.identity.passwords import Passwords
from treadle.integrations.addresses import Allowed
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.outbound import Outbound
from treadle.jobs.context import JobsContext
from treadle.packages.limits import ArchiveLimits
from treadle.processes import collect_garbage_seldom
from treadle.storage.storage import open_storage
from treadle.workflows import definitions, executions, history
from treadle.workflows.advancing import Advancer
from treadle.workflows.answer_links import AnswerLinks
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.effect_lanes import effects_lane
from treadle.workflows.execution_model import StartedBy
from treadle.workflows.executions import Start
from treadle.workflows.queueing import topic_of
from treadle.workflows.triggers import Triggers, Wanted
from treadle.workflows.versions import Version, WorkflowDraft

BULK: Final = 40_000
AT_ONCE: Final = 1_000
WAITING: Final = 100_000
BAR: Final = 5_000
FORTY: Final = 30
FORTY_BAR: Final = 0.05
IDLE_SECONDS: Final = 5.0
TRIGGER: Final = {"id": "t", "type": "request", "config": {}}
_HERTZ: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


# ---------------------------------------------------------------- what a process costs


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of CPU time."""

    program: float
    postgres: float

    def since(self, before: Spent) -> Spent:
        """What was spent between the two."""
        return Spent(self.program - before.program, self.postgres - before.postgres)


def spent(postmaster: int) -> Spent:
    """So far. A server process that has ended is counted with the postmaster."""
    return Spent(time.process_time(), _cpu_seconds(postmaster))


def _cpu_seconds(postmaster: int) -> float:
    total = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it ended while we looked
        own = int(fields[11]) + int(fields[12])
        if int(folder.name) == postmaster:
            total += own + int(fields[13]) + int(fields[14])
        elif int(fields[1]) == postmaster:
            total += own
    return total / _HERTZ


def resident_bytes() -> int:
    """Memory of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


# ---------------------------------------------------------------- the process


@dataclass(frozen=True, slots=True)
class Plant:
    """A tenant on a fresh database, and the lanes of a process."""

    database: Database
    context: WorkflowsContext
    hub: LiveHub
    caller: Principal
    postmaster: int

    async def make(self, steps: Sequence[dict[str, Any]]) -> Version:
        """An ACTIVE version whose steps follow one another."""
        notes = [TRIGGER, *steps]
        ids = [note["id"] for note in notes]
        ways = [{"from": a, "to": b} for a, b in pairwise(ids)]
        draft = WorkflowDraft(name="bench", steps=notes, connections=ways)
        async with self.database.tenant(self.caller.tenant_id) as tx:
            made = await definitions.create_workflow(
                tx, self.caller, draft, check_schedule=lambda _: (), now=utc_now()
            )
            return await definitions.activate_version(
                tx,
                self.caller,
                made.workflow_id,
                made.number,
                check_schedule=lambda _: (),
                now=utc_now(),
            )

    async def start(self, version: Version, payloads: Sequence[Json]) -> list[UUID]:
        async with self.database.tenant(self.caller.tenant_id) as tx:
            return await executions.trigger(
                tx,
                self.context,
                version,
                [Start(payload, by=self.caller.ref) for payload in payloads],
                trigger_type=StartedBy.REQUEST,
                now=utc_now(),
            )

    async def until(self, status: str, count: int, *, look_every: float = 0.05) -> None:
        """Waits until so many executions have this status."""
        while True:
            async with self.database.tenant(self.caller.tenant_id) as tx:
                found = await tx.fetchval(
                    "SELECT count(*) FROM executions WHERE tenant_id = $1 AND status = $2",
                    self.caller.tenant_id,
                    status,
                )
            if found >= count:
                return
            await asyncio.sleep(look_every)

    async def over(self, execution_id: UUID) -> None:
        """Waits until the execution is over."""
        async with self.hub.subscribe(topic_of(execution_id)) as changes:
            while True:
                changes.clear()
                async with self.database.tenant(self.caller.tenant_id) as tx:
                    found = await history.read(tx, self.caller, execution_id)
                if found.status.over:
                    return
                await changes.wait()


@asynccontextmanager
async def plant(url: str, postmaster: int, folder: Path) -> AsyncGenerator[Plant]:
    """All lanes of workflows, until the block ends."""
    database = await open_database(url)
    tenant = await create_tenant(
        database,
        name="bench",
        admin_username="bench",
        admin_password="benchmark only",
        passwords=Passwords(),
        now=utc_now(),
    )
    sealer = Sealer([SECRET])
    jobs = JobsContext(
        sealer=sealer,
        storage=open_storage(str(folder / "files")),
        queue_bound=200,
        archive_limits=ArchiveLimits(),
    )
    outbound = Outbound(Allowed.parse(["127.0.0.1"]))
    context = WorkflowsContext(
        jobs=jobs, integrations=IntegrationsContext(sealer, outbound), links=AnswerLinks(SECRET)
    )
    collect_garbage_seldom()
    hub = LiveHub(database)
    hub.start()
    effects = effects_lane(database, context, hub)
    admitter = Admitter(database, hub, bound=jobs.queue_bound)
    ticker = Ticker(database, hub, bound=jobs.queue_bound)
    supervisor = Supervisor(
        database,
        hub,
        [Advancer(database, context).lane(), effects.start()],
        on_freed=admitter.freed,
    )
    for part in (admitter, ticker, supervisor):
        part.start()
    caller = Principal(
        "user", str(tenant.administrator_id), "bench", tenant.tenant.id, "Administrator", {}
    )
    try:
        yield Plant(database, context, hub, caller, postmaster)
    finally:
        await ticker.stop()
        await admitter.stop()
        await supervisor.stop(grace_seconds=5)
        await effects.stop()
        await hub.stop()
        await outbound.close()
        await database.close()


def transform(id_: str, value: Json, mode: str = "merge") -> dict[str, Any]:
    return {"id": id_, "type": "transform", "config": {"value": value, "mode": mode}}


THREE: Final = (
    transform("a", {"n": "${payload.n + 1}"}),
    transform("b", {"m": "${payload.n * 2}"}),
    transform("c", {"r": "${string(payload.m) + '/' + string(payload.n)}"}, "replace"),
)


# ---------------------------------------------------------------- the figures


@dataclass(frozen=True, slots=True)
class Bulk:
    """Executions a second until the last was Completed, and while they were accepted; CPU seconds
    of all of them."""

    rate: float
    accepted: float
    cost: Spent


async def bulk(running: Plant) -> Bulk:
    """Three transforms, triggered in bulk, from the first trigger to the last Completed."""
    version = await running.make(THREE)
    await running.start(version, [{"n": 1}] * 100)
    await running.until("Completed", 100)
    before, began = spent(running.postmaster), time.perf_counter()
    for first in range(0, BULK, AT_ONCE):
        await running.start(version, [{"n": n} for n in range(first, first + AT_ONCE)])
    accepted = time.perf_counter() - began
    await running.until("Completed", 100 + BULK, look_every=0.2)  # counting costs, too
    took = time.perf_counter() - began
    return Bulk(BULK / took, BULK / accepted, spent(running.postmaster).since(before))


def bulk_rows(alone: Bulk, helped: Bulk) -> list[Row]:
    """Of one process that does it alone, and of one that a second scheduler helps."""
    name = "three transforms in bulk, to Completed"
    program, postgres = (each / BULK * 1e6 for each in (alone.cost.program, alone.cost.postgres))
    note, each = f"program {program:.0f}, PostgreSQL {postgres:.0f}", program + postgres
    met = helped.rate >= BAR
    return [
        Row(f"{name}: one process", alone.rate, "/s"),
        Row(f"{name}: two processes", helped.rate, "/s", "", f"≥ {BAR}", met),
        Row("CPU time of one of them", each, "µs", note, f"< {2e6 / BAR:.0f}", each < 2e6 / BAR),
        Row("accepted meanwhile, 1,000 at a time", alone.accepted, "/s"),
    ]


async def forty(running: Plant) -> float:
    """Seconds of one flow of 40 light steps, triggered as a caller does, until its row says that it
    is Completed: the median of some, one at a time.
    """
    version = await running.make([transform(f"s{n}", {"n": "${payload.n + 1}"}) for n in range(40)])
    triggers = Triggers(running.database, running.context)
    took: list[float] = []
    for _ in range(FORTY):
        began = time.perf_counter()
        wanted = Wanted(running.caller, version.workflow_id, version.number, True, {"n": 0})
        await running.over(await triggers.start(wanted))
        took.append(time.perf_counter() - began)
    return statistics.median(took)


async def waiting(running: Plant) -> list[Row]:
    """What executions cost that wait for an answer: memory and CPU time of the idle process."""
    ask = {"id": "ask", "type": "wait_for_response", "config": {"timeout_seconds": 86_400}}
    version = await running.make([ask])
    before = resident_bytes()
    for first in range(0, WAITING, AT_ONCE):
        await running.start(version, [{"n": n} for n in range(first, first + AT_ONCE)])
    await running.until("Awaiting Response", WAITING, look_every=1.0)
    gc.collect()
    grown = (resident_bytes() - before) / 2**20
    idle = spent(running.postmaster)
    await asyncio.sleep(IDLE_SECONDS)
    cost = spent(running.postmaster).since(idle)
    share = cost.program / IDLE_SECONDS * 100
    note = f"PostgreSQL {cost.postgres / IDLE_SECONDS * 100:.1f} %"
    return [
        Row(f"{WAITING} waiting: memory of the process", grown, "MiB more"),
        Row(f"{WAITING} waiting: its CPU", share, "%", note),
    ]


# ---------------------------------------------------------------- all of it


async def measure(server: EmbeddedPostgres, folder: Path) -> list[Row]:
    """The measurements, each on a fresh database."""
    owner = server.owner_url
    found: list[Row] = []
    postmaster = read_postmaster(server.data)
    if postmaster is None:
        raise LookupError("the server has no postmaster")
    async with fresh_database(owner, "bulk") as url, plant(url, postmaster.pid, folder) as running:
        alone = await bulk(running)
    async with (
        fresh_database(owner, "helped") as url,
        plant(url, postmaster.pid, folder) as running,
        scheduling(url, folder),
    ):
        found += bulk_rows(alone, await bulk(running))
    async with fresh_database(owner, "forty") as url, plant(url, postmaster.pid, folder) as running:
        seconds = await forty(running)
    async with fresh_database(owner, "wait") as url, plant(url, postmaster.pid, folder) as running:
        found += await waiting(running)
    async with fresh_database(owner, "rival") as url:
        rival = await asyncio.to_thread(measure_dbos, url, folder)
    prefect = await asyncio.to_thread(measure_prefect, folder)
    note = "DBOS is not measured"
    if rival is not None:
        times = found[0].value / rival.three
        note = f"{times:.0f} × DBOS with three steps ({rival.three:.0f}/s)"
        found[0] = replace(found[0], ratio=note)
        note = f"DBOS {rival.forty * 1000:.0f} ms"
    if prefect is not None:
        note += f", Prefect {prefect * 1000:.0f} ms"
    met = seconds < FORTY_BAR
    found.append(Row("a flow of 40 light steps", seconds * 1000, "ms", note, "≤ 50", met))
    return found


def rows() -> list[Row]:
    """The measurements."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        try:
            return uvloop.run(measure(server, Path(folder)))
        finally:
            server.stop()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    Console().print(table(rows()))
