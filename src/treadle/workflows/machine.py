"""The machine: one pure function of (workflow, state, event).

    Transition = start(workflow, execution=…, payload=…, now=…)
    Transition = advance(workflow, state, event, now=…)

A transition is the next state, the effects to bring about, and the entries to append to the event
log. The caller stores all three in one write, guarded by the state's `seq`; wakes the execution
with TimerFired when `state.wake_at` comes; and tells Continued at once while `state.more`.

An event that comes twice, late or out of turn changes nothing: it is matched by path and attempt
with a step that is under way, and by nothing else. Then `applied` is false and the state is the
same object. For what an expression, a payload or the world may do, the execution fails; the machine
does not raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from treadle.core.json import Json
from treadle.workflows.cel_values import iso
from treadle.workflows.compiled import Workflow
from treadle.workflows.effects import (
    AwaitResponse,
    Cancel,
    Complete,
    Effect,
    Fail,
    StartJob,
    StartStep,
    StartWorkflow,
    Terminate,
)
from treadle.workflows.events import Event, Resumed
from treadle.workflows.instants import epoch_ms
from treadle.workflows.joins import settle_if_idle
from treadle.workflows.maps import item_ended
from treadle.workflows.recorded import Recorded
from treadle.workflows.run import Entry, Run
from treadle.workflows.scope import Scope
from treadle.workflows.state import Failure, Frame, Phase, State, Status, all_active
from treadle.workflows.steps import take
from treadle.workflows.telling import Answer, tell


@dataclass(frozen=True, slots=True)
class Transition:
    """What comes of an event."""

    state: State
    effects: tuple[Effect, ...] = ()
    log: tuple[Entry, ...] = ()
    applied: bool = True
    """Whether anything changed; else there is nothing to write."""
    answer: Answer | None = None
    """What to tell the caller, where the event was Resumed."""


def start(
    workflow: Workflow,
    *,
    execution: dict[str, Json],
    payload: Json,
    now: datetime,
    recorded: Recorded | None = None,
    seq: int = 0,
    later: bool = False,
) -> Transition:
    """The first transition of an execution.

    `execution` is what expressions see under that name; it has an `id`, and `started_at` is added.
    `payload` is the trigger's. With `recorded` it begins where another one ended; then its log goes
    on after the entry `seq` of that one's. `later`: its steps are left to the advance that comes
    next.
    """
    at = epoch_ms(now)
    graph = workflow.graph
    frame = Frame(payload)
    steps: tuple[str, ...] = (graph.first,)
    more: dict[str, Json] = {}
    if recorded is not None:
        frame = Frame(
            recorded.payload,
            outputs=dict(recorded.outputs),
            attempts=dict(recorded.attempts),
            arrived={join: dict(counts) for join, counts in recorded.arrived.items()},
        )
        steps, more = recorded.steps, {"recorded": recorded.to_json()}
    if later:
        more["later"] = True
    state = State(
        execution={**execution, "started_at": iso(now)},
        input=payload,
        frame=frame,
        seq=seq,
        deadline=at + workflow.timeout_ms if workflow.timeout_ms is not None else None,
    )
    run = Run(workflow, state, at)
    if later:
        run.budget = 0
    run.log(
        "execution_started", graph.first, received=True, input=payload, execution=execution, **more
    )
    for step in steps:
        run.enqueue(run.root, step, "")
    return _finished(run)


def advance(workflow: Workflow, state: State, event: Event, *, now: datetime) -> Transition:
    """What `event` makes of an execution; see the module."""
    run = Run(workflow, state.copy(), epoch_ms(now))
    if isinstance(event, Resumed) and event.later:
        run.budget = 0
    if state.more:
        _take_up(run, run.root)
    answer = tell(run, event)
    if not run.entries:
        return Transition(state, applied=False, answer=answer)
    return _finished(run, answer)


def _finished(run: Run, answer: Answer | None = None) -> Transition:
    """Takes all steps that wait to be taken, as far as the budget goes."""
    state = run.state
    while not run.over:
        if run.ended:
            item, output, failure = run.ended.pop(0)
            _end_item(run, item, output, failure)
        elif run.queue and run.budget > 0:
            scope, step, _ = run.queue.popleft()
            scope.tokens -= 1
            if not scope.dead:
                run.budget -= 1
                take(run, scope, step)
                settle_if_idle(run, scope)
        else:
            break
    _put_down(run)
    if not run.over:
        answering = any(active.phase is Phase.ANSWER for active in all_active(state.frame))
        state.status = Status.AWAITING_RESPONSE if answering else Status.IN_PROGRESS
    return Transition(state, _without_pairs(run.effects), tuple(run.entries), answer=answer)


def _end_item(run: Run, item: Scope, output: Json, failure: Failure | None) -> None:
    item_ended(run, item, output, failure)
    settle_if_idle(run, item.outer)


def _take_up(run: Run, scope: Scope) -> None:
    """Lets the steps be taken that the advance before had no budget left for."""
    ready, scope.frame.ready = scope.frame.ready, []
    for step, source in ready:
        run.enqueue(scope, step, source)
    for id_, active in scope.frame.active.items():
        if active.items is not None:
            for index, frame in active.items.frames.items():
                _take_up(run, run.inner(scope, id_, index, frame))


def _put_down(run: Run) -> None:
    """Leaves what the budget didn't reach to the next advance."""
    run.state.more = bool(run.queue) and not run.over
    if run.state.more:
        for scope, step, source in run.queue:
            if not scope.dead:
                scope.frame.ready.append((step, source))


def _without_pairs(effects: list[Effect]) -> tuple[Effect, ...]:
    """Without what was begun and cancelled in the same advance: nobody needs to hear of it."""
    cancelled = {(one.step, one.attempt) for one in effects if isinstance(one, Cancel)}
    if not cancelled:
        return tuple(effects)
    begun = {
        (one.step, one.attempt)
        for one in effects
        if isinstance(one, StartStep | StartJob | StartWorkflow | AwaitResponse)
    }
    both = cancelled & begun
    return tuple(
        one
        for one in effects
        if isinstance(one, Complete | Fail | Terminate) or (one.step, one.attempt) not in both
    )
