"""Runs: started, repeated, stopped, read. No worker is there; its part is played step by step."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from api.integration_manager.house import MISSING, House
from factories import until_somebody_waits
from treadle.jobs import definitions
from treadle.jobs.states import AttemptOutcome


async def count(house: House) -> int:
    async with house.server.context.database.system() as tx:
        return await tx.fetchval("SELECT count(*) FROM runs")


# ---------------------------------------------------------------- starting


async def test_a_run_is_accepted_and_has_its_address(house: House) -> None:
    job = await house.packaged(tags=["night"])
    answer = await house.max.post(f"{job['href']}/jobs")
    body = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == body["href"]
    assert body == {
        "href": f"{house.server.url}/api/jobs/{body['id']}",
        "id": body["id"],
        "scheduled": body["scheduled"],
        "status": "QUEUED",
        "finalDestinationId": job["destinationId"],
        "jobConfig": {"id": job["id"], "name": "j", "href": job["href"]},
        "submittedByUser": body["submittedByUser"],
        "packageName": "package.zip",
        "entryPoint": "hello.main",
        "attempt": 0,
        "tags": ["night"],
        "jobLog": {"href": f"{body['href']}/log"},
    }
    assert body["submittedByUser"]["name"] == "max"
    assert (await house.max.get(body["href"])).json() == {**body, "attempts": []}


@pytest.mark.parametrize("content", [None, b"", b"null", b"{}", b'{"input": {}, "unknown": 1}'])
async def test_a_run_needs_no_body(house: House, content: bytes | None) -> None:
    job = await house.packaged()
    answer = await house.max.post(
        f"{job['href']}/jobs", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 202
    run = await house.stored(answer.json())
    assert (run.input, run.macros) == ({}, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": []}, "input"),
        ({"input": "text"}, "input"),
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ([], "body"),
        ("text", "body"),
        ({"macros": {}}, "macros"),
        ({"macros": [{"name": "A"}]}, "macros"),
        ({"macros": [{"name": "1", "value": "x"}]}, "macros"),
        ({"macros": [{"name": "A", "value": "v"}] * 201}, "macros"),
        ({"macrosets": ["absent"]}, "macrosets"),
        ({"macrosets": ["s"] * 21}, "macrosets"),
        ({"tags": ["t" * 101]}, "tags[0]"),
        ({"tags": ["t"] * 51}, "tags"),
        ({"runtimeConfig": {"packageName": "absent.zip"}}, "runtimeConfig.packageName"),
        ({"runtimeConfig": {"packageName": "p" * 256}}, "runtimeConfig.packageName"),
        ({"runtimeConfig": {"entryPoint": "hello.absent"}}, "runtimeConfig.entryPoint"),
        ({"runtimeConfig": {"entryPoint": "../../etc/passwd"}}, "runtimeConfig.entryPoint"),
        ({"runtimeConfig": {"entryPoint": "e" * 501}}, "runtimeConfig.entryPoint"),
        ({"runtimeConfig": {"logLevel": "LOUD"}}, "runtimeConfig.logLevel"),
        ({"runtimeConfig": {"macros": [{"name": "PATH", "value": "x"}]}}, "macros"),
    ],
)
async def test_a_malformed_start_is_400_and_starts_nothing(
    house: House, body: Any, field: str
) -> None:
    job = await house.packaged()
    answer = await house.max.post(f"{job['href']}/jobs", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"{field}:"), answer.text
    assert await count(house) == 0


async def test_a_run_may_say_what_the_job_does_not(house: House) -> None:
    job = await house.packaged(tags=["night"])
    await house.upload(job, b"def go():\n    return 1\n", key="other.py")
    body = await house.run(
        job,
        {
            "input": {"country": "AU", "deep": [1, {"x": None}]},
            "runtimeConfig": {
                "packageName": "other.py",
                "entryPoint": "other.go",
                "logLevel": "DEBUG",
                "macros": [{"name": "A", "value": "from the runtime"}],
            },
            "macros": [{"name": "A", "value": "from the body"}, {"name": "B", "value": "b"}],
            "tags": ["by hand"],
        },
    )
    assert (body["packageName"], body["entryPoint"]) == ("other.py", "other.go")
    assert body["tags"] == ["by hand"]
    run = await house.stored(body)
    assert (run.input, run.log_level) == ({"country": "AU", "deep": [1, {"x": None}]}, "DEBUG")
    claim = await house.workshop().claim(run)
    assert claim is not None
    assert claim.variables.values == {"A": "from the body", "B": "b"}


async def test_a_job_without_a_package_is_400(house: House) -> None:
    job = await house.job()
    answer = await house.max.post(f"{job['href']}/jobs")
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "runtimeConfig.packageName: this job has no package",
    )


async def test_an_inactive_job_is_409(house: House) -> None:
    job = await house.packaged(active=False)
    answer = await house.max.post(f"{job['href']}/jobs")
    assert (answer.status_code, answer.json()["message"]) == (409, "this job is not active")
    assert await count(house) == 0
    await house.clara.patch(job["href"], json={"active": True})
    assert (await house.max.post(f"{job['href']}/jobs")).status_code == 202


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_run_of_a_job_that_is_just_being_deleted_is_not_started(
    house: House, blocking: bool
) -> None:
    job = await house.packaged(blocking=blocking)
    workshop = house.workshop()
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        await definitions.delete_job(
            tx, workshop.caller, int(job["id"]), now=house.server.context.clock()
        )
        starting = asyncio.create_task(house.max.post(f"{job['href']}/jobs"))
        async with asyncio.timeout(60):
            await until_somebody_waits(workshop.database)
    answer = await starting
    assert (answer.status_code, answer.json()) == (404, MISSING)
    assert await count(house) == 0


# ---------------------------------------------------------------- once


async def start(house: House, job: dict[str, Any], key: str, body: Any = None) -> httpx.Response:
    return await house.max.post(f"{job['href']}/jobs", json=body, headers={"Idempotency-Key": key})


async def test_the_same_key_gets_the_same_answer(house: House) -> None:
    job = await house.packaged()
    first = await start(house, job, "k", {"input": {"a": 1, "b": 2}})
    again = await house.max.post(
        f"{job['href']}/jobs",
        content=b'{ "input": {"b": 2, "a": 1} }',
        headers={"Idempotency-Key": "k"},
    )
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert await count(house) == 1
    # Whatever became of the run since: the answer is that of the start.
    await house.max.delete(first.json()["href"])
    assert (await start(house, job, "k", {"input": {"a": 1, "b": 2}})).json() == first.json()


async def test_the_same_key_for_something_else_is_422(house: House) -> None:
    job, other = await house.packaged(), await house.packaged()
    await start(house, job, "k", {"input": {"a": 1}})
    for wrong in (
        await start(house, job, "k", {"input": {"a": 2}}),
        await start(house, job, "k"),
        await start(house, other, "k", {"input": {"a": 1}}),
    ):
        assert (wrong.status_code, wrong.json()["error"]) == (422, "Unprocessable Content")
    assert await count(house) == 1


async def test_a_key_is_its_callers_own(house: House) -> None:
    job = await house.packaged()
    await start(house, job, "k")
    other = await house.clara.post(f"{job['href']}/jobs", headers={"Idempotency-Key": "k"})
    assert other.status_code == 202
    assert await count(house) == 2


async def test_the_same_key_at_the_same_time_starts_one_run(house: House) -> None:
    job = await house.packaged()
    answers = await asyncio.gather(*(start(house, job, "k", {"input": {}}) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await count(house) == 1


async def test_a_refusal_does_not_use_up_the_key(house: House) -> None:
    job = await house.packaged(active=False)
    assert (await start(house, job, "k")).status_code == 409
    await house.clara.patch(job["href"], json={"active": True})
    assert (await start(house, job, "k")).status_code == 202


@pytest.mark.parametrize("key", ["", "k" * 256, "a b", "a\tb"])
async def test_a_key_that_is_none_is_400(house: House, key: str) -> None:
    job = await house.packaged()
    assert (await start(house, job, key)).status_code == 400
    assert await count(house) == 0


# ---------------------------------------------------------------- stopping


async def test_a_queued_run_is_cancelled(house: House) -> None:
    run = await house.run(await house.packaged())
    answer = await house.max.delete(run["href"])
    body = answer.json()
    assert (answer.status_code, body["status"]) == (202, "CANCELLED")
    assert body["stoppedByUser"]["name"] == "max"
    assert (body["errorType"], body["finished"][-1]) == ("Stopped", "Z")
    again = await house.max.delete(run["href"])
    assert (again.status_code, again.json()["message"]) == (
        409,
        "this run has already ended: CANCELLED",
    )


async def test_a_running_run_is_stopped_by_its_worker(house: House) -> None:
    run = await house.run(await house.packaged())
    workshop = house.workshop()
    begun = await workshop.begin(await house.stored(run))
    answer = await house.clara.delete(run["href"])
    assert (answer.status_code, answer.json()["status"]) == (202, "RUNNING")
    assert answer.json()["stoppedByUser"]["name"] == "clara"
    assert (await house.max.delete(run["href"])).status_code == 202  # asking twice is no fault
    await workshop.end(begun, AttemptOutcome.STOPPED)
    ended = (await house.max.get(run["href"])).json()
    assert (ended["status"], ended["stoppedByUser"]["name"]) == ("FAILED", "clara")
    assert (await house.max.delete(run["href"])).status_code == 409


async def test_runs_of_a_blocking_job_wait_in_order(house: House) -> None:
    job = await house.packaged(blocking=True)
    runs = [await house.run(job) for _ in range(3)]
    assert [run["status"] for run in runs] == ["QUEUED", "WAITING", "WAITING"]
    await house.max.delete(runs[0]["href"])
    states = [(await house.max.get(run["href"])).json()["status"] for run in runs]
    assert states == ["CANCELLED", "QUEUED", "WAITING"]
    cancelled = await house.max.delete(runs[2]["href"])
    assert cancelled.json()["status"] == "CANCELLED"


# ---------------------------------------------------------------- repeating


async def ended_run(house: House, job: dict[str, Any], body: Any = None) -> dict[str, Any]:
    run = await house.run(job, body)
    workshop = house.workshop()
    await workshop.end(await workshop.begin(await house.stored(run)))
    return run


async def test_an_ended_run_is_repeated_as_it_was(house: House) -> None:
    job = await house.packaged()
    secret = [{"name": "TOKEN", "value": "hunter2-hunter2", "secure": True}]
    first = await ended_run(
        house,
        job,
        {"input": {"n": 1}, "macros": secret, "runtimeConfig": {"entryPoint": "hello.other"}},
    )
    await house.upload(job, b"PK", key="notes.txt")
    answer = await house.max.post(f"{first['href']}/retry", headers={"Idempotency-Key": "r"})
    body = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, body["href"])
    assert (body["retryOf"], body["entryPoint"]) == (first["id"], "hello.other")
    assert body["id"] != first["id"]
    run = await house.stored(body)
    assert run.input == {"n": 1}
    claim = await house.workshop().claim(run)
    assert claim is not None
    assert claim.variables.values == {"TOKEN": "hunter2-hunter2"}
    again = await house.max.post(f"{first['href']}/retry", headers={"Idempotency-Key": "r"})
    assert again.json() == body
    assert await count(house) == 2


async def test_what_cannot_be_repeated_is_409(house: House) -> None:
    job = await house.packaged()
    open_run = await house.run(job)
    early = await house.max.post(f"{open_run['href']}/retry")
    assert (early.status_code, early.json()["message"]) == (409, "this run has not ended")
    ended = await ended_run(house, job)
    await house.clara.patch(job["href"], json={"active": False})
    inactive = await house.max.post(f"{ended['href']}/retry")
    assert (inactive.status_code, inactive.json()["message"]) == (409, "this job is not active")
    await house.max.delete(open_run["href"])
    await house.clara.delete(job["href"])
    gone = await house.max.post(f"{ended['href']}/retry")
    assert (gone.status_code, gone.json()) == (404, MISSING)


# ---------------------------------------------------------------- reading


async def test_a_run_shows_its_attempts(house: House) -> None:
    job = await house.packaged(maxRetries=1, retryBackoffSeconds=60)
    run = await house.run(job)
    workshop = house.workshop()
    await workshop.end(await workshop.begin(await house.stored(run)), AttemptOutcome.ERROR)
    body = (await house.max.get(run["href"])).json()
    assert (body["status"], body["attempt"]) == ("QUEUED", 1)
    assert body["nextAttempt"] > body["received"]
    assert "finished" not in body
    (attempt,) = body["attempts"]
    assert (attempt["attempt"], attempt["outcome"]) == (1, "error")
    assert attempt["finished"] >= attempt["started"]


async def test_statistics_count_what_their_reader_sees(house: House) -> None:
    job = await house.packaged()
    await ended_run(house, job)
    cancelled = await house.run(job)
    await house.max.delete(cancelled["href"])
    await house.run(job)
    elsewhere = await house.packaged(client=house.oscar)
    await house.run(elsewhere, client=house.oscar)
    mine = (await house.max.get("/api/jobstats")).json()
    assert mine == {
        "queued": 1,
        "waiting": 0,
        "initializing": 0,
        "running": 0,
        "finished": 1,
        "error": 0,
        "failed": 0,
        "cancelled": 1,
        "totalJobs": 3,
        "totalDuration": 0,
        "window": "24h",
    }
    assert (await house.oscar.get("/api/jobstats")).json()["queued"] == 1
    assert (await house.alice.get("/api/jobstats")).json()["totalJobs"] == 4
    assert (await house.mallory.get("/api/jobstats")).json()["totalJobs"] == 0
    async with house.server.context.database.system() as tx:
        await tx.execute("UPDATE runs SET scheduled_at = scheduled_at - interval '25 hours'")
    later = (await house.max.get("/api/jobstats")).json()
    assert (later["queued"], later["finished"], later["cancelled"]) == (1, 0, 0)
