"""Every form of an expression, through the preview and through a schedule."""

from __future__ import annotations

from typing import Any

import pytest

from api.scheduled_actions.desk import LOGGED, Desk, assert_refused, at
from treadle.schedules.expressions import LONGEST_EXPRESSION

# NOW is Saturday, 2026-11-21, 09:00 UTC.
FORMS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("cron", {"schedule_expression": "30 9 * * *"}, ["2026-11-21T09:30", "2026-11-22T09:30"]),
    ("cron", {"schedule_expression": "@hourly"}, ["2026-11-21T09:00", "2026-11-21T10:00"]),
    ("cron", {"schedule_expression": "@yearly"}, ["2027-01-01T00:00", "2028-01-01T00:00"]),
    (
        "cron",
        {"schedule_expression": "0 9 * JAN-MAR MON#1"},
        ["2027-01-04T09:00", "2027-02-01T09:00"],
    ),
    ("cron", {"schedule_expression": "0 9 L * *"}, ["2026-11-30T09:00", "2026-12-31T09:00"]),
    ("cron", {"schedule_expression": "0 9 1W * *"}, ["2026-12-01T09:00", "2027-01-01T09:00"]),
    ("cron", {"schedule_expression": "0 9 * * 5L"}, ["2026-11-27T09:00", "2026-12-25T09:00"]),
    ("cron", {"schedule_expression": "0 9 * * 7"}, ["2026-11-22T09:00", "2026-11-29T09:00"]),
    ("cron", {"schedule_expression": "0 9 1 * 1"}, ["2026-11-23T09:00", "2026-11-30T09:00"]),
    (
        "cron",
        {"schedule_expression": "15 30 9 ? * SUN"},
        ["2026-11-22T09:30:15", "2026-11-29T09:30:15"],
    ),
    (
        "cron",
        {"schedule_expression": "0 0 9 1 1 ? 2027-2028"},
        ["2027-01-01T09:00", "2028-01-01T09:00"],
    ),
    (
        "cron",
        {"schedule_expression": "cron(0 9 ? * 2 *)"},
        ["2026-11-23T09:00", "2026-11-30T09:00"],
    ),
    (
        "cron",
        {"schedule_expression": "RRULE:FREQ=MONTHLY;BYDAY=-1FR", "start_at": "2026-01-01T09:00"},
        ["2026-11-27T09:00", "2026-12-25T09:00"],
    ),
    (
        "interval",
        {"schedule_expression": "rate(5 minutes)"},
        ["2026-11-21T09:05", "2026-11-21T09:10"],
    ),
    ("interval", {"schedule_expression": "PT5M"}, ["2026-11-21T09:05", "2026-11-21T09:10"]),
    ("interval", {"schedule_expression": "90"}, ["2026-11-21T09:01:30", "2026-11-21T09:03"]),
    (
        "RATE",
        {"schedule_expression": "PT1H", "start_at": "2026-11-21T09:30"},
        ["2026-11-21T09:30", "2026-11-21T10:30"],
    ),
    ("once", {"schedule_expression": "at(2026-12-01T09:00:00)"}, ["2026-12-01T09:00"]),
    ("AT", {"schedule_expression": "2026-12-01T09:00:00+02:00"}, ["2026-12-01T07:00"]),
    ("one_shot", {"start_at": "2026-12-01"}, ["2026-12-01T00:00"]),
    ("One_Time", {"start_at": "2026-12-01 09:00"}, ["2026-12-01T09:00"]),
    ("one-shot", {"start_at": "2026-12-01T09:00:30.5Z"}, ["2026-12-01T09:00:31"]),
]


def iso_of(short: str) -> str:
    return (short if len(short) > 16 else f"{short}:00") + ".000Z"


@pytest.mark.parametrize(("schedule_type", "said", "due"), FORMS)
async def test_each_form_is_due_when_it_says(
    desk: Desk, schedule_type: str, said: dict[str, Any], due: list[str]
) -> None:
    body = {"schedule_type": schedule_type, **said}
    answer = await desk.max.post("/v1/schedules/preview", json={**body, "count": len(due)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] == [iso_of(short) for short in due]
    assert answer.json()["description"]
    made = await desk.make(**{"schedule_expression": None, **body})
    assert made["next_run_at"] == iso_of(due[0])
    upcoming = await desk.tell(made, "upcoming", n=len(due))
    assert upcoming == answer.json()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"schedule_type": "cron"}, "schedule_expression"),
        ({"schedule_type": "interval"}, "schedule_expression"),
        ({"schedule_type": "once"}, "schedule_expression"),
        ({"schedule_type": "cron", "schedule_expression": "* * * *"}, "schedule_expression"),
        ({"schedule_type": "cron", "schedule_expression": "0 0 0 1 1 1"}, "schedule_expression"),
        (
            {"schedule_type": "cron", "schedule_expression": "cron(0 9 1 * 2 *)"},
            "schedule_expression",
        ),
        (
            {"schedule_type": "cron", "schedule_expression": "0 0 9 1 1 ? 2020"},
            "schedule_expression",
        ),
        (
            {"schedule_type": "cron", "schedule_expression": "rate(5 minutes)"},
            "schedule_expression",
        ),
        ({"schedule_type": "cron", "schedule_expression": "RRULE:FREQ=DAILY"}, "start_at"),
        (
            {"schedule_type": "interval", "schedule_expression": "rate(0 minutes)"},
            "schedule_expression",
        ),
        ({"schedule_type": "interval", "schedule_expression": "-5"}, "schedule_expression"),
        ({"schedule_type": "interval", "schedule_expression": "P1M"}, "schedule_expression"),
        ({"schedule_type": "once", "schedule_expression": "2020-01-01"}, "schedule_expression"),
        ({"schedule_type": "once", "start_at": "2020-01-01"}, "start_at"),
        ({"schedule_type": "once", "schedule_expression": "2026-02-30"}, "schedule_expression"),
        (
            {
                "schedule_type": "cron",
                "schedule_expression": "@daily",
                "end_at": "2026-11-21T12:00",
            },
            "end_at",
        ),
        (
            {"schedule_type": "cron", "schedule_expression": "@daily", "timezone": "Nowhere"},
            "timezone",
        ),
        ({"schedule_type": "sometimes"}, "schedule_type"),
        ({"schedule_type": "cron", "schedule_expression": "@daily", "count": 0}, "count"),
        ({"schedule_type": "cron", "schedule_expression": "@daily", "count": 1_001}, "count"),
        ({"schedule_type": "cron", "schedule_expression": "@daily", "after": "soon"}, "after"),
        ({"schedule_type": "cron", "schedule_expression": "@daily", "name": "x"}, "name"),
        ({"schedule_expression": "@daily"}, "schedule_type"),
    ],
)
async def test_what_does_not_parse_or_never_fires_says_which_field(
    desk: Desk, said: dict[str, Any], field: str
) -> None:
    answer = await desk.max.post("/v1/schedules/preview", json=said)
    message = assert_refused(answer, "body", field)
    assert len(message) < 300


async def test_an_expression_has_at_most_256_characters(desk: Desk) -> None:
    longest = ",".join(str(number % 60) for number in range(84)) + " * * * *"
    longest = longest + " " * (LONGEST_EXPRESSION - len(longest))
    assert len(longest) == LONGEST_EXPRESSION
    await desk.make(schedule_expression=longest)
    body = {**LOGGED, "schedule_expression": longest + " "}
    answer = await desk.max.post("/v1/schedules", json=body)
    assert "256" in assert_refused(answer, "body", "schedule_expression")


async def test_dates_without_an_offset_are_on_the_wall_clock_of_the_zone(desk: Desk) -> None:
    made = await desk.make(
        schedule_expression="0 12 * * *",
        timezone="AUS Eastern Standard Time",
        start_at="2026-12-01",
        end_at="2026-12-03",
    )
    assert made["timezone"] == "AUS Eastern Standard Time"
    assert made["start_at"] == "2026-11-30T13:00:00.000Z"
    assert made["end_at"] == "2026-12-03T12:59:59.000Z"
    told = await desk.tell(made, "upcoming", n=1_000)
    assert told["next"] == [f"2026-12-0{day}T01:00:00.000Z" for day in (1, 2, 3)]


async def test_a_preview_begins_after_an_instant_and_gives_up_to_a_thousand(desk: Desk) -> None:
    body = {"schedule_type": "interval", "schedule_expression": "1", "start_at": at(0)}
    answer = await desk.max.post(
        "/v1/schedules/preview", json={**body, "count": 1_000, "after": "2027-01-01T00:00:00Z"}
    )
    found = answer.json()["next"]
    assert (len(found), found[0]) == (1_000, "2027-01-01T00:00:01.000Z")
    late = await desk.max.post("/v1/schedules/preview", json={**body, "after": "2199-12-31"})
    assert late.status_code == 200, late.text
    assert late.json()["next"][0] == "2199-12-31T00:00:01.000Z"


async def test_what_is_due_later_than_anybody_plans_is_not_due(desk: Desk) -> None:
    body = {"schedule_type": "cron", "schedule_expression": "0 0 1 1 *", "count": 1_000}
    found = (await desk.max.post("/v1/schedules/preview", json=body)).json()["next"]
    assert found[-1] == "2199-01-01T00:00:00.000Z"


async def test_a_preview_makes_nothing(desk: Desk) -> None:
    body = {"schedule_type": "cron", "schedule_expression": "@daily"}
    assert (await desk.mia.post("/v1/schedules/preview", json=body)).status_code == 200
    assert (await desk.max.get("/v1/schedules")).json()["total"] == 0


async def test_a_few_seconds_late_is_still_once(desk: Desk) -> None:
    """A caller's clock may be behind the server's."""
    made = await desk.make(schedule_type="once", schedule_expression=None, start_at=at(-0.5))
    assert made["next_run_at"] == at(-0.5)
    await desk.pass_to(0)
    assert await desk.runs(made) == ["-0.5 succeeded"]
    assert (await desk.get(made))["status"] == "completed"


async def test_relative_fields_go_with_a_relative_schedule_only(desk: Desk) -> None:
    answer = await desk.max.post("/v1/schedules", json={**LOGGED, "schedule_type": "relative"})
    assert_refused(answer, "body", "relative_entity_definition_id")
