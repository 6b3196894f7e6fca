"""`treadle backup` of a busy server, and `treadle restore` elsewhere."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.server import ServeProcess, identity_of
from treadle.client import AsyncTreadle

PASSWORD = "the admin of the backup"
PACKAGE = "def main(n=0):\n    print(f'run {n}')\n    return n\n"
SECONDS = 100.0

pytestmark = pytest.mark.timeout(400)


async def treadle(*arguments: str, folder: Path) -> tuple[int, str]:
    """Runs the command to its end, with no settings of ours."""

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("treadle"), *arguments],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            },
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    done = await asyncio.to_thread(run)
    return done.returncode, done.stdout + done.stderr


async def keep_busy(url: str, job_id: str, finished: list[str], stop: asyncio.Event) -> None:
    """Runs the job again and again; tells which runs have ended."""
    async with await AsyncTreadle.log_in(url, "admin", PASSWORD) as client:
        while not stop.is_set():
            run = await client.jobs.run(job_id, input={"n": len(finished)})
            assert (await run.wait()).succeeded
            finished.append(run.id)


async def test_a_busy_installation_is_backed_up_and_goes_on_elsewhere(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await running.ready()
    (tmp_path / "code.py").write_text(PACKAGE)
    async with await AsyncTreadle.log_in(running.url, "admin", PASSWORD) as client:
        job = await client.jobs.create("Count", package="code.py", entry_point="code.main")
        await client.jobs.upload(job.id, tmp_path / "code.py")
        body = {"key": "TOKEN", "value": "sealed", "secure": True}
        await client.request("PUT", "/api/macros/TOKEN", json=body)
        schedule = await client.schedules.create(
            "Every second", "PT1S", schedule_type="interval", job=job.id
        )
        finished: list[str] = []
        stop = asyncio.Event()
        busy = asyncio.create_task(keep_busy(running.url, job.id, finished, stop))
        async with asyncio.timeout(SECONDS):
            while len(finished) < 2:
                await asyncio.sleep(0.05)
        before = list(finished)
        backup = tmp_path / "treadle.backup"
        data = str(running.data_dir)
        code, said = await treadle("backup", str(backup), "--data-dir", data, folder=tmp_path)
        assert code == 0, said
        stop.set()
        await busy
    assert backup.stat().st_mode & 0o777 == 0o600
    assert await running.stop() == 0
    code, said = await treadle("backup", str(backup), "--data-dir", data, folder=tmp_path)
    assert (code, "is there already" in said) == (1, True)
    code, said = await treadle("restore", str(backup), "--data-dir", data, folder=tmp_path)
    assert (code, "there is an installation" in said) == (1, True)

    restored = tmp_path / "restored"
    earlier = datetime.now(UTC)
    code, said = await treadle("restore", str(backup), "--data-dir", str(restored), folder=tmp_path)
    assert code == 0, said
    assert "Schedules that go on from now: 1" in said

    again = serve("--port", "0", TREADLE_DATA_DIR=str(restored))
    try:
        await again.ready()
        async with await AsyncTreadle.log_in(again.url, "admin", PASSWORD) as client:
            for run_id in before:
                run = client.runs.handle(run_id)
                assert (await run.get()).succeeded
                assert "run " in await run.log()
            macros = await client.request("GET", "/api/macros")
            assert [macro["name"] for macro in macros] == ["TOKEN"]
            assert await (await client.jobs.run(job.id, input={"n": 7})).result() == 7
            async with asyncio.timeout(SECONDS):
                while not await has_fired_since(client, schedule.id, earlier):
                    await asyncio.sleep(0.1)
            firings = [each async for each in client.schedules.firings(schedule.id)]
        gap = [each for each in firings if "restored from a backup" in each.reason]
        assert gap
        assert {each.status for each in gap} == {"skipped"}
        last_gap = max(each.scheduled_for for each in gap)
        fired = [each for each in firings if each.started_at and each.started_at >= earlier]
        assert all(each.scheduled_for > last_gap for each in fired)
        assert all(each.scheduled_for >= earlier for each in fired)
    finally:
        await again.stop()
        assert identity_of(restored)


async def has_fired_since(client: AsyncTreadle, schedule_id: str, moment: datetime) -> bool:
    async for firing in client.schedules.firings(schedule_id, status="succeeded"):
        if firing.started_at is not None and firing.started_at >= moment:
            return True
    return False


async def test_the_master_key_can_be_kept_elsewhere(
    serve: Callable[..., ServeProcess], tmp_path: Path
) -> None:
    running = serve("--port", "0", TREADLE_ADMIN_PASSWORD=PASSWORD)
    await running.ready()
    data = str(running.data_dir)
    backup = tmp_path / "treadle.backup"
    code, said = await treadle(
        "backup", str(backup), "--without-key", "--data-dir", data, folder=tmp_path
    )
    assert code == 0, said
    with tarfile.open(backup) as archive:
        assert "secret.key" not in archive.getnames()
    restored = str(tmp_path / "restored")
    code, said = await treadle("restore", str(backup), "--data-dir", restored, folder=tmp_path)
    assert (code, "without its master key" in said) == (1, True)
    (tmp_path / "restored" / "secret.key").write_text((running.data_dir / "secret.key").read_text())
    code, said = await treadle("restore", str(backup), "--data-dir", restored, folder=tmp_path)
    assert code == 0, said
    (tmp_path / "no.backup").write_text("no archive")
    other = str(tmp_path / "other")
    code, said = await treadle("restore", "no.backup", "--data-dir", other, folder=tmp_path)
    assert (code, "Traceback" in said) == (1, False)
