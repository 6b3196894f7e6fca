"""Executions of workflows: looked at, answered, retried, terminated."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from e2e.console.conftest import Treadle, log_in, new_name
from e2e.console.workflows import (
    ASK,
    ASKED,
    DIVIDED,
    START,
    execution_of,
    flow_of,
    reached,
    start,
)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("dialog").get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_what_waits_is_found_at_home_and_answered_by_its_form(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    project = treadle.project()
    workflow = flow_of(treadle, *ASKED, workspace_id=project["id"])
    first = start(treadle, workflow, {"process_id": new_name("order")})
    reached(treadle, first, "Awaiting Response")
    second = start(treadle, workflow)
    reached(treadle, second, "Awaiting Response")
    page.goto(f"/?project={project['id']}")
    waiting = page.get_by_role("region", name="Waits for an answer")
    links = waiting.get_by_role("link", name=workflow["workflow_name"])
    expect(links).to_have_count(2)
    # The oldest first.
    links.first.click()
    expect(page).to_have_url(re.compile(first))
    expect(page.get_by_role("status").filter(has_text="It waits for an answer")).to_contain_text(
        "“Approval”"
    )
    expect(page.get_by_role("button", name="Approval wait for response · Waits")).to_be_visible()
    page.get_by_role("button", name="Answer", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Answer", exact=True)).to_be_disabled()
    choose(page, "Approve the order?", "Yes")
    dialog.get_by_label("Limit").fill("5")
    choose(page, "Source", "SAP")
    dialog.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_text("Completed").first).to_be_visible()
    output = page.get_by_label("Output", exact=True)
    expect(output).to_contain_text('"limit": 5')
    assert execution_of(treadle, first)["workflow_output_payload"] == {
        "approved": True,
        "limit": 5,
        "source": "SAP",
    }
    expect(page.get_by_role("button", name="Answer", exact=True)).to_have_count(0)
    page.get_by_role("tab", name="Events").click()
    expect(page.get_by_text("Approval was answered by admin")).to_be_visible()


def test_an_answer_may_be_json_and_only_the_first_is_taken(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    id_ = start(treadle, flow_of(treadle, *ASKED))
    reached(treadle, id_, "Awaiting Response")
    page.goto(f"/executions/{id_}")
    page.get_by_role("button", name="Answer", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("JSON", exact=True).click()
    dialog.get_by_label("Answer", exact=True).fill("[")
    expect(dialog).to_contain_text("This is not JSON")
    dialog.get_by_label("Answer", exact=True).fill('{"approved": false, "why": ["a", 1]}')
    faster = {"source": "TEAMS", "approved": True}
    treadle.post(f"/v1/workflows/resumeworkflow/{id_}", json=faster)
    dialog.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_text("Somebody had answered before")).to_be_visible()
    assert reached(treadle, id_, "Completed")["workflow_output_payload"] == faster


def test_the_page_follows_an_execution_as_it_goes_on(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    id_ = start(treadle, flow_of(treadle, *ASKED))
    reached(treadle, id_, "Awaiting Response")
    page.goto(f"/executions/{id_}?tab=events&step=end")
    panel = page.get_by_role("region", name="Done")
    expect(panel).to_contain_text("Not come to")
    treadle.post(f"/v1/workflows/resumeworkflow/{id_}", json={"source": "TEAMS", "n": 1})
    expect(panel).to_contain_text("Succeeded")
    expect(panel.get_by_label("Output", exact=True)).to_contain_text('"n": 1')
    events = page.get_by_role("list", name="Events, the latest first").get_by_role("listitem")
    expect(events.first).to_contain_text("Completed")


def test_a_failed_execution_is_retried_from_a_step_with_an_edited_payload(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    id_ = start(treadle, flow_of(treadle, *DIVIDED), 0)
    reached(treadle, id_, "Failed")
    page.goto(f"/executions/{id_}")
    told = page.get_by_role("status").filter(has_text="It failed")
    expect(told).to_contain_text("It failed at the step “Share it”. An expression of the step")
    page.get_by_role("button", name="Share it transform · Failed").click()
    expect(page).to_have_url(re.compile("step=share"))
    page.get_by_role("button", name="Retry from here").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox", name="From")).to_have_value("Share it")
    dialog.get_by_label("Go on with another payload").check()
    expect(dialog.get_by_label("Payload", exact=True)).to_have_value("0")
    dialog.get_by_label("Payload", exact=True).fill("4")
    dialog.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_text("Completed").first).to_be_visible()
    assert execution_of(treadle, id_)["workflow_output_payload"] == 4
    expect(page.get_by_role("region", name="Share it").get_by_role("row")).to_have_count(3)


def test_a_retry_may_go_on_with_a_newer_version(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    workflow = flow_of(treadle, *DIVIDED)
    id_ = start(treadle, workflow, 0)
    reached(treadle, id_, "Failed")
    mended = [START, {**DIVIDED[1], "config": {"value": "mended"}}]
    path = f"/v1/workflows/{workflow['workflow_id']}"
    body = {
        "workflow_name": workflow["workflow_name"],
        "workflow_steps": mended,
        "workflow_connections": [{"from": "start", "to": "share"}],
    }
    treadle.admin.put(f"{path}/1", json=body).raise_for_status()
    treadle.post(f"{path}/2/activate")
    page.goto(f"/executions/{id_}")
    page.get_by_role("button", name="Retry", exact=True).click()
    choose(page, "Version", "2")
    page.get_by_role("dialog").get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_text("version 2")).to_be_visible()
    assert reached(treadle, id_, "Completed")["workflow_output_payload"] == "mended"


def test_an_execution_is_terminated_with_a_reason(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    id_ = start(treadle, flow_of(treadle, *ASKED))
    reached(treadle, id_, "Awaiting Response")
    page.goto(f"/executions/{id_}")
    page.get_by_role("button", name="Terminate", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert execution_of(treadle, id_)["workflow_status"] == "Awaiting Response"
    page.get_by_role("button", name="Terminate", exact=True).click()
    dialog.get_by_label("Reason").fill("ordered twice")
    dialog.get_by_role("button", name="Terminate").click()
    expect(page.get_by_role("status").filter(has_text="Terminated by admin")).to_contain_text(
        "ordered twice"
    )
    expect(page.get_by_role("button", name="Retry", exact=True)).to_be_visible()
    assert reached(treadle, id_, "Terminated")["error"]["message"] == "ordered twice"


def test_the_timeline_shows_attempts_and_waits_to_the_eye_and_as_a_table(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    call = {
        "id": "call",
        "name": "Call",
        "type": "function",
        "config": {"code": "def main():\n    raise ValueError('no')"},
        "retry": {"max_attempts": 2, "interval_seconds": 0.1},
    }
    rest = {"id": "rest", "name": "Rest", "type": "wait", "config": {"seconds": 0.2}}
    id_ = start(treadle, flow_of(treadle, START, rest, call))
    reached(treadle, id_, "Failed")
    page.goto(f"/executions/{id_}")
    timeline = page.get_by_role("region", name="Timeline")
    row = timeline.get_by_role("button", name="Call, Failed")
    expect(row).to_have_accessible_name(re.compile("Call, Failed, began after .*, 2 attempts"))
    expect(row.locator(".track > span")).to_have_count(3)
    expect(timeline.get_by_role("button", name="Rest, Succeeded")).to_be_visible()
    row.click()
    expect(row).to_have_attribute("aria-pressed", "true")
    panel = page.get_by_role("region", name="Call", exact=True)
    expect(panel).to_contain_text("Its code raised an error.")
    expect(panel).to_contain_text("Function.ValueError: no")
    timeline.get_by_text("Table", exact=True).click()
    rows = timeline.get_by_role("row")
    expect(rows).to_have_count(6)
    cells = [[text.strip() for text in line.split("\t")] for line in rows.all_inner_texts()]
    assert [line[:4] for line in cells[1:]] == [
        ["An order comes in", "Attempt", "1", "Succeeded"],
        ["Rest", "Waiting", "1", "Succeeded"],
        ["Call", "Attempt", "1", "Failed"],
        ["Call", "Pause before another try", "1", "Paused before another try"],
        ["Call", "Attempt", "2", "Failed"],
    ]


def test_runs_and_other_executions_are_linked_up_and_down(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    job = treadle.job("def main():\n    return 7\n")
    inner = flow_of(treadle, *ASKED)
    outer = flow_of(
        treadle,
        START,
        {"id": "work", "name": "Work", "type": "job", "config": {"job_id": job["id"]}},
        {
            "id": "sub",
            "name": "Sub",
            "type": "workflow",
            "config": {"workflow_id": inner["workflow_id"]},
        },
    )
    id_ = start(treadle, outer)
    page.goto(f"/executions/{id_}?step=sub")
    page.get_by_role("region", name="Sub", exact=True).get_by_role("link", name="Execution").click()
    expect(
        page.get_by_role("heading", name=f"Execution of {inner['workflow_name']}")
    ).to_be_visible()
    page.get_by_role("tab", name="Details").click()
    page.get_by_role("link", name=f"Execution of {outer['workflow_name']}").click()
    expect(page).to_have_url(re.compile(f"{id_}.*step=sub"))
    page.get_by_role("button", name="Work job · Succeeded").click()
    page.get_by_role("region", name="Work", exact=True).get_by_role("link", name="Run").click()
    expect(page.get_by_role("heading", name=f"Run of {job['name']}")).to_be_visible()


def test_the_list_is_filtered_paged_and_live(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    workflow, other = flow_of(treadle, *DIVIDED), flow_of(treadle, *ASKED)
    path = "/v1/workflows/triggerworkflow/batch"
    wanted = {"workflow_id": workflow["workflow_id"], "payloads": [3] * 26}
    ids = treadle.post(path, json=wanted)["looply_execution_ids"]
    failing = start(treadle, workflow, 0)
    for id_ in (*ids, failing):
        reached(treadle, id_, "Failed" if id_ == failing else "Completed")
    page.goto("/executions")
    page.get_by_role("combobox", name="Workflow").fill(workflow["workflow_name"])
    page.get_by_role("option", name=workflow["workflow_name"]).click()
    expect(page).to_have_url(re.compile(f"workflow={workflow['workflow_id']}"))
    rows = page.get_by_role("row")
    expect(rows).to_have_count(26)
    expect(rows.nth(1)).to_contain_text("share: Expression")
    expect(page.get_by_text("25 executions, and more")).to_be_visible()
    page.get_by_role("button", name="Older").click()
    expect(rows).to_have_count(3)
    page.go_back()
    expect(rows).to_have_count(26)
    page.get_by_role("combobox", name="State").click()
    page.get_by_role("option", name="Failed").click()
    expect(rows).to_have_count(2)
    page.goto(f"/executions?workflow={other['workflow_id']}&state=Awaiting+Response")
    expect(page.get_by_text("No execution is like this")).to_be_visible()
    waiting = start(treadle, other)
    expect(page.get_by_role("link", name=waiting[-8:])).to_be_visible()
    expect(rows.nth(1)).to_contain_text("Waits for an answer at ask")


@pytest.mark.parametrize("role", ["Manager", "Member"])
def test_who_may_not_read_history_is_offered_no_executions(
    context: BrowserContext, treadle: Treadle, role: str
) -> None:
    project, user = treadle.project(), treadle.user()
    treadle.give(user, role, project)
    workflow = flow_of(treadle, *ASKED, workspace_id=project["id"])
    hidden = start(treadle, flow_of(treadle, *ASKED))
    id_ = start(treadle, workflow)
    reached(treadle, id_, "Awaiting Response")
    page = log_in(context, treadle, user["username"])
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Executions")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    if role == "Member":
        expect(link).to_have_count(0)
        page.goto(f"/executions/{id_}")
        expect(page.get_by_role("alert")).to_contain_text("Your role does not allow you")
        return
    link.click()
    expect(page.get_by_role("link", name=id_[-8:])).to_be_visible()
    expect(page.get_by_role("link", name=hidden[-8:])).to_have_count(0)
    page.get_by_role("link", name=id_[-8:]).click()
    expect(page.get_by_role("button", name="Answer", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Terminate", exact=True)).to_be_visible()
    page.goto(f"/executions/{hidden}")
    expect(page.get_by_role("alert")).to_contain_text("execution not found")


def test_a_schedule_starts_a_workflow(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    workflow = flow_of(treadle, START, {**ASK, "config": {}})
    page.goto("/schedules/new")
    name = new_name("schedule")
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("combobox", name="What it does").click()
    page.get_by_role("option", name="Start a workflow").click()
    page.get_by_role("combobox", name="Workflow").fill(workflow["workflow_name"])
    page.get_by_role("option", name=workflow["workflow_name"]).click()
    page.get_by_label("Payload").fill('{"country": "NZ"}')
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.get_by_role("button", name="Trigger").click()
    row = page.get_by_role("region", name="Due times").get_by_role("row").nth(1)
    row.get_by_role("link").click()
    expect(page.get_by_label("Input", exact=True)).to_contain_text('"country": "NZ"')


def test_a_schedule_tells_people_through_an_integration(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    config = {
        "host": "127.0.0.1",
        "port": treadle.postbox.port,
        "tls": "none",
        "from_address": "treadle@example.com",
    }
    mail = new_name("mail")
    wanted = {"name": mail, "type": "smtp", "config": config}
    treadle.post("/v1/integrations", json=wanted)
    page.goto("/schedules/new")
    name = new_name("schedule")
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("combobox", name="What it does").click()
    page.get_by_role("option", name="Tell people").click()
    page.get_by_role("combobox", name="Integration").fill(mail)
    page.get_by_role("option", name=mail).click()
    page.get_by_role("combobox", name="To").fill("ada@example.com")
    page.keyboard.press("Enter")
    page.get_by_label("Subject").fill("The books")
    page.get_by_label("Message").fill("Close them.")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.get_by_role("tab", name="Details").click()
    expect(page.get_by_role("region", name="What it says")).to_contain_text("Close them.")
    made = treadle.admin.get("/v1/schedules", params={"search": name}).json()["items"]
    assert [one["action_config"]["to"] for one in made] == [["ada@example.com"]]
