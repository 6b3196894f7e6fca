"""Entities with their records, business calendars and maintenance windows."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from e2e.console.conftest import SCHEMA, Treadle, entity_of, log_in, new_name


def test_an_entity_is_defined_and_a_record_written_changed_and_deleted(
    admin_page: Page,
) -> None:
    page = admin_page
    name = new_name("contract")
    page.goto("/entities")
    page.get_by_role("button", name="New entity").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill(name)
    dialog.get_by_label("Schema").fill("{")
    expect(dialog).to_contain_text("This is not JSON")
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    dialog.get_by_label("Schema").fill(json.dumps({**SCHEMA, "type": "nothing"}))
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Schema").fill(json.dumps(SCHEMA))
    dialog.get_by_role("button", name="Remove renews_on").or_(
        dialog.locator(".mantine-Pill-remove")
    ).first.click()
    dialog.get_by_role("combobox", name="Date fields").fill("due")
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Save").click()
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="New record").click()
    dialog.get_by_label("External id").fill("c-1")
    dialog.get_by_label("Data").fill('{"due": "soon"}')
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("due")
    dialog.get_by_label("Data").fill('{"due": "2040-05-06"}')
    dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text="c-1")
    expect(row).to_contain_text("2040-05-06")
    page.get_by_role("button", name="Edit c-1").click()
    dialog.get_by_label("Data").fill('{"due": "2041-01-01"}')
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("2041-01-01")
    page.get_by_role("button", name="Delete c-1").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("No records yet")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Entities", level=1)).to_be_visible()
    expect(page.get_by_role("link", name=name)).to_have_count(0)


def test_a_file_of_records_makes_changes_and_leaves_the_rest(
    admin_page: Page, treadle: Treadle, tmp_path: Path
) -> None:
    page = admin_page
    made = entity_of(treadle)
    page.goto(f"/entities/{made['id']}")
    page.get_by_role("button", name="Records from a file").click()
    dialog = page.get_by_role("dialog")
    rows = [f"r{number},2040-01-01,{number}" for number in range(1500)]
    text = "\n".join(["external_id,due,n", *rows])
    (tmp_path / "records.csv").write_text(text)
    dialog.get_by_label("Records from a file").set_input_files(tmp_path / "records.csv")
    expect(dialog.get_by_role("status")).to_contain_text("1,500 records made, 0 changed")
    (tmp_path / "records.csv").write_text(text.replace("r7,2040-01-01,7\n", "r7,2040-01-01,8\n"))
    dialog.get_by_label("Records from a file").set_input_files(tmp_path / "records.csv")
    expect(dialog.get_by_role("status")).to_contain_text(
        "0 records made, 1 changed, 1499 as they were"
    )
    (tmp_path / "bad.csv").write_text("external_id,due\nx,soon\n")
    dialog.get_by_label("Records from a file").set_input_files(tmp_path / "bad.csv")
    expect(dialog.get_by_role("alert")).to_contain_text("due")
    dialog.get_by_role("button", name="Close").last.click()
    expect(page.get_by_role("main")).to_contain_text("1–25 of 1,500")
    page.get_by_label("Find the record of an external id").fill("r7")
    expect(page.get_by_role("row").filter(has_text='"n":8')).to_have_count(1)


def test_a_schedule_goes_by_the_date_of_records(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    made = entity_of(treadle)
    name = new_name("before")
    page.goto("/schedules/new")
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_text("By records").click()
    page.get_by_role("combobox", name="Entity").fill(made["name"])
    page.get_by_role("option", name=made["name"]).click()
    page.get_by_role("combobox", name="Date field").click()
    page.get_by_role("option", name="due").click()
    page.get_by_label("Days from that date").fill("-7")
    expect(page.get_by_text("7 days before; negative: before")).to_be_visible()
    page.get_by_label("Only records like").fill('{"n": {"gte": 5}}')
    page.get_by_role("combobox", name="What it does").click()
    page.get_by_role("option", name="Write a line").click()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    found = treadle.admin.get("/v1/schedules", params={"search": name}).json()["items"][0]
    said = {key[9:]: value for key, value in found.items() if key.startswith("relative_")}
    assert said == {
        "entity_definition_id": made["id"],
        "field_name": "due",
        "filter": {"n": {"gte": 5}},
        "offset_days": -7,
    }


def test_a_calendar_is_made_used_and_kept_while_it_is_used(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    name = new_name("holidays")
    page.goto("/business-calendars")
    page.get_by_role("button", name="New calendar").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill(name)
    dialog.get_by_label("Saturday").check()
    dialog.get_by_label("Sunday").check()
    dialog.get_by_role("combobox", name="Every year").fill("12-25")
    page.keyboard.press("Enter")
    dialog.get_by_label("Dates").fill("2040-03-30\n2040-04-02")
    dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_have_text(re.compile("Saturday, Sunday.*12-25.*2 dates"))
    page.goto("/schedules/new")
    page.get_by_role("textbox", name="Name", exact=True).fill(new_name("working days"))
    page.get_by_label("Expression").fill("0 9 * * *")
    page.get_by_role("button", name="Use a calendar").click()
    page.get_by_role("combobox", name="Calendar 1", exact=True).click()
    page.get_by_role("option", name=name).click()
    times = page.get_by_role("list", name="Next due times")
    expect(times).to_contain_text("Mon,")
    expect(times).not_to_contain_text("Sat,")
    page.get_by_role("combobox", name="What it does").click()
    page.get_by_role("option", name="Write a line").click()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("button", name="Trigger")).to_be_visible()
    page.goto("/business-calendars")
    page.get_by_role("button", name=f"Delete {name}").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_be_visible()


def test_a_window_is_made_once_and_again_and_again(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    project = treadle.project()
    name = new_name("window")
    page.goto("/maintenance-windows")
    page.get_by_role("button", name="New window").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill(name)
    dialog.get_by_label("Reason").fill("Migration")
    dialog.get_by_label("Start").fill("2040-12-24T18:00")
    dialog.get_by_label("End").fill("2040-12-27T06:00")
    dialog.get_by_role("combobox", name="For the schedules of").click()
    page.get_by_role("option", name=project["name"]).click()
    dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_have_text(re.compile(f"Migration.*24 Dec 2040, 18:00.*{project['name']}"))
    page.get_by_role("button", name=f"Edit {name}").click()
    dialog.get_by_text("Again and again").click()
    dialog.get_by_label("Begins").fill("0 22 * * 9")
    dialog.get_by_label("Not before").fill("")
    dialog.get_by_label("Not after").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Begins").fill("0 22 * * 6")
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("0 22 * * 6, for 120 min")
    page.get_by_role("button", name=f"Delete {name}").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_what_a_role_may_not_change_is_not_offered(
    context: BrowserContext, treadle: Treadle
) -> None:
    project, member, manager = treadle.project(), treadle.user(), treadle.user()
    treadle.give(member, "Member", project)
    treadle.give(manager, "Manager", project)
    made = entity_of(treadle, project_id=project["id"])
    calendar = treadle.post("/v1/calendars", json={"name": new_name("calendar")})
    window = {"start_at": "2040-01-01T00:00:00Z", "end_at": "2040-01-02T00:00:00Z"}
    of_tenant = treadle.post("/v1/maintenance-windows", json={"name": new_name("w"), **window})
    page = log_in(context, treadle, member["username"], f"/entities/{made['id']}")
    expect(page.get_by_role("heading", name=made["name"], level=1)).to_be_visible()
    main = page.get_by_role("main")
    for name in ("New record", "Records from a file", "Edit", "Delete"):
        expect(main.get_by_role("button", name=name)).to_have_count(0)
    page.goto("/business-calendars")
    expect(page.get_by_role("cell", name=calendar["name"])).to_be_visible()
    expect(main.get_by_role("button")).to_have_count(0)
    page.goto("/maintenance-windows")
    expect(page.get_by_role("cell", name=of_tenant["name"])).to_be_visible()
    expect(main.get_by_role("button")).to_have_count(0)
    page.get_by_role("button", name="Menu of").click()
    expect(page.get_by_role("menuitem", name="Audit log")).to_have_count(0)
    page = log_in(context, treadle, manager["username"], f"/entities/{made['id']}")
    main = page.get_by_role("main")
    expect(main.get_by_role("button", name="New record")).to_be_visible()
    expect(main.get_by_role("button", name="Delete", exact=True)).to_have_count(0)
    page.goto("/maintenance-windows")
    expect(main.get_by_role("button", name="New window")).to_be_visible()
    expect(main.get_by_role("button", name=f"Edit {of_tenant['name']}")).to_have_count(0)
