"""Workflows from short notes, and executions that are played against the machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from treadle.core.json import Json, dump, parse
from treadle.workflows.compiled import Workflow
from treadle.workflows.effects import AwaitResponse, Effect, StartJob, StartStep, StartWorkflow
from treadle.workflows.events import Event, StepFailed, StepSucceeded, TimerFired
from treadle.workflows.machine import Transition, advance, start
from treadle.workflows.model import Definition
from treadle.workflows.parsing import parse_definition
from treadle.workflows.recorded import Recorded
from treadle.workflows.replay import replay
from treadle.workflows.state import State
from treadle.workflows.state_json import state_from_json, state_to_json
from treadle.workflows.validation import validate

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
Note = dict[str, Any]


def step(id_: str, type_: str = "http", config: Note | None = None, **more: Any) -> Note:
    """A step; an `http` one has an address of its own."""
    if config is None:
        config = {"url": f"https://example.com/{id_}"} if type_ == "http" else {}
    return {"id": id_, "type": type_, "config": config, **more}


def transform(id_: str, value: Json, **more: Any) -> Note:
    return step(id_, "transform", {"value": value, **more})


def way(source: str, target: str, **more: Any) -> Note:
    return {"from": source, "to": target, **more}


def ways(*notes: str) -> list[Note]:
    """`ways("t a b", "t c")`: each note is a row of steps, one leading to the next."""
    rows = [note.split() for note in notes]
    return [way(a, b) for row in rows for a, b in pairwise(row)]


def definition(steps: Sequence[Note], connections: Sequence[Note]) -> Definition:
    """Begins with the trigger `t`; it must parse."""
    parsed, faults = parse_definition([step("t", "request"), *steps], [*connections])
    assert parsed is not None, [str(fault) for fault in faults]
    return parsed


def workflow(steps: Sequence[Note], connections: Sequence[Note]) -> Workflow:
    """A compiled workflow that begins with the trigger `t`; it must be valid."""
    made = definition(steps, connections)
    faults = validate(made, integrations=["mail", "TEAMS"])
    assert not faults, [str(fault) for fault in faults]
    return Workflow(made)


def chain(*steps: Note) -> Workflow:
    """The trigger, and the steps one after the other."""
    return workflow(steps, ways(" ".join(["t", *(one["id"] for one in steps)])))


class Play:
    """One execution, taken forward by hand. Its state goes through JSON at every turn."""

    def __init__(
        self,
        played: Workflow,
        payload: Json = None,
        *,
        recorded: Recorded | None = None,
        now: datetime = NOW,
    ) -> None:
        self.workflow = played
        self.now = now
        self.log: list[Note] = []
        self.effects: list[Effect] = []
        self.new: tuple[Effect, ...] = ()
        execution: dict[str, Json] = {"id": "e1", "workflow_id": "w1", "workflow_version": 1}
        self.state = self._stored(
            start(played, execution=execution, payload=payload, now=now, recorded=recorded)
        )

    def tell(self, event: Event, *, after: float = 0) -> Transition:
        """Tells an event so many seconds later."""
        self.now += timedelta(seconds=after)
        before = dump(state_to_json(self.state))
        transition = advance(self.workflow, self.state, event, now=self.now)
        assert dump(state_to_json(self.state)) == before, (
            "a transition changed the state it was given"
        )
        if not transition.applied:
            assert transition.state is self.state
            assert not transition.effects and not transition.log
            self.new = ()
            return transition
        self.state = self._stored(transition)
        return transition

    def succeed(self, path: str, output: Json = None, *, attempt: int = 1) -> Transition:
        return self.tell(StepSucceeded(path, attempt, output))

    def fail(self, path: str, name: str = "Http.500", *, attempt: int = 1) -> Transition:
        return self.tell(StepFailed(path, attempt, name, "it broke"))

    def wake(self) -> Transition:
        """Lets the time come when the next timer is due."""
        due = self.state.wake_at
        assert due is not None, "nothing is due"
        self.now = max(self.now, due)
        return self.tell(TimerFired())

    @property
    def started(self) -> list[str]:
        """The paths that the last event started."""
        return [
            effect.step
            for effect in self.new
            if isinstance(effect, StartStep | StartJob | StartWorkflow | AwaitResponse)
        ]

    def types(self) -> list[str]:
        return [entry["type"] for entry in self.log]

    def check_replay(self) -> None:
        """The log alone gives the state, and writes itself again."""
        stored = parse(dump(self.log), max_depth=1000)
        assert isinstance(stored, list)
        state, written = replay(self.workflow, stored)
        assert state_to_json(state) == state_to_json(self.state)
        assert parse(dump(written), max_depth=1000) == stored

    def _stored(self, transition: Transition) -> State:
        self.new = transition.effects
        self.effects += transition.effects
        self.log += [dict(entry) for entry in transition.log]
        assert [entry["seq"] for entry in self.log] == list(range(1, len(self.log) + 1))
        assert transition.state.seq == len(self.log)
        stored = parse(dump(state_to_json(transition.state)), max_depth=1000)
        assert isinstance(stored, dict)
        state = state_from_json(stored)
        assert state == transition.state
        return state
