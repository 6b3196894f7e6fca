"""`function`: a piece of Python in the same sandbox as jobs, on a worker.

It has the standard library, a folder of its own, no network, and its `input`: the keys of an object
are the handler's arguments, as of a job's function.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog

from treadle.core.errors import BadInput
from treadle.core.ids import new_id
from treadle.core.json import Json
from treadle.sandbox import (
    Command,
    FunctionEntry,
    Limits,
    Outcome,
    SandboxUnavailable,
    remove_folder,
    run,
)
from treadle.workflows.carrying_out import Asked
from treadle.workflows.events import Event, StepSucceeded

log = structlog.get_logger()

DEFAULT_SECONDS: Final = 300.0
"""For a step that says no timeout."""
MODULE: Final = "step"
_SHOWN: Final = 2_000
"""Characters of what the code printed that a failure shows."""

_REASONS: Final = {
    "timeout": ("Timeout", "the function took too long"),
    "memory": ("Function.MemoryLimit", "used more memory than a function may"),
    "processes": ("Function.ProcessLimit", "started more processes than a function may"),
    "disk": ("Function.DiskLimit", "wrote more to its folders than a function may"),
    "cpu": ("Function.CpuLimit", "used more CPU time than a function may"),
    "bad_result": ("Function.BadResult", "left a result that is none"),
}


class FunctionRunner:
    """Runs functions on this machine; `folder` is where their working folders stand."""

    def __init__(self, *, limits: Limits, folder: Path) -> None:
        self._limits = limits
        self._folder = folder

    async def __call__(self, asked: Asked) -> Event:
        """The outcome. Cancelled, nothing of it runs any more when this ends."""
        place = self._folder / f"function-{new_id()}"
        try:
            command = await asyncio.to_thread(_prepared, asked, place)
            outcome, printed = await self._run(command, asked)
        except SandboxUnavailable as error:
            log.error("function.no_sandbox", error=str(error))
            return asked.failed("Function.NoSandbox", "this worker can make no sandbox")
        finally:
            await asyncio.to_thread(_remove, place)
        return _event(asked, outcome, printed)

    async def _run(self, command: Command, asked: Asked) -> tuple[Outcome, str]:
        seconds = asked.timeout_seconds or DEFAULT_SECONDS
        printed = bytearray()

        async def keep(piece: bytes) -> None:
            printed.extend(piece[: max(0, 4 * _SHOWN - len(printed))])

        outcome = await run(command, replace(self._limits, wall_seconds=seconds), on_output=keep)
        return outcome, printed.decode(errors="replace")[:_SHOWN]


def _prepared(asked: Asked, place: Path) -> Command:
    """The code as a package of one module. Everybody may read it: it runs as a user of its own."""
    config = asked.config
    package, work, output = place / "package", place / "work", place / "output"
    for folder in (package, work, output):
        folder.mkdir(parents=True, mode=0o755)
    place.chmod(0o711)
    try:
        source = str(config["code"]).encode()
    except UnicodeEncodeError:
        raise BadInput("config.code: must be text", field="config.code") from None
    module = package / f"{MODULE}.py"
    module.write_bytes(source)
    module.chmod(0o644)
    return Command(
        package_dir=package,
        entry=FunctionEntry(MODULE, config.get("handler", "main")),
        work_dir=work,
        output_dir=output,
        input=_input(config.get("input")),
        context={
            "execution_id": str(asked.effect.execution_id),
            "step": asked.effect.step,
            "attempt": asked.effect.attempt,
            "key": asked.key,
        },
    )


def _input(given: Json) -> Json:
    return {} if given is None else given


def _remove(place: Path) -> None:
    with suppress(FileNotFoundError):
        remove_folder(place)


def _event(asked: Asked, outcome: Outcome, printed: str) -> Event:
    if outcome.kind == "finished":
        return StepSucceeded(asked.effect.step, asked.effect.attempt, outcome.result)
    said: dict[str, Any] = _REASONS
    if outcome.kind == "error" and outcome.reason is None:
        kind = re.sub(r"[^A-Za-z0-9_]", "_", (outcome.error_type or "Error").split(".")[-1])
        return asked.failed(f"Function.{kind}", _told(outcome.error or "", printed))
    name, words = said.get(outcome.reason or "", ("Function.Killed", "was killed by the system"))
    return asked.failed(name, _told(words, printed))


def _told(words: str, printed: str) -> str:
    lines = printed.strip().splitlines()
    return f"{words}\n{lines[-1]}" if lines and lines[-1] not in words else words
