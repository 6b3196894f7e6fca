"""A definition judged as a whole: what `parsing` can't see in one step by itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from treadle.workflows.error_names import is_pattern
from treadle.workflows.expressions import Expression, ExpressionFailed
from treadle.workflows.faults import Fault, in_order, joined
from treadle.workflows.graph import cycles_without, reached_from, ways_of
from treadle.workflows.model import Connection, Definition, Graph, Step
from treadle.workflows.parsing import CONNECTIONS, STEPS
from treadle.workflows.schemas import schema_fault
from treadle.workflows.step_configs import TRIGGERS, WAITING
from treadle.workflows.step_configs.condition import ConditionConfig
from treadle.workflows.step_configs.wait_for_response import WaitForResponseConfig
from treadle.workflows.templates import Template

Place = tuple[str, Step]
"""A step and the path at which it stands."""

_UNTRIED = frozenset({"wait", "condition", "branch", "join", "terminate", "transform", "map"})
"""Steps that a retry makes no sense of: the same would come out, or each item has its own."""


def validate(definition: Definition, *, integrations: Collection[str] = ()) -> list[Fault]:
    """All faults of a definition, in the order of their paths; none means that it can run.

    `integrations` are the names that steps may use.
    """
    judge = _Judge(frozenset(integrations))
    judge.graph(definition, STEPS, CONNECTIONS, inside_map=False)
    judge.unique_ids()
    return in_order(judge.faults)


class _Judge:
    """One definition under judgement, and its faults."""

    def __init__(self, integrations: frozenset[str]) -> None:
        self.faults: list[Fault] = []
        self._integrations = integrations
        self._places: defaultdict[str, list[str]] = defaultdict(list)

    def graph(
        self, graph: Graph, steps_path: str, connections_path: str, *, inside_map: bool
    ) -> None:
        placed = [(f"{steps_path}[{n}]", step) for n, step in enumerate(graph.steps)]
        joining = [(f"{connections_path}[{n}]", way) for n, way in enumerate(graph.connections)]
        self._trigger(placed, inside_map=inside_map)
        for path, step in placed:
            self._places[step.id].append(f"{path}.id")
            self._step(path, step, inside_map=inside_map)
            if step.inner is not None:
                inner = f"{path}.config"
                self.graph(step.inner, f"{inner}.steps", f"{inner}.connections", inside_map=True)
        steps = {step.id: step for step in graph.steps}
        for path, connection in joining:
            self._connection(path, connection, steps, first=graph.steps[0].id, inside=inside_map)
        self._labels(graph, joining, steps)
        self._shape(graph, placed, steps_path)

    def unique_ids(self) -> None:
        """Ids are unique in the whole definition: expressions in a map see the steps outside."""
        for id_, paths in self._places.items():
            for path in paths[1:]:
                self._fault(path, f"{id_!r} is the id of another step")

    def _trigger(self, placed: Sequence[Place], *, inside_map: bool) -> None:
        for n, (path, step) in enumerate(placed):
            trigger = step.type in TRIGGERS
            if inside_map and trigger:
                self._fault(f"{path}.type", "a map has no trigger of its own")
            elif not inside_map and trigger != (n == 0):
                rule = (
                    "the first step must be a trigger" if n == 0 else "a trigger is the first step"
                )
                self._fault(f"{path}.type", rule)

    def _step(self, path: str, step: Step, *, inside_map: bool) -> None:
        for where, text in _texts(step.config.written(), type(step.config).verbatim):
            self._text(f"{path}.config{where}", step, where.removeprefix("."), text, inside_map)
        config: Any = step.config
        self._integration(f"{path}.config.integration", getattr(config, "integration", None))
        if isinstance(config, WaitForResponseConfig):
            if config.send is not None:
                self._integration(f"{path}.config.send.integration", config.send.integration)
            fault = schema_fault(config.form) if config.form is not None else None
            if fault:
                self._fault(f"{path}.config.form", fault)
        if step.retry is not None:
            self._retry(path, step)
        if step.result is not None and step.type in {*TRIGGERS, "transform", "terminate"}:
            self._fault(f"{path}.result", f"a {step.type} step has no output to place")
        if step.timeout_seconds is not None and step.type in _UNTRIED - {"map"}:
            self._fault(f"{path}.timeout_seconds", f"a {step.type} step takes no timeout")

    def _retry(self, path: str, step: Step) -> None:
        if step.type in _UNTRIED | TRIGGERS:
            self._fault(f"{path}.retry", f"a {step.type} step is not retried")
        for n, name in enumerate(step.retry.errors if step.retry else ()):
            self._error_name(f"{path}.retry.errors[{n}]", name)

    def _text(self, path: str, step: Step, key: str, text: str, inside_map: bool) -> None:
        """A text of a config: an expression, or a template with expressions in it."""
        try:
            if key in type(step.config).expressions:
                if key == "until" and is_time(text):
                    return
                found = [Expression(text)]
            else:
                found = Template(text).expressions
        except ExpressionFailed as error:
            self._fault(path, f"bad expression: {error}")
            return
        for expression in found:
            self._variables(path, expression, inside_map)

    def _variables(self, path: str, expression: Expression, inside_map: bool) -> None:
        unknown = sorted(expression.roots & {"item", "index"})
        if unknown and not inside_map:
            self._fault(path, f"{unknown[0]} is known only inside a map")

    def _integration(self, path: str, name: str | None) -> None:
        if name is not None and name not in self._integrations:
            self._fault(path, f"there is no integration {name!r}")

    def _connection(
        self, path: str, way: Connection, steps: dict[str, Step], *, first: str, inside: bool
    ) -> None:
        for key, id_ in (("from", way.source), ("to", way.target)):
            if id_ not in steps:
                self._fault(f"{path}.{key}", f"there is no step {id_!r}")
        if way.target == first and steps[first].type in TRIGGERS:
            self._fault(f"{path}.to", "nothing leads to the trigger")
        source = steps.get(way.source)
        if source is not None and source.type == "terminate":
            self._fault(f"{path}.from", "nothing follows a terminate step")
        if way.when is not None:
            try:
                self._variables(f"{path}.when", Expression(way.when), inside)
            except ExpressionFailed as error:
                self._fault(f"{path}.when", f"bad expression: {error}")
        if way.on_error and source is not None and source.type in {*TRIGGERS, "join"}:
            self._fault(f"{path}.on", f"a {source.type} step can't fail")
        if way.errors and not way.on_error:
            self._fault(f"{path}.errors", 'only a connection with on: "error" names errors')
        for n, name in enumerate(way.errors):
            self._error_name(f"{path}.errors[{n}]", name)

    def _error_name(self, path: str, name: str) -> None:
        if not is_pattern(name):
            self._fault(
                path,
                f"{name[:40]!r} names no failure: Timeout, Expression, Http.404, Http.5xx,"
                " Function.ValueError, Job.Failed, *, …",
            )

    def _labels(
        self, graph: Graph, joining: Sequence[tuple[str, Connection]], steps: dict[str, Step]
    ) -> None:
        for path, way in joining:
            source = steps.get(way.source)
            if source is None or way.on_error:
                if way.label is not None and way.on_error:
                    self._fault(f"{path}.label", "an error connection has no label")
            elif isinstance(source.config, ConditionConfig):
                if way.label not in ("yes", "no"):
                    self._fault(f"{path}.label", 'after a condition, must be "yes" or "no"')
            elif way.label is not None and source.type != "branch":
                self._fault(f"{path}.label", "only after a condition or a branch")

    def _shape(self, graph: Graph, placed: Sequence[Place], steps_path: str) -> None:
        """Reachable steps, joins that join, cycles that wait."""
        ways = ways_of(graph)
        reached = reached_from([graph.steps[0].id], ways)
        coming = Counter(way.target for way in graph.connections)
        # A way back to the trigger is a fault of its own.
        breaks = {step.id for step in graph.steps if step.type in WAITING | TRIGGERS}
        for path, step in placed:
            if step.id not in reached:
                self._fault(path, "can't be reached from the first step")
            if step.type == "join" and coming[step.id] < 2:
                self._fault(path, "a join needs at least two connections that lead to it")
        for cycle in cycles_without(graph, breaks.__contains__):
            n = next(n for n, step in enumerate(graph.steps) if step.id == cycle[0])
            self._fault(f"{steps_path}[{n}]", f"is on a cycle without a wait: {' → '.join(cycle)}")

    def _fault(self, path: str, rule: str) -> None:
        self.faults.append(Fault(path, rule))


def is_time(text: str) -> bool:
    """Whether `until` is an ISO time and no expression: it begins with a year of four digits."""
    return len(text) >= 10 and text[:4].isdigit() and text[4] == "-" and text[7] == "-"


def _texts(config: dict[str, Any], verbatim: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Every text of a config that is no verbatim one, with its path after `config`."""
    pending: list[tuple[str, Any]] = [
        (f".{key}", value) for key, value in config.items() if key not in verbatim
    ]
    while pending:
        path, value = pending.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            pending += [(joined(path, [key]), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            pending += [(joined(path, [n]), inner) for n, inner in enumerate(value)]
