"""The guides' commands work as they stand there, in order, and answer what they show."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.server import ServeProcess

ROOT = Path(__file__).parents[2]
GUIDES = {
    "README.md": 1,
    "docs/guides/integration-manager.md": 13,
    "docs/guides/api-keys.md": 9,
    "docs/guides/remote-jobs.md": 8,
    "docs/guides/entities.md": 5,
    "docs/guides/calendars.md": 4,
    "docs/guides/schedules.md": 10,
    "docs/guides/integrations.md": 6,
    "docs/guides/workflows.md": 10,
}
"""Pages, and how many steps at least each has."""
PAGES_OF_COMMANDS = {"docs/guides/command-line.md": 5, "docs/guides/assistants.md": 1}
"""The same of pages whose commands are our own."""
ADDRESS = "http://127.0.0.1:8080"
PASSWORD = "the admin of the guide"
SECONDS = 100.0

VOLATILE = frozenset(
    {"access_token", "refresh_token", "id", "href", "project", "packagePrefix", "created"}
    | {"lastModified", "scheduled", "received", "started", "finished", "duration", "size"}
    | {"api_key", "client_id", "client_secret", "member_id", "project_id", "created_at"}
    | {"old_secret_until", "updated_at", "entity_definition_id"}
    | {"tenant_id", "schedule_id", "next_run_at", "nextFireTime"}
    | {"looply_execution_id", "workflow_id"}
    | {"Id", "StartedOn", "FinishedOn", "jobId", "executionId"}
    | {"scheduled_for", "started_at", "finished_at", "at", "before", "after"}
)
"""Fields that differ from call to call: only their types are compared."""

SOMETIMES_NULL = frozenset({"last_used_at", "last_used_from"})
"""Fields that are written a while after the fact."""

_STEP = re.compile(
    r"^```bash\n(.*?)^```\n(?:\n```(json|text)\n(.*?)^```)?", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Step:
    """Commands, and the answer that stands below them."""

    commands: str
    kind: str
    answer: str


def steps_of(page: str) -> list[Step]:
    return [Step(*found) for found in _STEP.findall(page)]


def run_in_order(
    steps: list[Step], *, folder: Path, environ: Mapping[str, str] | None = None
) -> list[str]:
    """What each step printed; they share one shell, as the reader's do."""
    script = "set -eu\n" + "".join(f"{step.commands}printf '\\036'\n" for step in steps)
    try:
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env={**without_treadle(), **(environ or {})},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"no end within {SECONDS:g} s: {error.output}") from None
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout.split("\x1e")[:-1]


def assert_same(shown: Any, real: Any, *, place: str = "$", volatile: bool = False) -> None:
    """The same fields with the same types; the same values, too, unless they are volatile."""
    assert type(shown) is type(real), f"{place}: {shown!r} is shown, {real!r} came"
    if isinstance(shown, dict):
        assert shown.keys() == real.keys(), place
        for name in shown.keys() - SOMETIMES_NULL:
            assert_same(shown[name], real[name], place=f"{place}.{name}", volatile=name in VOLATILE)
    elif isinstance(shown, list):
        assert len(shown) == len(real), place
        for index, (one, other) in enumerate(zip(shown, real, strict=True)):
            assert_same(one, other, place=f"{place}[{index}]")
    elif not volatile:
        assert shown == real, place


def assert_holds_lines(shown: str, real: str) -> None:
    """Every shown line came; `…` stands for anything."""
    for line in shown.splitlines():
        pattern = "^" + ".*".join(re.escape(part) for part in line.split("…")) + "$"
        assert re.search(pattern, real, re.MULTILINE), f"{line!r} is shown and did not come"


def without_treadle() -> dict[str, str]:
    """Our environment, for what installs packages: proxies, certificates, indexes."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TREADLE_")}


def test_comparison_sees_what_differs() -> None:
    assert_same({"id": "1", "n": 1}, {"id": "2", "n": 1})
    for real in ({"id": 2, "n": 1}, {"id": "2", "n": 2}, {"id": "2"}, {"id": "2", "n": 1, "m": 0}):
        with pytest.raises(AssertionError):
            assert_same({"id": "1", "n": 1}, real)
    assert_holds_lines("a…c\nd", "d\nabc")
    with pytest.raises(AssertionError):
        assert_holds_lines("a…c", "ab")


# Nine pages, one after the other, on a machine that may be busy with other tests.
@pytest.mark.timeout(400)
async def test_commands_answer_what_is_shown(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the guides speak curl, which is not installed here")
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD, **without_treadle())
    await running.ready()
    for guide, least in GUIDES.items():
        play(guide, least, url=running.url, folder=reader_folder(tmp_path / Path(guide).stem))


@pytest.mark.timeout(400)
async def test_our_own_commands_print_what_is_shown(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await running.ready()
    for guide, least in PAGES_OF_COMMANDS.items():
        folder = reader_folder(tmp_path / Path(guide).stem)
        play(guide, least, url=running.url, folder=folder, environ=own_commands(folder))


def play(
    guide: str, least: int, *, url: str, folder: Path, environ: Mapping[str, str] | None = None
) -> None:
    """Runs a page's commands, and compares what they print to what it shows."""
    page = (ROOT / guide).read_text(encoding="utf-8")
    assert ADDRESS in page
    steps = steps_of(page.replace(ADDRESS, url))
    printed = run_in_order(steps, folder=folder, environ=environ)
    assert len(printed) == len(steps) >= least
    for step, real in zip(steps, printed, strict=True):
        if step.kind == "json":
            assert_same(json.loads(step.answer), json.loads(real), place=guide)
        elif step.kind == "text":
            assert_holds_lines(step.answer, real)


def own_commands(folder: Path) -> dict[str, str]:
    """The environment of a reader whose home this is, with `treadle` on the path."""
    beside = Path(sys.executable).parent
    return {
        "PATH": f"{beside}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CONFIG_HOME": "",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }


def reader_folder(folder: Path) -> Path:
    """A folder as the reader has it after `make demo`."""
    (folder / "treadle-data").mkdir(parents=True)
    (folder / "treadle-data" / "admin-password").write_text(f"{PASSWORD}\n")
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder
