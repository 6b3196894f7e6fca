"""The pure machine of workflows: no database, one process.

`python -m benchmarks.workflows`. Three transform steps are the work of the bar of the whole (5,000
executions a second on two cores, with PostgreSQL). What is measured beside it is what the same work
costs at least: its expressions alone, its state and log to JSON and back. CPU time, best of five.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from cel_expr_python import cel
from rich.console import Console

from benchmarks.engine import Row, table
from treadle.core.json import Json, dump, parse
from treadle.workflows.compiled import Workflow
from treadle.workflows.effects import Complete
from treadle.workflows.events import StepSucceeded, TimerFired
from treadle.workflows.expressions import Expression
from treadle.workflows.machine import Transition, advance, start
from treadle.workflows.parsing import parse_definition
from treadle.workflows.state import State
from treadle.workflows.state_json import state_from_json, state_to_json

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXPRESSIONS = ("payload.n + 1", "payload.n * 2", "string(payload.m) + '/' + string(payload.n)")
BAR = 100.0  # µs for three steps
ROUNDS = 5


def rows() -> list[Row]:
    """The measurements."""
    three = _chain([_transform(text) for text in EXPRESSIONS])
    compiled = [Expression(text) for text in EXPRESSIONS]
    environment: dict[str, Json] = {"payload": {"n": 1, "m": 2}}
    done = _started(three)
    assert done.effects == (Complete({"r": "4/2"}),)
    stored = dump(state_to_json(done.state))
    steps = _best(lambda: _started(three), 2_000)
    least = _best(lambda: [one.evaluate(environment) for one in compiled], 2_000)
    forty = _chain([{"n": "${payload.n + 1}"}] * 40)
    asking = _asking()
    waiting = _started(asking)
    return [
        Row(
            "three transform steps, to Completed",
            steps,
            "µs",
            f"{1e6 / steps:.0f}/s; {steps / least:.1f} × their expressions alone",
            f"< {BAR:.0f}",
            steps < BAR,
        ),
        Row("their expressions alone", least, "µs"),
        Row("their state and log to JSON", _best(lambda: _written(done), 2_000), "µs"),
        Row("their state from JSON", _best(lambda: _read(stored), 2_000), "µs"),
        Row("40 light steps, to Completed", _best(lambda: _started(forty), 200), "µs"),
        Row("one outcome told", _best(lambda: _told(asking, waiting.state), 2_000), "µs"),
        Row("one stale event", _best(lambda: _stale(asking, waiting.state), 2_000), "µs"),
        Row(
            "compile three steps",
            _best(lambda: Workflow(three.definition), 100),
            "µs",
            "once a version",
        ),
        Row("one expression", _best(lambda: compiled[0].evaluate(environment), 5_000), "µs"),
        Row("one path", _best(lambda: PATH.evaluate(environment), 5_000), "µs"),
        _list_row(),
        *_map_rows(),
    ]


def _list_row() -> Row:
    """A list of many values that a macro builds, beside the library's own way."""
    text = "payload.map(x, x + 1)"
    ours = Expression(text)
    theirs = cel.NewEnv(variables={"payload": cel.Type.DYN}).compile(text)
    many: dict[str, Json] = {"payload": list(range(9_000))}
    took = _best(lambda: ours.evaluate(many), 5)
    copied = _best(lambda: theirs.eval(data=many).plain_value(), 1)
    beside = f"{copied / 1e3:.0f} ms where the library copies the list in each round"
    return Row("a `map` macro over 9,000 values", took / 1e3, "ms", beside)


PATH = Expression("payload.n")


def _map_rows() -> Sequence[Row]:
    inner = {"id": "x", "type": "transform", "config": {"value": "${payload + 1}"}}
    each = {"items": "payload", "steps": [inner], "max_concurrency": 100}
    steps = [_TRIGGER, {"id": "each", "type": "map", "config": each}]
    mapped = _compiled(steps, [{"from": "t", "to": "each"}])
    items: list[Json] = list(range(400))
    return [
        Row(
            "a map's item with one step",
            _best(lambda: start(mapped, execution={"id": "e"}, payload=items, now=NOW), 5) / 400,
            "µs",
        )
    ]


_TRIGGER = {"id": "t", "type": "request"}


def _transform(text: str) -> dict[str, str]:
    key = {"payload.n + 1": "n", "payload.n * 2": "m"}.get(text, "r")
    return {key: f"${{{text}}}"}


def _chain(values: Sequence[dict[str, str]]) -> Workflow:
    ids = [f"s{n}" for n in range(len(values))]
    last = len(values) - 1
    steps = [
        {
            "id": id_,
            "type": "transform",
            "config": {"value": value, "mode": "replace" if n == last else "merge"},
        }
        for n, (id_, value) in enumerate(zip(ids, values, strict=True))
    ]
    sources = ["t", *ids]
    joined = [{"from": a, "to": b} for a, b in zip(sources, ids, strict=False)]
    return _compiled([_TRIGGER, *steps], joined)


def _asking() -> Workflow:
    call = {"id": "call", "type": "http", "config": {"url": "https://example.com/${payload.n}"}}
    wait = {"id": "wait", "type": "wait", "config": {"seconds": 60}}
    return _compiled(
        [_TRIGGER, call, wait], [{"from": "t", "to": "call"}, {"from": "call", "to": "wait"}]
    )


def _compiled(steps: Sequence[object], connections: Sequence[dict[str, str]]) -> Workflow:
    definition, faults = parse_definition([*steps], [*connections])
    assert definition is not None, faults
    return Workflow(definition)


def _started(workflow: Workflow) -> Transition:
    return start(workflow, execution={"id": "e"}, payload={"n": 1}, now=NOW)


def _written(done: Transition) -> int:
    return len(dump(state_to_json(done.state))) + len(dump(done.log))


def _read(stored: bytes) -> State:
    value = parse(stored)
    assert isinstance(value, dict)
    return state_from_json(value)


def _told(workflow: Workflow, state: State) -> None:
    told = advance(workflow, state, StepSucceeded("call", 1, {"status": 200}), now=NOW)
    assert told.applied


def _stale(workflow: Workflow, state: State) -> None:
    assert not advance(workflow, state, TimerFired(), now=NOW).applied


def _best(work: Callable[[], object], times: int) -> float:
    """Microseconds of CPU for one."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        for _ in range(times):
            work()
        best = min(best, time.process_time() - begin)
    return best / times * 1e6


if __name__ == "__main__":
    Console().print(table(rows()))
