"""What schedules of a job start when they are due, as ticks decide it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api.integration_manager.house import House
from api.remote_jobs.remote import listed, made, next_time, put, run_count, schedules_of, tick
from treadle.jobs.states import AttemptOutcome


@pytest.fixture
async def job(house: House) -> dict[str, Any]:
    return await house.packaged()


async def end_last(
    house: House, job: dict[str, Any], outcome: AttemptOutcome = AttemptOutcome.FINISHED
) -> None:
    """A worker takes the last execution and ends it like this."""
    last = (await house.max.get(f"/api/v1/jobs/{job['id']}")).json()["lastExecution"]
    workshop = house.workshop()
    run = await workshop.begin(await house.stored({"id": last["Id"]}))
    assert await workshop.end(run, outcome) is not None


async def firings(house: House, schedule: dict[str, Any]) -> list[tuple[str, str]]:
    """When and how, the earliest first."""
    answer = await house.max.get(f"/v1/schedules/{schedule['id']}/runs")
    rows = answer.json()["items"]
    return [(row["scheduled_for"], row["status"]) for row in rows][::-1]


async def test_a_due_schedule_runs_the_job(house: House, job: dict[str, Any]) -> None:
    schedule = await made(house, job, crons=["0 * * * *"])
    due = next_time(schedule)
    await tick(house, due - timedelta(minutes=1))
    assert await run_count(house, job) == 0
    await tick(house, due)
    last = (await house.max.get(f"/api/v1/jobs/{job['id']}")).json()["lastExecution"]
    assert last["Status"] == "Queued"
    run = (await house.max.get(f"/api/jobs/{last['Id']}")).json()
    submitter = {"id": schedule["id"], "name": schedule["id"]}
    href = f"{house.server.url}/v1/schedules/{schedule['id']}"
    assert run["submittedByUser"] == {**submitter, "href": href}
    assert (await house.max.get(href)).status_code == 200
    [now] = await listed(house, job)
    assert next_time(now) == due + timedelta(hours=1)


async def test_crons_that_coincide_fire_once(house: House, job: dict[str, Any]) -> None:
    crons = ["0 * * * *", "*/30 * * * *", "0 */1 * * *"]
    schedule = await made(house, job, crons=crons, timeZone="UTC")
    due = next_time(schedule)
    times: list[str] = []
    for _ in range(4):
        await tick(house, due)
        await end_last(house, job)
        [now] = await listed(house, job)
        times.append(due.strftime("%M"))
        due = next_time(now)
    assert sorted(times) == ["00", "00", "30", "30"]
    assert await run_count(house, job) == 4
    await tick(house, due - timedelta(minutes=1))
    assert [status for _, status in await firings(house, schedule)] == ["succeeded"] * 4


async def test_a_disabled_schedule_does_not_fire_even_if_it_is_due_as_it_is_made(
    house: House, job: dict[str, Any]
) -> None:
    schedule = await made(house, job, crons=["* * * * * ?"], enabled=False)
    await put(house, job, crons=["* * * * * ?"], enabled=False)
    now = house.server.context.clock()
    await tick(house, now + timedelta(minutes=5))
    assert await run_count(house, job) == 0
    assert await firings(house, schedule) == []


async def test_a_deleted_schedule_does_not_fire(house: House, job: dict[str, Any]) -> None:
    schedule = await made(house, job, crons=["0 * * * *"])
    await house.max.delete(f"{schedules_of(job)}/Nightly")
    await tick(house, next_time(schedule))
    assert await run_count(house, job) == 0


async def test_an_upsert_moves_what_is_next(house: House, job: dict[str, Any]) -> None:
    schedule = await made(house, job, crons=["0 * * * *"])
    due = next_time(schedule)
    moved = (await put(house, job, crons=["30 * * * *"])).json()
    assert next_time(moved).minute == 30
    await tick(house, max(due, next_time(moved)))
    assert [at for at, _ in await firings(house, schedule)] == [moved["nextFireTime"]]


async def test_a_failing_job_is_not_run_again_by_its_schedule(
    house: House, job: dict[str, Any]
) -> None:
    """It has retries of its own."""
    schedule = await made(house, job, crons=["0 * * * *"])
    due = next_time(schedule)
    await tick(house, due)
    await end_last(house, job, AttemptOutcome.ERROR)
    await tick(house, due + timedelta(minutes=30))
    assert [status for _, status in await firings(house, schedule)] == ["failed"]
    assert await run_count(house, job) == 1
    [now] = await listed(house, job)
    assert now["enabled"] is True


async def test_after_its_end_a_schedule_is_not_enabled_until_it_has_another_end(
    house: House, job: dict[str, Any]
) -> None:
    now = house.server.context.clock()
    end = (now + timedelta(hours=2)).replace(microsecond=0).isoformat()
    said: dict[str, Any] = {"crons": ["0 * * * *"], "endDate": end}
    schedule = await made(house, job, **said)
    due = next_time(schedule)
    for hours in range(2):
        await tick(house, due + timedelta(hours=hours))
        await end_last(house, job)
    await tick(house, due + timedelta(hours=3))
    [over] = await listed(house, job)
    assert (over["enabled"], over["nextFireTime"]) == (False, None)
    assert (await house.max.put(schedules_of(job), json=over)).json() == over
    again = await house.max.put(schedules_of(job), json={**over, "enabled": True})
    assert (again.status_code, again.json()["message"]) == (
        409,
        "this schedule has completed: nothing is due any more",
    )
    later = await house.max.put(
        schedules_of(job), json={**over, "enabled": True, "endDate": "2199-01-01"}
    )
    assert later.json()["enabled"] is True
    assert later.json()["nextFireTime"] is not None
