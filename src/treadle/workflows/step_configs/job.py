"""`job`: a run of a job, waited for."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from treadle.workflows.step_configs.shape import JOB, Key, StepConfig, Text


class JobConfig(StepConfig):
    """The run's result is the step's output."""

    job_id: Annotated[Key, Field(json_schema_extra=JOB)]
    input: Any = None
    """A JSON object; texts in it may hold `${…}`."""
    macros: dict[Key, Text] = Field(default_factory=dict, max_length=100)
