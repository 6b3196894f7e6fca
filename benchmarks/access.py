"""What it costs to know who calls: the full check beside the bare request, on the same server.

`python -m benchmarks.access`. One process answers, another asks over 32 connections, a durable
PostgreSQL stands beside them, all on this machine. The bare request is `GET /api/product/info`; the
others ask for the very same answer behind the check: key or token, expiry, firewall, roles, right,
and the caller's rate limit. The last one is refused, which leaves a note that becomes an entry of
the audit log: they are written while it asks, as in `treadle serve`. They take turns; of each its
best turn counts.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Final

import uvloop
from fastapi import APIRouter
from rich.console import Console

from benchmarks.engine import SECRET, Row, fresh_database, open_database, table
from treadle.api.bodies import EdgeRoute
from treadle.api.context import AppContext
from treadle.api.dependencies import needs
from treadle.api.integration_manager.product import ProductInfo, get_product_info
from treadle.app import ROUTERS, create_app
from treadle.core.clock import utc_now
from treadle.core.sealing import Sealer
from treadle.db.database import Database
from treadle.db.embedded import EmbeddedPostgres
from treadle.engine.live import LiveHub
from treadle.engine.loops import Loop
from treadle.identity import sessions
from treadle.identity.api_keys import KeyDraft, create_key
from treadle.identity.client_tokens import issue_token
from treadle.identity.firewall import FirewallRule
from treadle.identity.installation import NewTenant, create_tenant
from treadle.identity.lockout import LockOut
from treadle.identity.members import set_member
from treadle.identity.model import IssuedKey, Principal, ProjectRole
from treadle.identity.passwords import Passwords
from treadle.identity.rights import Right
from treadle.integrations.addresses import Allowed
from treadle.integrations.context import IntegrationsContext
from treadle.integrations.outbound import Outbound
from treadle.jobs.context import JobsContext
from treadle.listening import HttpServer
from treadle.logs import configure_logs
from treadle.packages.limits import ArchiveLimits
from treadle.processes import REFUSAL_SECONDS
from treadle.schedules.context import SchedulesContext
from treadle.settings import Settings
from treadle.storage.storage import open_storage
from treadle.workflows.answer_links import AnswerLinks
from treadle.workflows.context import WorkflowsContext

CONNECTIONS: Final = 32
REQUESTS: Final = 3_200
ROUNDS: Final = 3
BAR: Final = 0.25
BARE: Final = "/api/product/info"
CHECKED: Final = "/bench/product/info"
PASSWORD: Final = "benchmark only"

router: Final = APIRouter(route_class=EdgeRoute)


@router.get(CHECKED)
async def get_checked(caller: Annotated[Principal, needs(Right.TENANT_READ)]) -> ProductInfo:
    """The bare request's answer, for whoever has a role."""
    return await get_product_info()


# ---------------------------------------------------------------- the server


async def serve(url: str, folder: Path) -> None:
    """Answers until it is ended; prints its port."""
    settings = Settings(data_dir=folder)
    configure_logs(level="warning", form="json", stream=sys.stderr, final=True)
    database = await open_database(url)
    storage, sealer = open_storage(str(folder / "files")), Sealer([SECRET])
    jobs = JobsContext(
        sealer=sealer, storage=storage, queue_bound=200, archive_limits=ArchiveLimits()
    )
    integrations = IntegrationsContext(sealer, Outbound(Allowed()))
    workflows = WorkflowsContext(jobs=jobs, integrations=integrations, links=AnswerLinks(SECRET))
    context = AppContext(
        settings=settings,
        database=database,
        storage=storage,
        sealer=sealer,
        passwords=Passwords(),
        lockout=LockOut(SECRET),
        jobs=jobs,
        workflows=workflows,
        schedules=SchedulesContext(jobs=jobs, workflows=workflows),
        integrations=integrations,
        live=LiveHub(database),
    )
    http = HttpServer(host="127.0.0.1", port=0)
    await http.start(create_app(context, routers=(*ROUTERS, router)))

    async def write() -> None:
        await context.refusals.write(database, now=utc_now())

    Loop("refusals", write, interval_seconds=REFUSAL_SECONDS).start()
    sys.stdout.write(f"{http.port}\n")
    sys.stdout.flush()
    await http.wait()


# ---------------------------------------------------------------- who asks


@dataclass(frozen=True, slots=True)
class Contestant:
    """A request that is made again and again."""

    name: str
    path: str
    header: str = ""
    status: int = 200
    body: bytes | None = None

    def request(self) -> bytes:
        """As it goes over the wire: a POST, if it has a body."""
        method = "GET" if self.body is None else "POST"
        length = "" if self.body is None else f"Content-Length: {len(self.body)}\r\n"
        head = f"{method} {self.path} HTTP/1.1\r\nHost: bench\r\n{self.header}{length}\r\n"
        return head.encode() + (self.body or b"")


async def make_key(
    database: Database,
    tenant: NewTenant,
    root: Principal,
    *,
    rules: int,
    has_role: bool = True,
    role: ProjectRole = "Manager",
) -> IssuedKey:
    """A key that may read a little, behind so many firewall rules; the last one lets us in."""
    ranges = [FirewallRule(f"rule {n}", *[IPv4Address(n)] * 2) for n in range(rules - 1)]
    own = FirewallRule("own", IPv4Address("127.0.0.0"), IPv4Address("127.0.0.255"))
    draft = KeyDraft("benchmark", utc_now() + timedelta(days=1), (*ranges, own)[-rules:])
    async with database.tenant(tenant.tenant.id) as tx:
        issued = await create_key(tx, root, draft, now=utc_now())
        if not has_role:
            return issued
        await set_member(
            tx,
            root,
            member_type="api_key",
            member_id=str(issued.key.client_id),
            role=role,
            project_id=tenant.project.id,
            now=utc_now(),
        )
    return issued


async def contestants(database: Database) -> list[Contestant]:
    """The bare request, and one for each credential."""
    now, passwords = utc_now(), Passwords()
    tenant = await create_tenant(
        database,
        name="bench",
        admin_username="admin",
        admin_password=PASSWORD,
        passwords=passwords,
        now=now,
    )
    root = Principal(
        "user", str(tenant.administrator_id), "admin", tenant.tenant.id, "Administrator", {}
    )
    key = await make_key(database, tenant, root, rules=1)
    fenced = await make_key(database, tenant, root, rules=100)
    bare = await make_key(database, tenant, root, rules=1, has_role=False)
    session = await sessions.log_in(
        database,
        username="admin",
        password=PASSWORD,
        address="127.0.0.1",
        passwords=passwords,
        lockout=LockOut(SECRET),
        now=now,
    )
    token = await issue_token(
        database,
        client_id=str(key.key.client_id),
        client_secret=key.client_secret,
        address="127.0.0.1",
        now=now,
    )
    bearer = "Authorization: Bearer {}\r\n"
    return [
        Contestant("GET /api/product/info, bare", BARE),
        Contestant("the same behind an API key", CHECKED, f"X-Api-Key: {key.api_key}\r\n"),
        Contestant("… with 100 firewall rules", CHECKED, f"X-Api-Key: {fenced.api_key}\r\n"),
        Contestant("… behind a key's token", CHECKED, bearer.format(token.access_token)),
        Contestant("… behind a session", CHECKED, bearer.format(session.access_token)),
        Contestant("… refused, and audited", CHECKED, f"X-Api-Key: {bare.api_key}\r\n", 403),
    ]


class Connection:
    """One connection to the server, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, contestant: Contestant, request: bytes) -> bytes:
        """The body of the answer."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        body = await self._reader.readexactly(int(length))
        if not head.startswith(f"HTTP/1.1 {contestant.status} ".encode()):
            raise SystemExit(f"{contestant.name}: {head.decode()}{body.decode()}")
        return body

    def close(self) -> None:
        self._writer.close()


async def ask(port: int, contestant: Contestant, *, times: int) -> None:
    """So many requests over one connection, one after the other."""
    connection = await Connection.open(port)
    request = contestant.request()
    for _ in range(times):
        await connection.ask(contestant, request)
    connection.close()


async def rate_of(
    port: int, contestant: Contestant, *, requests: int = REQUESTS, connections: int = CONNECTIONS
) -> float:
    """Requests a second over all connections."""
    began = time.perf_counter()
    times = requests // connections
    await asyncio.gather(*(ask(port, contestant, times=times) for _ in range(connections)))
    return times * connections / (time.perf_counter() - began)


@asynccontextmanager
async def answering(url: str, folder: Path) -> AsyncGenerator[int]:
    """The port of a process that answers on this database, until the block ends."""
    command = [sys.executable, "-m", "benchmarks.access", "serve", url, str(folder)]
    server = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        if server.stdout is None:
            raise SystemExit("the server has no output")
        yield int(await server.stdout.readline())
    finally:
        server.terminate()
        await server.wait()


async def measure(url: str, folder: Path) -> list[Row]:
    """All contestants, in turns, at one server."""
    database = await open_database(url)
    asked = await contestants(database)
    await database.close()
    best = dict.fromkeys(asked, 0.0)
    async with answering(url, folder) as port:
        for _ in range(ROUNDS):
            for contestant in asked:
                best[contestant] = max(best[contestant], await rate_of(port, contestant))
    return _rows(best)


def _rows(best: dict[Contestant, float]) -> list[Row]:
    (_, bare), *checked = best.items()
    found = [Row(asked.name, rate, "/s") for asked, rate in list(best.items())[:1]]
    for asked, rate in checked:
        share, cost = rate / bare, (1 / rate - 1 / bare) * 1e6
        ratio = f"{share:.2f} × bare, + {cost:.0f} µs"
        found.append(Row(asked.name, rate, "/s", ratio, f"≥ {BAR} × bare", share >= BAR))
    return found


async def _on_fresh_database(owner_url: str, folder: Path) -> list[Row]:
    async with fresh_database(owner_url, "bench_access") as url:
        return await measure(url, folder)


def rows() -> list[Row]:
    """The measurements, on an embedded PostgreSQL of their own."""
    with tempfile.TemporaryDirectory(prefix="treadle-bench-") as place:
        folder = Path(place)
        server = EmbeddedPostgres(folder / "postgres")
        url = server.start()
        try:
            return uvloop.run(_on_fresh_database(url, folder))
        finally:
            server.stop()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", url, folder]:
            uvloop.run(serve(url, Path(folder)))
        case _:
            Console().print(table(rows()))
