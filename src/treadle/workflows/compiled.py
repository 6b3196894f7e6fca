"""A definition made ready for the machine: expressions compiled, ways laid out by step.

Compiling costs some 50 µs an expression and a definition never changes under its version, so
processes keep what they compiled (`CompiledVersions`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from treadle.core.json import Json
from treadle.workflows.expressions import Environment, Expression
from treadle.workflows.graph import reach
from treadle.workflows.model import Connection, Definition, Graph, Step
from treadle.workflows.step_configs import LIGHT
from treadle.workflows.templates import Render, Template
from treadle.workflows.validation import is_time


class Way:
    """A connection, with its condition compiled."""

    __slots__ = ("errors", "label", "source", "target", "when")

    def __init__(self, connection: Connection) -> None:
        self.source = connection.source
        self.target = connection.target
        self.label = connection.label
        self.errors = connection.errors or ("*",)
        self.when = Expression(connection.when) if connection.when is not None else None


class CompiledStep:
    """A step, with what it leads to."""

    __slots__ = (
        "config",
        "error_ways",
        "expression",
        "id",
        "inner",
        "light",
        "plain",
        "render",
        "repeats",
        "result",
        "retry",
        "timeout_ms",
        "type",
        "until_time",
        "ways",
    )

    def __init__(self, step: Step, connections: tuple[Connection, ...]) -> None:
        config: Any = step.config
        self.id = step.id
        self.type = step.type
        self.light = step.type in LIGHT
        self.config = config
        self.retry = step.retry
        self.result = step.result
        self.timeout_ms = _milliseconds(step.timeout_seconds)
        self.ways = tuple(Way(way) for way in connections if not way.on_error)
        self.error_ways = tuple(Way(way) for way in connections if way.on_error)
        # No condition and no label: all of them are taken, whatever came out.
        self.plain = all(way.when is None and way.label is None for way in self.ways)
        self.inner = CompiledGraph(step.inner) if step.inner is not None else None
        template = _template(step)
        self.render: Render = template.render
        self.until_time: str | None = None
        self.expression: Expression | None = None
        for name in type(config).expressions:
            text = getattr(config, name)
            if name == "until" and text is not None and is_time(text):
                self.until_time = text
            elif text is not None:
                self.expression = Expression(text)
        whens = [way.when for way in (*self.ways, *self.error_ways)]
        read = [one for one in (*template.expressions, *whens, self.expression) if one is not None]
        self.repeats = any(one.repeats for one in read) or (
            self.inner is not None and self.inner.repeats
        )

    @property
    def items_graph(self) -> CompiledGraph:
        """What a map does with each item. Raises LookupError for other steps."""
        if self.inner is None:
            raise LookupError(f"{self.id} has no steps of its own")
        return self.inner

    def value(self, environment: Environment) -> Json:
        """The value of the config's expression. Raises ExpressionFailed."""
        return self._expression().evaluate(environment)

    def holds(self, environment: Environment) -> bool:
        """Whether the config's condition is true. Raises ExpressionFailed."""
        return self._expression().holds(environment)

    def _expression(self) -> Expression:
        if self.expression is None:
            raise LookupError(f"{self.id} has no expression")
        return self.expression


class CompiledGraph:
    """The steps of a graph by id."""

    __slots__ = ("first", "joins", "order", "reach", "repeats", "steps")

    def __init__(self, graph: Graph) -> None:
        self.steps = {
            step.id: CompiledStep(
                step, tuple(way for way in graph.connections if way.source == step.id)
            )
            for step in graph.steps
        }
        self.first = graph.steps[0].id
        self.repeats = any(step.repeats for step in self.steps.values())
        """Whether an expression has a macro: then a step may take long, be the payload small."""
        self.order = {step.id: n for n, step in enumerate(graph.steps)}
        self.joins: dict[str, tuple[str, ...]] = {
            step.id: tuple(
                dict.fromkeys(way.source for way in graph.connections if way.target == step.id)
            )
            for step in graph.steps
            if step.type == "join"
        }
        """Each join with the steps that lead to it."""
        self.reach = reach(graph) if self.joins else {}


class Workflow:
    """One compiled version. Immutable, and safe in many threads."""

    __slots__ = ("definition", "graph", "timeout_ms")

    def __init__(self, definition: Definition) -> None:
        """`definition` is one that `validate` found no fault in."""
        self.definition = definition
        self.graph = CompiledGraph(definition)
        self.timeout_ms = _milliseconds(definition.steps[0].timeout_seconds)
        """How long an execution may take in all: the timeout of its trigger."""


class CompiledVersions:
    """The versions that a process has compiled lately, the oldest forgotten first."""

    def __init__(self, *, most: int = 1_000) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, Workflow] = OrderedDict()

    def find(self, key: Hashable) -> Workflow | None:
        """The version under `key`, if it is still kept."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, key: Hashable, definition: Definition) -> Workflow:
        """Compiles a version and keeps it under `key`, such as its id and number."""
        made = self._kept[key] = Workflow(definition)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return made

    def get(self, key: Hashable, load: Callable[[], Definition]) -> Workflow:
        """The version under `key`, compiled from what `load` gives if it isn't kept."""
        return self.find(key) or self.keep(key, load())


def _template(step: Step) -> Template:
    """The template of a config without what is no template; of a transform only the value."""
    written = step.config.written()
    kind = type(step.config)
    if step.type == "transform":
        return Template(written["value"])
    fixed = kind.verbatim | kind.expressions
    moving = Template({key: value for key, value in written.items() if key not in fixed})
    verbatim = {key: written[key] for key in kind.verbatim if key in written and step.inner is None}
    if verbatim:
        render = moving.render
        moving.render = lambda environment: {**_object(render(environment)), **verbatim}
    return moving


def _object(value: Any) -> dict[str, Any]:
    return value


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, round(seconds * 1000))
