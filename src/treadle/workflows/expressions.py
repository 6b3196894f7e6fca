"""CEL expressions: compiled once for a version, evaluated under a bound.

An expression that is nothing but a path (`payload.order.lines`, `steps.get.output.body[0]`) is
looked up without the library: it gives the very value, of whatever size, and costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from treadle.core.json import Json
from treadle.workflows.cel import Program
from treadle.workflows.cel_values import ExpressionFailed, json_text
from treadle.workflows.limits import MAX_EXPRESSION_COST, MAX_ITERATIONS
from treadle.workflows.reads import Trie, cutting, pruned, reads_of

__all__ = ["Expression", "ExpressionFailed"]

Environment = Mapping[str, Any]
"""The variables by name: `input, payload, steps, item, index, execution`."""


class Expression:
    """One compiled expression; `text` is what it was made of."""

    __slots__ = ("_cuts", "_paths", "_program", "_reads", "text")

    def __init__(self, text: str) -> None:
        """Raises ExpressionFailed for a text that is no expression, or too costly at any size."""
        self.text = text
        # The library decides what compiles, so that a path is judged like everything else.
        program = Program(text)
        self._reads = reads_of(text)
        self._program = None if self._reads.only_path is not None else program
        self._paths: Trie = self._reads.paths
        self._cuts = [(root, cutting(keys)) for root, keys in self._paths.items()]
        if self._reads.growth * len(text) > MAX_EXPRESSION_COST:
            raise ExpressionFailed("the expression repeats its values too often")

    @property
    def roots(self) -> frozenset[str]:
        """The variables that it reads."""
        return frozenset(self._paths)

    @property
    def repeats(self) -> bool:
        """Whether it has a macro, which goes over what it is given, however much that is."""
        return self._reads.macros > 0

    def evaluate(self, environment: Environment) -> Json:
        """Its value. Raises ExpressionFailed with what went wrong, for the author."""
        if self._program is None:
            return self._look_up(environment)
        # Only what it names: the library copies what it is given.
        data = {root: cut(environment.get(root)) for root, cut in self._cuts}
        if self._reads.macros:
            self._refuse_costly(data, environment)
        return self._program.run(data)

    def holds(self, environment: Environment) -> bool:
        """Whether a condition is true. Raises ExpressionFailed if it is neither true nor false."""
        value = self.evaluate(environment)
        if value is True or value is False:
            return value
        raise ExpressionFailed(f"{self.text} is {_kind(value)}, not true or false")

    def _look_up(self, environment: Environment) -> Json:
        value: Any = environment.get(self._reads.root)
        for key in self._reads.only_path or ():
            if type(value) is dict:
                if key not in value:
                    raise ExpressionFailed(f"{self.text}: there is no key {key!r}")
                value = value[key]
            elif type(value) is list and type(key) is int:
                if key >= len(value):
                    raise ExpressionFailed(f"{self.text}: the list has {len(value)} values")
                value = value[key]
            else:
                raise ExpressionFailed(f"{self.text}: {_kind(value)} has no {key!r}")
        return value

    def _refuse_costly(self, data: dict[str, Any], environment: Environment) -> None:
        """Estimates the bytes that the macros can touch, before they do."""
        reads = self._reads
        size = len(json_text(data))
        repeated = size if reads.crosses else 0
        if reads.repeated and not repeated:
            repeated = len(
                json_text(
                    {root: pruned(environment.get(root), k) for root, k in reads.repeated.items()}
                )
            )
        iterations = min(MAX_ITERATIONS, size // 2)
        cost = reads.growth * (size + len(self.text) + reads.operations * iterations * repeated)
        if cost > MAX_EXPRESSION_COST:
            raise ExpressionFailed(
                "the expression would read too much: a macro repeats what it reads beside its"
                " own element"
            )


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return "a text"
        case _:
            return "a number"
