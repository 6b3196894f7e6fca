"""Schedules in the console: made with a live preview, looked at, steered."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from e2e.console.conftest import Treadle, log_in, new_name, schedule_of

DAY = timedelta(days=1)


def test_a_schedule_is_made_while_its_times_are_shown(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    job = treadle.job("def main(): return 1\n")
    page.goto("/schedules")
    page.get_by_role("link", name="New schedule").first.click()
    name = new_name("nightly")
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    due = page.get_by_role("region", name="When it is due")
    page.get_by_label("Expression").fill("0 9 * * 5L")
    expect(due).to_contain_text("At 09:00 on the last Friday of each month")
    expect(due.get_by_role("listitem")).to_have_count(8)
    page.get_by_label("Expression").fill("0 9 * * 9")
    expect(due.get_by_role("status")).to_contain_text("day of week")
    page.get_by_role("combobox", name="Time zone").fill("Europe/Berlin")
    page.get_by_label("Expression").fill("30 2 * * *")
    expect(due).to_contain_text("At 02:30")
    clocks = due.get_by_role("list", name="When the clocks change").get_by_role("listitem")
    expect(clocks).to_have_count(2)
    expect(clocks.filter(has_text="02:30 does not exist that day")).to_have_count(1)
    expect(clocks.filter(has_text="02:30 comes twice that day")).to_have_count(1)
    page.get_by_role("combobox", name="Tags").fill("stock")
    page.keyboard.press("Enter")
    page.get_by_role("combobox", name="Job", exact=True).fill(job["name"])
    page.get_by_role("option", name=job["name"]).click()
    page.get_by_label("Input", exact=True).fill("[1]")
    expect(page.get_by_role("button", name="Create")).to_be_disabled()
    page.get_by_label("Input", exact=True).fill('{"country": "NZ"}')
    page.get_by_role("button", name="Add macro").click()
    page.get_by_label("Name of macro 1").fill("MODE")
    page.get_by_label("Value of macro 1").fill("full")
    page.get_by_role("combobox", name="While an earlier start still runs").click()
    page.get_by_role("option", name="Keep all waiting, in order").click()
    page.get_by_label("Retries").fill("1")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    found = treadle.admin.get("/v1/schedules", params={"search": name}).json()["items"][0]
    assert found["action_config"] == {
        "job_id": job["id"],
        "input": {"country": "NZ"},
        "macros": [{"name": "MODE", "value": "full"}],
    }
    said = ("overlap_policy", "max_retries", "timezone", "tags")
    assert [found[each] for each in said] == ["BUFFER_ALL", 1, "Europe/Berlin", ["stock"]]


def test_an_edit_is_a_version_that_says_what_changed(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    secret = "whsec_" + "QUJD" * 8
    hook = {"url": "https://hooks.example/a", "secret": secret, "body": {"n": 1}}
    schedule = schedule_of(treadle, action_type="send_webhook", action_config=hook)
    page.goto(f"/schedules/{schedule['id']}")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Expression").fill("0 10 * * *")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved as version 2")).to_be_visible()
    page.get_by_role("tab", name="Versions").click()
    row = page.get_by_role("region", name="Version 2").get_by_role("row")
    expect(row).to_have_count(2)
    expect(row.nth(1)).to_have_text(
        re.compile(r"schedule_expression\s*0 9 \* \* \*\s*0 10 \* \* \*")
    )
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Nothing was different")).to_be_visible()


def test_a_schedule_is_triggered_paused_with_a_reason_and_resumed(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    job = treadle.job("def main(): return 1\n")
    action: dict[str, Any] = {"action_type": "run_job", "action_config": {"job_id": job["id"]}}
    schedule = schedule_of(treadle, **action)
    page.goto(f"/schedules/{schedule['id']}")
    expect(page.get_by_text("It was not due yet")).to_be_visible()
    page.get_by_role("button", name="Trigger").click()
    row = page.get_by_role("row").filter(has_text="manual")
    expect(row).to_contain_text("Succeeded")
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("Reason").fill("The warehouse is being moved")
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(page.get_by_role("main")).to_contain_text("The warehouse is being moved")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name=f"Run of {job['name']}")).to_be_visible()


def test_every_due_time_is_explained(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    schedule = schedule_of(treadle)
    tomorrow = (datetime.now(UTC) + DAY).strftime("%Y-%m-%dT09:00:00.000Z")
    page.goto(f"/schedules/{schedule['id']}?at={tomorrow}")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("it is not due yet")
    dialog.get_by_role("button", name="The due time after").click()
    after = (datetime.now(UTC) + 2 * DAY).strftime("%Y-%m-%d")
    expect(page).to_have_url(re.compile(after))
    page.goto(f"/schedules/{schedule['id']}?at=2020-01-01T09:00:00Z")
    expect(dialog).to_contain_text("the schedule was made later; a backfill can fill it in")
    page.goto(f"/schedules/{schedule['id']}?at=2020-01-01T08:00:00Z")
    expect(dialog).to_contain_text("the schedule is not due then")


def test_a_backfill_is_counted_before_it_fires(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    schedule = schedule_of(treadle)
    page.goto(f"/schedules/{schedule['id']}")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Backfill").click()
    page.get_by_label("From").fill("2026-01-05T00:00")
    page.get_by_role("dialog").get_by_label(re.compile("^To")).fill("2026-01-08T00:00")
    page.get_by_role("combobox", name="While an earlier start still runs").click()
    page.get_by_role("option", name="Keep all waiting").click()
    page.get_by_role("button", name="Count").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("status")).to_contain_text("3 due times")
    page.get_by_role("button", name="Fire 3 due times").click()
    expect(dialog).to_have_count(0)
    rows = page.get_by_role("row").filter(has_text="backfill")
    expect(rows).to_have_count(3)
    for number in range(3):
        expect(rows.nth(number)).to_contain_text("Succeeded")


def test_many_are_paused_and_resumed_by_a_tag(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    tag = new_name("tag")
    made = [schedule_of(treadle, tags=[tag]) for _ in range(3)]
    other = schedule_of(treadle)
    page.goto("/schedules")
    expect(page.get_by_role("link", name=other["name"])).to_be_visible()
    page.get_by_role("combobox", name="Tags").fill(tag)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=other["name"])).to_have_count(0)
    page.get_by_role("button", name="Pause all with these tags").click()
    page.get_by_label("Reason").fill("Stocktaking")
    page.get_by_role("button", name="Pause all", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Paused 3 schedules")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Stocktaking")).to_have_count(3)
    page.get_by_role("button", name="Resume all with these tags").click()
    page.get_by_role("button", name="Resume all", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="Active")).to_have_count(3)
    page.get_by_role("button", name=f"Pause {made[0]['name']}").click()
    expect(page.get_by_role("button", name=f"Resume {made[0]['name']}")).to_be_visible()


def test_the_calendar_and_home_say_what_will_run(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    # A day of the calendar and Home show the first few: in a project of its own this one is first.
    project = treadle.project()
    soon = datetime.now(UTC) + timedelta(minutes=30)
    schedule = schedule_of(
        treadle,
        schedule_type="once",
        expression=soon.strftime("%Y-%m-%dT%H:%M:00Z"),
        project_id=project["id"],
    )
    treadle.run(treadle.job("def main(): pass\n", project=project["id"]))
    page.goto(f"/?project={project['id']}")
    due = page.get_by_role("region", name="Due next")
    expect(due.get_by_role("link", name=schedule["name"])).to_be_visible()
    due.get_by_role("link", name="Calendar").click()
    expect(page.get_by_role("heading", name="Calendar", level=1)).to_be_visible()
    page.goto(f"/calendar?project={project['id']}&day={soon.date()}")  # tomorrow, in the evening
    entry = page.get_by_role("link", name=schedule["name"])
    page.get_by_text("Week", exact=True).click()
    expect(page.get_by_role("heading", name="Week of")).to_be_visible()
    expect(entry).to_be_visible()
    page.get_by_text("Day", exact=True).click()
    expect(page).to_have_url(re.compile("span=day"))
    expect(page.get_by_role("row").filter(has_text=schedule["name"])).to_contain_text("Upcoming")
    entry.click()
    expect(page.get_by_role("dialog")).to_contain_text("it is not due yet")


def test_what_is_due_each_minute_is_one_row_an_hour_of_a_day(
    admin_page: Page, treadle: Treadle
) -> None:
    page, project = admin_page, treadle.project()
    often = schedule_of(treadle, expression="* * * * *", project_id=project["id"])
    daily = schedule_of(treadle, expression="30 9 * * *", project_id=project["id"])
    day = (datetime.now(UTC) + timedelta(days=2)).date()
    page.goto(f"/calendar?project={project['id']}&span=day&day={day}")
    rows = page.get_by_role("row")
    # All of the day: one answer of the server has not the whole of it.
    expect(rows).to_have_count(1 + 24 + 1)
    expect(rows.nth(1)).to_have_text(
        re.compile(f"00:00 – 00:59.*{often['name']}.*60 upcoming.*60 times, each minute")
    )
    expect(rows.nth(11)).to_contain_text(daily["name"])
    expect(rows.nth(25)).to_contain_text("23:00 – 23:59")
    hour = page.get_by_role("button", name=re.compile("^09:00 – 09:59"))
    expect(hour).to_have_attribute("aria-expanded", "false")
    hour.press("Enter")
    expect(rows).to_have_count(1 + 24 + 1 + 60)
    expect(rows.nth(11)).to_have_text(re.compile(f"^09:00.*{often['name']}.*Upcoming"))
    hour.press("Enter")
    expect(rows).to_have_count(1 + 24 + 1)


def test_what_is_due_each_minute_hides_nothing_of_a_month(
    admin_page: Page, treadle: Treadle
) -> None:
    page, project = admin_page, treadle.project()
    often = schedule_of(treadle, expression="* * * * *", project_id=project["id"])
    monthly = schedule_of(treadle, expression="0 0 20 * *", project_id=project["id"])
    middle = (datetime.now(UTC).replace(day=15) + 31 * DAY).replace(day=15)  # of the next month
    page.goto(f"/calendar?project={project['id']}&day={middle.date()}")
    days = page.get_by_role("region", name="Occurrences").locator("ol.calendar > li")
    ordinary = days.filter(has_text=f"15 {middle:%B %Y}, 1,440 due times")
    expect(ordinary.get_by_role("link")).to_have_count(1)
    expect(ordinary).to_contain_text(f"1,440× {often['name']}, Upcoming")
    day = days.filter(has_text=f"20 {middle:%B %Y}, 1,441 due times")
    expect(day.get_by_role("link", name=often["name"])).to_be_visible()
    expect(day.get_by_role("link", name=monthly["name"])).to_contain_text("00:00")
    expect(page.get_by_role("link", name=monthly["name"])).to_have_count(1)
    expect(page.get_by_role("region", name="Occurrences").get_by_role("status")).to_have_count(0)
    # The week of it, and more schedules than a day has room for.
    for _ in range(5):
        schedule_of(treadle, expression="0 12 20 * *", project_id=project["id"])
    page.goto(f"/calendar?project={project['id']}&span=week&day={middle:%Y-%m}-20")
    day = days.filter(has_text=f"20 {middle:%B %Y}, 1,446 due times")
    expect(day.get_by_role("link")).to_have_count(5)
    expect(day.get_by_role("link", name=monthly["name"])).to_be_visible()
    day.get_by_role("button", name="2 more").click()
    expect(page).to_have_url(re.compile(f"day={middle:%Y-%m}-20.*span=day|span=day.*day="))
    expect(page.get_by_role("row").filter(has_text=monthly["name"])).to_contain_text("Upcoming")


def test_a_member_sees_schedules_and_is_offered_no_change(
    context: BrowserContext, treadle: Treadle
) -> None:
    project, member, manager = treadle.project(), treadle.user(), treadle.user()
    treadle.give(member, "Member", project)
    treadle.give(manager, "Manager", project)
    schedule = schedule_of(treadle, project_id=project["id"])
    hidden = schedule_of(treadle)
    page = log_in(context, treadle, member["username"], "/schedules")
    expect(page.get_by_role("link", name=schedule["name"])).to_be_visible()
    expect(page.get_by_role("link", name=hidden["name"])).to_have_count(0)
    for name in ("New schedule", f"Pause {schedule['name']}"):
        expect(page.get_by_role("main").get_by_text(name)).to_have_count(0)
    page.get_by_role("link", name=schedule["name"]).click()
    expect(page.get_by_role("region", name="Next due times").get_by_role("listitem")).to_have_count(
        10
    )
    for name in ("Trigger", "Pause", "Edit", "More actions"):
        expect(page.get_by_role("main").get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_role("tab", name="Due times")).to_have_count(0)
    page = log_in(context, treadle, manager["username"], f"/schedules/{schedule['id']}")
    expect(page.get_by_role("button", name="Trigger")).to_be_visible()
    expect(page.get_by_role("tab", name="Due times")).to_be_visible()
