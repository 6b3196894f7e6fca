"""Which connections are taken, and where a branch goes over one."""

from __future__ import annotations

from treadle.core.json import Json
from treadle.workflows.compiled import CompiledStep, Way
from treadle.workflows.run import Run
from treadle.workflows.scope import Scope
from treadle.workflows.templates import text_of


def chosen_ways(run: Run, scope: Scope, step: CompiledStep, output: Json) -> list[Way]:
    """The first way whose condition holds, or all without one."""
    label = _label(step, output)
    labelled = [way for way in step.ways if way.label == label]
    if step.type == "branch" and not labelled:
        labelled = [way for way in step.ways if way.label is None]
    environment = run.environment(scope)
    for way in labelled:
        if way.when is not None and way.when.holds(environment):
            return [way]
    return [way for way in labelled if way.when is None]


def _label(step: CompiledStep, output: Json) -> str | None:
    if step.type == "condition":
        return "yes" if output is True else "no"
    if step.type == "branch":
        return text_of(output)
    return None


def deliver(run: Run, scope: Scope, way: Way) -> None:
    """A branch goes over a connection: to the next step, or to wait at a join."""
    if way.target not in scope.graph.joins:
        run.enqueue(scope, way.target, way.source)
        return
    owed = scope.frame.owed.get(way.target)
    if owed and way.source in owed:
        owed.remove(way.source)
        run.log("branch_left", scope.prefix + way.target, source=way.source)
        return
    arrived = scope.frame.arrived.setdefault(way.target, {})
    arrived[way.source] = arrived.get(way.source, 0) + 1
    if scope.graph.steps[way.target].config.mode == "any":
        run.enqueue(scope, way.target, way.source)


def take_queued(run: Run, scope: Scope, step: CompiledStep) -> None:
    """Another branch came to the step while it was under way: it is taken again."""
    left = scope.frame.queued.pop(step.id, 0)
    if left and not scope.dead and step.id not in scope.frame.active:
        if left > 1:
            scope.frame.queued[step.id] = left - 1
        run.enqueue(scope, step.id, step.id)
