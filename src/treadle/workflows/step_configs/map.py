"""`map`: the same for every item of a list."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from treadle.workflows.limits import (
    MAX_CONNECTIONS,
    MAX_MAP_CONCURRENCY,
    MAX_MAP_ITEMS,
    MAX_STEPS,
)
from treadle.workflows.step_configs.shape import WORKFLOW, Cel, Key, StepConfig


class MapConfig(StepConfig):
    """Each item is the payload of inline steps, or of an execution of another workflow."""

    expressions = frozenset({"items"})
    verbatim = frozenset({"steps", "connections"})

    items: Cel
    """Gives a list."""
    workflow_id: Annotated[Key, Field(json_schema_extra=WORKFLOW)] | None = None
    """Executed for each item, instead of steps of its own."""
    workflow_version: int | None = Field(default=None, ge=1, le=2**31 - 1)
    steps: list[Any] | None = Field(default=None, min_length=1, max_length=MAX_STEPS)
    """What is done with each item, which is `payload` and `item` there."""
    connections: list[Any] | None = Field(default=None, max_length=MAX_CONNECTIONS)
    max_concurrency: int = Field(default=10, ge=1, le=MAX_MAP_CONCURRENCY)
    tolerated_failures: int = Field(default=0, ge=0, le=MAX_MAP_ITEMS)
    """So many items may fail before the step does."""

    @model_validator(mode="after")
    def _one_of_the_two(self) -> MapConfig:
        if (self.workflow_id is None) == (self.steps is None):
            raise ValueError("exactly one of workflow_id and steps is needed")
        if self.steps is None and self.connections is not None:
            raise ValueError("connections need steps")
        return self
