"""`function`: a piece of Python, in the same sandbox as jobs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from treadle.workflows.step_configs.shape import PYTHON, NonEmptyText, StepConfig


class FunctionConfig(StepConfig):
    """The code is taken to the letter: data reaches it as `input`, never as part of its text."""

    verbatim = frozenset({"code", "handler"})

    code: Annotated[NonEmptyText, Field(json_schema_extra=PYTHON)]
    """Python. What the function returns is the step's output."""
    handler: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")] = "main"
    """The function that is called with the input."""
    input: Any = None
    """Any JSON; texts in it may hold `${…}`."""
