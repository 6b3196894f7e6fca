"""Each role sees and can do what it allows; what it does not allow is not offered."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import APIResponse, BrowserContext, Page, Route, expect

from e2e.console.conftest import Treadle, log_in


@dataclass(frozen=True)
class Offered:
    """What a role of a project is offered there."""

    role: str
    runs: bool
    writes: bool
    lets_in: bool


ROLES = (
    Offered("Owner", runs=True, writes=True, lets_in=True),
    Offered("Contributor", runs=True, writes=True, lets_in=False),
    Offered("Manager", runs=True, writes=False, lets_in=False),
    Offered("Member", runs=False, writes=False, lets_in=False),
)


SIDEBAR = (
    "Home", "Jobs", "Runs", "Schedules", "Workflows", "Executions", "Entities",
    "Business calendars", "Maintenance", "Projects", "API reference",
)  # fmt: skip


def counted(is_offered: bool) -> int:
    return 1 if is_offered else 0


def sidebar(page: Page) -> list[str]:
    main = page.get_by_role("navigation", name="Main")
    expect(main.get_by_role("link", name="Home")).to_be_visible()
    return main.get_by_role("link").all_inner_texts()


@pytest.mark.parametrize("offered", ROLES, ids=[each.role for each in ROLES])
def test_a_project_role_is_offered_what_it_may(
    context: BrowserContext, treadle: Treadle, offered: Offered
) -> None:
    project, user = treadle.project(), treadle.user()
    treadle.give(user, offered.role, project)
    job = treadle.job("def main(): pass\n", project=project["id"])
    hidden = treadle.job()
    page = log_in(context, treadle, user["username"], "/jobs")

    expect(page.get_by_role("link", name=job["name"])).to_be_visible()
    expect(page.get_by_role("link", name=hidden["name"])).to_have_count(0)
    expect(page.get_by_role("link", name="New job")).to_have_count(counted(offered.writes))
    of_runs = ("Runs", "Executions")
    assert sidebar(page) == [each for each in SIDEBAR if offered.runs or each not in of_runs]

    page.get_by_role("link", name=job["name"]).click()
    expect(page.get_by_role("heading", name=job["name"])).to_be_visible()
    expect(page.get_by_role("tab", name="Runs")).to_have_count(counted(offered.runs))
    expect(page.get_by_role("button", name="Run", exact=True)).to_have_count(counted(offered.runs))
    expect(page.get_by_role("button", name="More actions")).to_have_count(counted(offered.writes))
    page.get_by_role("tab", name="Package").click()
    expect(page.get_by_role("cell", name="work.py", exact=True)).to_be_visible()
    expect(page.locator(".drop")).to_have_count(counted(offered.writes))
    page.get_by_role("tab", name="Macros").click()
    expect(page.get_by_text("No macros")).to_be_visible()
    expect(page.get_by_role("button", name="Add macro")).to_have_count(counted(offered.writes))
    page.get_by_role("tab", name="Settings").click()
    if not offered.writes:
        expect(page.get_by_label("Name")).to_be_disabled()
    expect(page.get_by_role("button", name="Save")).to_have_count(counted(offered.writes))

    page.goto(f"/projects/{project['id']}")
    expect(page.get_by_role("heading", name=project["name"])).to_be_visible()
    expect(page.get_by_role("button", name="Add User")).to_have_count(counted(offered.lets_in))
    expect(page.get_by_role("button", name="Invite")).to_have_count(counted(offered.lets_in))
    expect(page.get_by_role("region", name="Invitations")).to_have_count(counted(offered.lets_in))
    expect(page.get_by_role("button", name="Delete project")).to_have_count(
        counted(offered.lets_in)
    )

    page.get_by_role("button", name="Menu of").click()
    assert page.get_by_role("menuitem").all_inner_texts() == ["My account", "Log out"]


def test_what_is_not_offered_is_refused_too(context: BrowserContext, treadle: Treadle) -> None:
    """An address of a page does not open what the menu does not show."""
    user, project = treadle.user(), treadle.project()
    treadle.give(user, "Member", project)
    page = log_in(context, treadle, user["username"], "/remote-access")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Your role does not allow you to read API keys.")
    expect(alert).to_contain_text("Ask an administrator")
    expect(page.get_by_role("link", name="Add API Key")).to_have_count(0)
    page.goto("/users")
    expect(alert).to_contain_text("Your role does not allow you to read users.")


def test_an_owner_lets_in_whom_it_can_name(context: BrowserContext, treadle: Treadle) -> None:
    """Owners who administer nothing see no list of users."""
    owner, friend, project = treadle.user(), treadle.user(), treadle.project()
    treadle.give(owner, "Owner", project)
    page = log_in(context, treadle, owner["username"], f"/projects/{project['id']}?role=Manager")
    page.get_by_role("button", name="Add User").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("User id").fill("999999999")
    dialog.get_by_role("button", name="Submit").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("User id").fill(friend["id"])
    dialog.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("cell", name=friend["username"], exact=True)).to_be_visible()


def test_who_is_let_into_nothing_is_told_what_to_do(
    context: BrowserContext, treadle: Treadle
) -> None:
    page = log_in(context, treadle, treadle.user()["username"])
    expect(page.get_by_text("You are not a member of any project yet")).to_be_visible()
    assert sidebar(page) == ["Home", "API reference"]


def test_an_answer_from_before_a_change_does_not_stay(admin_page: Page, treadle: Treadle) -> None:
    """A list that was asked for before a change, and comes after it, is asked for again."""
    page, name = admin_page, str(treadle.user()["username"])
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.goto(f"/users?filter={name}")
    page.get_by_role("button", name=f"Edit {name}").wait_for()
    page.route(f"**/api/users?*filter={name[:-1]}", hold)
    page.get_by_label("Search users").fill(name[:-1])
    while not held:
        page.wait_for_timeout(10)
    ((asked, before),) = held
    page.get_by_role("button", name=f"Edit {name}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Active: can log in").uncheck()
    with page.expect_response(lambda response: response.request.method == "PATCH"):
        dialog.get_by_role("button", name="Save").click()
    asked.fulfill(response=before)
    expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("Inactive")


def test_an_administrator_makes_people_and_projects(
    admin_page: Page, context: BrowserContext, treadle: Treadle
) -> None:
    page, name = admin_page, f"ada{treadle.user()['id']}"
    page.goto("/users")
    page.get_by_role("button", name="New user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("User name").fill(name)
    dialog.get_by_label(re.compile("^Password")).fill("correct horse battery")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    page.get_by_label("Search users").fill(name)
    page.get_by_role("button", name=f"Edit {name}").click()
    dialog.get_by_label("Active: can log in").uncheck()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("Inactive")
    page.goto("/projects")
    page.get_by_role("button", name="New project").click()
    dialog.get_by_label("Name").fill(f"project of {name}")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name=f"project of {name}")).to_be_visible()
