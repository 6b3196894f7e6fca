"""Attempts for real: the queue, the sandbox, the log, the result, the files."""

from __future__ import annotations

import asyncio
import io
import zipfile
from contextlib import suppress
from pathlib import Path

import asyncpg

from factories import NOW
from fixtures.jobs import Workshop, package_bytes
from fixtures.workers import Working, working
from treadle.core.ids import new_id
from treadle.jobs import definition_store, files, macros, runs
from treadle.jobs.definitions import JobDraft
from treadle.jobs.macros import MacroDraft
from treadle.jobs.model import Job, Place, Run, RunFile, RunState
from treadle.jobs.runs import RunRequest

REPORT = """
import os, pathlib

def main(name, times=2):
    for number in range(times):
        print("hello", name, number)
    out = pathlib.Path(os.environ["TREADLE_OUTPUT_DIR"])
    (out / "parts").mkdir()
    (out / "parts" / "report.md").write_text("# " + name)
    return {"name": name, "times": times}
"""
SLEEPER = """
import time

def main():
    print("asleep", flush=True)
    time.sleep(600)
"""


async def job_of(workshop: Workshop, source: str, draft: JobDraft | None = None) -> Job:
    return await workshop.make_job(draft, package=package_bytes(hello=source))


async def files_of(workshop: Workshop, run: Run) -> list[RunFile]:
    async with workshop.database.tenant(run.tenant_id) as tx:
        return await runs.list_output(tx, run)


async def test_a_run_leaves_its_result_its_log_and_its_files(worker: Working) -> None:
    workshop = worker.workshop
    job = await job_of(workshop, REPORT)
    run = await worker.ended(await workshop.submit(job, RunRequest(input={"name": "Ada"})))
    assert (run.state, run.result) == (RunState.FINISHED, {"name": "Ada", "times": 2})
    assert await workshop.log_of(run) == "hello Ada 0\nhello Ada 1\n"
    assert [(file.path, file.size) for file in await files_of(workshop, run)] == [
        ("parts/report.md", 5)
    ]
    content = b"".join(
        [
            part
            async for part in files.read_output(
                workshop.context, run, (await files_of(workshop, run))[0]
            )
        ]
    )
    assert content == b"# Ada"
    assert run.return_code == 0
    assert run.started_at is not None


async def test_code_that_raises_ends_in_error_with_its_traceback(worker: Working) -> None:
    workshop = worker.workshop
    job = await job_of(workshop, "def main():\n    raise KeyError('no such customer')\n")
    run = await worker.ended(await workshop.submit(job))
    assert (run.state, run.error_type) == (RunState.ERROR, "KeyError")
    log = await workshop.log_of(run)
    assert "Traceback" in log
    assert "no such customer" in log
    assert "treadle_harness" not in log


async def test_a_missing_argument_is_named(worker: Working) -> None:
    workshop = worker.workshop
    run = await worker.ended(await workshop.submit(await job_of(workshop, REPORT)))
    assert run.state is RunState.ERROR
    assert run.error is not None
    assert "name" in run.error


async def test_a_stop_reaches_the_running_code(worker: Working) -> None:
    workshop = worker.workshop
    run = await worker.begun(await workshop.submit(await job_of(workshop, SLEEPER)))
    await workshop.stop(run)
    ended = await worker.ended(run)
    assert (ended.state, ended.error_type) == (RunState.FAILED, "Stopped")
    assert ended.stop_requested_by == workshop.caller.ref


async def test_a_failing_run_is_tried_again(worker: Working) -> None:
    workshop = worker.workshop
    source = (
        "def main(context):\n"
        "    print('try', context['attempt'])\n"
        "    if context['attempt'] < 3:\n"
        "        raise RuntimeError('not yet')\n"
        "    return context['attempt']\n"
    )
    job = await job_of(workshop, source, JobDraft("flaky", max_retries=3, retry_backoff_seconds=0))
    run = await worker.ended(await workshop.submit(job))
    assert (run.state, run.result, run.failures) == (RunState.FINISHED, 3, 2)
    log = await workshop.log_of(run)
    assert [line for line in log.splitlines() if line.startswith("try")] == [
        "try 1",
        "try 2",
        "try 3",
    ]


async def test_macros_reach_the_code_and_secrets_do_not_reach_the_log(worker: Working) -> None:
    workshop = worker.workshop
    source = (
        "import os\n"
        "def main():\n"
        "    print('token', os.environ['TOKEN'], 'region', os.environ['REGION'])\n"
        "    return len(os.environ['TOKEN'])\n"
    )
    job = await job_of(workshop, source)
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        for draft in (
            MacroDraft("TOKEN", "hunter2-hunter2", secure=True),
            MacroDraft("REGION", "emea"),
        ):
            await macros.put_macro(
                tx,
                workshop.context.sealer,
                workshop.caller,
                Place("job", str(job.id)),
                draft,
                now=NOW,
            )
    run = await worker.ended(await workshop.submit(job))
    assert run.result == len("hunter2-hunter2")
    assert await workshop.log_of(run) == "token *** region emea\n"


async def test_a_result_with_a_nul_is_kept_without_it(worker: Working) -> None:
    workshop = worker.workshop
    source = "def main():\n    print('a\\0b')\n    return {'k\\0': ['a\\0b']}\n"
    run = await worker.ended(await workshop.submit(await job_of(workshop, source)))
    assert run.result == {"k\ufffd": ["a\ufffdb"]}
    assert await workshop.log_of(run) == "a\ufffdb\n"


async def test_an_error_with_a_nul_is_kept_without_it(worker: Working) -> None:
    workshop = worker.workshop
    source = "def main():\n    raise ValueError('a\\0b')\n"
    run = await worker.ended(await workshop.submit(await job_of(workshop, source)))
    assert (run.state, run.error) == (RunState.ERROR, "a\ufffdb")


async def test_a_package_that_its_storage_lost_fails_with_the_reason(worker: Working) -> None:
    workshop = worker.workshop
    job = await job_of(workshop, f"# {new_id()}\ndef main(): ...\n")
    async with workshop.database.tenant(workshop.caller.tenant_id) as tx:
        (file,) = await files.list_files(tx, workshop.caller, job.id)
    await workshop.context.storage.delete(files.content_key(job.tenant_id, file.sha256))
    run = await worker.ended(await workshop.submit(job))
    assert (run.state, run.error_type) == (RunState.ERROR, "MissingObject")


async def test_dependencies_are_installed_once(worker: Working) -> None:
    workshop = worker.workshop
    pyproject = '[project]\nname = "hello"\nversion = "1"\ndependencies = ["six==1.17.0"]\n'
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("pyproject.toml", pyproject)
        archive.writestr("hello.py", "import six\ndef main():\n    return six.__version__\n")
    job = await workshop.make_job(package=content.getvalue())
    first = await worker.ended(await workshop.submit(job))
    assert (first.state, first.result) == (RunState.FINISHED, "1.17.0"), await workshop.log_of(
        first
    )
    assert "six" in await workshop.log_of(first)
    second = await worker.ended(await workshop.submit(job))
    assert second.result == "1.17.0"
    assert await workshop.log_of(second) == ""


async def test_shutting_down_hands_a_running_run_back(
    workshop: Workshop, tmp_path: Path, package_cache: Path
) -> None:
    async with working(workshop, tmp_path, package_cache) as first:
        run = await first.begun(await workshop.submit(await job_of(workshop, SLEEPER)))
    queued = await workshop.get(run)
    assert (queued.state, queued.failures) == (RunState.QUEUED, 0)
    async with working(workshop, tmp_path, package_cache) as second:
        again = await second.begun(run)
        assert again.attempt == 2
        await workshop.stop(run)
        assert (await second.ended(run)).state is RunState.FAILED


async def test_nothing_is_left_in_the_working_folder(worker: Working, tmp_path: Path) -> None:
    workshop = worker.workshop
    job = await job_of(workshop, REPORT)
    submitted = [
        await workshop.submit(job, RunRequest(input={"name": str(number)})) for number in range(6)
    ]
    ended = await asyncio.gather(*(worker.ended(run) for run in submitted))
    assert {run.state for run in ended} == {RunState.FINISHED}
    assert list((tmp_path / "work").iterdir()) == []


async def test_a_run_over_its_time_is_stopped_with_its_children(
    workshop: Workshop, tmp_path: Path, package_cache: Path, owner: asyncpg.Connection
) -> None:
    source = (
        "import os, signal, subprocess, time\n"
        "def main():\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    subprocess.Popen(['sleep', '4242'])\n"
        "    print('started', flush=True)\n"
        "    time.sleep(600)\n"
    )
    run = await workshop.submit(await job_of(workshop, source, JobDraft("slow")))
    await owner.execute("UPDATE treadle.runs SET timeout_seconds = 1 WHERE id = $1", run.id)
    async with working(workshop, tmp_path, package_cache) as worker:
        ended = await worker.ended(run)
    assert (ended.state, ended.error_type) == (RunState.FAILED, "Timeout")
    assert "timed out" in await workshop.log_of(ended)
    assert not any(b"sleep\x004242" in command for command in commands())


async def test_a_destination_has_workers_of_its_own(
    workshop: Workshop, tmp_path: Path, package_cache: Path
) -> None:
    async with workshop.database.system() as tx:
        elsewhere = await definition_store.ensure_destination(tx, "elsewhere", now=NOW)
    job = await job_of(workshop, REPORT, JobDraft("far away", destination_id=elsewhere))
    near = await job_of(workshop, REPORT, JobDraft("near"))
    far_run = await workshop.submit(job, RunRequest(input={"name": "far"}))
    near_run = await workshop.submit(near, RunRequest(input={"name": "near"}))
    async with working(workshop, tmp_path, package_cache) as worker:
        assert (await worker.ended(near_run)).state is RunState.FINISHED
        assert (await workshop.get(far_run)).state is RunState.QUEUED
    async with working(workshop, tmp_path, package_cache, destination="elsewhere") as worker:
        assert (await worker.ended(far_run)).state is RunState.FINISHED


def commands() -> list[bytes]:
    """The command lines of everything that runs on this machine."""
    found: list[bytes] = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            found.append((entry / "cmdline").read_bytes())
    return found


async def test_a_worker_without_network_runs_no_job_that_wants_it(
    workshop: Workshop, tmp_path: Path, package_cache: Path
) -> None:
    began = "def main():\n    print('begun')\n"
    asking = await job_of(workshop, began, JobDraft(name="asking", network=True))
    modest = await job_of(workshop, began, JobDraft(name="modest"))
    async with working(workshop, tmp_path, package_cache, gives_network=False) as worker:
        refused = await worker.ended(await workshop.submit(asking))
        done = await worker.ended(await workshop.submit(modest))
    assert (refused.state, refused.error_type) == (RunState.ERROR, "NoNetwork")
    assert "begun" not in await workshop.log_of(refused)
    assert "wants the network" in await workshop.log_of(refused)
    assert done.state is RunState.FINISHED
