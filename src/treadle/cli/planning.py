"""What there is against what shall be: the changes, in the order in which they are made."""

from __future__ import annotations

from treadle.cli.changes import Change
from treadle.cli.desired import Desired
from treadle.cli.finding import workflow_called
from treadle.cli.job_plan import plan_job
from treadle.cli.schedule_plan import plan_schedule
from treadle.cli.targets import Kind, Targets
from treadle.cli.workflow_plan import plan_workflow
from treadle.client import Schedule, Treadle


def make_plan(treadle: Treadle, desired: Desired) -> list[Change]:
    """The changes; nothing is changed yet. Raises ValueError for what cannot be done."""
    jobs = {wanted.name: treadle.jobs.find(wanted.name) for wanted in desired.jobs}
    workflows = {wanted.name: workflow_called(treadle, wanted.name) for wanted in desired.workflows}
    own: dict[tuple[Kind, str], str | None] = {}
    own |= {("job", name): job and job.id for name, job in jobs.items()}
    own |= {("workflow", name): found and found.id for name, found in workflows.items()}
    targets = Targets(treadle, own)
    changes = [plan_job(treadle, wanted, jobs[wanted.name]) for wanted in desired.jobs]
    for wanted in desired.workflows:
        changes.append(plan_workflow(treadle, wanted, workflows[wanted.name], targets))
    schedules: dict[str, list[Schedule]] = {}
    for schedule in treadle.schedules.list() if desired.schedules else ():
        schedules.setdefault(schedule.name, []).append(schedule)
    for wanted in desired.schedules:
        found = schedules.get(wanted.name, [])
        if len(found) > 1:
            raise ValueError(f"{len(found)} schedules are called {wanted.name!r}")
        changes.append(plan_schedule(treadle, wanted, next(iter(found), None), targets))
    return changes
