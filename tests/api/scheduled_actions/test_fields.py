"""Every field of a new schedule: what it is without being said, its edges, and just outside."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from api.scheduled_actions.desk import LOGGED, NOBODY, Desk, assert_refused, at
from factories import NOW

DEFAULTS = {
    "description": None,
    "customer_id": None,
    "external_id": None,
    "tags": [],
    "timezone": "UTC",
    "start_at": None,
    "end_at": None,
    "calendars": [],
    "overlap_policy": "SKIP",
    "catchup_window_minutes": 10,
    "catchup_policy": "all",
    "flexible_window_minutes": 0,
    "rate_limit_per_minute": None,
    "max_retries": 3,
    "retry_backoff_seconds": 60,
    "pause_on_failure_count": 5,
    "action_after_completion": "NONE",
    "deduplication_key": None,
    "relative_entity_definition_id": None,
    "relative_field_name": None,
    "relative_filter": None,
    "relative_offset_days": None,
}
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


async def test_what_is_not_said_has_the_defaults_of_the_contract(desk: Desk) -> None:
    made = await desk.make()
    assert {name: made[name] for name in DEFAULTS} == DEFAULTS
    assert {name: made[name] for name in LOGGED} == LOGGED
    assert made["tenant_id"] == str(desk.tenant.tenant.id)
    assert made["project_id"] == str(desk.tenant.project.id)
    assert (made["status"], made["version"], made["run_count"]) == ("active", 1, 0)
    assert made["created_at"] == made["updated_at"] == made["next_run_at"] == at(0)
    assert made["last_run_at"] is made["last_run_status"] is made["paused_reason"] is None
    assert await desk.get(made) == made


async def test_a_new_schedule_says_where_it_is(desk: Desk) -> None:
    answer = await desk.max.post("/v1/schedules", json=LOGGED)
    assert answer.headers["Location"] == f"/v1/schedules/{answer.json()['id']}"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", ["x", "n" * 200, "Ünïcode 🦉", "' OR 1=1 --"]),
        ("description", ["", "d" * 5_000, None]),
        ("customer_id", [NOBODY, None]),
        ("external_id", ["", "e" * 255]),
        ("tags", [["a", "b"], ["t" * 100], [f"t{number}" for number in range(50)]]),
        ("timezone", ["Europe/Berlin", "America/Argentina/ComodRivadavia"]),
        ("overlap_policy", ["SKIP", "BUFFER_ONE", "BUFFER_ALL", "CANCEL_OTHER"]),
        ("overlap_policy", ["TERMINATE_OTHER", "ALLOW_ALL"]),
        ("catchup_window_minutes", [0, 1440]),
        ("catchup_policy", ["all", "latest", "none"]),
        ("flexible_window_minutes", [0, 60]),
        ("rate_limit_per_minute", [1, 10_000, None]),
        ("max_retries", [0, 10]),
        ("retry_backoff_seconds", [0, 2**31 - 1]),
        ("pause_on_failure_count", [1, 100]),
        ("action_after_completion", ["NONE", "DELETE"]),
        ("deduplication_key", ["k", "k" * 255]),
    ],
)
async def test_a_field_takes_its_edges(desk: Desk, field: str, values: list[Any]) -> None:
    for value in values:
        made = await desk.make(**{field: value})
        assert made[field] == value
        assert (await desk.get(made))[field] == value


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", ["", "n" * 201, None, 5, ["x"]]),
        ("description", ["d" * 5_001, 5]),
        ("customer_id", ["acme", "", 5]),
        ("external_id", ["e" * 256, 5]),
        ("tags", [[f"t{number}" for number in range(51)], "a", None]),
        ("timezone", ["Mars/Olympus", "z" * 51, "", None]),
        ("overlap_policy", ["QUEUE", "", None]),
        ("catchup_window_minutes", [-1, 1441, 1.5, "soon", None]),
        ("catchup_policy", ["newest", "", None]),
        ("flexible_window_minutes", [-1, 61]),
        ("rate_limit_per_minute", [0, -1, 10_001, 2**40]),
        ("max_retries", [-1, 11]),
        ("retry_backoff_seconds", [-1, 2**31]),
        ("pause_on_failure_count", [0, 101]),
        ("action_after_completion", ["ARCHIVE", None]),
        ("deduplication_key", ["", "k" * 256]),
        ("schedule_type", ["hourly", "", "s" * 51, None, 5]),
        ("schedule_expression", ["", "nonsense", "61 * * * *", "* " * 200, "0 0 30 2 *", 5, None]),
        ("start_at", ["tomorrow", "2026-13-01", "1969-12-31", "2200-01-01", 5]),
        ("end_at", ["never", "1969-12-31T23:59:59Z", at(-1)]),
        ("action_type", ["run_wild", "", "a" * 51, None]),
        ("action_config", [None, [], "x"]),
        ("project_id", [NOBODY, "default", 5]),
        ("relative_field_name", ["due", "f" * 201]),
        ("relative_offset_days", [1, -36_501, 36_501]),
        ("relative_filter", [{"a": 1}, []]),
        ("relative_entity_definition_id", [NOBODY, "invoice"]),
        ("calendars", ["holidays", None, {}]),
    ],
)
async def test_a_field_refuses_what_is_just_outside(
    desk: Desk, field: str, values: list[Any]
) -> None:
    for value in values:
        answer = await desk.max.post("/v1/schedules", json={**LOGGED, field: value})
        assert assert_refused(answer, "body", field), value
    assert (await desk.max.get("/v1/schedules")).json()["total"] == 0


@pytest.mark.parametrize("field", ["name", "schedule_type", "action_type", "action_config"])
async def test_a_field_that_must_be_there(desk: Desk, field: str) -> None:
    body = {name: value for name, value in LOGGED.items() if name != field}
    assert_refused(await desk.max.post("/v1/schedules", json=body), "body", field)


@pytest.mark.parametrize("field", ["status", "next_run_at", "id", "crons", "nmae", "face"])
async def test_a_field_that_is_not_known(desk: Desk, field: str) -> None:
    answer = await desk.max.post("/v1/schedules", json={**LOGGED, field: "active"})
    assert_refused(answer, "body", field)
    assert answer.json()["detail"][0]["type"] == "extra_forbidden"


async def test_every_fault_of_a_body_is_told_at_once(desk: Desk) -> None:
    body = {**LOGGED, "name": "", "max_retries": 11, "unknown": 1}
    found = (await desk.max.post("/v1/schedules", json=body)).json()["detail"]
    assert [fault["loc"] for fault in found] == [
        ["body", "max_retries"],
        ["body", "name"],
        ["body", "unknown"],
    ]


@pytest.mark.parametrize("place", ["tags", "calendars"])
async def test_what_is_wrong_in_a_list_says_where(desk: Desk, place: str) -> None:
    lists: dict[str, tuple[list[Any], tuple[str | int, ...]]] = {
        "tags": (["fine", ""], ("body", "tags", 1)),
        "calendars": (
            [{"calendar_id": NOBODY}, {"calendar_id": "x"}],
            ("body", "calendars", 1, "calendar_id"),
        ),
    }
    value, loc = lists[place]
    answer = await desk.max.post("/v1/schedules", json={**LOGGED, place: value})
    assert_refused(answer, *loc)


@pytest.mark.parametrize(
    ("field", "written", "kept"),
    [
        ("schedule_type", "CRON", "cron"),
        ("schedule_type", " Cron ", "cron"),
        ("overlap_policy", "buffer_one", "BUFFER_ONE"),
        ("catchup_policy", "LATEST", "latest"),
        ("action_after_completion", "delete", "DELETE"),
        ("action_type", "LOG_EVENT", "log_event"),
        ("timezone", "europe/berlin", "europe/berlin"),
        ("tags", ["a", "a", "b"], ["a", "b"]),
    ],
)
async def test_words_are_read_in_any_letter_case(
    desk: Desk, field: str, written: object, kept: object
) -> None:
    assert (await desk.make(**{field: written}))[field] == kept


# ---------------------------------------------------------------- actions


async def test_a_job_is_named_by_its_id_as_text_or_number(desk: Desk) -> None:
    job_id = await desk.job()
    for written in (job_id, int(job_id)):
        made = await desk.make(action_type="RUN_JOB", action_config={"job_id": written})
        assert made["action_config"] == {"job_id": job_id, "input": {}, "macros": []}


@pytest.mark.parametrize(
    ("config", "loc"),
    [
        ({}, ["job_id"]),
        ({"job_id": "999999999"}, ["job_id"]),
        ({"job_id": "one"}, ["job_id"]),
        ({"job_id": True}, ["job_id"]),
        ({"job_id": -1}, ["job_id"]),
        ({"job_id": 2**70}, ["job_id"]),
        ({"job_id": "٣"}, ["job_id"]),
        ({"job_id": 1, "input": []}, ["input"]),
        (
            {"job_id": 1, "macros": [{"name": "A", "value": ""}, {"name": "B"}]},
            ["macros", 1, "value"],
        ),
        ({"job_id": 1, "macro": []}, ["macro"]),
    ],
)
async def test_a_job_that_cannot_be_run_is_refused(
    desk: Desk, config: dict[str, Any], loc: list[str | int]
) -> None:
    body = {**LOGGED, "action_type": "run_job", "action_config": config}
    answer = await desk.max.post("/v1/schedules", json=body)
    assert_refused(answer, "body", "action_config", *loc)


async def test_macros_that_no_run_can_have_are_refused(desk: Desk) -> None:
    job_id = await desk.job()
    for names in (["A", "A"], ["not a name"], ["PATH=1"]):
        macros = [{"name": name, "value": "1"} for name in names]
        config = {"job_id": job_id, "macros": macros}
        body = {**LOGGED, "action_type": "run_job", "action_config": config}
        answer = await desk.max.post("/v1/schedules", json=body)
        assert_refused(answer, "body", "action_config", "macros")


async def test_a_job_of_another_project_looks_like_none(desk: Desk) -> None:
    job_id = await desk.job()
    body = {**LOGGED, "action_type": "run_job", "action_config": {"job_id": job_id}}
    foreign = await desk.oscar.post("/v1/schedules", json=body)
    missing = await desk.oscar.post(
        "/v1/schedules", json={**body, "action_config": {"job_id": "999999999"}}
    )
    assert foreign.json() == missing.json()
    assert_refused(foreign, "body", "action_config", "job_id")
    answer = await desk.alice.post(
        "/v1/schedules", json={**body, "project_id": str(desk.other_project.id)}
    )
    assert_refused(answer, "body", "project_id")


async def test_a_webhook_has_its_defaults_and_keeps_its_secret(desk: Desk) -> None:
    config = {"url": "https://example.com/hook", "secret": SECRET}
    made = await desk.make(action_type="send_webhook", action_config=config)
    assert made["action_config"] == {
        "url": "https://example.com/hook",
        "method": "POST",
        "headers": {},
        "body": None,
        "timeout_seconds": 30,
    }
    told = [
        await desk.get(made),
        await desk.tell(made, "versions"),
        (await desk.max.get("/v1/schedules")).json(),
        (await desk.alice.get("/v1/audit")).json(),
    ]
    assert SECRET.removeprefix("whsec_") not in str(told)


@pytest.mark.parametrize(
    ("config", "loc"),
    [
        ({}, ["url"]),
        ({"url": "ftp://example.com"}, ["url"]),
        ({"url": "https://"}, ["url"]),
        ({"url": "https://u:p@example.com"}, ["url"]),
        ({"url": "https://example.com:99999"}, ["url"]),
        ({"url": "https://[::1"}, ["url"]),
        ({"url": "https://example.com/a b"}, ["url"]),
        ({"url": "https://exämple.com"}, ["url"]),
        ({"url": "https://example.com/" + "x" * 2_048}, ["url"]),
        ({"url": "https://example.com", "method": "TRACE"}, ["method"]),
        ({"url": "https://example.com", "timeout_seconds": 0}, ["timeout_seconds"]),
        ({"url": "https://example.com", "timeout_seconds": 301}, ["timeout_seconds"]),
        ({"url": "https://example.com", "secret": "short"}, ["secret"]),
        *(
            ({"url": "https://example.com", "secret": f"whsec_{text}"}, ["secret"])
            for text in ("", "AAAA", "A" * 30 + " A", "A" * 31 + "ä", "x" * 33, "A" * 88)
        ),
        ({"url": "https://example.com", "headers": {"a": 5}}, ["headers", "a"]),
        ({"url": "https://example.com", "headers": {"a": "x" * 4_097}}, ["headers", "a"]),
        ({"url": "https://example.com", "extra": 1}, ["extra"]),
    ],
)
async def test_a_webhook_that_cannot_be_sent_is_refused(
    desk: Desk, config: dict[str, Any], loc: list[str]
) -> None:
    body = {**LOGGED, "action_type": "send_webhook", "action_config": config}
    answer = await desk.max.post("/v1/schedules", json=body)
    assert_refused(answer, "body", "action_config", *loc)
    assert "p@" not in answer.text


async def test_an_action_has_at_most_64_kilobytes(desk: Desk) -> None:
    await desk.make(action_config={"x": "y" * 65_000})
    body = {**LOGGED, "action_config": {"x": "y" * 65_536}}
    assert_refused(await desk.max.post("/v1/schedules", json=body), "body", "action_config")


async def test_a_schedule_goes_where_its_maker_may_put_it(desk: Desk) -> None:
    body = {**LOGGED, "project_id": str(desk.other_project.id)}
    made = await desk.oscar.post("/v1/schedules", json=body)
    assert made.json()["project_id"] == str(desk.other_project.id)
    assert_refused(await desk.max.post("/v1/schedules", json=body), "body", "project_id")
    refused = await desk.mia.post("/v1/schedules", json=LOGGED)
    assert (refused.status_code, list(refused.json())) == (403, ["detail"])
    assert (await desk.max.get("/v1/schedules")).json()["total"] == 0
    assert desk.hand.now == NOW
