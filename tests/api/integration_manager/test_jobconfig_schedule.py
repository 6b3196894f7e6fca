"""The schedule of a job config's own, and what becomes of schedules when their job changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.integration_manager.house import MISSING, House
from api.remote_jobs.remote import NIGHTLY, next_time, run_count, schedules_of, tick
from factories import until_somebody_waits
from treadle.schedules import of_jobs

CRON: dict[str, Any] = {
    "name": "Every morning",
    "type": "cron",
    "cronSchedule": "0 30 6 ? * MON-FRI",
    "timeZone": {"id": "Europe/Berlin"},
}
INTERVAL: dict[str, Any] = {"name": "Often", "type": "interval", "intervalFrequency": 15}


@pytest.fixture
async def job(house: House) -> dict[str, Any]:
    return await house.packaged()


def place(job: dict[str, Any]) -> str:
    return f"/api/jobconfigs/{job['id']}/schedule"


async def made(house: House, job: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    answer = await house.max.post(place(job), json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


# ---------------------------------------------------------------- one of its own


async def test_a_cron_is_made_read_and_sent_back(house: House, job: dict[str, Any]) -> None:
    answer = await house.max.post(place(job), json=CRON)
    body = answer.json()
    assert (answer.status_code, body) == (
        201,
        {
            **CRON,
            "intervalFrequency": None,
            "id": body["id"],
            "href": f"{house.server.url}{place(job)}",
            "status": "active",
            "nextFireTime": body["nextFireTime"],
        },
    )
    assert answer.headers["location"] == body["href"]
    assert next_time(body).astimezone(UTC).minute == 30
    assert (await house.mia.get(place(job))).json() == body
    again = await house.max.put(place(job), json=body)
    assert (again.status_code, again.json()) == (200, body)
    assert (await house.max.get(f"/v1/schedules/{body['id']}")).json()["version"] == 1


async def test_an_interval_counts_minutes_from_when_it_was_made(
    house: House, job: dict[str, Any]
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    body = await made(house, job, INTERVAL)
    after = datetime.now(UTC)
    assert (body["type"], body["cronSchedule"], body["intervalFrequency"]) == ("interval", None, 15)
    assert body["timeZone"] == {"id": "UTC"}
    minutes = timedelta(minutes=15)
    assert before + minutes <= next_time(body) <= after + minutes
    await tick(house, next_time(body))
    assert await run_count(house, job) == 1
    assert (await house.max.put(place(job), json=body)).json()["intervalFrequency"] == 15


async def test_a_put_can_make_another_kind_of_it(house: House, job: dict[str, Any]) -> None:
    first = await made(house, job, CRON)
    second = (await house.max.put(place(job), json={**INTERVAL, "name": "New"})).json()
    assert (second["id"], second["type"], second["name"]) == (first["id"], "interval", "New")
    assert second["cronSchedule"] is None
    third = (await house.max.put(place(job), json={**CRON, "type": " CRON "})).json()
    assert {name: third[name] for name in CRON} == CRON
    assert third["nextFireTime"] == first["nextFireTime"]


async def test_a_second_one_is_409_and_none_is_404(house: House, job: dict[str, Any]) -> None:
    for method in ("GET", "PUT", "DELETE"):
        body = CRON if method == "PUT" else None
        answer = await house.max.request(method, place(job), json=body)
        assert (answer.status_code, answer.json()) == (404, MISSING)
    await made(house, job, CRON)
    again = await house.max.post(place(job), json=INTERVAL)
    assert (again.status_code, again.json()["message"]) == (
        409,
        "this job config has a schedule: change it with PUT",
    )
    assert (await house.max.delete(place(job))).status_code == 204
    assert (await house.max.get(place(job))).status_code == 404
    await made(house, job, INTERVAL)


async def test_of_eight_who_make_it_at_once_one_does(house: House, job: dict[str, Any]) -> None:
    answers = await asyncio.gather(*(house.max.post(place(job), json=CRON) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    async with house.server.context.database.system() as tx:
        assert await tx.fetchval("SELECT count(*) FROM schedules") == 1


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"name": None}, "name: must be text"),
        ({"name": " "}, "name: must have at least 1 character"),
        ({"type": "weekly"}, "type: must be 'cron' or 'interval'"),
        ({"type": None}, "type: "),
        ({"cronSchedule": None}, "cronSchedule: is required for type cron"),
        ({"cronSchedule": ""}, "cronSchedule: is required for type cron"),
        ({"cronSchedule": "0 30 6 1 * MON-FRI"}, "cronSchedule: "),
        ({"cronSchedule": "rate(5 minutes)"}, "cronSchedule: rate(…) goes with type interval"),
        ({"intervalFrequency": 5}, "intervalFrequency: does not go with type cron"),
        ({"timeZone": {"id": "Mars"}}, "timeZone.id: 'Mars' is not a known time zone"),
        ({"timeZone": "UTC"}, "timeZone: must be an object"),
        ({"timeZone": {}}, "timeZone.id: is required"),
        ({"type": "interval"}, "cronSchedule: does not go with type interval"),
        (
            {"type": "interval", "cronSchedule": None},
            "intervalFrequency: is required for type interval",
        ),
        (
            {"type": "interval", "cronSchedule": None, "intervalFrequency": 0},
            "intervalFrequency: must be greater than or equal to 1",
        ),
        (
            {"type": "interval", "cronSchedule": None, "intervalFrequency": 5_270_401},
            "intervalFrequency: must be less than or equal to 5270400",
        ),
        (
            {"type": "interval", "cronSchedule": None, "intervalFrequency": 1.5},
            "intervalFrequency: must be a whole number",
        ),
    ],
)
async def test_a_body_that_breaks_a_rule_is_400_and_names_the_field(
    house: House, job: dict[str, Any], said: dict[str, Any], message: str
) -> None:
    answer = await house.max.post(place(job), json={**CRON, **said})
    body = answer.json()
    assert (body["status"], body["error"]) == (answer.status_code, "Bad Request"), answer.text
    assert body["message"].startswith(message), body["message"]
    assert (await house.max.get(place(job))).status_code == 404


async def test_a_pause_of_another_contract_shows_and_stays(
    house: House, job: dict[str, Any]
) -> None:
    body = await made(house, job, CRON)
    await house.max.post(f"/v1/schedules/{body['id']}/pause")
    paused = (await house.max.put(place(job), json={**CRON, "cronSchedule": "0 7 * * *"})).json()
    assert (paused["status"], paused["nextFireTime"]) == ("paused", None)
    await house.max.post(f"/v1/schedules/{body['id']}/resume")
    assert (await house.max.get(place(job))).json()["nextFireTime"] is not None


async def test_an_interval_of_seconds_that_another_contract_made_is_not_told_in_minutes(
    house: House, job: dict[str, Any]
) -> None:
    body = await made(house, job, INTERVAL)
    path = f"/v1/schedules/{body['id']}"
    await house.max.put(path, json={"schedule_expression": "PT90S"})
    assert (await house.max.get(place(job))).json()["intervalFrequency"] is None
    await house.max.put(path, json={"schedule_expression": "PT2H"})
    assert (await house.max.get(place(job))).json()["intervalFrequency"] == 120


async def test_it_has_one_cron_for_remote_jobs_too(house: House, job: dict[str, Any]) -> None:
    await made(house, job, CRON)
    [shown] = (await house.max.get(schedules_of(job))).json()
    several = {**shown, "crons": ["0 6 * * *", "0 7 * * *"]}
    refused = await house.max.put(schedules_of(job), json=several)
    assert (refused.status_code, refused.json()["message"]) == (
        409,
        "this is the job config's own schedule, which has one cron",
    )
    changed = await house.max.put(schedules_of(job), json={**shown, "crons": ["0 6 * * *"]})
    assert changed.status_code == 200
    assert (await house.max.get(place(job))).json()["cronSchedule"] == "0 6 * * *"


# ---------------------------------------------------------------- copies of the job


async def test_copies_of_a_job_come_without_its_schedules(
    house: House, job: dict[str, Any]
) -> None:
    await made(house, job, CRON)
    await house.max.put(schedules_of(job), json=NIGHTLY)
    clone = (await house.clara.post(f"{job['href']}/clone")).json()
    exported = await house.clara.post(f"{job['href']}/export")
    files = {"file": ("job.zip", exported.content)}
    imported = (await house.clara.post("/api/jobconfigs/import", files=files)).json()
    for copy in (clone, imported):
        assert (await house.max.get(place(copy))).status_code == 404
        assert (await house.max.get(schedules_of(copy))).json() == []


# ---------------------------------------------------------------- the end of the job


def free(job: dict[str, Any]) -> dict[str, Any]:
    """A schedule of scheduled actions that runs the job."""
    return {
        "name": "Free",
        "schedule_type": "cron",
        "schedule_expression": "0 9 * * *",
        "action_type": "run_job",
        "action_config": {"job_id": job["id"]},
    }


async def test_a_deleted_job_takes_its_own_schedules_along(
    house: House, job: dict[str, Any]
) -> None:
    own = await made(house, job, CRON)
    for name in ("a", "b"):
        await house.max.put(schedules_of(job), json={**NIGHTLY, "name": name})
    bystander = await house.packaged()
    await made(house, bystander, CRON)
    assert (await house.clara.delete(job["href"])).status_code == 204
    assert (await house.max.get(f"/v1/schedules/{own['id']}")).status_code == 404
    left = (await house.max.get("/v1/schedules")).json()
    assert [schedule["action_config"]["job_id"] for schedule in left["items"]] == [bystander["id"]]
    await tick(house, next_time(own))
    assert await run_count(house, job) == 0


async def test_a_job_that_other_schedules_run_is_not_deleted(
    house: House, job: dict[str, Any]
) -> None:
    await made(house, job, CRON)
    ids: list[str] = []
    for count, said in ((1, "1 schedule runs"), (2, "2 schedules run")):
        answer = await house.max.post("/v1/schedules", json={**free(job), "name": f"free {count}"})
        ids.append(answer.json()["id"])
        refused = await house.clara.delete(job["href"])
        assert (refused.status_code, refused.json()["message"]) == (
            409,
            f"{said} this job; delete what runs it first",
        )
    assert (await house.max.get(place(job))).status_code == 200  # it kept its own, too
    for schedule_id in ids:
        await house.max.delete(f"/v1/schedules/{schedule_id}")
    assert (await house.clara.delete(job["href"])).status_code == 204


async def test_a_job_with_an_open_run_keeps_its_schedules(
    house: House, job: dict[str, Any]
) -> None:
    body = await made(house, job, CRON)
    await house.run(job)
    refused = await house.clara.delete(job["href"])
    assert (refused.status_code, (await house.max.get(place(job))).json()) == (409, body)


async def test_who_may_not_change_jobs_deletes_no_schedules(
    house: House, job: dict[str, Any]
) -> None:
    await made(house, job, CRON)
    assert (await house.max.delete(job["href"])).status_code == 403
    assert (await house.max.get(place(job))).status_code == 200


@pytest.mark.parametrize("kind", ["named", "own", "free"])
async def test_a_job_that_is_just_being_deleted_gets_no_schedule(
    house: House, job: dict[str, Any], kind: str
) -> None:
    workshop, context = house.workshop(), house.server.context
    requests = {
        "named": ("PUT", schedules_of(job), NIGHTLY),
        "own": ("POST", place(job), CRON),
        "free": ("POST", "/v1/schedules", free(job)),
    }
    method, path, body = requests[kind]
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        await of_jobs.delete_job(
            tx, context.schedules, workshop.caller, int(job["id"]), now=context.clock()
        )
        making = asyncio.create_task(house.max.request(method, path, json=body))
        async with asyncio.timeout(60):
            await until_somebody_waits(workshop.database)
    answer = await making
    assert answer.status_code in (400, 404, 422), answer.text
    async with workshop.database.system() as tx:
        assert await tx.fetchval("SELECT count(*) FROM schedules WHERE deleted_at IS NULL") == 0


async def test_a_schedule_that_is_just_being_made_keeps_its_job(
    house: House, job: dict[str, Any]
) -> None:
    workshop, context = house.workshop(), house.server.context
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        await of_jobs.put_named(
            tx,
            context.schedules,
            workshop.caller,
            int(job["id"]),
            name="Nightly",
            timing=of_jobs.Timing("UTC", ("0 3 * * *",), context.clock()),
            enabled=True,
            now=context.clock(),
        )
        deleting = asyncio.create_task(house.clara.delete(job["href"]))
        async with asyncio.timeout(60):
            await until_somebody_waits(workshop.database)
    assert (await deleting).status_code == 409
    assert len((await house.max.get(schedules_of(job))).json()) == 1
    assert (await house.clara.delete(job["href"])).status_code == 204


# ---------------------------------------------------------------- a job that moves


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_job_does_not_leave_the_project_of_its_schedules(
    house: House, job: dict[str, Any], method: str
) -> None:
    body = await made(house, job, CRON)
    move = {"name": "j", "project": str(house.other_project.id)}
    refused = await house.alice.request(method, job["href"], json=move)
    assert (refused.status_code, refused.json()["message"]) == (
        409,
        "1 schedule runs this job in its project; delete what runs it first",
    )
    assert (await house.max.get(place(job))).json() == body
    stays = await house.alice.request(method, job["href"], json={"name": "k"})
    assert (stays.status_code, stays.json()["name"]) == (200, "k")
    await house.max.delete(place(job))
    moved = await house.alice.request(method, job["href"], json=move)
    assert (moved.status_code, moved.json()["project"]) == (200, str(house.other_project.id))
