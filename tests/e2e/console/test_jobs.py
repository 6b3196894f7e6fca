"""Jobs and their runs: made, uploaded, run, watched, stopped, repeated."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from e2e.console.conftest import Treadle, new_name

REPORT = """
import os, time
def main(country="AU"):
    print("\\x1b[31mreading\\x1b[0m", os.environ["REGION"], country)
    with open(os.environ["TREADLE_OUTPUT_DIR"] + "/report.md", "w") as report:
        report.write("# Report of " + country)
    return {"country": country, "region": os.environ["REGION"]}
def other():
    raise ValueError("it went wrong")
"""
PATIENT = """
import time
def main():
    print("waiting", flush=True)
    time.sleep(600)
"""
MANY_LINES = """
def main():
    print("\\n".join(f"line {number} of many" for number in range(1, 200_001)))
"""
DROP = """([zone, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: "text/x-python"}));
  for (const type of ["dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: data}));
  }
}"""


def drop(page: Page, name: str, text: str) -> None:
    zone = page.locator(".drop").element_handle()
    page.evaluate(DROP, [zone, name, text])


def test_from_nothing_to_a_result(admin_page: Page, tmp_path: Path) -> None:
    page, name = admin_page, new_name("Airports")
    page.goto("/jobs")
    page.get_by_role("link", name="New job").first.click()
    # The list has a field that this label would find as well.
    expect(page.get_by_role("heading", name="New job", level=1)).to_be_visible()
    page.get_by_label("Name").fill(name)
    drop(page, "report.py", REPORT)
    expect(page.get_by_text("report.py")).to_be_visible()
    page.get_by_role("button", name="Create job").click()

    # Entry points to choose from
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.get_by_role("combobox", name="Entry point").click()
    expect(page.get_by_role("option")).to_have_text(["report.py", "report.main", "report.other"])
    page.get_by_role("option", name="report.main").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved what is run")).to_be_visible()

    # Macros
    page.get_by_role("tab", name="Macros").click()
    page.get_by_role("button", name="Add macro").click()
    page.get_by_role("dialog").get_by_label("Name").fill("REGION")
    page.get_by_role("dialog").get_by_label("Value", exact=True).fill("emea")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="emea")).to_be_visible()

    # Run with an input
    page.get_by_role("button", name="Run", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Input").fill('{"country": ')
    expect(dialog.get_by_role("button", name="Start run")).to_be_disabled()
    dialog.get_by_label("Input").fill('{"country": "NZ"}')
    dialog.get_by_role("button", name="Start run").click()

    # Its log, coloured; its result; its file
    log = page.get_by_role("log")
    expect(log).to_contain_text("reading emea NZ")
    expect(log.locator(".ansi-red")).to_have_text("reading")
    expect(page.locator(".page-head .state")).to_have_text("Finished")
    assert json.loads(page.get_by_label("Result", exact=True).locator("pre").inner_text()) == {
        "country": "NZ",
        "region": "emea",
    }
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download report.md").click()
    assert downloading.value.suggested_filename == "report.md"
    downloading.value.save_as(tmp_path / "report.md")
    assert (tmp_path / "report.md").read_text() == "# Report of NZ"

    # History with durations
    page.get_by_role("navigation", name="Where this is").get_by_role("link", name=name).click()
    expect(page.get_by_role("img", name=re.compile("1 run, 0 of them went wrong"))).to_be_visible()
    expect(page.get_by_role("table").get_by_text("Finished")).to_be_visible()


def test_an_upload_shows_its_progress_and_a_bad_one_its_reason(
    admin_page: Page, treadle: Treadle
) -> None:
    page, job = admin_page, treadle.job()
    page.goto(f"/jobs/{job['id']}?tab=package")
    drop(page, "broken.zip", "this is no archive")
    expect(page.get_by_role("alert")).to_contain_text("the archive is not a zip")
    # The bytes wait here, so that the progress can be looked at.
    page.route("**/files", lambda route: None)
    page.get_by_label("Upload a package").set_input_files(
        {"name": "work.py", "mimeType": "text/x-python", "buffer": b"def main(): pass\n"}
    )
    expect(page.get_by_role("progressbar", name="Upload")).to_be_attached()
    expect(page.get_by_label("Upload a package")).to_be_disabled()
    page.unroute("**/files")


def test_a_failed_run_says_why_and_can_be_repeated(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    job = treadle.job("def main():\n    raise ValueError('the warehouse is closed')\n")
    run = treadle.run(job)
    page.goto(f"/runs/{run['id']}")
    expect(page.locator(".page-head .state")).to_have_text("Error")
    expect(page.locator(".fault")).to_contain_text("the warehouse is closed")
    page.get_by_role("button", name="Retry").click()
    expect(page).not_to_have_url(re.compile(run["id"]))
    expect(page.get_by_role("link", name=run["id"])).to_be_visible()


def test_a_log_is_live_and_a_run_can_be_stopped(admin_page: Page, treadle: Treadle) -> None:
    page = admin_page
    run = treadle.run(treadle.job(PATIENT))
    page.goto(f"/runs/{run['id']}")
    expect(page.get_by_role("log")).to_contain_text("waiting")
    expect(page.locator(".page-head .state")).to_have_text("Running")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the run").click()
    expect(page.locator(".page-head .state")).to_have_text("Failed")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_a_log_of_200_000_lines_scrolls_is_searched_and_downloaded(
    admin_page: Page, treadle: Treadle, tmp_path: Path
) -> None:
    page = admin_page
    run = treadle.run(treadle.job(MANY_LINES))
    page.goto(f"/runs/{run['id']}")
    log = page.get_by_role("log")
    expect(log).to_have_attribute("data-lines", "200000")
    # It follows to the end, and the page holds only the lines that can be seen.
    expect(log).to_contain_text("line 200000 of many")
    assert log.locator(".log-line").count() < 150
    log.evaluate("element => element.scrollTo(0, element.scrollHeight / 2)")
    expect(log).to_contain_text("line 100010 of many")
    expect(page.get_by_label("Follow")).not_to_be_checked()
    page.get_by_label("Search the log").fill("LINE 12345 of")
    expect(page.get_by_text("1 of 1", exact=True)).to_be_visible()
    page.get_by_label("Search the log").press("Enter")
    expect(log.locator(".hit.now")).to_have_text(re.compile("line 12345 of many"))
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download", exact=True).click()
    downloading.value.save_as(tmp_path / "log")
    assert (tmp_path / "log").read_text().count("\n") == 200_000


def test_settings_are_changed_and_a_job_is_copied_and_deleted(
    admin_page: Page, treadle: Treadle
) -> None:
    page, job = admin_page, treadle.job()
    page.goto(f"/jobs/{job['id']}?tab=settings")
    page.get_by_label("Retries").fill("3")
    page.get_by_role("switch", name="One run at a time").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved the settings")).to_be_visible()
    found = treadle.admin.get(f"/api/jobconfigs/{job['id']}").json()
    assert (found["maxRetries"], found["blocking"]) == (3, True)
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Make a copy").click()
    copy = page.get_by_role("heading", name=f"Copy of {job['name']}")
    expect(copy).to_be_visible()
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    expect(page.get_by_role("link", name=f"Copy of {job['name']}")).to_have_count(0)
    expect(page.get_by_role("link", name=job["name"], exact=True)).to_be_visible()


def test_a_list_of_100_000_runs_and_jobs_is_paged_by_the_server(
    admin_page: Page, treadle: Treadle
) -> None:
    page, project = admin_page, treadle.project()
    job = treadle.job("def main(): pass\n", project=project["id"])
    treadle.sql(
        "SET session_replication_role = replica",  # without asking each row what it refers to
        "INSERT INTO treadle.jobs (tenant_id, project_id, name, destination_id, created_at,"
        " created_by, last_modified_at, last_modified_by) SELECT tenant_id, project_id,"
        " 'mass job ' || n, destination_id, created_at, created_by, last_modified_at,"
        f" last_modified_by FROM treadle.jobs, generate_series(1, 100000) n WHERE id = {job['id']}",
        "INSERT INTO treadle.runs (id, tenant_id, project_id, job_id, job_name, state,"
        " max_retries, retry_backoff_seconds, timeout_seconds, blocking, network, log_level,"
        " destination_id, package, submitted_by, scheduled_at, finished_at) SELECT"
        " gen_random_uuid(), tenant_id, project_id, id, name, 'FINISHED', 0, 60, 0, false, false,"
        ' \'INFO\', destination_id, \'{"key": "work.py", "entry_point": "work.main"}\','
        " created_by, created_at - n * interval '1 s', created_at - n * interval '1 s'"
        f" FROM treadle.jobs, generate_series(1, 100000) n WHERE id = {job['id']}",
        "ANALYZE treadle.jobs, treadle.runs",
    )
    for path in ("jobs", "runs"):
        page.goto(f"/{path}?project={project['id']}&size=100")
        expect(page.get_by_text(re.compile("1–100 of 10,00[01][+]"))).to_be_visible()
        assert page.get_by_role("row").count() == 101
        page.get_by_role("button", name="Next").click()
        expect(page.get_by_text("101–200 of")).to_be_visible()
        expect(page).to_have_url(re.compile("page=2"))
        page.go_back()
        expect(page.get_by_text("1–100 of")).to_be_visible()
    page.goto(f"/jobs?project={project['id']}")
    page.get_by_label("Search jobs by name").fill("mass job 99999")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("link", name="mass job 99999")).to_be_visible()


def test_home_shows_what_runs_and_what_went_wrong_live(admin_page: Page, treadle: Treadle) -> None:
    page, project = admin_page, treadle.project()
    page.goto(f"/?project={project['id']}")
    expect(page.get_by_text("Run the first job")).to_be_visible()
    bad = treadle.job("def main():\n    raise ValueError('no luck')\n", project=project["id"])
    patient = treadle.job(PATIENT, project=project["id"])
    treadle.run(bad)
    run = treadle.run(patient)
    # Nothing is reloaded: it comes by itself.
    running = page.get_by_role("region", name="Running and queued")
    wrong = page.get_by_role("region", name="Went wrong")
    expect(running.get_by_role("link", name=patient["name"])).to_be_visible()
    expect(wrong).to_contain_text("no luck")
    expect(page.get_by_role("link", name=re.compile("1 went wrong, last 24 h"))).to_be_visible()
    treadle.admin.delete(f"/api/jobs/{run['id']}").raise_for_status()
    expect(running).to_contain_text("Nothing runs at the moment")
