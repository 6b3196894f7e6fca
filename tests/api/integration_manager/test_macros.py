"""Macros of the tenant, of people, of jobs and in sets; what is secure is never readable again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from api.integration_manager.house import MISSING, House
from treadle.jobs.macros import MAX_MACROS, MAX_SETS

SECRET = "hunter2-hunter2-hunter2"
PLAIN = {"value": "emea", "secure": False, "description": "which"}
SECURE = {"value": SECRET, "secure": True, "description": "a key"}


async def user_id(client: httpx.AsyncClient) -> str:
    return (await client.get("/api/user")).json()["id"]


async def places(house: House) -> list[tuple[str, httpx.AsyncClient]]:
    """Where macros can stand, and who may write there."""
    job = await house.job()
    await house.alice.post("/api/macrosets", json={"name": "warehouse"})
    return [
        ("/api/macros", house.alice),
        (f"/api/users/{await user_id(house.max)}/macros", house.max),
        (f"{job['href']}/macros", house.clara),
        ("/api/macrosets/warehouse/macros", house.alice),
    ]


async def test_macros_are_set_listed_replaced_and_deleted_in_every_place(house: House) -> None:
    for path, writer in await places(house):
        assert (await writer.get(path)).json() == []
        plain = await writer.put(f"{path}/REGION", json={"name": "IGNORED", **PLAIN})
        assert (plain.status_code, plain.json()) == (200, {"name": "REGION", **PLAIN}), path
        secure = await writer.put(f"{path}/API_KEY", json=SECURE)
        hidden = {"name": "API_KEY", **SECURE, "value": None}
        assert secure.json() == hidden
        assert (await writer.get(path)).json() == [hidden, plain.json()]
        again = await writer.put(f"{path}/REGION", json={"value": "apac"})
        assert again.json() == {
            "name": "REGION", "value": "apac", "secure": False, "description": "",
        }  # fmt: skip
        for name in ("REGION", "API_KEY"):
            deleted = await writer.delete(f"{path}/{name}")
            assert (deleted.status_code, deleted.content) == (204, b"")
            gone = await writer.delete(f"{path}/{name}")
            assert (gone.status_code, gone.json()) == (404, MISSING)
        assert (await writer.get(path)).json() == []


async def test_a_secure_macro_keeps_its_value_when_it_comes_without_one(house: House) -> None:
    for path, writer in await places(house):
        await writer.put(f"{path}/API_KEY", json=SECURE)
        kept = await writer.put(f"{path}/API_KEY", json={"secure": True, "description": "new"})
        assert (kept.status_code, kept.json()["description"]) == (200, "new")
        # To make it readable takes the value anew.
        opened = await writer.put(f"{path}/API_KEY", json={"secure": False})
        assert (opened.status_code, opened.json()["message"]) == (
            400,
            "macros: API_KEY needs a value",
        )
        absent = await writer.put(f"{path}/OTHER", json={"secure": True})
        assert absent.status_code == 400


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("1A", {"value": "x"}),
        ("A-B", {"value": "x"}),
        ("A%20B", {"value": "x"}),
        ("%C3%84", {"value": "x"}),
        ("A%0A", {"value": "x"}),
        ("A" * 129, {"value": "x"}),
        ("PATH", {"value": "x"}),
        ("LD_PRELOAD", {"value": "x"}),
        ("PYTHONPATH", {"value": "x"}),
        ("TREADLE_RUN_ID", {"value": "x"}),
        ("A", {"value": None}),
        ("A", {}),
        ("A", {"value": 7}),
        ("A", {"value": "x" * 65_537}),
        ("A", {"value": "x", "description": "d" * 2001}),
        ("A", {"value": "x", "secure": "perhaps"}),
        ("A", []),
        ("A", None),
    ],
)
async def test_a_macro_that_is_none_is_400_in_every_place(
    house: House, name: str, body: Any
) -> None:
    for path, writer in await places(house):
        answer = await writer.put(f"{path}/{name}", json=body)
        assert answer.status_code == 400, (path, answer.text)
        assert (await writer.get(path)).json() == []


async def test_a_place_holds_only_so_much(house: House) -> None:
    path = "/api/macros"
    for number in range(MAX_MACROS):
        answer = await house.alice.put(f"{path}/M{number}", json={"value": "x"})
        assert answer.status_code == 200
    more = await house.alice.put(f"{path}/MORE", json={"value": "x"})
    assert (more.status_code, more.json()["message"]) == (400, "macros: at most 200")
    assert len((await house.alice.get(path)).json()) == MAX_MACROS
    job = await house.job()
    for number in range(4):
        large = await house.clara.put(
            f"{job['href']}/macros/L{number}", json={"value": "x" * 60_000}
        )
        assert large.status_code == 200
    over = await house.clara.put(f"{job['href']}/macros/L4", json={"value": "x" * 60_000})
    assert (over.status_code, over.json()["message"]) == (
        400,
        "macros: over 262144 bytes together",
    )
    assert len((await house.clara.get(f"{job['href']}/macros")).json()) == 4


async def test_a_macro_is_added_to_a_job_by_its_name_in_the_body(house: House) -> None:
    job = await house.job()
    for named in ({"name": "A"}, {"key": "B"}):
        answer = await house.clara.post(f"{job['href']}/macros", json={**named, "value": "1"})
        assert answer.status_code == 201
    listed = (await house.clara.get(f"{job['href']}/macros")).json()
    assert [macro["name"] for macro in listed] == ["A", "B"]
    read = (await house.clara.get(job["href"])).json()
    assert read["runtimeConfig"]["macros"] == listed


# ---------------------------------------------------------------- people


async def test_a_persons_macros_are_the_persons_and_the_administrators(house: House) -> None:
    path = f"/api/users/{await user_id(house.max)}/macros"
    assert (await house.alice.put(f"{path}/A", json={"value": "1"})).status_code == 200
    assert (await house.max.get(path)).json()[0]["value"] == "1"
    for stranger in (house.clara, house.oscar, house.mallory, house.connie):
        for method, target in (("GET", path), ("PUT", f"{path}/A"), ("DELETE", f"{path}/A")):
            answer = await stranger.request(method, target, json={"value": "2"})
            assert (answer.status_code, answer.json()) == (404, MISSING)
    assert (await house.max.get(path)).json()[0]["value"] == "1"


async def test_nobody_has_macros_who_does_not_exist(house: House) -> None:
    mallory = await user_id(house.mallory)
    for id_ in (mallory, "999999", "0", "-1", "x", str(2**63), "01"):
        for method, target in (("GET", ""), ("PUT", "/A"), ("DELETE", "/A")):
            answer = await house.alice.request(
                method, f"/api/users/{id_}/macros{target}", json={"value": "x"}
            )
            assert (answer.status_code, answer.json()) == (404, MISSING)
    async with house.server.context.database.system() as tx:
        assert await tx.fetchval("SELECT count(*) FROM macros") == 0


# ---------------------------------------------------------------- sets


async def test_sets_are_made_described_listed_and_deleted(house: House) -> None:
    made = await house.alice.post("/api/macrosets", json={"name": "warehouse"})
    assert (made.status_code, set(made.json())) == (201, {"name", "description", "created"})
    again = await house.alice.post(
        "/api/macrosets", json={"name": "warehouse", "description": "where it is"}
    )
    assert again.json() == {**made.json(), "description": "where it is"}
    await house.alice.post("/api/macrosets", json={"name": "a set"})
    listed = (await house.mia.get("/api/macrosets")).json()
    assert [found["name"] for found in listed] == ["a set", "warehouse"]
    await house.alice.put("/api/macrosets/a%20set/macros/A", json={"value": "1"})
    assert (await house.alice.delete("/api/macrosets/a%20set")).status_code == 204
    for method, path in (
        ("DELETE", "/api/macrosets/a%20set"),
        ("GET", "/api/macrosets/a%20set/macros"),
        ("PUT", "/api/macrosets/a%20set/macros/A"),
    ):
        answer = await house.alice.request(method, path, json={"value": "1"})
        assert (answer.status_code, answer.json()) == (404, MISSING)
    await house.alice.post("/api/macrosets", json={"name": "a set"})
    assert (await house.alice.get("/api/macrosets/a%20set/macros")).json() == []


async def test_a_set_that_a_job_takes_stays(house: House) -> None:
    await house.alice.post("/api/macrosets", json={"name": "warehouse"})
    job = await house.job(macrosets=["warehouse"])
    answer = await house.alice.delete("/api/macrosets/warehouse")
    assert (answer.status_code, answer.json()["error"]) == (409, "Conflict")
    await house.clara.delete(job["href"])
    assert (await house.alice.delete("/api/macrosets/warehouse")).status_code == 204


@pytest.mark.parametrize("name", ["", " a", "a/b", "a\nb", "a\n", "ä", "x" * 101, None, 7])
async def test_a_set_has_a_plain_name(house: House, name: Any) -> None:
    answer = await house.alice.post("/api/macrosets", json={"name": name})
    assert (answer.status_code, answer.json()["message"][:5]) == (400, "name:")


async def test_a_tenant_has_only_so_many_sets(house: House) -> None:
    async with house.server.context.database.tenant(house.tenant.tenant.id) as tx:
        await tx.execute(
            "INSERT INTO macro_sets (tenant_id, name, created_at)"
            " SELECT $1, 'set ' || n, now() FROM generate_series(1, $2::int) n",
            house.tenant.tenant.id,
            MAX_SETS,
        )
    answer = await house.alice.post("/api/macrosets", json={"name": "one more"})
    assert answer.status_code == 409
    known = await house.alice.post("/api/macrosets", json={"name": "set 1", "description": "x"})
    assert known.status_code == 201
    assert len((await house.alice.get("/api/macrosets")).json()) == MAX_SETS


# ---------------------------------------------------------------- what a run gets


async def test_later_wins_from_the_tenant_to_the_run(house: House) -> None:
    for name in ("of job", "of run"):
        await house.alice.post("/api/macrosets", json={"name": name})
    job = await house.packaged(macrosets=["of job"])
    user = await user_id(house.max)
    steps = [
        ("/api/macros", house.alice),
        (f"/api/users/{user}/macros", house.max),
        ("/api/macrosets/of%20job/macros", house.alice),
        (f"{job['href']}/macros", house.clara),
        ("/api/macrosets/of%20run/macros", house.alice),
    ]
    for place, (path, writer) in enumerate(steps):
        for winner in range(place, len(steps) + 1):
            # Mn is set in every place up to the n-th: its value must be the n-th place's.
            await writer.put(
                f"{path}/M{winner}", json={"value": f"{place}", "secure": place % 2 == 1}
            )
    own = [{"name": f"M{len(steps)}", "value": "run"}]
    body = await house.run(job, {"macros": own, "macrosets": ["of run"]})
    claim = await house.workshop().claim(await house.stored(body))
    assert claim is not None
    assert claim.variables.values == {
        "M0": "0",
        "M1": "1",
        "M2": "2",
        "M3": "3",
        "M4": "4",
        "M5": "run",
    }
    assert claim.variables.secrets == {"1", "3"}
    others = await house.run(job, client=house.clara)
    claim = await house.workshop().claim(await house.stored(others))
    assert claim is not None
    assert claim.variables.values["M1"] == "0"  # the person's are those of whoever submits


# ---------------------------------------------------------------- secrets


async def test_a_secret_is_never_readable_again(house: House) -> None:
    with capture_logs() as logs:
        job = await house.packaged(
            macrosets=[],
        )
        seen: list[httpx.Response] = []
        for path, writer in await places(house):
            seen.append(await writer.put(f"{path}/TOKEN", json=SECURE))
            seen.append(await writer.get(path))
            # Refusals show nothing either.
            seen.append(await writer.put(f"{path}/1", json=SECURE))
            seen.append(await writer.put(f"{path}/TOKEN", json={**SECURE, "secure": [SECRET]}))
        secure = {"name": "TOKEN", **SECURE}
        own = {"runtimeConfig": {"macros": [secure], "packageName": "package.zip"}}
        seen += [
            await house.clara.patch(job["href"], json=own),
            await house.clara.get(job["href"]),
            await house.clara.get("/api/jobconfigs"),
            await house.clara.put(job["href"], json={"name": "j", **own}),
            await house.clara.post(f"{job['href']}/clone"),
            await house.clara.post(f"{job['href']}/export"),
        ]
        await house.clara.patch(job["href"], json={"runtimeConfig": {"entryPoint": "hello.main"}})
        started = await house.max.post(
            f"{job['href']}/jobs", json={"macros": [secure]}, headers={"Idempotency-Key": "k"}
        )
        href = started.json()["href"]
        seen += [started, await house.max.get(href), await house.max.get("/api/jobs")]
        seen.append(
            await house.max.post(
                f"{job['href']}/jobs", json={"macros": [{**secure, "name": SECRET + "-"}]}
            )
        )
        await house.max.delete(href)
        seen.append(await house.max.post(f"{href}/retry"))
        seen += [await house.max.get(f"{href}/{part}") for part in ("log", "out", "out/files")]
    for answer in seen:
        assert answer.status_code < 500
        assert SECRET not in answer.text, answer.request.url
        assert SECRET not in str(answer.headers)
    assert SECRET not in str(logs)
    async with house.server.context.database.system() as tx:
        for table in ("macros", "runs", "idempotency_keys", "jobs"):
            found = await tx.fetchval(
                f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%' || $1 || '%'"
                " OR t::text LIKE '%' || encode($1::bytea, 'hex') || '%'",
                SECRET,
            )
            assert found == 0, table
