"""One advance under way: the state as it changes, and what comes of it."""

from __future__ import annotations

from collections import deque
from typing import Any

from treadle.core.json import Json
from treadle.workflows.compiled import CompiledStep, Workflow
from treadle.workflows.effects import Cancel, Complete, Effect, Fail, Terminate
from treadle.workflows.error_names import LIMIT
from treadle.workflows.limits import MAX_TOKENS, STEPS_PER_ADVANCE
from treadle.workflows.scope import Scope, item_path
from treadle.workflows.state import Active, Failure, Frame, Items, Phase, State, Status

Entry = dict[str, Any]
"""One entry of the event log: `{seq, at, type, step?, …}`."""


class Run:
    """What the parts of the machine share while an event takes an execution forward."""

    __slots__ = (
        "budget",
        "effects",
        "ended",
        "entries",
        "now",
        "over",
        "queue",
        "root",
        "scopes",
        "state",
        "workflow",
    )

    def __init__(self, workflow: Workflow, state: State, now: int) -> None:
        """Takes over `state`, which is this advance's own copy."""
        self.workflow = workflow
        self.state = state
        self.now = state.at = max(now, state.at)
        self.over = state.status.over
        self.root = Scope(workflow.graph, state.frame)
        self.scopes: dict[int, Scope] = {}
        """The scope of each item's frame: one each, for it counts what waits to be taken."""
        self.effects: list[Effect] = []
        self.entries: list[Entry] = []
        self.queue: deque[tuple[Scope, str, str]] = deque()
        """Steps to take: the scope, the step, and the step before it."""
        self.ended: list[tuple[Scope, Json, Failure | None]] = []
        """Items that came to their end, each with its output or its failure."""
        self.budget = STEPS_PER_ADVANCE

    def log(self, kind: str, step: str | None = None, **more: Any) -> None:
        """Appends an entry to the event log."""
        seq = self.state.seq = self.state.seq + 1
        if step is None:
            self.entries.append({"seq": seq, "at": self.now, "type": kind, **more})
        else:
            self.entries.append({"seq": seq, "at": self.now, "type": kind, "step": step, **more})

    def environment(self, scope: Scope) -> dict[str, Any]:
        """What expressions see in a scope."""
        frame, state = scope.frame, self.state
        return {
            "input": state.input,
            "payload": frame.payload,
            "steps": scope.steps,
            "item": frame.item,
            "index": frame.index,
            "execution": state.execution,
        }

    def enqueue(self, scope: Scope, step: str, source: str) -> None:
        """Lets a step be taken, once this branch has its turn."""
        if self.over:
            return
        if len(self.queue) >= MAX_TOKENS:
            self.end(Status.FAILED, failure=Failure(LIMIT, f"more than {MAX_TOKENS} branches"))
            return
        scope.tokens += 1
        self.queue.append((scope, step, source))

    def inner(self, scope: Scope, map_id: str, index: int, frame: Frame) -> Scope:
        """The scope of one item of a map with inline steps."""
        found = self.scopes.get(id(frame))
        if found is None:
            graph = scope.graph.steps[map_id].items_graph
            found = self.scopes[id(frame)] = Scope(graph, frame, scope, map_id, index)
        return found

    def under_way(self, scope: Scope) -> list[tuple[Scope, str, Active]]:
        """All active steps of a scope and of the items within."""
        found: list[tuple[Scope, str, Active]] = []
        for id_, active in scope.frame.active.items():
            found.append((scope, id_, active))
            if active.items is not None:
                for index, frame in active.items.frames.items():
                    found += self.under_way(self.inner(scope, id_, index, frame))
        return found

    def key(self, path: str, attempt: int) -> str:
        """What the other side knows an attempt by, however often it hears of it."""
        return f"{self.state.id}:{path}:{attempt}"

    def activate(
        self, scope: Scope, step: CompiledStep, phase: Phase, due: int | None, *, tries: int = 1
    ) -> Active:
        """Makes a step an active one, under a new attempt."""
        attempts = scope.frame.attempts
        attempt = attempts[step.id] = attempts.get(step.id, 0) + 1
        active = Active(attempt, tries, phase, due)
        scope.frame.active[step.id] = active
        return active

    def cancel_active(self, scope: Scope) -> None:
        """Ends all that is under way in a frame, the items of its maps included."""
        scope.dead = True
        scope.frame.ready.clear()
        for id_, active in list(scope.frame.active.items()):
            self.cancel_step(scope, id_, active)

    def cancel_step(self, scope: Scope, id_: str, active: Active) -> None:
        """Ends one active step without an outcome."""
        step = scope.step_at(id_)
        if active.items is not None:
            self.cancel_items(scope, step, active.items)
        elif active.phase in (Phase.RUNNING, Phase.ANSWER):
            self.effects.append(Cancel(scope.prefix + id_, active.attempt, step.type))
        del scope.frame.active[id_]
        self.log("step_cancelled", scope.prefix + id_)

    def cancel_items(self, scope: Scope, step: CompiledStep, items: Items) -> None:
        """Ends all items of a map that are under way."""
        for index, frame in items.frames.items():
            self.cancel_active(self.inner(scope, step.id, index, frame))
        for index in items.children:
            self.effects.append(Cancel(item_path(scope, step.id, index), 1, "workflow"))
        items.frames.clear()
        items.children.clear()

    def end(
        self,
        status: Status,
        *,
        output: Json = None,
        failure: Failure | None = None,
        step: str | None = None,
        reason: str = "",
    ) -> None:
        """Ends the execution, and all that is under way in it. Only the first end counts."""
        state = self.state
        if self.over:
            return
        self.over = True
        if status is not Status.COMPLETED:
            self._note_stopped(step)
        self.cancel_active(self.root)
        self.queue.clear()
        self.ended.clear()
        state.status = status
        if failure is not None:
            state.error = {**failure.to_json(), **({"step": step} if step else {})}
            self.log("execution_failed", step, error=failure.to_json())
            self.effects.append(Fail(failure, step))
        elif status is Status.COMPLETED:
            state.output = output
            self.log("execution_completed")
            self.effects.append(Complete(output))
        else:
            state.error = {"name": "Terminated", "message": reason}
            self.log("execution_terminated", reason=reason)
            self.effects.append(Terminate(reason))

    def _note_stopped(self, step: str | None) -> None:
        """Remembers, of the workflow's own steps, those that a retry has to begin with."""
        frame = self.state.frame
        stopped = [step.split(".")[0].split("[")[0].split("#")[0]] if step else []
        stopped += frame.active
        stopped += [id_ for scope, id_, _ in self.queue if scope is self.root]
        stopped += [id_ for id_, _ in frame.ready]
        frame.stopped = list(dict.fromkeys(stopped))
