"""Environments, with real installations from the package index where uv's own answer matters."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import uv

from treadle.core.errors import BadInput
from treadle.packages.environments import EnvironmentFailed, Environments
from treadle.packages.uv_command import current_interpreter
from treadle.packages.uv_runner import OnChunk, Runner, run_plain

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
UV = Path(uv.find_uv_bin())


class CountingRunner:
    """The plain runner, which counts what it starts and remembers how."""

    def __init__(self) -> None:
        self.calls: list[Sequence[str]] = []
        self.rw_paths: Sequence[Path] = ()
        self.env: Mapping[str, str] = {}

    async def __call__(
        self,
        *,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        rw_paths: Sequence[Path],
        ro_paths: Sequence[Path],
        on_output: OnChunk,
    ) -> int:
        self.calls.append(argv)
        self.rw_paths = rw_paths
        self.env = env
        return await run_plain(
            argv=argv,
            env=env,
            cwd=cwd,
            rw_paths=rw_paths,
            ro_paths=ro_paths,
            on_output=on_output,
        )


class ScriptRunner:
    """Starts a shell script in uv's place, for what uv cannot be made to do on demand."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.calls = 0

    async def __call__(
        self,
        *,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        rw_paths: Sequence[Path],
        ro_paths: Sequence[Path],
        on_output: OnChunk,
    ) -> int:
        self.calls += 1
        return await run_plain(
            argv=["/bin/sh", "-c", self.script, *argv],
            env=env,
            cwd=cwd,
            rw_paths=rw_paths,
            ro_paths=ro_paths,
            on_output=on_output,
        )


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.came = asyncio.Event()

    async def __call__(self, line: str) -> None:
        self.lines.append(line)
        self.came.set()


@pytest.fixture
def log() -> Log:
    return Log()


def make(
    cache: Path,
    *,
    runner: Runner = run_plain,
    timeout: timedelta = timedelta(seconds=90),
    allow_builds: bool = False,
    version: str | None = None,
) -> Environments:
    interpreter = current_interpreter()
    return Environments(
        cache=cache,
        uv=UV,
        interpreter=replace(interpreter, version=version or interpreter.version),
        environ={**os.environ, "TREADLE_SECRET": "secret"},
        timeout=timeout,
        runner=runner,
        allow_builds=allow_builds,
    )


async def _ensure(
    environments: Environments,
    log: Log,
    *requirements: str,
    tenant: str = "t1",
    requires_python: str | None = None,
    now: datetime = NOW,
) -> Path | None:
    return await environments.ensure(
        tenant=tenant,
        requirements=requirements,
        requires_python=requires_python,
        now=now,
        on_output=log,
    )


def _ready(cache: Path) -> list[Path]:
    return list(cache.glob("envs/*/[0-9a-f]*"))


def _workspaces(cache: Path) -> list[Path]:
    return list(cache.glob("envs/*/.building/*"))


async def test_real_packages_are_installed_once(tmp_path: Path, log: Log) -> None:
    runner = CountingRunner()
    umask = os.umask(0o077)
    try:
        first = await _ensure(make(tmp_path, runner=runner), log, "six", "idna>=2")
    finally:
        os.umask(umask)
    assert first is not None
    assert len(runner.calls) == 1

    # It works as a plain folder on the path of a Python that knows no other packages.
    program = "import idna, six; print(idna.__file__, six.__file__)"
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": str(first)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == [str(first / "idna" / "__init__.py"), str(first / "six.py")]

    # Readable by all, written by nobody else, with its bytecode, without uv's own lock.
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [first, *first.rglob("*")]}
    assert modes <= {0o755, 0o644}
    assert list(first.glob("__pycache__/six.*.pyc"))
    assert not (first / ".lock").exists()

    # uv's words came as they were, without a path of this machine.
    assert any("six" in line for line in log.lines)
    assert not any(str(tmp_path) in line or sys.prefix in line for line in log.lines)
    assert "TREADLE_SECRET" not in runner.env

    # Again, in another order and spelling, in another process's object: uv does not start.
    again = await _ensure(make(tmp_path, runner=runner), log, "IDNA >=2", "six")
    assert again == first
    assert len(runner.calls) == 1
    assert _workspaces(tmp_path) == []


async def test_missing_package_fails_with_uvs_words(tmp_path: Path, log: Log) -> None:
    with pytest.raises(EnvironmentFailed) as caught:
        await _ensure(make(tmp_path), log, "treadle-no-such-package-9f3a")

    message = str(caught.value)
    assert message.startswith("the dependencies cannot be installed: error: ")
    assert "treadle-no-such-package-9f3a was not found" in message
    assert str(tmp_path) not in message
    assert len(message) < 2_100
    assert _ready(tmp_path) == []
    assert _workspaces(tmp_path) == []


async def test_source_distribution_is_not_built_without_a_sandbox(tmp_path: Path, log: Log) -> None:
    # docopt has never published a wheel.
    with pytest.raises(EnvironmentFailed, match="no usable wheels"):
        await _ensure(make(tmp_path), log, "docopt==0.6.2")


def test_builds_are_never_allowed_without_a_sandbox(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only built by a runner with a sandbox"):
        make(tmp_path, allow_builds=True)


async def test_builds_share_no_downloads_with_anybody(tmp_path: Path, log: Log) -> None:
    runner = CountingRunner()
    folder = await _ensure(make(tmp_path, runner=runner, allow_builds=True), log, "docopt==0.6.2")

    assert folder is not None
    assert (folder / "docopt.py").stat().st_nlink == 1
    workspace, uv_cache = runner.rw_paths
    assert uv_cache.is_relative_to(workspace)
    assert not (tmp_path / "uv").exists()


async def test_nothing_required_is_no_environment(tmp_path: Path, log: Log) -> None:
    runner = CountingRunner()
    assert await _ensure(make(tmp_path, runner=runner), log) is None
    assert runner.calls == []
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - the other way is refused in a coroutine


async def test_requirement_for_another_platform_is_an_empty_environment(
    tmp_path: Path, log: Log
) -> None:
    folder = await _ensure(make(tmp_path), log, "six ; sys_platform == 'win32'")

    assert folder is not None
    assert [path.name for path in folder.iterdir() if path.name != "bin"] == []


async def test_python_that_does_not_fit(tmp_path: Path, log: Log) -> None:
    runner = CountingRunner()
    environments = make(tmp_path, runner=runner, version="3.11.7")

    for requirements in ((), ("six",)):
        with pytest.raises(EnvironmentFailed, match=r"requires Python >=3\.12, runs have Python 3"):
            await _ensure(environments, log, *requirements, requires_python=">=3.12")
    assert runner.calls == []


@pytest.mark.parametrize("text", ["--index-url=http://x", "six @ file:///tmp/six", "./six"])
async def test_requirement_that_is_no_name_never_reaches_uv(
    tmp_path: Path, log: Log, text: str
) -> None:
    runner = CountingRunner()
    with pytest.raises(EnvironmentFailed) as caught:
        await _ensure(make(tmp_path, runner=runner), log, text)
    assert isinstance(caught.value.__cause__, BadInput)
    assert runner.calls == []


# What follows needs no index: a script stands in uv's place.

INSTALL = 'for arg; do case "$arg" in --target=*) mkdir "${arg#--target=}";; esac; done; echo done'


async def test_tenants_have_their_own_environments_and_downloads(tmp_path: Path, log: Log) -> None:
    runner = ScriptRunner(INSTALL)
    environments = make(tmp_path, runner=runner)
    one = await _ensure(environments, log, "six", tenant="t1")
    two = await _ensure(environments, log, "six", tenant="t2")

    assert one != two
    assert runner.calls == 2
    folders = sorted(path.name for path in (tmp_path / "uv").iterdir() if path.is_dir())
    assert folders == ["t1", "t2"]


async def test_many_at_once_install_once(tmp_path: Path, log: Log) -> None:
    runner = ScriptRunner(INSTALL)
    # Each its own object, as each process has.
    waiting = (_ensure(make(tmp_path, runner=runner), log, "six") for _ in range(8))

    assert len(set(await asyncio.gather(*waiting))) == 1
    assert runner.calls == 1


async def test_output_comes_while_uv_works(tmp_path: Path, log: Log) -> None:
    runner = ScriptRunner(f"echo started; read -r _ < {tmp_path}/go; {INSTALL}")
    os.mkfifo(tmp_path / "go")
    task = asyncio.create_task(_ensure(make(tmp_path / "cache", runner=runner), log, "six"))
    await asyncio.wait_for(log.came.wait(), 60)

    assert log.lines == ["started"]
    assert not task.done()
    await asyncio.to_thread((tmp_path / "go").write_text, "go\n")
    assert await task is not None
    assert log.lines == ["started", "done"]


async def test_timeout_kills_uv_and_leaves_nothing(tmp_path: Path, log: Log) -> None:
    # The number tells this test's processes from all others.
    number = f"600.{uuid.uuid4().int}"
    runner = ScriptRunner(f"sleep {number} & sleep {number}")
    environments = make(tmp_path, runner=runner, timeout=timedelta(seconds=1))

    with pytest.raises(EnvironmentFailed, match="were not installed within 1 seconds"):
        await _ensure(environments, log, "six")

    await asyncio.to_thread(_wait_until_gone, number)
    assert _workspaces(tmp_path) == []


async def test_cancel_kills_uv_and_leaves_nothing(tmp_path: Path, log: Log) -> None:
    number = f"600.{uuid.uuid4().int}"
    runner = ScriptRunner(f"sleep {number} & echo started; sleep {number}")
    task = asyncio.create_task(_ensure(make(tmp_path, runner=runner), log, "six"))
    await asyncio.wait_for(log.came.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await asyncio.to_thread(_wait_until_gone, number)
    assert _workspaces(tmp_path) == []
    # The key is free for the next.
    assert await _ensure(make(tmp_path, runner=ScriptRunner(INSTALL)), log, "six") is not None


async def test_failure_without_an_error_line_gives_the_output(tmp_path: Path, log: Log) -> None:
    runner = ScriptRunner("echo killed by somebody; exit 137")
    with pytest.raises(EnvironmentFailed, match="cannot be installed: killed by somebody"):
        await _ensure(make(tmp_path, runner=runner), log, "six")
    with pytest.raises(EnvironmentFailed, match="uv gave no reason"):
        await _ensure(make(tmp_path, runner=ScriptRunner("exit 1")), log, "six")


async def test_long_failure_is_trimmed(tmp_path: Path, log: Log) -> None:
    long = "for i in $(seq 50); do printf '%0200d\\n' 1; done"
    script = f"echo Resolving; echo 'error: too bad'; {long}; exit 2"
    with pytest.raises(EnvironmentFailed) as caught:
        await _ensure(make(tmp_path, runner=ScriptRunner(script)), log, "six")

    message = str(caught.value)
    assert message.startswith("the dependencies cannot be installed: error: too bad\n")
    assert len(message) < 2_100


async def test_failing_log_is_not_a_timeout(tmp_path: Path) -> None:
    async def fail(line: str) -> None:
        raise TimeoutError("the log is slow")

    with pytest.raises(TimeoutError, match="the log is slow"):
        await make(tmp_path, runner=ScriptRunner("echo x")).ensure(
            tenant="t1", requirements=("six",), requires_python=None, now=NOW, on_output=fail
        )


async def test_prune_deletes_unused_environments_and_downloads(tmp_path: Path, log: Log) -> None:
    environments = make(tmp_path, runner=ScriptRunner(INSTALL))
    old = await _ensure(environments, log, "six", tenant="t1", now=NOW - 3 * DAY)
    kept = await _ensure(environments, log, "six", tenant="t2", now=NOW - 3 * DAY)
    assert old is not None
    assert kept is not None
    await _ensure(environments, log, "six", tenant="t2", now=NOW)

    assert environments.prune(older_than=2 * DAY, now=NOW) == 1
    assert [old.exists(), kept.exists()] == [False, True]
    # Downloads count from the last installation, which for both is long ago.
    assert list((tmp_path / "uv").iterdir()) == []


async def test_prune_leaves_downloads_in_use_alone(tmp_path: Path, log: Log) -> None:
    os.mkfifo(tmp_path / "go")
    runner = ScriptRunner(f"echo started; read -r _ < {tmp_path}/go; {INSTALL}")
    environments = make(tmp_path / "cache", runner=runner)
    task = asyncio.create_task(_ensure(environments, log, "six", now=NOW - 3 * DAY))
    await asyncio.wait_for(log.came.wait(), 60)

    assert environments.prune(older_than=DAY, now=NOW) == 0
    assert (tmp_path / "cache" / "uv" / "t1").is_dir()
    await asyncio.to_thread((tmp_path / "go").write_text, "go\n")
    assert await task is not None


def _wait_until_gone(argument: str) -> None:
    """A killed process may be seen for a moment longer, until its new parent takes note."""
    found = [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if argument in " ".join(process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]
    _, alive = psutil.wait_procs(found, timeout=10)
    assert alive == []
