"""kill -9 of everything that can be killed, in the middle of 200 queued runs.

Afterwards every run has exactly one final state, and no run was ever executed twice at the same
time: a sampler looks at the processes of the machine itself, not at what our tables say.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from faults.calls import PASSWORD, Api
from fixtures.jobs import package_bytes
from fixtures.server import ServeProcess
from treadle.db.postmaster import read_postmaster

RUNS = 200
DEADLINE_SECONDS = 180
BRIEF = "import time\ndef main():\n    time.sleep(1.5)\n    return 'done'\n"

WORK_FOLDER = re.compile(rb"/([0-9a-f-]{36})-(\d+)/work\0")

pytestmark = pytest.mark.timeout(400)


class Sampler:
    """Which attempts of which runs have living processes, seen by /proc again and again. Of one
    data directory: other tests run packages at the same time.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = os.fsencode(data_dir)
        self.overlaps: set[tuple[str, frozenset[str]]] = set()
        self.samples = 0
        self.most_at_once = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def sandboxes(self) -> dict[str, dict[str, int]]:
        """run id → attempt → process id of the bubblewrap that holds it."""
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with suppress(OSError):  # gone meanwhile
                command = (entry / "cmdline").read_bytes()
                is_ours = b"bwrap" in command[:64] and self._data_dir in command
                folder = WORK_FOLDER.search(command) if is_ours else None
                if folder:
                    found[folder[1].decode()][folder[2].decode()] = int(entry.name)
        return found

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            runs = self.sandboxes()
            self.samples += 1
            self.most_at_once = max(self.most_at_once, len(runs))
            for run_id, attempts in runs.items():
                if len(attempts) > 1:
                    self.overlaps.add((run_id, frozenset(attempts)))

    @contextmanager
    def watching(self) -> Generator[Sampler]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()


def kill_packages(sampler: Sampler) -> int:
    """SIGKILL for the code of every run that runs now; how many."""
    killed = 0
    for attempts in sampler.sandboxes().values():
        for bubblewrap in attempts.values():
            with suppress(OSError, IndexError):
                code = descendants(bubblewrap)[-1]
                os.kill(code, signal.SIGKILL)
                killed += 1
    return killed


def descendants(pid: int) -> list[int]:
    """Children, their children and so on; the youngest generation last."""
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [grandchild for child in found for grandchild in descendants(child)]


async def until(condition: Callable[[], Awaitable[bool]], *, what: str) -> float:
    """Waits until the condition holds, and says for how many seconds; fails after a deadline."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE_SECONDS} seconds: {what}") from None
    return time.monotonic() - begun


async def test_kills_lose_nothing_and_double_nothing(
    serve: Callable[..., ServeProcess], capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await server.ready()
    worker = serve("--only", "worker", "--port", "0")
    await worker.ready()
    api = await Api.log_in(server)
    job_id = await api.make_job(package_bytes(hello=BRIEF), maxRetries=10, retryBackoffSeconds=0)
    run_ids = [await api.run(job_id) for _ in range(RUNS)]
    recoveries: dict[str, float] = {}

    async def recover(what: str) -> None:
        before = min(await api.finished(), RUNS - 1)

        async def is_further() -> bool:
            return await api.finished() > before

        recoveries[what] = await until(is_further, what=f"work goes on after {what}")

    async def has_begun() -> bool:
        return await api.finished() > 10

    async def package_is_killed() -> bool:
        return kill_packages(sampler) > 0

    async def is_done() -> bool:
        return await api.finished() == RUNS

    with Sampler(server.data_dir).watching() as sampler:
        await until(has_begun, what="the first runs are finished")
        await worker.kill()
        worker = serve("--only", "worker", "--port", "0")
        await worker.ready()
        await recover("the worker's kill")

        await until(package_is_killed, what="a package is killed")
        await recover("the packages' kill")

        postmaster = read_postmaster(server.data_dir / "postgres" / "data")
        assert postmaster is not None
        os.kill(postmaster.pid, signal.SIGKILL)
        await recover("PostgreSQL's kill")

        await api.close()
        await server.kill()
        server = serve("--port", "0")
        await server.ready()
        api = await Api.log_in(server)
        await recover("the server's kill")
        await until(is_done, what=f"all {RUNS} runs are finished")
    runs = await api.runs(job_id)
    assert sorted(run["id"] for run in runs) == sorted(run_ids)
    assert {run["status"] for run in runs} == {"FINISHED"}
    assert sampler.overlaps == set()
    assert sampler.most_at_once > 1
    attempts = [(await api.call("GET", f"/api/jobs/{id_}")).json()["attempts"] for id_ in run_ids]
    for tries in attempts:
        assert [one["attempt"] for one in tries] == list(range(1, len(tries) + 1))
        assert [one["outcome"] for one in tries].count("finished") == 1
        assert tries[-1]["outcome"] == "finished"
    assert sum(len(tries) for tries in attempts) > RUNS  # the kills did hit
    await api.close()
    with capsys.disabled():
        times = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in recoveries.items())
        print(f"\n[faults] work went on after {times}; {sampler.samples} samples")
