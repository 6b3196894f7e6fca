"""Cached environments: the dependencies of packages, installed by `uv`, each set once.

    <cache>/envs/<tenant>/<key>    a plain folder of modules, ready and never changed
    <cache>/uv/<tenant>            what uv has downloaded for the tenant

Without a sandbox only wheels are installed: building a source distribution runs its code.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

from treadle.core.errors import BadInput
from treadle.packages.blocking import finish_in_thread
from treadle.packages.folder_cache import FolderCache
from treadle.packages.output_lines import OutputLines
from treadle.packages.requirements import check_python, normalise_requirements
from treadle.packages.uv_caches import UvCaches
from treadle.packages.uv_command import (
    Interpreter,
    environment_key,
    install_command,
    install_environment,
    readable_paths,
)
from treadle.packages.uv_runner import Runner, run_plain

OnLine = Callable[[str], Awaitable[None]]
"""Gets each line of uv's output as it comes, without its end: for the run's log."""

_MAX_MESSAGE = 2_000


class EnvironmentFailed(Exception):
    """The dependencies cannot be installed. The message is uv's own, for the run's log."""


class Environments:
    """The environments of one machine, for one Python."""

    def __init__(
        self,
        *,
        cache: Path,
        uv: Path,
        interpreter: Interpreter,
        environ: Mapping[str, str],
        timeout: timedelta,
        runner: Runner = run_plain,
        allow_builds: bool = False,
    ) -> None:
        if allow_builds and runner is run_plain:
            raise ValueError("source distributions are only built by a runner with a sandbox")
        self._folders = FolderCache(cache / "envs")
        self._uv_caches = UvCaches(cache / "uv")
        self._cache = cache
        self._uv = uv
        self._interpreter = interpreter
        self._environ = environ
        self._timeout = timeout
        self._runner = runner
        self._allow_builds = allow_builds

    async def ensure(
        self,
        *,
        tenant: str,
        requirements: Sequence[str],
        requires_python: str | None,
        now: datetime,
        on_output: OnLine,
    ) -> Path | None:
        """The folder to put on the module search path; None when nothing is required.

        Installs only where no process of this machine has before. EnvironmentFailed, with the
        reason, when that fails or takes longer than the timeout; then, and on a cancel, uv and
        what it started are gone and nothing is left of the attempt. Anyone may read the folder,
        nobody may write to it.
        """
        try:
            check_python(requires_python, version=self._interpreter.version)
            wanted = normalise_requirements(list(requirements), where="the package")
        except BadInput as error:
            raise EnvironmentFailed(error.message) from error
        if not wanted:
            return None

        async def build(workspace: Path) -> Path:
            return await self._install(tenant, wanted, workspace, now, on_output)

        limit = asyncio.timeout(self._timeout.total_seconds())
        try:
            async with limit:
                return await self._folders.ensure(
                    tenant=tenant,
                    key=environment_key(self._interpreter, wanted),
                    now=now,
                    build=build,
                )
        except TimeoutError as error:
            if not limit.expired():
                raise
            seconds = int(self._timeout.total_seconds())
            raise EnvironmentFailed(
                f"the dependencies were not installed within {seconds} seconds"
            ) from error

    def prune(self, *, older_than: timedelta, now: datetime) -> int:
        """Delete the environments and download caches that nobody used since `now - older_than`,
        which must be longer than any run; how many environments. Blocks."""
        self._uv_caches.prune(older_than=older_than, now=now)
        return self._folders.prune(older_than=older_than, now=now)

    async def _install(
        self,
        tenant: str,
        requirements: Sequence[str],
        workspace: Path,
        now: datetime,
        on_output: OnLine,
    ) -> Path:
        target = workspace / "site-packages"
        home = workspace / "home"
        home.mkdir()
        lines = OutputLines(on_output, hidden=(workspace, self._cache, *self._interpreter.prefixes))
        async with AsyncExitStack() as stack:
            if self._allow_builds:
                # Foreign build code writes where uv writes: its downloads are its own.
                uv_cache = workspace / "uv-cache"
            else:
                uv_cache = await stack.enter_async_context(self._uv_caches.use(tenant, now=now))
            exit_code = await self._runner(
                argv=install_command(
                    uv=self._uv,
                    interpreter=self._interpreter,
                    requirements=requirements,
                    target=target,
                    allow_builds=self._allow_builds,
                ),
                env=install_environment(self._environ, home=home, uv_cache=uv_cache),
                cwd=home,
                rw_paths=(workspace, uv_cache),
                ro_paths=readable_paths(self._environ, uv=self._uv, interpreter=self._interpreter),
                on_output=lines.feed,
            )
        await lines.close()
        if exit_code != 0:
            raise EnvironmentFailed(_failure(lines.last))
        await finish_in_thread(_finish, target)
        return target


def _failure(lines: Sequence[str]) -> str:
    """uv's error as it says it, without what it did before."""
    starts = [number for number, line in enumerate(lines) if line.startswith("error:")]
    said = "\n".join(lines[starts[0] :] if starts else lines).strip()
    return f"the dependencies cannot be installed: {said[:_MAX_MESSAGE] or 'uv gave no reason'}"


def _finish(target: Path) -> None:
    """Make the folder readable by everyone and writable by nobody else, whatever the umask."""
    # Requirements whose markers all rule this platform out install nothing.
    target.mkdir(exist_ok=True)
    # uv's own lock, of use only while it installs.
    (target / ".lock").unlink(missing_ok=True)
    _set_mode(target, 0o755)
    for parent, folders, files in os.walk(target):
        for name in folders:
            _set_mode(Path(parent, name), 0o755)
        for name in files:
            path = Path(parent, name)
            _set_mode(path, 0o755 if path.lstat().st_mode & stat.S_IXUSR else 0o644)


def _set_mode(path: Path, mode: int) -> None:
    found = path.lstat().st_mode
    if not stat.S_ISLNK(found) and stat.S_IMODE(found) != mode:
        path.chmod(mode)
