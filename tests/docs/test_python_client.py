"""The code of the client's guide runs as it stands there, and prints what it shows."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from docs.test_guides import ADDRESS, assert_holds_lines
from fixtures.server import ServeProcess

ROOT = Path(__file__).parents[2]
PASSWORD = "the admin of the guide"
SECONDS = 100.0

_STEP = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.DOTALL | re.MULTILINE)


async def test_the_code_prints_what_is_shown(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await running.ready()
    page = (ROOT / "docs" / "guides" / "python-client.md").read_text(encoding="utf-8")
    steps = [(code, shown) for code, shown in _STEP.findall(page.replace(ADDRESS, running.url))]
    assert len(steps) > 7
    script = tmp_path / "guide.py"
    parts = [f"{code}\nprint(chr(30), end='')\n" for code, _shown in steps]
    script.write_text(f"password = {PASSWORD!r}\n" + "".join(parts))

    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "error", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.split("\x1e")[:-1]
    assert len(printed) == len(steps)
    for (_code, shown), real in zip(steps, printed, strict=True):
        assert_holds_lines(shown, real)
