"""How a function gets its input and what becomes of what it returns or raises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.conftest import Ground
from treadle.core.errors import BadInput
from treadle.sandbox import Command, FunctionEntry, PythonFile, ShellFile

HANDLERS = """
import functools

def plain(a, b=2, *, c=3):
    return [a, b, c]

def everything(a, **rest):
    return [a, rest]

def by_position(a, b=2, c=3, /, d=4):
    return [a, b, c, d]

def nothing():
    return "nothing"

def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return ["wrapped", function(*args, **kwargs)]
    return wrapper

decorated = logged(plain)
partial = functools.partial(plain, b=20)

class Handler:
    def __init__(self, a):
        self.a = a
    def __await__(self):
        yield from ()
        return self.a

    @staticmethod
    def static(a):
        return a

async def asynchronous(a):
    import asyncio
    await asyncio.sleep(0)
    return a

def with_input(input):
    return input

def with_context(context, a=0):
    assert context["run_id"] == context.run_id and not hasattr(context, "nothing_such")
    return {**context, "a": a}
"""


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        ("plain", {"a": 1}, [1, 2, 3]),
        ("plain", {"a": 1, "c": None, "unknown": 5}, [1, 2, None]),
        ("everything", {"a": 1, "x": 2}, [1, {"x": 2}]),
        ("by_position", {"a": 1, "c": 30, "d": 40}, [1, 2, 30, 40]),
        ("nothing", {"a": 1}, "nothing"),
        ("nothing", None, "nothing"),
        ("decorated", {"a": 1}, ["wrapped", [1, 2, 3]]),
        ("partial", {"a": 1}, [1, 20, 3]),
        ("Handler", {"a": 1}, 1),
        ("Handler.static", {"a": 1}, 1),
        ("asynchronous", {"a": 1}, 1),
        ("with_input", [1, "ü", None], [1, "ü", None]),
        ("with_input", {"input": 1}, 1),
    ],
)
async def test_a_function_gets_what_it_asks_for(
    own_ground: Ground, function: str, given: object, expected: object
) -> None:
    ran = await own_ground.run({"handlers.py": HANDLERS}, entry=f"handlers:{function}", input=given)
    assert (ran.outcome.kind, ran.outcome.result) == ("finished", expected), ran.output


async def test_a_missing_input_is_named(own_ground: Ground) -> None:
    ran = await own_ground.run("def main(a, b, c=1, *, d):\n    pass\n", input={"a": 1, "e": 2})
    assert ran.outcome.error == "the function needs the input 'b', 'd'"
    assert (ran.outcome.kind, ran.outcome.error_type) == ("error", "InputError")
    assert ran.output == "InputError: the function needs the input 'b', 'd'\n"


async def test_the_context_tells_of_the_run(own_ground: Ground) -> None:
    ran = await own_ground.run(
        {"handlers.py": HANDLERS},
        entry="handlers.with_context",
        input={"a": 1, "x": 2},
        context={"run_id": "r-1", "attempt": 3},
        log_level="DEBUG",
    )
    assert ran.outcome.result == {
        "run_id": "r-1",
        "attempt": 3,
        "input": {"a": 1, "x": 2},
        "work_dir": "/work",
        "output_dir": "/output",
        "log_level": "DEBUG",
        "a": 1,
    }, ran.output


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("{1, 2}", "a value of type set has no JSON form"),
        ("float('nan')", "not JSON"),
        ("{(1, 2): 3}", "keys must be str"),
        ("chr(0xD800)", "not JSON"),
        ("'x' * 2_000_000", "2,000,002 bytes of JSON, more than 1,048,576"),
        ("recursive", "not JSON"),
        ("deep", "nests deeper than"),
    ],
)
async def test_what_is_no_result_is_an_error(own_ground: Ground, returned: str, said: str) -> None:
    ran = await own_ground.run(
        f"""
recursive = []
recursive.append(recursive)
deep = []
for _ in range(100):
    deep = [deep]

def main():
    return {returned}
"""
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("error", "bad_result")
    assert said in (ran.outcome.error or ""), ran.outcome


async def test_an_input_may_be_large(own_ground: Ground) -> None:
    ran = await own_ground.run(
        "def main(text):\n    return len(text)\n", input={"text": "ü" * 3_000_000}
    )
    assert ran.outcome.result == 3_000_000, ran.output


async def test_a_result_may_be_as_large_as_the_limit(own_ground: Ground) -> None:
    ran = await own_ground.run(
        "def main(size):\n    return 'ü' * size\n",
        input={"size": 499_999},
        limits={"result_bytes": 1_000_000},
    )
    assert ran.outcome.result == "ü" * 499_999


async def test_an_exception_is_shown_without_our_own_frames(own_ground: Ground) -> None:
    ran = await own_ground.run(
        {
            "jobs/__init__.py": "",
            "jobs/main.py": """
class OutOfStock(Exception):
    pass

def check(item):
    raise OutOfStock(f"no {item} left")

async def main(item):
    check(item)
""",
        },
        entry="jobs.main.main",
        input={"item": "tea"},
    )
    assert ran.outcome.kind == "error"
    assert (ran.outcome.error_type, ran.outcome.error) == ("OutOfStock", "no tea left")
    assert ran.outcome.exit_code == 1
    lines = ran.output.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == '  File "/package/jobs/main.py", line 9, in main'
    assert lines[-1] == "jobs.main.OutOfStock: no tea left"
    assert "treadle" not in ran.output


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("import nothing_such\n", "ModuleNotFoundError", "No module named 'nothing_such'"),
        ("def main(:\n", "SyntaxError", "line 1"),
        ("main = 5\n", "EntryPointError", "the module main has no function main"),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt", ""),
        (
            "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\nraise Odd\n",
            "Odd",
            "",
        ),
        ("raise ValueError('x' * 10_000 + chr(0xDC80))\n", "ValueError", "xxx"),
    ],
)
async def test_code_that_cannot_be_loaded_says_why(
    own_ground: Ground, code: str, kind: str, said: str
) -> None:
    ran = await own_ground.run(code)
    assert (ran.outcome.kind, ran.outcome.error_type) == ("error", kind), ran.output
    assert said in (ran.outcome.error or "")
    assert len(ran.outcome.error or "") <= 4000


async def test_a_module_that_the_package_lacks_is_named(own_ground: Ground) -> None:
    ran = await own_ground.run({"other.py": ""}, entry="main.main")
    assert ran.outcome.error == "the package has no module main"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("sys.exit()", ("finished", None, 0)),
        ("sys.exit(0)", ("finished", None, 0)),
        ("sys.exit(3)", ("error", "ended with exit code 3", 3)),
        ("sys.exit('no tea')", ("error", "no tea", 1)),
        ("exit(4)", ("error", "ended with exit code 4", 4)),
        ("os._exit(5)", ("error", "ended with exit code 5", 5)),
        ("os.kill(os.getpid(), signal.SIGSEGV)", ("error", "ended by SIGSEGV", None)),
        ("os.abort()", ("error", "ended by SIGABRT", None)),
    ],
)
async def test_an_exit_is_honoured(
    own_ground: Ground, call: str, expected: tuple[Any, ...]
) -> None:
    ran = await own_ground.run(f"import os, signal, sys\ndef main():\n    {call}\n")
    outcome = ran.outcome
    assert (outcome.kind, outcome.error, outcome.exit_code) == expected


async def test_a_run_that_somebody_kills_says_so(own_ground: Ground) -> None:
    ran = await own_ground.run(
        "import os, signal\ndef main():\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "killed")


async def test_the_interpreter_ends_in_order_after_the_function(own_ground: Ground) -> None:
    """Open files are written, exit handlers and threads run to their end, forks say nothing."""
    ran = await own_ground.run(
        """
import atexit, os, threading

file = open("/output/file", "w")
atexit.register(print, "exit handler")

def finish(event):
    event.wait()
    print("thread")

def main():
    event = threading.Event()
    threading.Thread(target=finish, args=[event]).start()
    file.write("written")
    if os.fork() == 0:
        event.set()
        return "from the fork"
    os.wait()
    event.set()
    return "from the function"
"""
    )
    assert ran.outcome.result == "from the function", ran.output
    assert (ran.output_dir / "file").read_text() == "written"
    assert "thread\n" in ran.output
    assert "exit handler\n" in ran.output


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("WARNING", "WARNING shop: warning\nlib line\n"),
        ("DEBUG", "DEBUG shop: debug\nINFO shop: info\nWARNING shop: warning\nlib line\n"),
        ("NONSENSE", "warning\nlib line\n"),
    ],
)
async def test_the_log_level_holds_until_the_code_sets_up_logging(
    own_ground: Ground, level: str, expected: str
) -> None:
    ran = await own_ground.run(
        """
import logging, os, sys

log = logging.getLogger("shop")

def main():
    assert os.environ["TREADLE_LOG_LEVEL"]
    log.debug("debug")
    log.info("info")
    log.warning("warning")
    logging.basicConfig(format="lib %(message)s", stream=sys.stdout)
    log.warning("line")
""",
        log_level=level,
    )
    assert ran.outcome.kind == "finished", ran.output
    assert ran.output == expected


async def test_macros_are_the_environment(own_ground: Ground) -> None:
    ran = await own_ground.run(
        """
import os, subprocess

def main():
    program = subprocess.run(["sh", "-c", "echo $TOKEN"], capture_output=True, text=True)
    return [os.environ["TOKEN"], program.stdout, os.environ["HOME"], os.getcwd()]
""",
        environ={"TOKEN": "ü=1", "HOME": "/tmp", "LD_PRELOAD": ""},
    )
    assert ran.outcome.result == ["ü=1", "ü=1\n", "/tmp", "/work"], ran.output


async def test_a_fork_that_fails_does_not_speak_for_the_run(own_ground: Ground) -> None:
    ran = await own_ground.run(
        """
import os

def main():
    if os.fork() == 0:
        raise ValueError("in the fork")
    os.wait()
    return "fine"
"""
    )
    assert ran.outcome.result == "fine", ran.outcome
    assert "ValueError: in the fork" in ran.output


@pytest.mark.parametrize(
    ("name", "value"), [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0"), ("A", "\ud800")]
)
def test_a_variable_that_cannot_be_set_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadInput, match="environment variable"):
        Command(
            package_dir=Path("p"),
            entry=FunctionEntry("m", "f"),
            work_dir=Path("w"),
            output_dir=Path("o"),
            environ={name: value},
        )


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x.py", "a/../../x.py", "a\0.py"])
def test_an_entry_point_stays_inside_the_package(path: str) -> None:
    for kind in (PythonFile, ShellFile):
        with pytest.raises(BadInput, match="file of the package"):
            kind(path)
    with pytest.raises(BadInput, match=r"module\.function"):
        FunctionEntry(path, "main")


async def test_what_a_run_used_is_told(own_ground: Ground) -> None:
    ran = await own_ground.run("def main():\n    kept = b'x' * 50_000_000\n    sum(range(10**6))\n")
    assert ran.outcome.cpu_seconds > 0
    assert ran.outcome.max_memory_bytes > 50_000_000
