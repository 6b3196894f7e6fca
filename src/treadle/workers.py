"""Puts together what executes runs on this machine."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from treadle.core.ids import new_id
from treadle.engine.live import LiveHub
from treadle.foundation import Foundation
from treadle.jobs.context import JobsContext
from treadle.jobs.execution import Executor
from treadle.jobs.worker import Worker, WorkerSettings
from treadle.packages.cache import PackageCache
from treadle.packages.environments import Environments
from treadle.packages.folder_lock import try_lock
from treadle.packages.uv_command import current_interpreter
from treadle.sandbox import Limits, remove_folder
from treadle.settings import Settings

MEBIBYTE: Final = 1024 * 1024
INSTALL_TIME: Final = timedelta(minutes=15)
"""For the dependencies of one package."""
CACHE_TIME: Final = timedelta(days=30)
"""Packages and environments that no run used for so long go; longer than any sensible run."""


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """A worker and the caches of its machine."""

    worker: Worker
    packages: PackageCache
    environments: Environments

    def prune_caches(self, now: datetime) -> int:
        """Deletes what no run used for long; how many packages and environments. Blocks."""
        return sum(
            cache.prune(older_than=CACHE_TIME, now=now)
            for cache in (self.packages, self.environments)
        )


def build_worker(
    foundation: Foundation, context: JobsContext, hub: LiveHub, *, folder: Path
) -> WorkerParts:
    """The worker of this process's destination; runs have their working folders in `folder`."""
    settings = foundation.settings
    cache = settings.data_dir.absolute() / "cache"
    packages = PackageCache(cache=cache, limits=context.archive_limits)
    environments = Environments(
        cache=cache,
        uv=Path(find_uv_bin()),
        interpreter=current_interpreter(),
        environ=os.environ,
        timeout=INSTALL_TIME,
    )
    executor = Executor(
        storage=foundation.storage,
        packages=packages,
        environments=environments,
        limits=run_limits(settings),
        folder=folder,
        gives_network=settings.run_network,
    )
    worker = Worker(
        database=foundation.database,
        context=context,
        executor=executor,
        hub=hub,
        settings=WorkerSettings(
            destination=settings.destination,
            concurrency=settings.worker_concurrency,
            lease_seconds=settings.lease_seconds,
            log_bytes=settings.run_log_mb * MEBIBYTE,
        ),
    )
    return WorkerParts(worker, packages, environments)


def run_limits(settings: Settings) -> Limits:
    """What one run may use; its wall time is its job's to say."""
    return Limits(
        memory_bytes=settings.run_memory_mb * MEBIBYTE,
        cpu_seconds=settings.run_cpu_seconds or None,
        processes=settings.run_processes,
        file_bytes=settings.run_disk_mb * MEBIBYTE,
        disk_bytes=settings.run_disk_mb * MEBIBYTE,
    )


@contextmanager
def working_folder(settings: Settings) -> Generator[Path]:
    """A folder for the runs of this process, gone with the block.

    Who holds its lock uses it: the folders of processes that were killed are cleaned up here.
    """
    parent = settings.data_dir.absolute() / "runs"
    # Runs have users of their own, which must reach their folders and see no others.
    parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    _remove_leftovers(parent)
    name = str(new_id())
    lock = parent / f"{name}.lock"
    with try_lock(lock) as held:
        if held is None:
            raise RuntimeError(f"somebody else holds {lock}")
        folder = parent / name
        folder.mkdir(mode=0o711)
        try:
            yield folder
        finally:
            remove_folder(folder)
            lock.unlink()


def _remove_leftovers(parent: Path) -> None:
    for lock in parent.glob("*.lock"):
        with try_lock(lock) as held:
            if held is not None:
                folder = lock.with_suffix("")
                if folder.exists():
                    remove_folder(folder)
                lock.unlink(missing_ok=True)
