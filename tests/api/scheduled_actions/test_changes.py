"""PUT: only what is sent becomes different, as a new version."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from api.scheduled_actions.desk import LOGGED, NOBODY, Desk, assert_refused, at

FULL: dict[str, Any] = {
    "description": "all of it",
    "customer_id": NOBODY,
    "external_id": "e-1",
    "tags": ["a"],
    "timezone": "Europe/Berlin",
    "start_at": at(-60),
    "end_at": at(10_000),
    "overlap_policy": "ALLOW_ALL",
    "catchup_window_minutes": 11,
    "catchup_policy": "latest",
    "flexible_window_minutes": 1,
    "rate_limit_per_minute": 7,
    "max_retries": 4,
    "retry_backoff_seconds": 61,
    "pause_on_failure_count": 6,
    "action_after_completion": "DELETE",
    "deduplication_key": "k",
    "action_config": {"said": "x"},
}
MOVES = {"version", "updated_at"}


async def test_a_change_touches_only_what_it_sends(desk: Desk) -> None:
    made = await desk.make(**FULL)
    await desk.pass_to(1)
    changes: dict[str, Any] = {
        "name": "renamed",
        "description": "else",
        "action_config": {"said": "y"},
        "overlap_policy": "skip",
        "catchup_window_minutes": 0,
        "catchup_policy": "none",
        "flexible_window_minutes": 0,
        "max_retries": 0,
        "rate_limit_per_minute": 1,
        "retry_backoff_seconds": 0,
        "pause_on_failure_count": 1,
        "action_after_completion": "none",
        "customer_id": "160c0c4b-9966-4dc1-a916-8407eb10d74e",
        "external_id": "e-2",
        "tags": ["b", "c"],
    }
    before = await desk.get(made)
    for number, (field, value) in enumerate(changes.items(), start=2):
        after = await desk.put(made, **{field: value})
        kept = value.upper() if field in ("overlap_policy", "action_after_completion") else value
        assert after == {**before, field: kept, "version": number, "updated_at": at(1)}
        before = after
    assert await desk.get(made) == before


async def test_times_are_changed_from_now_on(desk: Desk) -> None:
    made = await desk.make()
    for minute in (0, 5, 10, 12):
        await desk.pass_to(minute)
    assert await desk.runs(made) == ["0 succeeded", "5 succeeded", "10 succeeded"]
    changed = await desk.put(made, schedule_expression="*/7 * * * *")
    assert changed["next_run_at"] == at(14)
    changed = await desk.put(made, timezone="Asia/Kolkata", schedule_expression="0 15 * * *")
    assert (changed["version"], changed["next_run_at"]) == (3, at(30))
    changed = await desk.put(made, start_at="2026-11-24")
    assert changed["start_at"] == "2026-11-23T18:30:00.000Z"
    assert changed["next_run_at"] == "2026-11-24T09:30:00.000Z"
    changed = await desk.put(made, start_at=None, end_at="2026-11-23")
    assert (changed["start_at"], changed["end_at"]) == (None, "2026-11-23T18:29:59.000Z")
    assert await desk.runs(made) == ["0 succeeded", "5 succeeded", "10 succeeded"]


async def test_nothing_said_and_nothing_new_is_no_new_version(desk: Desk) -> None:
    made = await desk.make(**FULL)
    again = {name: made[name] for name in FULL if name != "deduplication_key"}
    assert (await desk.put(made))["version"] == 1
    assert (await desk.put(made, **again))["version"] == 1


@pytest.mark.parametrize(
    "field",
    ["description", "customer_id", "external_id", "start_at", "end_at", "rate_limit_per_minute"],
)
async def test_null_empties_what_may_be_empty(desk: Desk, field: str) -> None:
    made = await desk.make(**{**FULL, "schedule_type": "cron"})
    assert (await desk.put(made, **{field: None}))[field] is None


@pytest.mark.parametrize(
    "field",
    [
        "name",
        "action_config",
        "tags",
        "timezone",
        "overlap_policy",
        "calendars",
        "max_retries",
        "catchup_window_minutes",
        "catchup_policy",
        "status",
        "schedule_expression",
        "relative_field_name",
    ],
)
async def test_null_is_refused_where_something_must_stand(desk: Desk, field: str) -> None:
    made = await desk.make()
    answer = await desk.max.put(f"/v1/schedules/{made['id']}", json={field: None})
    assert_refused(answer, "body", field)
    assert await desk.get(made) == made


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schedule_type", "cron"),
        ("action_type", "log_event"),
        ("deduplication_key", "k"),
        ("project_id", NOBODY),
        ("next_run_at", at(0)),
        ("name", ""),
        ("name", "n" * 201),
        ("max_retries", 11),
        ("max_retries", -1),
        ("catchup_window_minutes", 1441),
        ("flexible_window_minutes", 61),
        ("rate_limit_per_minute", 0),
        ("retry_backoff_seconds", -1),
        ("pause_on_failure_count", 0),
        ("overlap_policy", "QUEUE"),
        ("status", "completed"),
        ("status", ""),
        ("timezone", "Mars/Olympus"),
        ("schedule_expression", "every day"),
        ("schedule_expression", ""),
        ("start_at", "soon"),
        ("end_at", at(-1)),
        ("relative_field_name", "due"),
    ],
)
async def test_a_change_is_held_to_the_same_rules(desk: Desk, field: str, value: object) -> None:
    made = await desk.make()
    answer = await desk.max.put(f"/v1/schedules/{made['id']}", json={field: value, "tags": ["x"]})
    assert_refused(answer, "body", field)
    assert await desk.get(made) == made
    assert len((await desk.tell(made, "versions"))["items"]) == 1


async def test_status_pauses_and_resumes(desk: Desk) -> None:
    made = await desk.make()
    paused = await desk.put(made, status="PAUSED", max_retries=1)
    assert (paused["status"], paused["next_run_at"], paused["max_retries"]) == ("paused", None, 1)
    assert paused["paused_reason"]
    resumed = await desk.put(made, status="active")
    assert (resumed["status"], resumed["next_run_at"]) == ("active", at(5))
    assert resumed["paused_reason"] is None


async def test_a_job_stays_as_long_as_a_schedule_runs_it(desk: Desk) -> None:
    job_id = await desk.job()
    made = await desk.make(action_type="run_job", action_config={"job_id": job_id}, start_at=at(10))
    assert (await desk.alice.delete(f"/api/jobconfigs/{job_id}")).status_code == 409
    answer = await desk.max.put(
        f"/v1/schedules/{made['id']}", json={"action_config": {"job_id": "999999999"}}
    )
    assert_refused(answer, "body", "action_config", "job_id")
    assert (await desk.max.delete(f"/v1/schedules/{made['id']}")).status_code == 204
    assert (await desk.alice.delete(f"/api/jobconfigs/{job_id}")).status_code == 204


async def test_the_action_is_changed_whole_and_its_secret_stays_until_it_is_said(
    desk: Desk,
) -> None:
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    config = {"url": "https://example.com/a", "secret": secret, "timeout_seconds": 5}
    made = await desk.make(action_type="send_webhook", action_config=config)
    changed = await desk.put(made, action_config={"url": "https://example.com/b"})
    assert changed["action_config"]["url"] == "https://example.com/b"
    assert changed["action_config"]["timeout_seconds"] == 30
    assert await told_of_secret(desk, made) == ["set"]
    await desk.put(made, action_config={"url": "https://example.com/b", "secret": None})
    assert await told_of_secret(desk, made) == ["removed", "set"]
    await desk.put(made, action_config={"url": "https://example.com/b", "secret": secret})
    assert (await desk.max.delete(f"/v1/schedules/{made['id']}")).status_code == 204
    assert await told_of_secret(desk, made) == ["removed", "set", "removed", "set"]


async def told_of_secret(desk: Desk, schedule: dict[str, Any]) -> list[str]:
    """What the audit log says became of the schedule's secret, the newest first."""
    answer = await desk.alice.get("/v1/audit", params={"action": "schedule.secret"})
    entries = answer.json()["items"]
    assert {entry["target"] for entry in entries} == {f"schedule:{schedule['id']}"}
    assert "whsec" not in answer.text
    return [entry["after"]["signing"] for entry in entries]


async def test_versions_tell_who_changed_what(desk: Desk) -> None:
    made = await desk.make()
    await desk.pass_to(1)
    await desk.put(made, max_retries=5, tags=["x"])
    newest, first = (await desk.tell(made, "versions"))["items"]
    assert (newest["version"], newest["created_at"]) == (2, at(1))
    kind, _, key_id = newest["created_by"].partition(":")
    assert kind == "api_key"
    assert newest["created_by_name"] not in (key_id, "")
    assert newest["changes"] == [
        {"field": "max_retries", "before": 3, "after": 5},
        {"field": "tags", "before": [], "after": ["x"]},
    ]
    assert (first["version"], first["changes"]) == (1, [])
    assert first["definition"]["name"] == LOGGED["name"]


async def test_a_completed_schedule_is_due_again_by_new_times_only(desk: Desk) -> None:
    made = await desk.make(schedule_type="once", schedule_expression=None, start_at=at(1))
    await desk.pass_to(1)
    await desk.pass_to(2)
    assert (await desk.get(made))["status"] == "completed"
    for what in ("pause", "resume"):
        answer = await desk.max.post(f"/v1/schedules/{made['id']}/{what}")
        assert (answer.status_code, list(answer.json())) == (409, ["detail"])
    renamed = await desk.put(made, name="still done")
    assert renamed["status"] == "completed"
    again = await desk.put(made, start_at=at(5))
    assert (again["status"], again["next_run_at"]) == ("active", at(5))
    await desk.pass_to(6)
    assert await desk.runs(made) == ["1 succeeded", "5 succeeded"]


async def test_what_is_deleted_is_gone_and_stays_gone(desk: Desk) -> None:
    made = await desk.make()
    path = f"/v1/schedules/{made['id']}"
    gone = await desk.max.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    for method, end in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/pause")]:
        body = {} if method == "PUT" else None
        answer = await desk.max.request(method, path + end, json=body)
        missing = await desk.max.request(method, f"/v1/schedules/{NOBODY}{end}", json=body)
        assert (answer.status_code, answer.json()) == (404, missing.json())
    assert (await desk.max.get("/v1/schedules")).json()["total"] == 0
    await desk.pass_to(30)
