"""`join`: where branches come together."""

from __future__ import annotations

from typing import Literal

from treadle.workflows.step_configs.shape import StepConfig


class JoinConfig(StepConfig):
    """`all` waits for every branch that can still come, `any` goes on with the first."""

    mode: Literal["all", "any"] = "all"
    """`all` waits for every branch that can still come, `any` goes on with the first."""
