"""`${…}` in the texts of a config.

Alone it gives a value, within text its text form; `$${` is `${`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from treadle.core.json import Json
from treadle.workflows.cel_values import json_text
from treadle.workflows.expressions import Environment, Expression, ExpressionFailed
from treadle.workflows.limits import MAX_VALUE_TEXT
from treadle.workflows.reads import literal_end

Render = Callable[[Environment], Json]


class Template:
    """A JSON value with expressions in its texts, compiled."""

    __slots__ = ("expressions", "render")

    render: Render
    """The value with its expressions evaluated; parts without any are shared, not copied."""
    expressions: list[Expression]

    def __init__(self, value: Json) -> None:
        """Raises ExpressionFailed for an expression that doesn't compile; see `faults_in`."""
        self.expressions = []
        render = self._compiled(value)
        self.render = render or (lambda environment: value)

    def _compiled(self, value: Any) -> Render | None:
        """How to render a value; None for one without expressions."""
        if type(value) is str:
            return self._compiled_text(value)
        if type(value) is dict:
            return self._compiled_object(cast("dict[str, Json]", value))
        if type(value) is list:
            return self._compiled_list(cast("list[Json]", value))
        return None

    def _compiled_object(self, value: dict[str, Json]) -> Render | None:
        rendered = [(key, self._compiled(inner)) for key, inner in value.items()]
        moving = [(key, render) for key, render in rendered if render]
        if not moving:
            return None

        def render(environment: Environment) -> Json:
            result = dict(value)
            for key, inner in moving:
                result[key] = inner(environment)
            return result

        return render

    def _compiled_list(self, value: list[Json]) -> Render | None:
        rendered = [(index, self._compiled(inner)) for index, inner in enumerate(value)]
        moving = [(index, render) for index, render in rendered if render]
        if not moving:
            return None

        def render(environment: Environment) -> Json:
            result = list(value)
            for index, inner in moving:
                result[index] = inner(environment)
            return result

        return render

    def _compiled_text(self, text: str) -> Render | None:
        parts = split(text)
        if all(isinstance(part, str) for part in parts):
            plain = "".join(cast("list[str]", parts))
            return None if plain == text else (lambda environment: plain)
        compiled = [part if isinstance(part, str) else Expression(part.text) for part in parts]
        self.expressions += [part for part in compiled if isinstance(part, Expression)]
        if len(compiled) == 1 and isinstance(compiled[0], Expression):
            return compiled[0].evaluate

        def render(environment: Environment) -> Json:
            pieces = [
                part if isinstance(part, str) else text_of(part.evaluate(environment))
                for part in compiled
            ]
            if sum(map(len, pieces)) > MAX_VALUE_TEXT:
                raise ExpressionFailed(f"a text has at most {MAX_VALUE_TEXT} characters")
            return "".join(pieces)

        return render


class Hole:
    """The place of an expression in a text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def split(text: str) -> list[str | Hole]:
    """The text between the expressions, and these. Raises ExpressionFailed for an open `${`."""
    if "${" not in text:
        return [text]
    parts: list[str | Hole] = []
    plain, position = "", 0
    while True:
        mark = text.find("${", position)
        if mark < 0:
            plain += text[position:]
            break
        if mark > 0 and text[mark - 1] == "$":
            plain += text[position : mark - 1] + "${"
            position = mark + 2
            continue
        plain += text[position:mark]
        end = _end_of_hole(text, mark + 2)
        if plain:
            parts.append(plain)
        parts.append(Hole(text[mark + 2 : end]))
        plain, position = "", end + 1
    return [*parts, plain] if plain or not parts else parts


def _end_of_hole(text: str, position: int) -> int:
    """Where the closing brace of an expression stands: after those within it and its texts."""
    depth = 0
    while position < len(text):
        sign = text[position]
        if sign in "\"'":
            position = literal_end(text, position)
            continue
        if sign == "}":
            if depth == 0:
                return position
            depth -= 1
        elif sign == "{":
            depth += 1
        position += 1
    raise ExpressionFailed("an expression that begins with ${ doesn't end with }")


def text_of(value: Json) -> str:
    """The text form of a value: a text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json_text(value).decode()
