"""`terminate`: ends the execution, or, within a map, the item."""

from __future__ import annotations

from typing import Any, Literal

from treadle.workflows.step_configs.shape import StepConfig, Text


class TerminateConfig(StepConfig):
    """Without an output, the payload is the output."""

    status: Literal["succeeded", "failed"] = "succeeded"
    reason: Text | None = None
    output: Any = None
    """Empty: the payload is the output."""
