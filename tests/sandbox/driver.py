"""Runs one package as a test asks for it: in the test's process or, as a script, as another user.

`python driver.py request.json` prints the answer as JSON. Both ways take the same path, so that a
test does not know as whom it runs.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from treadle.sandbox import (
    Command,
    Entry,
    FunctionEntry,
    Limits,
    PythonFile,
    ShellFile,
    collect_output,
    remove_folder,
    run,
)

DEADLINE_SECONDS = 60
"""Of a run that has no limit of its own: a test that hangs says so."""


def entry_of(request: dict[str, Any]) -> Entry:
    """`m.f` or `m:C.f` is a function, `x.py` and `x.sh` are files."""
    name: str = request["entry"]
    if name.endswith(".sh"):
        return ShellFile(name)
    if name.endswith(".py"):
        return PythonFile(name)
    module, _, function = name.rpartition(":" if ":" in name else ".")
    return FunctionEntry(module, function)


def command_of(request: dict[str, Any]) -> Command:
    """The command; its folders exist already."""
    return Command(
        package_dir=Path(request["package_dir"]),
        entry=entry_of(request),
        work_dir=Path(request["work_dir"]),
        output_dir=Path(request["output_dir"]),
        import_roots=tuple(request["import_roots"]),
        environment_dir=Path(request["environment_dir"]) if request["environment_dir"] else None,
        python=Path(request["python"]) if request["python"] else None,
        input=request["input"],
        environ=request["environ"],
        context=request["context"],
        network=request["network"],
        log_level=request["log_level"],
    )


async def execute(request: dict[str, Any]) -> dict[str, Any]:
    """Runs it. `stop_when`: a text in the output at which the run is asked to stop; `announce`: a
    pipe that is written to when the output says READY.
    """
    output = bytearray()
    stop = asyncio.Event()
    marker = request["stop_when"].encode()

    def on_output(chunk: bytes) -> None:
        output.extend(chunk)
        if marker and marker in output:
            stop.set()
        if "announce" in request and b"READY" in output:
            Path(request["announce"]).write_text("ready")

    limits = Limits(**{"wall_seconds": DEADLINE_SECONDS, **request["limits"]})
    outcome = await run(
        command_of(request),
        limits,
        on_output=on_output,
        stop=stop,
        grace_seconds=request["grace_seconds"],
    )
    answer: dict[str, Any] = {
        "outcome": asdict(outcome),
        "output": output.decode("utf-8", "replace"),
        "collected": asdict(
            collect_output(Path(request["output_dir"]), max_files=100, max_bytes=1_000_000)
        ),
    }
    if request["remove"]:
        remove_folder(Path(request["work_dir"]))
        remove_folder(Path(request["output_dir"]))
    return answer


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text()
    print(json.dumps(asyncio.run(execute(json.loads(text)))))  # noqa: T201
