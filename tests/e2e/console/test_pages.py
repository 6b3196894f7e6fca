"""What holds for every page: axe finds nothing, text stays text, no other host is asked.

The fixture `context` fails a test whose pages ask another host, or write an error to the console,
which is also where a browser says that it refused a script or a style.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from e2e.console.conftest import (
    STEPS,
    Treadle,
    Visit,
    entity_of,
    keep_session,
    new_name,
    open_with,
    schedule_of,
    workflow_of,
)
from e2e.console.workflows import ASK, ASKED, DIVIDED, START, flow_of, reached, start

AXE = Path(__file__).parents[3] / "console" / "node_modules" / "axe-core" / "axe.min.js"
SCRIPT = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
FADED = """() => Promise.allSettled(document.getAnimations()
  .filter(each => each.effect?.getComputedTiming().endTime !== Infinity)
  .map(each => each.finished))"""
"""What is still fading in or out has other colours. What turns while it works never ends."""
SHOWN = """() => {
  const same = each => each.pathname + '?' + new URLSearchParams(each.search)
  const shown = document.querySelector('#main')?.dataset.shown
  return shown && same(new URL(shown, location)) === same(location)
}"""
"""The page before is seen until the code of this one has come."""
NOISY = f"""
def main():
    print({SCRIPT!r})
    print("\\x1b[31m" + {SCRIPT!r})
    open(__import__("os").environ["TREADLE_OUTPUT_DIR"] + "/<img src=x onerror=hacked=1>.txt", "w")
    return {{"text": {SCRIPT!r}}}
"""
NOISY_STEP = f"def main():\n    raise ValueError({SCRIPT!r})"
NOISY_FORM = {"properties": {SCRIPT: {"title": SCRIPT, "description": SCRIPT, "enum": [SCRIPT]}}}


@pytest.fixture(params=["light", "dark"])
def coloured(request: pytest.FixtureRequest, browser: Browser, treadle: Treadle) -> Iterator[Page]:
    """The administrator's page in these colours."""
    context = browser.new_context(base_url=treadle.url, color_scheme=request.param)
    visit = Visit(treadle.url)
    visit.watch(context)
    page = open_with(context, treadle.tokens)
    ready(page)
    yield page
    context.close()
    assert visit.faults == []


def go(page: Page, path: str) -> None:
    """As a link of the console would, without loading everything again."""
    page.evaluate("path => history.pushState(null, '', path)", path)
    expect(page).to_have_url(re.compile(f"{re.escape(path)}$"))
    page.wait_for_function(SHOWN)
    ready(page)


def found_by_axe(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    page.evaluate(FADED)
    result: dict[str, Any] = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
        " 'best-practice'], resultTypes: ['violations']})"
    )
    return [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:160]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


def told(faults: dict[str, list[str]]) -> str:
    return "\n".join(f"{place} {fault}" for place, found in faults.items() for fault in found)


def ready(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_label("Loading")).to_have_count(0)


@pytest.mark.timeout(480)  # some fifty pages
def test_axe_finds_nothing_on_any_page(coloured: Page, treadle: Treadle) -> None:
    page = coloured
    job = treadle.job("def main():\n    print('\\x1b[31mred\\x1b[0m')\n    return 1\n")
    bad = treadle.run(treadle.job("def main():\n    raise ValueError('no')\n"))
    run = treadle.run(job)
    treadle.post(f"/api/jobconfigs/{job['id']}/macros", json={"name": "A", "value": "b"})
    key, project = treadle.key(), treadle.project()
    schedule, entity = schedule_of(treadle, expression="@hourly"), entity_of(treadle)
    divided = flow_of(treadle, *DIVIDED)
    treadle.post(f"/v1/schedules/{schedule['id']}/trigger")
    record = {"external_id": "a", "data": {"due": "2040-01-01"}}
    treadle.post(f"/v1/entities/{entity['id']}/records", json=record)
    treadle.post("/v1/calendars", json={"name": new_name("calendar"), "dates": ["2040-01-01"]})
    window = {"start_at": "2040-01-01T00:00:00Z", "end_at": "2040-01-02T00:00:00Z"}
    treadle.post("/v1/maintenance-windows", json={"name": new_name("window"), **window})
    waiting, failed = start(treadle, flow_of(treadle, *ASKED)), start(treadle, divided, 0)
    reached(treadle, waiting, "Awaiting Response")
    reached(treadle, failed, "Failed")
    guest = {"email": "guest@example.com", "role": "Member", "project_id": project["id"]}
    treadle.post("/v1/invitations", json=guest)
    paths = [
        "/schedules", "/schedules/new", f"/schedules/{schedule['id']}/edit", "/calendar",
        *(f"/schedules/{schedule['id']}?tab={tab}" for tab in ("firings", "details", "versions")),
        f"/schedules/{schedule['id']}?at=2020-01-01T09:00:00Z", "/calendar?span=day", "/audit",
        "/entities", f"/entities/{entity['id']}", "/business-calendars", "/maintenance-windows",
        "/", "/jobs", "/jobs?filter=nothing%20like%20it", "/jobs/new",
        *(f"/jobs/{job['id']}?tab={tab}" for tab in ("runs", "package", "macros", "settings")),
        "/runs", f"/runs/{run['id']}", f"/runs/{bad['id']}", "/remote-access",
        "/remote-access/new", f"/remote-access/{key['id']}", "/roles", "/projects",
        f"/projects/{project['id']}", "/users", "/account", "/no/such/page",
        "/executions", "/executions?state=nothing", f"/executions/{waiting}",
        *(f"/executions/{failed}?step=share&tab={tab}" for tab in ("events", "details")),
    ]  # fmt: skip
    faults: dict[str, list[str]] = {}
    for path in paths:
        go(page, path)
        if path.startswith("/runs/"):
            expect(page.get_by_role("log")).to_have_attribute("data-ended", "true")
        faults[path] = found_by_axe(page)
    assert told(faults) == ""


def test_axe_finds_nothing_on_the_pages_of_workflows(coloured: Page, treadle: Treadle) -> None:
    page = coloured
    flow = f"/workflows/{workflow_of(treadle, active=True)['workflow_id']}"
    lost = {"id": "lost", "type": "terminate", "config": {"status": "failed"}}
    ways = [{"from": "start", "to": "sum"}, {"from": "sum", "to": "lost", "on": "error"}]
    draft = {"workflow_name": "x", "workflow_steps": [*STEPS, lost], "workflow_connections": ways}
    treadle.admin.put(f"/v1{flow}/1", json=draft).raise_for_status()
    faults: dict[str, list[str]] = {}
    for path in (
        "/workflows", "/workflows/new", flow, f"{flow}?step=sum",
        f"{flow}?tab=versions&from=1&to=2", f"{flow}?tab=payload", f"{flow}?tab=executions",
    ):  # fmt: skip
        go(page, path)
        faults[path] = found_by_axe(page)
    go(page, f"{flow}/edit?version=2")
    faults["editor"] = found_by_axe(page)
    page.get_by_role("button", name="Sum of the order transform").click()
    expect(page.get_by_role("region", name="Sum of the order", exact=True)).to_be_visible()
    faults["step"] = found_by_axe(page)
    page.get_by_role("region", name="Sum of the order").get_by_role("button", name="lost").click()
    expect(page.get_by_role("region", name="Connection")).to_be_visible()
    faults["connection"] = found_by_axe(page)
    page.get_by_role("button", name="Add step").click()
    expect(page.get_by_role("menuitem", name="Transform")).to_be_visible()
    faults["types of steps"] = found_by_axe(page)
    page.get_by_role("menuitem", name="For each").click()
    form = page.get_by_role("region", name="map", exact=True)
    form.get_by_role("button", name="Add to these").click()
    page.get_by_role("menuitem", name="Transform").click()
    expect(page.get_by_role("region", name="transform", exact=True)).to_be_visible()
    faults["step within a step"] = found_by_axe(page)
    page.get_by_role("navigation", name="Within").get_by_role("button").click()
    expect(form.get_by_role("combobox", name="Begins with")).to_be_visible()
    faults["steps within a step"] = found_by_axe(page)
    assert told(faults) == ""


def test_axe_finds_nothing_in_dialogs_and_at_the_login(coloured: Page, treadle: Treadle) -> None:
    page = coloured
    job = treadle.job("def main(): pass\n")
    faults: dict[str, list[str]] = {}

    def look(name: str) -> None:
        expect(page.get_by_role("dialog")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_css("opacity", "1")
        faults[name] = found_by_axe(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

    go(page, f"/jobs/{job['id']}?tab=macros")
    page.get_by_role("button", name="Add macro").click()
    look("macro")
    page.get_by_role("button", name="Run", exact=True).click()
    look("run")
    page.keyboard.press("Control+k")
    look("palette")
    go(page, "/roles")
    page.get_by_role("button", name="Add User").click()
    look("add user")
    page.get_by_role("button", name="Invite").click()
    look("invite")
    go(page, "/users")
    page.get_by_role("button", name="New user").click()
    look("new user")
    waiting = start(treadle, flow_of(treadle, *ASKED))
    reached(treadle, waiting, "Awaiting Response")
    go(page, f"/executions/{waiting}")
    timeline = page.get_by_role("region", name="Timeline")
    timeline.get_by_text("Table", exact=True).click()
    expect(timeline.get_by_role("row")).to_have_count(3)
    faults["timeline as a table"] = found_by_axe(page)
    page.get_by_role("button", name="Answer", exact=True).click()
    look("answer")
    page.get_by_role("button", name="Terminate", exact=True).click()
    look("terminate")
    failed = start(treadle, flow_of(treadle, *DIVIDED), 0)
    reached(treadle, failed, "Failed")
    go(page, f"/executions/{failed}")
    page.get_by_role("button", name="Retry", exact=True).click()
    page.get_by_label("Go on with another payload").check()
    look("retry")
    go(page, "/schedules/new")
    for action in ("Start a workflow", "Tell people"):
        page.get_by_role("combobox", name="What it does").click()
        page.get_by_role("option", name=action).click()
        expect(page.get_by_role("listbox")).to_have_count(0)
        faults[action] = found_by_axe(page)
    go(page, f"/schedules/{schedule_of(treadle)['id']}")
    page.get_by_role("button", name="Pause").click()
    look("pause")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Backfill").click()
    expect(page.get_by_role("menu")).to_have_count(0)
    look("backfill")
    for path, button in (
        ("/entities", "New entity"),
        (f"/entities/{entity_of(treadle)['id']}", "Records from a file"),
        ("/business-calendars", "New calendar"),
        ("/maintenance-windows", "New window"),
        (f"/workflows/{workflow_of(treadle, active=True)['workflow_id']}", "Trigger"),
    ):
        go(page, path)
        page.get_by_role("button", name=button).first.click()
        look(button)
    go(page, "/remote-access/new")
    page.get_by_role("tab", name="Networking").click()
    page.get_by_role("button", name="Add client IPv4").click()
    faults["networking"] = found_by_axe(page)
    page.get_by_role("button", name="Menu of").click()
    expect(page.get_by_role("menuitem", name="Remote Access")).to_be_visible()
    keep_session(page, None)
    page.goto("/login")
    ready(page)
    faults["login"] = found_by_axe(page)
    assert told(faults) == ""


def test_stored_scripts_stay_text_everywhere(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    name = f"{SCRIPT} {new_name('job')}"
    job = treadle.job(NOISY, name=name, description=SCRIPT, tags=[SCRIPT[:90]])
    macro = {"name": "NOTE", "value": SCRIPT, "description": SCRIPT}
    treadle.post(f"/api/jobconfigs/{job['id']}/macros", json=macro)
    run = treadle.run(job, tags=[SCRIPT[:90]])
    failing = treadle.job(f"def main():\n    raise ValueError({SCRIPT!r})\n", name=name)
    failed = treadle.run(failing)
    project = treadle.post(
        "/v1/projects", json={"name": f"{SCRIPT[:60]} {new_name('')}", "description": SCRIPT}
    )
    rule = {"rule_name": SCRIPT[:90], "start_ipv4": "192.0.2.1", "end_ipv4": "192.0.2.2"}
    key = treadle.key(description=f"{SCRIPT} {new_name('')}", firewall_rules=[rule])
    member = {"member_type": "api_key", "member_id": key["id"], "role": "Manager"}
    treadle.post("/v1/members", json={**member, "project_id": project["id"]})
    user = treadle.user()
    shown = {"firstName": SCRIPT, "lastName": SCRIPT, "email": "a@b.example"}
    treadle.admin.patch(f"/api/users/{user['id']}", json=shown).raise_for_status()
    scripts = {"name": f"{SCRIPT} {new_name('')}", "description": SCRIPT}
    schedule = schedule_of(
        treadle,
        **scripts,
        expression="@hourly",
        tags=[SCRIPT[:90]],
        external_id=SCRIPT,
        action_config={"note": SCRIPT, SCRIPT: 1},
    )
    treadle.post(f"/v1/schedules/{schedule['id']}/trigger")
    treadle.post(f"/v1/schedules/{schedule['id']}/pause", json={"reason": SCRIPT})
    entity = entity_of(treadle, name=f"{SCRIPT[:60]} {new_name('')}", description=SCRIPT)
    data = {"due": "2040-01-01", "note": SCRIPT}
    record = {"external_id": SCRIPT, "data": data}
    treadle.post(f"/v1/entities/{entity['id']}/records", json=record)
    short = {"name": f"{SCRIPT[:60]} {new_name('')}"}
    treadle.post("/v1/calendars", json={**short, "description": SCRIPT})
    window = {"start_at": "2040-01-01T00:00:00Z", "end_at": "2040-01-02T00:00:00Z"}
    treadle.post("/v1/maintenance-windows", json={**short, "reason": SCRIPT, **window})
    script = {"id": "bad", "name": SCRIPT, "type": "function", "config": {"code": NOISY_STEP}}
    asked = {**ASK, "name": SCRIPT, "config": {"form": NOISY_FORM}}
    asking = flow_of(treadle, START, asked, script, workflow_name=f"{SCRIPT} {new_name('')}")
    waiting, execution = start(treadle, asking, {SCRIPT: SCRIPT}), start(treadle, asking, SCRIPT)
    for id_ in (waiting, execution):
        reached(treadle, id_, "Awaiting Response")
    answer = {"source": "TEAMS", "said": SCRIPT}
    treadle.post(f"/v1/workflows/resumeworkflow/{execution}", json=answer)
    reached(treadle, execution, "Failed")
    steps: list[dict[str, Any]] = [
        {"id": "start", "name": SCRIPT, "type": "request"},
        {"id": "sum", "name": SCRIPT, "type": "transform", "config": {"value": {SCRIPT: SCRIPT}}},
    ]
    flow = workflow_of(
        treadle,
        active=True,
        workflow_name=f"{SCRIPT} {new_name('')}",
        workflow_steps=steps,
        workflow_connections=[{"from": "start", "to": "sum", "when": f"'{SCRIPT}' != ''"}],
        workflow_schema={"description": SCRIPT},
        workflow_mock_payload={SCRIPT: SCRIPT},
    )
    steps[1]["config"]["value"] = SCRIPT
    drawn = f"/workflows/{flow['workflow_id']}"
    treadle.admin.put(f"/v1{drawn}/1", json={**flow, "workflow_steps": steps}).raise_for_status()
    started = f"/v1/workflows/triggerworkflow/{flow['workflow_id']}/1"
    treadle.post(started, json={"process_id": f"{SCRIPT} {new_name('')}"})
    paths = [
        "/workflows", drawn, f"{drawn}?step=sum", f"{drawn}/edit?version=2",
        f"{drawn}?tab=versions&from=1&to=2", f"{drawn}?tab=payload", f"{drawn}?tab=executions",
        "/executions", f"/executions/{waiting}?step=ask", f"/executions/{execution}?tab=details",
        *(f"/executions/{execution}?step={step}&tab=events" for step in ("start", "ask", "bad")),
        "/", "/jobs", "/runs", "/projects", "/users", "/remote-access", "/roles",
        f"/remote-access/{key['id']}", f"/projects/{project['id']}?role=Manager",
        *(f"/jobs/{job['id']}?tab={tab}" for tab in ("runs", "package", "macros", "settings")),
        "/schedules", f"/schedules/{schedule['id']}/edit", "/calendar", "/calendar?span=day",
        *(f"/schedules/{schedule['id']}?tab={tab}" for tab in ("firings", "details", "versions")),
        "/entities", f"/entities/{entity['id']}", "/business-calendars", "/maintenance-windows",
        "/audit", f"/runs/{failed['id']}", f"/runs/{run['id']}",
    ]  # fmt: skip
    for path in paths:
        go(page, path)
        if path.startswith("/runs/"):
            expect(page.get_by_role("log")).to_have_attribute("data-ended", "true")
        assert page.evaluate("window.hacked") is None, path
        assert page.locator("img[src=x]").count() == 0, path
        for closed in page.locator("details > summary").all():
            closed.click()
        assert page.evaluate("window.hacked") is None, path
    go(page, f"/executions/{execution}?step=bad")
    expect(page.get_by_role("region", name=SCRIPT, exact=True)).to_contain_text(SCRIPT)
    go(page, f"/executions/{waiting}")
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text(SCRIPT)
    assert page.evaluate("window.hacked") is None
    page.keyboard.press("Escape")
    go(page, f"/runs/{run['id']}")
    expect(page.get_by_role("log")).to_contain_text(SCRIPT)
    expect(page.get_by_role("heading", level=1)).to_contain_text(SCRIPT)
    expect(page.get_by_label("Result", exact=True).locator("pre")).to_contain_text("onerror")
    expect(
        page.get_by_role("cell", name="<img src=x onerror=hacked=1>.txt", exact=True)
    ).to_be_visible()


def test_the_api_reference_works_offline_in_the_readers_language(
    context: BrowserContext, page: Page
) -> None:
    page.goto("/docs")
    expect(page.get_by_text("Every request but those of")).to_be_visible(timeout=30_000)
    page.goto("/docs#tag/job-configs/POST/api/jobconfigs")
    section = page.get_by_role("region").filter(has_text="Create a job").first
    expect(page.get_by_text("/api/jobconfigs").first).to_be_visible()
    expect(section).to_be_visible()
    answer = page.request.get("/openapi.json")
    assert answer.ok
    policy = page.goto("/docs")
    assert policy is not None
    assert "script-src 'self';" in policy.headers["content-security-policy"]
