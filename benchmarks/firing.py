"""Ten thousand schedules due in the same second, beside APScheduler; and a tick among a million.

`python -m benchmarks.firing`. The schedules lie in a PostgreSQL with durable commits and 100,000
idle ones beside them; one process ticks, as `treadle serve` does. A firing counts as started when
it is committed: its run is in the queue then, or its event in the log. APScheduler keeps its jobs
in memory, survives nothing, and has the same number of them: its figure is for the scale.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import structlog
import uvloop
from rich.console import Console

from benchmarks.engine import SECRET, Row, fresh_database, open_database, table
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.engine.live import LiveHub
from treadle.identity.installation import create_tenant
from treadle.identity.model import Principal
from treadle.identity.passwords import Passwords
from treadle.integrations.addresses import Allowed
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.outbound import Outbound
from treadle.jobs import definitions, files
from treadle.jobs.context import JobsContext
from treadle.jobs.definitions import JobDraft
from treadle.jobs.installation import ensure_default_destination
from treadle.packages.limits import ArchiveLimits
from treadle.processes import collect_garbage_seldom
from treadle.schedules import schedules
from treadle.schedules.context import SchedulesContext
from treadle.schedules.decisions import FiringStatus
from treadle.schedules.due_times import ScheduleType
from treadle.schedules.ending import on_run_end
from treadle.schedules.model import ActionType, Definition, Schedule
from treadle.schedules.schedules import Draft
from treadle.schedules.ticker import ScheduleTicker
from treadle.storage.storage import open_storage
from treadle.workflows.answer_links import AnswerLinks
from treadle.workflows.context import WorkflowsContext

DUE, IDLE = 10_000, 100_000
MANY = 1_000_000
FEW = 1_000
AHEAD = timedelta(seconds=5)
TICKS = 30
BAR_SECONDS = 2.0


@dataclass
class Ground:
    """A tenant with a job, and schedules that are copied by the thousand."""

    url: str
    database: Database
    context: SchedulesContext
    caller: Principal
    job_id: int

    async def make(self, action: ActionType) -> Schedule:
        """A schedule whose copies are all there is."""
        config: dict[str, Any] = {"job_id": self.job_id} if action is ActionType.RUN_JOB else {}
        said = Definition(
            name="bench",
            schedule_type=ScheduleType.INTERVAL,
            schedule_expression="86400",
            start_at=datetime.now(UTC) + timedelta(days=30),
            action_type=action,
            action_config=config,
        )
        async with self.database.tenant(self.caller.tenant_id) as tx:
            made = await schedules.create_schedule(
                tx, self.context, self.caller, Draft(said), now=datetime.now(UTC)
            )
        return made.schedule

    async def copy(self, pattern: Schedule, count: int, *, due_at: datetime) -> None:
        """So many like this one, due then and every day after; each an expression of its own."""
        owner = await asyncpg.connect(self.url)
        names = [
            record["column_name"]
            for record in await owner.fetch(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_schema = 'treadle' AND table_name = 'schedules'"
            )
        ]
        values = {
            "id": "gen_random_uuid()",
            "created_at": "s.created_at + n * interval '1 microsecond'",
            "start_at": "$2::timestamptz",
            "next_run_at": "$2",
            "tick_at": "$2",
            "decided_until": "$2 - interval '1 second'",
        }
        await owner.execute("SET session_replication_role = replica")
        await owner.execute(
            f"INSERT INTO treadle.schedules ({', '.join(names)})"
            f" SELECT {', '.join(values.get(name, f's.{name}') for name in names)}"
            " FROM treadle.schedules s, generate_series(1, $3::int) AS n WHERE s.id = $1",
            pattern.id,
            due_at,
            count,
            timeout=1_200,
        )
        await owner.execute("ANALYZE treadle.schedules, treadle.firings", timeout=600)
        await owner.close()


@asynccontextmanager
async def ground(owner_url: str, name: str, folder: Path) -> AsyncGenerator[Ground]:
    """In a database of its own."""
    now = datetime.now(UTC)
    async with fresh_database(owner_url, name) as url:
        database = await open_database(url)
        tenant = await create_tenant(
            database,
            name="bench",
            admin_username="admin",
            admin_password="correct horse battery",
            passwords=Passwords(),
            now=now,
        )
        await ensure_default_destination(database, now=now)
        caller = Principal(
            "user", str(tenant.administrator_id), "admin", tenant.tenant.id, "Administrator", {}
        )
        jobs = JobsContext(
            sealer=Sealer([b"the master key of the benchmark, quite long"]),
            storage=open_storage(str(folder / name)),
            queue_bound=1_000,
            archive_limits=ArchiveLimits(),
            on_end=on_run_end,
        )
        job_id = await make_job(database, jobs, caller, folder, now=now)
        integrations = IntegrationsContext(jobs.sealer, Outbound(Allowed()))
        workflows = WorkflowsContext(
            jobs=jobs, integrations=integrations, links=AnswerLinks(SECRET)
        )
        context = SchedulesContext(jobs=jobs, workflows=workflows)
        yield Ground(url, database, context, caller, job_id)
        await database.close()


async def make_job(
    database: Database, jobs: JobsContext, caller: Principal, folder: Path, *, now: datetime
) -> int:
    """A job that could run."""
    path = folder / "hello.py"
    path.write_text("def main():\n    return 'done'\n")
    upload = await files.check_upload(jobs, path, "hello.py")
    await files.store_upload(database, jobs, caller.tenant_id, upload, now=now)
    async with database.tenant(caller.tenant_id) as tx:
        job = await definitions.create_job(tx, caller, JobDraft(name="bench"), now=now)
        await files.keep_upload(tx, caller, job.id, upload, now=now)
        draft = JobDraft(name="bench", package_name="hello.py", entry_point="hello.main")
        await definitions.replace_job(tx, caller, job.id, draft, now=now)
    return job.id


# ---------------------------------------------------------------- all at once


async def measure_burst(place: Ground, action: ActionType) -> Sequence[float]:
    """Seconds from the due time to the commit of each of DUE firings."""
    pattern = await place.make(action)
    await place.copy(pattern, IDLE, due_at=datetime.now(UTC) + timedelta(days=10))
    due_at = (datetime.now(UTC) + AHEAD * 3).replace(microsecond=0)
    await place.copy(pattern, DUE, due_at=due_at)
    lateness: list[float] = []
    all_started = asyncio.Event()

    def count(status: FiringStatus, lateness_seconds: float | None) -> None:
        if lateness_seconds is not None:  # its first attempt has started
            lateness.append(time.time() - due_at.timestamp())
            if len(lateness) == DUE:
                all_started.set()

    hub = LiveHub(place.database)
    ticker = ScheduleTicker(place.database, hub, replace(place.context, count=count))
    collect_garbage_seldom()  # as a process that serves does
    hub.start()
    ticker.start()
    async with asyncio.timeout(600):
        await all_started.wait()
    await ticker.stop()
    await hub.stop()
    return lateness


async def measure_apscheduler() -> Sequence[float]:
    """The same of APScheduler's asyncio scheduler with its store in memory."""
    scheduler: Any = import_module("apscheduler.schedulers.asyncio").AsyncIOScheduler(
        timezone=UTC, job_defaults={"misfire_grace_time": None}
    )
    lateness: list[float] = []
    all_started = asyncio.Event()
    due_at = datetime.now(UTC) + timedelta(days=10)

    async def fire() -> None:
        lateness.append(time.time() - due_at.timestamp())
        if len(lateness) == DUE:
            all_started.set()

    for _ in range(IDLE):
        scheduler.add_job(fire, "interval", days=1, next_run_time=due_at)
    scheduler.start(paused=True)
    due_at = (datetime.now(UTC) + AHEAD * 2).replace(microsecond=0)
    for _ in range(DUE):
        scheduler.add_job(fire, "interval", days=1, next_run_time=due_at)
    scheduler.resume()
    async with asyncio.timeout(600):
        await all_started.wait()
    scheduler.shutdown(wait=False)
    return lateness


def burst_rows(name: str, lateness: Sequence[float], others: Sequence[float]) -> Sequence[Row]:
    """p50, p99 and the last of one, beside APScheduler's."""

    def of(values: Sequence[float]) -> tuple[float, float, float]:
        ordered = sorted(values)
        return statistics.median(ordered), ordered[int(len(ordered) * 0.99)], ordered[-1]

    found: list[Row] = []
    for label, ours, theirs in zip(("p50", "p99", "max"), of(lateness), of(others), strict=True):
        bar = f"< {BAR_SECONDS:.0f} s" if label == "p99" else ""
        found.append(
            Row(
                f"{name}, lateness {label}",
                ours,
                "s",
                f"{ours / theirs:.1f} × APScheduler in memory",
                bar,
                ours < BAR_SECONDS if bar else None,
            )
        )
    return found


# ---------------------------------------------------------------- a tick among many


async def measure_tick(place: Ground, idle: int) -> float:
    """Milliseconds of a tick that decides on ten schedules, beside so many idle ones."""
    pattern = await place.make(ActionType.LOG_EVENT)
    now = datetime.now(UTC)
    await place.copy(pattern, idle, due_at=now + timedelta(days=400))
    for number in range(TICKS):
        await place.copy(pattern, 10, due_at=now + timedelta(seconds=10 * number))
    ticker = ScheduleTicker(place.database, LiveHub(place.database), place.context)
    took: list[float] = []
    for number in range(TICKS):
        at = now + timedelta(seconds=10 * number + 1)
        begun = time.perf_counter()
        await ticker.tick(at)
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1_000


async def measure(owner_url: str, folder: Path) -> list[Row]:
    """All of it, on this server."""
    others = await measure_apscheduler()
    found: list[Row] = []
    for action in (ActionType.LOG_EVENT, ActionType.RUN_JOB):
        async with ground(owner_url, f"burst_{action}", folder) as place:
            lateness = await measure_burst(place, action)
        found += burst_rows(f"{DUE:,} due at once, {action}", lateness, others)
    ticks: list[float] = []
    for idle in (FEW, MANY):
        async with ground(owner_url, f"ticks_{idle}", folder) as place:
            ticks.append(await measure_tick(place, idle))
    few, many = ticks
    found.append(Row(f"a tick of ten due, {FEW:,} idle", few, "ms"))
    ratio = f"{many / few:.2f} × with {FEW:,}"
    found.append(
        Row(f"a tick of ten due, {MANY:,} idle", many, "ms", ratio, "< 1.50 ×", many < 1.5 * few)
    )
    return found


def rows() -> list[Row]:
    """Starts a PostgreSQL of its own with the settings of production, and measures on it."""
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as name:
        server = EmbeddedPostgres(Path(name) / "postgres")
        server.start()
        try:
            return uvloop.run(measure(server.owner_url, Path(name)))
        finally:
            server.stop()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    Console().print(table(rows()))
