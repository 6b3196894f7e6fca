"""What follows when a step fails: another try, an error connection, or the end of its frame."""

from __future__ import annotations

from treadle.workflows.compiled import CompiledStep, Way
from treadle.workflows.error_names import EXPRESSION, matches
from treadle.workflows.expressions import ExpressionFailed
from treadle.workflows.retries import delay_ms, is_retried
from treadle.workflows.routing import deliver, take_queued
from treadle.workflows.run import Run
from treadle.workflows.scope import Scope
from treadle.workflows.state import Failure, Phase, Status


def fail_step(
    run: Run,
    scope: Scope,
    step: CompiledStep,
    failure: Failure,
    *,
    told: bool = False,
    final: bool = False,
) -> None:
    """A step failed: `final` if no other try can help, `told` if the log says so already."""
    frame, path = scope.frame, scope.prefix + step.id
    active = frame.active.get(step.id)
    if not told:
        run.log("step_failed", path, error=failure.to_json())
    retry = step.retry
    if active and retry and not final and is_retried(retry, failure.name, tries=active.tries):
        seed = f"{run.state.id}:{path}:{active.attempt}"
        active.phase = Phase.RETRYING
        active.due = run.now + delay_ms(retry, tries=active.tries, seed=seed)
        active.sources = None
        run.log("step_retrying", path, due=active.due)
        return
    frame.active.pop(step.id, None)
    frame.outputs[step.id] = {"output": None, "error": {**failure.to_json()}}
    try:
        way = _catching(run, scope, step, failure)
    except ExpressionFailed as error:
        fail_scope(run, scope, Failure(EXPRESSION, str(error)), path)
        return
    if way is None:
        fail_scope(run, scope, failure, path)
        return
    run.log("error_caught", path, name=failure.name, to=way.target)
    deliver(run, scope, way)
    take_queued(run, scope, step)


def _catching(run: Run, scope: Scope, step: CompiledStep, failure: Failure) -> Way | None:
    """The first error connection that catches the failure, and whose condition holds."""
    for way in step.error_ways:
        if matches(failure.name, way.errors) and (
            way.when is None or way.when.holds(run.environment(scope))
        ):
            return way
    return None


def fail_scope(run: Run, scope: Scope, failure: Failure, path: str) -> None:
    """Nothing caught a failure: the execution fails, or, within a map, the item."""
    if scope.parent is None:
        run.end(Status.FAILED, failure=failure, step=path)
    elif not scope.dead:
        run.cancel_active(scope)
        run.ended.append((scope, None, failure))
