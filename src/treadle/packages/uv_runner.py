"""Who starts `uv`: the plain way, and the shape of any other (the sandbox's, for one)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

OnChunk = Callable[[bytes], Awaitable[None]]

_CHUNK_BYTES = 64 * 1024


class Runner(Protocol):
    """Runs one command to its end and returns its exit code.

    Its stdout and stderr, merged, go to `on_output` as they come. It sees `env` and nothing else
    of the environment; it needs to write below `rw_paths` and to read `ro_paths`. When the task
    is cancelled the command and all its children are gone before the cancel goes on.
    """

    async def __call__(
        self,
        *,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        rw_paths: Sequence[Path],
        ro_paths: Sequence[Path],
        on_output: OnChunk,
    ) -> int: ...


async def run_plain(
    *,
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    rw_paths: Sequence[Path],
    ro_paths: Sequence[Path],
    on_output: OnChunk,
) -> int:
    """Run the command as it is, in a process group of its own, with no walls: `rw_paths` and
    `ro_paths` are not enforced. Only for commands that run no foreign code."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        env=dict(env),
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    output = process.stdout
    assert output is not None  # noqa: S101 - a pipe was asked for
    try:
        while chunk := await output.read(_CHUNK_BYTES):
            await on_output(chunk)
        return await process.wait()
    finally:
        if process.returncode is None:
            # It may end by itself at this very moment.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            # Until the pipe is empty and closed the event loop holds on to the process.
            while await output.read(_CHUNK_BYTES):
                pass
            await process.wait()
