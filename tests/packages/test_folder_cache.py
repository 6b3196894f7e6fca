from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from treadle.packages.folder_cache import FolderCache
from treadle.packages.folder_lock import try_lock

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Builder:
    """Builds a folder with one file, counts how often, and can be held up or fail."""

    def __init__(self) -> None:
        self.builds = 0
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.error: Exception | None = None

    async def __call__(self, workspace: Path) -> Path:
        self.builds += 1
        finished = workspace / "finished"
        finished.mkdir()
        (finished / "file").write_text("content")
        self.started.set()
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return finished


@pytest.fixture
def builder() -> Builder:
    return Builder()


@pytest.fixture
def cache(tmp_path: Path) -> FolderCache:
    return FolderCache(tmp_path / "cache")


async def _ensure(
    cache: FolderCache,
    build: Callable[[Path], Awaitable[Path]],
    *,
    tenant: str = "t1",
    key: str = "k1",
    now: datetime = NOW,
) -> Path:
    return await cache.ensure(tenant=tenant, key=key, now=now, build=build)


async def test_built_once_and_found_again(
    cache: FolderCache, builder: Builder, tmp_path: Path
) -> None:
    first = await _ensure(cache, builder)
    second = await _ensure(FolderCache(tmp_path / "cache"), builder)

    assert first == second == tmp_path / "cache" / "t1" / "k1"
    assert (first / "file").read_text() == "content"
    assert builder.builds == 1
    assert list((tmp_path / "cache" / "t1" / ".building").iterdir()) == []


async def test_each_key_and_each_tenant_has_its_own(cache: FolderCache, builder: Builder) -> None:
    folders = {
        await _ensure(cache, builder),
        await _ensure(cache, builder, key="k2"),
        await _ensure(cache, builder, tenant="t2"),
    }
    assert len(folders) == builder.builds == 3


@pytest.mark.parametrize("name", ["", "..", ".locks", "a/b", "/abs", "-x", "a b", "n" * 200])
async def test_name_that_could_lead_elsewhere_is_refused(
    cache: FolderCache, builder: Builder, name: str
) -> None:
    with pytest.raises(ValueError, match="cannot name a cached folder"):
        await _ensure(cache, builder, tenant=name)
    with pytest.raises(ValueError, match="cannot name a cached folder"):
        await _ensure(cache, builder, key=name)
    assert builder.builds == 0


async def test_many_tasks_at_once_build_once(cache: FolderCache, builder: Builder) -> None:
    builder.go_on.clear()
    tasks = [asyncio.create_task(_ensure(cache, builder)) for _ in range(20)]
    await asyncio.wait_for(builder.started.wait(), 60)
    builder.go_on.set()

    folders = await asyncio.wait_for(asyncio.gather(*tasks), 60)
    assert len(set(folders)) == 1
    assert builder.builds == 1


async def test_slow_build_does_not_hold_up_another_key(
    cache: FolderCache, builder: Builder
) -> None:
    builder.go_on.clear()
    slow = asyncio.create_task(_ensure(cache, builder))
    await asyncio.wait_for(builder.started.wait(), 60)

    await asyncio.wait_for(_ensure(cache, Builder(), key="k2"), 60)
    assert not slow.done()
    builder.go_on.set()
    await slow


def test_many_processes_at_once_build_once(tmp_path: Path) -> None:
    script = f"""
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from treadle.packages.folder_cache import FolderCache

async def build(workspace):
    with Path({str(tmp_path / "builds")!r}).open("a") as log:
        log.write("build\\n")
    finished = workspace / "finished"
    finished.mkdir()
    for number in range(100):
        (finished / str(number)).write_text("x")
    return finished

async def main():
    cache = FolderCache(Path({str(tmp_path / "cache")!r}))
    folder = await cache.ensure(tenant="t1", key="k1", now=datetime.now(UTC), build=build)
    print(len(list(folder.iterdir())))

sys.stdin.readline()
asyncio.run(main())
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(process.communicate, "go\n", 60) for process in processes]
        outputs = [done.result()[0] for done in waiting]

    assert outputs == ["100\n"] * 4
    assert (tmp_path / "builds").read_text() == "build\n"


async def test_failed_build_leaves_nothing_and_the_next_tries_again(
    cache: FolderCache, builder: Builder, tmp_path: Path
) -> None:
    builder.error = RuntimeError("no such package")
    with pytest.raises(RuntimeError, match="no such package"):
        await _ensure(cache, builder)
    assert not (tmp_path / "cache" / "t1" / "k1").exists()
    assert list((tmp_path / "cache" / "t1" / ".building").iterdir()) == []

    builder.error = None
    await _ensure(cache, builder)
    assert builder.builds == 2


async def test_waiter_builds_when_the_builder_fails(cache: FolderCache, builder: Builder) -> None:
    builder.go_on.clear()
    builder.error = RuntimeError("failed")
    failing = asyncio.create_task(_ensure(cache, builder))
    await asyncio.wait_for(builder.started.wait(), 60)
    second = Builder()
    waiting = asyncio.create_task(_ensure(cache, second))
    builder.go_on.set()

    with pytest.raises(RuntimeError):
        await failing
    await asyncio.wait_for(waiting, 60)
    assert second.builds == 1


async def test_cancelled_build_leaves_nothing_and_frees_the_key(
    cache: FolderCache, builder: Builder, tmp_path: Path
) -> None:
    builder.go_on.clear()
    task = asyncio.create_task(_ensure(cache, builder))
    await asyncio.wait_for(builder.started.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert list((tmp_path / "cache" / "t1" / ".building").iterdir()) == []
    await asyncio.wait_for(_ensure(cache, Builder()), 60)


async def test_what_a_killed_builder_left_is_deleted(
    cache: FolderCache, builder: Builder, tmp_path: Path
) -> None:
    script = f"""
import asyncio, os, signal
from datetime import UTC, datetime
from pathlib import Path
from treadle.packages.folder_cache import FolderCache

async def build(workspace):
    (workspace / "half").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)

cache = FolderCache(Path({str(tmp_path / "cache")!r}))
asyncio.run(cache.ensure(tenant="t1", key="k1", now=datetime.now(UTC), build=build))
"""
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], timeout=60, check=False
    )
    building = tmp_path / "cache" / "t1" / ".building"
    assert killed.returncode == -9
    assert len(list(building.iterdir())) == 1
    assert not (tmp_path / "cache" / "t1" / "k1").exists()

    await asyncio.wait_for(_ensure(cache, builder), 60)
    assert list(building.iterdir()) == []


async def test_prune_deletes_what_was_not_used_and_only_that(
    cache: FolderCache, builder: Builder
) -> None:
    old = await _ensure(cache, builder, key="old", now=NOW - 3 * DAY)
    kept = await _ensure(cache, builder, key="kept", now=NOW - 3 * DAY)
    other = await _ensure(cache, builder, tenant="t2", key="old", now=NOW - 3 * DAY)
    await _ensure(cache, builder, key="kept", now=NOW - DAY)

    assert cache.prune(older_than=2 * DAY, now=NOW) == 2
    assert [old.exists(), kept.exists(), other.exists()] == [False, True, False]
    assert cache.prune(older_than=2 * DAY, now=NOW) == 0

    assert await _ensure(cache, builder, key="old") == old
    assert builder.builds == 4


async def test_prune_leaves_a_build_under_way_alone(cache: FolderCache, builder: Builder) -> None:
    builder.go_on.clear()
    task = asyncio.create_task(_ensure(cache, builder))
    await asyncio.wait_for(builder.started.wait(), 60)

    assert cache.prune(older_than=-1000 * DAY, now=NOW) == 0
    builder.go_on.set()
    assert ((await task) / "file").is_file()


async def test_prune_deletes_what_dead_builders_left(
    cache: FolderCache, builder: Builder, tmp_path: Path
) -> None:
    folder = await _ensure(cache, builder)
    leftover = tmp_path / "cache" / "t1" / ".building" / "k1.dead"
    leftover.mkdir()

    assert cache.prune(older_than=DAY, now=NOW) == 0
    assert not leftover.exists()
    assert folder.is_dir()


async def test_folder_handed_out_is_not_pruned_at_the_same_moment(
    cache: FolderCache, builder: Builder
) -> None:
    """Users and a pruner at full speed: whoever gets a folder still has it."""
    stop = threading.Event()

    def prune_all_the_time() -> None:
        while not stop.is_set():
            cache.prune(older_than=timedelta(seconds=1), now=NOW)

    pruning = asyncio.create_task(asyncio.to_thread(prune_all_the_time))
    try:
        for number in range(60):
            # Every other time the folder counts as long unused, and may go.
            past = NOW - DAY if number % 2 else NOW
            folder = await _ensure(cache, builder, now=past)
            if past == NOW:
                assert (folder / "file").read_text() == "content"
    finally:
        stop.set()
        await pruning


def test_lock_excludes_and_is_freed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with try_lock(path) as first:
        assert first is not None
        with try_lock(path) as second, try_lock(path, shared=True) as third:
            assert second is None
            assert third is None
    with try_lock(path, shared=True) as first, try_lock(path, shared=True) as second:
        assert first is not None
        assert second is not None
        with try_lock(path) as third:
            assert third is None
    with try_lock(path) as again:
        assert again is not None


def test_lock_on_a_deleted_file_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    really_open = os.open

    def open_and_lose(*args: object, **kwargs: object) -> int:
        descriptor = really_open(*args, **kwargs)  # pyright: ignore[reportArgumentType]
        # Another process prunes between our open and our flock.
        path.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", open_and_lose)
    with try_lock(path) as lock:
        assert lock is None
