"""Remote access as seeds 1 and 2 tell it, step by step and word by word."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from e2e.console.conftest import SECONDS, Treadle, new_name

Copied = list[str]


@pytest.fixture
def clipboard(context: BrowserContext, treadle: Treadle) -> None:
    """The page may use the clipboard."""
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=treadle.url)


def copied(page: Page) -> str:
    return page.evaluate("navigator.clipboard.readText()")


def go_to_remote_access(page: Page) -> None:
    """Choose Remote Access from the dropdown menu at the top-right."""
    menu = page.get_by_role("button", name="Menu of")
    box, width = menu.bounding_box(), page.viewport_size
    assert box and width
    assert box["y"] < 60 and box["x"] + box["width"] > width["width"] - 60
    menu.click()
    page.get_by_role("menuitem", name="Remote Access").click()
    expect(page.get_by_role("heading", name="Remote Access")).to_be_visible()


def row_of(page: Page, description: str) -> Locator:
    return page.get_by_role("row").filter(has_text=description)


def works(treadle: Treadle, api_key: str) -> int:
    """What the key is answered by a route that needs some role."""
    answer = httpx.get(f"{treadle.url}/v1/roles", headers={"X-Api-Key": api_key}, timeout=SECONDS)
    return answer.status_code


@pytest.mark.usefixtures("clipboard")
def test_a_key_is_added_copied_saved_and_given_a_role(admin_page: Page, treadle: Treadle) -> None:
    page, description = admin_page, new_name("Nightly import")
    go_to_remote_access(page)

    # Click on Add API Key at the top-right.
    add = page.get_by_role("link", name="Add API Key").first
    box = add.bounding_box()
    assert box and box["x"] > 900 and box["y"] < 140
    add.click()

    # Provide a description of the key. Choose an expiry date.
    page.get_by_label("Description").fill(description)
    page.get_by_label("Expiry date").fill("2036-06-30")

    # You can view and copy your Client ID and Client Secret.
    client_id = page.get_by_label("Client ID", exact=True).input_value()
    secret = page.get_by_label("Client Secret", exact=True).input_value()
    api_key = page.get_by_label("API Key for the header X-Api-Key", exact=True).input_value()
    page.get_by_role("button", name="Copy Client ID").click()
    expect(page.get_by_role("button", name="Client ID copied")).to_be_visible()
    assert copied(page) == client_id
    page.get_by_role("button", name="Copy Client Secret").click()
    expect(page.get_by_role("button", name="Client Secret copied")).to_be_visible()
    assert copied(page) == secret

    # Click on the Networking tab; add your client IPv4 address.
    page.get_by_role("tab", name="Networking").click()
    page.get_by_role("button", name="Add client IPv4").click()
    for name in ("Start IPv4 Address of rule 1", "End IPv4 Address of rule 1"):
        expect(page.get_by_label(name)).to_have_value("127.0.0.1")
    # Add a firewall rule: the Rule Name, Start IPv4 Address and End IPv4 Address.
    for heading in ("Rule Name", "Start IPv4 Address", "End IPv4 Address"):
        expect(page.get_by_role("columnheader", name=heading, exact=True)).to_be_visible()
    page.get_by_role("button", name="Add a firewall rule").click()
    page.get_by_label("Rule Name of rule 2").fill("Office")
    page.get_by_label("Start IPv4 Address of rule 2").fill("192.0.2.16")
    page.get_by_label("End IPv4 Address of rule 2").fill("192.0.2.31")

    # Nothing is there before Save, which stands at the bottom right.
    assert works(treadle, api_key) == 401
    save = page.get_by_role("button", name="Save")
    panel, button = page.locator(".panel").bounding_box(), save.bounding_box()
    assert panel and button
    assert button["x"] + button["width"] > panel["x"] + panel["width"] - 40
    assert button["y"] + button["height"] > panel["y"] + panel["height"] - 40
    save.click()

    # Your key will display in the API Key table.
    row = row_of(page, description)
    expect(row).to_contain_text(client_id)
    expect(row).to_contain_text("Jun 30, 2036")
    expect(row).to_contain_text("2 rules")
    expect(row).to_contain_text("No role")
    assert works(treadle, api_key) == 403

    # Select a role from the tabs at the top of the page, click Add User, choose API Keys as the
    # member type, choose an API Key from the dropdown and click Submit.
    page.get_by_role("button", name="Menu of").click()
    page.get_by_role("menuitem", name="Application roles").click()
    page.get_by_role("tab", name="Consumer").click()
    add_member(page, description)
    expect(row_of(page, description)).to_contain_text("API Key")
    assert works(treadle, api_key) == 200


def add_member(page: Page, description: str) -> None:
    page.get_by_role("button", name="Add User").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Member type").click()
    page.get_by_role("option", name="API Keys").click()
    dialog.get_by_label("API Key").click()
    page.get_by_role("option", name=description).click()
    dialog.get_by_role("button", name="Submit").click()
    expect(dialog).to_have_count(0)


def test_a_key_is_given_a_role_in_a_project(admin_page: Page, treadle: Treadle) -> None:
    page, project, key = admin_page, treadle.project(), treadle.key()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Projects").click()
    page.get_by_role("link", name=project["name"]).click()
    page.get_by_role("tab", name="Manager").click()
    add_member(page, key["description"])
    row = row_of(page, key["description"])
    expect(row).to_be_visible()
    headers = {"X-Api-Key": key["api_key"]}
    me = httpx.get(f"{treadle.url}/v1/me", headers=headers, timeout=SECONDS).json()
    assert [(held["project_id"], held["role"]) for held in me["projects"]] == [
        (project["id"], "Manager")
    ]
    row.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert httpx.get(f"{treadle.url}/v1/me", headers=headers, timeout=SECONDS).status_code == 403


@pytest.mark.usefixtures("clipboard")
def test_a_key_is_edited_and_copied(admin_page: Page, treadle: Treadle) -> None:
    page, key = admin_page, treadle.key()
    page.goto("/remote-access")
    # Copy by right-clicking on the key and clicking Copy
    row_of(page, key["description"]).click(button="right")
    page.get_by_role("menuitem", name="Copy").click()
    expect(page.get_by_text("Copied the Client ID")).to_be_visible()
    assert copied(page) == key["client_id"]
    # or by editing the key, and using the Copy button on the right of the key.
    row_of(page, key["description"]).get_by_role("link", name="Edit").click()
    page.evaluate("navigator.clipboard.writeText('')")
    page.get_by_role("button", name="Copy Client ID").click()
    expect(page.get_by_role("button", name="Client ID copied")).to_be_visible()
    assert copied(page) == key["client_id"]
    expect(page.get_by_label("Expiry date")).to_have_value("2036-06-30")

    renamed = new_name("Renamed")
    page.get_by_label("Description").fill(renamed)
    page.get_by_role("button", name="Save").click()
    expect(row_of(page, renamed)).to_be_visible()
    found = treadle.admin.get(f"/v1/api-keys/{key['id']}").json()
    assert (found["description"], found["expires_at"]) == (renamed, key["expires_at"])


def test_a_new_secret_is_shown_once(admin_page: Page, treadle: Treadle) -> None:
    page, key = admin_page, treadle.key()
    page.goto(f"/remote-access/{key['id']}")
    page.get_by_role("button", name="New Client Secret").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("The old one goes on working for a day").uncheck()
    dialog.get_by_role("button", name="Make a new one").click()
    fresh = page.get_by_label("API Key for the header X-Api-Key", exact=True).input_value()
    assert works(treadle, key["api_key"]) == 401
    assert works(treadle, fresh) == 403
    page.reload()
    expect(page.get_by_role("button", name="New Client Secret")).to_be_visible()
    expect(page.get_by_label("Client Secret", exact=True)).to_have_count(0)


def test_a_key_is_deleted_after_a_question(admin_page: Page, treadle: Treadle) -> None:
    page, key = admin_page, treadle.key()
    page.goto("/remote-access")
    delete = row_of(page, key["description"]).get_by_role("button", name="Delete")
    delete.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(key["description"])
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert works(treadle, key["api_key"]) == 403
    delete.click()
    dialog.get_by_role("button", name="Delete").click()
    expect(row_of(page, key["description"])).to_have_count(0)
    assert works(treadle, key["api_key"]) == 401


def test_what_is_wrong_with_a_key_is_said_where_it_is(admin_page: Page) -> None:
    page = admin_page
    page.goto("/remote-access/new")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Say how this key will be used")).to_be_visible()
    expect(page.get_by_text("Choose a date")).to_be_visible()
    page.get_by_label("Description").fill("x")
    page.get_by_label("Expiry date").fill("2036-06-30")
    page.get_by_role("tab", name="Networking").click()
    page.get_by_role("button", name="Add a firewall rule").click()
    page.get_by_label("Start IPv4 Address of rule 1").fill("192.0.2.300")
    page.get_by_label("End IPv4 Address of rule 1").fill("192.0.2.1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Give the rule a name")).to_be_visible()
    expect(page.get_by_text("Like 192.0.2.16")).to_be_visible()
    # What only the server knows is said in its words.
    page.get_by_label("Start IPv4 Address of rule 1").fill("192.0.2.1")
    page.get_by_label("Rule Name of rule 1").fill("Office")
    page.get_by_role("tab", name="API Key").click()
    page.get_by_label("Expiry date").fill("2020-01-01")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("expires_at must be in the future")
    expect(page).to_have_url(re.compile("/remote-access/new$"))
