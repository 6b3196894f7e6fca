"""Remote jobs: run one, and see how its last execution went."""

from __future__ import annotations

from typing import Any

import pytest

from api.integration_manager.house import MISSING, House
from api.remote_jobs.remote import run_count
from treadle.jobs.states import AttemptOutcome


async def started(house: House, job: dict[str, Any]) -> dict[str, Any]:
    answer = await house.max.post(f"/api/v1/jobs/{job['id']}/run")
    assert answer.status_code == 202, answer.text
    return answer.json()


async def last(house: House, job: dict[str, Any]) -> dict[str, Any]:
    answer = await house.max.get(f"/api/v1/jobs/{job['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()["lastExecution"]


# ---------------------------------------------------------------- run


async def test_a_run_is_scheduled_and_has_an_id(house: House) -> None:
    job = await house.packaged()
    answer = await house.max.post(f"/api/v1/jobs/{job['id']}/run")
    body = answer.json()
    assert (answer.status_code, body) == (
        202,
        {
            "success": True,
            "message": "The job is scheduled to run.",
            "jobId": job["id"],
            "executionId": body["executionId"],
        },
    )
    run = (await house.max.get(answer.headers["location"])).json()
    assert (run["id"], run["status"]) == (body["executionId"], "QUEUED")


async def test_a_run_takes_an_input(house: House) -> None:
    job = await house.packaged()
    answer = await house.max.post(
        f"/api/v1/jobs/{job['id']}/run", json={"input": {"country": "AU"}}
    )
    assert answer.status_code == 202
    assert (await house.stored({"id": answer.json()["executionId"]})).input == {"country": "AU"}


@pytest.mark.parametrize("content", [b"", b"{}", b"null"])
async def test_a_run_needs_no_input(house: House, content: bytes) -> None:
    job = await house.packaged()
    answer = await house.max.post(f"/api/v1/jobs/{job['id']}/run", content=content)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"input": []}, "input: must be an object"),
        ({"country": "AU"}, "country: is not a field that is known here"),
        ([], "body: must be an object"),
    ],
)
async def test_a_malformed_run_is_400_and_starts_nothing(
    house: House, body: Any, message: str
) -> None:
    job = await house.packaged()
    answer = await house.max.post(f"/api/v1/jobs/{job['id']}/run", json=body)
    assert answer.json() == {"status": 400, "error": "Bad Request", "message": message}
    assert await run_count(house, job) == 0


async def test_a_job_that_cannot_be_run_is_409_and_says_why(house: House) -> None:
    bare = await house.job()
    broken = await house.packaged()
    runtime = {"packageName": "package.zip", "entryPoint": "hello.gone"}
    await house.clara.patch(broken["href"], json={"runtimeConfig": runtime})
    asleep = await house.packaged(active=False)
    told = [
        (await house.max.post(f"/api/v1/jobs/{job['id']}/run")).json()
        for job in (bare, broken, asleep)
    ]
    assert [answer["status"] for answer in told] == [409, 409, 409]
    assert told[0]["message"] == "this job has no package"
    assert told[1]["message"].startswith("package.zip has no 'hello.gone'")
    assert told[2]["message"] == "this job is not active"
    assert await run_count(house, broken) == 0


async def test_a_run_with_the_same_idempotency_key_is_one(house: House) -> None:
    job = await house.packaged()
    path, key = f"/api/v1/jobs/{job['id']}/run", {"Idempotency-Key": "tonight"}
    first = await house.max.post(path, headers=key)
    again = await house.max.post(path, headers=key)
    assert first.json() == again.json()
    assert await run_count(house, job) == 1


# ---------------------------------------------------------------- status


async def test_a_job_that_never_ran_has_an_empty_last_execution(house: House) -> None:
    job = await house.packaged(name="Report", description="of sales")
    answer = await house.max.get(f"/api/v1/jobs/{job['id']}")
    assert answer.json() == {
        "id": job["id"],
        "name": "Report",
        "description": "of sales",
        "active": True,
        "project": job["project"],
        "lastExecution": {},
    }


async def test_the_last_execution_goes_from_queued_to_its_end(house: House) -> None:
    job, workshop = await house.packaged(), house.workshop()
    body = await started(house, job)
    queued = await last(house, job)
    assert queued == {
        "Id": body["executionId"],
        "Status": "Queued",
        "StartedOn": None,
        "FinishedOn": None,
        "Message": "",
    }
    run = await house.stored({"id": body["executionId"]})
    claim = await workshop.claim(run)
    assert claim is not None
    assert (await last(house, job))["Status"] == "InProgress"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(AttemptOutcome.FINISHED, "Succeeded"), (AttemptOutcome.ERROR, "Failed")],
)
async def test_the_last_execution_tells_how_it_ended(
    house: House, outcome: AttemptOutcome, status: str
) -> None:
    job, workshop = await house.packaged(), house.workshop()
    run = await house.stored({"id": (await started(house, job))["executionId"]})
    begun = await workshop.begin(run)
    going = await last(house, job)
    assert (going["Status"], going["FinishedOn"]) == ("InProgress", None)
    assert going["StartedOn"] is not None
    await workshop.end(begun, outcome)
    ended = await last(house, job)
    assert ended["Status"] == status
    assert ended["FinishedOn"] >= ended["StartedOn"]


async def test_a_cancelled_execution_says_who_cancelled_it(house: House) -> None:
    job = await house.packaged()
    body = await started(house, job)
    await house.max.delete(f"/api/jobs/{body['executionId']}")
    ended = await last(house, job)
    assert ended["Status"] == "Cancelled"
    assert ended["Message"] == "Stopped: stopped by max before a worker had it"


async def test_the_last_execution_is_the_newest_whoever_started_it(house: House) -> None:
    job = await house.packaged()
    await started(house, job)
    newest = await house.run(job)
    assert (await last(house, job))["Id"] == newest["id"]


async def test_who_may_not_read_history_is_told_nothing_of_it(house: House) -> None:
    """Neither that it ran nor that it did not."""
    job = await house.packaged()
    for _ in range(2):
        answer = await house.mia.get(f"/api/v1/jobs/{job['id']}")
        assert (answer.status_code, "lastExecution" in answer.json()) == (200, False)
        await started(house, job)
    items = (await house.mia.get("/api/v1/jobs")).json()["items"]
    assert ["lastExecution" in item for item in items] == [False]


# ---------------------------------------------------------------- the list


async def test_the_list_has_each_job_with_its_own_last_execution(house: House) -> None:
    first, second, third = [await house.packaged(name=f"job {n}") for n in range(3)]
    one, two = await started(house, first), await started(house, third)
    body = (await house.max.get("/api/v1/jobs")).json()
    assert [(item["id"], item["lastExecution"].get("Id")) for item in body["items"]] == [
        (first["id"], one["executionId"]),
        (second["id"], None),
        (third["id"], two["executionId"]),
    ]
    assert body["items"][1]["lastExecution"] == {}
    assert (body["totalRecords"], body["size"]) == (3, 25)


async def test_the_list_is_paged_filtered_and_bounded(house: House) -> None:
    for number in range(3):
        await house.job(name=f"job {number}")
    page = (await house.max.get("/api/v1/jobs?size=2&offset=1")).json()
    assert [item["name"] for item in page["items"]] == ["job 2"]
    assert page["links"]["prev"].startswith(f"{house.server.url}/api/v1/jobs?")
    found = (await house.max.get("/api/v1/jobs?filter=JOB 1")).json()
    assert [item["name"] for item in found["items"]] == ["job 1"]
    other = (await house.max.get(f"/api/v1/jobs?project={house.other_project.id}")).json()
    assert other["items"] == []
    assert (await house.max.get("/api/v1/jobs?size=201")).status_code == 400


async def test_the_list_holds_what_the_caller_sees(house: House) -> None:
    await house.packaged()
    for stranger in (house.oscar, house.mallory, house.connie):
        assert (await stranger.get("/api/v1/jobs")).json()["items"] == []


@pytest.mark.parametrize("job_id", ["999999", "0", "-1", "abc", "01", "9" * 40, "%20", "1%2F2"])
async def test_a_job_that_is_none_is_missing(house: House, job_id: str) -> None:
    for method, path in (
        ("GET", f"/api/v1/jobs/{job_id}"),
        ("POST", f"/api/v1/jobs/{job_id}/run"),
        ("GET", f"/api/v1/jobs/{job_id}/schedules"),
        ("DELETE", f"/api/v1/jobs/{job_id}/schedules/x"),
    ):
        answer = await house.alice.request(method, path)
        assert answer.status_code == 404, path
        assert "%2F" in job_id or answer.json() == MISSING
