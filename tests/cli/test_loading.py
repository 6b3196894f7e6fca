"""Commands are imported when they are used, and those that call a server without the server."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from treadle.cli.audit import VERIFY
from treadle.cli.loading import Place
from treadle.cli.main import CALLING, OF_THE_SERVER, app

SERVER = (
    "asyncpg",
    "fastapi",
    "pydantic_settings",  # typer itself stands on pydantic
    "starlette",
    "uvicorn",
    "uvloop",
    "treadle.api",
    "treadle.core",
    "treadle.db",
    "treadle.jobs",
    "treadle.settings",
)
LOOK = """
import json, os, sys
from treadle.cli.main import app
try:
    app(sys.argv[1:], prog_name="treadle")
except SystemExit as ended:
    code = ended.code
print(json.dumps([code, sorted(sys.modules)]))
"""


def imported(*arguments: str, **environ: str) -> set[str]:
    """The modules that a process has imported when the command has ended."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path), "HOME": "/nowhere", **environ},
    )
    code, names = json.loads(done.stdout.splitlines()[-1])
    assert code in (None, 0), done.stdout
    return set(names)


QUICK = [place.name for place in CALLING if place.name != "mcp"]
"""The SDK of `mcp` brings a web server along."""


def test_assistants_are_served_without_the_server() -> None:
    found = imported("mcp", "--help")
    assert "treadle.assistants.server" in found
    assert found & {name for name in SERVER if name.startswith("treadle")} == set()


@pytest.mark.parametrize("command", ["", *QUICK, "audit list"])
def test_what_calls_a_server_imports_nothing_of_it(command: str) -> None:
    found = imported(*command.split(), "--help")
    assert "typer" in found
    assert found & set(SERVER) == set()


def test_completion_imports_nothing_of_the_server() -> None:
    found = imported(
        _TREADLE_COMPLETE="complete_bash",
        COMP_WORDS="treadle jobs ",
        COMP_CWORD="2",
        _TYPER_COMPLETE_ARGS="treadle jobs ",
    )
    assert "treadle.cli.jobs" in found
    assert found & set(SERVER) == set()


def test_the_test_sees_the_server_where_it_is() -> None:
    assert set(SERVER) & imported("openapi", "--help")


@pytest.mark.parametrize("place", [*OF_THE_SERVER, *CALLING, VERIFY], ids=lambda place: place.name)
def test_a_list_says_of_a_command_what_it_says_of_itself(place: Place) -> None:
    command = place.load()
    assert place.help == command.get_short_help_str(300)
    assert command.name == place.name


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("treadle ", {"jobs", "executions", "serve", "apply"}),
        ("treadle executions ", {"trigger", "answer"}),
        ("treadle audit ", {"list", "verify"}),
        ("treadle executions trigger --", {"--wait", "--follow", "--timeout"}),
    ],
)
def test_the_shell_is_offered_what_there_is(words: str, offered: set[str]) -> None:
    done = CliRunner().invoke(
        app,
        prog_name="treadle",
        env={
            "_TREADLE_COMPLETE": "complete_zsh",
            "_TYPER_COMPLETE_ARGS": words,
        },
    )
    assert all(f'"{name}"' in done.stdout for name in offered), done.stdout


def test_a_slip_of_the_pen_is_told_what_was_meant() -> None:
    done = CliRunner().invoke(app, ["execution"])
    assert done.exit_code == 2
    assert "executions" in done.stderr
