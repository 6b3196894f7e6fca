"""The documentation becomes a site without a warning, and its navigation has every page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 100.0


def build(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """As `make docs` does, from the pages below `root`."""
    return subprocess.run(
        [sys.executable, root / "scripts" / "docs.py", folder],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_every_page_is_in_the_navigation(site: Path) -> None:
    start = (site / "docs" / "index.html").read_text(encoding="utf-8")
    tree = start.partition('class="sidebar-tree"')[2].partition("</aside>")[0]
    shown = set(re.findall(r'href="(?:\.\./docs/|\.\./|)([^"#]+)\.html"', tree))
    pages = sorted((ROOT / "docs").glob("*/*.md"))
    wanted = {f"{page.parent.name}/{page.stem}" for page in pages if page.parent.name != "adr"}
    assert wanted | {"README", "ARCHITECTURE", "CHANGELOG", "glossary", "adr/README"} <= shown
    for caption in ("Tutorial", "Guides", "Reference", "Explanation"):
        assert f">{caption}<" in tree


def test_the_generated_reference_is_part_of_it(site: Path) -> None:
    settings = (site / "docs" / "reference" / "settings.html").read_text(encoding="utf-8")
    assert "TREADLE_DATABASE_URL" in settings
    permissions = (site / "docs" / "reference" / "permissions.html").read_text(encoding="utf-8")
    assert "Project Creator" in permissions


def test_whoever_opens_the_folder_comes_to_the_start_page(site: Path) -> None:
    assert "url=docs/index.html" in (site / "index.html").read_text(encoding="utf-8")


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="(https?:[^"]+)"', text)
        assert loaded == [], page


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("[a](guides/missing.md)", "missing.md"),
        ("[a](glossary.md#no-such-heading)", "no-such-heading"),
        ("[a](#no-such-heading)", "no-such-heading"),
    ],
    ids=["page", "heading of another page", "heading"],
)
def test_a_broken_link_ends_the_build(tmp_path: Path, text: str, warning: str) -> None:
    root = tmp_path / "repository"
    for name in ("docs/conf.py", "docs/site/index.html", "scripts/docs.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    (root / "docs" / "index.md").write_text(
        f"# Start\n\n## Guides\n\n- [b](glossary.md)\n\n{text}\n"
    )
    (root / "docs" / "glossary.md").write_text("# Glossary\n")
    done = build(root, tmp_path / "site")
    assert done.returncode != 0
    assert warning in done.stderr
