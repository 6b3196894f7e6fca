"""What is around every page: navigation, palette, project, colours, addresses, small screens."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import BrowserContext, Page, expect

from e2e.console.conftest import SECONDS, Treadle, entity_of, new_name, schedule_of, workflow_of
from e2e.console.workflows import ASKED, DIVIDED, flow_of, reached, start


def test_pages_are_reached_by_the_navigation_and_have_addresses(admin_page: Page) -> None:
    main = admin_page.get_by_role("navigation", name="Main")
    for name, path in (("Jobs", "/jobs"), ("Runs", "/runs"), ("Projects", "/projects")):
        main.get_by_role("link", name=name).click()
        expect(admin_page.get_by_role("heading", name=name, level=1)).to_be_visible()
        expect(admin_page).to_have_url(re.compile(f"{path}$"))
        expect(admin_page).to_have_title(f"{name} · Treadle")
        admin_page.reload()
        expect(admin_page.get_by_role("heading", name=name, level=1)).to_be_visible()
    admin_page.go_back()
    expect(admin_page.get_by_role("heading", name="Runs", level=1)).to_be_visible()


def test_the_palette_goes_to_pages_and_things_by_keyboard_alone(
    admin_page: Page, treadle: Treadle
) -> None:
    job = treadle.job()
    expect(admin_page.get_by_role("heading", name="Home")).to_be_visible()
    admin_page.keyboard.press("Control+k")
    said = "A page; the name of a job, schedule or workflow; the id of an execution or a run"
    box = admin_page.get_by_role("combobox", name=said)
    expect(box).to_be_focused()
    admin_page.keyboard.type("firewall")
    expect(admin_page.get_by_role("option")).to_have_text([re.compile("Remote Access")])
    admin_page.keyboard.press("Enter")
    expect(admin_page.get_by_role("heading", name="Remote Access")).to_be_visible()
    admin_page.keyboard.press("Control+k")
    expect(box).to_be_focused()
    admin_page.keyboard.type(job["name"])
    expect(admin_page.get_by_role("option", name=job["name"])).to_be_visible()
    admin_page.keyboard.press("Enter")
    expect(admin_page.get_by_role("heading", name=job["name"])).to_be_visible()
    schedule = schedule_of(treadle)
    admin_page.keyboard.press("Control+k")
    expect(box).to_be_focused()
    admin_page.keyboard.type(schedule["name"])
    expect(admin_page.get_by_role("option", name=schedule["name"])).to_be_visible()
    admin_page.keyboard.press("Enter")
    expect(admin_page.get_by_role("heading", name=schedule["name"])).to_be_visible()
    workflow = workflow_of(treadle)["workflow_name"]
    admin_page.keyboard.press("Control+k")
    expect(box).to_be_focused()
    admin_page.keyboard.type(workflow)
    expect(admin_page.get_by_role("option", name=workflow)).to_be_visible()
    admin_page.keyboard.press("Enter")
    expect(admin_page.get_by_role("heading", name=workflow)).to_be_visible()
    admin_page.keyboard.press("Control+k")
    admin_page.keyboard.press("Escape")
    expect(box).to_have_count(0)


def test_the_palette_finds_executions_and_runs_by_their_ids(
    admin_page: Page, treadle: Treadle
) -> None:
    page, process = admin_page, new_name("order")
    execution = start(treadle, flow_of(treadle, *ASKED), {"process_id": process})
    run = treadle.run(treadle.job("def main(): pass\n"))["id"]
    box = page.get_by_role("dialog").get_by_role("combobox")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    for wanted, kind, id_ in (
        (execution, "Execution", execution),
        (execution[-8:], "Execution", execution),
        (process, "Execution", execution),
        (run, "Run", run),
        (run[-8:], "Run", run),
    ):
        page.keyboard.press("Control+k")
        expect(box).to_be_focused()
        page.keyboard.type(wanted)
        expect(page.get_by_role("option", name=kind)).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(f"/{kind.lower()}s/{id_}$"))
    page.keyboard.press("Control+k")
    expect(box).to_be_focused()
    page.keyboard.type("no-such-id-4711")
    expect(page.get_by_text("Nothing has this name or id.")).to_be_visible()


def test_colours_are_chosen_and_kept(admin_page: Page) -> None:
    html = admin_page.locator("html")
    admin_page.get_by_role("button", name="Use the dark colours").click()
    expect(html).to_have_attribute("data-mantine-color-scheme", "dark")
    admin_page.reload()
    expect(html).to_have_attribute("data-mantine-color-scheme", "dark")
    admin_page.get_by_role("button", name="Use the light colours").click()
    expect(html).to_have_attribute("data-mantine-color-scheme", "light")


def test_a_project_bounds_the_lists_and_stays_in_the_address(
    admin_page: Page, treadle: Treadle
) -> None:
    project = treadle.project()
    inside = treadle.job(project=project["id"])
    outside = treadle.job()
    admin_page.goto("/jobs")
    expect(admin_page.get_by_role("link", name=outside["name"])).to_be_visible()
    admin_page.get_by_role("combobox", name="Project").click()
    admin_page.get_by_role("option", name=project["name"]).click()
    expect(admin_page.get_by_role("link", name=outside["name"])).to_have_count(0)
    expect(admin_page.get_by_role("link", name=inside["name"])).to_be_visible()
    expect(admin_page).to_have_url(re.compile(f"project={project['id']}"))
    admin_page.get_by_role("navigation", name="Main").get_by_role("link", name="Runs").click()
    expect(admin_page).to_have_url(re.compile(rf"/runs\?project={project['id']}"))


def test_an_address_of_nothing_says_so(admin_page: Page) -> None:
    admin_page.goto("/no/such/page")
    expect(admin_page.get_by_role("heading", name="There is no such page")).to_be_visible()
    admin_page.goto("/jobs/999999999")
    alert = admin_page.get_by_role("alert")
    expect(alert).to_contain_text("There is no such thing, or it is not visible to you.")
    expect(alert).to_contain_text("It may have been deleted")


def test_a_server_out_of_reach_is_said_with_what_to_do(
    context: BrowserContext, admin_page: Page
) -> None:
    expect(admin_page.get_by_role("heading", name="Home")).to_be_visible()
    context.route("**/v1/projects*", lambda route: route.abort())
    context.route("**/api/users*", lambda route: route.abort())
    admin_page.goto("/users")
    alert = admin_page.get_by_role("alert")
    expect(alert).to_contain_text("The server cannot be reached.")
    expect(alert).to_contain_text("Look whether the server runs")
    context.unroute("**/api/users*")
    alert.get_by_role("button", name="Try again").click()
    expect(admin_page.get_by_role("cell", name="admin", exact=True)).to_be_visible()


PAGES = (
    "/", "/jobs", "/jobs/new", "/runs", "/projects", "/remote-access", "/remote-access/new",
    "/roles", "/users", "/account", "/schedules", "/schedules/new", "/calendar",
    "/calendar?span=day", "/entities", "/business-calendars", "/maintenance-windows", "/audit",
    "/workflows", "/executions", "/executions?state=Failed",
)  # fmt: skip


def test_pages_fit_into_360_pixels(admin_page: Page, treadle: Treadle) -> None:
    job = treadle.job("def main(): pass\n", name="A long name of a job " + "x" * 150)
    run = treadle.run(job)
    treadle.key(description="y" * 400)
    schedule = schedule_of(treadle, name="z" * 200, expression="@hourly", tags=["t" * 90])
    entity = entity_of(treadle, name="e" * 100)
    treadle.post("/v1/calendars", json={"name": new_name("c" * 80), "yearly_dates": ["12-25"]})
    window = {"start_at": "2040-01-01T00:00:00Z", "end_at": "2040-01-02T00:00:00Z"}
    treadle.post("/v1/maintenance-windows", json={"name": new_name("w" * 80), **window})
    treadle.post(f"/v1/schedules/{schedule['id']}/trigger")
    parts = [f"/schedules/{schedule['id']}?tab={tab}" for tab in ("firings", "details", "versions")]
    parts += [f"/schedules/{schedule['id']}/edit", f"/entities/{entity['id']}"]
    flow = f"/workflows/{workflow_of(treadle, workflow_name='f' * 200)['workflow_id']}"
    parts += [flow, f"{flow}?step=sum", f"{flow}/edit", "/workflows/new"]
    parts += [f"{flow}?tab={tab}" for tab in ("versions&from=1&to=1", "payload", "executions")]
    named = [{**step, "name": "s" * 100} for step in DIVIDED]
    failed = start(treadle, flow_of(treadle, *named, workflow_name="f" * 200), 0)
    reached(treadle, failed, "Failed")
    parts += [f"/executions/{failed}?step=share&tab={tab}" for tab in ("events", "details")]
    parts += [f"/executions/{failed}"]
    admin_page.set_viewport_size({"width": 360, "height": 740})
    tabs = [f"/jobs/{job['id']}?tab={tab}" for tab in ("runs", "package", "macros", "settings")]
    wide: dict[str, int] = {}
    for path in (*PAGES, *tabs, *parts, f"/runs/{run['id']}"):
        admin_page.goto(path)
        expect(admin_page.get_by_role("heading", level=1)).to_be_visible()
        expect(admin_page.get_by_label("Loading")).to_have_count(0)
        width = admin_page.evaluate("document.documentElement.scrollWidth")
        if width > 360:
            wide[path] = width
    assert wide == {}


def test_the_navigation_is_there_on_a_small_screen(admin_page: Page) -> None:
    admin_page.set_viewport_size({"width": 360, "height": 740})
    link = admin_page.get_by_role("navigation", name="Main").get_by_role("link", name="Jobs")
    expect(link).not_to_be_in_viewport()
    admin_page.get_by_role("button", name="Open the navigation").click()
    link.click()
    expect(admin_page.get_by_role("heading", name="Jobs", level=1)).to_be_visible()
    expect(link).not_to_be_in_viewport()


def test_the_skip_link_leads_past_the_navigation(admin_page: Page) -> None:
    expect(admin_page.get_by_role("heading", name="Home")).to_be_visible()
    admin_page.keyboard.press("Tab")
    expect(admin_page.get_by_role("link", name="Skip to the page")).to_be_focused()
    admin_page.keyboard.press("Enter")
    expect(admin_page.locator("#main")).to_be_focused()


def test_the_page_may_run_and_show_nothing_of_others(treadle: Treadle) -> None:
    answer = httpx.get(f"{treadle.url}/jobs/1", headers={"Accept": "text/html"}, timeout=SECONDS)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert re.findall(r"<script(?![^>]*\bsrc=)", answer.text) == []


def test_the_palette_has_a_button_at_any_width(admin_page: Page) -> None:
    expect(admin_page.get_by_role("heading", name="Home")).to_be_visible()
    # At 768 px the navigation opens: what is small before and large after meets there.
    for width in (360, 767, 768, 769, 1280):
        admin_page.set_viewport_size({"width": width, "height": 800})
        expect(admin_page.get_by_role("button", name="Go to")).to_be_visible()
