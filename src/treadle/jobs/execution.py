"""One attempt, from the package to its result: prepare, run in the sandbox, keep the output."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import structlog

from treadle.core.clock import Clock, utc_now
from treadle.core.errors import BadInput
from treadle.core.json import Json
from treadle.jobs.attempt_store import Ending
from treadle.jobs.files import content_key, output_key
from treadle.jobs.model import Run, RunFile
from treadle.jobs.run_log import RunLog
from treadle.jobs.states import AttemptOutcome
from treadle.packages.cache import CorruptPackage, PackageCache
from treadle.packages.contents import folder_contents
from treadle.packages.entry_points import EntryPoint, resolve
from treadle.packages.environments import EnvironmentFailed, Environments
from treadle.sandbox import (
    Command,
    FunctionEntry,
    Limits,
    Outcome,
    PythonFile,
    SandboxUnavailable,
    ShellFile,
    collect_output,
    remove_folder,
    run,
)
from treadle.storage.errors import StorageError
from treadle.storage.storage import Storage

log = structlog.get_logger()

MAX_OUTPUT_FILES: Final = 1_000
_REMEMBERED_ENTRIES: Final = 4_096

_REASONS: Final = {
    "timeout": ("Timeout", "timed out"),
    "stopped": ("Stopped", "stopped"),
    "memory": ("MemoryLimit", "used more memory than a run may"),
    "processes": ("ProcessLimit", "started more processes than a run may"),
    "disk": ("DiskLimit", "wrote more to its folders than a run may"),
    "cpu": ("CpuLimit", "used more CPU time than a run may"),
    "killed": ("Killed", "was killed by the system"),
    "bad_result": ("BadResult", "left a result that is none"),
}
"""What stopped the code from outside: the name and the words of it."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What one attempt needs. `begin` says whether the code may begin; `stop` ends it early."""

    run: Run
    variables: Mapping[str, str]
    log: RunLog
    stop: asyncio.Event
    begin: Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Executed:
    """How the attempt ended, and the files that it left, already stored."""

    ending: Ending
    files: Sequence[RunFile] = ()


@dataclass(frozen=True, slots=True)
class _Folders:
    work: Path
    output: Path


class Executor:
    """Executes attempts on this machine; `folder` is where their working folders stand.

    `gives_network`: whether runs may have this machine's network, if their jobs ask for it.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        packages: PackageCache,
        environments: Environments,
        limits: Limits,
        folder: Path,
        gives_network: bool = True,
        clock: Clock = utc_now,
    ) -> None:
        self._storage = storage
        self._packages = packages
        self._environments = environments
        self._limits = limits
        self._folder = folder
        self._gives_network = gives_network
        self._clock = clock

    async def execute(self, execution: Execution) -> Executed:
        """Runs the attempt to its end. Raises CancelledError when it is to be handed back; nothing
        of it runs any more then, whichever way this ends.
        """
        folders = self._make_folders(execution.run)
        try:
            return await self._execute(execution, folders)
        except (BadInput, CorruptPackage, EnvironmentFailed, StorageError) as error:
            text = error.message if isinstance(error, BadInput) else str(error)
            await execution.log.note(f"could not be prepared: {text}")
            kind = "BadPackage" if isinstance(error, BadInput) else type(error).__name__
            return Executed(Ending(AttemptOutcome.ERROR, error_type=kind, error=text))
        except SandboxUnavailable as error:
            log.error("run.no_sandbox", error=str(error))
            await execution.log.note("this worker can make no sandbox")
            return Executed(
                Ending(AttemptOutcome.ERROR, error_type="NoSandbox", error="no sandbox on worker")
            )
        finally:
            await asyncio.to_thread(remove_folder, folders.work.parent)

    async def _execute(self, execution: Execution, folders: _Folders) -> Executed:
        if execution.run.network and not self._gives_network:
            await execution.log.note("the job wants the network, which this worker does not give")
            return Executed(
                Ending(AttemptOutcome.ERROR, error_type="NoNetwork", error="no network on worker")
            )
        command = await self._prepare(execution, folders)
        if execution.stop.is_set() or not await execution.begin():
            return Executed(Ending(AttemptOutcome.STOPPED, error_type="Stopped", error="stopped"))
        limits = self._limits
        if execution.run.timeout_seconds:
            limits = replace(limits, wall_seconds=float(execution.run.timeout_seconds))
        outcome = await run(command, limits, on_output=execution.log.write, stop=execution.stop)
        if outcome.kind == "failed":
            await execution.log.note(_REASONS[outcome.reason or "killed"][1])
        files = await self._keep_output(execution, folders.output)
        return Executed(_ending(outcome), files)

    async def _prepare(self, execution: Execution, folders: _Folders) -> Command:
        """The command, once the package and what it depends on are on this machine."""
        job_run = execution.run
        package = job_run.package
        tenant = str(job_run.tenant_id)
        content = content_key(job_run.tenant_id, bytes.fromhex(package["sha256"]))
        package_dir = await self._packages.ensure_unpacked(
            tenant=tenant,
            sha256=package["sha256"],
            name=package["key"],
            now=self._clock(),
            fetch=lambda to: self._storage.download(content, to),
        )
        environment_dir = None
        if package["dependencies"] or package["requires_python"]:
            environment_dir = await self._environments.ensure(
                tenant=tenant,
                requirements=package["dependencies"],
                requires_python=package["requires_python"],
                now=self._clock(),
                on_output=execution.log.note,
            )
        entry = _entry_point(package_dir, package["key"], package["entry_point"])
        return Command(
            package_dir=package_dir,
            entry=_sandbox_entry(entry),
            import_roots=entry.import_roots,
            work_dir=folders.work,
            output_dir=folders.output,
            environment_dir=environment_dir,
            input=job_run.input,
            environ={**execution.variables, **_variables_of(job_run)},
            context={
                "run_id": str(job_run.id),
                "job_id": str(job_run.job_id),
                "job_name": job_run.job_name,
                "attempt": job_run.attempt,
                "tags": job_run.tags,
            },
            network=job_run.network,
            log_level=job_run.log_level,
        )

    async def _keep_output(self, execution: Execution, folder: Path) -> list[RunFile]:
        """Stores what the code left; what can't be taken is named in the log."""
        job_run = execution.run
        output = await asyncio.to_thread(
            collect_output, folder, max_files=MAX_OUTPUT_FILES, max_bytes=self._limits.disk_bytes
        )
        for sentence in output.refused:
            await execution.log.note(sentence)
        kept: list[RunFile] = []
        for number, file in enumerate(output.files):
            key = output_key(job_run.tenant_id, job_run.id, attempt=job_run.attempt, number=number)
            # Nothing of the sandbox lives: what was a file when it was collected still is.
            await self._storage.put_file(key, folder / file.path)
            kept.append(RunFile(file.path, job_run.attempt, number, file.size))
        return kept

    def _make_folders(self, job_run: Run) -> _Folders:
        place = self._folder / f"{job_run.id}-{job_run.attempt}"
        folders = _Folders(place / "work", place / "output")
        for folder in (folders.work, folders.output):
            folder.mkdir(parents=True)
        return folders


@lru_cache(maxsize=_REMEMBERED_ENTRIES)
def _entry_point(package_dir: Path, name: str, text: str) -> EntryPoint:
    """Where the run starts. An unpacked package never changes, so this is read once."""
    return resolve(text, folder_contents(package_dir, name=name))


def _sandbox_entry(entry: EntryPoint) -> FunctionEntry | PythonFile | ShellFile:
    if entry.module is not None and entry.function is not None:
        return FunctionEntry(entry.module, entry.function)
    return ShellFile(entry.path) if entry.kind == "shell_file" else PythonFile(entry.path)


def _variables_of(job_run: Run) -> dict[str, str]:
    """What every run knows of itself; the names are reserved, or a macro would win."""
    return {
        "TREADLE_RUN_ID": str(job_run.id),
        "TREADLE_JOB_ID": str(job_run.job_id),
        "TREADLE_ATTEMPT": str(job_run.attempt),
        "TREADLE_LOG_LEVEL": job_run.log_level,
    }


def _ending(outcome: Outcome) -> Ending:
    """What the database keeps of it. Its texts were written by the code, so they are cleaned."""
    code = outcome.exit_code
    if code is None and outcome.signal is not None:
        code = 128 + outcome.signal  # as a shell says it
    if outcome.kind == "finished":
        return Ending(AttemptOutcome.FINISHED, result=_storable(outcome.result), return_code=code)
    if outcome.kind == "error":
        return Ending(
            AttemptOutcome.ERROR,
            error_type=_clean(outcome.error_type),
            error=_clean(outcome.error),
            return_code=code,
        )
    name, words = _REASONS[outcome.reason or "killed"]
    kind = AttemptOutcome.STOPPED if outcome.reason == "stopped" else AttemptOutcome.FAILED
    return Ending(kind, error_type=name, error=words, return_code=code)


def _storable(value: Json) -> Json:
    """The value as PostgreSQL can hold it: its texts have no NUL."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    if isinstance(value, dict):
        return {key.replace("\0", "\ufffd"): _storable(inner) for key, inner in value.items()}
    return value


def _clean(text: str | None) -> str | None:
    """PostgreSQL's text holds every character but NUL, and UTF-8 no lone surrogates."""
    if text is None:
        return None
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
