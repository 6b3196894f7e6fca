"""One started sandbox: the handles that the server has on it, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import re
import resource
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treadle.core import json
from treadle.sandbox.arguments import (
    USER_MODE_UID,
    Descriptors,
    bwrap_arguments,
    compiled_harness,
)
from treadle.sandbox.control import ControlSocket
from treadle.sandbox.descriptors import readable
from treadle.sandbox.errors import SandboxUnavailable
from treadle.sandbox.inside import treadle_harness as harness
from treadle.sandbox.interpreter import find_interpreter, server_python
from treadle.sandbox.model import Command, FunctionEntry, Limits, PythonFile
from treadle.sandbox.privileges import process_limit_works, run_user, runs_as_root
from treadle.sandbox.seccomp import filter_program

SETUP_SECONDS = 30.0
"""For bubblewrap and the interpreter to start; a machine that needs longer is in trouble."""
_DIAGNOSIS_BYTES = 4096


@dataclass(frozen=True, slots=True)
class End:
    """How bubblewrap ended: everything that was in the sandbox is dead by then."""

    cpu_seconds: float


class SandboxProcess:
    """A sandbox whose code is about to run. Nothing of it is left after `close`.

    `output` is the read end of what it writes. `proc` shows its processes, and only those; `tmp`
    is its /tmp. `ended` is done when every process in it is dead.
    """

    def __init__(
        self,
        *,
        bwrap: subprocess.Popen[bytes],
        control: ControlSocket,
        output: int,
    ) -> None:
        self.control = control
        self.output = output
        self.process_1 = 0
        self.proc = -1
        self.tmp = -1
        self._bwrap = bwrap
        self._bwrap_fd = os.pidfd_open(bwrap.pid)
        self._process_1_fd = -1
        self._setup_deadline = asyncio.get_running_loop().time() + SETUP_SECONDS
        self.ended = asyncio.get_running_loop().create_task(self._wait())

    async def take_over(self, limits: Limits, *, as_root: bool) -> None:
        """Waits for process 1 and takes hold of it, before it gets any orders.

        Raises SandboxUnavailable with bubblewrap's own words when there is no process 1.
        """
        if not await self._found_process_1():
            raise SandboxUnavailable(f"bubblewrap made no sandbox: {self._diagnosis()}")
        try:
            self.proc = os.open(f"/proc/{self.process_1}/root/proc", os.O_RDONLY | os.O_DIRECTORY)
            self.tmp = os.open(f"/proc/{self.process_1}/root/tmp", os.O_RDONLY | os.O_DIRECTORY)
            self._limit(limits, as_root=as_root)
        except OSError as error:
            raise SandboxUnavailable(
                f"the server has no hold on its own sandbox ({error}); is bwrap installed "
                "set-user-id? It must not be"
            ) from error

    def terminate(self) -> None:
        """Asks the code to end (SIGTERM); it may ignore that."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kills everything in the sandbox; `ended` follows. Does nothing to a dead one."""
        self._signal(signal.SIGKILL)

    async def close(self) -> None:
        """Kills what lives, waits for its end and closes all descriptors."""
        if not self.process_1:
            # Cancelled while it starts. Killing bubblewrap would not be enough yet: its child
            # is tied to its life only at the end of its preparations.
            await self._found_process_1()
        self.kill()
        await self.ended
        self.control.close()
        for fd in (self.output, self.proc, self.tmp, self._bwrap_fd, self._process_1_fd):
            if fd >= 0:
                os.close(fd)

    async def _found_process_1(self) -> bool:
        """Whether there is a process 1, which is then known; waits until that is decided."""
        try:
            async with asyncio.timeout_at(self._setup_deadline):
                pid = await self.control.hello(or_done=self.ended)
                if pid is None:
                    await asyncio.shield(self.ended)  # at its end, which is about to show
                    return False
            handle = os.pidfd_open(pid)
        except (TimeoutError, ProcessLookupError):
            return False
        # Had it died and its number gone to another, that one would have another parent.
        if _parent_of(pid) != self._bwrap.pid:
            os.close(handle)
            return False
        self.process_1, self._process_1_fd = pid, handle
        return True

    def _limit(self, limits: Limits, *, as_root: bool) -> None:
        """What process 1 is bound by now, its children will be from their start."""
        for kind, value in _resource_limits(limits, as_root=as_root):
            hard = resource.prlimit(self.process_1, kind)[1]
            bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
            # Over the soft one for processor time comes SIGXCPU, which tells; then SIGKILL.
            soft = max(1, bound - 1) if kind == resource.RLIMIT_CPU else bound
            resource.prlimit(self.process_1, kind, (soft, bound))

    def _signal(self, number: signal.Signals) -> None:
        # Process 1, not bubblewrap, which must live to see it dead; unless there is none.
        fd = self._process_1_fd if self._process_1_fd >= 0 else self._bwrap_fd
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(fd, number)

    async def _wait(self) -> End:
        await readable(self._bwrap_fd)
        _, status, usage = os.wait4(self._bwrap.pid, 0)  # noqa: ASYNC222  # ended, so at once
        self._bwrap.returncode = os.waitstatus_to_exitcode(status)
        return End(cpu_seconds=usage.ru_utime + usage.ru_stime)

    def _diagnosis(self) -> str:
        """What bubblewrap or the interpreter wrote when they failed."""
        try:
            text = os.read(self.output, _DIAGNOSIS_BYTES).decode("utf-8", "replace").strip()
        except BlockingIOError:
            text = ""
        if self._bwrap.returncode is None:
            text = f"{text} (not within {SETUP_SECONDS:g} seconds)".strip()
        return text or f"it ended with code {self._bwrap.returncode} and said nothing"


def find_bwrap() -> str:
    """The path of bubblewrap. Raises SandboxUnavailable when it is not installed."""
    path = shutil.which("bwrap")
    if path is None:
        raise SandboxUnavailable(
            "untrusted code cannot be run: bubblewrap (bwrap) is not installed. Install it with "
            "`sudo apt-get install bubblewrap` (Debian, Ubuntu), `sudo dnf install bubblewrap` "
            "(Fedora, RHEL), `sudo apk add bubblewrap` (Alpine), `sudo pacman -S bubblewrap` "
            "(Arch) or `sudo zypper install bubblewrap` (openSUSE)"
        )
    return path


async def start(command: Command, limits: Limits) -> SandboxProcess:
    """Starts the sandbox and its code. Raises SandboxUnavailable if this machine cannot."""
    as_root = runs_as_root()
    sandbox, user = _spawn(command, limits, as_root=as_root)
    try:
        if as_root:
            for folder in (command.work_dir, command.output_dir):
                os.chown(folder, user, user, follow_symlinks=False)
        await sandbox.take_over(limits, as_root=as_root)
        orders = _orders(command, limits, user=user if as_root else None)
        await sandbox.control.send_orders(orders)
    except BaseException:
        await asyncio.shield(sandbox.close())
        raise
    return sandbox


def _spawn(command: Command, limits: Limits, *, as_root: bool) -> tuple[SandboxProcess, int]:
    """The started bubblewrap and the number of the user inside it.

    On the event loop's thread: `--die-with-parent` means the thread that started it.
    """
    python = command.python or server_python()
    compiled = python == server_python()  # the same version, byte for byte
    with contextlib.ExitStack() as inner, contextlib.ExitStack() as outer:
        # `inner` ends belong to the sandbox and are closed here once it runs; `outer` ones stay
        # open if all goes well.
        control = ControlSocket()
        outer.callback(control.close)
        inner.callback(control.inner.close)
        output, output_in = _pipe(read_end=outer, write_end=inner)
        seccomp, seccomp_in = _pipe(read_end=inner, write_end=inner)
        passwd, passwd_in = _pipe(read_end=inner, write_end=inner)
        group, group_in = _pipe(read_end=inner, write_end=inner)
        arguments = bwrap_arguments(
            command,
            bwrap=find_bwrap(),
            interpreter=find_interpreter(python),
            descriptors=Descriptors(
                control=control.inner.fileno(), seccomp=seccomp, passwd=passwd, group=group
            ),
            as_root=as_root,
            temporary_bytes=limits.memory_bytes // 2,
            compiled=compiled,
        )
        # All far below what a pipe or a socket holds, so that none of this can block.
        os.write(seccomp_in, filter_program())
        if compiled:
            control.send_code(compiled_harness())
        # An empty environment: process 1's is readable inside, and LD_PRELOAD and its like must
        # not reach bubblewrap. Every descriptor that is not named here is closed.
        bwrap = subprocess.Popen(
            arguments,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=output_in,
            stderr=output_in,
            pass_fds=(control.inner.fileno(), seccomp, passwd, group),
        )
        user = run_user(bwrap.pid) if as_root else USER_MODE_UID
        os.write(passwd_in, f"treadle:x:{user}:{user}::{harness.WORK_DIR}:/bin/sh\n".encode())
        os.write(group_in, f"treadle:x:{user}:\n".encode())
        os.set_blocking(output, False)
        sandbox = SandboxProcess(bwrap=bwrap, control=control, output=output)
        outer.pop_all()
    return sandbox, user


def _pipe(*, read_end: contextlib.ExitStack, write_end: contextlib.ExitStack) -> tuple[int, int]:
    out, into = os.pipe()
    read_end.callback(os.close, out)
    write_end.callback(os.close, into)
    return out, into


def _orders(command: Command, limits: Limits, *, user: int | None) -> bytes:
    """What the harness needs to know, in the one format that it reads without an import."""
    entry = command.entry
    orders: dict[str, Any] = {
        "uid": user,
        "environ": _environ(command),
        "paths": _module_paths(command),
        "environment": command.environment_dir is not None,
        "result_bytes": limits.result_bytes,
    }
    if isinstance(entry, FunctionEntry):
        context = {
            "work_dir": harness.WORK_DIR,
            "output_dir": harness.OUTPUT_DIR,
            "log_level": command.log_level,
            **command.context,
        }
        orders |= {"kind": "function", "module": entry.module, "function": entry.function}
        orders |= {"input": command.input, "context": context}
    else:
        kind = "python_file" if isinstance(entry, PythonFile) else "shell_file"
        orders |= {"kind": kind, "path": entry.path, "input_json": json.dump(command.input)}
    return marshal.dumps(orders, 2)  # what every Python 3 reads


def _module_paths(command: Command) -> list[str]:
    """Where modules of the package are, as seen from inside."""
    return [f"{harness.PACKAGE_DIR}/{root}".rstrip("/") for root in command.import_roots]


def _environ(command: Command) -> dict[str, str]:
    python = command.python or server_python()
    folders = [
        str(find_interpreter(python).executable.parent),
        "/usr/local/bin",
        "/usr/bin",
        "/bin",
    ]
    environ = {
        "HOME": harness.WORK_DIR,
        "USER": "treadle",
        "LOGNAME": "treadle",
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TREADLE_LOG_LEVEL": command.log_level,
        "TREADLE_OUTPUT_DIR": harness.OUTPUT_DIR,
    }
    if command.environment_dir is not None:
        folders.insert(0, f"{harness.ENVIRONMENT_DIR}/bin")
        # For the interpreters that the code starts itself.
        environ["PYTHONPATH"] = ":".join([*_module_paths(command), harness.ENVIRONMENT_DIR])
    if not isinstance(command.entry, FunctionEntry):
        environ["TREADLE_INPUT"] = harness.INPUT_FILE
        environ["TREADLE_RESULT"] = f"{harness.WORK_DIR}/{harness.RESULT_NAME}"
    return {**environ, "PATH": ":".join(folders), **command.environ}


def _parent_of(pid: int) -> int:
    """The parent of a process; 0 if there is no such process (any more)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"^PPid:\s*(\d+)$", status, re.MULTILINE)
    return int(found[1]) if found else 0


def _resource_limits(limits: Limits, *, as_root: bool) -> list[tuple[int, int]]:
    """What the kernel enforces for each process (RLIMIT_NPROC: for the run's user)."""
    bounds = [
        # Private memory. Not the address space, of which harmless programs reserve far more than
        # they use; its own bound only keeps shared mappings from growing without end.
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_AS, max(8 * limits.memory_bytes, 8 * 1024**3)),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        # 1 is the kernel's mark for "not even to a core dump program of the host".
        (resource.RLIMIT_CORE, 1),
    ]
    if limits.cpu_seconds is not None:
        bounds.append((resource.RLIMIT_CPU, limits.cpu_seconds + 1))
    if process_limit_works(as_root=as_root):
        # In a user namespace, process 1 is of the same user and counts.
        bounds.append((resource.RLIMIT_NPROC, limits.processes + (0 if as_root else 1)))
    return bounds
