"""What the jobs domain is given once, at start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from treadle.core.sealing import Sealer
from treadle.db.transaction import Transaction
from treadle.jobs.model import Run, RunState
from treadle.packages.limits import ArchiveLimits
from treadle.storage.storage import Storage


def _count_nothing(state: RunState) -> None:
    """For a process whose metrics nobody reads."""


async def _tell_nobody(tx: Transaction, run: Run) -> None:
    """For a process in which no run has an origin."""


@dataclass(frozen=True, slots=True)
class JobsContext:
    """The parts and limits that jobs and their runs need. `queue_bound`: entries a tenant.
    `count_end` hears of every run that this process brought to a final state, after the commit.
    `on_end` is told of each in the transaction that ends it, with the run's and its job's row
    locked: who started the run for something of its own (`run.origin`) leaves itself word there,
    and locks nothing.
    """

    sealer: Sealer
    storage: Storage
    queue_bound: int
    archive_limits: ArchiveLimits
    count_end: Callable[[RunState], None] = _count_nothing
    on_end: Callable[[Transaction, Run], Awaitable[None]] = _tell_nobody
