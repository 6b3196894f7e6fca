"""How runs end: by themselves, by a stop, a timeout, a cancellation, a fault, a dead server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import time
import uuid
from collections.abc import Callable

import pytest
import uvloop

from sandbox import driver
from sandbox.conftest import Ground
from treadle.sandbox import Limits, Outcome, SandboxUnavailable, run

Processes = Callable[[str], list[int]]

STUBBORN = """
import os, signal, subprocess, sys, time

PROGRAM = '''
import signal, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
while True:
    time.sleep(60)
'''

def daemon(marker):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", PROGRAM, marker])
        os._exit(0)
    os.wait()

def main(marker, stay):
    for _ in range(2):
        daemon(marker)
    subprocess.Popen([sys.executable, "-c", PROGRAM, marker], start_new_session=True)
    while sum(marker in open(f"/proc/{pid}/cmdline").read()
              for pid in os.listdir("/proc") if pid.isdigit()) < 3:
        pass
    if stay:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("READY", flush=True)
        while True:
            time.sleep(60)
    return "done"
"""


@pytest.fixture
def marker() -> str:
    return f"treadle-marker-{uuid.uuid4().hex}"


async def test_what_outlives_the_main_process_is_killed(
    ground: Ground, marker: str, processes_with: Processes
) -> None:
    """Daemons keep the output open and ignore every signal that can be ignored."""
    ran = await ground.run(STUBBORN, input={"marker": marker, "stay": False})
    assert (ran.outcome.kind, ran.outcome.result) == ("finished", "done"), ran.output
    assert processes_with(marker) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"stop_when": "READY"}, "stopped"), ({"limits": {"wall_seconds": 3}}, "timeout")],
)
async def test_nothing_withstands_the_end(
    ground: Ground,
    marker: str,
    processes_with: Processes,
    options: dict[str, object],
    reason: str,
) -> None:
    ran = await ground.run(
        STUBBORN, input={"marker": marker, "stay": True}, grace_seconds=0.2, **options
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", reason), ran.output
    assert "READY" in ran.output
    assert processes_with(marker) == []


async def test_a_stop_lets_the_code_say_goodbye(ground: Ground) -> None:
    """The code sleeps shortly and often: a handler waits for the end of a sleep that begins just
    as its signal comes."""
    ran = await ground.run(
        """
import os, signal, sys, time

def end(*_):
    os.write(1, b"goodbye\\n")
    sys.exit(0)

def main():
    signal.signal(signal.SIGTERM, end)
    os.write(1, b"READY\\n")
    while True:
        time.sleep(0.05)
""",
        stop_when="READY",
        grace_seconds=30,
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "stopped")
    assert ran.output == "READY\ngoodbye\n"


async def test_a_stop_reaches_a_script(ground: Ground) -> None:
    ran = await ground.run(
        {"main.sh": "trap 'echo goodbye; exit 0' TERM\necho READY\nsleep 600 & wait\n"},
        entry="main.sh",
        stop_when="READY",
        grace_seconds=30,
    )
    assert (ran.outcome.kind, ran.outcome.reason) == ("failed", "stopped")
    assert ran.output == "READY\ngoodbye\n"


async def test_a_run_that_is_stopped_before_it_starts_does_not_start(own_ground: Ground) -> None:
    stop = asyncio.Event()
    stop.set()
    request = own_ground.request("def main():\n    open('/output/ran', 'w')\n")
    command = driver.command_of(request)
    outcome = await run(command, Limits(), on_output=lambda _: None, stop=stop)
    assert outcome == Outcome(kind="failed", reason="stopped")
    assert list(command.output_dir.iterdir()) == []


async def test_cancelling_leaves_nothing_running(
    own_ground: Ground, marker: str, processes_with: Processes
) -> None:
    request = own_ground.request(STUBBORN, input={"marker": marker, "stay": True})
    ready = asyncio.Event()

    def on_output(chunk: bytes) -> None:
        if b"READY" in chunk:
            ready.set()

    task = asyncio.create_task(run(driver.command_of(request), Limits(), on_output=on_output))
    await asyncio.wait_for(ready.wait(), 60)
    assert len(processes_with(marker)) >= 3
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert processes_with(marker) == []


async def test_cancelling_while_it_starts_leaves_nothing_running(
    own_ground: Ground, processes_with: Processes
) -> None:
    request = own_ground.request("import time\ndef main():\n    time.sleep(600)\n")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    task = asyncio.create_task(run(driver.command_of(request), Limits(), on_output=lambda _: None))
    await asyncio.sleep(0)  # the task has started bubblewrap, and waits for its sandbox
    # A program's files are closed a moment before its arguments can be read. The event loop stands
    # still meanwhile: the run must not get any further.
    end = time.monotonic() + 60
    while not processes_with(request["work_dir"]):
        assert time.monotonic() < end
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert processes_with(request["work_dir"]) == []
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


async def test_a_consumer_that_fails_ends_the_run_with_its_error(
    own_ground: Ground, marker: str, processes_with: Processes
) -> None:
    request = own_ground.request(STUBBORN, input={"marker": marker, "stay": True})

    async def on_output(chunk: bytes) -> None:
        await asyncio.sleep(0)
        if b"READY" in chunk:
            raise OSError("the log is full")

    with pytest.raises(OSError, match="the log is full"):
        await run(driver.command_of(request), Limits(), on_output=on_output)
    assert processes_with(marker) == []


async def test_no_descriptor_is_left_open(own_ground: Ground) -> None:
    await own_ground.run("def main():\n    pass\n")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for code in ("def main():\n    pass\n", "import nothing_such\n"):
        await own_ground.run(code)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


async def test_a_sandbox_dies_with_its_server(
    ground: Ground, marker: str, processes_with: Processes
) -> None:
    """kill -9, after which the server can do nothing any more."""
    request = ground.request(STUBBORN, input={"marker": marker, "stay": True}, stop_when="never")
    ready = ground.place / "ready"
    request["announce"] = str(ready)
    os.mkfifo(ready)
    os.chown(ready, *(ready.parent.stat().st_uid,) * 2)
    server = ground.driver_process(request, stdout=subprocess.DEVNULL)
    waiting = os.open(ready, os.O_RDONLY | os.O_NONBLOCK)
    handles: list[int] = []
    try:
        assert select.select([waiting], [], [], 60)[0], "the run never became ready"
        # The stubborn ones, and bubblewrap, which names the folder.
        pids = {*processes_with(marker), *processes_with(request["work_dir"])} - {server.pid}
        handles = [os.pidfd_open(pid) for pid in pids]
        assert len(handles) >= 4
        server.kill()
        server.wait()
        for handle in handles:
            assert select.select([handle], [], [], 30)[0], "a process outlived its server"
    finally:
        server.kill()
        server.wait()
        for handle in handles:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        for fd in (waiting, *handles):
            os.close(fd)
    assert processes_with(marker) + processes_with(request["work_dir"]) == []


async def test_a_sandbox_that_cannot_be_made_leaves_nothing(own_ground: Ground) -> None:
    request = own_ground.request("def main():\n    pass\n")
    request["package_dir"] = str(own_ground.place / "missing")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(SandboxUnavailable, match="missing"):
        await driver.execute(request)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_the_loop_of_production_will_do(own_ground: Ground) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        ran = runner.run(own_ground.run("def main():\n    print('x' * 200_000)\n    return 1\n"))
        assert (ran.outcome.result, len(ran.output)) == (1, 200_001)
        ran = runner.run(
            own_ground.run(
                "import time\ndef main():\n    print('READY')\n    time.sleep(600)\n",
                stop_when="READY",
            )
        )
        assert ran.outcome.reason == "stopped"
