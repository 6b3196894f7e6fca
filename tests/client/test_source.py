"""The client is what it says: of a piece, and without the server."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "src" / "treadle" / "client"


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_it_stands_on_httpx_and_the_standard_library() -> None:
    names = {name for path in CLIENT.rglob("*.py") for name in imported(path)}
    others = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in others if not name.startswith("treadle.client.")} == {"httpx"}


def test_the_client_without_await_is_made_of_the_one_with_it() -> None:
    command = [sys.executable, ROOT / "scripts" / "client.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
