"""Every route, looked at from the audit log: what changes who may do what leaves an entry, and so
does whatever is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contract.access_strangers import make_strangers
from contract.access_table import ACCESS, Held, Options
from contract.access_world import World, make_world
from contract.test_access import address, call, lines
from factories import PASSWORD
from fixtures.server import Server, make_context, make_mail
from treadle.api.context import AppContext
from treadle.db.database import Database
from treadle.settings import Settings

pytestmark = pytest.mark.timeout(600)

NOT_AUDITED = {
    # Nothing is given or taken: questions, and the work itself, which has a history of its own.
    "POST /v1/api-keys/{id}/check",
    "POST /api/login/refresh",
    "POST /connect/token",
    "POST /v1/invitations/read",
    "POST /v1/invitations/accept",
    "POST /api/jobconfigs",
    "PUT /api/jobconfigs/{id}",
    "PATCH /api/jobconfigs/{id}",
    "DELETE /api/jobconfigs/{id}",
    "POST /api/jobconfigs/{id}/clone",
    "POST /api/jobconfigs/{id}/export",
    "POST /api/jobconfigs/import",
    "POST /api/jobconfigs/{id}/files",
    "PUT /api/jobconfigs/{id}/files/{key}",
    "DELETE /api/jobconfigs/{id}/files/{key}",
    "POST /api/jobconfigs/{id}/jobs",
    "POST /api/jobconfigs/{id}/schedule",
    "PUT /api/jobconfigs/{id}/schedule",
    "DELETE /api/jobconfigs/{id}/schedule",
    "POST /api/v1/jobs/{jobId}/run",
    "POST /api/v1/jobs/{jobId}/schedules",
    "PUT /api/v1/jobs/{jobId}/schedules",
    "DELETE /api/v1/jobs/{jobId}/schedules/{name:path}",
    "DELETE /api/jobs/{id}",
    "POST /api/jobs/{id}/retry",
    "POST /v1/entities",
    "PUT /v1/entities/{id}",
    "DELETE /v1/entities/{id}",
    "POST /v1/entities/{id}/records",
    "PUT /v1/entities/{id}/records/{record_id}",
    "DELETE /v1/entities/{id}/records/{record_id}",
    "POST /v1/entities/{id}/records/bulk",
    "POST /v1/calendars",
    "PUT /v1/calendars/{id}",
    "DELETE /v1/calendars/{id}",
    "POST /v1/maintenance-windows",
    "PUT /v1/maintenance-windows/{id}",
    "DELETE /v1/maintenance-windows/{id}",
    "POST /v1/integrations/{id}/test",
    # Nothing is made: the key is, with its entry, when the reservation is used.
    "POST /v1/api-keys/reservations",
    "POST /v1/workflows",
    "POST /v1/workflows/validate",
    "PUT /v1/workflows/{workflow_id}/{workflow_version}",
    "DELETE /v1/workflows/{workflow_id}/{workflow_version}",
    "POST /v1/workflows/{workflow_id}/{workflow_version}/validate",
    "POST /v1/workflows/{workflow_id}/{workflow_version}/activate",
    "POST /v1/workflows/{workflow_id}/{workflow_version}/archive",
    "POST /v1/workflows/{workflow_id}/{workflow_version}/detectSchema",
    "POST /v1/workflows/triggerworkflow/batch",
    "POST /v1/workflows/triggerworkflow/{workflow_id}",
    "POST /v1/workflows/triggerworkflow/{workflow_id}/{workflow_version}",
    "POST /v1/workflows/toggleScheduledWorkflow",
    "POST /v1/workflows/terminateworkflow/{process_id}",
    "POST /v1/workflows/retryworkflow/{execution_id}",
    "POST /v1/workflows/{action}/{process_id}",
    "POST /v1/workflows/answers/{token}",
    "POST /v1/schedules",
    "POST /v1/schedules/preview",
    "POST /v1/schedules/pause",
    "POST /v1/schedules/resume",
    "PUT /v1/schedules/{schedule_id}",
    "DELETE /v1/schedules/{schedule_id}",
    "POST /v1/schedules/{schedule_id}/pause",
    "POST /v1/schedules/{schedule_id}/resume",
    "POST /v1/schedules/{schedule_id}/trigger",
    "POST /v1/schedules/{schedule_id}/backfill",
}
"""Requests that change something, and leave no entry when all is well. (The macros of a job do:
see `tests/api/test_audit.py`; the three that take credentials of their own have tests with good
ones.)"""


@pytest.fixture
def app_context(database: Database, tmp_path: Path) -> AppContext:
    """Without the limit by address: all the strangers of all routes come from one. With mail, which
    nobody delivers.
    """
    settings = Settings(data_dir=tmp_path, anonymous_rate_limit_per_minute=0)
    return make_context(database, tmp_path, settings=settings, mail=make_mail())


@pytest.fixture
async def world(server: Server) -> World:
    return await make_world(server)


async def entries(world: World, **params: str) -> list[dict[str, Any]]:
    """The newest entries, after everything that was noted is written."""
    context = world.server.context
    await context.refusals.write(context.database, now=context.clock())
    answer = await world.admin.get("/v1/audit", params={"limit": "200", **params})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_what_is_not_audited_exists() -> None:
    assert NOT_AUDITED - set(ACCESS) == set()


async def test_every_change_of_who_may_do_what_leaves_an_entry(world: World) -> None:
    caller = world.callers["Administrator"]
    wrong: list[str] = []
    for route, line in lines():
        if route.startswith("GET") or (line.held is Held.BY_ONESELF and line.right is None):
            continue
        values = {} if line.thing is None else await world.make(line.thing)
        answer = await call(world, caller.client, route, line, values)
        assert answer.status_code == line.ok, f"{route}: {answer.text}"
        found = [
            entry
            for entry in await entries(world, outcome="allowed")
            if entry["request_id"] == answer.headers["x-request-id"]
        ]
        if (found == []) != (route in NOT_AUDITED):
            wrong.append(f"{route}: {[entry['action'] for entry in found]}")
        if PASSWORD in str(found):
            wrong.append(f"{route} tells a password")
    assert wrong == []


async def test_every_refusal_of_a_stranger_leaves_an_entry_in_the_tenant_it_concerns(
    world: World,
) -> None:
    strangers = [
        stranger
        for stranger in await make_strangers(world)
        if stranger.name in ("an expired key", "a deleted key", "token of a key used elsewhere")
    ]
    assert len(strangers) == 3
    wrong: list[str] = []
    for route, line in lines():
        if line.held is Held.NOWHERE:
            continue
        values = {} if line.thing is None else await world.make(line.thing)
        method, path = address(route, values)
        options: Options = {} if line.send is None else line.send(world, values)
        sent = {
            (
                await world.server.anonymous.request(
                    method, path, headers=stranger.headers, **options
                )
            ).headers["x-request-id"]
            for stranger in strangers
        }
        found = await entries(world, outcome="refused", action=route)
        told = [entry for entry in found if entry["request_id"] in sent]
        if len(told) != len(strangers) or not all(entry["after"]["claimed"] for entry in told):
            wrong.append(f"{route}: {told}")
    assert wrong == []


async def test_every_refusal_of_a_role_leaves_an_entry(world: World) -> None:
    """By somebody who is let into nothing of it, and by somebody who works elsewhere."""
    wrong: list[str] = []
    for name in ("Consumer", "Owner elsewhere"):
        caller = world.callers[name]
        for route, line in lines():
            if line.held is Held.NOWHERE:
                continue
            values = {} if line.thing is None else await world.make(line.thing)
            answer = await call(world, caller.client, route, line, values)
            if answer.status_code not in (401, 403, 404):
                continue
            found = await entries(world, outcome="refused", action=route)
            told = [
                entry
                for entry in found
                if entry["request_id"] == answer.headers["x-request-id"]
                and entry["after"]["status"] == answer.status_code
                and entry["actor"].startswith("api_key:")
            ]
            if len(told) != 1:
                wrong.append(f"{route} for {name}: {answer.status_code}, {len(told)} entries")
    assert wrong == []
