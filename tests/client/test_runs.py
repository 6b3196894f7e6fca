"""Jobs and their runs through both clients, against `treadle serve`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.server import ServeProcess
from treadle.client import AsyncTreadle, Conflict, NotFound, RunFailed, Treadle, WaitTimeout

PASSWORD = "the admin of the client"
PACKAGE = """
import os, time
from pathlib import Path

def main(name="world", seconds=0):
    print(f"Hello, {name}!", flush=True)
    if name == "nobody":
        raise ValueError("there is nobody")
    time.sleep(seconds)
    (Path(os.environ["TREADLE_OUTPUT_DIR"]) / "greeting.txt").write_text(name)
    return {"greeted": name}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "hello.py"
    path.write_text(PACKAGE)
    return path


def use_it(url: str, package: Path) -> None:
    """What a program does with jobs, from the first to the last."""
    with Treadle.log_in(url, "admin", PASSWORD) as treadle:
        job = treadle.jobs.create("Greet", package="hello.py", description="Says hello")
        uploaded = treadle.jobs.upload(job.id, package)
        assert (uploaded.name, uploaded.size) == ("hello.py", len(PACKAGE))
        assert "hello.main" in treadle.jobs.entry_points(job.id, "hello.py")
        assert treadle.jobs.has(job.id, "hello.py", package.read_bytes())
        assert not treadle.jobs.has(job.id, "hello.py", package.read_bytes() + b"#")
        assert not treadle.jobs.has(job.id, "hello.py", b"#" * len(PACKAGE))
        assert not treadle.jobs.has(job.id, "other.py", package.read_bytes())
        changed = treadle.jobs.update(job.id, entry_point="hello.main", max_retries=0)
        assert changed.runtime_config is not None
        assert changed.runtime_config.package_name == "hello.py"
        assert changed.runtime_config.entry_point == "hello.main"
        assert changed.description == "Says hello"
        assert treadle.jobs.find("Greet") == treadle.jobs.get(job.id)
        assert treadle.jobs.find("Gree") is None

        run = treadle.jobs.run(job.id, input={"name": "Ada"})
        assert "Hello, Ada!\n" in "".join(run.follow())
        assert run.result() == {"greeted": "Ada"}
        ended = run.wait()
        assert ended.succeeded
        assert ended.job_config.name == "Greet"
        assert ended.finished is not None
        assert ended.finished.tzinfo is not None
        assert "Hello, Ada!\n" in run.log()
        assert run.download("greeting.txt", package.parent).read_text() == "Ada"
        assert [file.name for file in treadle.runs.files(run.id)] == ["greeting.txt"]

        failed = treadle.jobs.run(job.id, input={"name": "nobody"})
        with pytest.raises(RunFailed, match="ValueError: there is nobody") as caught:
            failed.result()
        assert caught.value.run.status == "ERROR"
        assert failed.retry().wait().retry_of == failed.id

        slow = treadle.jobs.run(job.id, input={"seconds": 600})
        with pytest.raises(WaitTimeout):
            slow.wait(timeout=0.05)
        slow.stop()
        assert slow.wait().status in ("FAILED", "CANCELLED")
        with pytest.raises(Conflict):
            slow.stop()

        once = treadle.jobs.run(job.id, idempotency_key="nightly-2026-11-22")
        assert treadle.jobs.run(job.id, idempotency_key="nightly-2026-11-22").id == once.id
        once.wait()

        found = list(treadle.runs.list(job=job.id, page_size=2))
        assert len(found) == 5
        assert len({run.id for run in found}) == 5
        assert [run.id for run in treadle.runs.list(status="ERROR", page_size=1)] != []
        treadle.jobs.delete(job.id)
        with pytest.raises(NotFound):
            treadle.jobs.get(job.id)


async def test_jobs_are_made_run_watched_and_stopped(
    serve: Callable[..., ServeProcess], package: Path
) -> None:
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await running.ready()

    await asyncio.to_thread(use_it, running.url, package)

    async with await AsyncTreadle.log_in(running.url, "admin", PASSWORD) as treadle:
        job = await treadle.jobs.create("Greet", package="hello.py", entry_point="hello.main")
        await treadle.jobs.upload(job.id, package)
        handles = [await treadle.jobs.run(job.id, input={"name": str(n)}) for n in range(3)]
        results = await asyncio.gather(*(handle.result() for handle in handles))
        assert results == [{"greeted": str(n)} for n in range(3)]
        log = "".join([text async for text in handles[0].follow()])
        assert "Hello, 0!\n" in log
        assert [found.id async for found in treadle.jobs.list(text="Greet")] == [job.id]
