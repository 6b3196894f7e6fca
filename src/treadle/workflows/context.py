"""What the workflows' domain is given once, at start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from treadle.db.transaction import Transaction
from treadle.integrations.context import IntegrationsContext
from treadle.jobs.context import JobsContext
from treadle.workflows.answer_links import AnswerLinks
from treadle.workflows.compiled import CompiledVersions
from treadle.workflows.execution_model import ExecutionSummary, Status


def _count_nothing(status: Status) -> None:
    """For a process whose metrics nobody reads."""


async def _tell_nobody(tx: Transaction, execution: ExecutionSummary) -> None:
    """For a process in which no execution has an origin."""


@dataclass(frozen=True, slots=True)
class WorkflowsContext:
    """The parts that executions need. `count_end` hears of every execution that this process
    brought to its end, after the commit. `on_end` is told of each that has an `origin`, in a
    transaction of its tenant, at least once.
    """

    jobs: JobsContext
    integrations: IntegrationsContext
    links: AnswerLinks
    compiled: CompiledVersions = field(default_factory=CompiledVersions)
    count_end: Callable[[Status], None] = _count_nothing
    on_end: Callable[[Transaction, ExecutionSummary], Awaitable[None]] = _tell_nobody

    @property
    def queue_bound(self) -> int:
        """Entries of a lane that a tenant may have in the queue."""
        return self.jobs.queue_bound
