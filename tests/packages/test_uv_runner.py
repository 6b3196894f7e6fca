from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from treadle.packages.uv_runner import OnChunk, run_plain


class Output:
    def __init__(self) -> None:
        self.data = b""
        self.came = asyncio.Event()

    async def __call__(self, chunk: bytes) -> None:
        self.data += chunk
        self.came.set()


@pytest.fixture
def output() -> Output:
    return Output()


async def _run(script: str, *, cwd: Path, on_output: OnChunk) -> int:
    return await run_plain(
        argv=["/bin/sh", "-c", script],
        env={"ONLY": "this"},
        cwd=cwd,
        rw_paths=(cwd,),
        ro_paths=(),
        on_output=on_output,
    )


async def test_output_and_exit_code(output: Output, tmp_path: Path) -> None:
    assert await _run("echo out; echo err >&2; pwd; exit 3", cwd=tmp_path, on_output=output) == 3
    assert output.data.decode().split() == ["out", "err", str(tmp_path)]


async def test_only_the_given_environment(
    output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TREADLE_SECRET", "secret")
    await run_plain(
        argv=[sys.executable, "-c", "import os; print(sorted(os.environ))"],
        env={"ONLY": "this", "LC_ALL": "C"},
        cwd=tmp_path,
        rw_paths=(),
        ro_paths=(),
        on_output=output,
    )
    assert b"'ONLY'" in output.data
    assert b"TREADLE_SECRET" not in output.data
    assert b"PATH" not in output.data


async def test_much_output_comes_whole(output: Output, tmp_path: Path) -> None:
    assert await _run("yes 1234567 | head -n 100000", cwd=tmp_path, on_output=output) == 0
    assert len(output.data) == 800_000


async def test_cancel_kills_the_whole_group(output: Output, tmp_path: Path) -> None:
    task = asyncio.create_task(_run("sleep 600 & echo $! $$; wait", cwd=tmp_path, on_output=output))
    await asyncio.wait_for(output.came.wait(), 60)
    processes = [psutil.Process(int(pid)) for pid in output.data.split()]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []


async def test_cancel_with_a_full_pipe(tmp_path: Path) -> None:
    """Output that nobody takes must not keep the process, or the cancel, waiting."""
    came, never = asyncio.Event(), asyncio.Event()

    async def take_nothing(chunk: bytes) -> None:
        came.set()
        await never.wait()

    task = asyncio.create_task(_run("yes", cwd=tmp_path, on_output=take_nothing))
    await asyncio.wait_for(came.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)


async def test_failing_listener_kills_the_process(tmp_path: Path) -> None:
    async def fail(chunk: bytes) -> None:
        raise RuntimeError("the log is gone")

    with pytest.raises(RuntimeError, match="the log is gone"):
        await _run("echo x; sleep 600", cwd=tmp_path, on_output=fail)


async def test_missing_program(output: Output, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await run_plain(
            argv=["/no/such/uv"], env={}, cwd=tmp_path, rw_paths=(), ro_paths=(), on_output=output
        )
