"""Which Python runs the code, with which modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.conftest import Ground
from treadle.sandbox import SandboxUnavailable, server_python
from treadle.sandbox.interpreter import find_interpreter

WHO = """
import os, subprocess, sys

def main():
    import installed
    again = subprocess.run(
        [sys.executable, "-c", "import installed, helper; print(installed.VALUE)"],
        capture_output=True, text=True,
    )
    return {
        "value": installed.VALUE,
        "again": again.stdout,
        "program": subprocess.run(["tool"], capture_output=True, text=True).stdout,
        "pth": os.environ["PTH"],
        "uid": os.getuid(),
        "mine": os.access(installed.__file__, os.W_OK),
        "paths": [path for path in sys.path if path.startswith(("/package", "/environment"))],
    }
"""


async def test_an_environment_has_its_modules_and_programs(own_ground: Ground) -> None:
    """Its code, .pth files included, is run by the run's user, never by root."""
    environment = own_ground.folder("environment")
    (environment / "installed.py").write_text("VALUE = 42\n")
    (environment / "noted.pth").write_text("import os; os.environ['PTH'] = str(os.getuid())\n")
    (environment / "bin").mkdir()
    tool = environment / "bin" / "tool"
    tool.write_text("#!/bin/sh\necho tool\n")
    tool.chmod(0o755)
    ran = await own_ground.run({"main.py": WHO, "helper.py": ""}, environment_dir=environment)
    assert ran.outcome.kind == "finished", ran.output
    seen = ran.outcome.result
    assert isinstance(seen, dict)
    assert (seen["value"], seen["again"], seen["program"]) == (42, "42\n", "tool\n")
    assert seen["pth"] == str(seen["uid"]) != "0"
    assert seen["mine"] is False
    assert seen["paths"] == ["/package", "/environment"]


async def test_modules_are_imported_from_the_roots_that_the_package_names(
    own_ground: Ground,
) -> None:
    files = {
        "src/main.py": "import other\ndef main():\n    return other.X\n",
        "lib/other.py": "X = 1",
    }
    ran = await own_ground.run(files, import_roots=["src", "lib"])
    assert ran.outcome.result == 1, ran.output


async def test_without_an_environment_there_is_the_standard_library_alone(
    ground: Ground,
) -> None:
    ran = await ground.run(
        """
import sys

def main():
    try:
        import orjson
    except ModuleNotFoundError:
        return [path for path in sys.path if "site-packages" in path or "dist-packages" in path]
"""
    )
    assert ran.outcome.result == [], ran.output


def version_of(python: Path) -> str:
    said = subprocess.run(
        [python, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=True
    )
    return said.stdout.strip()


async def test_another_interpreter_can_be_chosen(own_ground: Ground) -> None:
    newer = sorted(Path(sys.base_prefix).parent.glob("3.1[0-9]*/bin/python3"))
    others = [Path("/usr/bin/python3"), *newer[-1:]]
    others = [path for path in others if path.exists() and path.resolve() != server_python()]
    if not others:
        pytest.skip("the server's Python is the only one here")
    for python in others:
        wanted = version_of(python)
        ran = await own_ground.run(
            "import sys, zlib\ndef main(a):\n    return [sys.version, a]\n",
            input={"a": "ü"},
            python=python,
        )
        assert ran.outcome.result == [wanted, "ü"], (python, ran.output, ran.outcome)


def test_an_interpreter_below_usr_needs_nothing_mounted() -> None:
    assert find_interpreter(Path("/usr/bin/env")).folder is None  # any program does


def test_an_interpreter_elsewhere_is_mounted_where_it_really_is(tmp_path: Path) -> None:
    """uv gives an interpreter a folder for its exact version, and a link for its minor one."""
    real = tmp_path / "cpython-3.12.1"
    (real / "bin").mkdir(parents=True)
    (real / "bin" / "python3.12").touch()
    link = tmp_path / "cpython-3.12"
    link.symlink_to(real)
    found = find_interpreter(link / "bin" / "python3.12")
    assert (found.executable, found.folder) == (real / "bin" / "python3.12", real)


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="python9"):
        find_interpreter(tmp_path / "python9")
