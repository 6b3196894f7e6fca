"""Taking a step: the light ones at once, the others by asking the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from treadle.core.json import Json
from treadle.workflows.compiled import CompiledStep
from treadle.workflows.effects import AwaitResponse, StartJob, StartStep, StartWorkflow
from treadle.workflows.error_names import EXPRESSION, LIMIT, TERMINATED
from treadle.workflows.expressions import ExpressionFailed
from treadle.workflows.failures import fail_scope, fail_step
from treadle.workflows.flow import succeed
from treadle.workflows.instants import due_of_wait, milliseconds
from treadle.workflows.joins import gathered
from treadle.workflows.limits import MAX_VISITS
from treadle.workflows.maps import begin
from treadle.workflows.placing import merged
from treadle.workflows.run import Run
from treadle.workflows.scope import Scope
from treadle.workflows.state import Failure, Phase, Status
from treadle.workflows.templates import text_of


def take(run: Run, scope: Scope, id_: str) -> None:
    """Takes the step that a branch has come to."""
    run.state.visits += 1
    if run.state.visits > MAX_VISITS:
        failure = Failure(LIMIT, f"an execution takes at most {MAX_VISITS} steps")
        run.end(Status.FAILED, failure=failure, step=scope.prefix + id_)
        return
    step = scope.graph.steps[id_]
    if id_ in scope.frame.active:
        # Another branch is in it: this one is next.
        scope.frame.queued[id_] = scope.frame.queued.get(id_, 0) + 1
        return
    try:
        _TAKE[step.type](run, scope, step)
    except ExpressionFailed as error:
        fail_step(run, scope, step, Failure(EXPRESSION, str(error)))


def start(run: Run, scope: Scope, step: CompiledStep, *, tries: int = 1) -> None:
    """Begins an attempt of a step that others carry out. Raises ExpressionFailed."""
    environment = run.environment(scope)
    config: Any = step.render(environment)
    phase, due = Phase.RUNNING, None if step.timeout_ms is None else run.now + step.timeout_ms
    if step.type == "wait":
        phase, due = Phase.WAITING, due_of_wait(step, config, environment, run.now)
    elif step.type == "wait_for_response":
        phase = Phase.ANSWER
        if config.get("timeout_seconds") is not None:
            due = run.now + milliseconds(config["timeout_seconds"], "timeout_seconds")
    active = run.activate(scope, step, phase, due, tries=tries)
    path, attempt = scope.prefix + step.id, active.attempt
    if phase is Phase.ANSWER:
        active.sources = config.get("sources")
    more = {"due": due} if due is not None else {}
    run.log("step_started", path, attempt=attempt, input=config, **more)
    key = run.key(path, attempt)
    if step.type in ("http", "function"):
        run.effects.append(StartStep(path, attempt, key, step.type, config, step.timeout_ms))
    elif step.type == "job":
        run.effects.append(StartJob(path, attempt, key, config))
    elif step.type == "workflow":
        run.effects.append(StartWorkflow(path, attempt, key, config, step.config.wait))
    elif phase is Phase.ANSWER:
        send, form = config.get("send"), config.get("form")
        run.effects.append(AwaitResponse(path, attempt, key, active.sources, send, form, due))


def _trigger(run: Run, scope: Scope, step: CompiledStep) -> None:
    succeed(run, scope, step, run.state.input, told=True)


def _transform(run: Run, scope: Scope, step: CompiledStep) -> None:
    before = scope.frame.payload
    value = step.render(run.environment(scope))
    if step.config.mode == "merge":
        value = merged(before, value)
    scope.frame.payload = value
    succeed(run, scope, step, value, input=before)


def _condition(run: Run, scope: Scope, step: CompiledStep) -> None:
    succeed(run, scope, step, step.holds(run.environment(scope)))


def _branch(run: Run, scope: Scope, step: CompiledStep) -> None:
    value = step.value(run.environment(scope))
    if isinstance(value, dict | list):
        raise ExpressionFailed(
            "the value of a branch must be a text, a number, true, false or null"
        )
    succeed(run, scope, step, value)


def _join(run: Run, scope: Scope, step: CompiledStep) -> None:
    brought = gathered(run, scope, step)
    if brought:
        succeed(run, scope, step, brought)


def _terminate(run: Run, scope: Scope, step: CompiledStep) -> None:
    config: Any = step.render(run.environment(scope))
    output: Json = config.get("output", scope.frame.payload)
    reason = text_of(config.get("reason") or "")
    path = scope.prefix + step.id
    run.log("step_succeeded", path, output=output)
    scope.frame.outputs[step.id] = {"output": output}
    if step.config.status == "failed":
        fail_scope(run, scope, Failure(TERMINATED, reason), path)
    elif scope.parent is None:
        run.end(Status.COMPLETED, output=output)
    else:
        run.cancel_active(scope)
        run.ended.append((scope, output, None))


_TAKE: dict[str, Callable[[Run, Scope, CompiledStep], None]] = {
    "request": _trigger,
    "schedule": _trigger,
    "transform": _transform,
    "condition": _condition,
    "branch": _branch,
    "join": _join,
    "terminate": _terminate,
    "map": begin,
    "http": start,
    "function": start,
    "job": start,
    "workflow": start,
    "wait": start,
    "wait_for_response": start,
}
