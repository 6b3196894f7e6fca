"""Workflows in the console: drawn, edited as a graph, as forms and as JSON, put into force."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from e2e.console.conftest import STEPS, Treadle, log_in, new_name, workflow_of


def address(item: dict[str, Any], more: str = "") -> str:
    return f"/workflows/{item['workflow_id']}{more}"


def found(treadle: Treadle, item: dict[str, Any], version: int) -> dict[str, Any]:
    query = {"workflow_id": item["workflow_id"], "workflow_version": version}
    return treadle.admin.get("/v1/workflows/getWorkflowById", params=query).json()["item"]


def next_version(treadle: Treadle, item: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = treadle.admin.put(f"/v1/workflows/{item['workflow_id']}/1", json={**item, **changes})
    assert answer.is_success, answer.text
    return answer.json()["item"]


def step_of(page: Page, name: str) -> Locator:
    """The step as the graph draws it."""
    return page.get_by_role("region", name="Graph", exact=True).get_by_role("button", name=name)


def json_of(page: Page) -> Locator:
    return page.get_by_role("textbox", name="The workflow as JSON")


def test_workflows_are_listed_with_the_version_in_force(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    item = workflow_of(treadle, active=True)
    next_version(treadle, item)
    draft = workflow_of(treadle, workflow_name=item["workflow_name"] + "x")
    page.goto("/workflows")
    page.get_by_label("Search workflows by name").fill(item["workflow_name"].upper())
    rows = page.get_by_role("region", name="Workflows").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text=draft["workflow_name"])).to_contain_text("None1 Draft")
    row = rows.filter(has=page.get_by_role("link", name=item["workflow_name"], exact=True))
    expect(row).to_contain_text("Version 12 Draft")
    expect(page).to_have_url(re.compile("filter="))
    page.reload()
    expect(rows).to_have_count(3)
    page.get_by_role("combobox", name="Status").click()
    page.get_by_role("option", name="Active").click()
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("Version 11 Active")
    page.get_by_label("Search workflows by name").fill("no such thing")
    expect(page.get_by_text("No workflow is like this")).to_be_visible()


def test_without_workflows_one_learns_how_to_make_them(
    context: BrowserContext, treadle: Treadle
) -> None:
    user, project = treadle.user(), treadle.project()
    treadle.give(user, "Contributor", project)
    page = log_in(context, treadle, user["username"], f"/workflows?project={project['id']}")
    expect(page.get_by_text("No workflows yet")).to_be_visible()
    expect(page.get_by_text(f"curl {treadle.url}/v1/workflows")).to_be_visible()
    expect(page.get_by_role("link", name="New workflow")).to_have_count(2)


def test_a_workflow_is_made_in_the_editor_and_started(admin_page: Page, treadle: Treadle) -> None:
    page, name = admin_page, new_name("orders")
    page.goto("/workflows/new")
    page.get_by_label("Name").fill(name)
    page.get_by_role("radio", name="Nothing yet").check()
    page.get_by_role("button", name="Create draft").click()
    expect(page.get_by_role("heading", name=f"Edit {name}")).to_be_visible()
    verdict = page.get_by_role("status", name="Validation")
    expect(verdict).to_have_text("Valid")

    page.get_by_role("button", name="Add step").click()
    page.get_by_role("menuitem", name="Condition").click()
    form = page.get_by_role("region", name="condition", exact=True)
    form.get_by_label("When").fill("payload.price >")
    expect(verdict).to_have_text("Faults at condition")
    expect(form.get_by_role("alert")).to_contain_text("config.when bad expression")
    expect(step_of(page, "condition condition · 1 fault")).to_be_visible()
    form.get_by_label("When").fill("payload.price > 10")
    form.get_by_role("textbox", name="Name").fill("Dear?")
    expect(verdict).to_have_text("Valid")

    page.get_by_role("button", name="Add step").click()
    page.get_by_role("menuitem", name="Transform").click()
    form = page.get_by_role("region", name="transform", exact=True)
    form.get_by_label("Value", exact=True).fill('{"dear": ')
    expect(form.get_by_text("This is not JSON")).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    step_of(page, "Dear?").click()
    expect(page.get_by_text("No JSON yet: transform.config.value.")).to_be_visible()
    step_of(page, "transform transform").click()
    expect(form.get_by_label("Value", exact=True)).to_have_value('{"dear": ')
    form.get_by_label("Value", exact=True).fill('{"dear": true}')
    form.get_by_label("Id").fill("dear")
    form.get_by_label("Id").press("Enter")
    expect(verdict).to_have_text("Valid")

    page.get_by_role("button", name="Save and activate").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    expect(page.get_by_text("Active", exact=True)).to_be_visible()
    listed = treadle.admin.get(
        "/v1/workflows/getOrganizationWorkflows", params={"search": name}
    ).json()["items"][0]
    item = found(treadle, listed, 1)
    assert item["workflow_status"] == "ACTIVE"
    assert item["workflow_steps"][1:] == [
        {"id": "condition", "type": "condition", "config": {"when": "payload.price > 10"}}
        | {"name": "Dear?"},
        {"id": "dear", "type": "transform", "config": {"mode": "merge", "value": {"dear": True}}},
    ]
    assert item["workflow_connections"] == [
        {"from": "start", "to": "condition"},
        {"from": "condition", "to": "dear", "label": "yes"},
    ]

    page.get_by_role("button", name="Trigger").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Payload").fill("{")
    expect(dialog.get_by_role("button", name="Trigger")).to_be_disabled()
    dialog.get_by_label("Payload").fill('{"price": 11}')
    dialog.get_by_role("button", name="Trigger").click()
    expect(page).to_have_url(re.compile("/executions/[0-9a-f-]{36}$"))
    execution = page.url.rpartition("/")[2]
    query = {"workflow_id": item["workflow_id"], "workflow_execution_id": execution}
    started = treadle.admin.get("/v1/workflows/getWorkflowExecutionById", params=query).json()
    assert started["item"]["workflow_input_payload"] == {"price": 11}
    page.goto(address(item, "?tab=executions"))
    expect(page.get_by_role("link", name=execution[-8:])).to_be_visible()


def test_json_and_graph_are_one_and_broken_json_is_kept(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    item = workflow_of(treadle)
    page.goto(address(item, "/edit?version=1"))
    whole: dict[str, Any] = json.loads(json_of(page).input_value())
    whole["workflow_steps"].append({"id": "rest", "type": "wait", "config": {"seconds": 5}})
    json_of(page).fill(json.dumps(whole))
    expect(step_of(page, "rest wait · 1 fault")).to_be_visible()
    json_of(page).fill(json.dumps(whole)[:-9])
    expect(page.get_by_text("This is not JSON")).to_be_visible()
    expect(page.get_by_role("button", name="Add step")).to_be_disabled()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    expect(json_of(page)).to_have_value(json.dumps(whole)[:-9])
    json_of(page).fill(json.dumps(whole))

    # Connected without a mouse: chosen by Enter, connected by a list.
    step_of(page, "Sum of the order").focus()
    page.keyboard.press("Enter")
    form = page.get_by_role("region", name="Sum of the order", exact=True)
    form.get_by_role("combobox", name="Connect to").click()
    page.get_by_role("option", name="rest").click()
    expect(page.get_by_role("status", name="Validation")).to_have_text("Valid")
    expect(json_of(page)).to_have_value(re.compile('"from": "sum",\\s+"to": "rest"'))
    form.get_by_role("button", name="rest").click()
    when = "payload.total > 1"
    page.get_by_role("region", name="Connection").get_by_role("textbox", name="When").fill(when)
    expect(page.get_by_role("region", name="Graph", exact=True)).to_contain_text(when)
    page.get_by_role("button", name="Undo").click()
    expect(json_of(page)).not_to_have_value(re.compile("payload.total > 1"))
    page.get_by_role("button", name="Redo").click()
    expect(json_of(page)).to_have_value(re.compile("payload.total > 1"))

    step_of(page, "Sum of the order").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Delete")
    expect(step_of(page, "Sum of the order")).to_have_count(0)
    expect(json_of(page)).not_to_have_value(re.compile('"from"'))
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved draft 1")).to_be_visible()
    saved = found(treadle, item, 1)
    assert saved["workflow_connections"] == [
        {"from": "start", "to": "sum"},
        {"from": "sum", "to": "rest", "when": "payload.total > 1"},
    ]


def test_two_steps_are_connected_by_the_mouse(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    steps = [*STEPS, {"id": "last", "type": "wait", "config": {"seconds": 1}}]
    ways = [{"from": "start", "to": "sum"}, {"from": "start", "to": "last"}]
    item = workflow_of(treadle, workflow_steps=steps, workflow_connections=ways)
    page.goto(address(item, "/edit"))
    source = step_of(page, "Sum of the order").locator(".react-flow__handle-bottom")
    target = step_of(page, "last").locator(".react-flow__handle-top")
    source.hover()
    page.mouse.down()
    target.hover()
    page.mouse.up()
    expect(json_of(page)).to_have_value(re.compile('"from": "sum",\\s+"to": "last"'))


def test_what_is_not_saved_is_not_left_by_accident(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    item = workflow_of(treadle)
    page.goto(address(item))
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("region", name="Workflow").get_by_label("Name").fill("Another name")
    page.get_by_role("link", name="Close").click()
    dialog = page.get_by_role("dialog", name="Leave what is not saved?")
    dialog.get_by_role("button", name="Stay").click()
    expect(page.get_by_role("region", name="Workflow").get_by_label("Name")).to_have_value(
        "Another name"
    )
    page.get_by_role("link", name="Close").click()
    dialog.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name=item["workflow_name"], exact=True)).to_be_visible()
    assert found(treadle, item, 1)["workflow_name"] == item["workflow_name"]


def test_what_somebody_else_saved_meanwhile_is_not_replaced_unasked(
    admin_page: Page, treadle: Treadle
) -> None:
    page, item = admin_page, workflow_of(treadle)
    page.goto(address(item, "/edit?version=1"))
    page.get_by_role("region", name="Workflow", exact=True).get_by_label("Name").fill("mine")
    next_version(treadle, item, workflow_name="theirs")
    page.get_by_role("button", name="Save", exact=True).click()
    asked = page.get_by_role("dialog", name="Replace what somebody else saved?")
    asked.get_by_role("button", name="Keep theirs for now").click()
    expect(asked).to_have_count(0)
    assert found(treadle, item, 1)["workflow_name"] == "theirs"
    # It is asked again as long as it is so, and not for what is one's own.
    page.get_by_role("button", name="Save", exact=True).click()
    asked.get_by_role("button", name="Save mine instead").click()
    expect(page.get_by_text("Saved draft 1")).to_be_visible()
    assert found(treadle, item, 1)["workflow_name"] == "mine"
    page.get_by_role("region", name="Workflow", exact=True).get_by_label("Name").fill("mine again")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("as it is saved")).to_be_visible()
    assert found(treadle, item, 1)["workflow_name"] == "mine again"
    # What is put in force is what one sees.
    next_version(treadle, item, workflow_name="theirs again")
    page.get_by_role("button", name="Save and activate").click()
    asked.get_by_role("button", name="Save mine instead").click()
    expect(page.get_by_text("Version 1 is in force")).to_be_visible()
    active = found(treadle, item, 1)
    assert (active["workflow_name"], active["workflow_status"]) == ("mine again", "ACTIVE")


def test_a_version_in_force_stays_and_the_next_draft_says_what_differs(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    item = workflow_of(treadle, active=True)
    page.goto(address(item))
    page.get_by_role("link", name="New draft").click()
    expect(page.get_by_text("saving makes the next draft")).to_be_visible()
    step_of(page, "Sum of the order").click()
    form = page.get_by_role("region", name="Sum of the order", exact=True)
    form.get_by_label("Value", exact=True).fill('{"total": "${payload.price * 2}"}')
    page.get_by_role("button", name="Save as next draft").click()
    expect(page).to_have_url(re.compile("/edit\\?version=2$"))
    expect(page.get_by_text("as it is saved")).to_be_visible()
    assert found(treadle, item, 1)["workflow_steps"] == STEPS
    page.get_by_role("link", name="Close").click()
    page.get_by_role("tab", name="Versions").click()
    listed = page.get_by_role("region", name="Versions").get_by_role("row")
    expect(listed.nth(1).get_by_role("cell").nth(4)).to_have_text("admin")
    page.get_by_role("button", name="Compare version 2").click()
    expect(page).to_have_url(re.compile("from=1&to=2"))
    row = page.get_by_role("region", name="Difference").get_by_role("row")
    expect(row).to_have_count(2)
    expect(row.nth(1)).to_contain_text("Step sum changed")
    cells = row.nth(1).get_by_role("cell")
    expect(cells.nth(1)).to_have_text("config.value.total")
    expect(cells.nth(2)).to_have_text("${payload.price * payload.amount}")
    expect(cells.nth(3)).to_have_text("${payload.price * 2}")

    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("status").filter(has_text="Version 2 is in force")).to_be_visible()
    page.get_by_role("button", name="Show version 1").click()
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Archive").click()
    page.get_by_role("dialog").get_by_role("button", name="Archive").click()
    expect(page.get_by_text("Archived", exact=True)).to_be_visible()
    assert found(treadle, item, 1)["workflow_status"] == "ARCHIVED"
    assert found(treadle, item, 2)["workflow_status"] == "ACTIVE"


def test_a_draft_is_deleted_and_with_the_last_one_the_workflow(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    item = workflow_of(treadle)
    page.goto(address(item))
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Delete draft").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("and with it the workflow")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Workflows", exact=True)).to_be_visible()
    page.goto(address(item))
    expect(page.get_by_role("alert")).to_contain_text("It may have been deleted")


def test_faults_that_came_later_are_shown_at_their_step(admin_page: Page, treadle: Treadle) -> None:
    page, name = admin_page, new_name("shop")
    project = treadle.admin.get("/v1/projects").json()["items"][0]["id"]
    integration = treadle.post(
        "/v1/integrations",
        json={
            "name": name,
            "type": "http",
            "project_id": project,
            "config": {"base_url": "https://shop.example"},
        },
    )
    call = {"id": "call", "type": "http", "config": {"url": "/orders", "integration": name}}
    item = workflow_of(
        treadle,
        workspace_id=project,
        workflow_steps=[STEPS[0], call],
        workflow_connections=[{"from": "start", "to": "call"}],
    )
    treadle.admin.delete(f"/v1/integrations/{integration['id']}").raise_for_status()
    page.goto(address(item))
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Validate").click()
    step_of(page, "call http · 1 fault").click()
    expect(page).to_have_url(re.compile("step=call"))
    expect(page.get_by_role("region", name="call").get_by_role("alert")).to_contain_text(
        "config.integration there is no integration"
    )


def test_a_schema_is_read_off_a_payload(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    item = workflow_of(treadle)
    page.goto(address(item, "?tab=payload"))
    page.get_by_role("button", name="Read it off a payload").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Payload").fill('{"price": 1, "amount": 2}')
    dialog.get_by_role("button", name="Read").click()
    expect(page.get_by_role("region", name="Schema")).to_contain_text('"amount"')
    assert found(treadle, item, 1)["workflow_schema"]["required"] == ["amount", "price"]


def test_a_scheduled_workflow_is_paused_and_resumed(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    config = {"schedule_expression": "0 7 * * 1-5", "timezone": "Europe/Berlin"}
    steps = [{"id": "start", "type": "schedule", "config": config}]
    item = workflow_of(treadle, active=True, workflow_steps=steps, workflow_connections=[])
    page.goto(address(item))
    expect(page.get_by_text("Started by its schedule")).to_be_visible()
    for action, state in (("Pause", "Paused"), ("Resume", "Active")):
        page.get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name=f"{action} its schedule").click()
        expect(page.get_by_text(state, exact=True)).to_be_visible()


def test_who_may_only_read_is_offered_nothing_else(
    context: BrowserContext, treadle: Treadle
) -> None:
    project, reader, manager = treadle.project(), treadle.user(), treadle.user()
    treadle.give(reader, "Member", project)
    treadle.give(manager, "Manager", project)
    item = workflow_of(treadle, active=True, workspace_id=project["id"])
    hidden = workflow_of(treadle)
    page = log_in(context, treadle, reader["username"], "/workflows")
    expect(page.get_by_role("link", name=item["workflow_name"])).to_be_visible()
    expect(page.get_by_role("link", name=hidden["workflow_name"])).to_have_count(0)
    expect(page.get_by_role("link", name="New workflow")).to_have_count(0)
    page.get_by_role("link", name=item["workflow_name"]).click()
    expect(step_of(page, "Sum of the order")).to_be_visible()
    actions = page.get_by_role("button", name=re.compile("^(Trigger|Activate|More actions)$"))
    expect(actions).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("New draft|Edit"))).to_have_count(0)
    expect(page.get_by_role("tab", name="Executions")).to_have_count(0)
    page.goto(address(item, "/edit?version=1"))
    expect(page.get_by_text("Your role does not allow you to change workflows")).to_be_visible()
    expect(json_of(page)).to_have_count(0)
    page.goto(address(hidden))
    expect(page.get_by_role("alert")).to_contain_text("There is no such thing")

    page = log_in(context, treadle, manager["username"], address(item))
    expect(page.get_by_role("button", name="Trigger")).to_be_visible()
    expect(page.get_by_role("tab", name="Executions")).to_be_visible()
    expect(page.get_by_role("link", name="New draft")).to_have_count(0)


def test_steps_within_a_map_are_edited_by_the_same_forms(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    item = workflow_of(treadle)
    page.goto(address(item, "/edit?version=1"))
    verdict = page.get_by_role("status", name="Validation")
    step_of(page, "Sum of the order").click()
    for _ in range(2):
        page.get_by_role("button", name="Add step").click()
        page.get_by_role("menuitem", name="For each").click()
    # The example's step has another id in the second map: no two may be the same.
    expect(verdict).to_have_text("Valid")
    form = page.get_by_role("region", name="map_2", exact=True)
    expect(form.get_by_role("listitem")).to_have_text(re.compile("^item_2"))
    step_of(page, "map map").click()
    form = page.get_by_role("region", name="map", exact=True)
    form.get_by_role("textbox", name="Items").fill("payload.lines")

    form.get_by_role("button", name="Add to these").click()
    page.get_by_role("menuitem", name="Function").click()
    levels = page.get_by_role("navigation", name="Within")
    expect(levels.locator("[aria-current]")).to_have_text("map")
    expect(levels.locator("[aria-current]")).to_be_focused()
    expect(step_of(page, "Sum of the order")).to_have_count(0)
    inner = page.get_by_role("region", name="function", exact=True)
    inner.get_by_role("textbox", name="Name").fill("Weigh")
    inner = page.get_by_role("region", name="Weigh", exact=True)
    inner.get_by_label("Tried again when it fails").check()
    inner.get_by_label("Id").fill("start")
    expect(inner.get_by_text("Another step has this id")).to_be_visible()
    inner.get_by_label("Id").fill("weigh")
    inner.get_by_label("Id").press("Enter")
    inner.get_by_label("Handler").fill("no name")
    expect(step_of(page, "Weigh function · 1 fault")).to_be_visible()
    expect(verdict).to_have_text("Faults at map")
    levels.get_by_role("button", name="Workflow").click()
    form.get_by_role("button", name=re.compile("Weigh.*1 fault")).click()
    inner.get_by_label("Handler").fill("main")
    expect(verdict).to_have_text("Valid")
    expect(json_of(page)).to_have_value(re.compile('"from": "item",\\s+"to": "weigh"'))

    levels.get_by_role("button", name="Workflow").click()
    expect(step_of(page, "Sum of the order")).to_be_visible()
    form.get_by_role("combobox", name="Begins with").click()
    page.get_by_role("option", name="Weigh").click()
    form.get_by_role("button", name="Delete item").click()
    expect(form.get_by_role("listitem")).to_have_text(re.compile("^Weigh"))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved draft 1")).to_be_visible()
    saved = found(treadle, item, 1)["workflow_steps"][2]["config"]
    assert saved["items"] == "payload.lines"
    [weigh] = saved["steps"]
    assert (weigh["id"], weigh["name"], weigh["type"]) == ("weigh", "Weigh", "function")
    assert weigh["retry"] == {"max_attempts": 3, "interval_seconds": 10}
    assert saved["connections"] == []


def test_what_becomes_of_the_steps_within_a_map_elsewhere_is_followed(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    inner = [{"id": "one", "type": "wait", "config": {"seconds": 1}}]
    each = {"id": "each", "type": "map", "config": {"items": "[1]", "steps": inner}}
    ways = [{"from": "start", "to": "sum"}, {"from": "sum", "to": "each"}]
    item = workflow_of(treadle, workflow_steps=[*STEPS, each], workflow_connections=ways)
    page.goto(address(item, "?version=1&step=each"))
    details = page.get_by_role("region", name="each", exact=True)
    seconds = details.get_by_role("listitem").get_by_text("seconds")
    expect(seconds).to_be_hidden()
    details.get_by_text("one", exact=True).first.click()
    expect(seconds).to_be_visible()
    page.goto(address(item, "/edit?version=1"))
    step_of(page, "each map").click()
    form = page.get_by_role("region", name="each", exact=True)
    form.get_by_role("button", name="one wait").click()
    whole = json.loads(json_of(page).input_value())
    whole["workflow_steps"][2]["config"]["steps"][0]["name"] = "The only one"
    json_of(page).fill(json.dumps(whole))
    expect(page.get_by_role("region", name="The only one", exact=True)).to_be_visible()
    # Whoever is within a step that is gone is where it was.
    whole["workflow_steps"].pop()
    whole["workflow_connections"].pop()
    json_of(page).fill(json.dumps(whole))
    expect(step_of(page, "Sum of the order")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("navigation", name="Within").get_by_role("button", name="Workflow").click()
    form = page.get_by_role("region", name="each", exact=True)
    form.get_by_role("radio", name="Another workflow").check()
    expect(form.get_by_role("listitem")).to_have_count(0)
    form.get_by_label("Workflow", exact=True).click()
    page.get_by_role("option", name=item["workflow_name"]).click()
    expect(page.get_by_role("status", name="Validation")).to_have_text("Valid")
    expect(json_of(page)).to_have_value(re.compile(item["workflow_id"]))
    form.get_by_role("radio", name="Steps of its own").check()
    expect(form.get_by_role("listitem")).to_have_text(re.compile("^item"))
    expect(json_of(page)).not_to_have_value(re.compile("workflow_id"))
