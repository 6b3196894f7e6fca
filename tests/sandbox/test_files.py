"""Scripts: Python and shell files of a package."""

from __future__ import annotations

import pytest

from sandbox.conftest import Ground

REPORT = """
import __main__, json, os, sys
import beside

with open(os.environ["TREADLE_INPUT"]) as file:
    given = json.load(file)
with open(os.environ["TREADLE_RESULT"], "w") as file:
    json.dump({
        "input": given, "name": __name__, "file": __file__, "argv": sys.argv, "cwd": os.getcwd(),
        "main": __main__.given, "beside": beside.VALUE, "stdin": sys.stdin.read(),
    }, file)
"""


async def test_a_python_file_runs_as_main(ground: Ground) -> None:
    ran = await ground.run(
        {"tools/report.py": REPORT, "tools/beside.py": "VALUE = 7\n"},
        entry="tools/report.py",
        input={"a": [1, "ü"]},
    )
    assert ran.outcome.kind == "finished", ran.output
    assert ran.outcome.result == {
        "input": {"a": [1, "ü"]},
        "name": "__main__",
        "file": "/package/tools/report.py",
        "argv": ["/package/tools/report.py"],
        "cwd": "/work",
        "main": {"a": [1, "ü"]},
        "beside": 7,
        "stdin": "",
    }


async def test_a_python_file_can_start_processes(own_ground: Ground) -> None:
    """Processes of the kind `spawn` import the script again, by its file."""
    ran = await own_ground.run(
        {
            "main.py": """
import multiprocessing

def double(n):
    return n * 2

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(double, range(3)))
"""
        },
        entry="main.py",
    )
    assert ran.output == "[0, 2, 4]\n"
    assert (ran.outcome.kind, ran.outcome.result) == ("finished", None)


async def test_a_python_file_that_raises_is_an_error(own_ground: Ground) -> None:
    ran = await own_ground.run({"main.py": "x = 1\nprint(x / 0)\n"}, entry="main.py")
    assert (ran.outcome.kind, ran.outcome.error_type) == ("error", "ZeroDivisionError")
    assert ran.output.startswith(
        'Traceback (most recent call last):\n  File "/package/main.py", line 2, in <module>\n'
    )
    assert "treadle" not in ran.output


async def test_a_shell_file_runs(ground: Ground) -> None:
    ran = await ground.run(
        {
            "main.sh": """
set -eu
cat > /dev/null
cat "$TREADLE_INPUT"
echo "$0 $PWD $NAME" >&2
yes | head -n 1
printf '{"ok": true}' > "$TREADLE_RESULT"
"""
        },
        entry="main.sh",
        input={"a": 1},
        environ={"NAME": "value"},
    )
    assert ran.outcome.result == {"ok": True}, ran.output
    assert ran.output == '{"a":1}/package/main.sh /work value\ny\n'


@pytest.mark.parametrize(
    ("first_line", "output"),
    [
        ("#!/bin/bash\n", "bash\n"),
        ("#!/usr/bin/env bash\n", "bash\n"),
        ("#! /bin/bash -e\r\n", "bash\n"),
        ("", "other\n"),
    ],
)
async def test_a_shell_file_names_its_interpreter(
    own_ground: Ground, first_line: str, output: str
) -> None:
    ran = await own_ground.run(
        {
            "main.sh": first_line
            + 'if [ -n "${BASH_VERSION:-}" ]; then echo bash; else echo other; fi\n'
        },
        entry="main.sh",
    )
    assert ran.output == output


async def test_an_interpreter_that_is_not_there_is_named(own_ground: Ground) -> None:
    ran = await own_ground.run({"main.sh": "#!/usr/bin/nothing-such\n"}, entry="main.sh")
    assert ran.outcome.kind == "error"
    assert ran.outcome.error == "/usr/bin/nothing-such does not start: No such file or directory"


@pytest.mark.parametrize(
    ("script", "error", "code", "signal"),
    [
        ("exit 3", "ended with exit code 3", 3, None),
        ("kill -SEGV $$", "ended by SIGSEGV", None, 11),
        ("nothing-such", "ended with exit code 127", 127, None),
    ],
)
async def test_how_a_shell_file_fails_is_told(
    own_ground: Ground, script: str, error: str, code: int | None, signal: int | None
) -> None:
    ran = await own_ground.run({"main.sh": script}, entry="main.sh")
    outcome = ran.outcome
    assert (outcome.kind, outcome.error, outcome.exit_code, outcome.signal) == (
        "error",
        error,
        code,
        signal,
    )


@pytest.mark.parametrize("entry", ["missing.py", "missing.sh", "folder.py", "folder.sh"])
async def test_a_file_that_the_package_lacks_is_named(own_ground: Ground, entry: str) -> None:
    ran = await own_ground.run({f"{entry.replace('missing', 'x')}/y": ""}, entry=entry)
    assert ran.outcome.error == f"the package has no file {entry}"


@pytest.mark.parametrize(
    ("script", "kind", "result"),
    [
        ('echo "[1, 2]" > "$TREADLE_RESULT"', "finished", [1, 2]),
        ("true", "finished", None),
        ('echo "{" > "$TREADLE_RESULT"', "error", None),
        (': > "$TREADLE_RESULT"', "error", None),
        ('head -c 2000000 /dev/zero > "$TREADLE_RESULT"', "error", None),
        ('ln -s /package/secret.json "$TREADLE_RESULT"', "finished", None),
        ('ln -s /etc/passwd "$TREADLE_RESULT"', "finished", None),
        ('mkfifo "$TREADLE_RESULT"', "finished", None),
        ('mkdir "$TREADLE_RESULT"', "finished", None),
    ],
)
async def test_the_result_file_is_read_with_distrust(
    own_ground: Ground, script: str, kind: str, result: object
) -> None:
    ran = await own_ground.run({"main.sh": script, "secret.json": "1"}, entry="main.sh")
    assert (ran.outcome.kind, ran.outcome.result) == (kind, result), ran.output
    assert ran.outcome.reason == ("bad_result" if kind == "error" else None)
