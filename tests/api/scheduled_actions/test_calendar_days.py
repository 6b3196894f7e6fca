"""Due times summed up by day: what was, what comes, and nothing hidden by what is due often."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.scheduled_actions.desk import NOBODY, Desk, assert_refused, at
from factories import NOW
from schedules.effort import EFFORT
from treadle.core.clock import iso
from treadle.schedules import calendar_days, foreseeing

MONTH = {"from": "2026-12-01", "to": "2027-01-01", "timezone": "UTC"}


async def told(client: httpx.AsyncClient, **params: str) -> dict[str, Any]:
    """What the calendar answers."""
    answer = await client.get("/v1/schedules/calendar", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def days_of(client: httpx.AsyncClient, **params: str) -> dict[str, dict[str, Any]]:
    """Its days by date, of which nothing is left out."""
    found = await told(client, **params)
    assert found["more"] is False
    return {day["date"]: day for day in found["days"]}


def counts(days: dict[str, dict[str, Any]]) -> dict[str, int]:
    """How much is due on the days that have any."""
    return {day: of_day["count"] for day, of_day in days.items() if of_day["count"]}


async def test_what_is_due_each_minute_does_not_hide_what_is_due_each_month(desk: Desk) -> None:
    often = await desk.make(name="often", schedule_expression="* * * * *")
    monthly = await desk.make(name="monthly", schedule_expression="30 9 15 * *")
    answer = await told(desk.max, **MONTH)
    assert (answer["timezone"], answer["more"], len(answer["days"])) == ("UTC", False, 31)
    assert [day["date"] for day in answer["days"]] == [f"2026-12-{n:02}" for n in range(1, 32)]
    for day in answer["days"]:
        middle = day["date"] == "2026-12-15"
        assert (day["count"], day["schedules"]) == ((1441, 2) if middle else (1440, 1))
        assert day["entries"][0] == {
            "schedule_id": often["id"],
            "name": "often",
            "first": f"{day['date']}T00:00:00.000Z",
            "last": f"{day['date']}T23:59:00.000Z",
            "count": 1440,
            "statuses": {"upcoming": 1440},
        }
        assert len(day["entries"]) == day["schedules"]
    assert answer["days"][14]["entries"][1] == {
        "schedule_id": monthly["id"],
        "name": "monthly",
        "first": "2026-12-15T09:30:00.000Z",
        "last": "2026-12-15T09:30:00.000Z",
        "count": 1,
        "statuses": {"upcoming": 1},
    }


async def test_a_day_is_as_long_as_the_clocks_make_it(desk: Desk) -> None:
    await desk.make(schedule_expression="0 * * * *", timezone="UTC")
    for zone in ("Europe/Berlin", "W. Europe Standard Time", "europe/berlin"):
        spring = {"from": "2027-03-27", "to": "2027-03-30", "timezone": zone}
        answer = await told(desk.max, **spring)
        assert answer["timezone"] == "Europe/Berlin"
        assert [day["count"] for day in answer["days"]] == [24, 23, 24]
    last = answer["days"][1]["entries"][0]
    assert (last["first"], last["last"]) == ("2027-03-27T23:00:00.000Z", "2027-03-28T21:00:00.000Z")
    autumn = await days_of(
        desk.max, **{"from": "2027-10-30", "to": "2027-11-02", "timezone": "Europe/Berlin"}
    )
    assert [day["count"] for day in autumn.values()] == [24, 25, 24]
    # The same days of somebody elsewhere are others.
    india = await told(desk.max, **{**spring, "timezone": "Asia/Kolkata"})
    assert [day["count"] for day in india["days"]] == [24, 24, 24]
    assert india["days"][0]["entries"][0]["first"] == "2027-03-26T19:00:00.000Z"


async def test_a_day_that_was_skipped_is_there_and_empty(desk: Desk) -> None:
    days = await days_of(
        desk.max, **{"from": "2011-12-29", "to": "2012-01-01", "timezone": "Pacific/Apia"}
    )
    assert [*days] == ["2011-12-29", "2011-12-30", "2011-12-31"]
    assert {"date": "2011-12-30", "count": 0, "schedules": 0, "entries": []} in days.values()


async def test_the_past_is_told_by_what_became_of_it(desk: Desk) -> None:
    made = await desk.make(name="fives", catchup_window_minutes=0)
    for minute in (0, 5, 6):
        await desk.pass_to(minute)
    await desk.pass_to(18)  # 10 and 15 were missed
    await desk.do(made, "pause", reason="Stocktaking")
    await desk.pass_to(36)
    await desk.do(made, "resume")  # one row for 20, 25, 30 and 35
    await desk.pass_to(40)
    today = {"from": "2026-11-21", "to": "2026-11-22"}
    [day] = (await days_of(desk.max, **today)).values()
    # From 09:45 to 23:55.
    coming = 3 + 14 * 12
    assert (day["count"], day["schedules"]) == (9 + coming, 1)
    [entry] = day["entries"]
    assert (entry["first"], entry["last"]) == (at(0), "2026-11-21T23:55:00.000Z")
    assert entry["statuses"] == {
        "succeeded": 3,
        "missed": 2,
        "skipped": 4,
        "upcoming": coming,
    }
    # A member does not read what runs came to.
    [day] = (await days_of(desk.mia, **today)).values()
    assert day["entries"][0]["statuses"] == {"upcoming": coming}
    assert day["entries"][0]["first"] == at(45)
    # What is paused is not due; what is gone was due.
    await desk.do(made, "pause")
    [day] = (await days_of(desk.max, **today)).values()
    assert "upcoming" not in day["entries"][0]["statuses"]
    assert (await desk.max.delete(f"/v1/schedules/{made['id']}")).status_code == 204
    [day] = (await days_of(desk.max, **today)).values()
    assert (day["count"], day["entries"][0]["name"]) == (9, "fives")
    assert (await days_of(desk.mia, **today))["2026-11-21"]["count"] == 0


async def test_a_pause_over_midnight_is_on_the_day_that_it_began(desk: Desk) -> None:
    made = await desk.make(schedule_expression="0 * * * *")
    await desk.do(made, "pause")
    await desk.pass_to(24 * 60 + 30)
    await desk.do(made, "resume")
    days = await days_of(desk.max, **{"from": "2026-11-21", "to": "2026-11-24"})
    assert days["2026-11-21"]["entries"][0]["statuses"] == {"succeeded": 1, "skipped": 24}
    assert days["2026-11-21"]["entries"][0]["last"] == at(24 * 60)
    assert days["2026-11-22"]["entries"][0]["statuses"] == {"upcoming": 14}
    assert days["2026-11-23"]["count"] == 24


async def test_business_calendars_hold_and_move_what_is_due(desk: Desk) -> None:
    body = {"name": "Off", "weekly_days": ["saturday", "sunday"], "dates": ["2026-12-25"]}
    calendar = (await desk.alice.post("/v1/calendars", json=body)).json()["id"]

    async def month(mode: str, expression: str) -> dict[str, int]:
        made = await desk.make(
            schedule_expression=expression, calendars=[{"calendar_id": calendar, "mode": mode}]
        )
        found = counts(await days_of(desk.max, **MONTH))
        assert (await desk.max.delete(f"/v1/schedules/{made['id']}")).status_code == 204
        return found

    december = [date(2026, 12, day) for day in range(1, 32)]
    open_days = {str(day) for day in december if day.isoweekday() < 6 and day != date(2026, 12, 25)}
    assert await month("exclude", "* * * * *") == dict.fromkeys(open_days, 1440)
    assert await month("include", "0 * * * *") == {
        str(day): 24 for day in december if str(day) not in open_days
    }
    assert await month("roll_forward", "* * * * *") == dict.fromkeys(open_days, 1440)
    # Saturdays and Christmas move to Monday the 28th, where the 26th's are the same two.
    assert await month("roll_forward", "0 8,9 25,26 * *") == {"2026-12-28": 2}
    assert await month("roll_back", "0 9 * * 6") == {
        "2026-12-04": 1,
        "2026-12-11": 1,
        "2026-12-18": 1,
        "2026-12-24": 1,
    }


async def test_a_day_tells_of_twenty_and_counts_all(desk: Desk) -> None:
    for number in range(23):
        await desk.make(name=f"s{number:02}", schedule_expression=f"{number // 2} 12 * * *")
    [day] = (await days_of(desk.max, **{"from": "2026-12-01", "to": "2026-12-02"})).values()
    assert (day["count"], day["schedules"]) == (23, 23)
    # By their first time, then by name.
    assert [one["name"] for one in day["entries"]] == [f"s{number:02}" for number in range(20)]


async def test_what_is_not_counted_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.make(name="a", schedule_expression="* * * * *")
    await desk.make(name="b", schedule_expression="0 9 * * *")
    for minute in (0, 1, 2):
        await desk.pass_to(minute)
    today = {"from": "2026-11-21", "to": "2026-11-22"}
    assert (await told(desk.max, **today))["more"] is False
    with monkeypatch.context() as fewer:
        fewer.setattr(calendar_days, "MOST_FIRINGS", 2)  # of 4, the latest
        answer = await told(desk.max, **today)
        [entry] = answer["days"][0]["entries"]
        assert answer["more"] is True
        assert (entry["first"], entry["statuses"]["succeeded"]) == (at(1), 2)
    with monkeypatch.context() as fewer:
        fewer.setattr(calendar_days, "MOST_FORESEEN", 1)
        answer = await told(desk.max, **MONTH)
        assert (answer["more"], {day["count"] for day in answer["days"]}) == (True, {1})
        # Of days that are over, no schedule is asked.
        past = await told(desk.max, **{"from": "2026-11-20", "to": "2026-11-21"})
        assert past["more"] is False
    seconds = {"schedule_expression": "RRULE:FREQ=SECONDLY;INTERVAL=2", "start_at": at(0)}
    made = await desk.make(name="c", **seconds)
    answer = await told(desk.max, **MONTH)
    entry = answer["days"][0]["entries"][1]
    assert (answer["more"], entry["name"]) == (True, "c")
    assert entry["count"] == foreseeing.MOST_LISTED_A_DAY
    assert all(day["schedules"] == 3 for day in answer["days"])
    assert (await desk.max.delete(f"/v1/schedules/{made['id']}")).status_code == 204
    assert (await told(desk.max, **MONTH))["more"] is False


async def test_a_schedule_that_takes_too_long_to_search_does_not_hide_the_others(
    desk: Desk,
) -> None:
    often = await desk.make(schedule_expression="0 9 * * *")
    rare = await desk.make(
        name="rare",
        schedule_expression="RRULE:FREQ=SECONDLY;INTERVAL=86399;BYHOUR=0;BYMINUTE=0;BYSECOND=0",
        start_at="2026-12-01T00:00:00Z",
    )
    answer = await told(desk.max, **MONTH)
    assert answer["more"] is True
    assert {entry["schedule_id"] for entry in answer["days"][0]["entries"]} == {
        often["id"],
        rare["id"],
    }
    assert [day["count"] for day in answer["days"]] == [2] + 30 * [1]
    month = {"from": "2026-12-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
    listed = await desk.max.get("/v1/schedules/occurrences", params=month)
    assert listed.status_code == 200, listed.text
    due = [each["schedule_id"] for each in listed.json()["items"]]
    assert (due.count(often["id"]), due.count(rare["id"])) == (31, 1)
    assert listed.json()["more"] is True


async def test_others_see_nothing_of_it(desk: Desk) -> None:
    made = await desk.make()
    await desk.pass_to(0)
    week = {"from": "2026-11-21", "to": "2026-11-28"}
    assert counts(await days_of(desk.max, **week)) != {}
    for client in (desk.oscar, desk.mallory):
        days = await days_of(client, **week)
        assert (len(days), counts(days)) == (7, {})
    project = await days_of(desk.max, **week, project_id=made["project_id"])
    assert project == await days_of(desk.max, **week) == await days_of(desk.alice, **week)
    for other in (NOBODY, str(desk.other_project.id)):
        assert counts(await days_of(desk.alice, **week, project_id=other)) == {}
    assert (
        await desk.server.anonymous.get("/v1/schedules/calendar", params=week)
    ).status_code == 401


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({}, "from"),
        ({"from": "2026-12-01"}, "to"),
        ({"from": "soon", "to": "2026-12-02"}, "from"),
        ({"from": "2026-12-01", "to": "2026-12-32"}, "to"),
        ({"from": "2026-12-01T00:00:00Z", "to": "2026-12-02"}, "from"),
        ({"from": "1796083200", "to": "2026-12-02"}, "from"),
        ({"from": "2026-12-01", "to": "2026-12-01"}, "to"),
        ({"from": "2026-12-02", "to": "2026-12-01"}, "to"),
        ({"from": "2026-12-01", "to": "2027-03-05"}, "to"),
        ({"from": "1969-12-31", "to": "1970-01-02"}, "from"),
        ({"from": "2199-12-31", "to": "2200-01-01"}, "to"),
        ({**MONTH, "timezone": "Europe/Atlantis"}, "timezone"),
        ({**MONTH, "timezone": ""}, "timezone"),
        ({**MONTH, "timezone": "x" * 51}, "timezone"),
        ({**MONTH, "project_id": "default"}, "project_id"),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, said: dict[str, str], name: str) -> None:
    answer = await desk.max.get("/v1/schedules/calendar", params=said)
    assert_refused(answer, "query", name)


@pytest.mark.parametrize(
    ("first", "end"), [("2026-12-01", "2027-03-04"), ("1970-01-01", "1970-01-02")]
)
async def test_the_longest_and_the_first_days_are_told(desk: Desk, first: str, end: str) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
        answer = await told(desk.max, **{"from": first, "to": end, "timezone": zone})
        assert answer["days"][0]["date"] == first
        length = date.fromisoformat(end) - date.fromisoformat(first)
        assert len(answer["days"]) == length.days


CRONS = ("*/17 * * * *", "30 2 * * *", "0 */5 * * 1-5", "15 0 1,22 * *", "0 23 * * 0", "@hourly")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


@settings(
    max_examples=15 * EFFORT,
    derandomize=EFFORT == 1,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    said=st.lists(
        st.tuples(st.sampled_from(CRONS), st.sampled_from(ZONES)),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    zone=st.sampled_from(ZONES),
    hours=st.integers(0, 9),
    before=st.integers(0, 1),
    length=st.integers(1, 2),
)
async def test_the_days_count_what_a_list_has(
    desk: Desk, said: list[tuple[str, str]], zone: str, hours: int, before: int, length: int
) -> None:
    made = [await desk.make(schedule_expression=cron, timezone=where) for cron, where in said]
    await desk.pass_to((desk.hand.now - NOW) / timedelta(minutes=1) + hours * 60)
    info = ZoneInfo(zone)
    first = desk.hand.now.astimezone(info).date() - timedelta(days=before)
    end = first + timedelta(days=length)
    days = await days_of(desk.max, **{"from": str(first), "to": str(end), "timezone": zone})
    begin, finish = (iso(datetime.combine(day, time(), info)) for day in (first, end))
    asked = {"from": begin, "to": finish}
    answer = (await desk.max.get("/v1/schedules/occurrences", params=asked)).json()
    assert answer["more"] is False
    expected: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in answer["items"]:
        day = str(datetime.fromisoformat(one["at"]).astimezone(info).date())
        expected[day, one["schedule_id"]][one["status"]] += one["count"]
    assert expected == {
        (day, entry["schedule_id"]): entry["statuses"]
        for day, of_day in days.items()
        for entry in of_day["entries"]
    }
    for schedule in made:
        assert (await desk.max.delete(f"/v1/schedules/{schedule['id']}")).status_code == 204
