"""The audit log in the console, and wide tables that stay whole."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from e2e.console.conftest import Treadle


def test_the_log_is_filtered_shown_page_by_page_and_exported(
    admin_page: Page, treadle: Treadle
) -> None:
    page = admin_page
    user = treadle.user()
    project = treadle.project()
    treadle.give(user, "Manager", project)
    for _ in range(101):
        treadle.key()
    page.goto("/")
    page.get_by_role("button", name="Menu of").click()
    page.get_by_role("menuitem", name="Audit log").click()
    rows = page.get_by_role("row")
    expect(rows).to_have_count(101)
    page.get_by_role("button", name="Show older ones").click()
    expect(rows.nth(101)).to_be_visible()
    page.get_by_label("What", exact=True).fill("role.give")
    page.get_by_label("To what", exact=True).fill(f"user:{user['id']}")
    # As everybody in the tenant, and in the project.
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("Allowed")
    rows.nth(1).get_by_text("Show").click()
    expect(rows.nth(1)).to_contain_text("Manager")
    expect(page).to_have_url(re.compile("action=role.give"))
    with page.expect_download() as found:
        page.get_by_role("button", name="Export what is shown").click()
    lines = found.value.path().read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines] == 2 * ["role.give"]
    page.get_by_role("combobox", name="Outcome").click()
    page.get_by_role("option", name="Refused").click()
    expect(page.get_by_text("No entry is like this")).to_be_visible()


def test_the_table_of_keys_is_whole_at_1280_pixels(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    key = treadle.key(description="w" * 200)
    project = treadle.project()
    member = {"member_type": "api_key", "member_id": key["id"], "role": "Contributor"}
    treadle.post("/v1/members", json={**member, "project_id": project["id"]})
    page.goto("/remote-access")
    expect(page.get_by_role("cell", name="Contributor in").first).to_be_visible()
    cut = page.locator(".scroll").evaluate("each => each.scrollWidth - each.clientWidth")
    assert cut <= 0
