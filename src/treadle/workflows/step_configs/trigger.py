"""`request` and `schedule`: what starts an execution."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from treadle.workflows.step_configs.shape import NonEmptyText, StepConfig


class RequestConfig(StepConfig):
    """A call of the API, or another workflow, starts the execution."""


class ScheduleConfig(StepConfig):
    """The workflow's own schedule starts it; the scheduling domain reads these fields."""

    verbatim = frozenset({"schedule_type", "schedule_expression", "timezone"})

    schedule_type: str = Field(default="cron", max_length=20)
    schedule_expression: NonEmptyText | None = None
    """When it is due: five fields of cron, `rate(1 hour)`, …"""
    timezone: Annotated[str, Field(min_length=1, max_length=100)] = "UTC"
