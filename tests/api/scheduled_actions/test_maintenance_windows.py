"""`/v1/maintenance-windows`: of the tenant or of a project, once or again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from factories import NOW, make_key, make_tenant
from fixtures.entities import Bureau
from fixtures.server import Server
from treadle.identity.model import ProjectRole
from treadle.schedules.maintenance import stretches
from treadle.schedules.maintenance_windows import live_windows

ONCE: dict[str, Any] = {
    "name": "Move",
    "start_at": "2036-03-01T10:00:00",
    "end_at": "2036-03-01T12:00:00Z",
    "timezone": "Europe/Berlin",
}
NIGHTLY: dict[str, Any] = {
    "name": "Patch night",
    "reason": "patching",
    "policy": "delay",
    "tags": ["etl"],
    "timezone": "W. Europe Standard Time",
    "schedule_expression": "0 22 * * *",
    "duration_minutes": 240,
}
PATH = "/v1/maintenance-windows"


async def test_a_window_is_made_read_replaced_and_deleted(bureau: Bureau) -> None:
    answer = await bureau.post(PATH, ONCE)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    path = f"{PATH}/{made['id']}"
    assert answer.headers["location"] == f"{bureau.server.url}{path}"
    assert {
        name: made[name] for name in made if name not in ("id", "created_at", "updated_at")
    } == {
        **ONCE,
        "start_at": "2036-03-01T09:00:00.000Z",
        "end_at": "2036-03-01T12:00:00.000Z",
        "reason": "",
        "policy": "skip",
        "tags": [],
        "schedule_expression": None,
        "duration_minutes": None,
        "project_id": None,
    }
    assert (await bureau.client.get(path)).json() == made
    assert (await bureau.client.get(PATH)).json()["items"] == [made]
    assert (await bureau.post(PATH, ONCE)).status_code == 409

    changed = (await bureau.client.put(path, json=NIGHTLY)).json()
    assert changed["timezone"] == "Europe/Berlin"
    assert (changed["schedule_expression"], changed["start_at"]) == ("0 22 * * *", None)
    assert (await bureau.client.delete(path)).status_code == 204
    assert (await bureau.client.get(path)).status_code == 404


async def test_windows_that_are_over_are_left_out_on_request(bureau: Bureau) -> None:
    past = {**ONCE, "name": "past", "start_at": "2020-01-01", "end_at": "2020-01-02"}
    for body in (past, ONCE, NIGHTLY):
        assert (await bureau.post(PATH, body)).status_code == 201
    all_of_them = (await bureau.client.get(PATH)).json()
    assert [each["name"] for each in all_of_them["items"]] == ["Move", "Patch night", "past"]
    left = (await bureau.client.get(f"{PATH}?ended=false&limit=1&offset=1")).json()
    assert ([each["name"] for each in left["items"]], left["total"]) == (["Patch night"], 2)


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"name": "x"}, ["body", "start_at"]),
        ({**ONCE, "end_at": None}, ["body", "end_at"]),
        ({**ONCE, "end_at": "2036-03-01T09:00:00Z"}, ["body", "end_at"]),
        ({**ONCE, "end_at": "2037-06-01"}, ["body", "end_at"]),
        ({**ONCE, "start_at": "soon"}, ["body", "start_at"]),
        ({**ONCE, "duration_minutes": 5}, ["body", "duration_minutes"]),
        ({**ONCE, "timezone": "Mars"}, ["body", "timezone"]),
        ({**ONCE, "policy": "maybe"}, ["body", "policy"]),
        ({**ONCE, "more": 1}, ["body", "more"]),
        ({**ONCE, "name": ""}, ["body", "name"]),
        ({**ONCE, "reason": "x" * 501}, ["body", "reason"]),
        ({**ONCE, "tags": ["a", ""]}, ["body", "tags", 1]),
        ({**ONCE, "tags": ["a"] * 21}, ["body", "tags"]),
        ({**ONCE, "project_id": "nowhere"}, ["body", "project_id"]),
        ({**NIGHTLY, "duration_minutes": None}, ["body", "duration_minutes"]),
        ({**NIGHTLY, "duration_minutes": 0}, ["body", "duration_minutes"]),
        ({**NIGHTLY, "duration_minutes": 10081}, ["body", "duration_minutes"]),
        ({**NIGHTLY, "schedule_expression": "0 25 * * *"}, ["body", "schedule_expression"]),
        ({**NIGHTLY, "schedule_expression": "rate(5 minutes)"}, ["body", "schedule_expression"]),
        ({**NIGHTLY, "schedule_expression": "0 0 30 2 *"}, ["body", "schedule_expression"]),
        ({**NIGHTLY, "schedule_expression": "RRULE:FREQ=DAILY"}, ["body", "start_at"]),
        ({**NIGHTLY, "end_at": "2020-01-01"}, ["body", "end_at"]),
    ],
    ids=lambda value: str(value)[-60:],
)
async def test_what_is_no_window_is_told_where(
    bureau: Bureau, body: dict[str, Any], loc: list[str | int]
) -> None:
    answer = await bureau.post(PATH, body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"] == loc
    made = (await bureau.post(PATH, NIGHTLY)).json()
    answer = await bureau.client.put(f"{PATH}/{made['id']}", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"] == loc
    assert (await bureau.client.get(PATH)).json()["items"] == [made]


async def key_of(server: Server, tenant: Any, role: ProjectRole) -> httpx.AsyncClient:
    key = await make_key(server.context.database, tenant, project_roles={tenant.project.id: role})
    return await server.client(headers={"X-Api-Key": key.api_key})


async def test_a_project_is_held_up_by_those_who_change_its_schedules(server: Server) -> None:
    tenant = await make_tenant(server.context.database, admin_username="alice")
    alice = await server.log_in("alice")
    manager, member = (
        await key_of(server, tenant, "Manager"),
        await key_of(server, tenant, "Member"),
    )
    mine = {**ONCE, "project_id": str(tenant.project.id)}
    assert (await member.post(PATH, json=mine)).status_code == 403
    made = (await manager.post(PATH, json=mine)).json()
    assert made["project_id"] == str(tenant.project.id)
    # The tenant's of the same name is another one, and nobody's but the administrators'.
    assert (await manager.post(PATH, json=ONCE)).status_code == 403
    of_tenant = (await alice.post(PATH, json=ONCE)).json()
    for caller in (manager, member):
        assert (await caller.get(PATH)).json()["total"] == 2
        assert (await caller.get(f"{PATH}/{of_tenant['id']}")).status_code == 200
        assert (await caller.put(f"{PATH}/{of_tenant['id']}", json=ONCE)).status_code == 403
        assert (await caller.delete(f"{PATH}/{of_tenant['id']}")).status_code == 403
    path = f"{PATH}/{made['id']}"
    assert (await member.put(path, json=ONCE)).status_code == 403
    kept = (await manager.put(path, json=ONCE)).json()
    assert kept["project_id"] == made["project_id"]
    assert (await manager.put(path, json={**ONCE, "project_id": made["id"]})).status_code == 422
    assert (await manager.delete(path)).status_code == 204


async def test_live_windows_are_what_a_tick_needs(bureau: Bureau) -> None:
    past = {**ONCE, "name": "past", "start_at": "2020-01-01", "end_at": "2020-01-02"}
    for body in (past, ONCE, NIGHTLY):
        assert (await bureau.post(PATH, body)).status_code == 201
    tenants = await bureau.server.context.database.system_fetch("SELECT id FROM tenants")
    async with bureau.server.context.database.tenant(tenants[0]["id"]) as tx:
        live = await live_windows(tx, since=NOW)
    assert {each.name for each in live} == {"Move", "Patch night"}
    start = datetime(2036, 3, 1, tzinfo=UTC)
    found = stretches(live, since=start, until=start + timedelta(days=1))
    assert [(each.since.hour, each.delays, each.reason) for each in found] == [
        (21, True, "patching"),  # of the night before
        (9, False, "Move"),
        (21, True, "patching"),
    ]


async def test_a_tenant_has_so_many_windows(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treadle.schedules.maintenance_windows.MOST_WINDOWS", 1)
    monkeypatch.setattr("treadle.schedules.stored_calendars.MOST_CALENDARS", 1)
    assert (await bureau.post(PATH, ONCE)).status_code == 201
    assert (await bureau.post(PATH, NIGHTLY)).status_code == 409
    assert (await bureau.post("/v1/calendars", {"name": "a"})).status_code == 201
    assert (await bureau.post("/v1/calendars", {"name": "b"})).status_code == 409
