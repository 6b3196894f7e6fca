"""What `treadle serve` starts, and how it ends.

Started in this order, each with a line of progress; ended in the reverse one:

    HTTP socket → data directory, secret key → database (embedded or not), migrated → files
    → first tenant → live hub → scheduler loops and lanes → worker lanes → HTTP answers

The end: SIGTERM or SIGINT makes the process unready and ends streams; lanes take nothing new, and
running attempts may finish for TREADLE_SHUTDOWN_SECONDS before they are handed back; then HTTP
closes, and an embedded PostgreSQL stops last. A second signal cuts that short. What a kill -9
leaves behind, the next start or another process takes up.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum, unique
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from treadle import __version__
from treadle.announcing import password_box, write_server_file
from treadle.api.addresses import parse_networks
from treadle.api.context import AppContext
from treadle.api.readiness import Readiness
from treadle.app import ROUTERS, WATCHED_ROUTERS, create_app
from treadle.consuming import Handlers, consumed_by_scheduler, consumed_by_worker
from treadle.core.clock import utc_now
from treadle.db.database import Database
from treadle.db.errors import DatabaseUnavailable
from treadle.domains import make_domains
from treadle.duties import Checks, Scheduler
from treadle.engine.depths import queue_depths
from treadle.engine.live import LiveHub
from treadle.engine.loops import Loop
from treadle.engine.supervisor import Supervisor
from treadle.faults import StartFault
from treadle.foundation import Foundation, Report, open_foundation
from treadle.identity.key_usage import WRITE_EVERY
from treadle.listening import HttpServer
from treadle.mailing import mail_of, smtp_server_of
from treadle.metrics import Metrics
from treadle.sandbox import SandboxUnavailable
from treadle.sandbox import check as check_sandbox
from treadle.settings import Settings
from treadle.signals import StopRequest
from treadle.workers import WorkerParts, build_worker, working_folder

log = structlog.get_logger()

HTTP_GRACE_SECONDS: Final = 10.0
"""For requests that are being answered when everything else has ended."""
METRICS_SECONDS: Final = 2.0
KEY_USAGE_SECONDS: Final = WRITE_EVERY.total_seconds()
REFUSAL_SECONDS: Final = 1.0
SANDBOX_CHECK_SECONDS: Final = 60.0
CACHE_PRUNE_SECONDS: Final = 3600.0
SERVER_FILE: Final = "server.json"


@unique
class Role(StrEnum):
    """What a process does; by default all of it."""

    API = "api"
    SCHEDULER = "scheduler"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which roles a process has, and whether it answers HTTP: always with the API; without it, for
    health and metrics, if a port was asked for.
    """

    roles: frozenset[Role]
    listens: bool

    @classmethod
    def of(cls, settings: Settings, *, only: Role | None) -> Plan:
        """The plan for `treadle serve`, with or without `--only`."""
        roles = frozenset(Role) if only is None else frozenset({only})
        asked_for = "port" in settings.model_fields_set
        return cls(roles=roles, listens=Role.API in roles or asked_for)


async def serve(
    settings: Settings, plan: Plan, *, report: Report, stop: StopRequest | None = None
) -> None:
    """Runs the process until it is asked to stop. Raises one of OPERATOR_FAULTS."""
    stop = stop or StopRequest()
    process = _Process(settings, plan, report=report, stop=stop)
    with stop.on_signals():
        running = asyncio.create_task(process.run(), name="process")
        asked = asyncio.create_task(stop.asked.wait(), name="stop-asked")
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not process.is_up:
            running.cancel()  # a start that is under way ends where it is
        try:
            await running
        except asyncio.CancelledError:
            if not stop.asked.is_set():
                raise
        finally:
            asked.cancel()
    report("Stopped")


class _Process:
    """One run of a process, from its start to its end."""

    def __init__(
        self, settings: Settings, plan: Plan, *, report: Report, stop: StopRequest
    ) -> None:
        self.is_up = False
        self._settings = settings
        self._plan = plan
        self._report = report
        self._stop = stop
        self._metrics = Metrics()
        self._stopping = asyncio.Event()
        self._loops: list[Callable[[], Sequence[Loop]]] = []
        self._sandbox_fault: str | None = None

    async def run(self) -> None:
        """Starts everything, waits until the end is asked for, ends everything in reverse."""
        refuse_bad_addresses(self._settings)
        async with AsyncExitStack() as stack:
            http = self._bind(stack)
            if Role.WORKER in self._plan.roles:
                await self._check_sandbox()
            foundation = await stack.enter_async_context(
                open_foundation(self._settings, report=self._report)
            )
            self._announce_first_start(foundation)
            context = self._context(foundation)
            context.live.start()
            stack.push_async_callback(context.live.stop)
            self._start_writers(stack, context)
            if http is not None:
                # Again, in its place: requests are answered until the lanes have ended.
                stack.push_async_callback(self._close, http)
            scheduler = self._start_scheduler(stack, context)
            await self._start_worker(stack, foundation, context, scheduler)
            if http is not None:
                routers = ROUTERS if Role.API in self._plan.roles else WATCHED_ROUTERS
                await http.start(create_app(context, routers=routers))
            collect_garbage_seldom()
            with self._listed(http):
                self._say_ready(http)
                self.is_up = True
                await self._until_the_end(http)
            self._stopping.set()
            self._report("Stopping")

    def _bind(self, stack: AsyncExitStack) -> HttpServer | None:
        """First of all: a port that is taken is said before a database has been made."""
        if not self._plan.listens:
            return None
        http = HttpServer(host=self._settings.host, port=self._settings.port)
        stack.push_async_callback(self._close, http)
        return http

    async def _close(self, http: HttpServer) -> None:
        grace = 0.0 if self._stop.hurried.is_set() else HTTP_GRACE_SECONDS
        await http.stop(grace_seconds=grace)

    def _context(self, foundation: Foundation) -> AppContext:
        database, settings = foundation.database, foundation.settings
        checks = Checks(
            database=database,
            storage=foundation.storage,
            loops=lambda: [loop for loops in self._loops for loop in loops()],
            sandbox_fault=lambda: self._sandbox_fault,
        )
        domains = make_domains(foundation, self._metrics)
        return AppContext(
            settings=settings,
            database=database,
            storage=foundation.storage,
            sealer=foundation.sealer,
            passwords=foundation.passwords,
            lockout=foundation.lockout,
            jobs=domains.jobs,
            workflows=domains.workflows,
            schedules=domains.schedules,
            integrations=domains.integrations,
            live=LiveHub(database),
            mail=mail_of(settings, foundation.sealer),
            metrics=self._metrics,
            readiness=Readiness(checks.by_name(), is_stopping=self._stopping.is_set),
            stopping=self._stopping,
            refresh_metrics=lambda: _read_depths(database, self._metrics),
        )

    def _start_scheduler(self, stack: AsyncExitStack, context: AppContext) -> Scheduler | None:
        if Role.SCHEDULER not in self._plan.roles:
            return None
        keep_runs = timedelta(days=self._settings.run_retention_days)
        scheduler = Scheduler(
            context.database,
            context.live,
            context.schedules,
            keep_runs=keep_runs,
            lease_seconds=self._settings.lease_seconds,
            mail=context.mail,
        )
        scheduler.start()
        stack.push_async_callback(scheduler.stop)
        self._loops.append(lambda: scheduler.loops)
        consumed = consumed_by_scheduler(context)
        stack.push_async_callback(consumed.effects.stop)
        supervisor = Supervisor(
            context.database,
            context.live,
            consumed.lanes,
            heartbeat_seconds=self._settings.lease_seconds,
            on_freed=scheduler.admitter.freed,
        )
        supervisor.start()
        stack.push_async_callback(supervisor.stop, grace_seconds=self._settings.shutdown_seconds)
        self._loops.append(lambda: [*supervisor.loops, consumed.effects.loop])
        return scheduler

    async def _start_worker(
        self,
        stack: AsyncExitStack,
        foundation: Foundation,
        context: AppContext,
        scheduler: Scheduler | None,
    ) -> None:
        if Role.WORKER not in self._plan.roles:
            return
        folder = stack.enter_context(working_folder(self._settings))
        parts = build_worker(foundation, context.jobs, context.live, folder=folder)
        consumed = await consumed_by_worker(context, parts, folder)
        stack.push_async_callback(parts.worker.stop)
        stack.push_async_callback(consumed.effects.stop)
        handlers = Handlers()
        supervisor = Supervisor(
            context.database,
            context.live,
            [handlers.of(lane) for lane in consumed.lanes],
            heartbeat_seconds=self._settings.lease_seconds,
            on_freed=None if scheduler is None else scheduler.admitter.freed,
        )
        supervisor.start()
        stack.push_async_callback(
            handlers.drain,
            supervisor,
            grace_seconds=self._settings.shutdown_seconds,
            hurried=self._stop.hurried,
            report=self._report,
        )
        self._loops.append(lambda: [*supervisor.loops, consumed.effects.loop])
        for name, tick, seconds in (
            ("sandbox-check", self._check_sandbox_again, SANDBOX_CHECK_SECONDS),
            ("prune-caches", lambda: _prune_caches(parts), CACHE_PRUNE_SECONDS),
        ):
            loop = Loop(name, tick, interval_seconds=seconds)
            loop.start()
            stack.push_async_callback(loop.stop)

    def _start_writers(self, stack: AsyncExitStack, context: AppContext) -> None:
        """What requests only leave notes of is written in rounds, and once more at the end: when
        keys were used last, every minute, and refusals, every second.
        """
        if Role.API not in self._plan.roles:
            return

        async def write_key_usage() -> None:
            await context.key_usage.write(context.database)

        async def write_refusals() -> None:
            await context.refusals.write(context.database, now=context.clock())

        for name, tick, seconds in (
            ("key-usage", write_key_usage, KEY_USAGE_SECONDS),
            ("refusals", write_refusals, REFUSAL_SECONDS),
        ):
            loop = Loop(name, tick, interval_seconds=seconds)
            loop.start()
            stack.push_async_callback(_last_write, loop, tick)

    async def _check_sandbox(self) -> None:
        """Raises SandboxUnavailable: a worker that could only fail its runs must not take any."""
        for note in (await check_sandbox()).notes:
            self._report(f"Sandbox: {note}")

    async def _check_sandbox_again(self) -> None:
        try:
            await check_sandbox()
        except SandboxUnavailable as error:
            log.error("sandbox_unavailable", error=str(error))
            self._sandbox_fault = "no sandbox can be made here now; see the log"
        else:
            self._sandbox_fault = None

    def _announce_first_start(self, foundation: Foundation) -> None:
        password = foundation.first_start.password_generated
        if password is not None:
            self._report(password_box(password))

    @contextmanager
    def _listed(self, http: HttpServer | None) -> Generator[None]:
        """For tools on this machine: where the API is, as long as it answers."""
        if http is None or Role.API not in self._plan.roles:
            yield
            return
        path = self._settings.data_dir / SERVER_FILE
        write_server_file(path, url=http.url)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def _say_ready(self, http: HttpServer | None) -> None:
        roles = ", ".join(sorted(self._plan.roles))
        log.info("process_ready", roles=roles, url=http and http.url, version=__version__)
        self._report(
            f"Treadle {__version__} is ready ({roles})" + (f": {http.url}" if http else "")
        )

    async def _until_the_end(self, http: HttpServer | None) -> None:
        waiting: set[asyncio.Task[Any]] = {asyncio.create_task(self._stop.asked.wait())}
        if http is not None:
            waiting.add(asyncio.create_task(http.wait()))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        if not self._stop.asked.is_set():
            raise StartFault("the HTTP server ended by itself; see the log")


async def _last_write(loop: Loop, write: Callable[[], Awaitable[None]]) -> None:
    await loop.stop()
    try:
        await write()
    except DatabaseUnavailable as error:
        log.warning("not_written", loop=loop.name, error=str(error))


async def _prune_caches(parts: WorkerParts) -> None:
    await asyncio.to_thread(parts.prune_caches, utc_now())


async def _read_depths(database: Database, metrics: Metrics) -> None:
    """Queue depths as they are now; where they cannot be had, none rather than old ones."""
    metrics.queue_entries.clear()
    try:
        async with asyncio.timeout(METRICS_SECONDS):
            depths = await queue_depths(database, utc_now())
    except (DatabaseUnavailable, TimeoutError) as error:
        log.warning("queue_depths_unknown", error=f"{type(error).__name__}: {error}")
        return
    for lane, depth in depths.items():
        for state, count in asdict(depth).items():
            metrics.queue_entries.labels(lane, state).set(count)


def collect_garbage_seldom() -> None:
    """What stands by now stays, and is not looked at again and again. A group of executions is some
    fifty thousand objects that all live until it is written: at Python's own pace a third of its
    time would go into finding that out.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def refuse_bad_addresses(settings: Settings) -> None:
    """Raises StartFault, naming the variable, for addresses that could only fail later."""
    try:
        parse_networks(settings.trusted_proxies)
    except ValueError as error:
        raise StartFault(f"TREADLE_TRUSTED_PROXIES: {error}") from None
    url = urlsplit(settings.public_url or "http://localhost")
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
        raise StartFault("TREADLE_PUBLIC_URL: must be like https://treadle.example")
    smtp_server_of(settings)
