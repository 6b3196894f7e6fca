"""Pause, resume, trigger, backfill, one by one and in bulk."""

from __future__ import annotations

from typing import Any

import pytest

from api.scheduled_actions.desk import Desk, assert_refused, at


async def test_a_pause_says_why_and_until_when(desk: Desk) -> None:
    made = await desk.make()
    await desk.pass_to(1)
    paused = await desk.do(made, "pause", reason="Stocktaking", until=at(12))
    assert (paused["status"], paused["next_run_at"]) == ("paused", None)
    assert (paused["paused_reason"], paused["paused_until"]) == ("Stocktaking", at(12))
    again = await desk.do(made, "pause", reason="Still", until=at(22))
    assert (again["paused_reason"], again["paused_until"]) == ("Still", at(22))
    await desk.pass_to(21)
    assert await desk.runs(made) == ["0 succeeded"]
    await desk.pass_to(26)
    assert await desk.runs(made) == ["0 succeeded", "5 skipped", "25 succeeded"]
    span = (await desk.tell(made, "runs"))["items"][1]
    assert (span["count"], span["until"]) == (4, at(20))
    assert span["reason"] == "4 due times while paused: Still"
    assert (await desk.get(made))["status"] == "active"


async def test_a_pause_needs_no_body_and_names_who_did_it(desk: Desk) -> None:
    made = await desk.make()
    paused = await desk.do(made, "pause")
    assert paused["paused_reason"] == "paused by a key of the tests"
    assert paused["paused_until"] is None
    assert (await desk.do(made, "resume"))["status"] == "active"
    resumed = await desk.do(made, "resume")
    assert (resumed["status"], resumed["paused_reason"]) == ("active", None)


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"until": at(0)}, ["until"]),
        ({"until": at(-1)}, ["until"]),
        ({"until": "later"}, ["until"]),
        ({"until": "9" * 65}, ["until"]),
        ({"reason": "r" * 501}, ["reason"]),
        ({"reason": 5}, ["reason"]),
        ({"because": "x"}, ["because"]),
        ([], []),
    ],
)
async def test_a_pause_refuses_what_it_cannot_mean(desk: Desk, body: Any, loc: list[str]) -> None:
    made = await desk.make()
    for path in (f"/v1/schedules/{made['id']}/pause", "/v1/schedules/pause"):
        answer = await desk.max.post(path, json=body)
        assert_refused(answer, "body", *loc)
    assert (await desk.get(made))["status"] == "active"


async def test_many_are_paused_and_resumed_by_what_they_have_in_common(desk: Desk) -> None:
    customer = "160c0c4b-9966-4dc1-a916-8407eb10d74e"
    a = await desk.make(tags=["x", "y"], customer_id=customer, external_id="e")
    b = await desk.make(tags=["x"])
    c = await desk.make(tags=["y"], external_id="e")
    theirs = await desk.oscar.post(
        "/v1/schedules",
        json={
            **{name: a[name] for name in ("name", "schedule_type", "schedule_expression")},
            "action_type": "log_event",
            "action_config": {},
            "tags": ["x"],
            "project_id": str(desk.other_project.id),
        },
    )

    async def bulk(what: str, **body: Any) -> int:
        answer = await desk.max.post(f"/v1/schedules/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["changed"]

    async def standing() -> list[str]:
        return [(await desk.get(one))["status"] for one in (a, b, c)]

    assert await bulk("pause", tags=["x"], reason="Stocktaking", until=at(60)) == 2
    assert await standing() == ["paused", "paused", "active"]
    assert (await desk.get(b))["paused_reason"] == "Stocktaking"
    assert (await desk.get(b))["paused_until"] == at(60)
    assert await bulk("pause", tags=["x"]) == 0
    assert await bulk("pause", external_id="e") == 1
    assert await bulk("resume", tags=["x", "y"]) == 1
    assert await standing() == ["active", "paused", "paused"]
    assert await bulk("resume", customer_id=customer) == 0
    assert await bulk("resume", external_id="e", tags=["y"]) == 1
    path = f"/v1/schedules/{theirs.json()['id']}"
    assert (await desk.oscar.get(path)).json()["status"] == "active"
    for what in ("pause", "resume"):
        assert_refused(await desk.max.post(f"/v1/schedules/{what}", json={}), "body", "tags")
        answer = await desk.max.post(f"/v1/schedules/{what}", json={"tags": [""]})
        assert_refused(answer, "body", "tags", 0)
        assert_refused(await desk.max.post(f"/v1/schedules/{what}"), "body")


async def test_a_trigger_fires_now_whatever_is_due(desk: Desk) -> None:
    made = await desk.make()
    await desk.pass_to(1)
    fired = await desk.do(made, "trigger")
    assert (fired["trigger"], fired["scheduled_for"], fired["attempt"]) == ("manual", at(1), 1)
    assert (fired["status"], fired["lateness_ms"]) == ("succeeded", None)
    await desk.pass_to(1)
    after = await desk.get(made)
    assert (after["next_run_at"], after["last_run_at"]) == (at(5), at(1))
    assert after["last_run_status"] == "succeeded"


async def test_a_trigger_works_while_paused_and_goes_through_the_overlap_policy(desk: Desk) -> None:
    job_id = await desk.job()
    await desk.pass_to(1)
    made = await desk.make(action_type="run_job", action_config={"job_id": job_id})
    await desk.do(made, "pause")
    first = await desk.do(made, "trigger")
    assert first["target"]["type"] == "run"
    run = await desk.max.get(f"/api/jobs/{first['target']['id']}")
    assert run.json()["status"] == "QUEUED"
    second = await desk.do(made, "trigger")
    assert (second["status"], second["target"]) == ("skipped", None)
    assert second["reason"] == "an earlier firing has not ended"
    assert (await desk.get(made))["status"] == "paused"


async def test_a_backfill_fires_what_has_no_firing_yet(desk: Desk) -> None:
    made = await desk.make(overlap_policy="SKIP")
    for minute in (0, 5, 6):
        await desk.pass_to(minute)
    stretch = {"start": at(-10), "end": at(6)}
    dry = await desk.do(made, "backfill", **stretch, dry_run=True)
    assert dry == {"count": 2, "first": at(-10), "last": at(-5), "dry_run": True}
    assert await desk.runs(made) == ["0 succeeded", "5 succeeded"]
    done = await desk.do(made, "backfill", **stretch, overlap_policy="allow_all")
    assert done == {**dry, "dry_run": False}
    await desk.pass_to(6)
    assert [one[:2] for one in await desk.runs(made)] == ["-1", "-5", "0 ", "5 "]
    triggers = [one["trigger"] for one in (await desk.tell(made, "runs"))["items"]]
    assert triggers == ["schedule", "schedule", "backfill", "backfill"]
    none = await desk.do(made, "backfill", **stretch)
    assert none == {"count": 0, "first": None, "last": None, "dry_run": False}


async def test_a_backfill_takes_at_most_a_thousand(desk: Desk) -> None:
    made = await desk.make(
        schedule_type="interval", schedule_expression="1", start_at=at(-1_000), end_at=at(600)
    )
    await desk.do(made, "pause")
    path = f"/v1/schedules/{made['id']}/backfill"
    answer = await desk.max.post(path, json={"start": at(-100), "end": at(-50)})
    assert "1,000" in assert_refused(answer, "body", "end")
    found = await desk.do(made, "backfill", start=at(-100), end=at(-90), dry_run=True)
    assert found["count"] == 601


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["start"]),
        ({"start": at(-5)}, ["end"]),
        ({"start": at(-5), "end": at(1)}, ["end"]),
        ({"start": at(-5), "end": at(-6)}, ["end"]),
        ({"start": "x", "end": at(-6)}, ["start"]),
        ({"start": at(-5), "end": "x"}, ["end"]),
        ({"start": None, "end": at(0)}, ["start"]),
        ({"start": at(-5), "end": at(0), "overlap_policy": "QUEUE"}, ["overlap_policy"]),
        ({"start": at(-5), "end": at(0), "dry_run": "perhaps"}, ["dry_run"]),
        ({"start": at(-5), "end": at(0), "force": True}, ["force"]),
    ],
)
async def test_a_backfill_refuses_what_it_cannot_mean(
    desk: Desk, body: dict[str, Any], loc: list[str]
) -> None:
    made = await desk.make()
    answer = await desk.max.post(f"/v1/schedules/{made['id']}/backfill", json=body)
    assert_refused(answer, "body", *loc)


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "pause"), ("GET", "resume"), ("DELETE", "preview")]
)
async def test_a_wrong_method_is_no_schedule_of_that_name(
    desk: Desk, method: str, path: str
) -> None:
    answer = await desk.alice.request(method, f"/v1/schedules/{path}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
