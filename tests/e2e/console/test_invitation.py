"""The page behind the link of an invitation's letter."""

from __future__ import annotations

import re
import time

from playwright.sync_api import BrowserContext, Page, expect

from e2e.console.conftest import PASSWORD, SECONDS, Treadle, log_in, new_name
from e2e.console.test_pages import SCRIPT, found_by_axe

LINK = re.compile(r"https://treadle\.example(/invitation#tdl_iv_[A-Za-z0-9_-]{43})")


def invited(treadle: Treadle, role: str, **place: str) -> tuple[str, str]:
    """The id of an invitation, and the path of its letter's link."""
    address = f"{new_name('guest').replace(' ', '')}@example.com"
    made = treadle.post("/v1/invitations", json={"email": address, "role": role, **place})
    return made["id"], link_in_letter(treadle, address)


def link_in_letter(treadle: Treadle, address: str) -> str:
    """The path of the link in the letter to this address."""
    end = time.monotonic() + SECONDS
    while [address] not in treadle.postbox.recipients:
        assert time.monotonic() < end, "no letter has arrived"
        time.sleep(0.05)
    letter = treadle.postbox.letters[treadle.postbox.recipients.index([address])]
    found = LINK.search(letter.get_content())
    assert found is not None
    return found[1]


def test_a_letter_leads_to_an_account_in_the_project(page: Page, treadle: Treadle) -> None:
    project = treadle.post("/v1/projects", json={"name": f"{SCRIPT[:60]} {new_name('')}"})
    _, path = invited(treadle, "Manager", project_id=project["id"])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path)
    expect(page.get_by_role("heading", name="You are invited to Treadle")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(f"in the project {project['name']}")
    expect(page.get_by_role("main")).to_contain_text("admin invites")
    expect(page.get_by_role("main")).to_contain_text("as Manager")
    assert page.evaluate("window.hacked") is None
    assert found_by_axe(page) == []
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("alert")).to_contain_text("is taken")
    username = new_name("guest").replace(" ", "")
    page.get_by_label("User name").fill(username)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
    expect(page.get_by_role("button", name=f"Menu of {username}")).to_be_visible()
    page.goto("/account")
    expect(page.get_by_text(f"Manager in {project['name']}")).to_be_visible()
    # The token was in no address that a server or a proxy saw.
    token = path.partition("#")[2]
    assert [url for url in asked if token in url.partition("#")[0]] == []
    page.goto(path)
    expect(page.get_by_role("heading", name="This invitation cannot be used")).to_be_visible()


def test_an_owner_invites_from_the_console_and_withdraws(
    context: BrowserContext, treadle: Treadle
) -> None:
    owner, project = treadle.user(), treadle.project()
    treadle.give(owner, "Owner", project)
    page = log_in(context, treadle, owner["username"], f"/projects/{project['id']}?role=Manager")
    open_ones = page.get_by_role("region", name="Invitations")
    expect(open_ones).to_contain_text("Nobody is invited")
    address = f"{new_name('guest').replace(' ', '')}@example.com"
    page.get_by_role("button", name="Invite", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox", name="Role")).to_have_value("Manager")
    dialog.get_by_role("textbox", name="Email").fill(f"{'a' * 250}@example.com")
    dialog.get_by_role("button", name="Invite").click()
    expect(dialog.get_by_role("alert")).to_contain_text("email must have")
    dialog.get_by_role("textbox", name="Email").fill(address)
    dialog.get_by_role("combobox", name="Role").click()
    page.get_by_role("option", name="Contributor").click()
    dialog.get_by_role("button", name="Invite").click()
    expect(dialog).to_have_count(0)
    row = open_ones.get_by_role("row").filter(has_text=address)
    expect(row).to_contain_text("Contributor")
    path = link_in_letter(treadle, address)
    guest = context.new_page()
    guest.goto(path)
    expect(guest.get_by_role("main")).to_contain_text("as Contributor")
    guest.close()
    row.get_by_role("button", name=f"Withdraw the invitation of {address}").click()
    dialog.get_by_role("button", name="Withdraw").click()
    expect(open_ones).to_contain_text("Nobody is invited")
    page.goto("/favicon.svg")
    page.goto(path)
    expect(page.get_by_role("heading", name="This invitation cannot be used")).to_be_visible()


def test_an_administrator_invites_into_the_tenant(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    address = f"{new_name('guest').replace(' ', '')}@example.com"
    page.goto("/users")
    page.get_by_role("button", name="Invite", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Email").fill(address)
    dialog.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("region", name="Invitations")).to_contain_text(address)
    assert link_in_letter(treadle, address).startswith("/invitation#")
    page.goto("/roles")
    expect(page.get_by_role("region", name="Invitations")).to_contain_text(address)


def test_a_link_that_is_none_any_more_says_what_to_do(page: Page, treadle: Treadle) -> None:
    invitation, path = invited(treadle, "Consumer")
    treadle.admin.delete(f"/v1/invitations/{invitation}").raise_for_status()
    for dead in (path, "/invitation#tdl_iv_x", "/invitation"):
        page.goto("/favicon.svg")
        page.goto(dead)
        expect(page.get_by_role("heading", name="This invitation cannot be used")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("ask whoever invited you")
    assert found_by_axe(page) == []
    page.get_by_role("link", name="Log in with an account").click()
    expect(page.get_by_role("heading", name="Log in to Treadle")).to_be_visible()
