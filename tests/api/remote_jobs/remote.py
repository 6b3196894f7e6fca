"""What the tests of remote jobs send, and the ticks that they wait for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx

from api.integration_manager.house import House
from treadle.engine.live import LiveHub
from treadle.schedules.ticker import ScheduleTicker

NIGHTLY: dict[str, Any] = {
    "name": "Nightly",
    "timeZone": "Europe/Berlin",
    "startDate": "2023-09-04",
    "endDate": None,
    "enabled": True,
    "crons": ["0 3 * * *"],
}


def schedules_of(job: dict[str, Any]) -> str:
    return f"/api/v1/jobs/{job['id']}/schedules"


async def put(house: House, job: dict[str, Any], **said: Any) -> httpx.Response:
    """A schedule put by Max; without more, NIGHTLY."""
    return await house.max.put(schedules_of(job), json={**NIGHTLY, **said})


async def made(house: House, job: dict[str, Any], **said: Any) -> dict[str, Any]:
    """The new schedule."""
    answer = await put(house, job, **said)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def listed(house: House, job: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await house.mia.get(schedules_of(job))
    assert answer.status_code == 200, answer.text
    return answer.json()


def next_time(schedule: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(schedule["nextFireTime"])


async def tick(house: House, at: datetime) -> None:
    """Everything that is due then is decided on."""
    context = house.server.context
    ticker = ScheduleTicker(context.database, LiveHub(context.database), context.schedules)
    while await ticker.tick(at + timedelta(seconds=1)):
        pass


async def run_count(house: House, job: dict[str, Any]) -> int:
    answer = await house.max.get(f"/api/jobs?jobconfigid={job['id']}&size=1")
    return answer.json()["totalRecords"]
