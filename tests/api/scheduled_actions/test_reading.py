"""What is told of due times: what became of them, what comes, and why."""

from __future__ import annotations

from typing import Any

import pytest

from api.scheduled_actions.desk import Desk, assert_refused, at


async def explained(desk: Desk, schedule: dict[str, Any], minute: float) -> dict[str, Any]:
    return await desk.tell(schedule, "explain", at=at(minute))


async def test_a_due_time_is_explained_whatever_became_of_it(desk: Desk) -> None:
    made = await desk.make(catchup_window_minutes=0)
    for minute in (0, 5, 6):
        await desk.pass_to(minute)
    ran = await explained(desk, made, 5)
    assert (ran["due"], ran["outcome"], ran["schedule_version"]) == (True, "succeeded", 1)
    assert ran["reason"] == "it started, 0 ms after its time"
    assert (ran["before"], ran["after"]) == (at(0), at(10))
    assert [one["scheduled_for"] for one in ran["firings"]] == [at(5)]
    nothing = await explained(desk, made, 7)
    assert (nothing["due"], nothing["outcome"], nothing["firings"]) == (False, "not_due", [])
    assert (nothing["before"], nothing["after"]) == (at(5), at(10))
    coming = await explained(desk, made, 10)
    assert (coming["due"], coming["outcome"]) == (True, "upcoming")
    earlier = await explained(desk, made, -5)
    assert (earlier["due"], earlier["outcome"]) == (True, "not_due")
    assert "made later" in earlier["reason"]
    await desk.put(made, max_retries=1)
    await desk.pass_to(18)
    missed = await explained(desk, made, 15)
    assert (missed["outcome"], missed["schedule_version"]) == ("missed", 2)
    await desk.do(made, "pause", reason="Stocktaking")
    await desk.pass_to(31)
    held = await explained(desk, made, 25)
    assert (held["outcome"], held["reason"]) == ("paused", "the schedule is paused: Stocktaking")
    await desk.do(made, "resume")
    span = await explained(desk, made, 25)
    assert span["outcome"] == "skipped"
    assert "while paused: Stocktaking" in span["reason"]
    assert span["firings"][0]["count"] == 3


async def test_what_the_next_tick_decides_is_pending(desk: Desk) -> None:
    made = await desk.make()
    await desk.pass_to(1)
    desk.hand.now = desk.hand.now.replace(minute=6)
    assert (await explained(desk, made, 5))["outcome"] == "pending"
    await desk.pass_to(6)
    assert (await explained(desk, made, 5))["outcome"] == "succeeded"


async def test_an_edit_tells_of_times_that_were_not_due_then(desk: Desk) -> None:
    made = await desk.make()
    await desk.pass_to(3)
    await desk.put(made, schedule_expression="*/2 * * * *")
    told = await explained(desk, made, 2)
    assert (told["due"], told["outcome"]) == (True, "not_due")
    assert "version" in told["reason"]
    assert (await explained(desk, made, 4))["outcome"] == "upcoming"


@pytest.mark.parametrize("when", ["1970-01-01", "2199-12-31T23:59:59Z", "2026-11-21T09:00:00.5Z"])
async def test_the_ends_of_time_are_explained_too(desk: Desk, when: str) -> None:
    made = await desk.make()
    told = await desk.tell(made, "explain", at=when)
    assert told["firings"] == []


async def test_an_instant_of_the_query_is_named_as_such(desk: Desk) -> None:
    made = await desk.make()
    path = f"/v1/schedules/{made['id']}"
    for wrong in ("soon", "", "2200-01-01", "9" * 65):
        assert_refused(await desk.max.get(f"{path}/explain", params={"at": wrong}), "query", "at")
    assert_refused(await desk.max.get(f"{path}/explain"), "query", "at")
    for n in ("0", "1001", "x"):
        assert_refused(await desk.max.get(f"{path}/upcoming", params={"n": n}), "query", "n")
    for said, name in [
        ({}, "from"),
        ({"from": at(0)}, "to"),
        ({"from": "soon", "to": at(1)}, "from"),
        ({"from": at(0), "to": "later"}, "to"),
        ({"from": at(0), "to": at(0)}, "to"),
        ({"from": at(0), "to": at(94 * 24 * 60)}, "to"),
    ]:
        answer = await desk.max.get("/v1/schedules/occurrences", params=said)
        assert_refused(answer, "query", name)


async def test_what_comes_is_told_as_if_the_schedule_were_not_paused(desk: Desk) -> None:
    made = await desk.make()
    await desk.pass_to(1)
    await desk.do(made, "pause")
    told = await desk.tell(made, "upcoming", n=3)
    assert told == {
        "next": [at(5), at(10), at(15)],
        "description": "Every 5 minutes",
        "timezone": "UTC",
    }
    assert len((await desk.tell(made, "upcoming"))["next"]) == 10
    assert len((await desk.tell(made, "upcoming", n=1_000))["next"]) == 1_000


async def test_a_calendar_shows_what_was_and_what_comes(desk: Desk) -> None:
    fives = await desk.make(name="fives")
    for minute in (0, 5):
        await desk.pass_to(minute)
    once = await desk.make(
        name="once", schedule_type="once", schedule_expression=None, start_at=at(12)
    )
    gone = await desk.make(name="gone", schedule_expression="5 9 * * *")
    await desk.pass_to(6)
    assert (await desk.max.delete(f"/v1/schedules/{gone['id']}")).status_code == 204

    async def shown(
        client: Any, start: float, end: float, **more: str
    ) -> list[tuple[str, str, str]]:
        params = {"from": at(start), "to": at(end), **more}
        answer = await client.get("/v1/schedules/occurrences", params=params)
        assert answer.status_code == 200, answer.text
        assert answer.json()["more"] is False
        return [(one["at"], one["name"], one["status"]) for one in answer.json()["items"]]

    past = [
        (at(0), "fives", "succeeded"),
        (at(5), "fives", "succeeded"),
        (at(5), "gone", "succeeded"),
    ]
    coming = [(at(10), "fives", "upcoming"), (at(12), "once", "upcoming")]
    assert sorted(await shown(desk.max, 0, 15)) == [*past, *coming]
    assert await shown(desk.max, 0, 5) == past[:1]
    # A member does not read what runs came to.
    assert await shown(desk.mia, 0, 15) == coming
    assert await shown(desk.oscar, 0, 15) == []
    # Of one project.
    assert sorted(await shown(desk.max, 0, 15, project_id=once["project_id"])) == [*past, *coming]
    assert await shown(desk.max, 0, 15, project_id=once["id"]) == []
    assert once["status"] == fives["status"] == "active"


async def test_a_calendar_has_at_most_a_thousand(desk: Desk) -> None:
    await desk.make(schedule_type="interval", schedule_expression="10")
    params = {"from": at(0), "to": at(60 * 24)}
    told = (await desk.max.get("/v1/schedules/occurrences", params=params)).json()
    assert (len(told["items"]), told["more"]) == (1_000, True)


async def test_a_member_reads_schedules_but_not_what_runs_came_to(desk: Desk) -> None:
    made = await desk.make()
    path = f"/v1/schedules/{made['id']}"
    for what in ("upcoming", "versions"):
        assert (await desk.mia.get(f"{path}/{what}")).status_code == 200
    for what in ("runs", f"explain?at={at(0)}"):
        assert (await desk.mia.get(f"{path}/{what}")).status_code == 403


async def test_a_firing_says_what_it_started_and_what_came_of_it(desk: Desk) -> None:
    job_id = await desk.job()
    made = await desk.make(action_type="run_job", action_config={"job_id": job_id})
    await desk.pass_to(0.01)
    [firing] = (await desk.tell(made, "runs"))["items"]
    assert firing["target"]["type"] == "run"
    assert firing == {
        "id": firing["id"],
        "schedule_id": made["id"],
        "schedule_version": 1,
        "scheduled_for": at(0),
        "trigger": "schedule",
        "status": "running",
        "reason": "",
        "attempt": 1,
        "not_before": None,
        "target": firing["target"],
        "started_at": at(0.01),
        "finished_at": None,
        "lateness_ms": 600,
        "error": None,
        "result": None,
        "record_id": None,
        "until": None,
        "count": 1,
    }
    run = (await desk.max.get(f"/api/jobs/{firing['target']['id']}")).json()
    assert run["status"] == "QUEUED"
