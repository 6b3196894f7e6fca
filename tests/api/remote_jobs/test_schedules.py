"""Schedules of a job by their names: put, listed, deleted."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from api.integration_manager.house import MISSING, House
from api.remote_jobs.remote import NIGHTLY, listed, made, put, schedules_of
from treadle.schedules.of_jobs import MOST_NAMED


@pytest.fixture
async def job(house: House) -> dict[str, Any]:
    return await house.packaged()


# ---------------------------------------------------------------- put


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_the_first_put_makes_it_and_the_second_changes_it(
    house: House, job: dict[str, Any], method: str
) -> None:
    path = schedules_of(job)
    first = await house.max.request(method, path, json=NIGHTLY)
    assert first.status_code == 201, first.text
    assert first.headers["location"] == f"{path}/Nightly"
    body = first.json()
    shown = {name: body[name] for name in NIGHTLY}
    assert shown == NIGHTLY
    assert body["nextFireTime"] is not None
    later = {**NIGHTLY, "crons": ["30 4 * * *"]}
    second = await house.max.request(method, path, json=later)
    assert (second.status_code, second.json()["id"]) == (200, body["id"])
    assert "location" not in second.headers
    assert await listed(house, job) == [second.json()]
    assert second.json()["crons"] == ["30 4 * * *"]
    assert (await house.max.get(f"/v1/schedules/{body['id']}")).json()["version"] == 2


async def test_what_is_listed_can_be_sent_back_and_changes_nothing(
    house: House, job: dict[str, Any]
) -> None:
    await made(house, job, endDate="2199-01-01", crons=["0 3 * * *", "0 15 * * 1-5"])
    await made(house, job, name="local", startDate="2024-01-01T10:30:00", enabled=False)
    await made(house, job, name="UTC", startDate="2024-01-01T10:30:00.250Z")
    await made(house, job, name="twice", startDate="2024-10-27T01:30:00Z")
    before = await listed(house, job)
    assert [schedule["startDate"] for schedule in before] == [
        "2023-09-04",
        "2024-01-01T10:30:00",
        "2024-01-01T11:30:00.250000",
        "2024-10-27T01:30:00.000Z",  # the second 02:30 of that night in Berlin
    ]
    for schedule in before:
        answer = await house.max.put(schedules_of(job), json=schedule)
        assert (answer.status_code, answer.json()) == (200, schedule)
        details = (await house.max.get(f"/v1/schedules/{schedule['id']}")).json()
        assert details["version"] == 1
    assert await listed(house, job) == before


async def test_a_changed_body_says_everything_anew(house: House, job: dict[str, Any]) -> None:
    await made(house, job, endDate="2199-01-01", crons=["0 3 * * *", "0 4 * * *"])
    answer = await put(house, job, timeZone="UTC")
    assert answer.status_code == 200
    [schedule] = await listed(house, job)
    assert (schedule["timeZone"], schedule["endDate"]) == ("UTC", None)
    assert schedule["crons"] == ["0 3 * * *"]


async def test_of_eight_who_put_one_name_at_once_one_makes_it(
    house: House, job: dict[str, Any]
) -> None:
    answers = await asyncio.gather(
        *(put(house, job, crons=[f"{minute} 3 * * *"]) for minute in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    [schedule] = await listed(house, job)
    assert schedule["id"] in {answer.json()["id"] for answer in answers}
    assert len({answer.json()["id"] for answer in answers}) == 1
    details = (await house.max.get(f"/v1/schedules/{schedule['id']}")).json()
    assert details["version"] == 8


async def test_different_names_are_different_schedules(house: House, job: dict[str, Any]) -> None:
    names = ["My Schedule", "my schedule", "My Schedule ", "Ночь", "e\u0301", "\u00e9", "a/b"]
    for name in names:
        await made(house, job, name=name)
    assert [schedule["name"] for schedule in await listed(house, job)] == names


async def test_another_job_may_use_the_same_name(house: House, job: dict[str, Any]) -> None:
    other = await house.packaged()
    first, second = await made(house, job), await made(house, other)
    assert first["id"] != second["id"]
    await house.max.delete(f"{schedules_of(other)}/Nightly")
    assert len(await listed(house, job)) == 1


async def test_a_deleted_name_can_be_used_again(house: House, job: dict[str, Any]) -> None:
    first = await made(house, job)
    assert (await house.max.delete(f"{schedules_of(job)}/Nightly")).status_code == 204
    assert (await made(house, job))["id"] != first["id"]


async def test_a_job_has_a_bounded_number_of_names(house: House, job: dict[str, Any]) -> None:
    seed = await made(house, job)
    async with house.server.context.database.system() as tx:
        columns = await tx.fetchval(
            "SELECT string_agg(column_name, ', ') FROM information_schema.columns"
            " WHERE table_schema = 'treadle' AND table_name = 'schedules'"
            " AND column_name NOT IN ('id', 'name')"
        )
        await tx.execute(
            f"INSERT INTO schedules (id, name, {columns}) SELECT gen_random_uuid(), n::text,"
            f" {columns} FROM schedules, generate_series(2, {MOST_NAMED}) AS n WHERE id = $1",
            seed["id"],
        )
    refused = await put(house, job, name="one more")
    assert (refused.status_code, len(await listed(house, job))) == (409, MOST_NAMED)
    assert refused.json()["message"] == ("this job has 200 schedules, and cannot have more by name")
    assert (await put(house, job)).status_code == 200


# ---------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"name": None}, "name: must be text"),
        ({"name": ""}, "name: must have at least 1 character"),
        ({"name": " \t"}, "name: must not be blank"),
        ({"name": "x" * 201}, "name: must have at most 200 characters"),
        ({"name": "a/../b"}, "name: must not have . or .. alone between slashes"),
        ({"name": "line\nbreak"}, "name: must be one line without control characters"),
        ({"name": "a\x7fb"}, "name: must be one line without control characters"),
        ({"name": "."}, "name: must not have . or .. alone between slashes"),
        ({"timeZone": "Mars/Olympus"}, "timeZone: 'Mars/Olympus' is not a known time zone"),
        ({"timeZone": ""}, "timeZone: must have 1 to 50 characters"),
        ({"timeZone": None}, "timeZone: must be text"),
        ({"startDate": None}, "startDate: must be text"),
        ({"startDate": 1693785600}, "startDate: must be text"),
        (
            {"startDate": "04/09/2023"},
            "startDate: '04/09/2023' is not a date or a date-time such as 2026-12-01T09:00:00",
        ),
        ({"startDate": "2023-02-30"}, "startDate: '2023-02-30' is not a date and time that exist"),
        (
            {"startDate": "2026-01-02", "endDate": "2026-01-01"},
            "endDate: must not be before startDate",
        ),
        ({"endDate": "tomorrow"}, "endDate: 'tomorrow' is not a date"),
        (
            {"endDate": "2024-01-01"},
            "endDate: nothing is due until then, so it can never fire",
        ),
        ({"enabled": "perhaps"}, "enabled: must be true or false"),
        ({"enabled": None}, "enabled: must be true or false"),
        ({"crons": []}, "crons: must have at least 1 item"),
        ({"crons": "0 10 * * *"}, "crons: must be a list"),
        ({"crons": ["0 3 * * *"] * 21}, "crons: must have at most 20 items"),
        ({"crons": ["0 3 * * *", ""]}, "crons[1]: must not be blank"),
        ({"crons": ["0 3 * * *", 5]}, "crons[1]: must be text"),
        ({"crons": ["61 3 * * *"]}, "crons[0]: minute: "),
        (
            {"crons": ["0 3 * * *", "0 3 31 2 *"]},
            "crons[1]: day of month: none of the months has such a day",
        ),
        ({"crons": ["0 3 * * *", "rate(5 minutes)"]}, "crons[1]: rate(…) goes with"),
        ({"crons": ["x" * 257]}, "crons[0]: must have at most 256 characters"),
    ],
)
async def test_a_body_that_breaks_a_rule_is_400_and_names_the_field(
    house: House, job: dict[str, Any], said: dict[str, Any], message: str
) -> None:
    answer = await put(house, job, **said)
    body = answer.json()
    assert (body["status"], body["error"]) == (answer.status_code, "Bad Request"), answer.text
    assert body["message"].startswith(message), body["message"]
    assert await listed(house, job) == []


@pytest.mark.parametrize("field", ["name", "timeZone", "startDate", "enabled", "crons"])
async def test_five_fields_are_required(house: House, job: dict[str, Any], field: str) -> None:
    body = {name: value for name, value in NIGHTLY.items() if name != field}
    answer = await house.max.put(schedules_of(job), json=body)
    assert (answer.status_code, answer.json()["message"]) == (400, f"{field}: is required")


async def test_an_end_may_be_left_out(house: House, job: dict[str, Any]) -> None:
    body = {name: value for name, value in NIGHTLY.items() if name != "endDate"}
    assert (await house.max.put(schedules_of(job), json=body)).json()["endDate"] is None


@pytest.mark.parametrize(
    ("zones", "status"),
    [
        ({"timezone": "Asia/Tokyo"}, 201),
        ({"timeZone": "Asia/Tokyo", "timezone": "Asia/Tokyo"}, 201),
        ({"timeZone": None, "timezone": "Asia/Tokyo"}, 201),
        ({"timeZone": "Asia/Tokyo", "timezone": None}, 201),
        ({"timeZone": "Asia/Tokyo", "timezone": "UTC"}, 400),
        ({"timezone": 9}, 400),
        ({"timezone": None}, 400),
    ],
)
async def test_the_time_zone_has_two_spellings_and_one_meaning(
    house: House, job: dict[str, Any], zones: dict[str, Any], status: int
) -> None:
    body = {name: value for name, value in NIGHTLY.items() if name != "timeZone"}
    answer = await house.max.put(schedules_of(job), json={**body, **zones})
    assert answer.status_code == status, answer.text
    if status == 201:
        assert answer.json()["timeZone"] == "Asia/Tokyo"
        assert "timezone" not in answer.json()
    else:
        assert "timeZone" in answer.json()["message"]


async def test_a_refused_change_changes_nothing(house: House, job: dict[str, Any]) -> None:
    before = await made(house, job)
    assert (await put(house, job, crons=["0 4 * * *", "nonsense"])).status_code == 400
    assert (await put(house, job, endDate="2024-01-01")).status_code == 400
    assert await listed(house, job) == [before]


# ---------------------------------------------------------------- delete


@pytest.mark.parametrize(
    "name",
    [
        "Nightly",
        "My Schedule",
        "a/b",
        "/a//b/",
        "100% ?x=1&y=2#z",
        "Ночной отчёт",
        "夜\U0001f989",
        "e\u0301",
        "%2F",
        "...",
        "\u202eabc",
    ],
)
async def test_every_name_can_be_deleted_at_its_address(
    house: House, job: dict[str, Any], name: str
) -> None:
    await made(house, job, name="bystander")
    created = await put(house, job, name=name)
    assert created.status_code == 201, created.text
    place = created.headers["location"]
    assert place == f"{schedules_of(job)}/{quote(name, safe='')}"
    assert (await house.max.delete(place)).status_code == 204
    assert [schedule["name"] for schedule in await listed(house, job)] == ["bystander"]
    gone = await house.max.delete(place)
    assert (gone.status_code, gone.json()) == (404, MISSING)


async def test_an_unknown_name_is_missing(house: House, job: dict[str, Any]) -> None:
    await made(house, job)
    for name in ("nightly", "Nightly ", "Nightl", "", "x" * 3000, "%ff", "Nightly/"):
        answer = await house.max.delete(f"{schedules_of(job)}/{name}")
        assert answer.status_code in (404, 405), name
    assert len(await listed(house, job)) == 1
    assert (await house.max.delete(f"{schedules_of(job)}/Night%00ly")).status_code == 400


# ---------------------------------------------------------------- enabled


async def test_a_disabled_schedule_is_paused_and_can_be_enabled_again(
    house: House, job: dict[str, Any]
) -> None:
    schedule = await made(house, job, enabled=False)
    assert (schedule["enabled"], schedule["nextFireTime"]) == (False, None)
    details = (await house.max.get(f"/v1/schedules/{schedule['id']}")).json()
    assert (details["status"], details["paused_reason"]) == ("paused", "disabled")
    enabled = (await put(house, job, enabled=True)).json()
    assert enabled["enabled"] is True
    assert enabled["nextFireTime"] is not None
    disabled = (await put(house, job, enabled=False)).json()
    assert (disabled["enabled"], disabled["nextFireTime"]) == (False, None)


async def test_a_pause_of_another_contract_shows_and_keeps_its_reason(
    house: House, job: dict[str, Any]
) -> None:
    schedule = await made(house, job)
    path = f"/v1/schedules/{schedule['id']}"
    await house.max.post(f"{path}/pause", json={"reason": "moving house"})
    assert [shown["enabled"] for shown in await listed(house, job)] == [False]
    await put(house, job, enabled=False, crons=["0 4 * * *"])
    assert (await house.max.get(path)).json()["paused_reason"] == "moving house"
    await put(house, job)
    assert (await house.max.get(path)).json()["status"] == "active"


async def test_a_body_is_the_whole_word_on_whether_it_is_enabled(
    house: House, job: dict[str, Any]
) -> None:
    """A change of the times and of `enabled` at once."""
    await made(house, job)
    off = (await put(house, job, enabled=False, crons=["0 5 * * *"])).json()
    assert (off["enabled"], off["crons"]) == (False, ["0 5 * * *"])
    on = (await put(house, job, enabled=True, crons=["0 6 * * *", "0 7 * * *"])).json()
    assert (on["enabled"], on["crons"]) == (True, ["0 6 * * *", "0 7 * * *"])


# ---------------------------------------------------------------- other contracts


def free(job: dict[str, Any], **said: Any) -> dict[str, Any]:
    """A schedule as scheduled actions make it."""
    return {
        "name": "Free",
        "schedule_type": "cron",
        "schedule_expression": "0 9 * * *",
        "action_type": "run_job",
        "action_config": {"job_id": job["id"], "input": {"country": "AU"}},
        "max_retries": 2,
        **said,
    }


async def test_schedules_of_other_contracts_are_listed_if_they_are_crons_of_this_job(
    house: House, job: dict[str, Any]
) -> None:
    other = await house.packaged()
    for body in (
        free(job),
        free(job, name="hourly", schedule_type="interval", schedule_expression="PT1H"),
        free(job, name="aws", schedule_expression="cron(0 9 ? * MON *)", timezone="Asia/Tokyo"),
        free(job, name="no\nname/.."),
        free(other, name="of another job"),
    ):
        assert (await house.max.post("/v1/schedules", json=body)).status_code == 201
    await made(house, job)
    own = {"name": "own", "type": "cron", "cronSchedule": "0 7 * * *"}
    assert (await house.max.post(f"{job['href']}/schedule", json=own)).status_code == 201
    shown = await listed(house, job)
    assert [schedule["name"] for schedule in shown] == [
        "Nightly",
        "Free",
        "aws",
        "no\nname/..",
        "own",
    ]
    assert shown[2]["crons"] == ["cron(0 9 ? * MON *)"]
    for schedule in shown:
        answer = await house.max.put(schedules_of(job), json=schedule)
        assert (answer.status_code, answer.json()) == (200, schedule)


async def test_a_put_keeps_what_this_contract_does_not_speak_of(
    house: House, job: dict[str, Any]
) -> None:
    before = (await house.max.post("/v1/schedules", json=free(job))).json()
    assert (await put(house, job, name="Free")).status_code == 200
    after = (await house.max.get(f"/v1/schedules/{before['id']}")).json()
    assert after["schedule_expression"] == "0 3 * * *"
    assert after["timezone"] == "Europe/Berlin"
    for name in ("action_config", "max_retries", "overlap_policy", "schedule_type"):
        assert after[name] == before[name]
    assert (await house.max.delete(f"{schedules_of(job)}/Free")).status_code == 204
    assert (await house.max.get(f"/v1/schedules/{before['id']}")).status_code == 404


async def test_of_one_name_the_one_that_was_made_here_is_meant(
    house: House, job: dict[str, Any]
) -> None:
    other = (await house.max.post("/v1/schedules", json=free(job, name="Twin"))).json()
    await house.max.post("/v1/schedules", json=free(job, name="Nightly"))
    mine = (await put(house, job, name="Twin")).json()
    assert mine["id"] == other["id"]  # the only one of the name
    renamed = await house.max.put(f"/v1/schedules/{other['id']}", json={"name": "Nightly"})
    assert renamed.status_code == 200  # names of scheduled actions need not differ
    oldest = (await put(house, job)).json()
    assert oldest["id"] == other["id"]


async def test_a_rename_elsewhere_to_a_name_that_the_job_has_is_409(
    house: House, job: dict[str, Any]
) -> None:
    await made(house, job)
    second = await made(house, job, name="second")
    path = f"/v1/schedules/{second['id']}"
    refused = await house.max.put(path, json={"name": "Nightly"})
    assert (refused.status_code, (await house.max.get(path)).json()["name"]) == (409, "second")
    other = await house.packaged()
    await made(house, other, name="second")
    moved = await house.max.put(path, json={"action_config": {"job_id": other["id"]}})
    assert moved.status_code == 409
    assert len(await listed(house, other)) == 1


async def test_scheduled_actions_show_what_was_made_here(house: House, job: dict[str, Any]) -> None:
    schedule = await made(house, job, crons=["0 3 * * *", "0 15 * * *"])
    details = (await house.max.get(f"/v1/schedules/{schedule['id']}")).json()
    assert details["schedule_expression"] == "0 3 * * *; 0 15 * * *"
    assert details["crons"] == ["0 3 * * *", "0 15 * * *"]
    assert details["action_type"] == "run_job"
    assert details["action_config"]["job_id"] == job["id"]
    assert (details["max_retries"], details["pause_on_failure_count"]) == (0, 100)
    assert (details["overlap_policy"], details["project_id"]) == ("SKIP", job["project"])
