"""`workflow`: an execution of another workflow."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from treadle.workflows.step_configs.shape import WORKFLOW, Key, StepConfig


class WorkflowConfig(StepConfig):
    """Waited for, its output payload is the step's output; else the execution's id is."""

    workflow_id: Annotated[Key, Field(json_schema_extra=WORKFLOW)]
    workflow_version: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """Empty: the highest version in force."""
    payload: Any = None
    """Any JSON; texts in it may hold `${…}`."""
    wait: bool = True
    """If not, the step's output is the execution's id, at once."""
