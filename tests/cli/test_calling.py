"""The commands that call a server, typed by a person and by a script, against `treadle serve`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fixtures.server import ServeProcess
from treadle.cli.calling import NO_ANSWER, NOT_ALLOWED, NOT_FOUND, REFUSED, TIMED_OUT, find_profile
from treadle.cli.main import app
from treadle.cli.profiles import Profile, load_profiles, profiles_path, save_profiles

PASSWORD = "the admin of the commands"
PACKAGE = """
import time

def main(name="world", seconds=0):
    print(f"Hello, {name}!", flush=True)
    time.sleep(seconds)
    if name == "nobody":
        raise ValueError("there is nobody")
    return {"greeted": name}
"""
APPLIED = """
jobs:
  - name: Report
    package: hello.py
    entry_point: hello.main
    max_retries: 2

schedules:
  - name: Weekdays at nine
    job: Report
    input: {name: Sydney}
    schedule_expression: 0 9 * * 1-5
    timezone: Australia/Sydney
    start_at: 2026-01-01T00:00:00Z
"""
AS_TOML = """
[[jobs]]
name = "Report"
package = "hello.py"
entry_point = "hello.main"
max_retries = 2

[[schedules]]
name = "Weekdays at nine"
job = "Report"
input = {name = "Sydney"}
schedule_expression = "0 9 * * 1-5"
timezone = "Australia/Sydney"
start_at = 2026-01-01T00:00:00Z
"""


FLOWS = """
workflows:
  - name: First
    steps:
      - {id: start, type: request}
      - {id: double, type: transform, config: {value: "${payload.n * 2}"}}
    connections:
      - {from: start, to: double}
  - name: Second
    definition: second.yaml

schedules:
  - name: Daily flow
    workflow: First
    payload: {n: 1}
    schedule_expression: 0 9 * * *
"""
SECOND = """
steps:
  - {id: start, type: request}
  - {id: bye, type: terminate, config: {status: succeeded, output: bye}}
connections:
  - {from: start, to: bye}
"""
NAMING = """
jobs:
  - {name: Adding, package: adding.py, entry_point: adding.main}

workflows:
  - name: Outer
    steps:
      - {id: start, type: request}
      - {id: inner, type: workflow, config: {workflow: Inner, payload: {n: 2}}}
      - id: each
        type: map
        config:
          items: "[1, 2]"
          steps:
            - id: add
              type: job
              config: {job: Adding, input: {n: "${item}"}}
              result: {mode: replace}
      - {id: told, type: transform, config: {value: "${steps.each.output}"}}
    connections:
      - {from: start, to: inner}
      - {from: inner, to: each}
      - {from: each, to: told}
  - name: Inner
    steps:
      - {id: start, type: request}
      - {id: add, type: job, config: {job: Adding, input: {n: "${payload.n}"}}}
    connections:
      - {from: start, to: add}
"""
MORNING = """
name: Morning
steps:
  - id: start
    type: schedule
    config: {schedule_expression: 0 7 * * 1-5, timezone: Europe/Berlin}
"""
APPROVAL = """
name: Approval
steps:
  - {id: start, type: request}
  - {id: ask, type: wait_for_response, config: {sources: [TEAMS]}}
  - {id: is_fine, type: condition, config: {when: steps.ask.output.fine}}
  - {id: done, type: transform, config: {value: "${steps.ask.output.said}"}}
  - {id: refused, type: terminate, config: {status: failed, reason: they said no}}
connections:
  - {from: start, to: ask}
  - {from: ask, to: is_fine}
  - {from: is_fine, to: done, label: "yes"}
  - {from: is_fine, to: refused, label: "no"}
"""


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs commands as their user does: a home of its own, no terminal."""

    home: Path
    url: str

    def run(self, *arguments: str, given: str = "", **environ: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        own = {"HOME": str(self.home), "XDG_CONFIG_HOME": None, "TREADLE_URL": self.url}
        done = CliRunner().invoke(app, list(arguments), input=given, env={**own, **environ})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    def path(self, name: str) -> str:
        """A file in the home."""
        return str(self.home / name)

    def ok(self, *arguments: str, given: str = "", **environ: str) -> str:
        """What it printed."""
        code, out, err = self.run(*arguments, given=given, **environ)
        assert code == 0, (arguments, out, err)
        return out

    def json(self, *arguments: str) -> object:
        """What it printed, as a program reads it."""
        return json.loads(self.ok(*arguments, "--json"))


def use_it(shell: Shell) -> None:
    """From the login to the last command."""
    code, _out, err = shell.run("jobs", "list")
    assert (code, "treadle login" in err) == (1, True)
    assert shell.run("login", "--username", "admin", "--stdin", given="wrong\n")[0] == NOT_ALLOWED
    shell.ok("login", "--username", "admin", "--stdin", given=f"{PASSWORD}\n")
    stored = shell.home / ".config" / "treadle" / "profiles.json"
    assert stored.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in stored.read_text()

    (shell.home / "hello.py").write_text(PACKAGE)
    made = shell.json(
        "jobs",
        "create",
        "Greet",
        "--package",
        shell.path("hello.py"),
        "--entry-point",
        "hello.main",
    )
    assert isinstance(made, dict)
    assert "Greet" in shell.ok("jobs", "list")
    followed = shell.ok("jobs", "run", "Greet", "--input", '{"name": "Ada"}', "--follow")
    assert "Hello, Ada!" in followed
    code, out, err = shell.run("jobs", "run", "Greet", "-i", '{"name": "nobody"}', "-f", "--json")
    assert code == 1
    assert json.loads(out)["status"] == "ERROR"
    assert "Hello, nobody!" in err
    assert "ValueError: there is nobody" in err
    slow = shell.ok("jobs", "run", "Greet", "-i", '{"seconds": 600}').strip()
    assert shell.run("runs", "wait", slow, "--timeout", "0.1")[0] == TIMED_OUT
    shell.ok("runs", "stop", slow)
    assert shell.run("runs", "wait", slow)[0] == 1
    assert shell.run("runs", "stop", slow)[0] == REFUSED
    found = shell.json("runs", "list", "--job", "Greet")
    assert isinstance(found, list)
    assert len(found) == 3
    assert len(shell.ok("runs", "list", "-n", "2").splitlines()) == 3
    first = found[-1]["id"]
    assert json.loads(shell.ok("runs", "result", first)) == {"greeted": "Ada"}
    assert "Hello, Ada!" in shell.ok("runs", "log", first)

    shell.ok("schedules", "create", "Daily", "0 9 * * *", "--job", "Greet", "-z", "Asia/Tokyo")
    assert "At 09:00" in shell.ok("schedules", "upcoming", "Daily")
    assert "paused" in shell.ok("schedules", "pause", "Daily", "--reason", "Holidays")
    shell.ok("schedules", "trigger", "Daily")
    assert "manual" in shell.ok("schedules", "firings", "Daily")
    shell.ok("schedules", "resume", "Daily")
    assert shell.run("schedules", "preview", "61 * * * *")[0] == REFUSED

    key = shell.json("keys", "create", "Script", "--expires", "2036-01-01", "--role", "Consumer")
    assert isinstance(key, dict)
    code, _out, err = shell.run("audit", "list", TREADLE_API_KEY=key["api_key"])
    assert code == NOT_ALLOWED, err
    assert "role.give" in shell.ok("audit", "list")
    (shell.home / "schema.json").write_text('{"type": "object"}')
    shell.ok("entities", "create", "contract", "--schema", shell.path("schema.json"))
    (shell.home / "records.json").write_text('{"C-1": {"n": 1}}')
    shell.ok("entities", "upsert", "contract", shell.path("records.json"))
    assert "C-1" in shell.ok("entities", "records", "contract")

    assert shell.run("jobs", "show", "999999")[0] == NOT_FOUND
    assert shell.run("jobs", "list", "--nonsense")[0] == 2
    away = shell.run("jobs", "list", TREADLE_URL="http://127.0.0.1:1", TREADLE_API_KEY="x")
    assert away[0] == NO_ANSWER

    run_workflows(shell)
    apply_it(shell)
    shell.ok("logout")
    assert shell.run("jobs", "list")[0] == 1


def run_workflows(shell: Shell) -> None:
    """Workflows from a file, and executions that are answered, retried, ended."""
    (shell.home / "approval.yaml").write_text(APPROVAL)
    (shell.home / "broken.yaml").write_text(APPROVAL.replace("to: ask", "to: nobody"))
    code, out, _err = shell.run("workflows", "validate", shell.path("broken.yaml"))
    assert (code, "workflow_connections[0]" in out) == (1, True)
    assert shell.ok("workflows", "validate", shell.path("approval.yaml")) == ""
    assert shell.run("workflows", "create", shell.path("broken.yaml"))[0] == REFUSED
    shell.ok("workflows", "create", shell.path("approval.yaml"))
    assert shell.run("executions", "trigger", "Approval")[0] == REFUSED
    assert "ACTIVE" in shell.ok("workflows", "activate", "Approval")
    shown = shell.ok("workflows", "show", "Approval")
    assert "is_fine (condition) -> done [label yes], refused [label no]" in shown
    made = shell.json("workflows", "show", "Approval")
    (shell.home / "fetched.json").write_text(json.dumps(made))
    shell.ok("workflows", "save", "Approval", shell.path("fetched.json"), "--activate")
    assert shell.ok("workflows", "versions", "Approval").count("ACTIVE") == 2

    first = shell.ok("executions", "trigger", "Approval", "-i", '{"process_id": "A-1"}').strip()
    assert shell.run("executions", "wait", first, "--timeout", "0.01")[0] == TIMED_OUT
    until_it_waits(shell, "A-1")
    answered = ("executions", "answer", "A-1", "--source", "TEAMS")
    assert shell.ok(*answered, "-i", '{"fine": false}') == "answered\n"
    code, out, err = shell.run("executions", "wait", first, "--follow")
    assert (code, out) == (1, "")
    assert "failed in step refused: " in err
    assert "they said no" in err
    assert "step_started  ask" in err
    shell.ok("executions", "retry", first, "--from-step", "ask")
    until_it_waits(shell, first)
    shell.ok(*answered, "-i", '{"fine": true, "said": ["a", 1]}')
    code, out, err = shell.run("executions", "wait", first, "--timeout", "60")
    assert (code, json.loads(out)) == (0, ["a", 1])
    assert shell.ok(*answered) == "already answered\n"
    steps = shell.ok("executions", "show", first)
    assert "Completed" in steps
    assert '["a", 1]' in steps
    assert shell.json("executions", "show", "A-1") == shell.json("executions", "show", first)

    second = shell.ok("executions", "trigger", "Approval", "--version", "1").strip()
    ended = shell.json("executions", "terminate", second, "--reason", "a mistake")
    assert isinstance(ended, dict)
    assert ended["workflow_status"] == "Terminated"
    code, _out, err = shell.run("executions", "wait", second)
    assert (code, "was terminated: a mistake" in err) == (1, True)
    assert shell.run("executions", "terminate", second)[0] == REFUSED
    listed = shell.json("executions", "list", "--workflow", "Approval")
    assert isinstance(listed, list)
    assert [each["workflow_execution_id"] for each in listed] == [second, first]
    assert "Terminated" not in shell.ok("executions", "list", "--status", "Completed")
    assert shell.run("executions", "show", "nobody")[0] == NOT_FOUND
    shell.ok("workflows", "archive", "Approval")
    run_scheduled_workflow(shell)


def run_scheduled_workflow(shell: Shell) -> None:
    """A workflow that starts itself is paused, and goes on."""
    (shell.home / "morning.yaml").write_text(MORNING)
    shell.ok("workflows", "create", shell.path("morning.yaml"), "--activate")
    assert "PAUSED_1" in shell.ok("workflows", "pause", "Morning")
    assert "ACTIVE_1" in shell.ok("workflows", "resume", "Morning")
    assert shell.run("workflows", "delete", "Morning")[0] == REFUSED


def executions_of(shell: Shell, workflow: str) -> list[dict[str, object]]:
    """Its executions, the newest first."""
    found = shell.json("executions", "list", "--workflow", workflow)
    assert isinstance(found, list)
    return found


def until_it_waits(shell: Shell, execution: str) -> None:
    """Returns when the execution waits for an answer."""
    deadline = time.monotonic() + 60
    while "Awaiting Response" not in shell.ok("executions", "show", execution):
        assert time.monotonic() < deadline


def apply_it(shell: Shell) -> None:
    """Jobs and schedules as a file: planned, applied, applied again, changed."""
    file = shell.home / "treadle.yaml"
    file.write_text(APPLIED)
    planned = shell.ok("plan", "-f", shell.path("treadle.yaml"))
    assert "+ job Report" in planned
    assert planned.count("next: ") == 3
    assert "Report" not in shell.ok("jobs", "list")
    assert shell.run("plan", "-f", shell.path("treadle.yaml"), "--check")[0] == 1
    shell.ok("apply", "-f", shell.path("treadle.yaml"))
    assert shell.run("plan", "-f", shell.path("treadle.yaml"), "--check")[0] == 0
    (shell.home / "same.toml").write_text(AS_TOML)
    assert shell.run("plan", "-f", shell.path("same.toml"), "--check")[0] == 0
    before = shell.json("schedules", "show", "Weekdays at nine")
    assert "~" not in shell.ok("apply", "-f", shell.path("treadle.yaml"))
    assert shell.json("schedules", "show", "Weekdays at nine") == before
    assert "Hello, Sydney!" in shell.ok(
        "jobs", "run", "Report", "--follow", "-i", '{"name": "Sydney"}'
    )

    file.write_text(APPLIED.replace("0 9 *", "30 9 *").replace("retries: 2", "retries: 3"))
    changed = shell.ok("apply", "-f", shell.path("treadle.yaml"))
    assert "max_retries: 2 -> 3" in changed
    assert "schedule_expression: 0 9 * * 1-5 -> 30 9 * * 1-5" in changed
    (shell.home / "hello.py").write_text(PACKAGE.replace("Hello", "Welcome"))
    assert "content: " in shell.ok("apply", "-f", shell.path("treadle.yaml"))
    assert "Welcome, world!" in shell.ok("jobs", "run", "Report", "--follow")
    apply_workflows(shell)
    apply_names(shell)
    file.write_text(APPLIED.replace("max_retries", "max_retry"))
    code, _out, err = shell.run("plan", "-f", shell.path("treadle.yaml"))
    assert (code, "max_retry is not known" in err) == (1, True)


def apply_workflows(shell: Shell) -> None:
    """Workflows in the file and beside it: made, kept, changed into a next version."""
    file = shell.home / "flows.yaml"
    file.write_text(FLOWS)
    (shell.home / "second.yaml").write_text(SECOND)
    applied = ("apply", "-f", shell.path("flows.yaml"))
    check = ("plan", "-f", shell.path("flows.yaml"), "--check")
    planned = shell.run(*check)
    assert planned[0] == 1
    assert "+ workflow First" in planned[1]
    assert "(of the new workflow)" in planned[1]
    assert "First" not in shell.ok("workflows", "list")
    shell.ok(*applied)
    assert shell.run(*check)[0] == 0
    assert "3 as they are" in shell.run(*applied)[2]
    done = shell.ok("executions", "trigger", "First", "-i", '{"n": 20}', "--wait")
    assert json.loads(done) == 40
    firing = shell.json("schedules", "trigger", "Daily flow")
    assert isinstance(firing, dict)
    # Who triggers a schedule is answered when the start is decided; it may not have begun.
    deadline = time.monotonic() + 60
    while len(executions_of(shell, "First")) < 2:
        assert time.monotonic() < deadline

    file.write_text(FLOWS.replace("payload.n * 2", "payload.n * 3"))
    changed = shell.ok("plan", "-f", shell.path("flows.yaml"))
    assert "~ workflow First" in changed
    assert "steps.double: " in changed
    assert "version: 1 ACTIVE -> 2 is made and activated" in changed
    # As if `apply` was stopped between the draft and its activation.
    first = shell.json("workflows", "show", "First")
    assert isinstance(first, dict)
    first["workflow_steps"][1]["config"]["value"] = "${payload.n * 3}"
    (shell.home / "draft.json").write_text(json.dumps(first))
    shell.ok("workflows", "save", "First", shell.path("draft.json"))
    assert "version: 1 ACTIVE -> 2 is activated" in shell.ok(*applied)
    assert shell.run(*check)[0] == 0
    done = shell.ok("executions", "trigger", "First", "-i", '{"n": 20}', "--wait")
    assert json.loads(done) == 60

    # Somebody's draft stays as it is.
    first["workflow_steps"][1]["config"]["value"] = "${payload.n * 7}"
    (shell.home / "draft.json").write_text(json.dumps(first))
    shell.ok("workflows", "save", "First", shell.path("draft.json"))
    assert shell.run(*check)[0] == 0
    (shell.home / "second.yaml").write_text(SECOND.replace("output: bye", "output: so long"))
    file.write_text(FLOWS)
    assert "version: 2 ACTIVE -> 4 is made and activated" in shell.ok(*applied)
    assert shell.run(*check)[0] == 0
    versions = shell.json("workflows", "versions", "First")
    assert isinstance(versions, list)
    assert [each["workflow_status_version"] for each in versions] == [
        "ACTIVE_4", "DRAFT_3", "ACTIVE_2", "ACTIVE_1",
    ]  # fmt: skip

    file.write_text(FLOWS.replace("to: double", "to: nobody"))
    code, _out, err = shell.run("plan", "-f", shell.path("flows.yaml"))
    assert (code, "workflow 'First': " in err, "nobody" in err) == (1, True, True)
    file.write_text(FLOWS.replace("second.yaml", "third.yaml"))
    code, _out, err = shell.run("plan", "-f", shell.path("flows.yaml"))
    assert (code, "workflows[1].definition: there is no file" in err) == (1, True)


def apply_names(shell: Shell) -> None:
    """Steps name jobs and workflows of the same file, which are made before them."""
    (shell.home / "adding.py").write_text("def main(n):\n    return n + 1\n")
    file = shell.home / "naming.yaml"
    applied = ("apply", "-f", shell.path("naming.yaml"))
    check = ("plan", "-f", shell.path("naming.yaml"), "--check")
    wrong = (
        (
            "workflow: Inner",
            "workflow: Outre",
            "workflows[0].steps[1].config.workflow: there is no",
        ),
        (
            '{job: Adding, input: {n: "${item}"}}',
            "{job: Ading}",
            "workflows[0].steps[2].config.steps[0].config.job: there is no job 'Ading'",
        ),
        (
            '{id: add, type: job, config: {job: Adding, input: {n: "${payload.n}"}}}',
            "{id: add, type: workflow, config: {workflow: Outer}}",
            "start each other by name",
        ),
        ("to: add}", "to: nobody}", "workflow 'Inner': "),
    )
    for right, text, fault in wrong:
        assert right in NAMING
        file.write_text(NAMING.replace(right, text))
        code, _out, err = shell.run(*applied)
        assert (code, fault in err) == (1, True), err
    assert "Adding" not in shell.ok("jobs", "list")

    file.write_text(NAMING)
    code, planned, _err = shell.run(*check)
    assert code == 1
    assert planned.index("+ workflow Inner") < planned.index("+ workflow Outer")
    shell.ok(*applied)
    assert shell.run(*check)[0] == 0
    assert "3 as they are" in shell.run(*applied)[2]
    done = shell.ok("executions", "trigger", "Outer", "--wait")
    assert json.loads(done) == [2, 3]

    # What is added later has no id yet where the plan is shown.
    file.write_text(NAMING.replace("Adding", "Summing"))
    changed = shell.ok("plan", "-f", shell.path("naming.yaml"))
    assert '"job_id": "(of the new job)"' in changed
    shell.ok(*applied)
    assert shell.run(*check)[0] == 0

    # A definition beside it names what is there.
    (shell.home / "alone.yaml").write_text(
        "name: Alone\nsteps:\n- {id: start, type: request}\n"
        "- {id: inner, type: workflow, config: {workflow: Inner}}\n"
        "connections: [{from: start, to: inner}]\n"
    )
    shell.ok("workflows", "validate", shell.path("alone.yaml"))
    (shell.home / "alone.yaml").write_text(
        "name: Alone\nsteps: [{id: inner, type: workflow, config: {workflow: Nobody}}]\n"
    )
    code, _out, err = shell.run("workflows", "validate", shell.path("alone.yaml"))
    assert code == 1
    assert "alone.yaml.steps[0].config.workflow: there is no workflow 'Nobody'" in err


@pytest.mark.timeout(400)
async def test_a_person_and_a_script_use_the_commands(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await running.ready()
    home = tmp_path / "home"
    home.mkdir()
    await asyncio.to_thread(use_it, Shell(home, running.url))


def test_profiles_belong_to_their_owner_alone(tmp_path: Path) -> None:
    path = profiles_path({"XDG_CONFIG_HOME": str(tmp_path)})
    profiles = {"default": Profile("http://x", api_key="secret"), "etl": Profile("http://y")}
    save_profiles(path, profiles)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert load_profiles(path) == profiles
    assert "secret" not in repr(profiles)
    path.chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        load_profiles(path)


def test_variables_win_over_the_login_and_a_name_over_both(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    with pytest.raises(ValueError, match="not logged in"):
        find_profile(None, environ)
    etl = Profile("http://y", api_key="of etl")
    save_profiles(profiles_path(environ), {"default": Profile("http://x"), "etl": etl})
    assert find_profile(None, environ).url == "http://x"
    variables = {**environ, "TREADLE_URL": "http://z", "TREADLE_API_KEY": "k"}
    assert find_profile(None, variables) == Profile("http://z", api_key="k")
    assert find_profile("etl", variables) == etl
