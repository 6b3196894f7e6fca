"""What is run, within which limits, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from treadle.core.errors import BadInput
from treadle.core.json import Json

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one sandbox may use. All sizes in bytes, all times in seconds; None: no limit.

    `memory_bytes` bounds every single process at once (its private memory: `MemoryError`) and the
    sum over all of them, temporary files in /tmp and /dev/shm included, a quarter second later.
    `processes` counts threads too. `disk_bytes` and `disk_files` bound the work and the output
    folder together. `result_bytes` is the JSON text of the result.
    """

    memory_bytes: int = 512 * MEBIBYTE
    cpu_seconds: int | None = None
    wall_seconds: float | None = None
    processes: int = 64
    open_files: int = 1024
    file_bytes: int = 1024 * MEBIBYTE
    disk_bytes: int = 2048 * MEBIBYTE
    disk_files: int = 100_000
    result_bytes: int = MEBIBYTE


@dataclass(frozen=True, slots=True)
class FunctionEntry:
    """A function of the package, called with the input; what it returns is the result."""

    module: str
    function: str

    def __post_init__(self) -> None:
        for text in (self.module, self.function):
            if not all(part.isidentifier() for part in text.split(".")):
                raise BadInput("the entry point must be module.function", field="entryPoint")


@dataclass(frozen=True, slots=True)
class PythonFile:
    """A Python script of the package, run as `__main__`. `path` is relative to the archive."""

    path: str

    def __post_init__(self) -> None:
        _check_member(self.path)


@dataclass(frozen=True, slots=True)
class ShellFile:
    """A script of the package, run by the interpreter of its `#!` line, else by /bin/sh."""

    path: str

    def __post_init__(self) -> None:
        _check_member(self.path)


Entry = FunctionEntry | PythonFile | ShellFile


@dataclass(frozen=True, slots=True)
class Command:
    """One package to run.

    `package_dir` is shared between runs and read-only inside. Everybody must be able to read what
    lies in it (o+r, folders o+rx): a server that runs as root gives each run a user of its own.
    `work_dir` and `output_dir` are fresh, empty and belong to this run alone.
    `import_roots` are the folders of the package that modules are imported from, "" is its own.
    `environment_dir` is a folder of installed modules, as `site-packages` is one, made for the
    interpreter `python` (by default the server's own, see `interpreter.server_python`); without one
    there is only the standard library.
    `environ` wins over the defaults (PATH, HOME, …). `context` is what a function's parameter
    `context` shows besides `input`, `work_dir`, `output_dir` and `log_level`.
    """

    package_dir: Path
    entry: Entry
    work_dir: Path
    output_dir: Path
    import_roots: tuple[str, ...] = ("",)
    environment_dir: Path | None = None
    python: Path | None = None
    input: Json = None
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    context: Mapping[str, Json] = field(default_factory=dict[str, Json])
    network: bool = False
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        for name, value in self.environ.items():
            try:
                text = (name + value).encode("utf-8", "surrogateescape")
            except UnicodeEncodeError:
                text = b"\0"
            if not name or "=" in name or b"\0" in text:
                raise BadInput("an environment variable has a name or value that cannot be set")


Kind = Literal["finished", "error", "failed"]
Reason = Literal["timeout", "stopped", "memory", "processes", "disk", "cpu", "killed", "bad_result"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run.

    `finished`: the code came to its end, `result` is what it returned. `error`: the code's own
    fault, it raised, exited with another code than 0, was ended by a signal or left a result that
    is none (`reason` "bad_result"). `failed`: it was stopped from outside, `reason` says why
    ("killed": nobody here asked for it, most likely the machine ran out of memory).

    `error_type` and `error` (for people, at most 4,000 characters) describe an `error`; the code
    wrote them, so they are shown, never trusted. `exit_code` is None when `signal` ended it.
    `cpu_seconds` covers all its processes; `max_memory_bytes` the largest sum that was seen, at
    least the peak of its main process.
    """

    kind: Kind
    reason: Reason | None = None
    result: Json = None
    error_type: str | None = None
    error: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    cpu_seconds: float = 0.0
    max_memory_bytes: int = 0


def _check_member(path: str) -> None:
    """A member of the archive: relative and inside it, so that it can stand behind /package/."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts or "\0" in path:
        raise BadInput("the entry point must be a file of the package", field="entryPoint")
