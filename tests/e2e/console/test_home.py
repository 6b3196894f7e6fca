"""Home: its charts say what has ended and how late schedules were, and follow as it happens."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Page, expect

from e2e.console.conftest import Treadle, log_in, schedule_of, workflow_of

GOOD = "def main():\n    return 1\n"
BAD = "def main():\n    raise ValueError('no')\n"


def test_the_chart_of_throughput_follows_what_ends(admin_page: Page, treadle: Treadle) -> None:
    page, project = admin_page, treadle.project()
    good, bad = (treadle.job(source, project=project["id"]) for source in (GOOD, BAD))
    page.goto(f"/?project={project['id']}")
    panel = page.get_by_role("region", name="Throughput")
    expect(panel.get_by_role("img")).to_have_accessible_name(
        re.compile("0 ended well, 0 went wrong, 0 cancelled in 24")
    )
    expect(panel.locator("rect.good")).to_have_count(1)  # of the legend
    expect(panel.get_by_text("As a table")).to_have_count(0)
    for job in (good, good, bad):
        treadle.run(job)
    flow = workflow_of(treadle, active=True, workspace_id=project["id"])
    treadle.post(
        f"/v1/workflows/triggerworkflow/{flow['workflow_id']}", json={"price": 2, "amount": 3}
    )
    expect(panel.get_by_role("img")).to_have_accessible_name(
        re.compile("3 ended well, 1 went wrong, 0 cancelled in 24")
    )
    panel.get_by_text("As a table").click()
    rows = panel.get_by_role("row").filter(has=page.get_by_role("cell"))
    expect(rows.first).to_be_visible()
    # One row, but for a test that goes on through the end of an hour.
    ended = [[int(n) for n in row.split("\t")[1:]] for row in rows.all_inner_texts()]
    assert [sum(column) for column in zip(*ended, strict=True)] == [3, 1, 0]
    # The same, minute by minute.
    panel.get_by_text("60 min").click()
    expect(panel.get_by_role("img")).to_have_accessible_name(
        re.compile("3 ended well, 1 went wrong, 0 cancelled in 60")
    )


def test_the_chart_of_lateness_follows_what_starts(admin_page: Page, treadle: Treadle) -> None:
    page, project = admin_page, treadle.project()
    treadle.job(GOOD, project=project["id"])
    page.goto(f"/?project={project['id']}")
    panel = page.get_by_role("region", name="Lateness of schedules")
    expect(panel.get_by_role("img")).to_have_accessible_name(
        re.compile("No schedule has started anything in 24")
    )
    each_second = schedule_of(treadle, expression="* * * * * ?", project_id=project["id"])
    expect(panel.get_by_role("img")).to_have_accessible_name(
        re.compile(r"[1-9]\d* starts? in 24.h, the latest .* after its due time\.")
    )
    panel.get_by_text("As a table").click()
    expect(panel.get_by_role("columnheader")).to_have_text(
        ["Hour", "Starts", "Half within", "95 % within", "Latest"]
    )
    treadle.admin.delete(f"/v1/schedules/{each_second['id']}").raise_for_status()


def test_who_may_not_read_the_history_sees_no_charts(
    context: BrowserContext, treadle: Treadle
) -> None:
    project, person = treadle.project(), treadle.user()
    treadle.job(GOOD, project=project["id"])
    treadle.give(person, "Member", project)
    page = log_in(context, treadle, person["username"])
    expect(page.get_by_text("Your role shows jobs, but not their runs")).to_be_visible()
    for name in ("Throughput", "Lateness of schedules"):
        expect(page.get_by_role("region", name=name)).to_have_count(0)
