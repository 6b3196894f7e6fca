"""The list of schedules, keys that make a request happen once, and who sees what."""

from __future__ import annotations

from typing import Any

import pytest

from api.scheduled_actions.desk import LOGGED, NOBODY, Desk, assert_refused, at

CUSTOMER = "160c0c4b-9966-4dc1-a916-8407eb10d74e"


async def names(desk: Desk, **params: Any) -> list[str]:
    answer = await desk.max.get("/v1/schedules", params=params)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"items", "total", "limit", "offset"}
    return [one["name"] for one in body["items"]]


async def test_filters_are_all_held_together_and_the_newest_comes_first(desk: Desk) -> None:
    await desk.make(name="a", customer_id=CUSTOMER, external_id="x", tags=["t", "u"])
    await desk.make(name="b", customer_id=CUSTOMER, external_id="y", tags=["t"])
    c = await desk.make(name="c", external_id="x")
    await desk.do(c, "pause")
    await desk.make(name="d", schedule_type="once", schedule_expression=None, start_at=at(0))
    await desk.pass_to(0)
    assert await names(desk) == ["d", "c", "b", "a"]
    assert await names(desk, customer_id=CUSTOMER) == ["b", "a"]
    assert await names(desk, external_id="x") == ["c", "a"]
    assert await names(desk, customer_id=CUSTOMER, external_id="x") == ["a"]
    assert await names(desk, status="paused") == ["c"]
    assert await names(desk, status="Completed") == ["d"]
    assert await names(desk, status="string") == []
    assert await names(desk, status="active", tag="t") == ["b", "a"]
    assert await names(desk, tag=["t", "u"]) == ["a"]
    assert await names(desk, customer_id=NOBODY) == []
    assert await names(desk, external_id="") == []
    projects = {one["project_id"] for one in (await desk.max.get("/v1/schedules")).json()["items"]}
    assert await names(desk, project_id=projects.pop(), tag="u") == ["a"]
    assert await names(desk, project_id=NOBODY) == []
    await desk.make(name="50 % of the Üse")
    assert await names(desk, search="üse") == ["50 % of the Üse"]
    assert await names(desk, search="%") == ["50 % of the Üse"]
    assert await names(desk, search="") == ["50 % of the Üse", "d", "c", "b", "a"]


async def test_windows(desk: Desk) -> None:
    for number in range(5):
        await desk.make(name=f"s{number}")
    assert await names(desk, limit=2) == ["s4", "s3"]
    assert await names(desk, limit=2, offset=4) == ["s0"]
    assert await names(desk, limit=200, offset=5) == []
    body = (await desk.max.get("/v1/schedules")).json()
    assert (body["total"], body["limit"], body["offset"]) == (5, 50, 0)
    body = (await desk.max.get("/v1/schedules?limit=1&offset=1000000000")).json()
    assert (body["total"], body["items"]) == (5, [])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("limit", ["0", "201", "-1", "x", "", "1.5", "9" * 30]),
        ("offset", ["-1", "x", "9" * 30]),
        ("status", ["s" * 51]),
        ("customer_id", ["acme", ""]),
        ("external_id", ["e" * 256]),
        ("tag", [["t"] * 21]),
    ],
)
async def test_a_list_refuses_what_it_cannot_mean(desk: Desk, name: str, values: list[Any]) -> None:
    for value in values:
        answer = await desk.max.get("/v1/schedules", params={name: value})
        assert_refused(answer, "query", name)


async def test_the_runs_of_a_schedule_have_windows_too(desk: Desk) -> None:
    made = await desk.make(schedule_expression="* * * * *", overlap_policy="ALLOW_ALL")
    await desk.pass_to(4)
    told = await desk.tell(made, "runs")
    assert (told["total"], told["limit"], told["offset"]) == (5, 20, 0)
    assert [one["scheduled_for"] for one in told["items"]] == [at(4 - n) for n in range(5)]
    last = await desk.tell(made, "runs", limit=2, offset=3)
    assert [one["scheduled_for"] for one in last["items"]] == [at(1), at(0)]
    assert (await desk.tell(made, "runs", status="SUCCEEDED"))["total"] == 5
    assert (await desk.tell(made, "runs", status="failed"))["items"] == []
    path = f"/v1/schedules/{made['id']}/runs"
    for name, value in [("limit", 0), ("limit", 101), ("offset", -1), ("status", "done")]:
        assert_refused(await desk.max.get(path, params={name: value}), "query", name)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_id_is_a_uuid(desk: Desk, method: str) -> None:
    for wrong in ("1", "not-a-uuid", f"{NOBODY}0"):
        answer = await desk.max.request(
            method, f"/v1/schedules/{wrong}", json={} if method == "PUT" else None
        )
        assert_refused(answer, "path", "schedule_id")


async def test_every_path_below_an_id_refuses_what_is_not_one(desk: Desk) -> None:
    for what in ("pause", "resume", "trigger", "backfill"):
        body = {"start": at(-1), "end": at(0)} if what == "backfill" else None
        answer = await desk.max.post(f"/v1/schedules/one/{what}", json=body)
        assert_refused(answer, "path", "schedule_id")
    for what in ("runs", "upcoming", "explain", "versions"):
        answer = await desk.max.get(f"/v1/schedules/one/{what}", params={"at": at(0)})
        assert_refused(answer, "path", "schedule_id")


async def test_another_project_and_another_tenant_see_nothing(desk: Desk) -> None:
    made = await desk.make()
    for stranger in (desk.oscar, desk.mallory):
        assert (await stranger.get("/v1/schedules")).json()["total"] == 0
        foreign = await stranger.get(f"/v1/schedules/{made['id']}")
        missing = await stranger.get(f"/v1/schedules/{NOBODY}")
        assert (foreign.status_code, foreign.json()) == (404, missing.json())
    assert (await desk.mia.get(f"/v1/schedules/{made['id']}")).json() == made
    refused = await desk.mia.put(f"/v1/schedules/{made['id']}", json={"name": "mine"})
    assert refused.status_code == 403


# ---------------------------------------------------------------- once


async def test_a_deduplication_key_gives_the_same_schedule_again(desk: Desk) -> None:
    body = {**LOGGED, "deduplication_key": "nightly", "start_at": "2026-12-01"}
    first = await desk.max.post("/v1/schedules", json=body)
    again = await desk.max.post("/v1/schedules", json=dict(reversed(body.items())))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert again.headers["Location"] == first.headers["Location"]
    spelt = await desk.max.post("/v1/schedules", json={**body, "schedule_type": "CRON"})
    assert spelt.status_code == 200
    other = await desk.max.post("/v1/schedules", json={**body, "max_retries": 4})
    assert (other.status_code, list(other.json())) == (409, ["detail"])
    assert await names(desk) == ["nightly"]


async def test_a_deduplication_key_is_free_when_its_schedule_is_deleted(desk: Desk) -> None:
    made = await desk.make(deduplication_key="k")
    assert (await desk.max.delete(f"/v1/schedules/{made['id']}")).status_code == 204
    again = await desk.make(deduplication_key="k", name="another")
    assert again["id"] != made["id"]


async def test_a_deduplication_key_tells_nobody_of_a_schedule_elsewhere(desk: Desk) -> None:
    body = {**LOGGED, "deduplication_key": "k"}
    made = await desk.make(deduplication_key="k")
    theirs = await desk.oscar.post("/v1/schedules", json=body)
    assert theirs.status_code in (409, 422), theirs.text
    assert made["id"] not in theirs.text
    there = {**body, "project_id": str(desk.other_project.id)}
    assert (await desk.oscar.post("/v1/schedules", json=there)).status_code == 409
    other_tenant = await desk.mallory.post("/v1/schedules", json=body)
    assert other_tenant.status_code == 201


async def test_an_idempotency_key_starts_nothing_twice(desk: Desk) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await desk.max.post("/v1/schedules", json=LOGGED, headers=headers)
    again = await desk.max.post("/v1/schedules", json=LOGGED, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.json(), first.headers["Location"]) == (again.json(), again.headers["Location"])
    assert await names(desk) == ["nightly"]
    other = await desk.max.post("/v1/schedules", json={**LOGGED, "name": "x"}, headers=headers)
    assert other.status_code == 422
    path = f"/v1/schedules/{first.json()['id']}"
    headers = {"Idempotency-Key": "trigger"}
    fired = [(await desk.max.post(f"{path}/trigger", headers=headers)).json() for _ in range(2)]
    assert fired[0] == fired[1]
    headers = {"Idempotency-Key": "backfill"}
    stretch = {"start": at(-60), "end": at(-50)}
    filled = [
        (await desk.max.post(f"{path}/backfill", json=stretch, headers=headers)).json()
        for _ in range(2)
    ]
    assert filled[0] == filled[1]
    assert filled[0]["count"] == 3
    triggers = [one["trigger"] for one in (await desk.tell(first.json(), "runs"))["items"]]
    assert sorted(triggers) == [*["backfill"] * 3, "manual", "schedule"]
