"""What an event tells: matched with the step that it belongs to, or not listened to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from treadle.core.json import Json
from treadle.workflows.compiled import CompiledStep
from treadle.workflows.effects import Cancel
from treadle.workflows.error_names import EXPRESSION, TIMEOUT
from treadle.workflows.events import (
    ChildEnded,
    Continued,
    Event,
    FailRequested,
    JobEnded,
    Resumed,
    StepFailed,
    StepSucceeded,
    TerminateRequested,
    TimerFired,
    event_to_json,
    failure,
)
from treadle.workflows.expressions import ExpressionFailed
from treadle.workflows.failures import fail_step
from treadle.workflows.flow import succeed
from treadle.workflows.instants import iso_of
from treadle.workflows.joins import settle_if_idle
from treadle.workflows.maps import note_item
from treadle.workflows.run import Run
from treadle.workflows.scope import Scope, parsed_path
from treadle.workflows.state import Active, Failure, Phase, Status
from treadle.workflows.steps import start


class Answer(StrEnum):
    """What became of somebody's answer; the workflow API's own words where it has them."""

    RESTARTED = "restarted"
    ALREADY_RESTARTED = "already restarted"
    NOT_WAITING = "not found"
    SOURCE_REFUSED = "source refused"


@dataclass(frozen=True, slots=True)
class _Place:
    """A step under way, or an item of a map that is an execution of another workflow."""

    scope: Scope
    step: CompiledStep
    active: Active
    index: int | None


def tell(run: Run, event: Event) -> Answer | None:
    """Lets an event happen; without an entry in the log it had no place to happen at."""
    if isinstance(event, Resumed):
        return _resume(run, event)
    if run.over:
        return None
    match event:
        case Continued():
            if run.state.more:
                _log(run, event)
        case TimerFired():
            _fire(run, event)
        case TerminateRequested():
            _log(run, event)
            run.end(Status.TERMINATED, reason=event.reason)
        case FailRequested():
            _log(run, event)
            run.end(Status.FAILED, failure=failure(event.name, event.message))
        case _:
            _hear(run, event)
    return None


def _log(run: Run, event: Event) -> None:
    run.log(event.type, received=True, **event_to_json(event))


def _find(run: Run, path: str) -> _Place | None:
    """What is under way at a path: nothing, for all that comes late."""
    parts = parsed_path(path)
    scope = run.root
    for position, (id_, entered, index) in enumerate(parts or ()):
        active = scope.frame.active.get(id_)
        last = parts is not None and position == len(parts) - 1
        if active is None:
            return None
        if index is None:
            found = last and entered is None
            return _Place(scope, scope.graph.steps[id_], active, None) if found else None
        if active.items is None or (entered or 1) != active.attempt:
            return None
        if last:
            begun = index in active.items.children
            return _Place(scope, scope.graph.steps[id_], active, index) if begun else None
        if index not in active.items.frames:
            return None
        scope = run.inner(scope, id_, index, active.items.frames[index])
    return None


def _hear(run: Run, event: StepSucceeded | StepFailed | JobEnded | ChildEnded) -> None:
    """The outcome of an attempt, if it is the one under way."""
    place = _find(run, event.step)
    if place is None or not _belongs(event, place):
        return
    _log(run, event)
    output, failed = _outcome(event)
    scope, step, active, index = place.scope, place.step, place.active, place.index
    if index is not None and active.items is not None:
        active.items.children.remove(index)
        note_item(run, scope, step, index, output, failed)
    elif failed is None:
        succeed(run, scope, step, output, told=True)
    else:
        fail_step(run, scope, step, failed, told=isinstance(event, StepFailed))
    settle_if_idle(run, scope)


def _belongs(event: StepSucceeded | StepFailed | JobEnded | ChildEnded, place: _Place) -> bool:
    """Whether the event is of a kind and an attempt that the step waits for."""
    if place.index is not None:
        return event.attempt == 1 and isinstance(event, ChildEnded | StepFailed)
    if event.attempt != place.active.attempt:
        return False
    if isinstance(event, StepFailed):
        return place.active.phase in (Phase.RUNNING, Phase.ANSWER)
    return place.active.phase is Phase.RUNNING and isinstance(event, _teller(place.step))


def _teller(step: CompiledStep) -> type[StepSucceeded] | type[JobEnded] | type[ChildEnded]:
    """What tells that a step has its output."""
    if step.type == "job":
        return JobEnded
    return ChildEnded if step.type == "workflow" and step.config.wait else StepSucceeded


def _outcome(
    event: StepSucceeded | StepFailed | JobEnded | ChildEnded,
) -> tuple[Json, Failure | None]:
    match event:
        case StepSucceeded():
            return event.output, None
        case StepFailed():
            return None, failure(event.name, event.message)
        case JobEnded():
            if event.outcome == "Succeeded":
                return event.result, None
            return None, failure(f"Job.{event.outcome}", event.message)
        case ChildEnded():
            if event.outcome == "Completed":
                return event.output, None
            return None, failure(f"Workflow.{event.outcome}", event.message)


def _fire(run: Run, event: TimerFired) -> None:
    """Everything that is due happens, the longest due first."""
    state = run.state
    if state.deadline is not None and state.deadline <= run.now:
        _log(run, event)
        run.end(Status.FAILED, failure=Failure(TIMEOUT, "the execution took too long"))
        return
    due = [
        (active.due, scope.prefix + id_, scope, active)
        for scope, id_, active in run.under_way(run.root)
        if active.due is not None and active.due <= run.now
    ]
    if not due:
        return
    _log(run, event)
    for _, path, scope, active in sorted(due, key=lambda one: one[:2]):
        id_ = path.removeprefix(scope.prefix)
        # What came before in this loop may have ended it.
        if not scope.dead and scope.frame.active.get(id_) is active:
            _come_due(run, scope, scope.graph.steps[id_], active)
            settle_if_idle(run, scope)


def _come_due(run: Run, scope: Scope, step: CompiledStep, active: Active) -> None:
    if active.phase is Phase.WAITING:
        succeed(run, scope, step, iso_of(run.now))
    elif active.phase is Phase.RETRYING:
        try:
            start(run, scope, step, tries=active.tries + 1)
        except ExpressionFailed as error:
            fail_step(run, scope, step, Failure(EXPRESSION, str(error)), final=True)
    else:
        if active.items is not None:
            run.cancel_items(scope, step, active.items)
        else:
            run.effects.append(Cancel(scope.prefix + step.id, active.attempt, step.type))
        fail_step(run, scope, step, Failure(TIMEOUT, "the step took too long"))


def _resume(run: Run, event: Resumed) -> Answer:
    """Exactly one answer takes a wait on: the wait is gone for the next one."""
    waiting = [
        (scope, id_, active)
        for scope, id_, active in run.under_way(run.root)
        if active.phase is Phase.ANSWER
        and event.step in (None, scope.prefix + id_)
        and event.attempt in (None, active.attempt)
    ]
    if not waiting or run.over:
        return Answer.ALREADY_RESTARTED if run.state.resumed else Answer.NOT_WAITING
    for scope, id_, active in waiting:
        # Who has an answer link was asked by it: it is a source of its own.
        by_link = event.attempt is not None
        if active.sources is not None and event.source not in active.sources and not by_link:
            continue
        run.state.resumed += 1
        _log(run, replace(event, step=scope.prefix + id_, attempt=active.attempt))
        succeed(run, scope, scope.graph.steps[id_], event.body, told=True)
        settle_if_idle(run, scope)
        return Answer.RESTARTED
    return Answer.SOURCE_REFUSED
