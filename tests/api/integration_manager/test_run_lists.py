"""Lists of runs: filtered, paged, counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from api.integration_manager.house import House
from treadle.db.page_store import COUNTED
from treadle.jobs.states import AttemptOutcome

DAY = datetime(2026, 3, 5, tzinfo=UTC)


async def listed(house: House, query: str = "") -> list[str]:
    page = (await house.max.get(f"/api/jobs{query}")).json()
    assert page["totalRecords"] == len(page["items"])
    return [item["id"] for item in page["items"]]


async def scheduled(house: House, run: dict[str, Any], at: datetime) -> None:
    async with house.server.context.database.system() as tx:
        await tx.execute("UPDATE runs SET scheduled_at = $2 WHERE id = $1::uuid", run["id"], at)


async def test_the_newest_run_comes_first(house: House) -> None:
    job = await house.packaged()
    runs = [await house.run(job) for _ in range(3)]
    ids = [run["id"] for run in runs]
    page = (await house.max.get("/api/jobs")).json()
    assert page["items"] == runs[::-1]
    assert (page["totalRecords"], page["totalPages"], page["size"]) == (3, 1, 25)
    assert page["links"] == {"prev": None, "next": None}
    assert await listed(house, "?direction=asc") == ids
    assert await listed(house, "?sortby=scheduled&direction=desc") == ids[::-1]


async def test_an_empty_list_is_a_list(house: House) -> None:
    assert (await house.max.get("/api/jobs")).json() == {
        "totalRecords": 0,
        "totalPages": 0,
        "size": 25,
        "pageNumber": 0,
        "items": [],
        "links": {"prev": None, "next": None},
    }


async def test_every_filter_filters_and_together_they_do_more(house: House) -> None:
    first_job, second_job = await house.packaged(name="Alpha"), await house.packaged(name="beta")
    queued = await house.run(first_job)
    cancelled = await house.run(second_job)
    await house.max.delete(cancelled["href"])
    of_clara = await house.run(second_job, client=house.clara)
    workshop = house.workshop()
    run = await workshop.begin(await house.stored(of_clara))
    await workshop.end(run, AttemptOutcome.ERROR)
    queued_id, cancelled_id, clara_id = queued["id"], cancelled["id"], of_clara["id"]
    clara = (await house.clara.get("/api/user")).json()["id"]

    assert await listed(house, "?state=QUEUED") == [queued_id]
    assert await listed(house, "?state=queued,Error") == [clara_id, queued_id]
    assert await listed(house, "?state=QUEUED&state=CANCELLED") == [cancelled_id, queued_id]
    assert await listed(house, "?state=RUNNING") == []
    assert len(await listed(house, "?state=")) == 3
    assert await listed(house, f"?jobconfigid={first_job['id']}") == [queued_id]
    assert await listed(house, "?jobconfigid=999999") == []
    assert await listed(house, "?jobconfigid=x") == []
    assert await listed(house, f"?userid={clara}") == [clara_id]
    assert await listed(house, "?userid=0") == []
    assert await listed(house, "?userid=' OR true --") == []
    assert await listed(house, "?filter=ALPH") == [queued_id]
    assert await listed(house, "?filter=a") == [clara_id, cancelled_id, queued_id]
    assert await listed(house, "?filter=%25") == []
    both = f"?jobconfigid={second_job['id']}&state=CANCELLED,QUEUED&filter=eta"
    assert await listed(house, both) == [cancelled_id]
    assert await listed(house, f"{both}&userid={clara}") == []


BOUNDS = [
    ("startdate=2026-03-05", "abc"),
    ("startdate=2026-03-05T12:00:00Z", "bc"),
    ("startdate=2026-03-05T12:00:00.001Z", "c"),
    ("startdate=2026-03-05T22:00:00%2B10:00", "bc"),
    ("startdate=2026-03-05T22:00:00+10:00", "bc"),  # its plus is a blank by now
    ("startdate=2026-03-05T12:00", "bc"),
    ("enddate=2026-03-05", "abc"),  # the day is included
    ("enddate=2026-03-04", ""),
    ("enddate=2026-03-05T23:59:59.999Z", "ab"),
    ("enddate=2026-03-05T12:00:00Z", "a"),
    ("startdate=2026-03-05&enddate=2026-03-05T12:00:00.001Z", "ab"),
    ("startdate=2026-03-06", ""),
    ("startdate=0001-01-01&enddate=9998-12-31", "abc"),
]
"""What is asked for, and which of the runs at 00:00, 12:00 and 23:59:59.999999 it finds."""


async def test_dates_bound_a_list(house: House) -> None:
    job = await house.packaged()
    letters: dict[str, str] = {}
    for letter, after in (
        ("a", timedelta()),
        ("b", timedelta(hours=12)),
        ("c", timedelta(days=1) - timedelta(microseconds=1)),
    ):
        run = await house.run(job)
        await scheduled(house, run, DAY + after)
        letters[run["id"]] = letter
    for query, inside in BOUNDS:
        found = await listed(house, f"?{query}&direction=asc")
        assert "".join(letters[run_id] for run_id in found) == inside, query


UNREADABLE = [
    ("startdate=yesterday", "startdate"),
    ("startdate=", "startdate"),
    ("startdate=2026-13-01", "startdate"),
    ("enddate=9999-12-31", "enddate"),
    ("enddate=9999-12-31T23:59:59-12:00", "enddate"),
    ("startdate=0001-01-01T00:00:00%2B12:00", "startdate"),
    ("enddate=1e400", "enddate"),
    ("enddate=" + "9" * 5000, "enddate"),
    ("state=DONE", "state"),
    ("state=QUEUED,DONE", "state"),
    ("sortby=state", "sortby"),
    ("size=0", "size"),
]


async def test_what_a_list_cannot_be_asked_is_400(house: House) -> None:
    for query, field in UNREADABLE:
        answer = await house.max.get(f"/api/jobs?{query}")
        assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (400, field)
        assert len(answer.json()["message"]) < 300


async def test_a_list_holds_what_its_reader_sees(house: House) -> None:
    mine = await house.run(await house.packaged())
    elsewhere = await house.run(await house.packaged(client=house.oscar), client=house.oscar)

    async def ids(client: Any) -> set[str]:
        page = (await client.get("/api/jobs")).json()
        assert page["totalRecords"] == len(page["items"])
        return {item["id"] for item in page["items"]}

    assert await ids(house.max) == {mine["id"]}
    assert await ids(house.oscar) == {elsewhere["id"]}
    assert await ids(house.alice) == {mine["id"], elsewhere["id"]}
    assert await ids(house.mallory) == set()


async def test_the_links_lead_through_the_whole_list(house: House) -> None:
    job = await house.packaged()
    ids = [(await house.run(job))["id"] for _ in range(7)]
    url = "/api/jobs?size=3&state=QUEUED&direction=asc"
    seen: list[list[str]] = []
    while url:
        page = (await house.max.get(url)).json()
        assert (page["totalRecords"], page["totalPages"]) == (7, 3)
        seen.append([item["id"] for item in page["items"]])
        url = page["links"]["next"]
    assert seen == [ids[:3], ids[3:6], ids[6:]]
    behind = (await house.max.get("/api/jobs?size=3&offset=9")).json()
    assert (behind["items"], behind["totalRecords"]) == ([], 7)
    assert behind["links"]["prev"].endswith("offset=2&size=3")


async def test_a_long_list_is_counted_no_further_than_it_must_be(house: House) -> None:
    job = await house.packaged()
    run = await house.run(job)
    more = COUNTED + 60
    async with house.server.context.database.system() as tx:
        await tx.execute(
            "CREATE TEMP TABLE copies ON COMMIT DROP AS SELECT * FROM runs WHERE id = $1::uuid",
            run["id"],
        )
        await tx.execute(
            "INSERT INTO runs SELECT (jsonb_populate_record(c, jsonb_build_object("
            " 'id', gen_random_uuid(), 'scheduled_at', c.scheduled_at - n * interval '1 s'))).*"
            " FROM copies c, generate_series(1, $1::int) n",
            more,
        )
    first = (await house.max.get("/api/jobs?size=200")).json()
    assert (first["totalRecords"], first["items"][0]["id"]) == (COUNTED, run["id"])
    middle = (await house.max.get("/api/jobs?size=200&offset=49")).json()
    assert middle["totalRecords"] == COUNTED + 1
    assert middle["links"]["next"].endswith("offset=50&size=200")
    last = (await house.max.get(middle["links"]["next"])).json()
    assert (last["totalRecords"], len(last["items"])) == (more + 1, 61)
    assert last["links"]["next"] is None
    filtered = (await house.max.get("/api/jobs?size=1&startdate=2000-01-01")).json()
    assert filtered["totalRecords"] == COUNTED
    exact = (await house.max.get(f"/api/jobs?size=1&enddate={run['scheduled']}")).json()
    assert exact["totalRecords"] == COUNTED
    none = (await house.max.get("/api/jobs?offset=1000000")).json()
    assert (none["items"], none["totalRecords"]) == ([], COUNTED)


async def test_a_list_reads_nothing_large(house: House) -> None:
    """Inputs and results may have a megabyte each; a page of them would be too much."""
    job = await house.packaged()
    await house.run(job, {"input": {"text": "x" * 900_000}})
    page = await house.max.get("/api/jobs")
    assert len(page.content) < 3000


async def test_a_project_bounds_jobs_runs_and_counts(house: House) -> None:
    here, there = str(house.tenant.project.id), str(house.other_project.id)
    mine = await house.packaged(client=house.alice, project=here)
    theirs = await house.packaged(client=house.alice, project=there)
    await house.run(mine, client=house.alice)
    await house.run(theirs, client=house.alice)

    async def seen(client: httpx.AsyncClient, project: str) -> tuple[list[str], list[str], int]:
        query = {"project": project}
        jobs = (await client.get("/api/jobconfigs", params=query)).json()["items"]
        runs = (await client.get("/api/jobs", params=query)).json()["items"]
        counts = (await client.get("/api/jobstats", params=query)).json()
        return (
            [job["id"] for job in jobs],
            [run["jobConfig"]["id"] for run in runs],
            counts["totalJobs"],
        )

    assert await seen(house.alice, here) == ([mine["id"]], [mine["id"]], 1)
    assert await seen(house.alice, there) == ([theirs["id"]], [theirs["id"]], 1)
    assert await seen(house.max, here) == ([mine["id"]], [mine["id"]], 1)
    for project in (there, str(house.tenant.tenant.id), "no id", ""):
        assert await seen(house.max, project) == ([], [], 0)
