"""Job configs: made, read, replaced, changed, copied, deleted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from api.integration_manager.house import MISSING, House
from treadle.db.transaction import Transaction

EVERYTHING: dict[str, Any] = {
    "name": "nightly report",
    "description": "what was sold",
    "active": False,
    "runtimeConfig": {
        "packageName": "report.zip",
        "entryPoint": "report.main",
        "logLevel": "DEBUG",
        "macros": [
            {"name": "REGION", "value": "emea", "secure": False, "description": "which"},
            {"name": "TOKEN", "value": "hunter2-hunter2", "secure": True, "description": ""},
        ],
    },
    "blocking": True,
    "timeout": 15,
    "maxRetries": 3,
    "retryBackoffSeconds": 5,
    "network": True,
    "tags": ["night", "sales"],
    "macrosets": [],
}


async def test_a_new_job_has_the_defaults(house: House) -> None:
    answer = await house.clara.post("/api/jobconfigs", json={"name": "  plain  "})
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == body["href"]
    assert body["href"] == f"{house.server.url}/api/jobconfigs/{body['id']}"
    actor = body.pop("user")
    assert (body.pop("createdByUser"), body.pop("lastModifiedByUser")) == (actor, actor)
    assert (actor["name"], actor["href"]) == (
        "clara",
        f"{house.server.url}/api/users/{actor['id']}",
    )
    assert body.pop("created") == body.pop("lastModified")
    assert body == {
        "id": body["id"],
        "href": body["href"],
        "active": True,
        "name": "plain",
        "description": "",
        "blocking": False,
        "timeout": 0,
        "destinationId": body["destinationId"],
        "maxRetries": 0,
        "retryBackoffSeconds": 60,
        "network": False,
        "tags": [],
        "macrosets": [],
        "project": str(house.tenant.project.id),
    }
    read = (await house.mia.get(f"/api/jobconfigs/{body['id']}")).json()
    assert read["name"] == "plain"


async def test_everything_that_was_said_is_there(house: House) -> None:
    made = (await house.clara.post("/api/jobconfigs", json=EVERYTHING)).json()
    read = (await house.mia.get(made["href"])).json()
    assert read == made
    runtime = read.pop("runtimeConfig")
    assert {name: read[name] for name in EVERYTHING if name != "runtimeConfig"} == {
        name: value for name, value in EVERYTHING.items() if name != "runtimeConfig"
    }
    assert runtime == {
        "packageName": "report.zip",
        "entryPoint": "report.main",
        "packagePrefix": f"configuration\\{made['id']}",
        "packageArtifactOverride": False,
        "logLevel": "DEBUG",
        "macros": [
            {"name": "REGION", "value": "emea", "secure": False, "description": "which"},
            {"name": "TOKEN", "value": None, "secure": True, "description": ""},
        ],
    }


async def test_a_job_goes_to_the_project_that_it_names(house: House) -> None:
    by_name = await house.job(house.alice, project="other")
    by_id = await house.job(house.alice, project=str(house.other_project.id))
    of_oscar = await house.job(house.oscar)
    for made in (by_name, by_id, of_oscar):
        assert made["project"] == str(house.other_project.id)
    for wanted in ("no such project", "other"):  # Clara does not see the other one
        answer = await house.clara.post("/api/jobconfigs", json={"name": "x", "project": wanted})
        assert (answer.status_code, answer.json()["message"]) == (
            400,
            "project: there is no such project",
        )


async def test_a_put_replaces_everything_but_what_it_may_keep(house: House) -> None:
    made = (await house.clara.post("/api/jobconfigs", json=EVERYTHING)).json()
    await house.clara.put(
        f"/api/jobconfigs/{made['id']}/files/report.zip", content=b"PK\5\6" + bytes(18)
    )
    answer = await house.clara.put(made["href"], json={"name": "plain"})
    body = answer.json()
    assert answer.status_code == 200
    assert body["created"] == made["created"]
    assert (body["active"], body["blocking"], body["timeout"]) == (True, False, 0)
    assert (body["maxRetries"], body["retryBackoffSeconds"], body["tags"]) == (0, 60, [])
    # Macros that a body says nothing of stay: their values may be nobody's to send again.
    assert [macro["name"] for macro in body["runtimeConfig"]["macros"]] == ["REGION", "TOKEN"]
    assert body["runtimeConfig"]["packageName"] is None
    assert body["runtimeConfig"]["logLevel"] == "INFO"
    none = await house.clara.put(made["href"], json={"name": "x", "runtimeConfig": {"macros": []}})
    assert "runtimeConfig" not in none.json()


async def test_a_put_of_what_a_get_gave_changes_nothing(house: House) -> None:
    made = (await house.clara.post("/api/jobconfigs", json=EVERYTHING)).json()
    again = (await house.clara.put(made["href"], json=made)).json()
    assert again == {**made, "lastModified": again["lastModified"]}


async def test_a_put_leaves_the_project_or_moves_the_job(house: House) -> None:
    made = await house.job(house.alice, project="other")
    stays = (await house.alice.put(made["href"], json={"name": "x"})).json()
    assert stays["project"] == made["project"]
    moved = await house.alice.put(made["href"], json={"name": "x", "project": "default"})
    assert moved.json()["project"] == str(house.tenant.project.id)
    assert (await house.oscar.get(made["href"])).json() == MISSING
    refused = await house.clara.put(made["href"], json={"name": "x", "project": "other"})
    assert refused.status_code == 400


async def test_a_patch_changes_what_it_says_and_nothing_else(house: House) -> None:
    made = (await house.clara.post("/api/jobconfigs", json=EVERYTHING)).json()
    for change, expected in (
        ({"active": True}, {"active": True}),
        ({"timeout": 0}, {"timeout": 0}),
        ({"tags": []}, {"tags": []}),
        ({"name": " other "}, {"name": "other"}),
        ({"description": ""}, {"description": ""}),
        ({}, {}),
        ({"runtimeConfig": None}, {}),
    ):
        changed = (await house.clara.patch(made["href"], json=change)).json()
        assert changed == {**made, **expected, "lastModified": changed["lastModified"]}
        made = changed


async def test_a_patch_changes_what_it_says_of_the_runtime(house: House) -> None:
    made = (await house.clara.post("/api/jobconfigs", json=EVERYTHING)).json()
    for change, expected in (
        ({"entryPoint": "report.other"}, {"entryPoint": "report.other"}),
        ({"packageName": None}, {"packageName": None}),
        ({"logLevel": "WARNING"}, {"logLevel": "WARNING"}),
        ({"entryPoint": ""}, {"entryPoint": None}),
        (
            {"macros": [{"name": "TOKEN", "secure": True}]},
            {"macros": [made["runtimeConfig"]["macros"][1]]},
        ),
    ):
        changed = (await house.clara.patch(made["href"], json={"runtimeConfig": change})).json()
        runtime = {**made["runtimeConfig"], **expected}
        assert changed["runtimeConfig"] == runtime
        assert changed["timeout"] == 15
        made = changed


async def test_patches_at_the_same_time_all_count(house: House) -> None:
    made = await house.job()
    changes = [
        {"description": "d"},
        {"timeout": 7},
        {"maxRetries": 8},
        {"tags": ["t"]},
        {"blocking": True},
        {"active": False},
    ]
    answers = await asyncio.gather(
        *(house.clara.patch(made["href"], json=change) for change in changes)
    )
    assert {answer.status_code for answer in answers} == {200}
    read = (await house.clara.get(made["href"])).json()
    for change in changes:
        assert read.items() >= change.items()


async def test_whoever_changes_a_job_is_named(house: House) -> None:
    made = await house.job()
    changed = (await house.alice.patch(made["href"], json={"description": "x"})).json()
    assert changed["createdByUser"]["name"] == "clara"
    assert changed["lastModifiedByUser"]["name"] == "alice"
    assert changed["lastModified"] > made["lastModified"]
    uploaded = await house.upload(made, b"text", key="notes.txt", client=house.clara)
    assert uploaded.status_code == 200
    read = (await house.clara.get(made["href"])).json()
    assert read["lastModifiedByUser"]["name"] == "clara"


async def test_a_deleted_job_is_gone(house: House) -> None:
    made = await house.packaged()
    answer = await house.clara.delete(made["href"])
    assert (answer.status_code, answer.content) == (204, b"")
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/files"), ("POST", "/jobs")):
        again = await house.alice.request(method, made["href"] + path)
        assert (again.status_code, again.json()) == (404, MISSING)
    assert (await house.clara.get("/api/jobconfigs")).json()["totalRecords"] == 0


async def test_a_job_with_open_runs_stays_and_its_history_outlives_it(house: House) -> None:
    made = await house.packaged()
    run = await house.run(made)
    refused = await house.clara.delete(made["href"])
    assert (refused.status_code, refused.json()["error"]) == (409, "Conflict")
    assert (await house.clara.get(made["href"])).status_code == 200
    await house.max.delete(run["href"])
    assert (await house.clara.delete(made["href"])).status_code == 204
    assert (await house.max.get(run["href"])).json()["jobConfig"]["name"] == "j"
    assert (await house.max.get("/api/jobs?filter=J")).json()["totalRecords"] == 1


async def test_a_copy_is_a_job_of_its_own(house: House) -> None:
    made = (await house.clara.post("/api/jobconfigs", json=EVERYTHING)).json()
    await house.upload(made, b"text", key="notes.txt")
    answer = await house.clara.post(f"{made['href']}/clone")
    copy = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, copy["href"])
    own = {"id", "href", "name", "created", "lastModified", "runtimeConfig"}
    assert {k: v for k, v in copy.items() if k not in own} == {
        k: v for k, v in made.items() if k not in own
    }
    assert copy["name"] == "Copy of nightly report"
    assert copy["runtimeConfig"]["macros"] == made["runtimeConfig"]["macros"]
    assert copy["runtimeConfig"]["packagePrefix"] == f"configuration\\{copy['id']}"
    (file,) = (await house.clara.get(f"{copy['href']}/files")).json()
    assert (await house.clara.get(file["href"])).content == b"text"
    await house.clara.delete(made["href"])
    assert (await house.clara.get(file["href"])).content == b"text"
    named = await house.clara.post(f"{copy['href']}/clone", params={"name": "third"})
    assert named.json()["name"] == "third"


@pytest.mark.parametrize("name", ["", " ", "x" * 201])
async def test_a_copy_has_a_name_that_a_job_can_have(house: House, name: str) -> None:
    made = await house.job()
    answer = await house.clara.post(f"{made['href']}/clone", params={"name": name})
    assert (answer.status_code, answer.json()["message"][:5]) == (400, "name:")


async def test_the_name_of_a_copy_is_cut_to_what_fits(house: House) -> None:
    made = await house.job(name="n" * 200)
    copy = (await house.clara.post(f"{made['href']}/clone")).json()
    assert copy["name"] == "Copy of " + "n" * 192


# ---------------------------------------------------------------- lists


async def test_a_list_is_sorted_filtered_and_paged(house: House) -> None:
    names = ["beta", "Alpha", "gamma", "alphabet"]
    jobs = [await house.job(name=name, active=name != "gamma") for name in names]

    async def listed(query: str) -> list[str]:
        page = (await house.mia.get(f"/api/jobconfigs{query}")).json()
        return [item["name"] for item in page["items"]]

    assert await listed("") == names
    assert await listed("?direction=desc") == names[::-1]
    assert await listed("?sortby=name") == ["Alpha", "alphabet", "beta", "gamma"]
    assert await listed("?sortby=created") == names
    await house.clara.patch(jobs[0]["href"], json={"description": "later"})
    assert (await listed("?sortby=lastModified&direction=desc"))[0] == "beta"
    assert await listed("?filter=ALPHA") == ["Alpha", "alphabet"]
    assert await listed("?filter=%25") == []
    assert await listed("?active=false") == ["gamma"]
    page = (await house.mia.get("/api/jobconfigs?offset=1&size=2&filter=a&sortby=name")).json()
    assert (page["totalRecords"], page["totalPages"]) == (4, 2)
    assert (page["pageNumber"], page["size"]) == (1, 2)
    assert [item["name"] for item in page["items"]] == ["beta", "gamma"]
    assert page["links"]["next"] is None
    previous = (await house.mia.get(page["links"]["prev"])).json()
    assert [item["name"] for item in previous["items"]] == ["Alpha", "alphabet"]


async def test_a_list_shows_jobs_as_they_are_one_by_one(house: House) -> None:
    made = (await house.clara.post("/api/jobconfigs", json=EVERYTHING)).json()
    page = (await house.mia.get("/api/jobconfigs")).json()
    assert page["items"] == [made]


async def test_a_list_holds_what_its_reader_sees(house: House) -> None:
    mine = await house.job()
    elsewhere = await house.job(house.oscar)

    async def ids(client: Any) -> set[str]:
        return {item["id"] for item in (await client.get("/api/jobconfigs")).json()["items"]}

    assert await ids(house.mia) == {mine["id"]}
    assert await ids(house.oscar) == {elsewhere["id"]}
    assert await ids(house.alice) == {mine["id"], elsewhere["id"]}
    assert await ids(house.mallory) == set()


async def test_a_list_asks_the_database_as_often_however_long_it_is(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counting(method: Any) -> Any:
        async def counted(self: Transaction, query: str, *args: object) -> Any:
            asked.append(query)
            return await method(self, query, *args)

        return counted

    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        monkeypatch.setattr(Transaction, name, counting(getattr(Transaction, name)))

    async def asked_by(path: str, items: int) -> int:
        asked.clear()
        page = (await house.alice.get(path)).json()
        assert len(page["items"]) == items
        return len(asked)

    async def add(client: Any, count: int) -> None:
        for _ in range(count):
            job = await house.packaged(client=client)
            await client.put(f"{job['href']}/macros/A", json={"value": "1"})
            await house.run(job, client=client)

    await add(house.clara, 2)
    few = [await asked_by(path, 2) for path in ("/api/jobconfigs", "/api/jobs")]
    await add(house.oscar, 5)
    await add(house.alice, 5)
    many = [await asked_by(path, 12) for path in ("/api/jobconfigs", "/api/jobs")]
    assert few == many


@pytest.mark.parametrize(
    ("query", "field"),
    [("sortby=description", "sortby"), ("active=perhaps", "active"), ("size=201", "size")],
)
async def test_what_a_list_cannot_be_asked_is_400(house: House, query: str, field: str) -> None:
    answer = await house.mia.get(f"/api/jobconfigs?{query}")
    assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (400, field)
