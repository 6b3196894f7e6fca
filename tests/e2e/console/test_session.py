"""Logging in and out, and what becomes of a session that ends."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Page, Route, expect

from e2e.console.conftest import PASSWORD, Treadle, keep_session, log_in, session_of


def fill_in(page: Page, username: str, password: str) -> None:
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_link_leads_through_the_login_to_where_it_points(page: Page) -> None:
    page.goto("/remote-access")
    expect(page).to_have_url(re.compile(r"/login\?"))
    fill_in(page, "admin", PASSWORD)
    expect(page.get_by_role("heading", name="Remote Access", level=1)).to_be_visible()
    assert page.url.endswith("/remote-access")


def test_a_wrong_password_is_refused_in_the_servers_words(page: Page) -> None:
    page.goto("/login")
    fill_in(page, "nobody at all", "wrong and long enough")
    expect(page.get_by_role("alert")).to_contain_text("The user name or password is wrong")
    expect(page.get_by_label("User name")).to_have_value("nobody at all")


def test_the_login_leads_to_no_other_host(page: Page) -> None:
    page.goto("/login?next=//elsewhere.example/x")
    fill_in(page, "admin", PASSWORD)
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()


def test_logging_out_ends_the_session_on_the_server_and_in_every_tab(
    context: BrowserContext, treadle: Treadle
) -> None:
    page = log_in(context, treadle, treadle.user()["username"])
    other = context.new_page()
    other.goto("/account")
    expect(other.get_by_role("heading", name="My account")).to_be_visible()
    access = session_of(page)["access"]
    page.get_by_role("button", name="Menu of").click()
    page.get_by_role("menuitem", name="Log out").click()
    for each in (page, other):
        expect(each.get_by_role("heading", name="Log in to Treadle")).to_be_visible()
    headers = {"Authorization": f"Bearer {access}"}
    assert treadle.admin.get("/v1/me", headers=headers).status_code == 401


def test_a_session_that_was_ended_elsewhere_asks_to_log_in_and_goes_on_there(
    context: BrowserContext, treadle: Treadle
) -> None:
    user = treadle.user()
    page = log_in(context, treadle, user["username"])
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    body = {"newPassword": PASSWORD, "confirmNewPassword": PASSWORD}
    treadle.admin.post(f"/api/users/{user['id']}/password", json=body).raise_for_status()
    page.goto("/account")
    expect(page.get_by_role("status").filter(has_text="Your session has ended")).to_be_visible()
    fill_in(page, user["username"], PASSWORD)
    expect(page.get_by_role("heading", name="My account")).to_be_visible()


def test_tabs_renew_an_expired_token_once_for_all_of_them(
    context: BrowserContext, treadle: Treadle
) -> None:
    """A refresh token that is used twice would end the session."""
    first = log_in(context, treadle, treadle.user(admin=True)["username"])
    expect(first.get_by_role("heading", name="Home")).to_be_visible()
    before = session_of(first)
    refreshes: list[str] = []

    def note(route: Route) -> None:
        refreshes.append(route.request.url)
        route.continue_()

    context.route("**/api/login/refresh", note)
    keep_session(first, {**before, "expiresAt": 0})
    tabs = [context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.goto("/account", wait_until="commit")
    for tab in tabs:
        expect(tab.get_by_role("heading", name="My account")).to_be_visible()
    assert len(refreshes) == 1
    assert session_of(first)["access"] != before["access"]


def test_a_token_that_the_server_refuses_is_renewed_and_the_request_sent_again(
    context: BrowserContext, treadle: Treadle
) -> None:
    page = log_in(context, treadle, treadle.user()["username"])
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    keep_session(page, {**session_of(page), "access": f"tdl_at_{'x' * 43}"})
    page.goto("/account")
    expect(page.get_by_role("heading", name="My account")).to_be_visible()
