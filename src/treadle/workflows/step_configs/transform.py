"""`transform`: makes a new payload."""

from __future__ import annotations

from typing import Any, Literal

from treadle.workflows.step_configs.shape import StepConfig


class TransformConfig(StepConfig):
    """`merge` lays an object over the payload, key by key; `replace` takes the value as it is."""

    mode: Literal["replace", "merge"] = "replace"
    """`merge` lays an object over the payload, key by key; `replace` takes the value as it is."""
    value: Any
    """Any JSON; texts in it may hold `${…}`."""
