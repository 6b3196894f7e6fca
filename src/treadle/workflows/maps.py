"""Maps: every item of a list goes its own way, a bounded number of them at a time."""

from __future__ import annotations

from treadle.core.json import Json
from treadle.workflows.compiled import CompiledStep
from treadle.workflows.effects import StartWorkflow
from treadle.workflows.error_names import MAP_FAILED, MAP_TOO_LARGE
from treadle.workflows.expressions import ExpressionFailed
from treadle.workflows.failures import fail_step
from treadle.workflows.flow import succeed
from treadle.workflows.limits import MAX_MAP_ITEMS
from treadle.workflows.run import Run
from treadle.workflows.scope import Scope, item_path
from treadle.workflows.state import Failure, Frame, Items, Phase


def begin(run: Run, scope: Scope, step: CompiledStep) -> None:
    """Takes a map step: evaluates its items and begins the first of them.

    Raises ExpressionFailed.
    """
    items = step.value(run.environment(scope))
    if not isinstance(items, list):
        raise ExpressionFailed("the items of a map must be a list")
    if len(items) > MAX_MAP_ITEMS:
        message = f"a map has at most {MAX_MAP_ITEMS} items, not {len(items)}"
        fail_step(run, scope, step, Failure(MAP_TOO_LARGE, message))
        return
    due = None if step.timeout_ms is None else run.now + step.timeout_ms
    active = run.activate(scope, step, Phase.MAPPING, due)
    active.items = Items(items, [None] * len(items))
    run.log("step_started", scope.prefix + step.id, items=len(items))
    _go_on(run, scope, step, active.items)


def item_ended(run: Run, item: Scope, output: Json, failure: Failure | None) -> None:
    """An item with inline steps has come to its end."""
    scope = item.outer
    active = scope.frame.active.get(item.map_id)
    # The map may have ended in the same advance, by another item's failure.
    if active is None or active.items is None or item.index not in active.items.frames:
        return
    del active.items.frames[item.index]
    note_item(run, scope, scope.graph.steps[item.map_id], item.index, output, failure)


def note_item(  # noqa: PLR0917
    run: Run, scope: Scope, step: CompiledStep, index: int, output: Json, failure: Failure | None
) -> None:
    """Writes down what became of an item, and goes on with the next or to the end."""
    items = scope.frame.active[step.id].items
    if items is None:
        return
    if failure is None:
        items.outputs[index] = output
    else:
        items.failures.append({"index": index, "error": failure.to_json()})
        run.log("item_failed", item_path(scope, step.id, index), error=failure.to_json())
        if len(items.failures) > step.config.tolerated_failures:
            run.cancel_items(scope, step, items)
            message = f"item {index} failed: {failure.name}: {failure.message}"
            fail_step(run, scope, step, Failure(MAP_FAILED, message))
            return
    _go_on(run, scope, step, items)


def _go_on(run: Run, scope: Scope, step: CompiledStep, items: Items) -> None:
    """Begins as many items as may run at a time; with nothing left the map has its output."""
    most = step.config.max_concurrency
    while items.following < len(items.items) and items.running < most and not scope.dead:
        index = items.following
        items.following += 1
        if step.inner is not None:
            item = items.items[index]
            frame = items.frames[index] = Frame(item, item=item, index=index)
            run.enqueue(run.inner(scope, step.id, index, frame), step.inner.first, "")
        else:
            _begin_child(run, scope, step, items, index)
    if items.running or items.following < len(items.items):
        return
    succeed(run, scope, step, items.outputs)
    if items.failures:
        scope.frame.outputs[step.id]["failures"] = [*items.failures]


def _begin_child(run: Run, scope: Scope, step: CompiledStep, items: Items, index: int) -> None:
    items.children.append(index)
    path = item_path(scope, step.id, index)
    config = {"workflow_id": step.config.workflow_id, "payload": items.items[index]}
    if step.config.workflow_version is not None:
        config["workflow_version"] = step.config.workflow_version
    run.effects.append(StartWorkflow(path, 1, run.key(path, 1), config))
