"""What each domain is given once, at start; who hears of whose ends is put together here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from treadle.db.transaction import Transaction
from treadle.foundation import Foundation
from treadle.integrations.context import IntegrationsContext
from treadle.jobs.context import JobsContext
from treadle.jobs.model import Run
from treadle.metrics import Metrics
from treadle.packages.limits import ArchiveLimits
from treadle.schedules.context import SchedulesContext
from treadle.schedules.ending import on_execution_end
from treadle.schedules.ending import on_run_end as tell_schedules
from treadle.workflows.context import WorkflowsContext
from treadle.workflows.effect_runners.job import on_run_end as tell_executions


@dataclass(frozen=True, slots=True)
class Domains:
    """The contexts of the domains, the lower ones inside the upper ones."""

    integrations: IntegrationsContext
    jobs: JobsContext
    workflows: WorkflowsContext
    schedules: SchedulesContext


def make_domains(foundation: Foundation, metrics: Metrics) -> Domains:
    """The domains of a process."""
    settings = foundation.settings
    jobs = JobsContext(
        sealer=foundation.sealer,
        storage=foundation.storage,
        queue_bound=settings.tenant_queue_bound,
        archive_limits=ArchiveLimits(archive_bytes=settings.max_package_bytes),
        count_end=lambda state: metrics.runs_finished.labels(state).inc(),
        on_end=partial(tell_of_run, bound=settings.tenant_queue_bound),
    )
    integrations = IntegrationsContext(foundation.sealer, foundation.outbound)
    workflows = WorkflowsContext(
        jobs=jobs,
        integrations=integrations,
        links=foundation.answer_links,
        count_end=lambda status: metrics.executions_finished.labels(status).inc(),
        on_end=on_execution_end,
    )
    schedules = SchedulesContext(jobs=jobs, workflows=workflows, count=metrics.count_firing)
    return Domains(integrations, jobs, workflows, schedules)


async def tell_of_run(tx: Transaction, run: Run, *, bound: int) -> None:
    """Tells of the end of a run whoever began it: its `origin` says who that is."""
    await tell_schedules(tx, run)
    await tell_executions(tx, run, bound=bound)
