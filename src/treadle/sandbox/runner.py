"""Runs one command in a sandbox, from its start to its outcome."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import inspect
import os
from collections.abc import Awaitable, Callable
from typing import Any

from treadle.sandbox.descriptors import readable
from treadle.sandbox.ending import outcome_of
from treadle.sandbox.model import Command, Limits, Outcome, Reason
from treadle.sandbox.process import SandboxProcess, start
from treadle.sandbox.watch import Watch

OnOutput = Callable[[bytes], Awaitable[None] | None]

GRACE_SECONDS = 2.0
_CHUNK_BYTES = 65536


async def run(
    command: Command,
    limits: Limits,
    *,
    on_output: OnOutput,
    stop: asyncio.Event | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> Outcome:
    """Runs `command` to its end, whatever that is. No process of it is left when this returns.

    1. `on_output` gets stdout and stderr, merged, as they come and in order, with no regard to
       borders of lines or characters. While it has not returned (or its awaitable is not
       done) nothing more is read, and the code waits in its next write. All that was written has
       been handed over when `run` returns.
    2. When `stop` is set or `limits.wall_seconds` are over, the code's main process gets SIGTERM
       and `grace_seconds` to end; then, as at every other broken limit, everything is killed.
    3. When the main process ends, what it has left behind is killed.

    Raises SandboxUnavailable when no sandbox can be made here, what `on_output` raises, and
    CancelledError; each leaves nothing running. The running loop's thread must outlive the
    run: the sandbox dies with it.
    """
    if stop is not None and stop.is_set():
        return Outcome(kind="failed", reason="stopped")
    sandbox = await start(command, limits)
    watch = Watch(
        proc=sandbox.proc,
        tmp=sandbox.tmp,
        folders=(command.work_dir, command.output_dir),
        limits=limits,
    )
    tasks = _Tasks(sandbox, watch, limits, on_output=on_output, stop=stop)
    try:
        reason = await tasks.until_end_or_reason(limits.wall_seconds)
        if reason in ("timeout", "stopped"):
            sandbox.terminate()
            await asyncio.wait({sandbox.ended}, timeout=grace_seconds)
        sandbox.kill()
        end = await sandbox.ended
        await tasks.output
        reports = await tasks.reports
        if reason is None and await asyncio.to_thread(watch.disk_broken):
            reason = "disk"
    finally:
        await asyncio.shield(tasks.close())
    peak = reports.ended.max_memory_bytes if reports.ended else 0
    return outcome_of(
        command,
        limits,
        reason=reason,
        reports=reports,
        cpu_seconds=end.cpu_seconds,
        max_memory_bytes=max(peak, watch.max_memory_bytes),
    )


class _Tasks:
    """What goes on beside a running sandbox."""

    def __init__(
        self,
        sandbox: SandboxProcess,
        watch: Watch,
        limits: Limits,
        *,
        on_output: OnOutput,
        stop: asyncio.Event | None,
    ) -> None:
        create = asyncio.get_running_loop().create_task
        self._sandbox = sandbox
        self.output = create(_hand_over(sandbox.output, on_output, or_done=sandbox.ended))
        self.reports = create(
            sandbox.control.reports(
                process_1=sandbox.process_1,
                result_bytes=limits.result_bytes,
                or_done=sandbox.ended,
            )
        )
        self._watch = create(watch.broken_limit(or_done=sandbox.ended))
        self._stop = create(stop.wait()) if stop is not None else None

    async def until_end_or_reason(self, wall_seconds: float | None) -> Reason | None:
        """None when the sandbox came to its end, else why it is to be stopped."""
        waiting: set[asyncio.Future[Any]] = {
            self._sandbox.ended,
            self.output,
            self.reports,
            self._watch,
        }
        if self._stop is not None:
            waiting.add(self._stop)
        deadline = asyncio.get_running_loop().time() + (wall_seconds or 0)
        while True:
            left = None
            if wall_seconds is not None:
                left = max(0.0, deadline - asyncio.get_running_loop().time())
            done, waiting = await asyncio.wait(
                waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if self._sandbox.ended in done:
                return None
            if not done:
                return "timeout"
            if self._stop in done:
                return "stopped"
            if self._watch in done:
                return self._watch.result()
            if self.output in done:
                self.output.result()  # raises what the consumer raised
            if self.reports in done and self.reports.result().too_large:
                return "bad_result"

    async def close(self) -> None:
        """Ends the sandbox, then everything that looks at it, then closes the descriptors."""
        self._sandbox.kill()
        await self._sandbox.ended
        for task in (self.output, self._stop):
            if task is not None:
                task.cancel()
        for task in (self.output, self.reports, self._watch, self._stop):
            if task is not None:
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task  # the first fault has been raised already
        await self._sandbox.close()


async def _hand_over(fd: int, on_output: OnOutput, *, or_done: asyncio.Future[Any]) -> None:
    """Reads to the end: of the pipe or, after `or_done`, of what is in it.

    A descriptor of it can live on elsewhere, sent over a socket while the network was open: what is
    read after the end is bounded by what a pipe can hold.
    """
    rest: int | None = None
    while rest is None or rest > 0:
        ended = or_done.done()
        if ended and rest is None:
            rest = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
        try:
            chunk = os.read(fd, _CHUNK_BYTES)
        except BlockingIOError:
            if ended:
                return
            await readable(fd, or_done=or_done)
            continue
        if not chunk:
            return
        if rest is not None:
            rest -= len(chunk)
        handed = on_output(chunk)
        if inspect.isawaitable(handed):
            await handed
        else:
            await asyncio.sleep(0)  # a flood must not keep the loop from everything else
