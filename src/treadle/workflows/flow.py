"""What follows when a step has its output."""

from __future__ import annotations

from treadle.core.json import Json
from treadle.workflows.compiled import CompiledStep
from treadle.workflows.error_names import EXPRESSION
from treadle.workflows.expressions import ExpressionFailed
from treadle.workflows.failures import fail_step
from treadle.workflows.placing import placed
from treadle.workflows.routing import chosen_ways, deliver, take_queued
from treadle.workflows.run import Run
from treadle.workflows.scope import Scope
from treadle.workflows.state import Failure


def succeed(
    run: Run, scope: Scope, step: CompiledStep, output: Json, *, told: bool = False, **more: Json
) -> None:
    """A step has its output: writes it down and goes on.

    What was `told` from outside stands in the log already; `more` is for it.
    """
    frame = scope.frame
    frame.active.pop(step.id, None)
    if not told:
        run.log("step_succeeded", scope.prefix + step.id, output=output, **more)
    frame.outputs[step.id] = {"output": output}
    try:
        if step.result is not None:
            frame.payload = placed(frame.payload, output, step.result)
        ways = step.ways if step.plain else chosen_ways(run, scope, step, output)
    except ExpressionFailed as error:
        fail_step(run, scope, step, Failure(EXPRESSION, str(error)), final=True)
    else:
        for way in ways:
            deliver(run, scope, way)
        if frame.queued:
            take_queued(run, scope, step)
