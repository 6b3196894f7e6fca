"""What the jobs domain is given once, at start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from treadle.core.sealing import Sealer
from treadle.jobs.model import RunState
from treadle.packages.limits import ArchiveLimits
from treadle.storage.storage import Storage


def _count_nothing(state: RunState) -> None:
    """For a process whose metrics nobody reads."""


@dataclass(frozen=True, slots=True)
class JobsContext:
    """The parts and limits that jobs and their runs need. `queue_bound`: entries a tenant.
    `count_end` hears of every run that this process brought to a final state, after the commit.
    """

    sealer: Sealer
    storage: Storage
    queue_bound: int
    archive_limits: ArchiveLimits
    count_end: Callable[[RunState], None] = _count_nothing
