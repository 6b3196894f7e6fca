"""Where the reader comes from another product, what is shown of ours runs as it stands there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.test_guides import (
    ADDRESS,
    PASSWORD,
    assert_holds_lines,
    reader_folder,
    run_in_order,
    steps_of,
    without_treadle,
)
from fixtures.server import ServeProcess

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "guides").glob("migrate-from-*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_maps_shows_and_says_what_is_missing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[0] == "What becomes what"
    assert "there and here" in headings[1]
    assert headings[2:] == ["What has no counterpart"]
    assert "| there | here | remarks |" in text


# Five pages, one after the other, on a machine that may be busy with other tests.
@pytest.mark.timeout(400)
async def test_what_is_shown_of_ours_runs(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the guides speak curl, which is not installed here")
    assert len(PAGES) == 5
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD, **without_treadle())
    await running.ready()
    for page in PAGES:
        steps = steps_of(page.read_text(encoding="utf-8").replace(ADDRESS, running.url))
        printed = run_in_order(steps, folder=reader_folder(tmp_path / page.stem))
        assert len(printed) == len(steps) >= 1
        for step, real in zip(steps, printed, strict=True):
            if step.kind == "text":
                assert_holds_lines(step.answer, real)
