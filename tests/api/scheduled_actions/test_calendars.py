"""`/v1/calendars`: days of the tenant, told in words and refused where they are none."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from fixtures.entities import Bureau
from treadle.core.ids import new_id
from treadle.schedules import stored_calendars

BODY: dict[str, Any] = {
    "name": "Holidays",
    "description": "Nobody is at work",
    "dates": ["2027-03-29", "2027-03-26", "2027-03-29"],
    "weekly_days": ["Sunday", "sat"],
    "yearly_dates": ["12-25", "02-29"],
}
SHOWN = {
    **BODY,
    "dates": ["2027-03-26", "2027-03-29"],
    "weekly_days": ["sunday", "saturday"],
    "yearly_dates": ["02-29", "12-25"],
}


async def test_a_calendar_is_made_read_replaced_and_deleted(bureau: Bureau) -> None:
    answer = await bureau.post("/v1/calendars", BODY)
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {"id", *BODY, "created_at", "updated_at"}
    assert {name: made[name] for name in BODY} == SHOWN
    path = f"/v1/calendars/{made['id']}"
    assert answer.headers["location"] == f"{bureau.server.url}{path}"
    assert (await bureau.client.get(path)).json() == made
    assert (await bureau.post("/v1/calendars", BODY)).status_code == 409
    listed = (await bureau.client.get("/v1/calendars?name=Holidays")).json()
    assert (listed["items"], listed["total"]) == ([made], 1)
    assert (await bureau.client.get("/v1/calendars?name=None")).json()["total"] == 0

    changed = (await bureau.client.put(path, json={"name": "Weekend"})).json()
    assert (changed["name"], changed["dates"], changed["weekly_days"]) == ("Weekend", [], [])
    assert (await bureau.client.delete(path)).status_code == 204
    assert (await bureau.client.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"name": ""}, ["body", "name"]),
        ({"more": 1}, ["body", "more"]),
        ({"dates": ["2027-02-29"]}, ["body", "dates", 0]),
        ({"dates": ["2027-02-01", 5]}, ["body", "dates", 1]),
        ({"dates": ["2027-02-01T00:00:00"]}, ["body", "dates", 0]),
        ({"dates": [f"{year}-01-01" for year in range(1000, 6001)]}, ["body", "dates"]),
        ({"weekly_days": ["someday"]}, ["body", "weekly_days", 0]),
        ({"weekly_days": [6]}, ["body", "weekly_days", 0]),
        ({"weekly_days": ["sat"] * 8}, ["body", "weekly_days"]),
        ({"yearly_dates": ["02-30"]}, ["body", "yearly_dates", 0]),
        ({"yearly_dates": ["01-01", "1-1"]}, ["body", "yearly_dates", 1]),
        ({"yearly_dates": [3]}, ["body", "yearly_dates", 0]),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_what_is_no_day_is_told_where(
    bureau: Bureau, change: dict[str, Any], loc: list[str | int]
) -> None:
    answer = await bureau.post("/v1/calendars", {**BODY, **change})
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"] == loc


async def test_another_calendar_has_the_name(bureau: Bureau) -> None:
    await bureau.post("/v1/calendars", BODY)
    other = (await bureau.post("/v1/calendars", {"name": "other"})).json()
    answer = await bureau.client.put(f"/v1/calendars/{other['id']}", json=BODY)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "There is a calendar of this name.",
    )


async def test_a_calendar_that_a_schedule_uses_stays(bureau: Bureau) -> None:
    calendar = (await bureau.post("/v1/calendars", BODY)).json()
    job = await make_schedule(bureau)
    database = bureau.server.context.database
    tenant_id, schedule_id = UUID(job["tenant_id"]), UUID(job["id"])
    calendar_id = UUID(calendar["id"])
    async with database.tenant(tenant_id) as tx:
        await stored_calendars.use_calendars(tx, schedule_id, [calendar_id])
        assert await stored_calendars.schedules_using(tx, calendar_id) == [schedule_id]
        found = await stored_calendars.find_calendars(tx, [calendar_id])
        assert found[calendar_id].yearly == {(2, 29), (12, 25)}
    answer = await bureau.client.delete(f"/v1/calendars/{calendar_id}")
    assert (answer.status_code, answer.json()) == (
        409,
        {"detail": "A schedule uses this calendar."},
    )
    async with database.tenant(tenant_id) as tx:
        with pytest.raises(Exception, match="not there"):
            await stored_calendars.use_calendars(tx, schedule_id, [calendar_id, new_id()])
        with pytest.raises(Exception, match="no calendar"):
            await stored_calendars.find_calendars(tx, [new_id()])
        await stored_calendars.use_calendars(tx, schedule_id, [])
    assert (await bureau.client.delete(f"/v1/calendars/{calendar_id}")).status_code == 204


async def make_schedule(bureau: Bureau) -> dict[str, Any]:
    body = {
        "name": "s",
        "schedule_type": "cron",
        "schedule_expression": "0 9 * * *",
        "action_type": "log_event",
        "action_config": {"message": "hello"},
    }
    answer = await bureau.post("/v1/schedules", body)
    assert answer.status_code == 201, answer.text
    return answer.json()
