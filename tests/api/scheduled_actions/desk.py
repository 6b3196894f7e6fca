"""Who is there for the tests of scheduled actions, and a clock that they hold in their hand.

In the project `default`: Max manages and Mia is a member. Alice administers the tenant, Oscar owns
another project of it, Mallory administers another tenant. Each comes with an API key.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from factories import NOW, administrator_of, make_key, make_project, make_tenant
from fixtures.jobs import Workshop
from fixtures.server import Server, make_context, serving
from treadle.core.clock import iso
from treadle.db.database import Database
from treadle.identity.installation import NewTenant
from treadle.identity.model import Project
from treadle.jobs.installation import ensure_default_destination
from treadle.jobs.model import Job
from treadle.schedules.ticker import ScheduleTicker
from treadle.settings import Settings

LOGGED: Final[dict[str, Any]] = {
    "name": "nightly",
    "schedule_type": "cron",
    "schedule_expression": "*/5 * * * *",
    "action_type": "log_event",
    "action_config": {},
}
"""A schedule that is due every five minutes and needs nothing else."""
SECONDS: Final = 60.0
"""The end of every wait for an answer, on a machine that may be busy with other tests."""
NOBODY: Final = "3f2b7c1e-9a54-4d0c-8f6e-5b1a2c3d4e5f"


def at(minutes: float) -> str:
    """So many minutes after NOW, as an answer writes it."""
    return iso(NOW + timedelta(minutes=minutes))


@dataclass
class Hand:
    """The server's clock; it stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Desk:
    """The people, each with a client."""

    server: Server
    hand: Hand
    ticker: ScheduleTicker
    tenant: NewTenant
    other_project: Project
    alice: httpx.AsyncClient
    max: httpx.AsyncClient
    mia: httpx.AsyncClient
    oscar: httpx.AsyncClient
    mallory: httpx.AsyncClient
    jobs: list[Job] = field(default_factory=list[Job], init=False)

    def workshop(self) -> Workshop:
        """What stands behind the API, for what workers do."""
        context = self.server.context
        caller = administrator_of(self.tenant)
        return Workshop(context.database, context.jobs, caller, context.settings.data_dir)

    async def job(self) -> str:
        """The id of a job of the project."""
        if not self.jobs:
            self.jobs.append(await self.workshop().make_job())
        return str(self.jobs[0].id)

    async def make(self, **said: Any) -> dict[str, Any]:
        """Max's schedule: LOGGED, with this said otherwise."""
        answer = await self.max.post("/v1/schedules", json={**LOGGED, **said})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def get(self, schedule: dict[str, Any]) -> dict[str, Any]:
        """What has become of it."""
        answer = await self.max.get(f"/v1/schedules/{schedule['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def put(self, schedule: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The schedule with these changes."""
        answer = await self.max.put(f"/v1/schedules/{schedule['id']}", json=changes)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def do(self, schedule: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
        """What `POST …/{what}` answers."""
        answer = await self.max.post(f"/v1/schedules/{schedule['id']}/{what}", json=body or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def tell(self, schedule: dict[str, Any], what: str, **params: Any) -> dict[str, Any]:
        """What `GET …/{what}` answers."""
        answer = await self.max.get(f"/v1/schedules/{schedule['id']}/{what}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def runs(self, schedule: dict[str, Any]) -> list[str]:
        """What became of its due times, the earliest first: `minute status`."""
        found = (await self.tell(schedule, "runs", limit=100))["items"]
        return [f"{_minute(one['scheduled_for'])} {one['status']}" for one in found[::-1]]

    async def pass_to(self, minutes: float) -> None:
        """The clock moves there, and everything that is due by then is decided on."""
        self.hand.now = NOW + timedelta(minutes=minutes)
        while await self.ticker.tick(self.hand.now):
            pass


def _minute(text: str) -> str:
    return f"{(datetime.fromisoformat(text) - NOW) / timedelta(minutes=1):g}"


def assert_refused(answer: httpx.Response, *loc: str | int, status: int = 422) -> str:
    """The refusal is FastAPI's 422, whose first place is this; its message."""
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert isinstance(detail, list), detail
    assert set(detail[0]) == {"loc", "msg", "type"}
    assert detail[0]["loc"] == list(loc), detail
    return detail[0]["msg"]


@asynccontextmanager
async def open_desk(database: Database, folder: Path) -> AsyncGenerator[Desk]:
    """The people over a server of their own, until the block ends."""
    hand = Hand()
    settings = Settings(data_dir=folder, rate_limit_per_minute=0, anonymous_rate_limit_per_minute=0)
    context = replace(make_context(database, folder, settings=settings), clock=hand)
    tenant = await make_tenant(database)
    other = await make_tenant(database)
    await ensure_default_destination(database, now=NOW)
    project = await make_project(database, tenant, name="other")
    keys = {
        "alice": await make_key(database, tenant, role="Administrator"),
        "max": await make_key(database, tenant, project_roles={tenant.project.id: "Manager"}),
        "mia": await make_key(database, tenant, project_roles={tenant.project.id: "Member"}),
        "oscar": await make_key(database, tenant, project_roles={project.id: "Owner"}),
        "mallory": await make_key(database, other, role="Administrator"),
    }
    async with serving(context) as server:
        clients = {
            name: await server.client(headers={"X-Api-Key": key.api_key})
            for name, key in keys.items()
        }
        for client in clients.values():
            client.timeout = httpx.Timeout(SECONDS)
        ticker = ScheduleTicker(database, context.live, context.schedules, clock=hand)
        yield Desk(
            server=server,
            hand=hand,
            ticker=ticker,
            tenant=tenant,
            other_project=project,
            alice=clients["alice"],
            max=clients["max"],
            mia=clients["mia"],
            oscar=clients["oscar"],
            mallory=clients["mallory"],
        )
