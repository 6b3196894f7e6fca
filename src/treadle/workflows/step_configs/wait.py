"""`wait`: until some time has passed, or an instant has come."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator, model_validator

from treadle.workflows.limits import MAX_SECONDS
from treadle.workflows.step_configs.shape import Cel, Seconds, StepConfig, Text


class WaitConfig(StepConfig):
    """`seconds` is a number or a template that gives one; `until` an ISO time, or CEL."""

    expressions = frozenset({"until"})

    seconds: Seconds | Text | None = None
    """A number, or `${…}` that gives one."""
    until: Cel | None = None
    """An ISO time, or an expression that gives one; instead of the seconds."""

    @field_validator("seconds", mode="before")
    @classmethod
    def _number_or_text(cls, value: Any) -> Any:
        """One fault for a wrong value, where the union would tell of each of its members."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not isinstance(value, str | None) and not (number and 0 < value <= MAX_SECONDS):
            raise ValueError(f"must be a text, or a number above 0 and at most {MAX_SECONDS}")
        return value

    @model_validator(mode="after")
    def _one_of_the_two(self) -> WaitConfig:
        if (self.seconds is None) == (self.until is None):
            raise ValueError("exactly one of seconds and until is needed")
        return self
