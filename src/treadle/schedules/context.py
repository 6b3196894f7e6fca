"""What the schedules' domain is given once, at start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from treadle.jobs.context import JobsContext
from treadle.schedules.decisions import FiringStatus
from treadle.workflows.context import WorkflowsContext


def _count_nothing(status: FiringStatus, lateness_seconds: float | None) -> None:
    """For a process whose metrics nobody reads."""


@dataclass(frozen=True, slots=True)
class SchedulesContext:
    """The parts that schedules need. `count` hears of every firing that this process ended, or
    whose first attempt it started (then with its lateness), after the commit.
    """

    jobs: JobsContext
    workflows: WorkflowsContext
    count: Callable[[FiringStatus, float | None], None] = _count_nothing
