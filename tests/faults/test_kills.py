"""kill -9 of everything that can be killed, in the middle of 200 queued runs.

Afterwards every run has exactly one final state, and no run was ever executed twice at the same
time: a sampler looks at the processes of the machine itself, not at what our tables say.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fixtures.jobs import package_bytes
from fixtures.processes import Api, Installation, wait_until

RUNS = 200
BRIEF = "import time\ndef main():\n    time.sleep(1.5)\n    return 'done'\n"

WORK_FOLDER = re.compile(rb"/([0-9a-f-]{36})-(\d+)/work\0")

pytestmark = pytest.mark.timeout(400)


class Sampler:
    """Which attempts of which runs have living processes, seen by /proc again and again."""

    def __init__(self) -> None:
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
                folder = WORK_FOLDER.search(command) if b"bwrap" in command[:64] else None
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


def test_kills_lose_nothing_and_double_nothing(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    server = installation.process("server")
    worker = installation.process("worker", "--only", "worker")
    api = Api(server)
    job_id = api.make_job(package_bytes(hello=BRIEF), maxRetries=10, retryBackoffSeconds=0)
    run_ids = [api.run(job_id) for _ in range(RUNS)]
    recoveries: dict[str, float] = {}

    def finished() -> int:
        return api.statistics().get("finished", 0)

    def recover(what: str) -> None:
        before = finished()
        recoveries[what] = wait_until(
            lambda: finished() > min(before, RUNS - 1), what=f"work goes on after {what}"
        )

    with Sampler().watching() as sampler:
        wait_until(lambda: finished() > 10, what="the first runs are finished")
        worker.kill()
        worker.start()
        recover("the worker's kill")

        wait_until(lambda: kill_packages(sampler) > 0, what="a package is killed")
        recover("the packages' kill")

        os.kill(installation.postmaster(), signal.SIGKILL)
        recover("PostgreSQL's kill")

        server.kill()
        server.start()
        api = Api(server)
        recover("the server's kill")

        wait_until(
            lambda: finished() == RUNS, what=f"all {RUNS} runs are finished", seconds=180, every=0.5
        )
    runs = api.runs(job_id)
    assert sorted(run["id"] for run in runs) == sorted(run_ids)
    assert {run["status"] for run in runs} == {"FINISHED"}
    assert sampler.overlaps == set()
    assert sampler.most_at_once > 1
    attempts = [api.call("GET", f"/api/jobs/{run['id']}").json()["attempts"] for run in runs]
    for tries in attempts:
        assert [one["attempt"] for one in tries] == list(range(1, len(tries) + 1))
        assert [one["outcome"] for one in tries].count("finished") == 1
        assert tries[-1]["outcome"] == "finished"
    assert sum(len(tries) for tries in attempts) > RUNS  # the kills did hit
    with capsys.disabled():
        times = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in recoveries.items())
        print(f"\n[faults] work went on after {times}; {sampler.samples} samples")
