"""The generated pages say what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from treadle.identity.rights import APPLICATION_RIGHTS, PROJECT_RIGHTS, Right
from treadle.settings import Settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def reference(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "reference.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def cells_of(page: str) -> dict[str, list[str]]:
    """The rows of a page's tables by their first cell."""
    rows: dict[str, list[str]] = {}
    for line in (REFERENCE / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            first, *others = [cell.strip() for cell in line.strip("|").split(" | ")]
            rows[first.strip()] = others
    return rows


def test_pages_are_as_generated() -> None:
    done = reference("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_names_the_page_that_differs(tmp_path: Path) -> None:
    assert reference("--write", "--folder", str(tmp_path)).returncode == 0
    assert reference("--check", "--folder", str(tmp_path)).returncode == 0
    page = tmp_path / "settings.md"
    page.write_text(page.read_text().replace("8080", "8081"))
    done = reference("--check", "--folder", str(tmp_path))
    assert done.returncode == 1
    assert "settings.md" in done.stderr
    assert "permissions.md" not in done.stderr


def test_every_setting_has_a_row_with_a_meaning() -> None:
    rows = cells_of("settings.md")
    for name, field in Settings.model_fields.items():
        row = rows[f"`TREADLE_{name.upper()}`"]
        assert field.description
        assert field.description in row[-1]


def test_every_right_has_a_row_with_who_holds_it() -> None:
    rows = cells_of("permissions.md")
    for right in Right:
        roles = PROJECT_RIGHTS if right in PROJECT_RIGHTS["Owner"] else APPLICATION_RIGHTS
        held = [right in rights for rights in roles.values()]
        assert [cell == "yes" for cell in rows[right.value]] == held
