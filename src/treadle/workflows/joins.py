"""Where branches come together, and where a frame comes to its end.

A join `all` goes on when every branch that can still come has come: not when the number of its
connections has, for a branch may have ended elsewhere. That is to say, when no step under way and
no other waiting join can lead to it. Of two joins that wait for each other the one that stands
first in the definition goes on, so that something always does.
A join `any` goes on with the first; what the other branches bring is left aside.
"""

from __future__ import annotations

from collections.abc import Iterable

from treadle.core.json import Json
from treadle.workflows.compiled import CompiledStep
from treadle.workflows.run import Run
from treadle.workflows.scope import Scope
from treadle.workflows.state import Status


def settle(run: Run, scope: Scope) -> None:
    """No step of the frame waits to be taken: joins may go on, or the frame has come to its end."""
    frame = scope.frame
    if scope.graph.joins:
        join = _free_join(scope)
        if join is not None:
            run.enqueue(scope, join, "")
            return
        _forget_owed(scope)
    if frame.active or frame.arrived:
        return
    if scope.parent is None:
        run.end(Status.COMPLETED, output=frame.payload)
    else:
        scope.dead = True
        run.ended.append((scope, frame.payload, None))


def gathered(run: Run, scope: Scope, step: CompiledStep) -> dict[str, Json]:
    """What the branches brought to a join: one of each, with the output of its last step.

    Nothing, if the branch that asked was taken together with one before it.
    """
    frame = scope.frame
    arrived = frame.arrived.pop(step.id, {})
    brought = {source: frame.outputs.get(source, {}).get("output") for source in arrived}
    if step.config.mode == "any":
        brought = dict(list(brought.items())[:1])
        _owe(run, scope, step, arrived, set(brought))
    left = {
        source: count - (source in brought)
        for source, count in arrived.items()
        if count - (source in brought) > 0
    }
    if left:
        frame.arrived[step.id] = left
    return brought


def _owe(
    run: Run, scope: Scope, step: CompiledStep, arrived: dict[str, int], brought: set[str]
) -> None:
    """Notes from where one more may come, which has lost to the one that goes on."""
    live = _live(scope) | {id_ for other, id_, _ in run.queue if other is scope}
    owed = [
        source
        for source in scope.graph.joins[step.id]
        if source not in brought and source not in arrived and _can_come(scope, live, source)
    ]
    for source in list(arrived):
        if source not in brought:
            arrived[source] -= 1  # it came together with the one that goes on
    if owed:
        scope.frame.owed[step.id] = [*scope.frame.owed.get(step.id, ()), *owed]


def _forget_owed(scope: Scope) -> None:
    """Lets go of what can't come any more, so that a later round isn't taken for it."""
    owed = scope.frame.owed
    if not owed:
        return
    live = _live(scope)
    for join, sources in list(owed.items()):
        kept = [source for source in sources if _can_come(scope, live, source)]
        if kept:
            owed[join] = kept
        else:
            del owed[join]


def _live(scope: Scope) -> set[str]:
    """Steps from which something can still come: under way, to be taken, or waiting at a join."""
    frame = scope.frame
    return {*frame.active, *frame.queued, *frame.arrived, *(id_ for id_, _ in frame.ready)}


def _can_come(scope: Scope, live: Iterable[str], source: str) -> bool:
    return any(source == step or source in scope.graph.reach[step] for step in live)


def _free_join(scope: Scope) -> str | None:
    """The first waiting join that nothing under way can still lead to."""
    frame, graph = scope.frame, scope.graph
    for join in sorted(frame.arrived, key=graph.order.__getitem__):
        blocked = any(join in graph.reach[step] for step in (*frame.active, *frame.queued))
        if not blocked and not any(_stands_before(scope, other, join) for other in frame.arrived):
            return join
    return None


def _stands_before(scope: Scope, other: str, join: str) -> bool:
    """Whether a waiting join is to go on before `join`, because it leads to it."""
    graph = scope.graph
    if other == join or join not in graph.reach[other]:
        return False
    return other not in graph.reach[join] or graph.order[other] < graph.order[join]


def settle_if_idle(run: Run, scope: Scope) -> None:
    """`settle`, if nothing of the frame waits to be taken."""
    if scope.tokens == 0 and not scope.dead and not run.over:
        settle(run, scope)
